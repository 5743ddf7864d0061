#include "r/r.h"
#include <R_ext/Rdynload.h>
#include <R_ext/Visibility.h>

#define ROW(name, n) \
  { #name, (DL_FUNC)&name, n }
static const R_CallMethodDef entries[] = {ROW(vb_r_fit, 2),         ROW(vb_r_open, 3),
                                          ROW(vb_r_moments, 2),     ROW(vb_r_node_moments, 3),
                                          ROW(vb_r_draw, 4),        ROW(vb_r_cavity, 2),
                                          ROW(vb_r_over_points, 2), ROW(vb_r_log_score, 4),
                                          ROW(vb_r_predictive, 4),  ROW(vb_r_quantiles, 5),
                                          ROW(vb_r_tilted, 4),      ROW(vb_r_tables, 0),
                                          ROW(vb_r_several, 3),     ROW(vb_r_family, 5),
                                          ROW(vb_r_prior, 4),       ROW(vb_r_stein, 3),
                                          ROW(vb_r_advi, 2),        ROW(vb_r_advi_model, 2),
                                          ROW(vb_r_joint, 4),       ROW(vb_r_tail_k, 1),
                                          ROW(vb_r_columns, 1),     {NULL, NULL, 0}};

attribute_visible void R_init_varbayes(DllInfo *dll) {
  R_registerRoutines(dll, NULL, entries, NULL, NULL);
  R_useDynamicSymbols(dll, FALSE);
  R_forceSymbols(dll, TRUE);
}
