/* A prior that is a mixture of normals, at given arguments. */
#include <math.h>
#include "rows/rows.h"

void vb_mix_make(vb_mixture_fn fn, const double *arg, vb_mix *p) {
  p->n = fn(arg, p->weight, p->var, p->by_global, p->by_slab);
  for (int k = 0; k < p->n; k++) {
    p->log_weight[k] = log(p->weight[k]);
    p->log_var[k] = log(p->var[k]);
  }
}
