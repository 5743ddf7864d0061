/* Matrix product by packed panels and a register tile: K. Goto & R. van de Geijn (2008), Anatomy of
 * high-performance matrix multiplication, ACM TOMS 34(3).  No fused multiply-adds and one order of
 * summation whatever the vector width, so that every machine and tile shape gives the same bits. */
#include <string.h>
#include <stdint.h>
#include "numbers/kernel.h"
#include "numbers/vb_math.h"

/* the register tile, and the packed block of A: 64 KB, for the second-level cache */
enum { MR = 8, NR = 4, MC = 64, KC = 128 };

#if defined(__GNUC__)
typedef double narrow __attribute__((vector_size(16)));
typedef double wide __attribute__((vector_size(32)));
#else
typedef double narrow, wide;
#endif

/* out (MR x NR, column-major) <- sum over k of columns of a (MR, lda apart) times rows of b (NR
 * entries, b.col apart; the rows are b.row apart) */
#define TILE(attribute, name, vec)                                                            \
  attribute static void name(int k, const double *a, ptrdiff_t lda, vb_view b, double *out) { \
    enum { LANES = sizeof(vec) / sizeof(double) };                                            \
    for (int i = 0; i < MR; i += 2 * LANES) {                                                 \
      vec c[NR][2] = {{{0}}}, x, y;                                                           \
      const double *ap = a + i, *bp = b.at, *bq = bp + 2 * b.col;                             \
      for (int p = 0; p < k; p++, ap += lda, bp += b.row, bq += b.row) {                      \
        memcpy(&x, ap, sizeof x);                                                             \
        memcpy(&y, ap + LANES, sizeof y);                                                     \
        c[0][0] += x * bp[0];                                                                 \
        c[0][1] += y * bp[0];                                                                 \
        c[1][0] += x * bp[b.col];                                                             \
        c[1][1] += y * bp[b.col];                                                             \
        c[2][0] += x * bq[0];                                                                 \
        c[2][1] += y * bq[0];                                                                 \
        c[3][0] += x * bq[b.col];                                                             \
        c[3][1] += y * bq[b.col];                                                             \
      }                                                                                       \
      for (int j = 0; j < NR; j++) memcpy(out + i + MR * j, c[j], sizeof c[j]);               \
    }                                                                                         \
  }
TILE(, tile_narrow, narrow)
TILE(VB_AVX2, tile_wide, wide)

/* m rows of length k into panels of `height` rows, each stored column by column, zeros below the
 * last row; s scales the columns.  The height is a constant, so that the inner loops unroll. */
VB_INLINE void pack(int height, int m, int k, vb_view x, const double *s, double *out) {
  for (int i = 0; i < m; i += height) {
    const double *from = x.at + i * x.row;
    int h = m - i;
    if (h >= height && x.row == 1) {
      for (int p = 0; p < k; p++, from += x.col, out += height) {
        double t = s ? s[p] : 1;
        for (int r = 0; r < height; r++) out[r] = t * from[r];
      }
    } else if (h >= height) {
      for (int p = 0; p < k; p++, from += x.col, out += height) {
        double t = s ? s[p] : 1;
        for (int r = 0; r < height; r++) out[r] = t * from[r * x.row];
      }
    } else {
      for (int p = 0; p < k; p++, from += x.col, out += height) {
        double t = s ? s[p] : 1;
        for (int r = 0; r < h; r++) out[r] = t * from[r * x.row];
        for (int r = h; r < height; r++) out[r] = 0;
      }
    }
  }
}

/* C <- C + alpha tile on its rows [0, m) and columns [0, n); entries above row
 * first + column are spared */
static void add_tile(int m, int n, double alpha, const double *t, vb_target c, int first) {
  for (int j = 0; j < n; j++) {
    double *to = c.at + j * c.col;
    if (m == MR && c.row == 1 && first + j <= 0) {
      for (int i = 0; i < MR; i++) to[i] += alpha * t[i + MR * j];
    } else {
      for (int i = first + j > 0 ? first + j : 0; i < m; i++)
        to[i * c.row] += alpha * t[i + MR * j];
    }
  }
}

static void product_small(vb_shape of, double alpha, vb_view a, const double *s, vb_view b,
                          vb_target c, int lower) {
  for (int j = 0; j < of.n; j++)
    for (int i = lower ? j : 0; i < of.m; i++) {
      double sum = 0;
      for (int p = 0; p < of.k; p++)
        sum += a.at[i * a.row + p * a.col] * ((s ? s[p] : 1) * b.at[p * b.row + j * b.col]);
      c.at[i * c.row + j * c.col] += alpha * sum;
    }
}

void vb_product(vb_shape of, double alpha, vb_view a, const double *s, vb_view b, vb_target c,
                int lower) {
  int m = of.m, n = of.n, k = of.k;
  if ((double)m * n * k <= 200) {
    product_small(of, alpha, a, s, b, c, lower);
    return;
  }
  double room[MC * KC + NR * KC + 8], out[MR * NR];
  double *pa = room + (64 - (uintptr_t)room % 64) / 8, *pb = pa + MC * KC; /* on a cache line */
  int wide_tile = VB_HAS_AVX2;
  for (int p = 0; p < k; p += KC)
    for (int i = 0; i < m; i += MC) {
      int kc = k - p < KC ? k - p : KC, mc = m - i < MC ? m - i : MC;
      vb_view at_a = {a.at + i * a.row + p * a.col, a.row, a.col};
      pack(MR, mc, kc, at_a, NULL, pa);
      for (int j = 0; j < n && (!lower || j < i + mc); j += NR) {
        int nc = n - j < NR ? n - j : NR;
        vb_view at_b = {b.at + p * b.row + j * b.col, b.col, b.row}; /* transposed */
        pack(NR, nc, kc, at_b, s ? s + p : NULL, pb);
        for (int r = 0; r < mc; r += MR) {
          int first = lower ? j - i - r : -n; /* the tile's row of its first diagonal entry */
          if (first >= MR) continue;
          vb_view rows_of_b = {pb, NR, 1};
          (wide_tile ? tile_wide : tile_narrow)(kc, pa + r * kc, MR, rows_of_b, out);
          vb_target at = {c.at + (i + r) * c.row + j * c.col, c.row, c.col};
          add_tile(mc - r < MR ? mc - r : MR, nc, alpha, out, at, first);
        }
      }
    }
}

/* ---- Tall matrices of few columns ---- */
/* Packed once for a block of rows, where vb_product() would pack for every panel of the result; the
 * sums are in its order. */

static int padded(int p) { return (p + MR - 1) / MR * MR; }

void vb_gram_narrow(int n, int p, const double *x, ptrdiff_t ldx, const double *s, vb_target c) {
  double room[2 * KC * VB_NARROW + 8], out[MR * NR];
  int ld = padded(p), rows = n < KC ? n : KC, wide_tile = VB_HAS_AVX2;
  double *pa = room + (64 - (uintptr_t)room % 64) / 8, *pb = pa + rows * ld;
  memset(pa, 0, sizeof(double) * 2 * rows * ld);
  for (int from = 0; from < n; from += KC) {
    int kc = n - from < KC ? n - from : KC;
    for (int r = 0; r < kc; r++) {
      const double *row = x + (from + r) * ldx;
      double t = s ? s[from + r] : 1;
      for (int k = 0; k < p; k++) pa[r * ld + k] = row[k];
      for (int k = 0; k < p; k++) pb[r * ld + k] = t * row[k];
    }
    for (int j = 0; j < p; j += NR)
      for (int i = j / MR * MR; i < p; i += MR) {
        vb_view b = {pb + j, ld, 1};
        (wide_tile ? tile_wide : tile_narrow)(kc, pa + i, ld, b, out);
        vb_target at = {c.at + i * c.row + j * c.col, c.row, c.col};
        add_tile(p - i < MR ? p - i : MR, p - j < NR ? p - j : NR, 1, out, at, j - i);
      }
  }
}

void vb_quadratic_forms(int n, int p, const double *x, const double *s, double *out) {
  double room[VB_NARROW * VB_NARROW + 8], tile[MR * NR], last[NR * VB_NARROW] = {0};
  double *ps = room + (64 - (uintptr_t)room % 64) / 8;
  int ld = padded(p), wide_tile = VB_HAS_AVX2;
  for (int k = 0; k < p; k++)
    for (int i = 0; i < ld; i++) ps[i + k * ld] = i < p ? s[i + (ptrdiff_t)k * p] : 0;
  for (int from = 0; from < n; from += NR, x += NR * (ptrdiff_t)p) {
    double sum[NR][MR] = {{0}}, total[NR];
    int m = n - from < NR ? n - from : NR;
    vb_view rows = {x, 1, p};
    if (m < NR) rows.at = memcpy(last, x, sizeof(double) * m * p); /* the tile reads NR rows */
    for (int i = 0; i < p; i += MR) {
      (wide_tile ? tile_wide : tile_narrow)(p, ps + i, ld, rows, tile);
      for (int r = 0; r < NR; r++) {
        const double *at = rows.at + r * p + i;
        if (p - i >= MR)
          for (int k = 0; k < MR; k++) sum[r][k] += tile[k + MR * r] * at[k];
        else
          for (int k = 0; k < p - i; k++) sum[r][k] += tile[k + MR * r] * at[k];
      }
    }
    for (int r = 0; r < NR; r++) {
      const double *lane = sum[r];
      total[r] =
          ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
    }
    memcpy(out + from, total, sizeof(double) * m);
  }
}

/* ROWS rows at a time in local storage, where the compiler can vectorise over them */
VB_INLINE void leaf(int m, int n, vb_view l, vb_target b, int unit, int forward) {
  enum { ROWS = MR };
  double x[VB_LEAF][ROWS], inverse[VB_LEAF], t[VB_LEAF][VB_LEAF];
  for (int j = 0; j < n; j++) {
    inverse[j] = unit ? 1 : 1 / l.at[j * (l.row + l.col)];
    for (int k = 0; k < j; k++) {
      double *to = forward ? &t[k][j] : &t[j][k];
      *to = l.at[j * l.row + k * l.col];
    }
  }
  for (int i = 0; i < m; i += ROWS) {
    int h = m - i < ROWS ? m - i : ROWS;
    double *from = b.at + i * b.row;
    for (int j = 0; j < n; j++, from += b.col) {
      if (h == ROWS && b.row == 1) {
        for (int r = 0; r < ROWS; r++) x[j][r] = from[r];
      } else if (h == ROWS) {
        for (int r = 0; r < ROWS; r++) x[j][r] = from[r * b.row];
      } else {
        for (int r = 0; r < ROWS; r++) x[j][r] = r < h ? from[r * b.row] : 0;
      }
    }
    for (int q = 0; q < n; q++) {
      int j = forward ? q : n - 1 - q;
      double done[ROWS];
      for (int r = 0; r < ROWS; r++) done[r] = x[j][r] * inverse[j];
      memcpy(x[j], done, sizeof done);
      for (int k = forward ? j + 1 : 0; k < (forward ? n : j); k++)
        for (int r = 0; r < ROWS; r++) x[k][r] -= t[j][k] * done[r];
    }
    from = b.at + i * b.row;
    for (int j = 0; j < n; j++, from += b.col) {
      if (h == ROWS && b.row == 1) {
        memcpy(from, x[j], sizeof x[j]);
      } else {
        for (int r = 0; r < h; r++) from[r * b.row] = x[j][r];
      }
    }
  }
}

static void leaf_narrow(int m, int n, vb_view l, vb_target b, int unit, int forward) {
  leaf(m, n, l, b, unit, forward);
}

VB_AVX2 static void leaf_wide(int m, int n, vb_view l, vb_target b, int unit, int forward) {
  leaf(m, n, l, b, unit, forward);
}

void vb_triangular_leaf(int m, int n, vb_view l, vb_target b, int unit, int forward) {
  (VB_HAS_AVX2 ? leaf_wide : leaf_narrow)(m, n, l, b, unit, forward);
}
