/* Responses in [0, 1]: zero or one with probability zoi, and then one with probability coi, else
 * beta with mean mu and precision phi; eta = (logit mu, log phi, logit zoi, logit coi). */
#include "rows/several/densities.h"

VB_INLINE jet density(const jet *eta, double y, double w) {
  if (y <= 0 || y >= 1) {
    jet which = jet_log_sigmoid(jet_line(y >= 1 ? 1 : -1, eta[3], 0));
    return jet_line(w, jet_add(jet_log_sigmoid(eta[2]), which), 0);
  }
  return jet_line(w, jet_past_hurdle(eta[2], jet_beta(eta[0], eta[1], y)), 0);
}
VB_JET_LOG_LIK(4, density)

/* the parts say nothing of each other */
static void bend(int K, const vb_several_at *at, double *scale) {
  (void)K;
  double y = at->y[0][0];
  if (y <= 0 || y >= 1)
    scale[0] = scale[1] = INFINITY;
  else
    scale[3] = INFINITY;
}

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  vb_shares s = vb_shares_of(at, 1, NULL);
  eta[0] = vb_clamp_logit(s.mean);
  eta[1] = log(5);
  eta[2] = vb_clamp_logit(s.zeros + s.ones);
  eta[3] = vb_clamp_logit((s.ones + 0.01) / (s.zeros + s.ones + 0.02));
}

const vb_several vb_several_zero_one_inflated_beta = {
    .name = "zero_one_inflated_beta",
    .n_par = 4,
    .par_name = {"mu", "phi", "zoi", "coi"},
    .link = {VB_LINK_LOGIT, VB_LINK_LOG, VB_LINK_LOGIT, VB_LINK_LOGIT},
    .n_y = 1,
    .log_lik = log_lik,
    .bend = bend,
    .start = start};
