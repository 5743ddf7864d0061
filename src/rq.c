/* Residual quadrature: what the Gaussian q(c | theta) leaves of log p(y | theta) (engine.md section 5).
 * At the optimum the remainder r_i = log f_i - g_i (eta - m) + h_i (eta - m)^2 / 2 has no first or second
 * Hermite coefficient, and log p = L + log E exp sum (r_i - E r_i).  The expectation is taken site by site and
 * level by level along each level's own predictor t = sum h_i z_i (x_i' beta + z_i' u), whitened:
 *   c = sum_i c_i + sum_levels (c_level - sum_{i in level} c_{i | level}). */
#include <math.h>
#include <string.h>
#include "engine.h"

#define MAX_D 4                              /* dimensions of a level's quadrature; beyond: no level terms */
#define MAX_GRID 625
typedef struct { int d, n; double z[MAX_GRID][MAX_D], w[MAX_GRID]; } grid;

void vb_rq_alloc(const vb_model *m, vb_rq *rq) {
  int d_max = 1, cap = 1;
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    if (t->d > d_max) d_max = t->d;
    for (int l = 0; l < t->n_level; l++)
      if (t->row_start[l + 1] - t->row_start[l] > cap) cap = t->row_start[l + 1] - t->row_start[l];
  }
  rq->cap_level = cap;
  rq->cov_beta = m->host->alloc((size_t)m->n * m->p + 1, sizeof(double));
  rq->direction = m->host->alloc((size_t)cap * d_max, sizeof(double));
  rq->cell = m->host->alloc((size_t)cap * 10, sizeof(double));
  rq->level = m->host->alloc((size_t)m->p * (2 * d_max + 1) + 1, sizeof(double));
  rq->shift = m->host->alloc(m->n_coef + 1, sizeof(double));
  rq->skew = m->host->alloc(m->n_coef + 1, sizeof(double));
}

static void make_grid(const vb_rules *rules, int d, grid *g) {
  static const int rule_of[MAX_D + 1] = {0, 3, 2, 1, 1};   /* 15; 9^2; 5^3; 5^4 nodes */
  const double *node = rules->node + rules->first[rule_of[d]], *weight = rules->weight + rules->first[rule_of[d]];
  int order = rules->order[rule_of[d]];
  g->d = d;
  g->n = 1;
  for (int k = 0; k < d; k++) g->n *= order;
  for (int q = 0; q < g->n; q++) {
    g->w[q] = 1;
    for (int k = 0, rest = q; k < d; k++, rest /= order) {
      g->z[q][k] = node[rest % order];
      g->w[q] *= weight[rest % order];
    }
  }
}

/* Cov(beta, eta_i) for every cell */
static void beta_covariance(const vb_model *m, const vb_solution *s, double *out) {
  int p = m->p, q = m->q, d = m->d_leaf, n_other = m->n_term - 1;
  if (!p) return;
  vb_gemm_nn(p, m->n, p, 1, s->s_beta, p, m->x, p, 0, out, p);
  for (int i = 0; i < m->n; i++) {
    double *c = out + (size_t)i * p;
    int j = m->term[m->leaf].group[i], co = m->front_start[j + 1] - m->front_start[j];
    const double *z = m->term[m->leaf].z + (size_t)i * d, *su = s->s_front + m->block_start[j] + (size_t)co * d;
    const int *f = m->front + m->front_start[j], *slot = m->slot + (size_t)i * n_other;
    for (int k = 0; k < p; k++)
      for (int a = 0; a < d; a++) c[k] += su[(size_t)k * d + a] * z[a];
    for (int o = 0; o < n_other; o++) {
      const vb_term *t = m->term + m->core_term[o];
      for (int a = 0; a < t->d; a++)
        for (int k = 0; k < p; k++)
          c[k] += s->s_core_beta[f[slot[o] + a] + (size_t)k * q] * t->z[(size_t)i * t->d + a];
    }
  }
}

static int other_of(const vb_model *m, int term) {  /* place of a core term in slot's columns */
  int o = 0;
  while (m->core_term[o] != term) o++;
  return o;
}

/* Cov(u, eta_i) of the term's own coefficients in cell i */
static void own_covariance(const vb_model *m, const vb_solution *s, int term, int i, double *out) {
  int p = m->p, q = m->q, d = m->d_leaf, n_other = m->n_term - 1, j = m->term[m->leaf].group[i];
  int co = m->front_start[j + 1] - m->front_start[j], leaf = term == m->leaf;
  const int *f = m->front + m->front_start[j], *slot = m->slot + (size_t)i * n_other;
  const double *x = m->x + (size_t)i * p, *z = m->term[m->leaf].z + (size_t)i * d;
  const double *su = s->s_front + m->block_start[j], *sj = s->s_leaf + (size_t)j * d * d;
  int own = leaf ? 0 : slot[other_of(m, term)];
  for (int a = 0; a < m->term[term].d; a++) {
    double t = 0;
    for (int k = 0; k < p; k++)
      t += x[k] * (leaf ? su[(size_t)(co + k) * d + a] : s->s_core_beta[f[own + a] + (size_t)k * q]);
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

/* S of a level's own block, and S between beta and it (p x d) */
static void level_blocks(const vb_model *m, const vb_solution *s, int term, int l, double *own, double *cross) {
  const vb_term *t = m->term + term;
  int d = t->d, p = m->p;
  if (t->core < 0) {
    int co = m->front_start[l + 1] - m->front_start[l];
    const double *su = s->s_front + m->block_start[l] + (size_t)co * d;
    memcpy(own, s->s_leaf + (size_t)l * d * d, sizeof(double) * d * d);
    for (int k = 0; k < p; k++)
      for (int a = 0; a < d; a++) cross[k + (size_t)a * p] = su[(size_t)k * d + a];
    return;
  }
  int o = t->core + l * d;
  for (int b = 0; b < d; b++) {
    for (int a = b; a < d; a++) own[a + b * d] = own[b + a * d] = s->core.inv[vb_diag_position(m, o, a, b)];
    for (int k = 0; k < p; k++) cross[k + (size_t)b * p] = s->s_core_beta[o + b + (size_t)k * m->q];
  }
}

typedef struct {                             /* one level's quadrature problem */
  int n, d;
  const int *row;
  double white[MAX_D * MAX_D];               /* z = white t */
  double load[MAX_D * MAX_D];                /* Cov(z, u): d x d */
  double *a, *rest, *m, *y, *w, *eta, *ll, *e, *na;
} level;

/* direction of the level's own predictor: whitening of Cov(t), its covariance with u and with every eta_i */
static void level_direction(const vb_model *m, const vb_inner *in, int term, int l, vb_rq *rq, level *v) {
  const vb_term *t = m->term + term;
  int d = t->d, p = m->p;
  double zt[MAX_D * MAX_D] = {0}, own[MAX_D * MAX_D], cov[MAX_D * MAX_D];
  double *cross = rq->level, *xt = cross + (size_t)p * d, *tb = xt + (size_t)p * d;
  memset(xt, 0, sizeof(double) * p * d);
  level_blocks(m, &in->sol, term, l, own, cross);
  for (int r = 0; r < v->n; r++) {
    int i = v->row[r];
    const double *z = t->z + (size_t)i * d, *x = m->x + (size_t)i * p;
    for (int a = 0; a < d; a++) {
      double hz = in->h[i] * z[a];
      for (int k = 0; k < p; k++) xt[k + (size_t)a * p] += hz * x[k];
      for (int b = 0; b < d; b++) zt[a + b * d] += hz * z[b];
    }
  }
  /* Cov(t, u) = X' S_bu + Z S_uu; Cov(t) = Cov(t, beta) X + Cov(t, u) Z' */
  double tu[MAX_D * MAX_D];
  for (int a = 0; a < d; a++)
    for (int b = 0; b < d; b++) {
      double s = 0;
      for (int k = 0; k < p; k++) s += xt[k + (size_t)a * p] * cross[k + (size_t)b * p];
      for (int c = 0; c < d; c++) s += zt[a + c * d] * own[c + b * d];
      tu[a + b * d] = s;
    }
  for (int b = 0; b < d; b++) {
    for (int k = 0; k < p; k++) {
      double s = 0;
      for (int q = 0; q < p; q++) s += in->sol.s_beta[k + (size_t)q * p] * xt[q + (size_t)b * p];
      for (int c = 0; c < d; c++) s += cross[k + (size_t)c * p] * zt[b + c * d];
      tb[k] = s;                             /* Cov(beta_k, t_b) */
    }
    for (int a = 0; a < d; a++) {
      double s = 0;
      for (int k = 0; k < p; k++) s += xt[k + (size_t)a * p] * tb[k];
      for (int c = 0; c < d; c++) s += zt[a + c * d] * tu[b + c * d];
      cov[a + b * d] = s;
    }
  }
  double value[MAX_D];
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
  for (int r = 0; r < v->n; r++) {
    int i = v->row[r];
    double ou[MAX_D], te[MAX_D];
    own_covariance(m, &in->sol, term, i, ou);
    for (int a = 0; a < d; a++) {
      te[a] = 0;
      for (int k = 0; k < p; k++) te[a] += xt[k + (size_t)a * p] * rq->cov_beta[(size_t)i * p + k];
      for (int c = 0; c < d; c++) te[a] += zt[a + c * d] * ou[c];
    }
    double na = 0;
    for (int a = 0; a < d; a++) {
      double s = 0;
      for (int c = 0; c < d; c++) s += v->white[a + c * d] * te[c];
      v->a[(size_t)r * d + a] = s;
      na += s * s;
    }
    v->na[r] = na;
    v->rest[r] = fmax(in->v[i] - na, 0);
  }
}

/* E log f(eta) given the level's z in all its cells: into v->e */
static void conditional_expectation(const vb_model *m, const double *par, const level *v, const double *shift) {
  int n = v->n;
  if (m->family->expect) {
    for (int r = 0; r < n; r++) v->eta[r] = v->m[r] + shift[r];
    m->family->expect(n, v->y, v->w, v->eta, v->rest, par, v->e, NULL, NULL);
    return;
  }
  double widest = 0;
  for (int r = 0; r < n; r++) widest = fmax(widest, v->rest[r]);
  int k = vb_rule_index(widest);
  const double *node = m->rules->node + m->rules->first[k], *weight = m->rules->weight + m->rules->first[k];
  memset(v->e, 0, sizeof(double) * n);
  for (int q = 0; q < m->rules->order[k]; q++) {
    for (int r = 0; r < n; r++) v->eta[r] = v->m[r] + shift[r] + sqrt(v->rest[r]) * node[q];
    m->family->log_lik(n, v->y, v->w, v->eta, par, v->ll, NULL, NULL);
    for (int r = 0; r < n; r++) v->e[r] += weight[q] * v->ll[r];
  }
}

/* moments of the level's u under the quadrature's posterior weights */
static void level_moments(const vb_term *t, int l, const level *v, const grid *g, const double *post, vb_rq *rq,
                          double *var) {
  int d = t->d;
  for (int a = 0; a < d; a++) {
    double m1 = 0, m2 = 0, m3 = 0, load2 = 0;
    int at = t->first + l * d + a;
    for (int b = 0; b < d; b++) load2 += v->load[b + a * d] * v->load[b + a * d];
    for (int pass = 0; pass < 2; pass++)
      for (int q = 0; q < g->n; q++) {
        double u = 0;
        for (int b = 0; b < d; b++) u += v->load[b + a * d] * g->z[q][b];
        if (!pass) {
          m1 += post[q] * u;
        } else {
          m2 += post[q] * (u - m1) * (u - m1);
          m3 += post[q] * (u - m1) * (u - m1) * (u - m1);
        }
      }
    rq->shift[at] = m1;
    var[at] = fmax(var[at] - load2, 0) + m2;
    rq->skew[at] = m3 / pow(var[at], 1.5);
  }
}

static double level_term(const vb_model *m, const double *par, const vb_inner *in, int term, int l, const grid *g,
                         vb_rq *rq, double *var, double *max_level) {
  const vb_term *t = m->term + term;
  int n = t->row_start[l + 1] - t->row_start[l], d = t->d;
  if (!n) return 0;
  double *c = rq->cell;
  size_t cap = rq->cap_level;
  level v = {.n = n, .d = d, .row = t->row + t->row_start[l], .a = rq->direction, .rest = c, .m = c + cap,
             .y = c + 2 * cap, .w = c + 3 * cap, .eta = c + 4 * cap, .ll = c + 5 * cap, .e = c + 6 * cap,
             .na = c + 7 * cap};
  double *shift = c + 8 * cap, *single = c + 9 * cap, total[MAX_GRID], post[MAX_GRID], sum = 0, out;
  level_direction(m, in, term, l, rq, &v);
  for (int r = 0; r < n; r++) {
    v.m[r] = in->eta[v.row[r]];
    v.y[r] = m->y[v.row[r]];
    v.w[r] = m->w[v.row[r]];
    single[r] = 0;
  }
  for (int q = 0; q < g->n; q++) {
    for (int r = 0; r < n; r++) {
      shift[r] = 0;
      for (int a = 0; a < d; a++) shift[r] += v.a[(size_t)r * d + a] * g->z[q][a];
    }
    conditional_expectation(m, par, &v, shift);
    total[q] = 0;
    for (int r = 0; r < n; r++) {
      int i = v.row[r];
      double rbar = v.e[r] - in->ll[i] - in->g[i] * shift[r] + in->h[i] * (shift[r] * shift[r] - v.na[r]) / 2;
      total[q] += rbar;
      single[r] += g->w[q] * exp(rbar);
    }
  }
  for (int q = 0; q < g->n; q++) sum += post[q] = g->w[q] * exp(total[q]);
  for (int q = 0; q < g->n; q++) post[q] /= sum;
  out = log(sum);
  *max_level = fmax(*max_level, fabs(out));
  if (var) level_moments(t, l, &v, g, post, rq, var);
  for (int r = 0; r < n; r++) out -= log(fmax(single[r], 1e-8));
  return out;
}

/* sum over sites of log E exp(r_i - E r_i), each alone under its own N(m_i, v_i) */
static double site_terms(const vb_model *m, const double *par, const vb_inner *in) {
  const double *node = m->rules->node + m->rules->first[3], *weight = m->rules->weight + m->rules->first[3];
  double total = 0, eta[256], ll[256], sum[256];
  for (int from = 0; from < m->n; from += 256) {
    int n = m->n - from < 256 ? m->n - from : 256;
    memset(sum, 0, sizeof sum);
    for (int q = 0; q < m->rules->order[3]; q++) {
      for (int i = 0; i < n; i++) eta[i] = in->eta[from + i] + sqrt(fmax(in->v[from + i], 0)) * node[q];
      m->family->log_lik(n, m->y + from, m->w + from, eta, par, ll, NULL, NULL);
      for (int i = 0; i < n; i++) {
        double s = eta[i] - in->eta[from + i], v = in->v[from + i];
        sum[i] += weight[q] * exp(ll[i] - in->ll[from + i] - in->g[from + i] * s + in->h[from + i] * (s * s - v) / 2);
      }
    }
    for (int i = 0; i < n; i++) total += log(fmax(sum[i], 1e-8));
  }
  return total;
}

double vb_rq_correct(const vb_model *m, const double *par, const vb_inner *in, vb_rq *rq, double *var,
                     double *max_level) {
  grid g;
  double total = site_terms(m, par, in);
  *max_level = 0;
  memset(rq->shift, 0, sizeof(double) * m->n_coef);
  memset(rq->skew, 0, sizeof(double) * m->n_coef);
  beta_covariance(m, &in->sol, rq->cov_beta);
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    if (t->d > MAX_D) continue;
    make_grid(m->rules, t->d, &g);
    for (int l = 0; l < t->n_level; l++) total += level_term(m, par, in, k, l, &g, rq, var, max_level);
  }
  return total;
}
