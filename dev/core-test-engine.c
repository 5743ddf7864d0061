/* Whole fits without R: every likelihood, groups with and without slopes, nested and crossed. What
 * is right is tested from R; here the engine walks through its code under sanitizers, must give the
 * same bits twice and with two threads, and a posterior that is one. */
#include <math.h>
#include <string.h>
#include "core-test.h"
#include "gauss/scheme.h"
#include "joint/joint.h"
#include "design/design.h"
#include "posterior/posterior.h"

enum { P = 2 };

typedef struct {
  const char *what, *family, *link;
  int n, n_term, n_level[3], d[3];
  const char *cov; /* of all terms; NULL: us */
} example;

static const example examples[] = {
    {"regression", "gaussian", "identity", 40, 0, {0}, {0}, NULL},
    {"intercepts", "gaussian", "identity", 60, 1, {8}, {1}, NULL},
    {"slopes", "gaussian", "identity", 120, 1, {12}, {2}, NULL},
    {"crossed", "gaussian", "identity", 150, 2, {10, 6}, {1, 1}, NULL},
    {"regression", "binomial", "logit", 80, 0, {0}, {0}, NULL},
    {"intercepts", "binomial", "logit", 120, 1, {15}, {1}, NULL},
    {"slopes and crossed", "binomial", "logit", 300, 2, {15, 7}, {2, 1}, NULL},
    {"intercepts", "binomial", "probit", 120, 1, {15}, {1}, NULL},
    {"intercepts", "binomial", "cloglog", 120, 1, {15}, {1}, NULL},
    {"three factors", "poisson", "log", 200, 3, {12, 5, 20}, {1, 1, 1}, NULL},
    {"slopes", "poisson", "log", 150, 1, {10}, {2}, NULL},
    {"diag", "gaussian", "identity", 120, 1, {12}, {2}, "diag"},
    {"one sd", "poisson", "log", 150, 1, {10}, {3}, "homdiag"},
    {"compound symmetry", "gaussian", "identity", 150, 2, {12, 6}, {3, 2}, "cs"},
    {"compound symmetry of one sd", "binomial", "logit", 300, 1, {15}, {3}, "homcs"},
    {"intercepts", "negbinomial", "log", 120, 1, {10}, {1}, NULL},
    {"regression", "student", "identity", 60, 0, {0}, {0}, NULL},
    {"intercepts", "student", "identity", 90, 1, {9}, {1}, NULL},
    {"regression", "cumulative", "logit", 80, 0, {0}, {0}, NULL},
    {"intercepts", "cumulative", "logit", 90, 1, {9}, {1}, NULL},
    {"intercepts", "cumulative", "probit", 90, 1, {9}, {1}, NULL},
};

static const vb_covariance **cov_of(const example *e) {
  const vb_covariance **cov = test_host.alloc(3, sizeof *cov);
  for (int t = 0; t < 3; t++) cov[t] = vb_covariance_find(e->cov ? e->cov : "us");
  return cov;
}

static int n_par_of(const vb_family *f) { return f->thresholds ? 3 : f->n_par; }
/* a density of which only values are had */
typedef struct {
  vb_family row; /* first: self is the row */
  const vb_family *of;
} opaque_family;

static void values_alone(const vb_family *self, const vb_rows *r, const double *eta,
                         const double *par, double *ll, double *d1, double *d2) {
  const vb_family *of = ((const opaque_family *)self)->of;
  double base;
  check(!d1 && !d2, "values alone", of->name, 0, 0);
  of->log_lik(of, r, eta, par, ll, NULL, NULL);
  for (int i = 0; i < r->n && of->base; i++) {
    vb_rows one = vb_rows_range(r, i, 1);
    of->base(&one, par, &base);
    ll[i] += base;
  }
}

static const vb_family *opaque(const vb_family *of) {
  opaque_family *f = test_host.alloc(1, sizeof *f);
  f->of = of;
  f->row = (vb_family){.name = of->name,
                       .link = of->link,
                       .n_par = of->n_par,
                       .identity = of->identity,
                       .log_lik = values_alone,
                       .mean = of->mean,
                       .opaque = 1,
                       .unit = 1};
  return &f->row;
}

/* responses near 0.4 x + group effect, of whatever kind the family takes */
static double response(const vb_family *f, double eta, int i) {
  double noise = wave(3 * i + 1);
  if (f->thresholds) return 1 + (eta + noise > -0.5) + (eta + noise > 0) + (eta + noise > 0.6);
  if (!strcmp(f->link, "identity")) return eta + noise;
  if (!strcmp(f->link, "log")) return floor(exp(eta) * (1.5 + 1.4 * noise));
  return noise < 2 / (1 + exp(-eta)) - 1;
}

static vb_input rows_of(const example *e) {
  vb_input in = {.family = vb_family_find(e->family, e->link, "exact"),
                 .n = e->n,
                 .p = P,
                 .n_term = e->n_term};
  double *y = doubles(e->n), *w = doubles(e->n), *x = doubles((size_t)P * e->n), *mean = doubles(P);
  const int **group = test_host.alloc(e->n_term + 1, sizeof *group);
  const double **z = test_host.alloc(e->n_term + 1, sizeof *z);
  for (int i = 0; i < e->n; i++) {
    x[i] = w[i] = 1;
    x[e->n + i] = wave(i);
    mean[1] += wave(i) / e->n;
    y[i] = 0.4 * wave(i);
  }
  for (int t = 0; t < e->n_term; t++) {
    int *g = test_host.alloc(e->n, sizeof(int));
    double *zt = doubles((size_t)e->n * e->d[t]);
    for (int i = 0; i < e->n; i++) {
      g[i] = 1 + (t ? (int)(fabs(wave(i + 77 * t)) * e->n_level[t]) : i % e->n_level[t]);
      for (int a = 0; a < e->d[t]; a++) zt[i + (size_t)a * e->n] = a ? wave(i + 31 * (a - 1)) : 1;
      y[i] += 0.7 * wave(1000 * t + g[i]);
    }
    group[t] = g;
    z[t] = zt;
  }
  for (int i = 0; i < e->n; i++) y[i] = response(in.family, y[i], i);
  in.n_par = n_par_of(in.family);
  in.rows = (vb_rows){e->n, y, w};
  in.offset = doubles(e->n);
  const double **column = test_host.alloc(P, sizeof *column);
  for (int k = 0; k < P; k++) column[k] = x + (size_t)k * e->n;
  in.x = column;
  in.center = mean;
  in.group = group;
  in.z = z;
  in.n_level = e->n_level;
  in.d = e->d;
  in.cov = cov_of(e);
  in.prior = test_host.alloc(P, sizeof *in.prior);
  double *arg = doubles(3 * P);
  in.prior[0] = vb_prior_find("student_t"); /* one site, one normal */
  in.prior[1] = vb_prior_find("normal");
  memcpy(arg, (double[]){3, 0, 2.5, 0, 2, 0}, 3 * P * sizeof(double));
  in.prior_arg = arg;
  return in;
}

static vb_natural positive(vb_hyper *h) {
  vb_natural n = {.axis = h->n_axis++,
                  .coord = &vb_coord_log,
                  .s0 = 1,
                  .prior = vb_prior_find("student_t"),
                  .arg = {3, 0, 2.5}};
  n.log_norm = n.prior->log_norm(n.arg) - vb_prior_log_upper(n.prior, n.arg);
  return n;
}

static vb_hyper hyper_of(const example *e, const vb_family *f) {
  vb_hyper h = {.n_par = n_par_of(f),
                .n_term = e->n_term,
                .d = e->d,
                .n_level = e->n_level,
                .cov = cov_of(e)};
  int *first = test_host.alloc(e->n_term + 1, sizeof(int)), k = 0;
  h.natural = test_host.alloc(32, sizeof(vb_natural));
  for (int t = 0; t < e->n_term; t++) {
    first[t] = k;
    double beta[16], tilt[16];
    for (int a = 0; a < vb_term_sds(&h, t); a++) h.natural[k++] = positive(&h);
    if (vb_term_cors(&h, t)) h.cov[t]->shape(e->d[t], 1, beta, tilt);
    for (int i = 0; i < vb_term_cors(&h, t); i++)
      h.natural[k++] = vb_natural_correlation(beta[i], tilt[i], h.n_axis++);
  }
  h.first = first;
  h.first_par = k;
  for (int j = 0; j < 3 && f->thresholds; j++) {
    h.natural[k] = positive(&h);
    h.natural[k].coord = j ? &vb_coord_log : &vb_coord_identity;
    h.natural[k].real = 1;
    h.natural[k++].after = j > 0;
  }
  for (int j = 0; j < f->n_par; j++) /* the degrees of freedom of student are fixed at 4 */
    h.natural[k++] = j ? (vb_natural){.axis = -1, .value = 4} : positive(&h);
  h.n_natural = k;
  return h;
}

static vb_fit *ready(const example *e, int cores, int hide) {
  vb_input in = rows_of(e);
  vb_fit *fit = test_host.alloc(1, sizeof *fit);
  vb_hyper *h = test_host.alloc(1, sizeof *h);
  vb_model *m = test_host.alloc(1, sizeof *m);
  int *cell = test_host.alloc(e->n, sizeof(int));
  *h = hyper_of(e, in.family);
  if (hide) in.family = opaque(in.family);
  check(vb_scheme_model(&test_host, &vb_scheme_full, &in, cores, m, cell) == VB_OK, "model",
        e->what, 0, 0);
  fit->host = &test_host;
  fit->model = m;
  fit->hyper = h;
  fit->set = (vb_settings){.tol = 1e-6, .max_sweep = 200, .use_rq = -1, .use_lr = -1};
  fit->mode = doubles(h->n_axis + 1);
  fit->root = doubles((size_t)h->n_axis * h->n_axis + 1);
  fit->n_hyper = h->n_natural;
  for (int k = 0; k < h->n_axis; k++) fit->mode[k] = log(0.5);
  vb_inner_alloc(m, &fit->inner);
  vb_theta_alloc(&test_host, h, &fit->theta);
  vb_block_alloc(m, &fit->block);
  vb_block_alloc(m, &fit->spare);
  return fit;
}

static vb_fit *run(const example *e, int cores, int hide) {
  vb_fit *fit = ready(e, cores, hide);
  vb_fit_run(fit);
  return fit;
}

static void check_fit(const example *e, const vb_fit *fit) {
  double sum = 0;
  check(fit->status == VB_OK && fit->converged, "converged", e->what, fit->status, VB_OK);
  check(isfinite(fit->elbo) && isfinite(fit->log_evidence), "elbo", e->what, fit->elbo, 0);
  for (int s = 0; s < fit->n_node; s++) {
    const vb_node *node = fit->node[s];
    sum += node->weight;
    for (int k = 0; k < fit->model->n_coef; k++)
      if (!(isfinite(node->mean[k]) && node->var[k] > 0))
        check(0, "node", e->what, node->mean[k], node->var[k]);
  }
  check_near(sum, 1, 1e-8, "weights of the nodes", e->what);
  sum = 0;
  for (int t = 0; t < fit->n_point; t++) sum += fit->point_weight[t];
  check_near(sum, 1, 1e-8, "weights of the points", e->what);
  for (int i = 1; i < fit->n_step; i++) {
    double before = fit->step[i - 1].elbo, after = fit->step[i].elbo;
    if (fit->step[i].phase == fit->step[i - 1].phase)
      check(after >= before - 1e-7 * fabs(before), "the trace never falls", e->what, after, before);
  }
}

static void check_same(const example *e, const vb_fit *a, const vb_fit *b, const char *what) {
  int same = a->n_node == b->n_node && a->elbo == b->elbo && a->log_evidence == b->log_evidence;
  for (int s = 0; same && s < a->n_node; s++)
    same = !memcmp(a->node[s]->mean, b->node[s]->mean, sizeof(double) * a->model->n_coef) &&
           !memcmp(a->node[s]->var, b->node[s]->var, sizeof(double) * a->model->n_coef);
  check(same, what, e->what, b->elbo, a->elbo);
}

static void check_opaque(const example *e, const vb_fit *b) {
  const vb_fit *a = run(e, 1, 1);
  check_fit(e, a);
  /* student's own rules go by the variance whatever its sigma: the difference is their error */
  double tol = a->model->family->identity ? 2e-5 : 1e-6;
  check_near(a->elbo, b->elbo, tol, "elbo without derivatives", e->what);
  check_near(a->log_evidence, b->log_evidence, tol, "evidence without derivatives", e->what);
  for (int k = 0; k < a->model->n_coef; k++) {
    double mean[2] = {0, 0};
    for (int s = 0; s < a->n_node; s++) mean[0] += a->node[s]->weight * a->node[s]->mean[k];
    for (int s = 0; s < b->n_node; s++) mean[1] += b->node[s]->weight * b->node[s]->mean[k];
    /* which nodes have weight hangs on the last digits of what they are at */
    double unit = sqrt(a->node[0]->var[k]) / (1 + fabs(mean[1]));
    check_near(mean[0], mean[1], 1e-3 * unit, "means without derivatives", e->what);
  }
}

/* the log joint density against its own differences, of all rows and of some */
static void check_joint(const example *e, int dense_up_to, int hide) {
  vb_fit *fit = ready(e, 1, hide);
  vb_joint joint;
  vb_status st = vb_joint_make(&test_host, fit->model, fit->hyper, fit->mode, dense_up_to, &joint);
  check(st == VB_OK, "pilot", e->what, st, VB_OK);
  int dim = joint.density.dim, n = fit->model->n_coef, batch = e->n / 3;
  double h = 1e-4, *x = doubles(2 * (size_t)dim * dim), *value = doubles(2 * dim), at, none;
  double *xi = doubles(dim), *grad = doubles(dim), *uniform = doubles(batch), *var = doubles(n);
  for (int i = 0; i < dim; i++) xi[i] = 0.5 * wave(i) + (i < n ? 0 : fit->mode[i - n]);
  for (int i = 0; i < batch; i++) uniform[i] = 0.5 + 0.49 * wave(7 * i);
  for (int i = 0; i < n; i++) var[i] = 1 + 0.5 * wave(i);
  for (int k = 0; k < 2 * dim; k++) {
    memcpy(x + (size_t)k * dim, xi, sizeof(double) * dim);
    x[(size_t)k * dim + k % dim] += k < dim ? h : -h;
  }
  for (int some = 0; some < 2; some++) {
    joint.density.subsample(&joint, some ? batch : 0, uniform);
    joint.density.eval(&joint, 1, xi, &at, grad);
    joint.density.eval(&joint, 2 * dim, x, value, NULL);
    for (int k = 0; k < dim; k++) {
      double slope = (value[k] - value[dim + k]) / (2 * h);
      check_near(grad[k] / (1 + fabs(slope)), slope / (1 + fabs(slope)), 1e-5, "slope", e->what);
    }
  }
  double *mean = doubles(n), *out = doubles(n), *cov = doubles((size_t)n * n), beta[P * P];
  for (int i = 0; i < n; i++) cov[i * (size_t)(n + 1)] = var[i];
  st = vb_joint_conditional(&joint, xi + n, &(vb_zeta){xi, cov, NULL}, mean, var, beta);
  check(st == VB_OK, "moments", e->what, st, VB_OK);
  none = beta[1];
  for (int i = 0; i < n; i++) x[i] = cov[i * (size_t)(n + 1)];
  vb_joint_conditional(&joint, xi + n, &(vb_zeta){xi, NULL, x}, mean, out, beta);
  for (int i = 0; i < n; i++) check_near(out[i], var[i], 1e-10, "variance", e->what);
  check_near(beta[1], none, 1e-10, "covariance of beta", e->what);
}

void test_engine(void) {
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    const example *e = examples + i;
    vb_fit *fit = run(e, 1, 0);
    check_fit(e, fit);
    check_same(e, fit, run(e, 1, 0), "two runs");
    check_same(e, fit, run(e, 2, 0), "two threads");
    const vb_family *f = fit->model->family; /* no density of the user's has thresholds */
    if (!f->quadratic && !f->thresholds) check_opaque(e, fit);
    check_joint(e, 300, 0);
    check_joint(e, 0, 0);
    if (!f->thresholds) check_joint(e, 300, 1);
    release();
  }
}

/* quantiles of a mixture: the inverse of its distribution function */
void test_mixture(void) {
  double mean[2] = {-1, 2}, var[2] = {1, 0.25}, weight[2] = {0.3, 0.7};
  for (int i = 1; i < 20; i++) {
    double p = i / 20.0, q = vb_mixture_quantile(2, mean, var, NULL, weight, p), cdf = 0;
    for (int s = 0; s < 2; s++) cdf += weight[s] * 0.5 * erfc(-(q - mean[s]) / sqrt(2 * var[s]));
    check_near(cdf, p, 1e-9, "mixture quantile", "cdf");
  }
}
