/* What the glue of ADVI shares: targets and noise from R (r_target.c), results to R (r_advi.c). */
#ifndef VB_R_ADVI_H
#define VB_R_ADVI_H
#include "advi/advi.h"
#include "r/r.h"

typedef struct {
  int dim;
  SEXP eval, subsample; /* subsample R_NilValue: none */
} vb_r_target;
typedef struct {
  SEXP normal, uniform; /* functions of a count */
} vb_r_noise;
vb_density vb_r_target_density(SEXP target, vb_r_target *t);
vb_noise vb_r_noise_make(SEXP control, vb_r_noise *noise);
void vb_r_advi_make(SEXP control, const vb_host *host, vb_density *density, vb_r_noise *noise,
                    vb_advi *advi);
SEXP vb_r_advi_result(const vb_advi *advi); /* unprotected */
#endif
