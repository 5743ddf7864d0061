/* Stochastic gradients: Gaussians in every form of q, logistic regression, mini-batches, a hole. */
#include <math.h>
#include <string.h>
#include "core-test-advi.h"
#include "advi/fresh.h"
#include "numbers/small.h"

enum { ROWS = 60 };
typedef struct { /* logistic regression, or the means of dim columns of normal responses */
  int dim, n, batch, row[ROWS];
  double x[ROWS * MAX_DIM], y[ROWS];
} table;

static vb_status logistic_eval(void *data, int n, const double *b, double *value, double *grad) {
  const table *t = data;
  int d = t->dim;
  for (int i = 0; i < n; i++) {
    const double *at = b + (size_t)i * d;
    value[i] = -vb_dot(d, at, at) / 8;
    for (int k = 0; k < d && grad; k++) grad[i * d + k] = -at[k] / 4;
    for (int r = 0; r < t->n; r++) {
      double eta = vb_dot(d, t->x + r * d, at), p = 1 / (1 + exp(-eta));
      value[i] += t->y[r] * eta - (eta > 0 ? eta : 0) - log1p(exp(-fabs(eta)));
      for (int k = 0; k < d && grad; k++) grad[i * d + k] += (t->y[r] - p) * t->x[r * d + k];
    }
  }
  return VB_OK;
}
static vb_status means_eval(void *data, int n, const double *mu, double *value, double *grad) {
  const table *t = data;
  int d = t->dim, rows = t->batch ? t->batch : t->n;
  double weight = (double)t->n / rows;
  for (int i = 0; i < n * d; i++) {
    double g = 0, v = 0;
    for (int j = 0; j < rows; j++) {
      double off = t->x[(t->batch ? t->row[j] : j) * d + i % d] - mu[i];
      g += weight * off;
      v -= weight * off * off / 2;
    }
    value[i / d] = (i % d ? value[i / d] : 0) + v;
    if (grad) grad[i] = g;
  }
  return VB_OK;
}
static vb_status means_subsample(void *data, int size, const double *u) {
  table *t = data;
  t->batch = size;
  for (int j = 0; j < size; j++) t->row[j] = (int)(u[j] * t->n);
  return VB_OK;
}
static table example_table(int dim) {
  table t = {.dim = dim, .n = ROWS};
  for (int r = 0; r < ROWS; r++) {
    for (int k = 0; k < dim; k++) t.x[r * dim + k] = k ? 2 * wave(r * dim + k) : 1;
    t.y[r] = wave(r + 1000) + t.x[r * dim + 1] / 2 > 0;
  }
  return t;
}

/* ---- average.c ------------------------------------------------------------------------------- */
static void check_average(void) {
  enum { N = 3, LEN = 2, LAST = 1000 };
  vb_average avg;
  double *x = doubles(N), *mean = doubles(N);
  vb_average_alloc(&test_host, N, &avg);
  vb_average_clear(&avg, LEN);
  int blocks = 0;
  for (int i = 0; i < LAST; i++) {
    for (int k = 0; k < N; k++) x[k] = k + i;
    blocks += vb_average_add(&avg, x);
  }
  vb_average_over(&avg, 0, avg.n_block, mean);
  int used = avg.n_block * avg.len; /* blocks are of consecutive iterates, from the first */
  check(used + avg.filled == LAST, "average", "iterates", used, LAST);
  check(avg.n_block <= VB_AVERAGE_BLOCKS, "average", "blocks", avg.n_block, VB_AVERAGE_BLOCKS);
  for (int k = 0; k < N; k++) check_near(mean[k], k + (used - 1) / 2.0, 1e-12, "average", "mean");
  release();
}

/* ---- fresh.c --------------------------------------------------------------------------------- */

/* Full rank finds the Gaussian itself, mean field its conditional variances (Bishop 2006, 10.1.2);
 * every bound is between that of mean field and the evidence. */
static void on_gaussian(const char *form) {
  gaussian t = gaussian_example(MAX_DIM);
  run r;
  double cov[MAX_DIM * MAX_DIM], evidence = gaussian_truth(&t, cov), least = 0;
  run_make(&r, MAX_DIM, gaussian_eval, &t);
  r.advi.set.approximation = vb_approximation_find(form);
  r.advi.set.fresh = 1;
  check(vb_advi_run(&r.advi) == VB_OK, "fresh", form, r.advi.status, VB_OK);
  check(r.density.n_grad < 10000, "fresh gradients", form, r.density.n_grad, 10000);
  for (int k = 0; k < MAX_DIM; k++) {
    double own = 1 / sqrt(t.precision[k * (MAX_DIM + 1)]), sd = sqrt(cov[k * (MAX_DIM + 1)]);
    check(fabs(r.advi.mean[k] - t.mean[k]) < 0.02 * sd, "fresh mean", form, r.advi.mean[k],
          t.mean[k]);
    least += log(own) + VB_LOG_2PI / 2;
    if (r.advi.q.n_scale == MAX_DIM) sd = own;
    double tol = r.advi.q.rank && r.advi.q.n_noise > MAX_DIM ? 0.5 : 0.05;
    check(fabs(log(r.advi.sd_q[k] / sd)) < tol, "fresh sd", form, r.advi.sd_q[k], sd);
  }
  check(r.advi.elbo > least - 0.05 && r.advi.elbo < evidence + 0.05, "fresh elbo", form,
        r.advi.elbo, evidence);
  int phases = 0;
  for (int i = 0; i < r.advi.n_step; i++) phases |= 1 << r.advi.step[i].phase;
  check(phases & 1 << VB_PHASE_BOUND && phases & 1 << VB_PHASE_AVERAGE, "fresh trace", form, phases,
        0);
  release();
}

/* against the optimum at fixed noise */
static void on_logistic(const char *form) {
  enum { DIM = 4 };
  table t = example_table(DIM);
  run r;
  double mean[DIM], sd[DIM];
  for (int fresh = 0; fresh < 2; fresh++) {
    run_make(&r, DIM, logistic_eval, &t);
    r.advi.set.approximation = vb_approximation_find(form);
    r.advi.set.fresh = fresh;
    check(vb_advi_run(&r.advi) == VB_OK, "fresh logistic", form, r.advi.status, VB_OK);
    for (int k = 0; k < DIM && fresh; k++) {
      check(fabs(r.advi.mean[k] - mean[k]) < 0.05 * sd[k], "fresh logistic mean", form,
            r.advi.mean[k], mean[k]);
      check(fabs(log(r.advi.sd_q[k] / sd[k])) < 0.08, "fresh logistic sd", form, r.advi.sd_q[k],
            sd[k]);
    }
    memcpy(mean, r.advi.mean, sizeof mean);
    memcpy(sd, r.advi.sd_q, sizeof sd);
    release();
  }
}

static void on_batches(void) {
  enum { DIM = 2 };
  table t = example_table(DIM);
  run r;
  run_make(&r, DIM, means_eval, &t);
  r.density.subsample = means_subsample;
  r.advi.set.approximation = vb_approximation_find("meanfield");
  r.advi.set.fresh = 1;
  r.advi.set.batch = 20;
  r.advi.set.max_iter = 4000;
  vb_advi_run(&r.advi);
  check(r.advi.status == VB_OK || r.advi.status == VB_MAX_ITER, "batch", "status", r.advi.status,
        0);
  check(t.batch == 0, "batch", "all rows in the end", t.batch, 0);
  for (int k = 0; k < DIM; k++) {
    double mean = 0, sd = 1 / sqrt(ROWS);
    for (int i = 0; i < ROWS; i++) mean += t.x[i * DIM + k] / ROWS;
    check(fabs(r.advi.mean[k] - mean) < 0.15 * sd, "batch", "mean", r.advi.mean[k], mean);
    check(fabs(log(r.advi.sd_q[k] / sd)) < 0.05, "batch", "sd", r.advi.sd_q[k], sd);
  }
  release();
}

/* a Gaussian with a hole three sds away, and one too wide to begin in the frame's width */
static vb_status hole_eval(void *data, int n, const double *x, double *value, double *grad) {
  vb_status st = gaussian_eval(data, n, x, value, grad);
  for (int i = 0; i < n; i++)
    if (x[2 * i] > 3) value[i] = NAN;
  return st;
}
static void near_a_hole(void) {
  gaussian t = {.dim = 2, .precision = {1, 0, 0, 1}};
  run r;
  run_make(&r, 2, hole_eval, &t);
  r.advi.set.approximation = vb_approximation_find("fullrank");
  r.advi.set.fresh = 1;
  vb_advi_run(&r.advi);
  check(r.advi.status == VB_OK || r.advi.status == VB_MAX_ITER, "fresh", "hole", r.advi.status, 0);
  for (int k = 0; k < 2; k++) {
    check(fabs(r.advi.mean[k]) < 0.3, "fresh", "hole", r.advi.mean[k], 0);
    check(fabs(log(r.advi.sd_q[k])) < 0.3, "fresh", "hole", r.advi.sd_q[k], 1);
  }
  release();
}

void test_fresh(void) {
  check_average();
  for (int i = 0; i < vb_approximation_count(); i++) on_gaussian(vb_approximation_row(i)->name);
  on_logistic("meanfield");
  on_logistic("fullrank");
  on_batches();
  near_a_hole();
}
