/* Ridge regression; what a group of equations leaves when it is left out follows from the fit to
 * all of them, e_left = (I - X A^-1 X')^-1 e with X its rows (Cook & Weisberg 1982). */
#include <math.h>
#include <string.h>
#include "numbers/ridge.h"
#include "numbers/small.h"

#define LEAST 1e-8 /* penalty of the first too */

typedef struct {
  double *gram, *product;   /* X'X and X'y of all equations */
  double *a, *b;            /* with the penalty: its factor, coefficients */
  double *half, *hat, *off; /* of a group: L^-1 X', I - X A^-1 X', what is left */
} work;

void vb_ridge_alloc(const vb_host *host, int M, int n, int P, vb_ridge *r) {
  *r = (vb_ridge){M, n, P, host->alloc((size_t)P * n * M + 1, sizeof(double)),
                  host->alloc((size_t)n * M + 1, sizeof(double))};
}

static double left_out(const vb_ridge *r, const work *w, int group) {
  int n = r->n, P = r->P;
  const double *x = r->row + (size_t)group * n * P, *y = r->y + (size_t)group * n;
  memcpy(w->half, x, sizeof(double) * n * P);
  vb_chol_half(P, w->a, P, n, w->half, P);
  for (int i = 0; i < n; i++) {
    w->off[i] = y[i] - vb_dot(P, x + (size_t)i * P, w->b);
    for (int j = 0; j < n; j++)
      w->hat[i + j * n] = (i == j) - vb_dot(P, w->half + (size_t)i * P, w->half + (size_t)j * P);
  }
  if (vb_chol(n, w->hat, n) != VB_OK) return INFINITY;
  vb_chol_solve(n, w->hat, n, 1, w->off, n);
  return vb_dot(n, w->off, w->off);
}

static double penalised(const vb_ridge *r, const work *w, double penalty) {
  int P = r->P;
  double sum = 0;
  memcpy(w->a, w->gram, sizeof(double) * P * P);
  memcpy(w->b, w->product, sizeof(double) * P);
  for (int i = 0; i < P; i++) w->a[i * (size_t)(P + 1)] += (i ? penalty : 0) + LEAST;
  if (vb_chol(P, w->a, P) != VB_OK) return INFINITY;
  vb_chol_solve(P, w->a, P, 1, w->b, P);
  for (int g = 0; g < r->M; g++) sum += left_out(r, w, g);
  return sum;
}

double vb_ridge_fit(const vb_host *host, const vb_ridge *r, double first, double step, int count,
                    double *b) {
  int n = r->n, P = r->P, all = n * r->M;
  size_t square = (size_t)P * P;
  double best = INFINITY;
  double *room =
      host->alloc(2 * square + (size_t)(2 + n) * P + (size_t)n * (n + 1), sizeof(double));
  work w = {room, room + square, NULL, NULL, NULL, NULL, NULL};
  w.a = w.product + P;
  w.b = w.a + square;
  w.half = w.b + P;
  w.hat = w.half + (size_t)n * P;
  w.off = w.hat + (size_t)n * n;
  vb_weighted_gram(all, P, r->row, P, NULL, 0, w.gram, P);
  for (int e = 0; e < all; e++)
    for (int i = 0; i < P; i++) w.product[i] += r->row[i + (size_t)e * P] * r->y[e];
  for (int k = 0; k < count; k++) {
    double left = penalised(r, &w, pow(10, first + k * step));
    if (!(left < best)) continue;
    best = left;
    memcpy(b, w.b, sizeof(double) * P);
  }
  return best;
}
