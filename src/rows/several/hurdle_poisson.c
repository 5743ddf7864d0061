/* Counts: zero with probability hu, else a Poisson count that is not zero; eta = (log mu, logit
 * hu). */
#include "rows/several/bend.h"
#include "rows/several/densities.h"

VB_INLINE jet density(const jet *eta, double y, double w) {
  if (y <= 0) return jet_line(w, jet_log_sigmoid(eta[1]), 0);
  jet base = jet_less(jet_poisson(eta[0], y), jet_some_poisson(eta[0]));
  return jet_line(w, jet_past_hurdle(eta[1], base), 0);
}
VB_JET_LOG_LIK(2, density)

/* where P(0) = 1 */
static void bend(int K, const vb_several_at *at, double *scale) {
  (void)K;
  scale[0] = at->y[0][0] > 0 ? vb_bend_poisson(at->eta[0][0], 0, 2 * M_PI) : INFINITY;
}

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  vb_shares s = vb_shares_of(at, 0, NULL);
  eta[0] = log(fmax(s.mean - 0.5, 0.3));
  eta[1] = vb_clamp_logit(s.zeros);
}

const vb_several vb_several_hurdle_poisson = {.name = "hurdle_poisson",
                                              .n_par = 2,
                                              .par_name = {"mu", "hu"},
                                              .link = {VB_LINK_LOG, VB_LINK_LOGIT},
                                              .n_y = 1,
                                              .constant = vb_log_factorial,
                                              .log_lik = log_lik,
                                              .bend = bend,
                                              .start = start};
