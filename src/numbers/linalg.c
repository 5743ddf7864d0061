/* Dense symmetric algebra, column-major, lower triangle.  The blocked algorithms are recursive, so
 * that nearly all work is in vb_product() whatever the sizes of the caches: E. Elmroth, F.
 * Gustavson, I. Jonsson & B. Kagstrom (2004), Recursive blocked algorithms and hybrid data
 * structures, SIAM Review 46(1); LU after S. Toledo (1997), SIAM J. Matrix Anal. Appl. 18(4).
 * LAPACK only for the small eigenproblem. */
#define R_NO_REMAP
#define USE_FC_LEN_T
#include <Rconfig.h>
#include <math.h>
#include <R_ext/Lapack.h>
#include "numbers/kernel.h"
#include "numbers/numbers.h"
#ifndef FCONE
#define FCONE
#endif

enum { LEAF = VB_LEAF, ROWS = 8, PANEL = 8 };

/* where to cut n > LEAF: about half, a multiple of the leaf */
static int cut(int n) { return (n / 2 + LEAF - 1) / LEAF * LEAF; }

static vb_view view(const double *at, ptrdiff_t row, ptrdiff_t col) {
  vb_view v = {at, row, col};
  return v;
}

static vb_target target(double *at, ptrdiff_t row, ptrdiff_t col) {
  vb_target t = {at, row, col};
  return t;
}

static vb_view cut_view(vb_view v, int i, int j) {
  return view(v.at + i * v.row + j * v.col, v.row, v.col);
}

static vb_target cut_target(vb_target t, int i, int j) {
  return target(t.at + i * t.row + j * t.col, t.row, t.col);
}

static vb_view transposed(vb_view v) { return view(v.at, v.col, v.row); }

static vb_view read(vb_target t) { return view(t.at, t.row, t.col); }

/* ---- Triangular systems ---- */
/* B <- B L^-T or B L^-1, B m x n, L n x n lower (unit: of unit diagonal).  A system from the left
 * is one from the right with the strides of B exchanged. */

static void right_t(int m, int n, vb_view l, vb_target b, int unit) {
  if (n <= LEAF) {
    vb_triangular_leaf(m, n, l, b, unit, 1);
    return;
  }
  int h = cut(n);
  right_t(m, h, l, b, unit);
  vb_product((vb_shape){m, n - h, h}, -1, read(b), NULL, transposed(cut_view(l, h, 0)),
             cut_target(b, 0, h), 0);
  right_t(m, n - h, cut_view(l, h, h), cut_target(b, 0, h), unit);
}

static void right_n(int m, int n, vb_view l, vb_target b, int unit) {
  if (n <= LEAF) {
    vb_triangular_leaf(m, n, l, b, unit, 0);
    return;
  }
  int h = cut(n);
  right_n(m, n - h, cut_view(l, h, h), cut_target(b, 0, h), unit);
  vb_product((vb_shape){m, h, n - h}, -1, read(cut_target(b, 0, h)), NULL, cut_view(l, h, 0), b, 0);
  right_n(m, h, l, b, unit);
}

/* one right-hand side: four columns of L at a time */
static void forward_one(int n, const double *l, ptrdiff_t ld, double *x) {
  int j = 0;
  for (; j <= n - 4; j += 4) {
    const double *c = l + j + j * ld, *d = c + ld, *e = d + ld, *f = e + ld;
    double *y = x + j;
    y[0] /= c[0];
    y[1] = (y[1] - c[1] * y[0]) / d[1];
    y[2] = (y[2] - c[2] * y[0] - d[2] * y[1]) / e[2];
    y[3] = (y[3] - c[3] * y[0] - d[3] * y[1] - e[3] * y[2]) / f[3];
    double p = y[0], q = y[1], r = y[2], s = y[3];
    for (int i = 4; i < n - j; i++) y[i] -= (c[i] * p + d[i] * q) + (e[i] * r + f[i] * s);
  }
  for (; j < n; j++) {
    x[j] /= l[j + j * ld];
    for (int i = j + 1; i < n; i++) x[i] -= l[i + j * ld] * x[j];
  }
}

static void backward_one(int n, const double *l, ptrdiff_t ld, double *x) {
  int j = n;
  for (; j > n / 4 * 4; j--) {
    double t = x[j - 1];
    for (int i = j; i < n; i++) t -= l[i + (j - 1) * ld] * x[i];
    x[j - 1] = t / l[(j - 1) * (ld + 1)];
  }
  for (j -= 4; j >= 0; j -= 4) {
    const double *c = l + j + j * ld, *d = c + ld, *e = d + ld, *f = e + ld;
    double *y = x + j, p = 0, q = 0, r = 0, s = 0;
    for (int i = 4; i < n - j; i++) {
      p += c[i] * y[i];
      q += d[i] * y[i];
      r += e[i] * y[i];
      s += f[i] * y[i];
    }
    y[3] = (y[3] - s) / f[3];
    y[2] = (y[2] - r - e[3] * y[3]) / e[2];
    y[1] = (y[1] - q - d[2] * y[2] - d[3] * y[3]) / d[1];
    y[0] = (y[0] - p - c[1] * y[1] - c[2] * y[2] - c[3] * y[3]) / c[0];
  }
}

void vb_chol_half(int n, const double *l, int lda, int m, double *b, int ldb) {
  if (m < 4)
    for (int j = 0; j < m; j++) forward_one(n, l, lda, b + (ptrdiff_t)j * ldb);
  else
    right_t(m, n, view(l, 1, lda), target(b, ldb, 1), 0);
}

void vb_chol_half_t(int n, const double *l, int lda, int m, double *b, int ldb) {
  if (m < 4)
    for (int j = 0; j < m; j++) backward_one(n, l, lda, b + (ptrdiff_t)j * ldb);
  else
    right_n(m, n, view(l, 1, lda), target(b, ldb, 1), 0);
}

void vb_chol_solve(int n, const double *l, int lda, int m, double *b, int ldb) {
  vb_chol_half(n, l, lda, m, b, ldb);
  vb_chol_half_t(n, l, lda, m, b, ldb);
}

void vb_chol_right(int n, const double *l, int lda, int m, double *b, int ldb) {
  right_t(m, n, view(l, 1, lda), target(b, 1, ldb), 0);
}

/* ---- Cholesky ---- */

static vb_status chol_leaf(int n, double *a, ptrdiff_t ld) {
  for (int j = 0; j < n; j++) {
    double *c = a + j * ld, d = c[j];
    if (!(d > 0 && d < INFINITY)) return VB_NOT_POS_DEF;
    c[j] = sqrt(d);
    double t = 1 / c[j];
    for (int i = j + 1; i < n; i++) c[i] *= t;
    for (int k = j + 1; k < n; k++) {
      double *to = a + k * ld;
      t = c[k];
      for (int i = k; i < n; i++) to[i] -= c[i] * t;
    }
  }
  return VB_OK;
}

/* L11 L11' = A11;  L21 = A21 L11^-T;  L22 L22' = A22 - L21 L21' */
vb_status vb_chol(int n, double *a, int lda) {
  if (n <= LEAF) return chol_leaf(n, a, lda);
  int h = cut(n);
  double *a21 = a + h, *a22 = a21 + (ptrdiff_t)h * lda;
  vb_status status = vb_chol(h, a, lda);
  if (status != VB_OK) return status;
  right_t(n - h, h, view(a, 1, lda), target(a21, 1, lda), 0);
  vb_product((vb_shape){n - h, n - h, h}, -1, view(a21, 1, lda), NULL, view(a21, lda, 1),
             target(a22, 1, lda), 1);
  return vb_chol(n - h, a22, lda);
}

double vb_chol_log_det(int n, const double *l, int lda) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += log(l[i * ((ptrdiff_t)lda + 1)]);
  return 2 * sum;
}

void vb_symmetrise(int n, double *a, int lda) {
  for (int j = 0; j < n; j += ROWS) /* by blocks: a column of one is a row of the other */
    for (int i = j; i < n; i += ROWS)
      for (int q = j; q < n && q < j + ROWS; q++)
        for (int p = i > q ? i : q + 1; p < n && p < i + ROWS; p++)
          a[q + (ptrdiff_t)p * lda] = a[p + (ptrdiff_t)q * lda];
}

/* M = L^-1 in place, then M' M row by row from the top: row i of the result needs rows >= i of M
 * only */
static void inverse_leaf(int n, double *l, ptrdiff_t ld) {
  for (int j = n - 1; j >= 0; j--) {
    double *c = l + j * ld, d = 1 / c[j];
    for (int i = n - 1; i > j; i--) {
      double t = 0;
      for (int k = j + 1; k <= i; k++) t += l[i + k * ld] * c[k];
      c[i] = -t * d;
    }
    c[j] = d;
  }
  for (int i = 0; i < n; i++)
    for (int j = 0; j <= i; j++) {
      double t = 0;
      for (int k = i; k < n; k++) t += l[k + i * ld] * l[k + j * ld];
      l[i + j * ld] = l[j + i * ld] = t;
    }
}

/* With W = L21 L11^-1 and B22 = (L22 L22')^-1:  B21 = -B22 W,  B11 = (L11 L11')^-1 - W' B21.
 * The upper triangle, which the result will fill, holds B21' while W is needed. */
void vb_chol_inverse(int n, double *l, int lda) {
  if (n <= LEAF) {
    inverse_leaf(n, l, lda);
    return;
  }
  int h = cut(n), r = n - h;
  double *w = l + h, *up = l + (ptrdiff_t)h * lda, *l22 = up + h;
  right_n(r, h, view(l, 1, lda), target(w, 1, lda), 0);
  vb_chol_inverse(r, l22, lda);
  vb_gemm_tn(h, r, r, -1, w, lda, l22, lda, 0, up, lda);
  vb_chol_inverse(h, l, lda);
  vb_product((vb_shape){h, h, r}, -1, view(w, lda, 1), NULL, view(up, lda, 1), target(l, 1, lda),
             1);
  vb_symmetrise(h, l, lda);
  for (int i = 0; i < r; i += ROWS)
    for (int j = 0; j < h; j++)
      for (int p = i; p < r && p < i + ROWS; p++)
        w[p + (ptrdiff_t)j * lda] = up[j + (ptrdiff_t)p * lda];
}

/* ---- Products ---- */

/* beta 0 overwrites, also what is not a number */
static void scale(int m, int n, double beta, double *c, ptrdiff_t ld, int lower) {
  if (beta == 1) return;
  for (int j = 0; j < n; j++)
    for (int i = lower ? j : 0; i < m; i++) c[i + j * ld] = beta == 0 ? 0 : beta * c[i + j * ld];
}

void vb_gemm_nn(int m, int n, int k, double alpha, const double *a, int lda, const double *b,
                int ldb, double beta, double *c, int ldc) {
  scale(m, n, beta, c, ldc, 0);
  vb_product((vb_shape){m, n, k}, alpha, view(a, 1, lda), NULL, view(b, 1, ldb), target(c, 1, ldc),
             0);
}

void vb_gemm_tn(int m, int n, int k, double alpha, const double *a, int lda, const double *b,
                int ldb, double beta, double *c, int ldc) {
  scale(m, n, beta, c, ldc, 0);
  vb_product((vb_shape){m, n, k}, alpha, view(a, lda, 1), NULL, view(b, 1, ldb), target(c, 1, ldc),
             0);
}

void vb_gemm_nt(int m, int n, int k, double alpha, const double *a, int lda, const double *b,
                int ldb, double beta, double *c, int ldc) {
  scale(m, n, beta, c, ldc, 0);
  vb_product((vb_shape){m, n, k}, alpha, view(a, 1, lda), NULL, view(b, ldb, 1), target(c, 1, ldc),
             0);
}

void vb_weighted_gram(int n, int p, const double *x, int ldx, const double *s, double beta,
                      double *c, int ldc) {
  scale(p, p, beta, c, ldc, 1);
  if (p > 4 && p <= VB_NARROW) {
    vb_gram_narrow(n, p, x, ldx, s, target(c, 1, ldc));
    return;
  }
  if (p > 4) {
    vb_product((vb_shape){p, p, n}, 1, view(x, 1, ldx), s, view(x, ldx, 1), target(c, 1, ldc), 1);
    return;
  }
  for (int i = 0; i < n; i++, x += ldx)
    for (int j = 0; j < p; j++) {
      double t = s ? s[i] * x[j] : x[j];
      for (int k = j; k < p; k++) c[k + (ptrdiff_t)j * ldc] += t * x[k];
    }
}

/* ---- Indefinite systems and eigenvalues ---- */

static void swap_rows(int n, double *a, ptrdiff_t ld, int i, int j) {
  if (i == j) return;
  for (int k = 0; k < n; k++, a += ld) {
    double t = a[i];
    a[i] = a[j];
    a[j] = t;
  }
}

typedef struct {
  int n, m;
  double *a;
  ptrdiff_t lda;
  double *b;
  ptrdiff_t ldb;
} lu_system;

/* columns [from, to) of P A = L U; rows are swapped across A and b at once, so P is never stored */
static vb_status lu(const lu_system *s, int from, int to) {
  int n = s->n;
  if (to - from > PANEL) {
    int h = from + (to - from) / 2, rest = n - h;
    vb_target a12 = target(s->a + from + h * s->lda, 1, s->lda), a22 = cut_target(a12, h - from, 0);
    vb_view l11 = view(s->a + from * (s->lda + 1), 1, s->lda), l21 = cut_view(l11, h - from, 0);
    vb_status status = lu(s, from, h);
    if (status != VB_OK) return status;
    right_t(to - h, h - from, l11, target(a12.at, a12.col, a12.row), 1);
    vb_product((vb_shape){rest, to - h, h - from}, -1, l21, NULL, read(a12), a22, 0);
    return lu(s, h, to);
  }
  for (int k = from; k < to; k++) {
    double *c = s->a + k * s->lda;
    int pivot = k;
    for (int i = k + 1; i < n; i++)
      if (fabs(c[i]) > fabs(c[pivot])) pivot = i;
    if (!(fabs(c[pivot]) > 0 && fabs(c[pivot]) < INFINITY)) return VB_NOT_FINITE;
    swap_rows(n, s->a, s->lda, k, pivot);
    swap_rows(s->m, s->b, s->ldb, k, pivot);
    double t = 1 / c[k];
    for (int i = k + 1; i < n; i++) c[i] *= t;
    for (int j = k + 1; j < to; j++) {
      double *to_column = s->a + j * s->lda;
      t = to_column[k];
      for (int i = k + 1; i < n; i++) to_column[i] -= c[i] * t;
    }
  }
  return VB_OK;
}

vb_status vb_solve_symmetric(int n, double *a, int lda, int m, double *b, int ldb) {
  lu_system s = {n, m, a, lda, b, ldb};
  vb_symmetrise(n, a, lda);
  vb_status status = n > 0 ? lu(&s, 0, n) : VB_OK;
  if (status != VB_OK) return status;
  right_t(m, n, view(a, 1, lda), target(b, ldb, 1), 1);
  right_n(m, n, view(a, lda, 1), target(b, ldb, 1), 0); /* U x = b is x' U' = b' */
  return VB_OK;
}

vb_status vb_eigen(int n, double *a, int lda, double *value) {
  double work[34 * 64]; /* n <= 64, and dsyev's blocked reduction wants (32 + 2) n */
  int size = 34 * 64, info = 0;
  if (n > 0) F77_CALL(dsyev)("V", "L", &n, a, &lda, value, work, &size, &info FCONE FCONE);
  return info ? VB_NOT_FINITE : VB_OK;
}
