/* Zero-inflated counts: zero with probability zi, else negative binomial; eta = (log mu, log shape,
 * logit zi). */
#include "rows/several/bend.h"
#include "rows/several/densities.h"

VB_INLINE jet density(const jet *eta, double y, double w) {
  return jet_line(w, jet_inflated(eta[2], y, jet_negbinomial(eta[0], eta[1], y)), 0);
}
VB_JET_LOG_LIK(3, density)

/* of zeros, where (1 - zi) P(0) = -zi */
static void bend(int K, const vb_several_at *at, double *scale) {
  (void)K;
  if (at->y[0][0] <= 0)
    scale[0] = vb_bend_negbinomial(at->eta[0][0], at->eta[1][0], at->eta[2][0], M_PI);
}

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  vb_shares s = vb_shares_of(at, 0, NULL);
  eta[0] = log(s.mean);
  eta[1] = 0;
  eta[2] = vb_clamp_logit(s.zeros / 3);
}

const vb_several vb_several_zero_inflated_negbinomial = {
    .name = "zero_inflated_negbinomial",
    .n_par = 3,
    .par_name = {"mu", "shape", "zi"},
    .link = {VB_LINK_LOG, VB_LINK_LOG, VB_LINK_LOGIT},
    .n_y = 1,
    .constant = vb_log_factorial,
    .log_lik = log_lik,
    .bend = bend,
    .start = start};
