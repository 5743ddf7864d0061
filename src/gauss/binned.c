/* X'HX and x'Sx where columns are in bins.  With Z the nodes of the rows and T their table, the
 * columns of bins are Z T: what they have in common with other columns is T' (Z'H X), a sum of rows
 * of X over each node, and x'S x is a sum over its nodes of the products of x with rows of T S. */
#include "gauss/binned.h"
#include <string.h>
#include "numbers/kernel.h"
#include "numbers/strip.h"

static int width_of(const vb_binned *w, const vb_bins *b) {
  return b->column < 0 ? w->n_gathered : b->column + b->k;
}

static size_t pair_of(int a, int b) { return a + (size_t)b * (b + 1) / 2; }

void vb_binned_alloc(const vb_model *m, vb_binned *w) {
  const vb_host *host = m->host;
  memset(w, 0, sizeof *w);
  if (!m->n_bins) return;
  int N = 0, K = 0; /* of those that are not gathered */
  w->n_gathered = m->n_dense;
  for (int b = 0; b < m->n_bins; b++)
    if (m->bins[b].column >= 0) w->n_gathered += m->bins[b].k;
  w->column = host->alloc(w->n_gathered + 1, sizeof(int));
  w->order = host->alloc(m->n_bins, sizeof(int));
  for (int wide = 0, at = 0; wide < 2; wide++)
    for (int b = 0; b < m->n_bins; b++)
      if ((m->bins[b].column < 0) == wide) w->order[at++] = b;
  for (int r = 0; r < m->n_run; r++)
    for (int k = 0; k < m->run[r].n; k++) w->column[m->run[r].at + k] = m->run[r].first + k;
  w->table = host->alloc(m->n_bins, sizeof(double *));
  w->pair = host->alloc(pair_of(0, m->n_bins), sizeof(double *));
  size_t most = (size_t)m->n_dense * m->n_dense;
  w->stored = host->alloc(most + 1, sizeof(double));
  for (int i = 0; i < m->n_bins; i++) {
    const vb_bins *b = m->bins + i;
    size_t width = width_of(w, b);
    for (int k = 0; k < b->k && b->column >= 0; k++) w->column[b->column + k] = b->first + k;
    w->table[i] = host->alloc(width * b->n_node + 1, sizeof(double));
    if (width * b->k > most) most = width * b->k;
    if (b->column >= 0) continue;
    if (b->n_node > N) N = b->n_node;
    if (b->k > K) K = b->k;
    for (int a = 0; a <= i; a++)
      if (m->bins[a].column < 0)
        w->pair[pair_of(a, i)] = host->alloc((size_t)m->bins[a].n_node * b->n_node, sizeof(double));
  }
  size_t twice = (size_t)N * K + (size_t)K * K;
  w->product = host->alloc((twice > most ? twice : most) + 1, sizeof(double));
  w->x = host->alloc((size_t)VB_STRIP * m->p + 1, sizeof(double));
}

/* ---- Strips of rows ---- */

static void take(const vb_bins *b, int from, int n, vb_strip *z) {
  z->n = 0;
  for (int i = 0; i < n; i++) {
    int m = vb_bins_row(b, from + i, z->column + z->n, z->value + z->n);
    for (int r = 0; r < m; r++) z->row[z->n++] = i;
  }
}

static void take_stored(const vb_model *m, int from, int n, vb_binned *w) {
  int ld = w->n_gathered, d = m->n_dense;
  for (int i = 0; i < n; i++) {
    double *x = w->x + (size_t)i * ld;
    memcpy(x, m->x + (size_t)(from + i) * d, sizeof(double) * d);
    memset(x + d, 0, sizeof(double) * (ld - d));
  }
}

/* the strip's nodes in bins b, whose columns join those gathered before; how many it looks at */
static int take_bins(const vb_bins *b, int from, int n, vb_strip *z, vb_binned *w) {
  take(b, from, n, z);
  if (b->column >= 0)
    vb_strip_gather(z, (vb_rows_of){b->table, b->k, b->k}, w->x + b->column, w->n_gathered);
  return width_of(w, b);
}

/* sum of a pair's entries at the nodes that a strip's rows have */
static double pair_entry(const vb_bins *b, const double *pair, const vb_strip *za, int e,
                         const vb_strip *zb, int from) {
  double sum = 0;
  for (int f = from; f < zb->n && zb->row[f] == za->row[e]; f++)
    sum += zb->value[f] * pair[(size_t)za->column[e] * b->n_node + zb->column[f]];
  return za->value[e] * sum;
}

static void add_pair(const vb_bins *b, double *pair, const vb_strip *za, const vb_strip *zb,
                     const double *h) {
  for (int e = 0, from = 0; e < za->n; e++) {
    while (from < zb->n && zb->row[from] < za->row[e]) from++;
    double t = za->value[e] * h[za->row[e]];
    for (int f = from; f < zb->n && zb->row[f] == za->row[e]; f++)
      pair[(size_t)za->column[e] * b->n_node + zb->column[f]] += t * zb->value[f];
  }
}

/* ---- X'HX ---- */

static void sum_strip(const vb_model *m, const double *h, int from, int n, vb_binned *w) {
  vb_strip z, za;
  take_stored(m, from, n, w);
  for (int k = 0; k < m->n_bins; k++) {
    int i = w->order[k], width = take_bins(m->bins + i, from, n, &z, w);
    vb_strip_scatter(&z, h + from, (vb_rows_of){w->x, w->n_gathered, width}, w->table[i], width);
    for (int a = 0; a <= i; a++) {
      double *pair = w->pair[pair_of(a, i)];
      if (!pair) continue;
      take(m->bins + a, from, n, &za);
      add_pair(m->bins + i, pair, &za, &z, h + from);
    }
  }
}

static void put(int p, int i, int j, double value, double *c) {
  c[i > j ? i + (size_t)j * p : j + (size_t)i * p] = value;
}

/* T' table, width x k, where there is a table T */
static const double *by_columns(const vb_bins *b, const double *table, int width, double *room) {
  if (!b->table) return table;
  memset(room, 0, sizeof(double) * width * b->k);
  vb_product((vb_shape){width, b->k, b->n_node}, 1, (vb_view){table, 1, width}, NULL,
             (vb_view){b->table, b->k, 1}, (vb_target){room, 1, width}, 0);
  return room;
}

static void put_pair(const vb_model *m, int a, int b, vb_binned *w, double *c) {
  const vb_bins *ba = m->bins + a, *bb = m->bins + b;
  double *room = w->product + (size_t)ba->k * bb->n_node;
  const double *half = by_columns(ba, w->pair[pair_of(a, b)], bb->n_node, w->product);
  if (bb->table) { /* T_b' half: rows of half are b's nodes */
    memset(room, 0, sizeof(double) * ba->k * bb->k);
    vb_product((vb_shape){bb->k, ba->k, bb->n_node}, 1, (vb_view){bb->table, 1, bb->k}, NULL,
               (vb_view){half, 1, bb->n_node}, (vb_target){room, 1, bb->k}, 0);
    half = room;
  }
  for (int u = 0; u < ba->k; u++)
    for (int v = 0; v < bb->k; v++)
      put(m->p, ba->first + u, bb->first + v, half[v + (size_t)u * bb->k], c);
}

void vb_binned_gram(const vb_model *m, const double *h, vb_binned *w, double *c) {
  int d = m->n_dense, p = m->p;
  for (int i = 0; i < m->n_bins; i++)
    memset(w->table[i], 0, sizeof(double) * m->bins[i].n_node * width_of(w, m->bins + i));
  for (int b = 0; b < m->n_bins; b++)
    for (int a = 0; a <= b; a++)
      if (w->pair[pair_of(a, b)])
        memset(w->pair[pair_of(a, b)], 0, sizeof(double) * m->bins[a].n_node * m->bins[b].n_node);
  for (int from = 0; from < m->n; from += VB_STRIP)
    sum_strip(m, h, from, m->n - from < VB_STRIP ? m->n - from : VB_STRIP, w);
  if (d) vb_weighted_gram(m->n, d, m->x, d, h, 0, w->product, d);
  for (int l = 0; l < d; l++)
    for (int k = l; k < d; k++)
      put(p, w->column[k], w->column[l], w->product[k + (size_t)l * d], c);
  for (int i = 0; i < m->n_bins; i++) {
    const vb_bins *b = m->bins + i;
    int width = width_of(w, b);
    const double *sum = by_columns(b, w->table[i], width, w->product);
    for (int u = 0; u < b->k; u++)
      for (int k = 0; k < width; k++)
        put(p, b->first + u, w->column[k], sum[k + (size_t)u * width], c);
    for (int a = 0; a <= i; a++)
      if (w->pair[pair_of(a, i)]) put_pair(m, a, i, w, c);
  }
}

/* ---- x'Sx ---- */

/* out (n_node x width, row-major) <- T rows, or the rows themselves */
static void by_nodes(const vb_bins *b, const double *rows, int width, double *out) {
  size_t size = sizeof(double) * b->n_node * width;
  if (!b->table) {
    memcpy(out, rows, size);
    return;
  }
  memset(out, 0, size);
  vb_product((vb_shape){b->n_node, width, b->k}, 1, (vb_view){b->table, b->k, 1}, NULL,
             (vb_view){rows, width, 1}, (vb_target){out, width, 1}, 0);
}

static void prepare_pair(const vb_model *m, int a, int b, const double *s, vb_binned *w) {
  const vb_bins *ba = m->bins + a, *bb = m->bins + b;
  double *room = w->product + (size_t)ba->k * bb->n_node, *half = w->product;
  for (int u = 0; u < ba->k; u++)
    for (int v = 0; v < bb->k; v++)
      room[v + (size_t)u * bb->k] =
          (a == b ? 1 : 2) * s[bb->first + v + (size_t)(ba->first + u) * m->p];
  if (bb->table) { /* half, k_a x n_b, <- room T_b' */
    memset(half, 0, sizeof(double) * ba->k * bb->n_node);
    vb_product((vb_shape){ba->k, bb->n_node, bb->k}, 1, (vb_view){room, bb->k, 1}, NULL,
               (vb_view){bb->table, 1, bb->k}, (vb_target){half, bb->n_node, 1}, 0);
  } else {
    half = room;
  }
  by_nodes(ba, half, bb->n_node, w->pair[pair_of(a, b)]);
}

void vb_binned_prepare(const vb_model *m, const double *s, vb_binned *w) {
  for (int l = 0; l < m->n_dense; l++)
    for (int k = 0; k < m->n_dense; k++)
      w->stored[k + (size_t)l * m->n_dense] = s[w->column[k] + (size_t)w->column[l] * m->p];
  for (int i = 0; i < m->n_bins; i++) {
    const vb_bins *b = m->bins + i;
    int width = width_of(w, b);
    double *row = w->product;
    for (int u = 0; u < b->k; u++)
      for (int k = 0; k < width; k++) {
        int own = b->column >= 0 && k >= b->column;
        *row++ = (own ? 1 : 2) * s[w->column[k] + (size_t)(b->first + u) * m->p];
      }
    by_nodes(b, w->product, width, w->table[i]);
    for (int a = 0; a <= i; a++)
      if (w->pair[pair_of(a, i)]) prepare_pair(m, a, i, s, w);
  }
}

void vb_binned_variance(const vb_model *m, int from, int n, vb_binned *w, double *v) {
  vb_strip z, za;
  take_stored(m, from, n, w);
  for (int k = 0; k < m->n_bins; k++) {
    int i = w->order[k], width = take_bins(m->bins + i, from, n, &z, w);
    vb_strip_dot(&z, (vb_rows_of){w->x, w->n_gathered, width}, w->table[i], width, v + from);
    for (int a = 0; a <= i; a++) {
      const double *pair = w->pair[pair_of(a, i)];
      if (!pair) continue;
      take(m->bins + a, from, n, &za);
      for (int e = 0, at = 0; e < za.n; e++) {
        while (at < z.n && z.row[at] < za.row[e]) at++;
        v[from + za.row[e]] += pair_entry(m->bins + i, pair, &za, e, &z, at);
      }
    }
  }
}
