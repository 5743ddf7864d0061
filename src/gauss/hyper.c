/* Hyperparameters: free axes -> sds, correlations, dispersions -> covariances, log prior and
 * gradients. */
#include <math.h>
#include <string.h>
#define R_NO_REMAP
#include <Rmath.h>
#include "gauss/gauss.h"
#include "numbers/optimise.h"
#include "numbers/small.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)

void vb_theta_alloc(const vb_host *host, const vb_hyper *hyper, vb_theta *theta) {
  int t = hyper->n_term > 0 ? hyper->n_term : 1;
  int n = hyper->n_natural + VB_MAX_PIN + 1; /* pins may come later */
  theta->natural = host->alloc(n, sizeof(double));
  theta->slope = host->alloc(n, sizeof(double));
  theta->natural_prior = host->alloc(n, sizeof(double));
  theta->prior_d = host->alloc(n, sizeof(double));
  theta->sigma = host->alloc((size_t)t * STRIDE, sizeof(double));
  theta->omega = host->alloc((size_t)t * STRIDE, sizeof(double));
  theta->chol = host->alloc((size_t)t * STRIDE, sizeof(double));
  theta->log_det = host->alloc(t, sizeof(double));
  theta->log_prior_d = host->alloc(hyper->n_axis + VB_MAX_PIN + 1, sizeof(double));
  vb_fields_alloc(host, hyper, theta);
}

static void identity(int d, double *l) {
  memset(l, 0, sizeof(double) * d * d);
  for (int a = 0; a < d; a++) l[a + a * d] = 1;
}

static void sds_of(const vb_hyper *hyper, int k, const vb_theta *theta, double *sd) {
  for (int a = 0; a < hyper->d[k]; a++) sd[a] = theta->natural[vb_sd_of(hyper, k, a)];
}

/* a term's covariance from its sds and correlations */
static vb_status covariance(const vb_hyper *hyper, int k, vb_theta *theta) {
  int d = hyper->d[k];
  size_t o = (size_t)k * STRIDE;
  double sd[VB_MAX_DIM], *chol = theta->chol + o, *sigma = theta->sigma + o,
                         *omega = theta->omega + o, *log_det = theta->log_det + k;
  sds_of(hyper, k, theta, sd);
  if (vb_term_cors(hyper, k))
    hyper->cov[k]->chol(d, theta->natural + hyper->first[k] + vb_term_sds(hyper, k), chol);
  else
    identity(d, chol);
  *log_det = 0;
  for (int a = 0; a < d; a++) {
    for (int b = 0; b <= a; b++) {
      double s = 0;
      for (int c = 0; c <= b; c++) s += chol[a + c * d] * chol[b + c * d];
      sigma[a + b * d] = sigma[b + a * d] = s * sd[a] * sd[b];
    }
    *log_det += 2 * log(sd[a] * chol[a + a * d]);
  }
  /* Omega = D^-1 (L L')^-1 D^-1, column by column of the identity */
  for (int c = 0; c < d; c++) {
    double b[VB_MAX_DIM] = {0};
    b[c] = 1 / sd[c];
    vb_small_half(d, chol, b);
    vb_small_half_t(d, chol, b);
    for (int a = 0; a < d; a++) omega[a + c * d] = b[a] / sd[a];
  }
  for (int a = 0; a < d; a++)
    if (!isfinite(omega[a + a * d]) || omega[a + a * d] <= 0) return VB_NOT_FINITE;
  return VB_OK;
}

/* log prior of one natural parameter and its derivative in the parameter */
static double natural_prior(const vb_natural *n, double value, double *d1) {
  double ll = 0;
  *d1 = 0;
  if (n->prior) {
    double d2;
    n->prior->log_density(1, &value, n->arg, &ll, d1, &d2);
    return ll + n->log_norm;
  }
  double rest = fmax(1 - value * value, 1e-300), b = n->beta, above = fmax(1 - value, 1e-300);
  *d1 = -2 * (b - 1) * value / rest - n->tilt / above;
  return (b - 1) * log(rest) + n->tilt * log(above) + n->log_norm;
}

/* sum of d over the parameters that go by their distance before k */
static double before(const vb_natural *natural, int k, const double *d) {
  double sum = 0;
  for (k--; k >= 0 && natural[k].after < 0; k--) sum += d[k];
  return sum;
}

/* A parameter's axis moves those too that go by their distance from it. */
void vb_natural_gradient(const vb_hyper *hyper, const vb_theta *theta, int first, int n,
                         const double *d, double *grad) {
  const vb_natural *natural = hyper->natural + first;
  double sum = 0;
  for (int k = n - 1; k >= 0; k--) {
    const vb_natural *at = natural + k;
    double all = d[k];
    if (at->after >= 0) all = sum += d[k];
    if (at->after <= 0) all += before(natural, k, d);
    if (at->axis >= 0) grad[at->axis] += all * theta->slope[first + k];
    if (!at->after) sum = 0;
  }
}

/* of what is linear in Sigma with the weights w, in the axes of the term's correlations, added */
static void correlation_gradient(const vb_hyper *hyper, int k, const vb_theta *theta,
                                 const double *w, double *grad) {
  int n = vb_term_cors(hyper, k), first = hyper->first[k] + vb_term_sds(hyper, k);
  double sd[VB_MAX_DIM], d1[STRIDE];
  if (!n) return;
  sds_of(hyper, k, theta, sd);
  hyper->cov[k]->gradient(hyper->d[k], theta->natural + first, sd, theta->chol + (size_t)k * STRIDE,
                          w, d1);
  for (int i = 0; i < n; i++) {
    int axis = hyper->natural[first + i].axis;
    if (axis >= 0) grad[axis] += theta->slope[first + i] * d1[i];
  }
}

/* ---- Terms whose columns are centred ----
 * u' = T u are the coefficients of the centred columns, T the identity with the centres c in its
 * first row: u'_0 = u_0 + c'u.  Sigma = T^-1 Sigma' T^-T differs from Sigma' in its first row. */

static const double *centre_of(const vb_hyper *hyper, int k) {
  return hyper->shift ? hyper->shift[k] : NULL;
}

/* g <- Sigma' a with a = (1, -c): the first row of Sigma, but for its first entry, the variance
 * a' Sigma' a, which is returned: as a sum of squares, since differences may cancel */
static double row_at_zero(const vb_hyper *hyper, int k, const vb_theta *theta, double *g) {
  int d = hyper->d[k];
  const double *c = hyper->shift[k], *sd = theta->natural + hyper->first[k];
  const double *sigma = theta->sigma + (size_t)k * STRIDE, *l = theta->chol + (size_t)k * STRIDE;
  double s2 = 0;
  for (int i = 0; i < d; i++) {
    g[i] = sigma[i];
    for (int j = 1; j < d; j++) g[i] -= sigma[i + j * d] * c[j];
  }
  for (int b = 0; b < d; b++) {
    double v = 0;
    for (int i = b; i < d; i++) v += l[i + b * d] * sd[i] * (i ? -c[i] : 1);
    s2 += v * v;
  }
  return s2;
}

/* A prior that is meant at zero, in the natural parameters: with s^2 the variance of the intercept
 * there, the log density of sds and correlations at zero is that of the first sd at s in place of
 * s', and under LKJ(eta) d + 2 (eta - 1) times log s' / s for the correlations and the Jacobian,
 * since |Sigma| = |Sigma'| and dSigma = dSigma', whose density in sds and correlations has the
 * factor prod sd_k^d. */
static void prior_at_zero(const vb_hyper *hyper, int k, vb_theta *theta) {
  int d = hyper->d[k], first = hyper->first[k];
  const double *c = hyper->shift[k], *sd = theta->natural + first;
  const vb_natural *n = hyper->natural + first;
  double power = 2 * n[d].beta, here_d, there_d; /* beta = eta + (d - 2) / 2 */
  double g[VB_MAX_DIM], w[STRIDE], s = sqrt(row_at_zero(hyper, k, theta, g));
  double change =
      natural_prior(n, s, &there_d) - natural_prior(n, sd[0], &here_d) + power * log(sd[0] / s);
  theta->natural_prior[first] += change;
  theta->log_prior += change;
  /* log s has the gradient a a' / (2 s^2) in Sigma', which g = Sigma' a brings to the sds */
  double weight = (there_d * s - power) / (2 * s * s);
  for (int i = 0; i < d; i++)
    for (int j = 0; j < d; j++) w[i + j * d] = weight * (i ? -c[i] : 1) * (j ? -c[j] : 1);
  for (int i = 0; i < d; i++) {
    double d1 = 2 * weight * (i ? -c[i] : 1) * g[i] / sd[i];
    if (i == 0) d1 += power / sd[0] - here_d;
    if (n[i].axis >= 0) theta->log_prior_d[n[i].axis] += d1 * theta->slope[first + i];
  }
  correlation_gradient(hyper, k, theta, w, theta->log_prior_d);
}

static vb_status set_natural(const vb_hyper *hyper, const double *x, int i, vb_theta *theta) {
  const vb_natural *n = hyper->natural + i;
  theta->prior_d[i] = 0;
  if (n->axis < 0) {
    theta->natural[i] = n->value;
    theta->slope[i] = 0;
    return VB_OK;
  }
  double at = x[n->axis], value = n->coord->value(at, n->s0), side = n->after < 0 ? -1 : 1;
  if (n->after) value = theta->natural[i - n->after] + side * value;
  if (!isfinite(value)) return VB_NOT_FINITE;
  theta->natural[i] = value;
  theta->slope[i] = side * n->coord->slope(at, n->s0);
  /* the Jacobian is triangular: what a parameter's distance is from is no part of it */
  theta->natural_prior[i] =
      natural_prior(n, value, theta->prior_d + i) + n->coord->log_slope(at, n->s0);
  theta->log_prior += theta->natural_prior[i];
  theta->log_prior_d[n->axis] = n->coord->log_slope_d(at, n->s0);
  return VB_OK;
}

static vb_status set_term(const vb_hyper *hyper, int k, vb_theta *theta) {
  vb_status st = covariance(hyper, k, theta);
  if (st == VB_OK && centre_of(hyper, k) && hyper->at_zero[k]) prior_at_zero(hyper, k, theta);
  return st;
}

vb_status vb_theta_set_term(const vb_hyper *hyper, const double *x, int k, vb_theta *theta) {
  int first = hyper->first[k], n = vb_term_pars(hyper, k);
  if (hyper->turn.kind) return vb_theta_set(hyper, x, theta); /* its axes are others' too */
  for (int i = first; i < first + n; i++) {
    vb_status st = set_natural(hyper, x, i, theta);
    if (st != VB_OK) return st;
  }
  vb_natural_gradient(hyper, theta, first, n, theta->prior_d + first, theta->log_prior_d);
  return set_term(hyper, k, theta);
}

vb_status vb_theta_set(const vb_hyper *hyper, const double *x, vb_theta *theta) {
  int n = hyper->n_natural;
  double logs[VB_MAX_AXIS];
  vb_status set = VB_OK;
  theta->log_prior = 0;
  if (hyper->turn.kind) {
    theta->turned = x[hyper->turn.b];
    theta->log_prior = vb_turn_set(hyper, x, logs);
    x = logs;
  }
  for (int i = 0; i < n && set == VB_OK; i++)
    if (hyper->natural[i].after >= 0) set = set_natural(hyper, x, i, theta);
  for (int i = n - 1; i >= 0 && set == VB_OK; i--)
    if (hyper->natural[i].after < 0) set = set_natural(hyper, x, i, theta);
  if (set != VB_OK) return set;
  vb_natural_gradient(hyper, theta, 0, hyper->n_natural, theta->prior_d, theta->log_prior_d);
  for (int k = 0; k < hyper->n_term; k++) {
    vb_status st = set_term(hyper, k, theta);
    if (st != VB_OK) return st;
  }
  for (int k = 0; k < hyper->n_par; k++) theta->par[k] = theta->natural[hyper->first_par + k];
  theta->par[hyper->n_par] = INFINITY;
  theta->pin = theta->natural + hyper->first_pin;
  set = vb_fields_set(hyper, theta);
  if (set != VB_OK) return set;
  if (hyper->n_shrink) {
    const double *at = theta->natural + hyper->first_shrink;
    theta->shrink[0] = hyper->local_df;
    theta->shrink[1] = at[0] * (hyper->by_sigma ? theta->par[0] : 1);
    theta->shrink[2] = at[1];
  }
  return isfinite(theta->log_prior) ? VB_OK : VB_NOT_FINITE;
}

void vb_theta_gradient(const vb_hyper *hyper, const vb_theta *theta, const double *u,
                       double *grad) {
  for (int k = 0; k < hyper->n_term; k++) {
    int d = hyper->d[k], J = hyper->n_level[k];
    size_t o = (size_t)k * STRIDE;
    const double *om = theta->omega + o, *uk = u + o;
    double ou[STRIDE], w[STRIDE]; /* Omega U - J I, then (Omega U - J I) Omega / 2 */
    for (int a = 0; a < d; a++)
      for (int b = 0; b < d; b++) {
        double s = a == b ? -(double)J : 0;
        for (int c = 0; c < d; c++) s += om[a + c * d] * uk[c + b * d];
        ou[a + b * d] = s;
      }
    for (int a = 0; a < d; a++)
      for (int b = 0; b < d; b++) {
        double s = 0;
        for (int c = 0; c < d; c++) s += ou[a + c * d] * om[c + b * d];
        w[a + b * d] = s / 2;
      }
    for (int a = 0; a < d; a++) {
      int i = vb_sd_of(hyper, k, a), axis = hyper->natural[i].axis;
      if (axis >= 0) grad[axis] += ou[a + a * d] / theta->natural[i] * theta->slope[i];
    }
    correlation_gradient(hyper, k, theta, w, grad);
  }
}

/* sds and correlations of the columns as they are */
static double *report_centred(const vb_hyper *hyper, int k, const vb_theta *theta, double *out) {
  int d = hyper->d[k];
  double sigma[STRIDE], g[VB_MAX_DIM];
  memcpy(sigma, theta->sigma + (size_t)k * STRIDE, sizeof(double) * d * d);
  sigma[0] = row_at_zero(hyper, k, theta, g);
  for (int a = 1; a < d; a++) sigma[a] = sigma[a * d] = g[a];
  for (int a = 0; a < d; a++) *out++ = sqrt(sigma[a + a * d]);
  for (int a = 0; a < d; a++)
    for (int b = a + 1; b < d; b++)
      *out++ = fmin(fmax(sigma[a + b * d] / sqrt(sigma[a + a * d] * sigma[b + b * d]), -1), 1);
  return out;
}

void vb_theta_report(const vb_hyper *hyper, const vb_theta *theta, double *out) {
  for (int k = 0; k < hyper->n_term; k++) {
    int d = hyper->d[k], n_sd = vb_term_sds(hyper, k), rest = vb_term_cors(hyper, k);
    const double *sd = theta->natural + hyper->first[k], *l = theta->chol + (size_t)k * STRIDE;
    if (centre_of(hyper, k)) {
      out = report_centred(hyper, k, theta, out);
      continue;
    }
    for (int a = 0; a < n_sd; a++) *out++ = sd[a];
    for (int a = 0; a < d; a++)
      for (int b = a + 1; b < d && rest; b++, rest--) {
        double s = 0;
        for (int c = 0; c <= a; c++) s += l[a + c * d] * l[b + c * d];
        *out++ = s;
      }
  }
  for (int k = 0; k < hyper->n_par; k++) *out++ = theta->par[k];
  for (int k = 0; k < hyper->n_field_par; k++) *out++ = theta->natural[hyper->first_field + k];
  for (int k = 0; k < hyper->n_shrink; k++) *out++ = theta->shrink[k + 1];
}

int vb_theta_effective_size(const vb_hyper *hyper) {
  int n = hyper->n_par;
  for (int k = 0; k < hyper->n_term; k++) n += 2 * hyper->d[k] * hyper->d[k];
  return n;
}

void vb_theta_effective(const vb_hyper *hyper, const double *from, vb_theta *theta) {
  for (int k = 0; k < hyper->n_term; k++) {
    size_t dd = (size_t)hyper->d[k] * hyper->d[k];
    memcpy(theta->omega + (size_t)k * STRIDE, from, sizeof(double) * dd);
    memcpy(theta->sigma + (size_t)k * STRIDE, from + dd, sizeof(double) * dd);
    from += 2 * dd;
  }
  for (int k = 0; k < hyper->n_par; k++) theta->par[k] = from[k];
}
