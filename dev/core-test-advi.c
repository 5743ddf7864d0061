/* Pareto smoothing against loo, and Pathfinder on densities whose answer is known. */
#include <math.h>
#include <string.h>
#include "core-test-advi.h"
#include "numbers/small.h"

/* ---- noise: a generator of its own, so that every run is the same --------------------------- */
static void uniform(void *data, size_t n, double *out) { /* xorshift64 (Marsaglia 2003) */
  unsigned long long *state = data;
  for (size_t i = 0; i < n; i++) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    out[i] = ((double)(*state >> 11) + 0.5) / 9007199254740992.0;
  }
}
static void normal(void *data, size_t n, double *out) { /* Box & Muller */
  for (size_t i = 0; i < n; i++) {
    double u[2];
    uniform(data, 2, u);
    out[i] = sqrt(-2 * log(u[0])) * cos(6.283185307179586 * u[1]);
  }
}

/* ---- psis.c: loo::psis() of the same weights ------------------------------------------------- */
void test_psis(void) {
  enum { N = 400 };
  static const struct {
    double k, sum, largest, cut;
    int at, at_cut;
  } want[2] = {
      {-0.5814656453399594, 1294.790072572468, 2.975925138985593, 1.939650519596004, 218, 226},
      {0.936211800613331, 6667.021463532951, 7.456712982035741, 2.565691568488784, 229, 142}};
  for (int kind = 0; kind < 2; kind++) {
    double *lw = doubles(N), *sorted = doubles(N), sum = 0;
    for (int i = 0; i < N; i++) lw[i] = sorted[i] = kind ? -log(fabs(wave(i))) : 3 * wave(i);
    check_near(vb_psis(N, lw), want[kind].k, 1e-10, "psis", "k");
    check_near(vb_pareto_k(N, sorted), want[kind].k, 1e-10, "pareto_k", "k");
    for (int i = 0; i < N; i++) sum += exp(lw[i]);
    check_near(sum, want[kind].sum, 1e-10, "psis", "sum of weights");
    check_near(lw[want[kind].at], want[kind].largest, 1e-10, "psis", "largest");
    check_near(lw[want[kind].at_cut], want[kind].cut, 1e-12, "psis", "not in the tail");
  }
  double *flat = doubles(N);
  check(vb_psis(N, flat) == -INFINITY, "psis", "equal weights", 0, 0);
  check(isnan(vb_psis(20, flat)), "psis", "too few", 0, 0);
  for (int i = 0; i < N; i++) flat[i] = -INFINITY;
  check(vb_psis(N, flat) == INFINITY, "psis", "no weights", 0, 0);
  release();
}

/* ---- targets --------------------------------------------------------------------------------- */
gaussian gaussian_example(int dim) {
  gaussian g = {.dim = dim};
  for (int a = 0; a < dim; a++) {
    g.mean[a] = 3 * wave(a);
    for (int b = 0; b < dim; b++) {
      g.precision[a + dim * b] = a == b ? 1 + a : 0;
      for (int k = 0; k < 3; k++) g.precision[a + dim * b] += 3 * wave(3 * a + k) * wave(3 * b + k);
    }
  }
  return g;
}
vb_status gaussian_eval(void *data, int n, const double *x, double *value, double *grad) {
  const gaussian *t = data;
  int d = t->dim;
  for (int i = 0; i < n; i++) {
    value[i] = 0;
    for (int a = 0; a < d; a++) {
      double s = 0;
      for (int b = 0; b < d; b++) s -= t->precision[a + d * b] * (x[i * d + b] - t->mean[b]);
      value[i] += s * (x[i * d + a] - t->mean[a]) / 2;
      if (grad) grad[i * d + a] = s;
    }
  }
  return VB_OK;
}
double gaussian_truth(const gaussian *t, double *cov) {
  int d = t->dim;
  memcpy(cov, t->precision, sizeof(double) * d * d);
  vb_chol(d, cov, d);
  double evidence = (d * VB_LOG_2PI - vb_chol_log_det(d, cov, d)) / 2;
  vb_chol_inverse(d, cov, d);
  return evidence;
}

/* 3/4 N(2, I) + 1/4 N(-4, I) in two dimensions */
static vb_status bimodal_eval(void *data, int n, const double *x, double *value, double *grad) {
  (void)data;
  for (int i = 0; i < n; i++) {
    const double *at = x + 2 * i;
    double up = log(3) - (pow(at[0] - 2, 2) + pow(at[1] - 2, 2)) / 2;
    double low = -(pow(at[0] + 4, 2) + pow(at[1] + 4, 2)) / 2, top = fmax(up, low);
    double p = exp(up - top), q = exp(low - top);
    value[i] = top + log(p + q);
    for (int k = 0; k < 2 && grad; k++)
      grad[2 * i + k] = -(p * (at[k] - 2) + q * (at[k] + 4)) / (p + q);
  }
  return VB_OK;
}
/* x_0 ~ N(0, 1), x_1 | x_0 ~ N(x_0^2 / 2, 1/2) */
static vb_status banana_eval(void *data, int n, const double *x, double *value, double *grad) {
  (void)data;
  for (int i = 0; i < n; i++) {
    double a = x[2 * i], off = x[2 * i + 1] - a * a / 2;
    value[i] = -a * a / 2 - off * off;
    if (!grad) continue;
    grad[2 * i] = -a + 2 * off * a;
    grad[2 * i + 1] = -2 * off;
  }
  return VB_OK;
}
/* independent Gamma(8, 1): none below 0 */
static vb_status gamma_eval(void *data, int n, const double *x, double *value, double *grad) {
  (void)data;
  for (int i = 0; i < n; i++) {
    value[i] = 0;
    for (int k = 0; k < 2; k++) {
      double at = x[2 * i + k];
      value[i] += at > 0 ? 7 * log(at) - at : NAN;
      if (grad) grad[2 * i + k] = 7 / at - 1;
    }
  }
  return VB_OK;
}

/* ---- runs ------------------------------------------------------------------------------------ */
void run_make(run *r, int dim, log_density eval, void *data) {
  memset(r, 0, sizeof *r);
  r->state = 88172645463325252ULL;
  r->density = (vb_density){.dim = dim, .data = data, .eval = eval};
  r->advi = (vb_advi){.host = &test_host,
                      .density = &r->density,
                      .noise = {&r->state, normal, uniform},
                      .n_start = 1,
                      .start = r->start};
  r->advi.set = (vb_advi_settings){.min_noise = 32,
                                   .max_noise = 1024,
                                   .rank = 2,
                                   .n_path = 1,
                                   .n_draw = N_DRAW,
                                   .max_iter = 1000,
                                   .tol = 1e-6,
                                   .noise_tol = 0.02};
}

/* ---- path.c ---------------------------------------------------------------------------------- */

/* BFGS over conjugate directions ends with the inverse Hessian, over some with what the recursion
 * on dense matrices gives */
static void check_build(int dim, int n_pair) {
  gaussian t = gaussian_example(dim);
  vb_path path;
  vb_lbfgs_memory pair = {.n = dim, .m = VB_PATH_HISTORY, .used = n_pair};
  double *l = doubles(dim * dim), *h = doubles(dim * dim), *cov = doubles(dim * dim);
  double *diag = doubles(dim), *x = doubles(dim), *grad = doubles(dim), value;
  pair.s = doubles(dim * VB_PATH_HISTORY);
  pair.y = doubles(dim * VB_PATH_HISTORY);
  pair.next = 3; /* round the end of the ring */
  memcpy(l, t.precision, sizeof(double) * dim * dim);
  vb_chol(dim, l, dim);
  for (int k = 0; k < dim; k++) h[k * (dim + 1)] = diag[k] = 0.5 + fabs(wave(k));
  for (int k = 0; k < n_pair; k++) {
    int at = (pair.next - n_pair + k + pair.m) % pair.m;
    double *s = pair.s + at * dim, *y = pair.y + at * dim, *hy = doubles(dim);
    s[k] = 1;
    vb_chol_half_t(dim, l, dim, 1, s, dim);
    vb_gemm_nn(dim, 1, dim, 1, t.precision, dim, s, dim, 0, y, dim);
    vb_gemm_nn(dim, 1, dim, 1, h, dim, y, dim, 0, hy, dim);
    double sy = vb_dot(dim, s, y), c = (1 + vb_dot(dim, y, hy) / sy) / sy;
    for (int a = 0; a < dim; a++)
      for (int b = 0; b < dim; b++)
        h[a + b * dim] += c * s[a] * s[b] - (hy[a] * s[b] + s[a] * hy[b]) / sy;
  }
  for (int k = 0; k < dim; k++) x[k] = wave(k + 30);
  gaussian_eval(&t, 1, x, &value, grad);
  vb_path_alloc(&test_host, dim, &path);
  vb_status st = vb_path_build(&pair, diag, x, grad, doubles(vb_path_work(dim)), &path);
  check(st == VB_OK, "path", "status", st, VB_OK);
  vb_path_cov(&path, cov);
  vb_path_var(&path, diag);
  for (int k = 0; k < dim * dim; k++) check_near(cov[k], h[k], 1e-10, "path", "covariance");
  for (int k = 0; k < dim; k++) {
    check_near(diag[k], h[k * (dim + 1)], 1e-10, "path", "variance");
    check_near(path.mean[k], x[k] + vb_dot(dim, h + k * dim, grad), 1e-10, "path", "mean");
    if (n_pair == dim) check_near(path.mean[k], t.mean[k], 1e-10, "path", "optimum");
  }
  double *z = doubles(dim), *draw = doubles(dim), q[2], dense = 0;
  for (int k = 0; k < dim; k++) z[k] = wave(k + 60);
  vb_path_draw(&path, 1, z, draw, q);
  vb_path_log_density(&path, 1, draw, z, q + 1);
  for (int k = 0; k < dim; k++) draw[k] -= path.mean[k];
  vb_chol(dim, h, dim);
  dense -= (vb_chol_log_det(dim, h, dim) + dim * VB_LOG_2PI) / 2;
  vb_chol_half(dim, h, dim, 1, draw, dim);
  dense -= vb_dot(dim, draw, draw) / 2;
  check_near(q[0], dense, 1e-10, "path", "log density of a draw");
  check_near(q[1], dense, 1e-10, "path", "log density");
  release();
}

/* ---- pathfinder.c, resample.c ---------------------------------------------------------------- */
static void on_gaussian(void) {
  gaussian t = gaussian_example(MAX_DIM);
  run r;
  double cov[MAX_DIM * MAX_DIM], evidence = gaussian_truth(&t, cov);
  run_make(&r, MAX_DIM, gaussian_eval, &t);
  r.advi.set.n_path = 4;
  check(vb_advi_run(&r.advi) == VB_OK, "pathfinder", "gaussian", r.advi.status, VB_OK);
  check(r.density.n_grad < 100, "pathfinder", "gradients", r.density.n_grad, 100);
  check(r.advi.khat < 0.7, "pathfinder", "k", r.advi.khat, 0.7);
  check(r.advi.elbo > evidence - 1, "pathfinder", "elbo", r.advi.elbo, evidence);
  for (int k = 0; k < MAX_DIM; k++) {
    double sd = sqrt(cov[k * (MAX_DIM + 1)]);
    check(fabs(r.advi.mean[k] - t.mean[k]) < 0.15 * sd, "pathfinder", "mean", r.advi.mean[k],
          t.mean[k]);
    check(fabs(log(r.advi.sd[k] / sd)) < 0.15, "pathfinder", "sd", r.advi.sd[k], sd);
    check_near(r.advi.cov[k * (MAX_DIM + 1)], r.advi.sd[k] * r.advi.sd[k], 1e-12, "pathfinder",
               "covariance");
  }
  release();
}

static void on_two_modes(void) {
  run r;
  run_make(&r, 2, bimodal_eval, NULL);
  memcpy(r.start, (double[]){1, 1, -2, -3}, 4 * sizeof(double));
  r.advi.n_start = 2;
  r.advi.set.n_path = 5; /* three go to the one mode, two to the other */
  double value;
  check(vb_advi_run(&r.advi) == VB_OK, "pathfinder", "two modes", r.advi.status, VB_OK);
  check(r.advi.khat < 0.5, "pathfinder", "two modes, k", r.advi.khat, 0.5);
  for (int k = 0; k < 2; k++) {
    double mean = 0;
    for (int i = 0; i < N_DRAW; i++) mean += r.advi.draw[2 * i + k] / N_DRAW;
    check(fabs(r.advi.mean[k] - 0.5) < 0.3, "pathfinder", "two modes", r.advi.mean[k], 0.5);
    check(fabs(mean - 0.5) < 0.3, "pathfinder", "two modes, draws", mean, 0.5);
  }
  bimodal_eval(NULL, 1, r.advi.draw, &value, NULL);
  check_near(r.advi.lp[0], value, 1e-12, "pathfinder", "lp");
  release();
}

static void on_curved_and_bounded(void) {
  run r;
  run_make(&r, 2, banana_eval, NULL);
  r.advi.set.n_path = 6;
  check(vb_advi_run(&r.advi) == VB_OK, "pathfinder", "banana", r.advi.status, VB_OK);
  check(fabs(r.advi.mean[0]) < 0.3, "pathfinder", "banana", r.advi.mean[0], 0);
  check(r.advi.mean[1] > 0 && r.advi.mean[1] < 1, "pathfinder", "banana", r.advi.mean[1], 0.5);
  release();

  run_make(&r, 2, gamma_eval, NULL);
  memcpy(r.start, (double[]){6, 9, -3, -5}, 4 * sizeof(double)); /* the second one has no density */
  r.advi.n_start = 2;
  r.advi.set.n_path = 4;
  check(vb_advi_run(&r.advi) == VB_OK, "pathfinder", "bounded", r.advi.status, VB_OK);
  check(r.density.n_bad > 0, "pathfinder", "bad points", r.density.n_bad, 1);
  for (int k = 0; k < 2; k++)
    check(fabs(r.advi.mean[k] - 8) < 1, "pathfinder", "bounded", r.advi.mean[k], 8);
  for (int i = 0; i < N_DRAW; i++)
    check(isfinite(r.advi.lp[i]), "pathfinder", "bounded", r.advi.lp[i], 0);
  release();

  run_make(&r, 2, gamma_eval, NULL);
  memcpy(r.start, (double[]){-3, 1}, 2 * sizeof(double));
  check(vb_advi_run(&r.advi) == VB_NOT_FINITE, "pathfinder", "no start", r.advi.status, 2);
  check(r.density.bad[0] == -3, "pathfinder", "no start", r.density.bad[0], -3);
  release();
}

void test_pathfinder(void) {
  check_build(MAX_DIM, MAX_DIM);
  check_build(MAX_DIM, 2);
  check_build(1, 1);
  check_build(3, 0);
  on_gaussian();
  on_two_modes();
  on_curved_and_bounded();
}
