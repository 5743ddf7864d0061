/* Successes of w trials whose probability is beta distributed, with mean mu and precision phi; eta
 * = (logit mu, log phi). */
#include "rows/several/jet.h"

static jet density(const jet *eta, double y, double n) {
  jet a = jet_exp(jet_add(jet_log_sigmoid(eta[0]), eta[1]));
  jet b = jet_exp(jet_add(jet_log_sigmoid(jet_line(-1, eta[0], 0)), eta[1]));
  jet f = jet_add(jet_log_rising(a, y), jet_log_rising(b, n - y));
  return jet_sum(1, f, -1, jet_log_rising(jet_exp(eta[1]), n), 0);
}
VB_JET_LOG_LIK(density)

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
