/* Densities that several families are made of, as jets of their etas and without what is free of
 * them where that is dear. */
#ifndef VB_SEVERAL_DENSITIES_H
#define VB_SEVERAL_DENSITIES_H
#include "rows/several/jet.h"
#include "rows/several/log_gamma.h"
#include "rows/several/shares.h"

VB_INLINE jet jet_log_other(jet logit) { return jet_log_sigmoid(jet_line(-1, logit, 0)); }

/* Of counts: */
static inline double vb_log_factorial(int K, const vb_several_at *one) {
  (void)K;
  return -one->w[0] * lgammafn(one->y[0][0] + 1);
}
static inline double vb_log_choose(int K, const vb_several_at *one) {
  (void)K;
  return lchoose(one->w[0], one->y[0][0]);
}
VB_INLINE jet jet_poisson(jet log_mu, double y) {
  return jet_sum(y, log_mu, -1, jet_exp(log_mu), 0);
}
VB_INLINE jet jet_negbinomial(jet log_mu, jet log_shape, double y) {
  jet off = jet_less(log_mu, log_shape), rest = jet_log_other(off);
  jet f = jet_times(jet_exp(log_shape), rest);
  if (y <= 0) return f;
  /* mu shape / (mu + shape), by the smaller */
  jet both = off.v < 0 ? jet_add(log_mu, rest) : jet_add(log_shape, jet_log_sigmoid(off));
  return jet_add(jet_sum(1, f, y, both, 0), jet_log_rising(log_shape, y));
}
/* log(1 - P(0)) */
VB_INLINE jet jet_some_poisson(jet log_mu) { return jet_log_some(log_mu); }
VB_INLINE jet jet_some_negbinomial(jet log_mu, jet log_shape) {
  return jet_log_some(jet_add(log_shape, jet_log_softplus(jet_less(log_mu, log_shape))));
}
VB_INLINE jet jet_binomial(jet logit, double y, double n) {
  return jet_sum(y, jet_log_sigmoid(logit), n - y, jet_log_other(logit), 0);
}

/* Of numbers: */
VB_INLINE jet jet_beta(jet logit, jet log_phi, double y) {
  jet log_mu = jet_log_sigmoid(logit), log_nu = jet_log_other(logit);
  jet log_a = jet_add(log_mu, log_phi), log_b = jet_add(log_nu, log_phi);
  double l = log(y), m = log1p(-y);
  jet f = jet_add(jet_times(jet_exp(log_a), jet_line(-1, log_mu, l)),
                  jet_times(jet_exp(log_b), jet_line(-1, log_nu, m)));
  jet g = jet_less(jet_add(jet_stirling(log_a), jet_stirling(log_b)), jet_stirling(log_phi));
  return jet_sum(1, f, 1, g, -l - m);
}
/* mean mu, shape times w */
VB_INLINE jet jet_gamma(jet log_mu, jet log_shape, double y, double w) {
  jet log_a = jet_line(1, log_shape, log(w)), u = jet_line(-1, log_mu, log(y));
  double e = expm1(u.v);
  jet f = jet_times(jet_exp(log_a), jet_of(u, u.v - e, -e, -1 - e));
  return jet_sum(1, f, 1, jet_stirling(log_a), -log(y));
}
/* log y ~ N(mu, sigma^2) */
VB_INLINE jet jet_lognormal(jet mu, jet log_sigma, double y) {
  jet z = jet_times(jet_line(-1, mu, log(y)), jet_exp(jet_line(-1, log_sigma, 0)));
  return jet_sum(-0.5, jet_times(z, z), -1, log_sigma, -M_LN_SQRT_2PI - log(y));
}

/* Zero with the probability of this logit; base: log density otherwise */
VB_INLINE jet jet_inflated(jet logit, double y, jet base) {
  jet f = jet_add(jet_log_other(logit), base);
  return y > 0 ? f : jet_log_add(jet_log_sigmoid(logit), f);
}
VB_INLINE jet jet_past_hurdle(jet logit, jet base) { return jet_add(jet_log_other(logit), base); }
#endif
