/* Adaptive Gauss-Hermite grids for residual quadrature.  Where a level's cells say little, its
 * posterior is as wide as the prior while q is not: nodes of q would not reach what they are to
 * integrate. */
#include <math.h>
#include <string.h>
#include "correct/rq.h"
#include "numbers/small.h"

void vb_grid_make(const vb_rules *rules, int d, vb_grid *g) {
  static const int rule_of[VB_RQ_DIM + 1] = {0, 3, 2, 1, 1}; /* 15; 9^2; 5^3; 5^4 nodes */
  const double *node = rules->node + rules->first[rule_of[d]];
  const double *weight = rules->weight + rules->first[rule_of[d]];
  int order = rules->order[rule_of[d]];
  g->d = d;
  g->n = 1;
  for (int k = 0; k < d; k++) g->n *= order;
  for (int q = 0; q < g->n; q++) {
    double w = 1;
    for (int k = 0, rest = q; k < d; k++, rest /= order) {
      g->z[q][k] = node[rest % order];
      w *= weight[rest % order];
    }
    g->log_w[q] = log(w);
  }
  memset(g->mean, 0, sizeof g->mean);
  memset(g->chol, 0, sizeof g->chol);
  for (int k = 0; k < d; k++) g->chol[k * (d + 1)] = 1;
}

void vb_grid_wide(int half, double reach, vb_grid *g) {
  double step = asinh(reach) / half;
  g->d = 1;
  g->n = 2 * half + 1;
  for (int q = 0; q < g->n; q++) {
    double t = step * (q - half), z = sinh(t);
    g->z[q][0] = z;
    g->log_w[q] = log(step * cosh(t)) - z * z / 2 - VB_LOG_2PI / 2;
  }
}

double vb_grid_weigh(const vb_grid *g, const double *total, double *post) {
  double top = -INFINITY, sum = 0;
  for (int q = 0; q < g->n; q++) top = fmax(top, post[q] = g->log_w[q] + total[q]);
  for (int q = 0; q < g->n; q++) sum += post[q] = exp(post[q] - top);
  for (int q = 0; q < g->n; q++) post[q] /= sum;
  return top + log(sum);
}

int vb_grid_stays(const vb_grid *g, const double *post, double most) {
  for (int a = 0; a < g->d; a++) {
    double mean = 0, square = 0;
    for (int q = 0; q < g->n; q++) {
      mean += post[q] * g->z[q][a];
      square += post[q] * g->z[q][a] * g->z[q][a];
    }
    if (!(fabs(mean) < most) || !(fabs(square - mean * mean - 1) < most)) return 0;
  }
  return 1;
}

int vb_grid_follow(const vb_grid *base, const vb_grid *at, const double *post, vb_grid *moved) {
  int d = at->d, first = at == base;
  double mean[VB_RQ_DIM] = {0}, cov[VB_RQ_DIM * VB_RQ_DIM] = {0}, far = 0;
  for (int q = 0; q < at->n; q++)
    for (int a = 0; a < d; a++) mean[a] += post[q] * at->z[q][a];
  for (int q = 0; q < at->n; q++)
    for (int a = 0; a < d; a++)
      for (int b = 0; b <= a; b++)
        cov[a + b * d] += post[q] * (at->z[q][a] - mean[a]) * (at->z[q][b] - mean[b]);
  for (int a = 0; a < d;
       a++) { /* in sds of the placement; a collapse onto one node is no shrinkage */
    double had = 0, sd;
    for (int b = 0; b <= a; b++) had += at->chol[a + b * d] * at->chol[a + b * d];
    had = sqrt(had);
    cov[a + a * d] = fmax(cov[a + a * d], 0.4 * had * had);
    sd = sqrt(cov[a + a * d]);
    far = fmax(far, fmax(fabs(mean[a] - at->mean[a]) / had, 2 * fabs(log(sd / had))));
  }
  if (!(far > (first ? 0.6 : 0.15)) || vb_small_chol(d, cov) != VB_OK) return 0;
  double log_det = 0, z[VB_RQ_DIM];
  for (int a = 0; a < d; a++) log_det += log(cov[a + a * d]);
  moved->d = d;
  moved->n = base->n;
  memcpy(moved->mean, mean, sizeof mean);
  memcpy(moved->chol, cov, sizeof cov);
  for (int q = 0; q < base->n; q++) {
    for (int a = 0; a < d; a++) {
      z[a] = mean[a];
      for (int b = 0; b <= a; b++) z[a] += cov[a + b * d] * base->z[q][b];
    }
    moved->log_w[q] =
        base->log_w[q] + log_det + (vb_dot(d, base->z[q], base->z[q]) - vb_dot(d, z, z)) / 2;
    memcpy(moved->z[q], z, sizeof z);
  }
  return 1;
}
