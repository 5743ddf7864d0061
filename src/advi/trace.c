/* The trace of a run of ADVI: a step more, and the progress bar told. */
#include <string.h>
#include "advi/advi.h"

void vb_advi_trace(vb_advi *a, int phase, double elbo, double se, double lik) {
  if (a->n_step == a->cap_step) {
    int cap = a->cap_step ? 2 * a->cap_step : 64;
    vb_advi_step *more = a->host->alloc(cap, sizeof *more);
    if (a->n_step) memcpy(more, a->step, sizeof *more * a->n_step);
    a->step = more;
    a->cap_step = cap;
  }
  a->step[a->n_step++] =
      (vb_advi_step){phase, elbo, se, lik, a->host->seconds(a->host->data), a->density->n_grad};
  a->host->progress(a->host->data, a->n_step);
}
