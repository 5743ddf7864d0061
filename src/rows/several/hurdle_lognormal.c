/* Zero with probability hu, else log y ~ N(mu, sigma^2); eta = (mu, log sigma, logit hu). */
#include "rows/several/densities.h"

VB_INLINE jet density(const jet *eta, double y, double w) {
  if (y <= 0) return jet_line(w, jet_log_sigmoid(eta[2]), 0);
  return jet_line(w, jet_past_hurdle(eta[2], jet_lognormal(eta[0], eta[1], y)), 0);
}
VB_JET_LOG_LIK(3, density)

/* exp(-2 log sigma) bends twice as fast as an exponential; a zero says nothing of it */
static void bend(int K, const vb_several_at *at, double *scale) {
  (void)K;
  scale[0] = at->y[0][0] > 0 ? exp(at->eta[1][0]) : INFINITY;
  scale[1] = at->y[0][0] > 0 ? 0.5 : INFINITY;
}

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  vb_shares s = vb_shares_of(at, 0, log);
  eta[0] = s.mean;
  eta[1] = log(s.sd);
  eta[2] = vb_clamp_logit(s.zeros);
}

const vb_several vb_several_hurdle_lognormal = {
    .name = "hurdle_lognormal",
    .n_par = 3,
    .par_name = {"mu", "sigma", "hu"},
    .link = {VB_LINK_IDENTITY, VB_LINK_LOG, VB_LINK_LOGIT},
    .n_y = 1,
    .log_lik = log_lik,
    .bend = bend,
    .start = start};
