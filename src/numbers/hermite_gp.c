/* Interpolation of scattered values with gradients by a Gaussian process (Solak et al. 2003): the
 * kernel is prod_k (1 + share e_k) / (1 + share), e_k = exp(-d_k^2 / 2 l^2), or prod_k e_k; which,
 * and l, by the marginal likelihood. */
#include <math.h>
#include <string.h>
#include "numbers/integrate.h"
#include "numbers/small.h"

#define SHARE 0.3
#define NUGGET 1e-5

static const double lengths[] = {1, 1.5, 2, 3};
#define N_LENGTH 4

void vb_gp_make(const vb_host *host, int K, int cap, vb_gp *g) {
  size_t all = (size_t)cap * (K + 1);
  *g = (vb_gp){.K = K};
  g->x = host->alloc((size_t)K * cap, sizeof(double));
  g->coef = host->alloc(all, sizeof(double));
  g->matrix = host->alloc(all * all + all, sizeof(double));
}

/* k(a, b) and its derivatives by d = a - b over itself: first[k] = -d log k / d d_k,
 * second[k] = that of d^2 / da_k db_k */
static double kernel(const vb_gp *g, const double *a, const double *b, double *first,
                     double *second) {
  double out = 1, l2 = g->length * g->length;
  for (int k = 0; k < g->K; k++) {
    double d = a[k] - b[k], e = exp(-d * d / (2 * l2)), r = 1;
    if (g->product) {
      r = SHARE * e / (1 + SHARE * e);
      e = (1 + SHARE * e) / (1 + SHARE);
    }
    out *= e;
    first[k] = d * r / l2;
    second[k] = r * (1 / l2 - d * d / (l2 * l2));
  }
  return out;
}

static void build(vb_gp *g, double *A) {
  int K = g->K, n = g->n, m = K + 1, all = n * m;
  double first[VB_MAX_AXIS], second[VB_MAX_AXIS];
  for (int j = 0; j < n; j++)
    for (int i = j; i < n; i++) {
      double k = kernel(g, g->x + (size_t)i * K, g->x + (size_t)j * K, first, second);
      double *to = A + (size_t)i * m + (size_t)j * m * all;
      to[0] = k;
      for (int a = 0; a < K; a++) {
        to[1 + a] = -k * first[a];                /* by x_i */
        to[(size_t)(1 + a) * all] = k * first[a]; /* by x_j */
        for (int b = 0; b < K; b++)
          to[1 + a + (size_t)(1 + b) * all] = k * (a == b ? second[a] : -first[a] * first[b]);
      }
    }
  for (int i = 0; i < all; i++) A[i * (size_t)(all + 1)] += NUGGET;
}

vb_status vb_gp_fit(vb_gp *g, const double *y) {
  int all = g->n * (g->K + 1), chosen_product = 0;
  double best = -INFINITY, chosen_length = 0;
  double *A = g->matrix, *c = g->matrix + (size_t)all * all;
  for (int product = 0; product < 2; product++)
    for (int i = 0; i < N_LENGTH; i++) {
      g->product = product;
      g->length = lengths[i];
      build(g, A);
      if (vb_chol(all, A, all) != VB_OK) continue;
      memcpy(c, y, sizeof(double) * all);
      vb_chol_solve(all, A, all, 1, c, all);
      double fit = vb_dot(all, c, y) / all; /* the variance is profiled out */
      double lik = -(all * log(fmax(fit, 1e-300)) + vb_chol_log_det(all, A, all)) / 2;
      if (!(lik > best)) continue;
      best = lik;
      chosen_product = product;
      chosen_length = lengths[i];
      memcpy(g->coef, c, sizeof(double) * all);
    }
  g->product = chosen_product;
  g->length = chosen_length;
  return best > -INFINITY ? VB_OK : VB_NOT_POS_DEF;
}

double vb_gp_at(const vb_gp *g, const double *x) {
  double first[VB_MAX_AXIS], second[VB_MAX_AXIS], out = 0;
  for (int i = 0; i < g->n; i++) {
    const double *c = g->coef + (size_t)i * (g->K + 1);
    double k = kernel(g, x, g->x + (size_t)i * g->K, first, second);
    out += k * (c[0] + vb_dot(g->K, c + 1, first));
  }
  return out;
}
