/* The map zeta -> c backwards: from the gradient in c to those in zeta and theta.
 *
 * With a = L^-1 g, v = L^-T a, m = Lambda^-1 b and W the lower triangle of zeta a', its diagonal
 * halved, the density log p(c, theta) - log |L| has the differential a' dzeta - <G, dLambda> + v'
 * db, G = sym(L^-T W L^-1 + v m') + Lambda^-1 / 2 (reverse mode of a Cholesky factor: Murray 2016,
 * arXiv:1602.07527).  As dLambda is dOmega on the diagonal blocks of levels, and ds H, only these
 * blocks of G are needed, and <G, Lambda> = (zeta'a + n) / 2 + v'b.
 *
 * A level meets W in its own rows, R = L_j^-1, and in those of the dense part, -M K with M =
 * L_S^-1, K = F_j' R.  There 2 sym(M'WM) + M'M is one matrix T for all levels. */
#include <string.h>
#include "gauss/whiten.h"
#include "numbers/small.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)

/* out <- (W + I / 2) M, M n x n lower triangular: running sums, W being a rank-one triangle */
static void half_form(int n, const double *m, const double *zeta, const double *a, double *out) {
  for (int c = 0; c < n; c++, m += n, out += n) {
    double before = 0;
    for (int i = c; i < n; i++) {
      out[i] = zeta[i] * (before + 0.5 * a[i] * m[i]) + 0.5 * m[i];
      before += a[i] * m[i];
    }
  }
}

/* M = L_S^-1, lower triangular */
static void dense_inverse(const vb_whitening *map, const vb_whitening_factor *f) {
  int r = map->n_dense;
  memset(map->inverse, 0, sizeof(double) * r * r);
  for (int k = 0; k < r; k++) map->inverse[k * (size_t)(r + 1)] = 1;
  if (r) vb_chol_half(r, f->dense, r, r, map->inverse, r);
}

/* T = M'(X + X')M for X M = half; full */
static void dense_form(const vb_whitening *map, const double *half) {
  int r = map->n_dense;
  double *t = map->form;
  vb_gemm_tn(r, r, r, 1, map->inverse, r, half, r, 0, t, r);
  for (int b = 0; b < r; b++)
    for (int a = 0; a <= b; a++)
      t[a + (size_t)b * r] = t[b + (size_t)a * r] = t[a + (size_t)b * r] + t[b + (size_t)a * r];
}

/* R = L_j^-1 (d x d, full), K = F_j' R (d columns of width) */
static void level_columns(const vb_whitening_level *at, const vb_whitening_factor *f, double *R,
                          double *K) {
  int d = at->d, width = at->width;
  const double *edge = f->edge + at->edge;
  memset(R, 0, sizeof(double) * d * d);
  memset(K, 0, sizeof(double) * d * width);
  for (int c = 0; c < d; c++) {
    R[c + c * d] = 1;
    vb_small_half(d, f->block + at->block, R + c * d);
    for (int i = c; i < d && width; i++)
      for (int k = 0; k < width; k++)
        K[(size_t)c * width + k] += R[i + c * d] * edge[(size_t)i * width + k];
  }
}

/* out (d x d, lower) += K' T K */
static void add_form(const vb_whitening *map, const vb_whitening_level *at, const double *K,
                     double *out) {
  int d = at->d, width = at->width, co = at->n_core, p = width - co, r = map->n_dense;
  double *tk = map->local + (size_t)VB_MAX_DIM * map->widest;
  for (int e = 0; e < d && width; e++, K += width) {
    memset(tk, 0, sizeof(double) * width);
    for (int k = 0; k < width; k++) {
      int column = k < co ? at->front[k] : map->n_core + k - co;
      const double *t = map->form + (size_t)column * r, *beta = t + map->n_core;
      for (int a = 0; a < co; a++) tk[a] += K[k] * t[at->front[a]];
      for (int a = 0; a < p; a++) tk[co + a] += K[k] * beta[a];
    }
    const double *other = K;
    for (int c = e; c < d; c++, other += width) out[c + e * d] += vb_dot(width, other, tk);
  }
}

typedef struct { /* of one adjoint, n_coef each, but for those of the dense part */
  const double *zeta, *a, *v, *mean;
  const double *dense_zeta, *dense_back; /* zeta_S; L_S^-T zeta_S */
} sides;

/* u (d x d) += 2 G_jj */
static void level_block(const vb_whitening *map, const vb_whitening_factor *f,
                        const vb_whitening_level *at, const sides *s, double *u) {
  int d = at->d;
  double R[STRIDE], X[STRIDE], g[STRIDE], back[VB_MAX_DIM], across[VB_MAX_DIM];
  double *K = map->local;
  level_columns(at, f, R, K);
  half_form(d, R, s->zeta + at->coef, s->a + at->coef, X);
  for (int c = 0; c < d; c++) {
    back[c] = across[c] = 0;
    for (int i = c; i < d; i++) back[c] += R[i + c * d] * s->a[at->coef + i];
    for (int k = 0; k < at->width; k++) {
      int place = k < at->n_core ? at->front[k] : map->n_core + k - at->n_core;
      across[c] += K[(size_t)c * at->width + k] * s->dense_back[place];
    }
  }
  for (int e = 0; e < d; e++)
    for (int c = e; c < d; c++) {
      double t = 0;
      for (int i = c; i < d; i++) t += R[i + c * d] * X[i + e * d] + X[i + c * d] * R[i + e * d];
      t -= across[c] * back[e] + across[e] * back[c];
      g[c + e * d] = t + s->v[at->coef + c] * s->mean[at->coef + e] +
                     s->v[at->coef + e] * s->mean[at->coef + c];
    }
  add_form(map, at, K, g);
  for (int e = 0; e < d; e++)
    for (int c = e; c < d; c++) {
      u[c + e * d] += g[c + e * d];
      if (c > e) u[e + c * d] += g[c + e * d];
    }
}

/* the levels of the dense part's own terms */
static void core_blocks(const vb_whitening *map, const sides *s, double *u) {
  const vb_model *m = map->model;
  size_t r = map->n_dense;
  for (int k = 0; k < m->n_term && map->n_core; k++) {
    const vb_term *t = m->term + k;
    for (int l = 0; l < t->n_level && t->core >= 0; l++) {
      const double *form = map->form + (size_t)(t->core + l * t->d) * (r + 1);
      const double *v = s->v + t->first + l * t->d, *mean = s->mean + t->first + l * t->d;
      for (int e = 0; e < t->d; e++)
        for (int c = 0; c < t->d; c++)
          u[(size_t)k * STRIDE + c + e * t->d] += form[c + e * r] + v[c] * mean[e] + v[e] * mean[c];
    }
  }
}

/* <G, P + fixed>, from the blocks of 2 G that are there */
static double prior_part(const vb_whitening *map, const vb_theta *theta, const sides *s,
                         const double *u) {
  const vb_model *m = map->model;
  size_t r = map->n_dense;
  double sum = 0;
  for (int k = 0; k < m->n_term; k++)
    for (int i = 0; i < m->term[k].d * m->term[k].d; i++)
      sum += theta->omega[(size_t)k * STRIDE + i] * u[(size_t)k * STRIDE + i];
  for (int k = 0; k < m->p; k++)
    sum += map->fixed[k] * (map->form[(map->n_core + k) * (r + 1)] + 2 * s->v[k] * s->mean[k]);
  return sum / 2;
}

double vb_whitening_adjoint(const vb_whitening *map, const vb_theta *theta,
                            const vb_whitening_factor *f, const double *zeta, double *g,
                            double *u) {
  const vb_model *m = map->model;
  int r = map->n_dense, n = m->n_coef;
  double *v = map->vec[0], *dense_zeta = map->vec[1], *dense_a = map->vec[2], *back = map->vec[3];
  memset(u, 0, sizeof(double) * m->n_term * STRIDE);
  vb_whitening_half(map, f, g);
  if (!map->moves) return 0;
  memcpy(v, g, sizeof(double) * n);
  vb_whitening_half_t(map, f, v);
  for (int k = 0; k < r; k++) {
    dense_zeta[k] = back[k] = zeta[map->coef[k]];
    dense_a[k] = g[map->coef[k]];
  }
  if (r) vb_chol_half_t(r, f->dense, r, 1, back, r);
  dense_inverse(map, f);
  memset(map->half, 0, sizeof(double) * r * r);
  half_form(r, map->inverse, dense_zeta, dense_a, map->half);
  dense_form(map, map->half);
  sides s = {zeta, g, v, f->mean, dense_zeta, back};
  vb_whitening_level at;
  for (int on = vb_whitening_first(map, &at); on; on = vb_whitening_next(map, &at))
    level_block(map, f, &at, &s, u + (size_t)at.term * STRIDE);
  core_blocks(map, &s, u);
  if (!map->scaled) return 0;
  double with_b = 0, with_rows = vb_dot(n, v, map->rows);
  for (int k = 0; k < m->p; k++) with_b += v[k] * map->prior[k];
  with_b += f->s * with_rows;
  double all = (vb_dot(n, zeta, g) + n) / 2 + with_b - prior_part(map, theta, &s, u);
  return with_rows - all / f->s;
}

/* Var c = L^-T diag(v) L^-1: as above with T = M' diag(v) M */
void vb_whitening_variance(const vb_whitening *map, const vb_whitening_factor *f,
                           const double *zeta_var, double *var, double *beta_cov) {
  size_t r = map->n_dense, p = map->model->p;
  dense_inverse(map, f);
  for (size_t c = 0; c < r; c++)
    for (size_t i = 0; i < r; i++)
      map->half[i + c * r] = map->inverse[i + c * r] * zeta_var[map->coef[i]] / 2;
  dense_form(map, map->half);
  for (size_t i = 0; i < r; i++) var[map->coef[i]] = map->form[i * (r + 1)];
  for (size_t l = 0; l < p; l++)
    memcpy(beta_cov + l * p, map->form + map->n_core + (map->n_core + l) * r, sizeof(double) * p);
  vb_whitening_level at;
  for (int on = vb_whitening_first(map, &at); on; on = vb_whitening_next(map, &at)) {
    double R[STRIDE], form[STRIDE] = {0};
    level_columns(&at, f, R, map->local);
    add_form(map, &at, map->local, form);
    for (int c = 0; c < at.d; c++) {
      double own = form[c + c * at.d];
      for (int i = c; i < at.d; i++)
        own += R[i + c * at.d] * R[i + c * at.d] * zeta_var[at.coef + i];
      var[at.coef + c] = own;
    }
  }
}
