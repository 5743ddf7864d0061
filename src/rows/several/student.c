/* y = mu + sigma / sqrt(w) T, T ~ t(nu), whose scale or degrees of freedom are predicted; eta =
 * (mu, log sigma, log nu). */
#include "rows/several/densities.h"

VB_INLINE jet density(const jet *eta, double y, double w) {
  jet nu = jet_exp(eta[2]), norm = jet_log_rising(jet_line(1, eta[2], -M_LN2), 0.5);
  jet z = jet_times(jet_line(-1, eta[0], y), jet_exp(jet_line(-1, eta[1], 0)));
  jet q = jet_times(jet_line(w, jet_times(z, z), 0), jet_exp(jet_line(-1, eta[2], 0)));
  jet f = jet_times(jet_line(0.5, nu, 0.5), jet_log1p(q));
  return jet_less(jet_sum(1, norm, -1, eta[1], log(w) / 2 - M_LN_SQRT_2PI), f);
}
VB_JET_LOG_LIK(3, density)

/* the logarithm's branch points lie sigma sqrt(nu / w) off the real line of mu, and pi / 2 off that
 * of log sigma, the logit's pi */
static void bend(int K, const vb_several_at *at, double *scale) {
  (void)K;
  scale[0] = exp(at->eta[1][0]) * fmin(exp(at->eta[2][0] / 2) / M_PI, 1) / sqrt(at->w[0]);
  scale[1] = 0.5;
}

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  double sum = 0, square = 0;
  for (int i = 0; i < at->n; i++) sum += at->y[0][i] / at->n;
  for (int i = 0; i < at->n; i++) square += (at->y[0][i] - sum) * (at->y[0][i] - sum) / at->n;
  eta[0] = sum;
  eta[1] = square > 0 ? log(0.64 * square) / 2 : 0;
  eta[2] = log(10);
}

const vb_several vb_several_student = {.name = "student",
                                       .n_par = 3,
                                       .par_name = {"mu", "sigma", "nu"},
                                       .link = {VB_LINK_IDENTITY, VB_LINK_LOG, VB_LINK_LOG},
                                       .n_y = 1,
                                       .log_lik = log_lik,
                                       .bend = bend,
                                       .start = start};
