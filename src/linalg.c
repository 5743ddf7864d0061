/* Dense symmetric algebra, column-major, lower triangle. */
#define R_NO_REMAP
#define USE_FC_LEN_T
#include <Rconfig.h>
#include <math.h>
#include <R_ext/BLAS.h>
#include <R_ext/Lapack.h>
#include "vb.h"
#ifndef FCONE
#define FCONE
#endif
#define AT(a, i, j, ld) ((a)[(i) + (size_t)(j) * (ld)])

vb_status vb_chol(int n, double *a, int lda) {
  int info = 0;
  if (n > 0) F77_CALL(dpotrf)("L", &n, a, &lda, &info FCONE);
  return info ? VB_NOT_POS_DEF : VB_OK;
}

double vb_chol_log_det(int n, const double *l, int lda) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += log(AT(l, i, i, lda));
  return 2 * sum;
}

void vb_chol_half(int n, const double *l, int lda, int m, double *b, int ldb) {
  double one = 1;
  if (n > 0 && m > 0)
    F77_CALL(dtrsm)("L", "L", "N", "N", &n, &m, &one, l, &lda, b, &ldb FCONE FCONE FCONE FCONE);
}

void vb_chol_half_t(int n, const double *l, int lda, int m, double *b, int ldb) {
  double one = 1;
  if (n > 0 && m > 0)
    F77_CALL(dtrsm)("L", "L", "T", "N", &n, &m, &one, l, &lda, b, &ldb FCONE FCONE FCONE FCONE);
}

void vb_chol_solve(int n, const double *l, int lda, int m, double *b, int ldb) {
  vb_chol_half(n, l, lda, m, b, ldb);
  vb_chol_half_t(n, l, lda, m, b, ldb);
}

void vb_symmetrise(int n, double *a, int lda) {
  for (int j = 0; j < n; j++)
    for (int i = j + 1; i < n; i++) AT(a, j, i, lda) = AT(a, i, j, lda);
}

void vb_chol_inverse(int n, double *l, int lda) {
  int info;
  if (n > 0) F77_CALL(dpotri)("L", &n, l, &lda, &info FCONE);
  vb_symmetrise(n, l, lda);
}

void vb_weighted_gram(int n, int p, const double *x, int ldx, const double *s, double beta, double *c,
                      int ldc) {
  for (int j = 0; j < p; j++)
    for (int k = j; k < p; k++) AT(c, k, j, ldc) = beta == 0 ? 0 : beta * AT(c, k, j, ldc);
  for (int i = 0; i < n; i++) {
    const double *row = x + (size_t)i * ldx;
    for (int j = 0; j < p; j++) {
      double t = s ? s[i] * row[j] : row[j];
      for (int k = j; k < p; k++) AT(c, k, j, ldc) += t * row[k];
    }
  }
}

static void gemm(const char *ta, const char *tb, int m, int n, int k, double alpha, const double *a,
                 int lda, const double *b, int ldb, double beta, double *c, int ldc) {
  if (m > 0 && n > 0)
    F77_CALL(dgemm)(ta, tb, &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc FCONE FCONE);
}

void vb_gemm_nn(int m, int n, int k, double alpha, const double *a, int lda, const double *b, int ldb,
                double beta, double *c, int ldc) {
  gemm("N", "N", m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void vb_gemm_tn(int m, int n, int k, double alpha, const double *a, int lda, const double *b, int ldb,
                double beta, double *c, int ldc) {
  gemm("T", "N", m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void vb_gemm_nt(int m, int n, int k, double alpha, const double *a, int lda, const double *b, int ldb,
                double beta, double *c, int ldc) {
  gemm("N", "T", m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

vb_status vb_eigen(int n, double *a, int lda, double *value) {
  double work[34 * 64]; /* n <= 64: dsyev's blocked reduction wants (nb + 2) n, nb = 32 */
  int size = 34 * 64, info = 0;
  if (n > 0) F77_CALL(dsyev)("V", "L", &n, a, &lda, value, work, &size, &info FCONE FCONE);
  return info ? VB_NOT_FINITE : VB_OK;
}

/* LU with partial pivoting; the row swaps are made in b at once. */
vb_status vb_solve_symmetric(int n, double *a, int lda, int m, double *b, int ldb) {
  vb_symmetrise(n, a, lda);
  for (int k = 0; k < n; k++) {
    int pivot = k;
    for (int i = k + 1; i < n; i++)
      if (fabs(AT(a, i, k, lda)) > fabs(AT(a, pivot, k, lda))) pivot = i;
    double d = AT(a, pivot, k, lda);
    if (!(fabs(d) > 0)) return VB_NOT_FINITE;
    for (int j = 0; j < n; j++) {
      double t = AT(a, k, j, lda);
      AT(a, k, j, lda) = AT(a, pivot, j, lda);
      AT(a, pivot, j, lda) = t;
    }
    for (int j = 0; j < m; j++) {
      double t = AT(b, k, j, ldb);
      AT(b, k, j, ldb) = AT(b, pivot, j, ldb);
      AT(b, pivot, j, ldb) = t;
      for (int i = k + 1; i < n; i++) AT(b, i, j, ldb) -= AT(a, i, k, lda) / d * AT(b, k, j, ldb);
    }
    for (int j = k + 1; j < n; j++) {
      double t = AT(a, k, j, lda) / d;
      for (int i = k + 1; i < n; i++) AT(a, i, j, lda) -= AT(a, i, k, lda) * t;
    }
  }
  for (int j = 0; j < m; j++)
    for (int k = n - 1; k >= 0; k--) {
      AT(b, k, j, ldb) /= AT(a, k, k, lda);
      for (int i = 0; i < k; i++) AT(b, i, j, ldb) -= AT(a, i, k, lda) * AT(b, k, j, ldb);
    }
  return VB_OK;
}
