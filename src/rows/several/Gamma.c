/* Gamma responses whose shape, times the weight, is predicted; eta = (log mu, log shape). */
#include "rows/several/densities.h"

VB_INLINE jet density(const jet *eta, double y, double w) {
  return jet_gamma(eta[0], eta[1], y, w);
}
VB_JET_LOG_LIK(2, density)

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  vb_shares s = vb_shares_of(at, 0, NULL);
  eta[0] = log(s.mean);
  eta[1] = -2 * log(fmax(s.sd / s.mean, 1e-3));
}

const vb_several vb_several_Gamma = {.name = "Gamma",
                                     .n_par = 2,
                                     .par_name = {"mu", "shape"},
                                     .link = {VB_LINK_LOG, VB_LINK_LOG},
                                     .n_y = 1,
                                     .log_lik = log_lik,
                                     .start = start};
