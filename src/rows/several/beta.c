/* Responses in (0, 1), beta with mean mu and a precision phi that is predicted; eta = (logit mu,
 * log phi). */
#include "rows/several/densities.h"

VB_INLINE jet density(const jet *eta, double y, double w) {
  return jet_line(w, jet_beta(eta[0], eta[1], y), 0);
}
VB_JET_LOG_LIK(2, density)

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  vb_shares s = vb_shares_of(at, 0, NULL);
  eta[0] = vb_clamp_logit(s.mean);
  eta[1] = log(fmax(s.mean * (1 - s.mean) / (s.sd * s.sd) - 1, 0.5));
}

const vb_several vb_several_beta = {.name = "beta",
                                    .n_par = 2,
                                    .par_name = {"mu", "phi"},
                                    .link = {VB_LINK_LOGIT, VB_LINK_LOG},
                                    .n_y = 1,
                                    .log_lik = log_lik,
                                    .start = start};
