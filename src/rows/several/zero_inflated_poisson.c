/* Zero-inflated counts: zero with probability zi, else Poisson; eta = (log mu, logit zi). */
#include "rows/several/jet.h"

static jet density(const jet *eta, double y, double w) {
  jet base = jet_add(jet_log_sigmoid(jet_line(-1, eta[1], 0)), jet_poisson(eta[0], y));
  return jet_line(w, y > 0 ? base : jet_log_add(jet_log_sigmoid(eta[1]), base), 0);
}
VB_JET_LOG_LIK(density)

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  vb_shares s = vb_shares_of(at, 0, NULL);
  eta[0] = log(s.mean);
  eta[1] = vb_clamp_logit(s.zeros / 2);
}

const vb_several vb_several_zero_inflated_poisson = {.name = "zero_inflated_poisson",
                                                     .n_par = 2,
                                                     .par_name = {"mu", "zi"},
                                                     .link = {VB_LINK_LOG, VB_LINK_LOGIT},
                                                     .n_y = 1,
                                                     .log_lik = log_lik,
                                                     .start = start};
