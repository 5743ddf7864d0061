/* Fronts of the leaf-core ("arrow") elimination: which core coefficients meet each leaf level,
 * where each cell's blocks stand in its level's front, and the pattern of the core when it is kept
 * sparse. mathematics.Rmd, section 4; the fronts are those of a multifrontal Cholesky (Davis 2006,
 * section 4.8). */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "design/design.h"

static int by_value(const void *a, const void *b) {
  int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

/* core blocks (as their first coefficient) in the cells of level j, ascending; returns how many */
static int level_blocks(const vb_model *m, int j, int *mark, int *out) {
  int n_other = m->n_core_term, n = 0;
  for (int i = m->row_start[j]; i < m->row_start[j + 1]; i++)
    for (int k = 0; k < n_other; k++) {
      const vb_term *t = m->term + m->core_term[k];
      int o = t->core + t->group[i] * t->d;
      if (mark[o] != j + 1) {
        mark[o] = j + 1;
        out[n++] = o;
      }
    }
  qsort(out, n, sizeof(int), by_value);
  return n;
}

/* the terms but the leaf are the core, one after the other */
static void number_core(const vb_host *host, vb_model *m) {
  int *core_term = host->alloc(m->n_term + 1, sizeof(int)), n_other = 0;
  m->q = 0;
  for (int t = 0; t < m->n_term; t++) {
    if (t == m->leaf) continue;
    m->term[t].core = m->q;
    m->q += m->term[t].d * m->term[t].n_level;
    core_term[n_other++] = t;
  }
  m->core_term = core_term;
  m->n_core_term = n_other;
}

void vb_lay_blocks(vb_model *m) {
  size_t block = 0, edge = 0;
  for (int k = 0; k <= m->n_term; k++) {
    vb_term *t = m->term + k;
    t->block = block;
    t->edge = edge;
    block += (size_t)t->n_level * t->d * t->d;
    edge += (size_t)t->n_level * t->d * m->p;
  }
}

void vb_lay_arrow(const vb_host *host, vb_model *m) {
  number_core(host, m);
  m->core.q = m->q;
  m->core.solver = &vb_solver_dense;
  int n_other = m->n_core_term, q = m->q;
  int *mark = host->alloc(q + 1, sizeof(int)), *place = host->alloc(q + 1, sizeof(int));
  int *dim_of = host->alloc(q + 1, sizeof(int)), *blocks = host->alloc(q + 1, sizeof(int));
  int *front_start = host->alloc(m->n_front + 1, sizeof(int));
  size_t *block_start = host->alloc(m->n_front + 1, sizeof(size_t));
  int *slot = host->alloc((size_t)m->n * n_other + 1, sizeof(int));
  for (int k = 0; k < n_other; k++) {
    const vb_term *t = m->term + m->core_term[k];
    for (int l = 0; l < t->n_level; l++) dim_of[t->core + l * t->d] = t->d;
  }
  for (int j = 0; j < m->n_front; j++) { /* count, then fill */
    int n = n_other ? level_blocks(m, j, mark, blocks) : 0, cols = 0;
    for (int b = 0; b < n; b++) cols += dim_of[blocks[b]];
    front_start[j + 1] = front_start[j] + cols;
    block_start[j + 1] = block_start[j] + (size_t)m->d_leaf * (cols + m->p);
  }
  int *front = host->alloc((size_t)front_start[m->n_front] + 1, sizeof(int));
  memset(mark, 0, sizeof(int) * (q + 1));
  for (int j = 0; j < m->n_front && n_other; j++) {
    int n = level_blocks(m, j, mark, blocks), *f = front + front_start[j], at = 0;
    for (int b = 0; b < n; b++) {
      place[blocks[b]] = at;
      for (int a = 0; a < dim_of[blocks[b]]; a++) f[at++] = blocks[b] + a;
    }
    for (int i = m->row_start[j]; i < m->row_start[j + 1]; i++)
      for (int k = 0; k < n_other; k++) {
        const vb_term *t = m->term + m->core_term[k];
        slot[(size_t)i * n_other + k] = place[t->core + t->group[i] * t->d];
      }
  }
  m->front_start = front_start;
  m->front = front;
  m->block_start = block_start;
  m->slot = slot;
  vb_core_fields(host, m);
}

/* levels in which each core coefficient occurs (the transpose of the fronts) */
static void front_transpose(const vb_host *host, const vb_model *m, int **start_, int **level_) {
  int q = m->q, *start = host->alloc(q + 2, sizeof(int));
  int *level = host->alloc((size_t)m->front_start[m->n_front] + 1, sizeof(int));
  for (int k = 0; k < m->front_start[m->n_front]; k++) start[m->front[k] + 2]++;
  for (int o = 0; o < q; o++) start[o + 2] += start[o + 1];
  for (int j = 0; j < m->n_front; j++)
    for (int k = m->front_start[j]; k < m->front_start[j + 1]; k++)
      level[start[m->front[k] + 1]++] = j;
  *start_ = start;
  *level_ = level;
}

/* the field that core coefficient o is of, NULL: of none */
static const vb_field *field_of(const vb_model *m, int o) {
  for (int i = 0; i < m->n_field; i++) {
    const vb_field *f = m->field + i;
    int at = f->term < 0 ? -1 : o - m->term[f->term].core;
    if (at >= 0 && at < f->n) return f;
  }
  return NULL;
}

/* rows >= o of column o: everything that shares a leaf level with it, its own block, and what its
 * field's precision joins it with */
static int column_rows(const vb_model *m, const int *start, const int *level, const int *block_end,
                       int o, int *mark, int *out) {
  int n = 0;
  const vb_field *field = field_of(m, o);
  for (int a = o; a < block_end[o]; a++) {
    mark[a] = o + 1;
    if (out) out[n] = a;
    n++;
  }
  int first = field ? m->term[field->term].core : 0;
  for (int e = field ? field->col[o - first] : 0; field && e < field->col[o - first + 1]; e++) {
    int a = first + field->other[e];
    if (mark[a] == o + 1) continue;
    mark[a] = o + 1;
    if (out) out[n] = a;
    n++;
  }
  for (int k = start[o]; k < start[o + 1]; k++) {
    int j = level[k];
    for (int f = m->front_start[j + 1] - 1; f >= m->front_start[j] && m->front[f] > o; f--)
      if (mark[m->front[f]] != o + 1) {
        mark[m->front[f]] = o + 1;
        if (out) out[n] = m->front[f];
        n++;
      }
  }
  return n;
}

int vb_core_pattern(const vb_host *host, vb_model *m) {
  int q = m->q, *start, *level;
  front_transpose(host, m, &start, &level);
  int *mark = host->alloc(q + 1, sizeof(int)), *block_end = host->alloc(q + 1, sizeof(int));
  for (int k = 0; k < m->n_core_term; k++) {
    const vb_term *t = m->term + m->core_term[k];
    for (int i = 0; i < t->n_level * t->d; i++)
      block_end[t->core + i] = t->core + (i / t->d + 1) * t->d;
  }
  int *col = host->alloc(q + 1, sizeof(int));
  for (int o = 0; o < q; o++) {
    int n = column_rows(m, start, level, block_end, o, mark, NULL);
    if (n > INT_MAX - 1 - col[o]) return 0;
    col[o + 1] = col[o] + n;
  }
  int *row = host->alloc((size_t)col[q] + 1, sizeof(int));
  memset(mark, 0, sizeof(int) * (q + 1));
  for (int o = 0; o < q; o++) {
    int n = column_rows(m, start, level, block_end, o, mark, row + col[o]);
    qsort(row + col[o], n, sizeof(int), by_value);
  }
  m->core.col_start = col;
  m->core.row_index = row;
  return 1;
}

void vb_core_pairs(const vb_host *host, vb_model *m) {
  size_t *start = host->alloc(m->n_front + 1, sizeof(size_t));
  for (int j = 0; j < m->n_front; j++) {
    size_t c = m->front_start[j + 1] - m->front_start[j];
    start[j + 1] = start[j] + c * (c + 1) / 2;
  }
  int *pair = host->alloc(start[m->n_front] + 1, sizeof(int));
  for (int j = 0; j < m->n_front; j++) {
    const int *f = m->front + m->front_start[j];
    int c = m->front_start[j + 1] - m->front_start[j], *out = pair + start[j];
    for (int b = 0; b < c; b++) { /* the front and the column ascend both */
      int at = m->core.col_start[f[b]];
      for (int a = b; a < c; a++) {
        while (m->core.row_index[at] < f[a]) at++;
        *out++ = at;
      }
    }
  }
  m->pair_start = start;
  m->pair = pair;
}

static const size_t *positions(const vb_host *host, const vb_model *m, const vb_field *f) {
  int first = m->term[f->term].core;
  size_t *out = host->alloc(f->size + 1, sizeof(size_t));
  for (int b = 0; b < f->n; b++) {
    int at = m->core.col_start ? m->core.col_start[first + b] : 0;
    for (int e = f->col[b]; e < f->col[b + 1]; e++) {
      while (m->core.col_start && m->core.row_index[at] < first + f->other[e]) at++;
      out[e] = m->core.col_start ? (size_t)at
                                 : (size_t)(first + f->other[e]) + (size_t)(first + b) * m->q;
    }
  }
  return out;
}

void vb_core_fields(const vb_host *host, vb_model *m) {
  int n_held = 0, at = 0;
  m->field_position = host->alloc(m->n_field + 1, sizeof *m->field_position);
  for (int i = 0; i < m->n_field; i++) {
    if (m->field[i].term < 0) continue;
    m->field_position[i] = positions(host, m, m->field + i);
    n_held += m->field[i].n_held;
  }
  if (!n_held) return;
  double *a = host->alloc((size_t)m->q * n_held, sizeof(double));
  for (int i = 0; i < m->n_field; i++) {
    const vb_field *f = m->field + i;
    for (int k = 0; k < f->n_held; k++, at++)
      memcpy(a + (size_t)at * m->q + m->term[f->term].core, f->held + (size_t)k * f->n,
             sizeof(double) * f->n);
  }
  vb_core_hold(host, n_held, a, &m->core);
}
