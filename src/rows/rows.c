/* Blocks of rows: views, and copies in another order. */
#include <string.h>
#include "rows/rows.h"

static const double zero = 0, one = 1;
const vb_rows vb_rows_unit = {1, &zero, &one};

vb_rows vb_rows_range(const vb_rows *r, int first, int n) {
  return (vb_rows){n, r->y + first, r->w + first};
}

static vb_rows view(int n, const double *room) { return (vb_rows){n, room, room + n}; }

vb_rows vb_rows_gather(const vb_rows *r, int n, const int *index, double *room) {
  const double *column[VB_ROW_COLUMNS] = {r->y, r->w};
  for (int k = 0; k < VB_ROW_COLUMNS; k++) {
    double *to = room + (size_t)k * n;
    for (int i = 0; i < n; i++) to[i] = column[k][index[i]];
  }
  return view(n, room);
}

vb_rows vb_rows_rep(const vb_rows *r, int each, int times, double *room) {
  const double *column[VB_ROW_COLUMNS] = {r->y, r->w};
  size_t once = (size_t)r->n * each;
  for (int k = 0; k < VB_ROW_COLUMNS; k++) {
    double *to = room + k * once * times;
    for (int i = 0; i < r->n; i++)
      for (int j = 0; j < each; j++) to[(size_t)i * each + j] = column[k][i];
    for (int j = 1; j < times; j++) memcpy(to + j * once, to, sizeof(double) * once);
  }
  return view((int)once * times, room);
}
