/* linalg.c and solver_dense.c against plain loops, with leading dimensions larger than needed. */
#include <math.h>
#include <string.h>
#include "core-test.h"
#include "numbers/solver.h"

enum { PAD = 3 };

/* a well-conditioned symmetric matrix: n x n in leading dimension n + PAD, both triangles */
static double *spd(int n) {
  int ld = n + PAD;
  double *a = doubles((size_t)ld * n);
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < n; j++) {
      double sum = i == j ? 2 : 0;
      for (int k = 0; k < n; k++) sum += wave(i * n + k) * wave(j * n + k);
      a[i + (size_t)j * ld] = sum;
    }
  }
  return a;
}

static double *copy(const double *a, size_t n) {
  double *b = doubles(n);
  memcpy(b, a, n * sizeof(double));
  return b;
}

static double *filled(size_t n, int from) {
  double *a = doubles(n);
  for (size_t i = 0; i < n; i++) a[i] = wave(from + (int)i);
  return a;
}

/* largest |a x - b| over the columns of x */
static double residual(int n, const double *a, int lda, int m, const double *x, const double *b,
                       int ld) {
  double worst = 0;
  for (int c = 0; c < m; c++) {
    for (int i = 0; i < n; i++) {
      double sum = -b[i + (size_t)c * ld];
      for (int j = 0; j < n; j++) sum += a[i + (size_t)j * lda] * x[j + (size_t)c * ld];
      worst = fmax(worst, fabs(sum));
    }
  }
  return worst;
}

static void cholesky(int n) {
  const int ld = n + PAD, m = 2;
  double *a = spd(n), *l = copy(a, (size_t)ld * n), *b = filled((size_t)ld * m, 7);
  double *x = copy(b, (size_t)ld * m), log_det = 0;
  check(vb_chol(n, l, ld) == VB_OK, "chol", "status", 0, 0);
  for (int j = 0; j < n; j++) {
    log_det += 2 * log(l[j + (size_t)j * ld]);
    for (int i = j; i < n; i++) {
      double sum = 0;
      for (int k = 0; k <= j; k++) sum += l[i + (size_t)k * ld] * l[j + (size_t)k * ld];
      check_near(sum, a[i + (size_t)j * ld], 1e-11, "chol", "L L'");
    }
  }
  check_near(vb_chol_log_det(n, l, ld), log_det, 1e-12, "chol", "log det");
  vb_chol_solve(n, l, ld, m, x, ld);
  check_near(residual(n, a, ld, m, x, b, ld), 0, 1e-9, "chol", "solve");
  double *y = copy(b, (size_t)ld * m);
  vb_chol_half(n, l, ld, m, y, ld);
  vb_chol_half_t(n, l, ld, m, y, ld);
  check_near(residual(n, a, ld, m, y, b, ld), 0, 1e-9, "chol", "two halves");
  double *inverse = copy(l, (size_t)ld * n), *eye = doubles((size_t)ld * n);
  vb_chol_inverse(n, inverse, ld);
  for (int i = 0; i < n; i++) eye[i + (size_t)i * ld] = 1;
  check_near(residual(n, a, ld, n, inverse, eye, ld), 0, 1e-9, "chol", "inverse");
  if (n > 1) {
    double *bad = copy(a, (size_t)ld * n);
    bad[(size_t)(n - 1) * (ld + 1)] = -1;
    check(vb_chol(n, bad, ld) == VB_NOT_POS_DEF, "chol", "not positive definite", 0, 1);
  }
}

static void eigen(int n) {
  const int ld = n + PAD;
  double *a = spd(n), *v = copy(a, (size_t)ld * n), *value = doubles(n);
  double *scaled = doubles((size_t)ld * n);
  check(vb_eigen(n, v, ld, value) == VB_OK, "eigen", "status", 0, 0);
  for (int j = 0; j < n; j++) {
    if (j) check(value[j] >= value[j - 1], "eigen", "ascending", value[j], value[j - 1]);
    for (int i = 0; i < n; i++) scaled[i + (size_t)j * ld] = value[j] * v[i + (size_t)j * ld];
  }
  check_near(residual(n, a, ld, n, v, scaled, ld), 0, 1e-9, "eigen", "A v = lambda v");
}

static void symmetric(int n) {
  const int ld = n + PAD;
  double *a = spd(n), *b = filled((size_t)ld * 2, 31), *x = copy(b, (size_t)ld * 2);
  for (int i = 0; i < n; i += 2) a[i + (size_t)i * ld] -= 9;
  double *lost = copy(a, (size_t)ld * n);
  if (vb_solve_symmetric(n, lost, ld, 2, x, ld) == VB_OK)
    check_near(residual(n, a, ld, 2, x, b, ld), 0, 1e-8, "solve_symmetric", "residual");
}

static void products(int m, int n, int k) {
  const int la = m + k + PAD, lb = n + k + PAD, lc = m + PAD;
  double *a = filled((size_t)la * (m + k), 3), *b = filled((size_t)lb * (n + k), 11);
  double *c = filled((size_t)lc * n, 23);
  double *out[3] = {copy(c, (size_t)lc * n), copy(c, (size_t)lc * n), copy(c, (size_t)lc * n)};
  vb_gemm_nn(m, n, k, 1.5, a, la, b, lb, 0.5, out[0], lc);
  vb_gemm_tn(m, n, k, 1.5, a, la, b, lb, 0.5, out[1], lc);
  vb_gemm_nt(m, n, k, 1.5, a, la, b, lb, 0.5, out[2], lc);
  for (int i = 0; i < m; i++) {
    for (int j = 0; j < n; j++) {
      double sum[3] = {0, 0, 0}, old = 0.5 * c[i + (size_t)j * lc];
      for (int r = 0; r < k; r++) {
        sum[0] += a[i + (size_t)r * la] * b[r + (size_t)j * lb];
        sum[1] += a[r + (size_t)i * la] * b[r + (size_t)j * lb];
        sum[2] += a[i + (size_t)r * la] * b[j + (size_t)r * lb];
      }
      for (int t = 0; t < 3; t++)
        check_near(out[t][i + (size_t)j * lc], old + 1.5 * sum[t], 1e-12, "gemm", "");
    }
  }
}

static void gram(int n, int p) {
  const int ldx = p + PAD, ldc = p + PAD;
  double *x = filled((size_t)ldx * n, 5), *s = filled(n, 91), *c = filled((size_t)ldc * p, 41);
  double *with = copy(c, (size_t)ldc * p), *without = copy(c, (size_t)ldc * p);
  vb_weighted_gram(n, p, x, ldx, s, 1, with, ldc);
  vb_weighted_gram(n, p, x, ldx, NULL, 0, without, ldc);
  for (int j = 0; j < p; j++) {
    for (int i = j; i < p; i++) {
      double sum = 0, plain = 0;
      for (int r = 0; r < n; r++) {
        double product = x[i + (size_t)r * ldx] * x[j + (size_t)r * ldx];
        sum += s[r] * product;
        plain += product;
      }
      size_t at = i + (size_t)j * ldc;
      check_near(with[at], c[at] + sum, 1e-11, "gram", "weighted");
      check_near(without[at], plain, 1e-11, "gram", "plain");
    }
  }
}

static void quadratic(int n, int p) {
  double *x = filled((size_t)n * p, 7), *s = filled((size_t)p * p, 29), *v = doubles(n);
  vb_symmetrise(p, s, p);
  vb_quadratic_forms(n, p, x, s, v);
  for (int i = 0; i < n; i++) {
    double sum = 0;
    for (int j = 0; j < p; j++)
      for (int k = 0; k < p; k++)
        sum += x[j + (size_t)i * p] * s[j + (size_t)k * p] * x[k + (size_t)i * p];
    check_near(v[i], sum, 1e-11, "quadratic form", "");
  }
}

static void dense_solver(int n) {
  double *padded = spd(n), *b = filled(n, 13), *x = copy(b, n), *half = filled(n, 17);
  size_t size = (size_t)n * n;
  vb_core core = {.solver = &vb_solver_dense,
                  .q = n,
                  .val = doubles(size),
                  .inv = doubles(size),
                  .factor = doubles(size)};
  double *l = doubles((size_t)n * n);
  for (int j = 0; j < n; j++)
    memcpy(core.val + (size_t)j * n, padded + (size_t)j * (n + PAD), n * sizeof(double));
  memcpy(l, core.val, (size_t)n * n * sizeof(double));
  double *a = copy(core.val, (size_t)n * n);
  check(core.solver->factor(&core) == VB_OK, "dense", "factor", 0, 0);
  check(vb_chol(n, l, n) == VB_OK, "dense", "chol", 0, 0);
  check_near(core.solver->log_det(&core), vb_chol_log_det(n, l, n), 1e-12, "dense", "log det");
  core.solver->solve(&core, 1, x, n);
  check_near(residual(n, a, n, 1, x, b, n), 0, 1e-9, "dense", "solve");
  core.solver->half_t(&core, half);
  check(isfinite(half[0]), "dense", "half_t", half[0], 0);
  check(core.solver->inverse(&core) == VB_OK, "dense", "inverse", 0, 0);
  vb_symmetrise(n, core.inv, n);
  double *eye = doubles((size_t)n * n);
  for (int i = 0; i < n; i++) eye[i + (size_t)i * n] = 1;
  check_near(residual(n, a, n, n, core.inv, eye, n), 0, 1e-9, "dense", "inverse");
}

void test_linalg(void) {
  static const int size[] = {1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 64, 65, 130};
  for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
    cholesky(size[i]);
    eigen(size[i]);
    symmetric(size[i]);
    gram(2 * size[i] + 1, size[i]);
    gram(300, size[i]); /* more rows than one block has */
    if (size[i] <= VB_NARROW) quadratic(size[i] + 6, size[i]);
    products(size[i], (size[i] + 1) / 2, size[i] + 2);
    dense_solver(size[i]);
    release();
  }
}
