/* Columns of x that are not stored: of each row its nodes, and a table of what columns nodes have
 * (S. N. Wood, Z. Li, G. Shaddick & N. H. Augustin 2017, Generalized additive models for gigadata,
 * JASA 112; Z. Li & S. N. Wood 2020, Faster model matrix crossproducts, Statistics and Computing
 * 30).  A product with a vector is one with the table, then a sum over each row's nodes. */
#include <string.h>
#include "design/design.h"
#include "numbers/small.h"

int vb_bins_row(const vb_bins *b, int i, int *node, double *weight) {
  if (b->at) {
    double at = b->at[i], t = b->weight ? b->weight[i] : 1;
    if (at < 0) return 0;
    int below = (int)at;
    if (below > b->n_node - 2) below = b->n_node - 2; /* the last node */
    node[0] = below;
    node[1] = below + 1;
    weight[1] = t * (at - below);
    weight[0] = t - weight[1];
    return 2;
  }
  int n = 0;
  for (int r = 0; r < b->each; r++) {
    size_t at = (size_t)i * b->each + r;
    if (b->node[at] < 0) continue;
    node[n] = b->node[at];
    weight[n++] = b->weight ? b->weight[at] : 1;
  }
  return n;
}

/* ---- Layout ---- */

static void lay_runs(const vb_host *host, vb_model *m) {
  vb_run *run = host->alloc(m->n_bins + 1, sizeof(vb_run));
  int at = 0;
  m->n_run = 0;
  for (int b = 0, first = 0; b <= m->n_bins; b++) {
    int end = b < m->n_bins ? m->bins[b].first : m->p;
    if (end > first) run[m->n_run++] = (vb_run){first, at, end - first};
    at += end - first;
    if (b < m->n_bins) first = end + m->bins[b].k;
  }
  m->run = run;
  m->n_dense = at;
}

static int in_order(int n, const int *order) {
  for (int i = 0; i < n; i++)
    if (order[i] != i) return 0;
  return 1;
}

static const double *reals_of(const vb_host *host, int n, const int *order, int each,
                              const double *x) {
  if (!x) return NULL;
  double *out = host->alloc((size_t)n * each + 1, sizeof(double));
  for (int i = 0; i < n; i++)
    memcpy(out + (size_t)i * each, x + (size_t)order[i] * each, sizeof(double) * each);
  return out;
}

void vb_lay_bins(const vb_host *host, const vb_input *in, const int *order, vb_model *m) {
  vb_bins *bins = host->alloc(in->n_bins + 1, sizeof(vb_bins));
  int same = m->n == in->n && in_order(m->n, order), column;
  m->n_bins = in->n_bins;
  m->bins = bins;
  for (int k = 0; k < in->n_bins; k++) {
    vb_bins *b = bins + k;
    int each = in->bins[k].each;
    *b = in->bins[k];
    if (same) continue;
    b->at = reals_of(host, m->n, order, 1, b->at);
    b->weight = reals_of(host, m->n, order, each, b->weight);
    if (!b->node) continue;
    int *node = host->alloc((size_t)m->n * each + 1, sizeof(int));
    for (int i = 0; i < m->n; i++)
      memcpy(node + (size_t)i * each, b->node + (size_t)order[i] * each, sizeof(int) * each);
    b->node = node;
  }
  lay_runs(host, m);
  column = m->n_dense;
  for (int k = 0; k < m->n_bins; k++) {
    vb_bins *b = bins + k;
    int gathered = b->table && b->n_node > 2 * b->k;
    b->column = gathered ? column : -1;
    if (gathered) column += b->k;
  }
}

/* ---- Rows ---- */

static void add_bins(const vb_bins *b, int i, double *x) {
  int node[VB_MOST_NODES];
  double weight[VB_MOST_NODES];
  int n = vb_bins_row(b, i, node, weight);
  for (int r = 0; r < n; r++) {
    if (!b->table) {
      x[node[r]] += weight[r];
      continue;
    }
    const double *row = b->table + (size_t)node[r] * b->k;
    for (int k = 0; k < b->k; k++) x[k] += weight[r] * row[k];
  }
}

void vb_x_copy(const vb_model *m, int from, int n, double *to) {
  for (int i = from; i < from + n; i++, to += m->p) {
    const double *x = m->x + (size_t)i * m->n_dense;
    for (int r = 0; r < m->n_run; r++)
      memcpy(to + m->run[r].first, x + m->run[r].at, sizeof(double) * m->run[r].n);
    for (int b = 0; b < m->n_bins; b++) {
      memset(to + m->bins[b].first, 0, sizeof(double) * m->bins[b].k);
      add_bins(m->bins + b, i, to + m->bins[b].first);
    }
  }
}

const double *vb_x_row(const vb_model *m, int i, double *room) {
  if (!m->n_bins) return m->x + (size_t)i * m->p;
  vb_x_copy(m, i, 1, room);
  return room;
}

double vb_x_dot(const vb_model *m, int i, const double *beta) {
  const double *x = m->x + (size_t)i * m->n_dense;
  if (!m->n_bins) return vb_dot(m->p, x, beta);
  int node[VB_MOST_NODES];
  double weight[VB_MOST_NODES], sum = 0;
  for (int r = 0; r < m->n_run; r++)
    sum += vb_dot(m->run[r].n, x + m->run[r].at, beta + m->run[r].first);
  for (int k = 0; k < m->n_bins; k++) {
    const vb_bins *b = m->bins + k;
    int n = vb_bins_row(b, i, node, weight);
    for (int r = 0; r < n; r++)
      sum +=
          weight[r] * (b->table ? vb_dot(b->k, b->table + (size_t)node[r] * b->k, beta + b->first)
                                : beta[b->first + node[r]]);
  }
  return sum;
}

/* ---- Products with vectors ---- */

void vb_bins_predictor(const vb_model *m, const double *beta, double *eta) {
  int node[VB_MOST_NODES];
  double weight[VB_MOST_NODES], by_node[VB_TABLE_ROWS];
  for (int k = 0; k < m->n_bins; k++) {
    const vb_bins *b = m->bins + k;
    const double *value = b->table ? by_node : beta + b->first;
    for (int j = 0; b->table && j < b->n_node; j++)
      by_node[j] = vb_dot(b->k, b->table + (size_t)j * b->k, beta + b->first);
    for (int i = 0; i < m->n; i++) {
      int n = vb_bins_row(b, i, node, weight);
      for (int r = 0; r < n; r++) eta[i] += weight[r] * value[node[r]];
    }
  }
}

void vb_bins_transpose(const vb_model *m, const double *g, double *r) {
  int node[VB_MOST_NODES];
  double weight[VB_MOST_NODES], by_node[VB_TABLE_ROWS];
  for (int k = 0; k < m->n_bins; k++) {
    const vb_bins *b = m->bins + k;
    double *to = r + b->first, *value = b->table ? by_node : to;
    if (b->table) memset(by_node, 0, sizeof(double) * b->n_node);
    for (int i = 0; i < m->n; i++) {
      int n = vb_bins_row(b, i, node, weight);
      for (int a = 0; a < n; a++) value[node[a]] += g[i] * weight[a];
    }
    for (int j = 0; b->table && j < b->n_node; j++)
      for (int a = 0; a < b->k; a++) to[a] += by_node[j] * b->table[(size_t)j * b->k + a];
  }
}
