#include "numbers/krige.h"
#include <string.h>
#include "numbers/small.h"

#define NUGGET 1e-6
#define SHRINKS 0.3 /* no precision falls below so much of the nearest place's */
enum { NEAR = VB_KRIGE_NEAR };

void vb_krige_add(vb_krige *k, const double *z, double d, const void *what) {
  if (k->n == NEAR && d >= k->distance[NEAR - 1]) return;
  int i = k->n < NEAR ? k->n++ : NEAR - 1;
  for (; i > 0 && k->distance[i - 1] > d; i--) {
    k->distance[i] = k->distance[i - 1];
    k->what[i] = k->what[i - 1];
    memcpy(k->z[i], k->z[i - 1], sizeof k->z[i]);
  }
  k->distance[i] = d;
  k->what[i] = what;
  memcpy(k->z[i], z, sizeof(double) * k->K);
}

/* C w + mu 1 = c, 1'w = 1 */
vb_status vb_krige_weigh(vb_krige *k) {
  int n = k->n;
  double c[NEAR * NEAR], rhs[2 * NEAR], *one = rhs + NEAR, scale = 2 * k->length * k->length;
  for (int i = 0; i < n; i++) {
    for (int j = i; j < n; j++)
      c[j + i * n] = exp(-vb_squared_distance(k->K, k->z[i], k->z[j]) / scale) + (i == j) * NUGGET;
    rhs[i] = exp(-k->distance[i] / scale);
    one[i] = 1;
  }
  vb_status st = vb_chol(n, c, n);
  if (st != VB_OK) return st;
  vb_chol_solve(n, c, n, 2, rhs, NEAR);
  double sum = 0, of_one = 0;
  for (int i = 0; i < n; i++) {
    sum += rhs[i];
    of_one += one[i];
  }
  for (int i = 0; i < n; i++) k->weight[i] = rhs[i] + one[i] * (1 - sum) / of_one;
  return VB_OK;
}

void vb_krige_average(const vb_krige *k, int n, const double *const *of, double *out) {
  memset(out, 0, sizeof(double) * n);
  for (int s = 0; s < k->n; s++)
    for (int i = 0; i < n; i++) out[i] += k->weight[s] * of[s][i];
}

void vb_krige_precisions(const vb_krige *k, int n, const double *const *of, double *out) {
  vb_krige_average(k, n, of, out);
  for (int i = 0; i < n; i++) out[i] = fmax(out[i], of[0][i] > 0 ? SHRINKS * of[0][i] : of[0][i]);
}
