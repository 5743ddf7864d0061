/* Successes of w trials whose probability is beta distributed, with mean mu and precision phi; eta
 * = (logit mu, log phi). */
#include "rows/several/densities.h"

VB_INLINE jet density(const jet *eta, double y, double n) {
  jet log_mu = jet_log_sigmoid(eta[0]), log_nu = jet_log_other(eta[0]);
  jet f = jet_add(jet_log_rising(jet_add(log_mu, eta[1]), y),
                  jet_log_rising(jet_add(log_nu, eta[1]), n - y));
  return jet_add(jet_less(f, jet_log_rising(eta[1], n)), jet_sum(y, log_mu, n - y, log_nu, 0));
}
VB_JET_LOG_LIK(2, density)

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  double success = 0, trials = 0;
  for (int i = 0; i < at->n; i++) {
    success += at->y[0][i];
    trials += at->w[i];
  }
  eta[0] = vb_clamp_logit(success / trials);
  eta[1] = log(5);
}

const vb_several vb_several_beta_binomial = {.name = "beta_binomial",
                                             .n_par = 2,
                                             .par_name = {"mu", "phi"},
                                             .link = {VB_LINK_LOGIT, VB_LINK_LOG},
                                             .n_y = 1,
                                             .constant = vb_log_choose,
                                             .log_lik = log_lik,
                                             .start = start};
