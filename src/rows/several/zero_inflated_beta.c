/* Responses in [0, 1): zero with probability zi, else beta with mean mu and precision phi; eta =
 * (logit mu, log phi, logit zi). */
#include "rows/several/densities.h"

VB_INLINE jet density(const jet *eta, double y, double w) {
  if (y <= 0) return jet_line(w, jet_log_sigmoid(eta[2]), 0);
  return jet_line(w, jet_past_hurdle(eta[2], jet_beta(eta[0], eta[1], y)), 0);
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
  eta[0] = vb_clamp_logit(s.mean);
  eta[1] = log(5);
  eta[2] = vb_clamp_logit(s.zeros);
}

const vb_several vb_several_zero_inflated_beta = {
    .name = "zero_inflated_beta",
    .n_par = 3,
    .par_name = {"mu", "phi", "zi"},
    .link = {VB_LINK_LOGIT, VB_LINK_LOG, VB_LINK_LOGIT},
    .n_y = 1,
    .log_lik = log_lik,
    .bend = bend,
    .start = start};
