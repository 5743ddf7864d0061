/* A prior that is a mixture of normals, at given arguments. */
#include <math.h>
#include "rows/rows.h"

/* weights that underflow are as good as none, and what is beyond n, up to whole lanes, too */
#define NOTHING 1e-300

void vb_mix_make(vb_mixture_fn fn, const double *arg, vb_mix *p) {
  p->n = fn(arg, p->weight, p->var, p->by_global, p->by_slab);
  for (int k = p->n; k % VB_MIX_LANES; k++) {
    p->weight[k] = p->by_global[k] = p->by_slab[k] = 0;
    p->var[k] = 1;
  }
  for (int k = 0; k < p->n || k % VB_MIX_LANES; k++) {
    p->log_weight[k] = log(fmax(p->weight[k], NOTHING));
    p->log_var[k] = log(p->var[k]);
  }
}
