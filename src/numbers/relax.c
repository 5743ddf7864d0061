/* Dynamic relaxation of x <- x + pace r(x) by Aitken's delta squared for vectors (Irons & Tuck
 * 1969; Kuettler & Wall 2008): where a step turns the residual round, the next goes less far; where
 * it leaves most of it, farther. */
#include <math.h>
#include <string.h>
#include "numbers/optimise.h"
#include "numbers/small.h"

#define LEAST 0.05
#define SLOWER 0.2 /* the most that one residual may change the pace by */
#define FASTER 2

void vb_relax_alloc(const vb_host *host, int n, vb_relax *r) {
  r->n = n;
  r->pace = 0;
  r->last = host->alloc(n + 1, sizeof(double));
}

double vb_relax_next(vb_relax *r, const double *residual) {
  double dot = vb_dot(r->n, residual, r->last), own = vb_dot(r->n, r->last, r->last);
  memcpy(r->last, residual, sizeof(double) * r->n);
  if (r->pace == 0 || !(own > 0))
    r->pace = 1;
  else
    r->pace *= fmax(1 / fmax(1 - dot / own, 1.0 / FASTER), SLOWER);
  return r->pace = fmin(fmax(r->pace, LEAST), 1);
}
