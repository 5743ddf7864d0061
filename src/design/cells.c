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

static uint64_t row_hash(const vb_input *in, int i) {
  uint64_t h = mix_double(1, in->offset[i]);
  if (in->family->cells == 2) h = mix_double(h, in->rows.y[i]);
  for (int k = 0; k < in->p; k++) h = mix_double(h, in->x[i + (size_t)k * in->n]);
  for (int t = 0; t < in->n_term; t++) {
    h = mix(h, (uint64_t)in->group[t][i]);
    for (int a = 0; a < in->d[t]; a++) h = mix_double(h, in->z[t][i + (size_t)a * in->n]);
  }
  return h;
}

static int same_row(const vb_input *in, int i, int j) {
  if (in->offset[i] != in->offset[j]) return 0;
  if (in->family->cells == 2 && in->rows.y[i] != in->rows.y[j]) return 0;
  for (int t = 0; t < in->n_term; t++) {
    if (in->group[t][i] != in->group[t][j]) return 0;
    for (int a = 0; a < in->d[t]; a++)
      if (in->z[t][i + (size_t)a * in->n] != in->z[t][j + (size_t)a * in->n]) return 0;
  }
  for (int k = 0; k < in->p; k++)
    if (in->x[i + (size_t)k * in->n] != in->x[j + (size_t)k * in->n]) return 0;
  return 1;
}

int vb_collapse(const vb_host *host, const vb_input *in, int *cell, int *first) {
  if (!in->family->cells) {
    for (int i = 0; i < in->n; i++) cell[i] = first[i] = i;
    return in->n;
  }
  size_t size = 16;
  while (size < 2 * (size_t)in->n) size *= 2;
  int *table = host->alloc(size, sizeof(int)), n_cell = 0; /* cell + 1; 0: free */
  for (int i = 0; i < in->n; i++) {
    size_t at = (size_t)row_hash(in, i) & (size - 1);
    while (table[at] && !same_row(in, first[table[at] - 1], i)) at = (at + 1) & (size - 1);
    if (!table[at]) {
      first[n_cell] = i;
      table[at] = ++n_cell;
    }
    cell[i] = table[at] - 1;
  }
  return n_cell;
}
