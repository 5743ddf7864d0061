/* The precisions of fields as theta has them: room for them, and their values. */
#include "gauss/hyper.h"

void vb_fields_alloc(const vb_host *host, const vb_hyper *hyper, vb_theta *theta) {
  size_t size = 1;
  for (int f = 0; f < hyper->n_field; f++) size += hyper->field[f].size;
  theta->q = host->alloc(size, sizeof(double));
  theta->q_log_det = host->alloc(hyper->n_field + 1, sizeof(double));
}

vb_status vb_fields_set(const vb_hyper *hyper, vb_theta *theta) {
  for (int i = 0; i < hyper->n_field && theta->q; i++) {
    const vb_field *f = hyper->field + i;
    vb_status st = vb_precision_set(f->row, vb_field_count(f), f->at,
                                    theta->natural + hyper->first_field + f->par,
                                    theta->q + f->place, theta->q_log_det + i);
    if (st != VB_OK) return st;
  }
  return VB_OK;
}
