/* Zero-inflated counts: zero with probability zi, else Poisson; eta = (log mu, logit zi). */
#include "rows/several/densities.h"

VB_INLINE jet density(const jet *eta, double y, double w) {
  return jet_line(w, jet_inflated(eta[1], y, jet_poisson(eta[0], y)), 0);
}
VB_JET_LOG_LIK(2, density, vb_count_norm)

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  vb_shares s = vb_shares_of(at, 0, NULL);
  eta[0] = log(s.mean);
  eta[1] = vb_clamp_logit(s.zeros / 2);
}

const vb_several vb_several_zero_inflated_poisson = {.name = "zero_inflated_poisson",
                                                     .n_par = 2,
                                                     .par_name = {"mu", "zi"},
                                                     .link = {VB_LINK_LOG, VB_LINK_LOGIT},
                                                     .n_y = 1,
                                                     .log_lik = log_lik,
                                                     .start = start};
