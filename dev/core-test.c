/* The C core with no R session, for address and undefined-behaviour sanitizers: dev/core-test.sh
 * builds and runs it.  Every buffer has exactly the size the contract of vb.h asks for, so that a
 * read or write past its end is seen.  Prints what failed and, last, the counts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core-test.h"

static int n_check, n_failed;

void check(int ok, const char *what, const char *which, double got, double want) {
  n_check++;
  if (ok) return;
  n_failed++;
  printf("FAILED %s %s: got %.15g, want %.15g\n", what, which, got, want);
}

void check_near(double got, double want, double tol, const char *what, const char *which) {
  check(fabs(got - want) <= tol * (1 + fabs(want)), what, which, got, want);
}

/* ---- The host: scratch that is remembered and given back at the end of a test ---------------- */
static void **slab;
static size_t n_slab, cap_slab;

static void *host_alloc(size_t n, size_t size) {
  if (n_slab == cap_slab) {
    cap_slab = 2 * cap_slab + 1024;
    slab = realloc(slab, cap_slab * sizeof *slab);
  }
  void *p = calloc(n ? n : 1, size);
  if (!slab || !p) exit(2);
  slab[n_slab++] = p;
  return p;
}

static int host_poll(void) { return 0; }
static void host_progress(void *data, int step) {
  (void)data;
  (void)step;
}
static double host_seconds(void *data) {
  (void)data;
  return 0;
}
const vb_host test_host = {
    .alloc = host_alloc, .poll = host_poll, .progress = host_progress, .seconds = host_seconds};

void release(void) {
  while (n_slab) free(slab[--n_slab]);
  free(slab);
  slab = NULL;
  cap_slab = 0;
}

double *doubles(size_t n) { return host_alloc(n, sizeof(double)); }

/* a fixed sequence in (-1, 1): no generator is needed for numbers that only have to be various */
double wave(int i) { return sin(12.9898 * (i + 1)) * cos(0.7391 * (i + 1) * (i + 2)); }

/* ---- quadrature.c ------------------------------------------------------------------ */
static void test_quadrature(void) {
  for (int n = 1; n <= VB_GH_MAX; n++) {
    double *node = doubles(n), *weight = doubles(n), even = 1;
    vb_gauss_hermite(n, node, weight);
    for (int power = 0; power < 2 * n && power <= 20; power++) {
      double sum = 0, size = 0;
      for (int i = 0; i < n; i++) {
        sum += weight[i] * pow(node[i], power);
        size += weight[i] * pow(fabs(node[i]), power);
      }
      check(fabs(sum - (power % 2 ? 0 : even)) <= 1e-11 * size, "gauss_hermite", "moment", sum,
            power % 2 ? 0 : even);
      if (power % 2) even *= power;
    }
    for (int i = 1; i < n; i++)
      check(node[i] > node[i - 1], "gauss_hermite", "ascending", node[i], node[i - 1]);
    release();
  }
  for (int K = 1; K <= 9; K++) {
    for (int k = 0; k < K; k++) {
      double sum = 0;
      for (int i = 0; i < 4096; i++) {
        double u = vb_low_discrepancy(i, vb_low_discrepancy_step(k, K));
        if (!(u > 0 && u < 1)) check(0, "low_discrepancy", "range", u, 0.5);
        sum += u;
      }
      check(fabs(sum / 4096 - 0.5) < 0.01, "low_discrepancy", "mean", sum / 4096, 0.5);
    }
  }
}

/* ---- Rows ---- */
static void test_rows(void) {
  const double y[] = {3, 1, 4}, w[] = {1, 2, 0.5};
  const int index[] = {2, 0, 2, 1};
  const vb_rows all = {3, y, w};
  vb_rows got = vb_rows_range(&all, 1, 2);
  check(got.n == 2 && got.y == y + 1 && got.w == w + 1, "range", "rows", got.n, 2);
  double *room = doubles(VB_ROW_COLUMNS * 12);
  got = vb_rows_gather(&all, 4, index, room);
  check(got.n == 4, "gather", "rows", got.n, 4);
  for (int i = 0; i < 4; i++)
    check(got.y[i] == y[index[i]] && got.w[i] == w[index[i]], "gather", "rows", got.y[i],
          y[index[i]]);
  got = vb_rows_rep(&all, 2, 2, room);
  check(got.n == 12, "rep", "rows", got.n, 12);
  for (int i = 0; i < 12; i++) {
    int from = i % 6 / 2;
    check(got.y[i] == y[from] && got.w[i] == w[from], "rep", "rows", got.y[i], y[from]);
  }
}

/* ---- Families ---- */
enum { N_ROW = 13 };

typedef struct {
  vb_rows rows;
  double *eta, *v, par[4];
  int n_par;
} example;

static example example_rows(const vb_family *f) {
  double *y = doubles(N_ROW), *w = doubles(N_ROW);
  example e = {{N_ROW, y, w}, doubles(N_ROW), doubles(N_ROW), {1.3, 4.5}, f->n_par};
  if (f->thresholds) {
    memcpy(e.par, (double[]){-0.8, 0.5, 1.7, INFINITY}, sizeof e.par);
    e.n_par = 3;
  }
  if (f->kinked) e.par[1] = 0.3;
  for (int i = 0; i < N_ROW; i++) {
    e.eta[i] = 2.2 * wave(i);
    e.v[i] = 0.1 + 0.8 * fabs(wave(i + 50));
    y[i] = f->cells ? i % 4 : i % 7;
    if (f->thresholds) y[i]++;
    if (!strcmp(f->name, "Gamma")) y[i] += 0.5;
    if (!strcmp(f->name, "beta")) y[i] = (i + 1.0) / (N_ROW + 1);
    w[i] = f->cells ? y[i] + 1 + i % 3 : 1 + 0.5 * (i % 2);
  }
  return e;
}

static void family_derivatives(const vb_family *f, const example *e) {
  const double h = 1e-5;
  double *ll = doubles(N_ROW), *d1 = doubles(N_ROW), *d2 = doubles(N_ROW), *at = doubles(N_ROW);
  double *up = doubles(N_ROW), *down = doubles(N_ROW);
  double *up1 = doubles(N_ROW), *down1 = doubles(N_ROW);
  f->log_lik(f, &e->rows, e->eta, e->par, ll, d1, d2);
  for (int i = 0; i < N_ROW; i++) at[i] = e->eta[i] + h;
  f->log_lik(f, &e->rows, at, e->par, up, up1, NULL);
  for (int i = 0; i < N_ROW; i++) at[i] = e->eta[i] - h;
  f->log_lik(f, &e->rows, at, e->par, down, down1, NULL);
  for (int i = 0; i < N_ROW; i++) {
    check_near(d1[i], (up[i] - down[i]) / (2 * h), 1e-6, "d1", f->name);
    check_near(d2[i], (up1[i] - down1[i]) / (2 * h), 1e-6, "d2", f->name);
  }
  /* any output may be left out, and no rows at all is fine */
  f->log_lik(f, &e->rows, e->eta, e->par, NULL, NULL, up);
  check(memcmp(up, d2, N_ROW * sizeof(double)) == 0, "d2 alone", f->name, up[0], d2[0]);
  f->log_lik(f, &(vb_rows){0}, NULL, e->par, NULL, NULL, NULL);
  for (int n = 1; n <= N_ROW; n++) { /* lanes: a short tail may not touch what follows */
    double *short_ll = doubles(n);
    vb_rows some = vb_rows_range(&e->rows, 0, n);
    f->log_lik(f, &some, e->eta, e->par, short_ll, NULL, NULL);
    check(short_ll[n - 1] == ll[n - 1], "tail", f->name, short_ll[n - 1], ll[n - 1]);
  }
}

/* where the density has kinks or expect is a bound: E log f by a fine midpoint rule, and its
 * derivatives in m and v (d1 = dE/dm, d2 = 2 dE/dv) by differences */
static void expect_slopes(const vb_family *f, const example *e, int i, double *out) {
  const double h = 1e-5, step = 1e-3;
  double side[4], m = e->eta[i], v = e->v[i];
  vb_rows one = vb_rows_range(&e->rows, i, 1);
  for (int s = 0; s < 4; s++) {
    double at = m + (s == 0) * h - (s == 1) * h, var = v + (s == 2) * h - (s == 3) * h;
    f->expect(&one, &at, &var, e->par, side + s, NULL, NULL);
  }
  for (double z = -8 + step / 2; z < 8; z += step) {
    double eta = m + sqrt(v) * z, value;
    f->log_lik(f, &one, &eta, e->par, &value, NULL, NULL);
    out[0] += step * exp(-z * z / 2) * 0.39894228040143268 * value;
  }
  out[1] = (side[0] - side[1]) / (2 * h);
  out[2] = (side[2] - side[3]) / h;
}

/* expect against the quadrature of log_lik with all the nodes there are; a bound is below it */
static void family_expect(const vb_family *f, const example *e) {
  if (!f->expect) return;
  double node[VB_GH_MAX], weight[VB_GH_MAX], sum[3];
  double *out[3] = {doubles(N_ROW), doubles(N_ROW), doubles(N_ROW)};
  static const char *const part[3] = {"expect ll", "expect d1", "expect d2"};
  int by_slopes = f->kinked || f->bound;
  vb_gauss_hermite(VB_GH_MAX, node, weight);
  f->expect(&e->rows, e->eta, e->v, e->par, out[0], out[1], out[2]);
  for (int i = 0; i < N_ROW; i++) {
    vb_rows one = vb_rows_range(&e->rows, i, 1);
    memset(sum, 0, sizeof sum);
    if (by_slopes) expect_slopes(f, e, i, sum);
    for (int k = 0; k < VB_GH_MAX && !by_slopes; k++) {
      double eta = e->eta[i] + sqrt(e->v[i]) * node[k], value[3];
      f->log_lik(f, &one, &eta, e->par, value, value + 1, value + 2);
      for (int j = 0; j < 3; j++) sum[j] += weight[k] * value[j];
    }
    if (f->bound) check(out[0][i] <= sum[0] + 1e-6, "bound from below", f->name, out[0][i], sum[0]);
    for (int j = f->bound ? 1 : 0; j < 3; j++)
      check_near(out[j][i], sum[j], 1e-4, part[j], f->name);
  }
}

static void family_par(const vb_family *f, const example *e) {
  double *d = doubles(N_ROW), *side[2] = {doubles(N_ROW), doubles(N_ROW)}, *base = doubles(N_ROW);
  for (int k = 0; k < e->n_par; k++) {
    const double h = 1e-5 * e->par[k];
    f->log_lik_par(&e->rows, e->eta, e->par, k, d);
    for (int s = 0; s < 2; s++) {
      double par[4];
      memcpy(par, e->par, sizeof par);
      par[k] += s ? h : -h;
      f->log_lik(f, &e->rows, e->eta, par, side[s], NULL, NULL);
      if (f->base) f->base(&e->rows, par, base);
      for (int i = 0; i < N_ROW; i++) side[s][i] += base[i];
    }
    for (int i = 0; i < N_ROW; i++)
      check_near(d[i], (side[1][i] - side[0][i]) / (2 * h), 1e-5, "log_lik_par", f->name);
  }
}

static void test_families(void) {
  for (int row = 0; row < vb_family_count(); row++) {
    const vb_family *f = vb_family_row(row);
    example e = example_rows(f);
    check(vb_family_find(f->name, f->link, vb_family_bound(f)) == f, "find", f->name, 0, 1);
    family_derivatives(f, &e);
    family_expect(f, &e);
    family_par(f, &e);
    double *mu = doubles(N_ROW), *var = doubles(N_ROW);
    f->mean(N_ROW, e.eta, mu);
    if (f->variance) f->variance(&e.rows, e.eta, e.par, var);
    for (int i = 0; i < N_ROW; i++)
      check(isfinite(mu[i]) && (var[i] > 0 || f->thresholds), "mean and variance", f->name, mu[i],
            var[i]);
    release();
  }
  check(!vb_family_find("no such", "link", "exact"), "find", "no such family", 1, 0);
}

/* ---- prior_*.c ------------------------------------------------------------------ */
static void test_priors(void) {
  for (int row = 0; row < vb_prior_count(); row++) {
    const vb_prior *prior = vb_prior_row(row);
    check(vb_prior_find(prior->name) == prior, "find", prior->name, 0, 1);
    if (!prior->log_density) continue;
    double *arg = doubles(3), *x = doubles(N_ROW), *at = doubles(N_ROW), *up = doubles(N_ROW);
    double *down = doubles(N_ROW), *d1 = doubles(N_ROW), *d2 = doubles(N_ROW), *u1 = doubles(N_ROW);
    double *w1 = doubles(N_ROW);
    const double h = 1e-5;
    for (int k = 0; k < 3; k++) arg[k] = k < prior->n_arg ? 1.5 + k : 0;
    for (int i = 0; i < N_ROW; i++) x[i] = 0.3 + 3 * fabs(wave(i));
    if (prior->of_range) { /* of numbers below one, with constants below one */
      for (int k = 0; k < prior->n_arg; k++) arg[k] = 0.6 - 0.3 * k;
      for (int i = 0; i < N_ROW; i++) x[i] = 0.1 + 0.8 * fabs(sin(i + 1.0));
    }
    prior->log_density(N_ROW, x, arg, up, d1, d2);
    for (int i = 0; i < N_ROW; i++) at[i] = x[i] + h;
    prior->log_density(N_ROW, at, arg, up, u1, NULL);
    for (int i = 0; i < N_ROW; i++) at[i] = x[i] - h;
    prior->log_density(N_ROW, at, arg, down, w1, NULL);
    for (int i = 0; i < N_ROW; i++) {
      check_near(d1[i], (up[i] - down[i]) / (2 * h), 1e-6, "prior d1", prior->name);
      check_near(d2[i], (u1[i] - w1[i]) / (2 * h), 1e-6, "prior d2", prior->name);
    }
    if (prior->log_upper) {
      double p = prior->log_upper(arg);
      check(p <= 0 && isfinite(p), "log_upper", prior->name, p, 0);
    }
    release();
  }
  check(!vb_prior_find("no such"), "find", "no such prior", 1, 0);
}

int main(void) {
  static const struct {
    const char *name;
    void (*run)(void);
  } test[] = {{"quadrature", test_quadrature},
              {"linalg", test_linalg},
              {"rows", test_rows},
              {"families", test_families},
              {"priors", test_priors},
              {"mixture", test_mixture},
              {"engine", test_engine},
              {"q", test_q},
              {"psis", test_psis},
              {"pathfinder", test_pathfinder},
              {"fresh", test_fresh},
              {"turn", test_turn},
              {"krige", test_krige},
              {"precision", test_precision},
              {"covariance", test_covariance},
              {"several", test_several}};
  int passed = 0, failed = 0;
  for (size_t i = 0; i < sizeof test / sizeof *test; i++) {
    n_check = n_failed = 0;
    test[i].run();
    printf("core: %s, %d checks, %d failed\n", test[i].name, n_check, n_failed);
    *(n_failed ? &failed : &passed) += 1;
  }
  printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  return failed > 0;
}
