/* Zero-inflated successes of w trials: none with probability zi, else binomial; eta = (logit mu,
 * logit zi). */
#include "rows/several/bend.h"
#include "rows/several/densities.h"

VB_INLINE jet density(const jet *eta, double y, double n) {
  return jet_inflated(eta[1], y, jet_binomial(eta[0], y, n));
}
VB_JET_LOG_LIK(2, density)

/* of no successes, where (1 - zi) P(0) = -zi; P(0) is a negative binomial's */
static void bend(int K, const vb_several_at *at, double *scale) {
  (void)K;
  double log_n = log(at->w[0]);
  if (at->y[0][0] <= 0)
    scale[0] = vb_bend_negbinomial(at->eta[0][0] + log_n, log_n, at->eta[1][0], M_PI);
}

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  double zeros = 0, success = 0, trials = 0;
  for (int i = 0; i < at->n; i++) {
    zeros += at->y[0][i] == 0;
    success += at->y[0][i];
    trials += at->y[0][i] > 0 ? at->w[i] : 0;
  }
  eta[0] = vb_clamp_logit(trials > 0 ? success / trials : 0.5);
  eta[1] = vb_clamp_logit(zeros / at->n / 2);
}

const vb_several vb_several_zero_inflated_binomial = {.name = "zero_inflated_binomial",
                                                      .n_par = 2,
                                                      .par_name = {"mu", "zi"},
                                                      .link = {VB_LINK_LOGIT, VB_LINK_LOGIT},
                                                      .n_y = 1,
                                                      .constant = vb_log_choose,
                                                      .log_lik = log_lik,
                                                      .bend = bend,
                                                      .start = start};
