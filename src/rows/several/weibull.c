/* Weibull responses of mean mu whose shape k is predicted, scale mu / gamma(1 + 1 / k); eta = (log
 * mu, log k). */
#include "rows/several/densities.h"

VB_INLINE jet density(const jet *eta, double y, double w) {
  jet log_scale = jet_less(eta[0], jet_lgamma1p(jet_line(-1, eta[1], 0)));
  jet u = jet_times(jet_exp(eta[1]), jet_line(-1, log_scale, log(y)));
  return jet_line(w, jet_add(eta[1], jet_less(u, jet_exp(u))), -w * log(y));
}
VB_JET_LOG_LIK(2, density)

static void bend(int K, const vb_several_at *at, double *scale) {
  (void)K;
  scale[0] = fmin(exp(-at->eta[1][0]), 1);
}

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  vb_shares s = vb_shares_of(at, 0, NULL);
  eta[0] = log(s.mean);
  eta[1] = -log(fmax(s.sd / s.mean, 1e-3));
}

const vb_several vb_several_weibull = {.name = "weibull",
                                       .n_par = 2,
                                       .par_name = {"mu", "shape"},
                                       .link = {VB_LINK_LOG, VB_LINK_LOG},
                                       .n_y = 1,
                                       .log_lik = log_lik,
                                       .bend = bend,
                                       .start = start};
