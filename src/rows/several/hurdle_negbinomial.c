/* Counts: zero with probability hu, else a negative binomial count that is not zero; eta = (log mu,
 * log shape, logit hu). */
#include "rows/several/bend.h"
#include "rows/several/densities.h"

VB_INLINE jet density(const jet *eta, double y, double w) {
  if (y <= 0) return jet_line(w, jet_log_sigmoid(eta[2]), 0);
  jet base = jet_negbinomial(eta[0], eta[1], y), some = jet_some_negbinomial(eta[0], eta[1]);
  return jet_line(w, jet_past_hurdle(eta[2], jet_less(base, some)), 0);
}
VB_JET_LOG_LIK(3, density)

/* where P(0) = 1 */
static void bend(int K, const vb_several_at *at, double *scale) {
  (void)K;
  if (at->y[0][0] > 0)
    scale[0] = vb_bend_negbinomial(at->eta[0][0], at->eta[1][0], 0, 2 * M_PI);
  else
    scale[0] = scale[1] = INFINITY;
}

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  vb_shares s = vb_shares_of(at, 0, NULL);
  eta[0] = log(fmax(s.mean - 0.5, 0.3));
  eta[1] = 0;
  eta[2] = vb_clamp_logit(s.zeros);
}

const vb_several vb_several_hurdle_negbinomial = {.name = "hurdle_negbinomial",
                                                  .n_par = 3,
                                                  .par_name = {"mu", "shape", "hu"},
                                                  .link = {VB_LINK_LOG, VB_LINK_LOG, VB_LINK_LOGIT},
                                                  .n_y = 1,
                                                  .constant = vb_log_factorial,
                                                  .log_lik = log_lik,
                                                  .bend = bend,
                                                  .start = start};
