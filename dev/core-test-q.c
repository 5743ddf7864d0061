/* The approximations, the bound at fixed draws, and ADVI as a whole on Gaussians. */
#include <math.h>
#include <string.h>
#include "advi/advi.h"
#include "core-test.h"
#include "numbers/small.h"

#define D 5
#define RANK 2

/* normals that are none, but spread like them: what whitening is for */
static unsigned long state = 1;
static double some_uniform(void) {
  state = (state * 6364136223846793005UL + 1442695040888963407UL);
  return ((double)(state >> 11) + 0.5) / 9007199254740992.0;
}
static void normal(void *data, size_t n, double *out) {
  (void)data;
  for (size_t i = 0; i < n; i++)
    out[i] = sqrt(-2 * log(some_uniform())) * cos(6.283185307179586 * some_uniform());
}
static void uniform(void *data, size_t n, double *out) {
  (void)data;
  for (size_t i = 0; i < n; i++) out[i] = some_uniform();
}

typedef struct {
  double precision[D * D], mean[D], edge; /* no density where x_0 > edge */
} gaussian;

static gaussian example(void) {
  gaussian g = {.edge = INFINITY};
  for (int a = 0; a < D; a++) {
    g.mean[a] = 3 * wave(a);
    for (int b = 0; b < D; b++)
      g.precision[a + D * b] = (a == b ? 2 + a : 0) + wave(a + 1) * wave(b + 1);
  }
  return g;
}

static vb_status gaussian_eval(void *data, int n, const double *x, double *value, double *grad) {
  const gaussian *t = data;
  for (int i = 0; i < n; i++) {
    value[i] = x[i * D] > t->edge ? NAN : 0;
    for (int a = 0; a < D; a++) {
      double s = 0;
      for (int b = 0; b < D; b++) s -= t->precision[a + D * b] * (x[i * D + b] - t->mean[b]);
      value[i] += s * (x[i * D + a] - t->mean[a]) / 2;
      if (grad) grad[i * D + a] = s;
    }
  }
  return VB_OK;
}

static double log_det_at(const vb_q *q, const double *scale) {
  double value;
  q->form->log_det(q, scale, &value, NULL);
  return value;
}

/* a row's functions against the dense S that spread() gives */
static void check_row(const vb_approximation *form) {
  vb_q q;
  vb_q_alloc(&test_host, form, D, RANK, &q);
  int n = q.n_scale, m = q.n_noise;
  double *scale = q.par + D, *d = doubles(n), *cov = doubles(D * D), *z = doubles(2 * m);
  double *g = doubles(2 * D), *out = doubles(2 * D), value, h = 1e-6;
  for (int k = 0; k < n; k++) scale[k] += 0.2 * wave(3 * k);
  for (int k = 0; k < 2 * m; k++) z[k] = wave(5 * k);
  for (int k = 0; k < 2 * D; k++) g[k] = wave(7 * k + 1);
  check(form->log_det(&q, scale, &value, d) == VB_OK, "domain", form->name, 0, 0);
  vb_q_cov(&test_host, &q, q.par, cov);
  vb_chol(D, cov, D);
  check_near(value, vb_chol_log_det(D, cov, D) / 2, 1e-10, "log |S|", form->name);
  for (int k = 0; k < n; k++) {
    double at = scale[k], up, down;
    scale[k] = at + h;
    up = log_det_at(&q, scale);
    scale[k] = at - h;
    down = log_det_at(&q, scale);
    scale[k] = at;
    check_near(d[k], (up - down) / (2 * h), 1e-7, "gradient of log |S|", form->name);
  }
  /* sum_i g_i'S z_i is linear in the scale: its gradient times the scale is itself */
  form->collect(&q, 2, g, z, d);
  form->spread(&q, scale, 2, z, out);
  check_near(vb_dot(n, d, scale), vb_dot(2 * D, g, out), 1e-10, "adjoint", form->name);
  double *score = doubles(2 * D);
  form->score(&q, scale, 2, z, score);
  vb_chol_solve(D, cov, D, 2, out, D);
  for (int k = 0; k < 2 * D; k++) check_near(score[k], -out[k], 1e-9, "score", form->name);
  if (form->absorb) { /* root S as a frame, and back */
    vb_frame frame;
    vb_frame_alloc(&test_host, D, form->full, &frame);
    form->absorb(&q, scale, &frame);
    vb_frame_root(&frame, 2, z, g);
    form->spread(&q, scale, 2, z, out);
    for (int k = 0; k < 2 * D; k++) check_near(g[k], out[k], 1e-12, "frame", form->name);
    check_near(frame.log_det, value, 1e-12, "log |frame|", form->name);
  }
  release();
}

static void check_whitening(int M) {
  double *raw = doubles((size_t)D * M / 2), *z = doubles((size_t)D * M);
  normal(NULL, (size_t)D * M / 2, raw);
  check(vb_noise_whiten(&test_host, D, M, raw, z) == VB_OK, "whitening", "", M, M);
  for (int a = 0; a < D; a++)
    for (int b = 0; b < D; b++) {
      double second = 0, first = 0;
      for (int i = 0; i < M; i++) {
        second += z[a + D * i] * z[b + D * i] / M;
        first += z[a + D * i];
      }
      check_near(first, 0, 1e-12, "first moment", "noise");
      if (M >= 2 * D || a == b) check_near(second, a == b, 1e-10, "second moment", "noise");
    }
  release();
}

/* mean and covariance of a Gaussian, to rounding; edge: a hole that some draws would fall into */
static void check_run(const vb_approximation *form, double edge) {
  gaussian t = example();
  t.edge = t.mean[0] + edge;
  double start[D] = {0}, cov[D * D];
  start[0] = t.mean[0] - 2;
  vb_density density = {.dim = D, .data = &t, .eval = gaussian_eval};
  vb_advi a = {.host = &test_host,
               .density = &density,
               .noise = {NULL, normal, uniform},
               .n_start = 1,
               .start = start};
  a.set = (vb_advi_settings){.approximation = form,
                             .min_noise = 2 * (D + RANK),
                             .max_noise = 256,
                             .rank = RANK,
                             .n_path = 2,
                             .n_draw = 500,
                             .max_iter = 1000,
                             .use_lr = -1,
                             .tol = 1e-6,
                             .noise_tol = 0.02};
  check(vb_advi_run(&a) == VB_OK, "status", form->name, a.status, VB_OK);
  memcpy(cov, t.precision, sizeof cov);
  vb_chol(D, cov, D);
  vb_chol_inverse(D, cov, D);
  /* the columns of B may rotate: along that the bound is flat and Newton steps are rough */
  double tol = form->absorb ? 1e-8 : 1e-6;
  for (int k = 0; k < D; k++) check_near(a.mean[k], t.mean[k], tol, "mean", form->name);
  for (int k = 0; k < D * D; k++) check_near(a.cov[k], cov[k], 1e-8, "covariance", form->name);
  if (isinf(edge)) check(a.khat < 0.5, "Pareto k", form->name, a.khat, 0);
  release();
}

void test_q(void) {
  for (int i = 0; i < vb_approximation_count(); i++) {
    check_row(vb_approximation_row(i));
    check_run(vb_approximation_row(i), INFINITY);
  }
  check_run(vb_approximation_find("meanfield"), 4);
  check_whitening(2 * D);
  check_whitening(6);
}
