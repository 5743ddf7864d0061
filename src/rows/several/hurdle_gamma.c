/* Zero with probability hu, else gamma with mean mu; eta = (log mu, log shape, logit hu). */
#include "rows/several/densities.h"

VB_INLINE jet density(const jet *eta, double y, double w) {
  if (y <= 0) return jet_line(w, jet_log_sigmoid(eta[2]), 0);
  return jet_line(w, jet_past_hurdle(eta[2], jet_gamma(eta[0], eta[1], y, 1)), 0);
}
VB_JET_LOG_LIK(3, density)

/* a zero says nothing of the other part */
static void bend(int K, const vb_several_at *at, double *scale) {
  (void)K;
  if (at->y[0][0] <= 0) scale[0] = scale[1] = INFINITY;
}

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  vb_shares s = vb_shares_of(at, 0, NULL);
  eta[0] = log(s.mean);
  eta[1] = 0;
  eta[2] = vb_clamp_logit(s.zeros);
}

const vb_several vb_several_hurdle_gamma = {.name = "hurdle_gamma",
                                            .n_par = 3,
                                            .par_name = {"mu", "shape", "hu"},
                                            .link = {VB_LINK_LOG, VB_LINK_LOG, VB_LINK_LOGIT},
                                            .n_y = 1,
                                            .log_lik = log_lik,
                                            .bend = bend,
                                            .start = start};
