/* Negative binomial counts whose shape is predicted; eta = (log mu, log shape). */
#include "rows/several/densities.h"

VB_INLINE jet density(const jet *eta, double y, double w) {
  return jet_line(w, jet_negbinomial(eta[0], eta[1], y), 0);
}
VB_JET_LOG_LIK(2, density)

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  vb_shares s = vb_shares_of(at, 0, NULL);
  eta[0] = log(fmax(s.mean * (1 - s.zeros), 0.02));
  eta[1] = 0;
}

const vb_several vb_several_negbinomial = {.name = "negbinomial",
                                           .n_par = 2,
                                           .par_name = {"mu", "shape"},
                                           .link = {VB_LINK_LOG, VB_LINK_LOG},
                                           .n_y = 1,
                                           .constant = vb_log_factorial,
                                           .log_lik = log_lik,
                                           .start = start};
