/* The reference: what q(c | theta) at one theta says of all others.
 *
 * Each level j of a random term is given a likelihood, N(u_j; P_j^-1 b_j, P_j^-1) up to a constant:
 * the posterior of the level without its prior (its cavity).  Under those the term's covariance
 * Sigma = L L' has a likelihood in closed form, with N_j = I + L' P_j L,
 *   sum_j -1/2 log |N_j| + 1/2 b_j' L N_j^-1 L' b_j,
 * which is exact with one grouping factor and has the right plateaus with several: a correlation
 * matters less and less as its sd goes to zero, as no expansion of low order has it.  Where the
 * term's columns are fixed effects too, these are held while cavities are taken and integrated out
 * afterwards.
 *
 * Thresholds that move by delta move the cavities, b_j + P_j delta.  Of that, what it has to do
 * with Sigma is -delta D - 1/2 delta^2 C for one term, C and D the sums of the fixed part; the
 * variances 1 / C of several add up.  What is left of log p(y | theta) is smooth and is
 * interpolated (surface.c). */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "theta/reference.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)
#define MOST_LEVELS 32   /* of a covariance matrix */
#define MOST_SINGLES 256 /* of one sd */
#define TABLE 401        /* log sd^2 in steps of 0.1 */
#define TABLE_STEP 0.1
#define FOLLOWED 4.5 /* scales of log sigma */

static int all_ones(const vb_model *m, const vb_term *t, int a) {
  int ones = 1;
  for (int i = 0; i < m->n && ones; i++) ones = t->z[(size_t)i * t->d + a] == 1;
  return ones;
}

/* the column of x that a term's column z[a] is but for a shift, which the intercepts take up; -1:
 * none */
static int fixed_column(const vb_model *m, const vb_term *t, int a, double *shift) {
  *shift = 0;
  if (m->intercept >= 0 && all_ones(m, t, a)) return m->intercept;
  for (int k = 0; k < m->run->n; k++) { /* those of fields are no candidates */
    *shift = t->z[a] - m->x[k];
    int same = k != m->intercept;
    for (int i = 0; i < m->n && same; i++) {
      double z = t->z[(size_t)i * t->d + a], x = m->x[(size_t)i * m->n_dense + k] + *shift;
      same = fabs(z - x) <= 1e-10 * (fabs(z) + fabs(*shift) + 1e-300);
    }
    if (same) return m->run->first + k;
  }
  return -1;
}

/* Cov(c, delta), n_coef x d, and Cov(delta), d x d: delta is the fixed part of the term's columns
 * as they are.  Columns without one are left at zero. */
static vb_status delta_covariance(vb_fit *fit, const int *column, const double *shift, int d,
                                  double *with, double *own) {
  const vb_model *m = fit->model;
  memset(with, 0, sizeof(double) * m->n_coef * d);
  for (int a = 0; a < d; a++) {
    double *r = with + (size_t)a * m->n_coef;
    if (column[a] < 0) continue;
    r[column[a]] = 1;
    for (int b = 0; b < d && column[a] == m->intercept; b++)
      if (column[b] >= 0 && b != a) r[column[b]] = -shift[b];
    vb_status st = vb_solve(m, &fit->inner.sol, r);
    if (st != VB_OK) return st;
  }
  for (int a = 0; a < d; a++)
    for (int b = 0; b < d; b++) {
      const double *r = with + (size_t)a * m->n_coef;
      double s = column[b] < 0 ? a == b : r[column[b]];
      for (int k = 0; k < d && column[b] >= 0 && column[b] == m->intercept; k++)
        if (column[k] >= 0 && k != b) s -= shift[k] * r[column[k]];
      own[a + b * d] = s;
    }
  return VB_OK;
}

/* p <- the part of it that is a precision */
static vb_status positive_part(int d, double *p) {
  double v[STRIDE], value[VB_MAX_DIM];
  memcpy(v, p, sizeof(double) * d * d);
  vb_status st = vb_eigen(d, v, d, value);
  if (st != VB_OK) return st;
  memset(p, 0, sizeof(double) * d * d);
  for (int k = 0; k < d; k++)
    for (int a = 0; a < d && value[k] > 0; a++)
      for (int b = 0; b < d; b++) p[a + b * d] += value[k] * v[a + k * d] * v[b + k * d];
  return VB_OK;
}

/* inverse of the symmetric s (lower triangle), full */
static vb_status invert(int d, double *s) {
  vb_status st = vb_small_chol(d, s);
  if (st == VB_OK) vb_chol_inverse(d, s, d);
  return st;
}

/* the cavity of a level: its covariance s (destroyed) and mean against the prior's precision */
static vb_status cavity(int d, double *s, const double *mean, const double *omega, double *p,
                        double *b) {
  vb_status st = invert(d, s);
  if (st != VB_OK) return st;
  for (int a = 0; a < d; a++) {
    b[a] = 0;
    for (int c = 0; c < d; c++) {
      b[a] += s[a + c * d] * mean[c];
      p[a + c * d] = s[a + c * d] - omega[a + c * d];
    }
  }
  return positive_part(d, p);
}

/* One sd: with q = sd^2 s, s the rows' precision over the centre's, all is a function of q,
 *   A = -1/2 sum log(1 + q P), B = 1/2 sum q b^2 / (1 + q P), C = sum P / (1 + q P),
 *   D = sum b / (1 + q P):
 * A + s B and, with a fixed part, 1/2 (s D)^2 / (s C + prior) - 1/2 log(s C + prior).  They are
 * laid out in log q with their slopes. */
static void make_table(const vb_host *h, vb_reference_term *r) {
  r->table = h->alloc(8 * TABLE, sizeof(double));
  r->from = 2 * log(r->sd[0]) - TABLE_STEP * (TABLE - 1) / 2;
  for (int g = 0; g < TABLE; g++) {
    double *t = r->table + 8 * g, q = exp(r->from + g * TABLE_STEP);
    for (int j = 0; j < r->n; j++) {
      double p = r->p[j], b = r->b[j], n = 1 + q * p, times = r->times;
      t[0] -= times * log(n) / 2;
      t[1] += times * q * b * b / n / 2;
      t[2] += times * p / n;
      t[3] += times * b / n;
      t[4] -= times * q * p / n / 2;
      t[5] += times * q * b * b / (n * n) / 2;
      t[6] -= times * q * p * p / (n * n);
      t[7] -= times * q * p * b / (n * n);
    }
  }
}

/* A, B, C and D at log q */
static void look_up(const vb_reference_term *r, double log_q, double *f) {
  double at = (log_q - r->from) / TABLE_STEP;
  at = fmin(fmax(at, 0), TABLE - 1.000001);
  int k = (int)at;
  const double *lo = r->table + 8 * k, *hi = lo + 8;
  for (int i = 0; i < 4; i++)
    f[i] = vb_hermite(TABLE_STEP, at - k, lo[i], hi[i], lo[4 + i], hi[4 + i]);
}

static double single_at(const vb_reference_term *r, double sd, double s) {
  double f[4];
  look_up(r, 2 * log(sd) + log(s), f);
  double out = f[0] + s * f[1], fixed = s * f[2] + r->delta_precision[0];
  return r->n_delta ? out + (s * s * f[3] * f[3] / fixed - log(fixed)) / 2 : out;
}

/* of the d coefficients from r->first on, its prior's precision omega */
static vb_status make_levels(vb_fit *fit, const double *omega, vb_reference_term *r) {
  const vb_model *m = fit->model;
  const vb_term *t = m->term + r->term;
  int d = r->d, J = t->n_level, column[VB_MAX_DIM], size = t->d * t->d;
  double shift[VB_MAX_DIM];
  double *with = fit->host->alloc((size_t)m->n_coef * d, sizeof(double));
  double own[STRIDE], total[VB_MAX_DIM] = {0}, p[STRIDE], b[VB_MAX_DIM];
  r->ones = -1;
  r->n = d == 1 ? MOST_SINGLES : MOST_LEVELS;
  if (J < r->n) r->n = J;
  r->times = (double)J / r->n;
  r->p = fit->host->alloc((size_t)r->n * d * d, sizeof(double));
  r->b = fit->host->alloc((size_t)r->n * d, sizeof(double));
  for (int a = 0; a < d; a++) {
    column[a] = fixed_column(m, t, r->first + a, shift + a);
    r->n_delta += column[a] >= 0;
    if (all_ones(m, t, r->first + a)) r->ones = a;
    r->delta_precision[a] =
        column[a] < 0 ? INFINITY : fmax(m->prior_precision[column[a]], 1e-8 * omega[a + a * d]);
  }
  vb_status st = delta_covariance(fit, column, shift, d, with, own);
  if (st == VB_OK) st = invert(d, own);
  for (int i = 0; i < r->n && st == VB_OK; i++) {
    int j = (int)((i + 0.5) * J / r->n), first = t->first + j * t->d + r->first;
    const double *own_s = fit->inner.sol.s_level[r->term] + (size_t)j * size;
    double s[STRIDE], free[STRIDE];
    for (int a = 0; a < d; a++)
      for (int c = 0; c < d; c++) {
        int low = (a >= c ? a : c) + r->first, high = (a >= c ? c : a) + r->first;
        s[a + c * d] = free[a + c * d] = own_s[low + (size_t)high * t->d];
        for (int e = 0; e < d; e++)
          for (int f = 0; f < d; f++)
            s[a + c * d] -= with[first + a + (size_t)e * m->n_coef] * own[e + f * d] *
                            with[first + c + (size_t)f * m->n_coef];
      }
    st = cavity(d, s, fit->block.m + first, omega, r->p + (size_t)i * d * d, r->b + (size_t)i * d);
    if (st == VB_OK) st = cavity(d, free, fit->block.m + first, omega, p, b);
    for (int a = 0; a < d; a++) total[a] += p[a + a * d] / r->n;
  }
  for (int a = 0; a < d; a++) r->variance[a] = 1 / fmax(total[a], 1e-12 * omega[a + a * d]);
  if (d == 1 && st == VB_OK) make_table(fit->host, r);
  if (d == 2) vb_pairs_make(fit->host, r->n, r->p, r->b, &r->pairs);
  return st;
}

static vb_status make_term(vb_fit *fit, vb_reference_term *r) {
  int d = fit->model->term[r->term].d;
  const double *all = fit->theta.omega + (size_t)r->term * STRIDE;
  double omega[STRIDE];
  for (int a = 0; a < r->d; a++) {
    r->sd[a] = fit->theta.natural[vb_sd_of(fit->hyper, r->term, r->first + a)];
    for (int b = 0; b < r->d; b++)
      omega[a + b * r->d] = all[r->first + a + (size_t)(r->first + b) * d];
  }
  memcpy(r->chol, fit->theta.chol + (size_t)r->term * STRIDE, sizeof(double) * r->d * r->d);
  return make_levels(fit, omega, r);
}

/* Independent coefficients with an sd each are terms of one. */
static int is_split(const vb_hyper *hyper, int k) {
  return !vb_term_cors(hyper, k) && vb_term_sds(hyper, k) == hyper->d[k];
}

static void lay_terms(vb_fit *fit, vb_reference *r) {
  const vb_hyper *h = fit->hyper;
  for (int k = 0; k < h->n_term; k++) r->n_term += is_split(h, k) ? h->d[k] : 1;
  r->n_term += h->n_field;
  r->term = fit->host->alloc(r->n_term + 1, sizeof(vb_reference_term));
  vb_reference_term *t = r->term;
  for (int k = 0; k < h->n_term; k++) {
    int each = is_split(h, k) ? 1 : h->d[k];
    for (int first = 0; first < h->d[k]; first += each, t++)
      *t = (vb_reference_term){.term = k, .first = first, .d = each};
  }
}

double vb_reference_variance(const vb_reference *r, int k, int a) {
  const vb_reference_term *t = r->term;
  while (t->term < k || t->first + t->d <= a) t++;
  return t->variance[a - t->first];
}

double vb_reference_field_variance(const vb_reference *r, int i) {
  return r->term[r->n_term - r->hyper->n_field + i].variance[0];
}

/* -1/2 log |N| + 1/2 b' L N^-1 L' b of one level; what it says of the fixed part is added to g, G
 */
static double level(int d, const double *root, const double *p, const double *b, double scale,
                    double *g, double *gg) {
  double n[STRIDE], y[STRIDE], c[VB_MAX_DIM], det = 1;
  for (int j = 0; j < d; j++) /* y = L' P */
    for (int k = 0; k < d; k++) {
      double s = 0;
      for (int a = j; a < d; a++) s += root[a + j * d] * p[a + k * d];
      y[j + k * d] = s;
    }
  for (int j = 0; j < d; j++) {
    c[j] = 0;
    for (int a = j; a < d; a++) c[j] += root[a + j * d] * b[a] * scale;
    for (int k = 0; k <= j; k++) {
      double s = 0;
      for (int a = k; a < d; a++) s += y[j + a * d] * root[a + k * d];
      n[j + k * d] = (j == k) + scale * s;
    }
  }
  if (vb_small_chol(d, n) != VB_OK) return NAN;
  for (int j = 0; j < d; j++) det *= n[j + j * d];
  vb_small_half(d, n, c);
  if (g) {
    for (int k = 0; k < d; k++) vb_small_half(d, n, y + k * d);
    for (int a = 0; a < d; a++) {
      g[a] += scale * (b[a] - vb_dot(d, y + a * d, c));
      for (int k = 0; k <= a; k++)
        gg[a + k * d] += scale * (p[a + k * d] - scale * vb_dot(d, y + a * d, y + k * d));
    }
  }
  return vb_dot(d, c, c) / 2 - log(det);
}

/* the fixed part integrated out: 1/2 g' (G + prior)^-1 g - 1/2 log |G + prior| */
static double integrate_delta(const vb_reference_term *t, double *g, double *gg) {
  int d = t->d;
  double out = 0;
  for (int a = 0; a < d; a++) {
    int none = isinf(t->delta_precision[a]);
    for (int k = 0; k < d && none; k++) gg[a > k ? a + k * d : k + a * d] = a == k;
    if (none) g[a] = 0;
    if (!none) gg[a + a * d] += t->delta_precision[a];
  }
  if (vb_small_chol(d, gg) != VB_OK) return NAN;
  vb_small_half(d, gg, g);
  for (int a = 0; a < d; a++) out -= log(gg[a + a * d]);
  return out + vb_dot(d, g, g) / 2;
}

/* C and D where it has a column of ones and they are asked for (not NULL) */
static double term_at(const vb_reference_term *t, const double *sd, const double *chol,
                      double scale, double *cd) {
  int d = t->d, fixed = t->n_delta || cd;
  double root[STRIDE], g[VB_MAX_DIM] = {0}, gg[STRIDE] = {0}, out = 0, f[4];
  if (t->table) {
    if (cd) look_up(t, 2 * log(sd[0]), f);
    if (cd) memcpy(cd, f + 2, 2 * sizeof(double));
    return single_at(t, sd[0], scale);
  }
  for (int a = 0; a < d; a++)
    for (int b = 0; b <= a; b++) root[a + b * d] = sd[a] * chol[a + b * d];
  if (d == 2) out = vb_pairs_at(&t->pairs, (double[]){root[0], root[1], root[3]}, scale, g, gg);
  for (int i = 0; i < t->n && d != 2; i++)
    out +=
        level(d, root, t->p + (size_t)i * d * d, t->b + (size_t)i * d, scale, fixed ? g : NULL, gg);
  out *= t->times;
  if (cd) {
    cd[0] = t->times * gg[t->ones + t->ones * d];
    cd[1] = t->times * g[t->ones];
  }
  if (!t->n_delta) return out;
  for (int a = 0; a < d; a++) {
    g[a] *= t->times;
    for (int b = 0; b <= a; b++) gg[a + b * d] *= t->times;
  }
  return out + integrate_delta(t, g, gg);
}

/* sd of what a row has of its own, or what goes with it */
static double residual(const vb_reference *r, const vb_theta *theta) {
  double sigma = theta->par[0];
  if (r->hyper->turn.kind == VB_SHEARED) return sigma * (1 + 1 / theta->par[1]);
  return r->polar < 0 ? sigma : hypot(sigma, theta->natural[r->hyper->first[r->polar]]);
}

static double location(const vb_reference *r, const vb_theta *theta) {
  double sum = 0;
  for (int k = 0; k < r->n_threshold; k++) sum += theta->par[k] / r->n_threshold;
  return sum;
}

/* does a move of the thresholds move it? */
static int is_moved(const vb_reference *r, const vb_reference_term *t) {
  return r->n_threshold && t->ones >= 0;
}

vb_status vb_reference_make(vb_fit *fit, const double *scale, vb_reference *r) {
  const vb_model *m = fit->model;
  const vb_natural *sigma = fit->hyper->natural + fit->hyper->first_par;
  vb_status st = VB_OK;
  *r = (vb_reference){.hyper = fit->hyper};
  lay_terms(fit, r);
  r->polar = -1;
  const vb_turn *turn = &fit->hyper->turn;
  for (int k = 0; k < m->n_term && turn->kind == VB_POLAR; k++)
    if (fit->hyper->natural[fit->hyper->first[k]].axis == turn->a) r->polar = k;
  r->scaled = m->family->identity && m->n_par && sigma->axis >= 0;
  if (r->scaled) { /* further out it would rule the tails, where it is least right */
    double reach = FOLLOWED * scale[turn->kind ? turn->a : sigma->axis];
    r->sigma = residual(r, &fit->theta);
    r->least = exp(-reach);
    r->most = exp(reach);
  }
  if (m->family->thresholds && sigma->axis >= 0) {
    r->n_threshold = m->n_par;
    r->location = location(r, &fit->theta);
    r->reach = FOLLOWED * scale[sigma->axis];
  }
  for (int k = 0; k < r->n_term && st == VB_OK; k++) {
    vb_reference_term *t = r->term + k;
    int field = k - (r->n_term - m->n_field);
    st = field < 0 ? make_term(fit, t) : vb_reference_field(fit, field, t);
    if (st == VB_OK && field >= 0) make_table(fit->host, t);
    if (st == VB_OK && !r->scaled)
      t->centre = term_at(t, t->sd, t->chol, 1, is_moved(r, t) ? t->centre_cd : NULL);
    if (st == VB_OK && t->ones >= 0) /* the most that is known of a location */
      r->data_variance = fmax(r->data_variance, t->variance[t->ones] / m->term[t->term].n_level);
  }
  return st;
}

double vb_reference_at(const vb_reference *r, const vb_theta *theta) {
  double out = 0, scale = 1, now[2], more = 0, data = 0, linear = 0;
  int n_moved = 0;
  if (r->scaled) {
    double ratio = fmin(fmax(residual(r, theta) / r->sigma, r->least), r->most);
    scale = 1 / (ratio * ratio);
  }
  for (int k = 0; k < r->n_term; k++) {
    const vb_reference_term *t = r->term + k;
    if (t->term >= 0 && t->term == r->polar) continue; /* of it the data know the radius alone */
    double sd[VB_MAX_DIM];
    for (int a = 0; a < t->d; a++)
      sd[a] = theta->natural[t->term < 0 ? t->natural : vb_sd_of(r->hyper, t->term, t->first + a)];
    const double *chol = t->term < 0 ? t->chol : theta->chol + (size_t)t->term * STRIDE;
    const double *then = t->centre_cd;
    out += term_at(t, sd, chol, scale, is_moved(r, t) ? now : NULL) -
           (r->scaled ? term_at(t, t->sd, t->chol, scale, NULL) : t->centre);
    if (!is_moved(r, t)) continue;
    n_moved++;
    more += 1 / now[0] - 1 / then[0];
    data += 1 / then[0];
    linear += (now[1] - then[1]) / now[0];
  }
  if (!n_moved) return out;
  double delta = fmin(fmax(location(r, theta) - r->location, -r->reach), r->reach);
  double before = data - (n_moved - 1) * r->data_variance, after = before + more;
  return out - delta * linear / after - delta * delta * (1 / after - 1 / before) / 2;
}
