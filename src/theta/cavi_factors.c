/* The factors of theta in coordinate ascent: their kernels, the expectations the Gaussian block
 * sees, and the nodes of dispersions whose kernel is a pass over the rows. */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "theta/cavi.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)

static double own_prior(const vb_cavi_job *c, const vb_free_form *f) {
  double out = 0;
  for (int i = f->first; i < f->first + f->count; i++)
    if (c->fit->hyper->natural[i].axis >= 0) out += c->scratch.natural_prior[i];
  return out;
}

static vb_status set_own(vb_cavi_job *c, const vb_free_form *f, const double *x) {
  for (int k = 0; k < f->K; k++) c->at[f->axis[k]] = x[k];
  return f->term < 0 ? vb_theta_set(c->fit->hyper, c->at, &c->scratch)
                     : vb_theta_set_term(c->fit->hyper, c->at, f->term, &c->scratch);
}

/* what of the kernel of a term is theta's alone: log p(theta_k), and the determinants */
static double own_part(const vb_cavi_job *c, const vb_free_form *f) {
  return own_prior(c, f) - c->fit->hyper->n_level[f->term] * c->scratch.log_det[f->term] / 2;
}

/* log p(theta_k) + E log p(u_k | theta_k) */
static vb_status term_kernel(void *data, const double *x, double *value, double *grad) {
  vb_cavi_job *c = data;
  const vb_free_form *f = c->factor + c->current;
  const vb_hyper *hyper = c->fit->hyper;
  int k = f->term, d = hyper->d[k];
  vb_status st = set_own(c, f, x);
  if (st != VB_OK) return st;
  const double *omega = c->scratch.omega + (size_t)k * STRIDE, *u = c->u + (size_t)k * STRIDE;
  *value = own_part(c, f) - vb_dot(d * d, omega, u) / 2;
  if (grad) {
    double all[VB_MAX_AXIS];
    memcpy(all, c->scratch.log_prior_d, sizeof(double) * hyper->n_axis);
    vb_theta_gradient(hyper, &c->scratch, c->u, all);
    for (int i = 0; i < f->K; i++) grad[i] = all[f->axis[i]];
  }
  return isfinite(*value) ? VB_OK : VB_NOT_FINITE;
}

/* Nodes stay, where they are many, while q(c) moves: what they have of theta is made once. */
static void tabulate_term(vb_cavi_job *c, vb_free_form *f) {
  int dd = c->fit->hyper->d[f->term] * c->fit->hyper->d[f->term];
  size_t o = (size_t)f->term * STRIDE;
  for (int t = 0; t < f->T; t++) {
    double *to = f->made + (size_t)t * (1 + 2 * dd);
    int set = set_own(c, f, f->x + (size_t)t * f->K) == VB_OK;
    to[0] = set ? own_part(c, f) : -INFINITY;
    for (int i = 0; i < dd; i++) {
      to[1 + i] = set ? c->scratch.omega[o + i] : 0;
      to[1 + dd + i] = set ? c->scratch.sigma[o + i] : 0;
    }
  }
}

static vb_status update_term(vb_cavi_job *c, vb_free_form *f) {
  int anew, dd = c->fit->hyper->d[f->term] * c->fit->hyper->d[f->term], before = f->n_laid;
  vb_status st = vb_free_lay(f, term_kernel, c, &anew);
  if (st != VB_OK) return st;
  if (f->n_laid > before && before) c->phase++;
  if (anew) tabulate_term(c, f);
  for (int t = 0; t < f->T; t++) {
    const double *made = f->made + (size_t)t * (1 + 2 * dd);
    f->value[t] = made[0] - vb_dot(dd, made + 1, c->u + (size_t)f->term * STRIDE) / 2;
    if (!isfinite(f->value[t])) f->value[t] = -INFINITY;
  }
  return vb_free_weigh(f);
}

/* quadratic families: all rows at once, each at the root mean square */
static vb_status scale_kernel(void *data, const double *x, double *value, double *grad) {
  vb_cavi_job *c = data;
  const vb_model *m = c->fit->model;
  const vb_free_form *f = c->factor + c->current;
  vb_status st = set_own(c, f, x);
  if (st != VB_OK) return st;
  *value = own_prior(c, f) + vb_quadratic_lik(m, c->scratch.par, c->rms);
  for (int k = 0, i = 0; grad && k < f->count; k++) {
    const vb_natural *n = c->fit->hyper->natural + f->first + k;
    double d;
    if (n->axis < 0) continue;
    m->family->log_lik_par(&vb_rows_unit, &c->rms, c->scratch.par, k, &d);
    grad[i++] = c->scratch.log_prior_d[n->axis] + m->n * d * c->scratch.slope[f->first + k];
  }
  return isfinite(*value) ? VB_OK : VB_NOT_FINITE;
}

static vb_status update_scale(vb_cavi_job *c, vb_free_form *f) {
  int anew;
  vb_status st = vb_free_lay(f, scale_kernel, c, &anew);
  if (st != VB_OK) return st;
  for (int t = 0; t < f->T; t++)
    if (scale_kernel(c, f->x + (size_t)t * f->K, f->value + t, NULL) != VB_OK)
      f->value[t] = -INFINITY;
  return vb_free_weigh(f);
}

/* ---- dispersions whose expectations are passes over the rows ---- */

/* Nodes are laid about where q has been; where theta cannot be set they are left out. */
vb_status vb_cavi_lay_rule(vb_cavi_job *c) {
  vb_free_form *f = c->factor + c->n_factor - 1;
  vb_free_spread(f);
  int laid = f->T, K = f->K;
  f->T = 0;
  for (int t = 0; t < laid; t++) {
    const double *x = f->x + (size_t)t * K;
    if (set_own(c, f, x) != VB_OK) continue;
    double *par = c->rule.par + (size_t)f->T * (VB_MAX_PAR + 1);
    memcpy(par, c->scratch.par, sizeof c->scratch.par);
    c->rule.base[f->T] = vb_base(c->fit->model, par);
    memmove(f->x + (size_t)f->T * K, x, sizeof(double) * K);
    f->value[f->T] = f->value[t];
    f->log_w[f->T++] = f->log_w[t] + own_prior(c, f); /* the prior is not asked for again */
  }
  c->rule.n = f->T;
  for (int k = 0; k < K; k++) c->at[f->axis[k]] = f->centre[k]; /* inside, for the other factors */
  vb_status st = vb_free_weigh(f);
  if (st == VB_OK) memcpy(c->rule.weight, f->weight, sizeof(double) * f->T);
  return st;
}

static void axis_means(const vb_free_form *f, double *mean) {
  for (int k = 0; k < f->K; k++) {
    mean[k] = 0;
    for (int t = 0; t < f->T; t++) mean[k] += f->weight[t] * f->x[(size_t)t * f->K + k];
  }
}

/* how far the dispersions' axes moved in the last sweep */
double vb_cavi_move(vb_cavi_job *c) {
  if (!c->dear) return 0;
  const vb_free_form *f = c->factor + c->n_factor - 1;
  double mean[VB_MAX_AXIS], move = 0;
  axis_means(f, mean);
  for (int k = 0; k < f->K; k++) {
    move = fmax(move, fabs(mean[k] - c->seen[k]));
    c->seen[k] = mean[k];
  }
  return move;
}

/* centre and spread of the weights into the factor; returns whether the nodes should follow */
int vb_cavi_follow(vb_cavi_job *c) {
  if (!c->dear) return 0;
  vb_free_form *f = c->factor + c->n_factor - 1;
  int K = f->K, moved = 0;
  if (!K) return 0;
  double mean[VB_MAX_AXIS], cov[VB_MAX_AXIS * VB_MAX_AXIS] = {0}, value[VB_MAX_AXIS];
  axis_means(f, mean);
  for (int t = 0; t < f->T; t++)
    for (int a = 0; a < K; a++)
      for (int b = 0; b < K; b++)
        cov[a + b * K] += f->weight[t] * (f->x[(size_t)t * K + a] - mean[a]) *
                          (f->x[(size_t)t * K + b] - mean[b]);
  for (int k = 0; k < K; k++) { /* whitened: nodes sit at a step's distance of the old spread */
    double norm = 0, shift = 0, spread = 0;
    const double *r = f->root + (size_t)k * K;
    for (int i = 0; i < K; i++) {
      norm += r[i] * r[i];
      shift += r[i] * (mean[i] - f->centre[i]);
      for (int j = 0; j < K; j++) spread += r[i] * cov[i + j * K] * r[j];
    }
    moved |=
        fabs(shift / norm) > 0.3 || spread / (norm * norm) < 0.5 || spread / (norm * norm) > 1.6;
    for (int i = 0; i < K; i++) /* one node has all: it is narrower than a step */
      for (int j = 0; j < K; j++) cov[i + j * K] += 0.01 * r[i] * r[j];
  }
  if (!moved || vb_eigen(K, cov, K, value) != VB_OK) return 0;
  memcpy(f->centre, mean, sizeof(double) * K);
  for (int k = 0; k < K; k++)
    for (int i = 0; i < K; i++)
      f->root[i + (size_t)k * K] = cov[i + (size_t)k * K] * sqrt(fmax(value[k], 1e-12));
  return 1;
}

/* ---- the map ---- */

/* expected precision matrices, covariances and dispersions of all factors */
void vb_cavi_expectations(vb_cavi_job *c, double *out) {
  const vb_hyper *hyper = c->fit->hyper;
  memset(out, 0, sizeof(double) * c->fit->n_effective);
  for (int k = 0; k < c->n_factor; k++) {
    const vb_free_form *f = c->factor + k;
    int dd = f->term < 0 ? 0 : hyper->d[f->term] * hyper->d[f->term];
    for (int t = 0; t < f->T; t++) {
      double w = f->weight[t];
      if (w < 1e-300) continue;
      const double *made = f->made + (size_t)t * (1 + 2 * dd) + 1;
      for (int i = 0; i < 2 * dd; i++) out[i] += w * made[i];
      if (f->term >= 0 || set_own(c, f, f->x + (size_t)t * f->K) != VB_OK) continue;
      for (int i = 0; i < hyper->n_par; i++)
        out[i] += w * (c->dear ? c->scratch.par[i] : pow(c->scratch.par[i], -2));
    }
    for (int i = 0; i < hyper->n_par && f->term < 0 && !c->dear; i++) out[i] = 1 / sqrt(out[i]);
    out += 2 * dd;
  }
}

/* l: Cholesky factors of the expected precisions, their diagonals as logs, and log E 1/sigma^2 */
vb_status vb_cavi_state(const vb_cavi_job *c, const double *effective, double *l) {
  const vb_hyper *hyper = c->fit->hyper;
  for (int k = 0; k < hyper->n_term; k++) {
    int d = hyper->d[k];
    double a[STRIDE];
    memcpy(a, effective, sizeof(double) * d * d);
    if (vb_small_chol(d, a) != VB_OK) return VB_NOT_POS_DEF;
    for (int j = 0; j < d; j++)
      for (int i = j; i < d; i++) *l++ = i == j ? log(a[i + i * d]) : a[i + j * d] / a[j + j * d];
    effective += 2 * d * d;
  }
  if (c->has_par && !c->dear) *l = -2 * log(effective[0]);
  return VB_OK;
}

void vb_cavi_state_set(const vb_cavi_job *c, const double *l, vb_theta *theta) {
  const vb_hyper *hyper = c->fit->hyper;
  for (int k = 0; k < hyper->n_term; k++) {
    int d = hyper->d[k];
    double a[STRIDE] = {0}, *omega = theta->omega + (size_t)k * STRIDE;
    theta->log_det[k] = 0;
    for (int j = 0; j < d; j++) {
      a[j + j * d] = exp(*l);
      theta->log_det[k] -= 2 * *l++;
      for (int i = j + 1; i < d; i++) a[i + j * d] = *l++ * a[j + j * d];
    }
    for (int i = 0; i < d; i++)
      for (int j = 0; j < d; j++) {
        double s = 0;
        for (int r = 0; r <= i && r <= j; r++) s += a[i + r * d] * a[j + r * d];
        omega[i + j * d] = s;
      }
  }
  if (c->has_par && !c->dear) theta->par[0] = exp(-*l / 2);
  theta->log_prior = 0;
}

/* E log f at the current q, and what the dispersions' kernel needs of it */
static void take_likelihood(vb_cavi_job *c) {
  vb_fit *fit = c->fit;
  const vb_model *m = fit->model;
  vb_inner *in = &fit->inner;
  if (c->dear || !c->has_par) {
    c->lik = 0;
    for (int s = 0; s < c->rule.n && c->dear; s++) /* no density, no weight: not zero times inf */
      if (c->rule.weight[s] > 0) c->lik += c->rule.weight[s] * c->rule.total[s];
    return;
  }
  if (m->quadratic) {
    c->rms = vb_quadratic_rms(m, &fit->theta, in);
  } else {
    double ll = 0; /* minus half the precision times the squared residuals */
    for (int i = 0; i < m->n; i++) ll += in->rows.ll[i];
    c->rms = sqrt(fmax(-2 * ll / vb_quadratic_precision(m, fit->theta.par), 0) / m->n);
  }
  c->lik = vb_quadratic_lik(m, fit->theta.par, c->rms);
}

/* the same once q(dispersions) is the best given q(c) */
static double updated_likelihood(vb_cavi_job *c, const vb_free_form *f) {
  double lik = 0;
  for (int t = 0; t < f->T; t++) {
    if (!(f->weight[t] > 0)) continue;
    if (!c->dear && set_own(c, f, f->x + (size_t)t * f->K) != VB_OK) continue;
    lik += f->weight[t] *
           (c->dear ? c->rule.total[t] : vb_quadratic_lik(c->fit->model, c->scratch.par, c->rms));
  }
  return lik;
}

/* best q(theta) given q(c); bound <- the whole bound */
vb_status vb_cavi_update(vb_cavi_job *c, double f_c, double *bound) {
  vb_fit *fit = c->fit;
  const vb_hyper *hyper = fit->hyper;
  *bound = f_c;
  vb_second_moments(fit->model, &fit->inner.sol, fit->block.m, c->u);
  take_likelihood(c);
  fit->lik = vb_inner_lik(fit->model, &fit->theta, &fit->inner);
  for (int k = 0; k < c->n_factor; k++) {
    vb_free_form *f = c->factor + k;
    vb_status st;
    c->current = k;
    if (f->term >= 0) {
      int d = hyper->d[f->term];
      size_t o = (size_t)f->term * STRIDE;
      *bound += (hyper->n_level[f->term] * fit->theta.log_det[f->term] +
                 vb_dot(d * d, fit->theta.omega + o, c->u + o)) /
                2;
      st = update_term(c, f);
    } else {
      *bound -= c->lik;
      if (c->dear) memcpy(f->value, c->rule.total, sizeof(double) * f->T);
      st = c->dear ? vb_free_weigh(f) : update_scale(c, f);
    }
    if (st != VB_OK) return st;
    if (f->term < 0) fit->lik = updated_likelihood(c, f);
    *bound += f->log_z;
    for (int i = 0; i < f->K; i++) c->at[f->axis[i]] = f->centre[i];
  }
  return isfinite(*bound) ? VB_OK : VB_NOT_FINITE;
}

/* the dispersions' nodes where q has gone */
vb_status vb_cavi_settle(vb_cavi_job *c, int anew) {
  vb_fit *fit = c->fit;
  vb_inner *in = &fit->inner;
  if (!c->dear) return VB_OK;
  vb_free_form *f = c->factor + c->n_factor - 1;
  if (anew) {
    vb_status st = vb_cavi_lay_rule(c);
    if (st != VB_OK) return st;
    const vb_etas e = vb_row_etas(&in->rows);
    vb_expect_rule(fit->model, &c->rule, &e, in->rows.ll, in->rows.g, in->rows.h);
    memcpy(f->value, c->rule.total, sizeof(double) * f->T);
    st = vb_free_weigh(f);
    if (st != VB_OK) return st;
    if (f->K > 2) c->phase++; /* the new points' integrals differ from the old ones' */
  }
  memcpy(c->rule.weight, f->weight, sizeof(double) * f->T);
  return VB_OK;
}

void vb_cavi_alloc(vb_cavi_job *c) {
  vb_fit *fit = c->fit;
  const vb_host *h = fit->host;
  const vb_hyper *hyper = fit->hyper;
  c->has_par = hyper->n_par > 0;
  c->dear = c->has_par && !fit->model->family->quadratic;
  c->n_factor = hyper->n_term + c->has_par;
  c->factor = h->alloc(c->n_factor + 1, sizeof *c->factor);
  for (int k = 0; k < c->n_factor; k++)
    vb_free_alloc(h, hyper, k < hyper->n_term ? k : -1, c->factor + k);
  c->at = h->alloc(hyper->n_axis + 1, sizeof(double));
  memcpy(c->at, fit->mode, sizeof(double) * hyper->n_axis);
  for (int k = 0; k < c->n_factor; k++) {
    vb_free_form *f = c->factor + k;
    for (int i = 0; i < f->K; i++) {
      f->centre[i] = c->at[f->axis[i]];
      f->root[i * (size_t)(f->K + 1)] = 0.3;
    }
  }
  c->u = h->alloc((size_t)(hyper->n_term + 1) * STRIDE, sizeof(double));
  vb_theta_alloc(h, hyper, &c->scratch);
  vb_theta_set(hyper, c->at, &c->scratch); /* factors set what is theirs */
  if (c->dear) {
    int cap = 512;
    c->rule.par = h->alloc((size_t)cap * (VB_MAX_PAR + 1), sizeof(double));
    c->rule.weight = h->alloc(cap, sizeof(double));
    c->rule.base = h->alloc(cap, sizeof(double));
    c->rule.total = h->alloc(cap, sizeof(double));
    c->rule.scratch = h->alloc((size_t)fit->model->n * 3 + 1, sizeof(double));
  }
  for (int k = 0; k < hyper->n_term; k++) c->n_state += hyper->d[k] * (hyper->d[k] + 1) / 2;
  c->n_state += c->has_par && !c->dear;
  fit->n_effective = vb_theta_effective_size(hyper);
  fit->effective = h->alloc(fit->n_effective + 1, sizeof(double));
}
