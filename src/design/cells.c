/* Rows with equal (x, z, groups, offset) are one cell of an exponential family without dispersion:
 * the sums of y and w are sufficient, so a poststratification table of a million rows costs as many
 * cells as it has.  Ordinal responses are added where they are equal too. */
#include <stdint.h>
#include <string.h>
#include "design/design.h"

static uint64_t mix(uint64_t h, uint64_t v) { /* Steele, Lea & Flood 2014, splitmix finaliser */
  h ^= v + 0x9e3779b97f4a7c15ULL + (h << 6) + (h >> 2);
  h ^= h >> 30;
  h *= 0xbf58476d1ce4e5b9ULL;
  return h ^ (h >> 27);
}

static uint64_t mix_double(uint64_t h, double v) {
  uint64_t bits;
  v += 0.0; /* -0 and 0 are one number */
  memcpy(&bits, &v, sizeof bits);
  return mix(h, bits);
}

#define BLOCK 256 /* rows whose hashes are taken at once, column by column */

static void hash_column(const double *x, int n, uint64_t *h) {
  for (int i = 0; i < n; i++) h[i] = mix_double(h[i], x[i]);
}

static int n_stored(const vb_input *in) {
  int n = in->p;
  for (int b = 0; b < in->n_bins; b++) n -= in->bins[b].k;
  return n;
}

static void hash_bins(const vb_bins *b, int from, int n, uint64_t *h) {
  if (b->at) hash_column(b->at + from, n, h);
  for (int i = 0; i < n; i++)
    for (int r = 0; r < b->each; r++) {
      size_t at = (size_t)(from + i) * b->each + r;
      if (b->node) h[i] = mix(h[i], (uint64_t)b->node[at]);
      if (b->weight) h[i] = mix_double(h[i], b->weight[at]);
    }
}

static int same_bins(const vb_bins *b, int i, int j) {
  if (b->at && b->at[i] != b->at[j]) return 0;
  for (int r = 0; r < b->each; r++) {
    size_t at = (size_t)i * b->each + r, to = (size_t)j * b->each + r;
    if (b->node && b->node[at] != b->node[to]) return 0;
    if (b->weight && b->weight[at] != b->weight[to]) return 0;
  }
  return 1;
}

static void hash_rows(const vb_input *in, int from, int n, uint64_t *h) {
  for (int i = 0; i < n; i++) h[i] = 1;
  hash_column(in->offset + from, n, h);
  if (in->family->cells == 2) hash_column(in->rows.y + from, n, h);
  for (int k = 0; k < n_stored(in); k++) hash_column(in->x[k] + from, n, h);
  for (int b = 0; b < in->n_bins; b++) hash_bins(in->bins + b, from, n, h);
  for (int t = 0; t < in->n_term; t++) {
    for (int i = 0; i < n; i++) h[i] = mix(h[i], (uint64_t)in->group[t][from + i]);
    for (int a = 0; a < in->d[t]; a++) hash_column(in->z[t] + from + (size_t)a * in->n, n, h);
  }
}

static int same_row(const vb_input *in, int i, int j) {
  if (in->offset[i] != in->offset[j]) return 0;
  if (in->family->cells == 2 && in->rows.y[i] != in->rows.y[j]) return 0;
  for (int t = 0; t < in->n_term; t++) {
    if (in->group[t][i] != in->group[t][j]) return 0;
    for (int a = 0; a < in->d[t]; a++)
      if (in->z[t][i + (size_t)a * in->n] != in->z[t][j + (size_t)a * in->n]) return 0;
  }
  for (int k = 0; k < n_stored(in); k++)
    if (in->x[k][i] != in->x[k][j]) return 0;
  for (int b = 0; b < in->n_bins; b++)
    if (!same_bins(in->bins + b, i, j)) return 0;
  return 1;
}

int vb_collapse(const vb_host *host, const vb_input *in, int *cell, int *first) {
  if (!in->family->cells) {
    for (int i = 0; i < in->n; i++) cell[i] = first[i] = i;
    return in->n;
  }
  size_t size = 16;
  while (size < 2 * (size_t)in->n) size *= 2;
  /* cell + 1, 0 where it is free, and the upper half of its hash, which spares most comparisons */
  uint64_t *table = host->alloc(size, sizeof *table), hash[BLOCK];
  const uint64_t upper = 0xffffffff00000000ULL;
  int n_cell = 0;
  for (int i = 0; i < in->n; i++) {
    if (i % BLOCK == 0) hash_rows(in, i, in->n - i < BLOCK ? in->n - i : BLOCK, hash);
    uint64_t h = hash[i % BLOCK], *slot = table + ((size_t)h & (size - 1));
    while (*slot && ((*slot ^ h) & upper || !same_row(in, first[(*slot & ~upper) - 1], i)))
      slot = slot + 1 < table + size ? slot + 1 : table;
    if (!*slot) {
      first[n_cell] = i;
      *slot = (h & upper) | (uint64_t)++n_cell;
    }
    cell[i] = (int)(*slot & ~upper) - 1;
  }
  return n_cell;
}
