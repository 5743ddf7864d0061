/* The geometry of residual quadrature: each level's own predictor t = sum h_i z_i (x_i' beta + z_i'
 * u), whitened, and its covariance with the linear predictors of the level's cells.  All of it is
 * on the pattern of S. */
#include <math.h>
#include <string.h>
#include "correct/rq.h"
#include "gauss/arrow.h"

/* Cov(beta, eta_i) of cell i, of which S_bb x_i is there already */
static void beta_covariance(const vb_model *m, const vb_solution *s, int i, double *c) {
  int p = m->p, d = m->d_leaf, n_other = m->n_core_term;
  int j = m->term[m->leaf].group[i], co = m->front_start[j + 1] - m->front_start[j];
  const double *z = m->term[m->leaf].z + (size_t)i * d,
               *su = s->arrow.s_front + m->block_start[j] + (size_t)co * d;
  const int *f = m->front + m->front_start[j], *slot = m->slot + (size_t)i * n_other;
  for (int k = 0; k < p; k++)
    for (int a = 0; a < d; a++) c[k] += su[(size_t)k * d + a] * z[a];
  for (int o = 0; o < n_other; o++) {
    const vb_term *t = m->term + m->core_term[o];
    for (int a = 0; a < t->d; a++) {
      const double *ob = s->arrow.s_core_beta + (size_t)f[slot[o] + a] * p;
      double za = t->z[(size_t)i * t->d + a];
      for (int k = 0; k < p; k++) c[k] += ob[k] * za;
    }
  }
}

static int other_of(const vb_model *m, int term) { /* place of a core term in slot's columns */
  int o = 0;
  while (m->core_term[o] != term) o++;
  return o;
}

/* Cov(u, eta_i) of the term's own coefficients in cell i */
static void own_covariance(const vb_model *m, const vb_solution *s, int term, int i, double *out) {
  int p = m->p, d = m->d_leaf, n_other = m->n_core_term, j = m->term[m->leaf].group[i];
  int co = m->front_start[j + 1] - m->front_start[j], leaf = term == m->leaf;
  const int *f = m->front + m->front_start[j], *slot = m->slot + (size_t)i * n_other;
  const double *x = vb_x_row(m, i, s->binned.x), *z = m->term[m->leaf].z + (size_t)i * d;
  const double *su = s->arrow.s_front + m->block_start[j],
               *sj = s->arrow.s_leaf + (size_t)j * d * d;
  int own = leaf ? 0 : slot[other_of(m, term)];
  for (int a = 0; a < m->term[term].d; a++) {
    double t = 0;
    for (int k = 0; k < p; k++)
      t += x[k] *
           (leaf ? su[(size_t)(co + k) * d + a] : s->arrow.s_core_beta[k + (size_t)f[own + a] * p]);
    for (int b = 0; b < d; b++) t += z[b] * (leaf ? sj[a + b * d] : su[(size_t)(own + a) * d + b]);
    for (int r = 0; r < n_other; r++) {
      const vb_term *tr = m->term + m->core_term[r];
      for (int b = 0; b < tr->d; b++)
        t += tr->z[(size_t)i * tr->d + b] * (leaf ? su[(size_t)(slot[r] + b) * d + a]
                                                  : vb_inverse_pair(m, s, j, own + a, slot[r] + b));
    }
    out[a] = t;
  }
}

/* Cov(beta, eta_i) for every cell */
void vb_rq_beta_covariance(const vb_model *m, const vb_solution *s, double *out) {
  int p = m->p;
  if (!p) return;
  vb_beta_loads(m, s, out);
  for (int i = 0; i < m->n; i++) beta_covariance(m, s, i, out + (size_t)i * p);
}

void vb_beta_covariance(const vb_model *m, const vb_inner *in, double *out) {
  if (m->n_term)
    vb_rq_beta_covariance(m, &in->sol, out);
  else
    vb_beta_loads(m, &in->sol, out);
}

/* Cells lie in the order of the leaf's levels, so what S has of one is read once, whichever term
 * wants it. */
void vb_rq_own_covariance(const vb_model *m, const vb_solution *s, double *out) {
  for (int i = 0; i < m->n; i++)
    for (int k = 0; k < m->n_term; out += m->term[k++].d) own_covariance(m, s, k, i, out);
}

/* S of a level's own block, and S between beta and it (p x d) */
static void level_blocks(const vb_model *m, const vb_solution *s, int term, int l, double *own,
                         double *cross) {
  const vb_term *t = m->term + term;
  int d = t->d, p = m->p;
  if (t->core < 0) {
    int co = m->front_start[l + 1] - m->front_start[l];
    const double *su = s->arrow.s_front + m->block_start[l] + (size_t)co * d;
    memcpy(own, s->arrow.s_leaf + (size_t)l * d * d, sizeof(double) * d * d);
    for (int k = 0; k < p; k++)
      for (int a = 0; a < d; a++) cross[k + (size_t)a * p] = su[(size_t)k * d + a];
    return;
  }
  int o = t->core + l * d;
  for (int b = 0; b < d; b++) {
    for (int a = b; a < d; a++)
      own[a + b * d] = own[b + a * d] = s->arrow.core.inv[vb_diag_position(m, o, a, b)];
    for (int k = 0; k < p; k++)
      cross[k + (size_t)b * p] = s->arrow.s_core_beta[k + (size_t)(o + b) * p];
  }
}

typedef struct {                     /* t = sum h_i z_i (x_i' beta + z_i' u) of one level */
  double *cross, *x, *beta;          /* p x d: Cov(beta, u), sum h x z'; p: scratch */
  double own[VB_RQ_DIM * VB_RQ_DIM]; /* Cov(u) */
  double z[VB_RQ_DIM * VB_RQ_DIM];   /* sum h z z' */
  double u[VB_RQ_DIM * VB_RQ_DIM];   /* Cov(t, u) */
  double cov[VB_RQ_DIM * VB_RQ_DIM];
} predictor;

/* Cov(t, u) = X' S_bu + Z S_uu and Cov(t) = Cov(t, beta) X + Cov(t, u) Z', X = sum h z x', Z = sum
 * h z z' */
static void predictor_covariance(const vb_model *m, const vb_inner *in, const vb_term *t,
                                 const vb_level *v, predictor *t_level) {
  int d = t->d, p = m->p;
  const double *own = t_level->own, *cross = t_level->cross;
  double *xt = t_level->x, *tb = t_level->beta, *zt = t_level->z, *tu = t_level->u,
         *cov = t_level->cov;
  memset(xt, 0, sizeof(double) * p * d);
  memset(zt, 0, sizeof(double) * d * d);
  for (int r = 0; r < v->n; r++) {
    int i = v->row[r];
    const double *z = t->z + (size_t)i * d, *x = vb_x_row(m, i, in->sol.binned.x);
    for (int a = 0; a < d; a++) {
      double hz = in->rows.h[i] * z[a];
      for (int k = 0; k < p; k++) xt[k + (size_t)a * p] += hz * x[k];
      for (int b = 0; b < d; b++) zt[a + b * d] += hz * z[b];
    }
  }
  for (int a = 0; a < d; a++)
    for (int b = 0; b < d; b++) {
      double s = 0;
      for (int k = 0; k < p; k++) s += xt[k + (size_t)a * p] * cross[k + (size_t)b * p];
      for (int c = 0; c < d; c++) s += zt[a + c * d] * own[c + b * d];
      tu[a + b * d] = s;
    }
  for (int b = 0; b < d; b++) {
    for (int k = 0; k < p; k++) { /* Cov(beta_k, t_b) */
      double s = 0;
      for (int l = 0; l < p; l++) s += in->sol.s_beta[k + (size_t)l * p] * xt[l + (size_t)b * p];
      for (int c = 0; c < d; c++) s += cross[k + (size_t)c * p] * zt[b + c * d];
      tb[k] = s;
    }
    for (int a = 0; a < d; a++) {
      double s = 0;
      for (int k = 0; k < p; k++) s += xt[k + (size_t)a * p] * tb[k];
      for (int c = 0; c < d; c++) s += zt[a + c * d] * tu[b + c * d];
      cov[a + b * d] = s;
    }
  }
}

/* white: rows are eigenvectors of Cov(t) over the root of their values; load = white Cov(t, u) */
static void whiten(int d, double *cov, const double *tu, vb_level *v) {
  double value[VB_RQ_DIM];
  vb_eigen(d, cov, d, value);
  for (int a = 0; a < d; a++) {
    double scale = value[a] > 1e-9 * value[d - 1] ? 1 / sqrt(value[a]) : 0;
    for (int b = 0; b < d; b++) v->white[a + b * d] = scale * cov[b + a * d];
  }
  for (int a = 0; a < d; a++)
    for (int b = 0; b < d; b++) {
      double s = 0;
      for (int c = 0; c < d; c++) s += v->white[a + c * d] * tu[c + b * d];
      v->load[a + b * d] = s;
    }
}

void vb_rq_direction(const vb_model *m, const vb_inner *in, int term, int l, vb_rq *rq,
                     vb_level *v) {
  const vb_term *t = m->term + term;
  int d = t->d, p = m->p, wide = 0, first = 0;
  for (int k = 0; k < m->n_term; k++) {
    if (k == term) first = wide;
    wide += m->term[k].d;
  }
  predictor q = {
      .cross = rq->level, .x = rq->level + (size_t)p * d, .beta = rq->level + 2 * (size_t)p * d};
  level_blocks(m, &in->sol, term, l, q.own, q.cross);
  predictor_covariance(m, in, t, v, &q);
  whiten(d, q.cov, q.u, v);
  for (int r = 0; r < v->n; r++) {
    int i = v->row[r];
    const double *ou = rq->cov_own + (size_t)i * wide + first;
    double te[VB_RQ_DIM], na = 0;
    for (int a = 0; a < d; a++) {
      te[a] = 0;
      for (int k = 0; k < p; k++) te[a] += q.x[k + (size_t)a * p] * rq->cov_beta[(size_t)i * p + k];
      for (int c = 0; c < d; c++) te[a] += q.z[a + c * d] * ou[c];
    }
    for (int a = 0; a < d; a++) {
      double s = 0;
      for (int c = 0; c < d; c++) s += v->white[a + c * d] * te[c];
      v->a[(size_t)r * d + a] = s;
      na += s * s;
    }
    v->na[r] = na;
    v->rest[r] = fmax(in->rows.v[i] - na, 0);
  }
}
