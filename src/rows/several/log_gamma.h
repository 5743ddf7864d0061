/* Functions of the gamma function at x = exp(t), as jets in t, in which neither a huge nor a tiny x
 * cancels.  All are made of the excess of Stirling's formula, x t - x - log Gamma(x), which grows
 * as t / 2 for huge x and is t for tiny ones. */
#ifndef VB_SEVERAL_LOG_GAMMA_H
#define VB_SEVERAL_LOG_GAMMA_H
#include "rows/several/jet.h"

typedef struct { /* a function of t and its derivatives */
  double f, f1, f2;
} vb_of_log;

/* sums of Stirling's series (Abramowitz & Stegun 6.1.41) in q = 1 / z^2, whose rest is below 1e-16
 * from z = 8 on: of log Gamma, of digamma and of trigamma */
VB_INLINE vb_of_log vb_stirling_series(double q) {
  return (vb_of_log){
      1.0 / 12 + q * (-1.0 / 360 +
                      q * (1.0 / 1260 +
                           q * (-1.0 / 1680 +
                                q * (1.0 / 1188 + q * (-691.0 / 360360 +
                                                       q * (1.0 / 156 - q * 3617.0 / 122400)))))),
      1.0 / 12 +
          q * (-1.0 / 120 +
               q * (1.0 / 252 +
                    q * (-1.0 / 240 + q * (1.0 / 132 + q * (-691.0 / 32760 +
                                                            q * (1.0 / 12 - q * 3617.0 / 8160)))))),
      1.0 / 6 +
          q * (-1.0 / 30 +
               q * (1.0 / 42 +
                    q * (-1.0 / 30 + q * (5.0 / 66 + q * (-691.0 / 2730 +
                                                          q * (7.0 / 6 - q * 3617.0 / 510))))))};
}

/* x t - x - log Gamma(x): below 8 by x (x + 1) ... (x + 7) = Gamma(x + 8) / Gamma(x), whose factors
 * but the first are p */
static inline vb_of_log vb_stirling(double t, double x) {
  if (x >= 8) {
    double r = 1 / x;
    vb_of_log c = vb_stirling_series(r * r);
    return (vb_of_log){0.5 * t - M_LN_SQRT_2PI - r * c.f, 0.5 + r * c.f1, r * (c.f1 - c.f2)};
  }
  double p = 1, p1 = 0, p2 = 0;
  for (int k = 1; k < 8; k++) {
    double f = x + k;
    p2 = p2 * f + 2 * p1;
    p1 = p1 * f + p;
    p *= f;
  }
  double z = x + 8, r = 1 / z, l = log(z), u = x * p1 / p, s1;
  vb_of_log c = vb_stirling_series(r * r);
  s1 = x * (t - l + r * (0.5 + r * c.f1)) + 1 + u;
  return (vb_of_log){x * (t - l) - 7.5 * l + 8 - M_LN_SQRT_2PI - r * c.f + t + log(p), s1,
                     s1 + x - x * x * r * (1 + r * (0.5 + r * c.f2)) - 1 - u * u + x * x * p2 / p};
}
static inline jet jet_stirling(jet t) {
  vb_of_log s = vb_stirling(t.v, exp(t.v));
  return jet_of(t, s.f, s.f1, s.f2);
}

/* the same as below for whole y that are small: the product of 1 + k / x */
static inline vb_of_log vb_rising_product(double t, double x, int y) {
  double product = 1, r = 1 / x;
  vb_of_log out = {0, 0, 0};
  for (int k = 1; k < y; k++) {
    double share = k / (x + k);
    product *= x < 1 ? x + k : 1 + k * r;
    out.f1 -= share;
    out.f2 += share * (1 - share);
  }
  out.f = log(product) - (x < 1 ? (y - 1) * t : 0);
  return out;
}
/* log of Gamma(x + y) / (Gamma(x) x^y), which vanishes for huge x */
static inline jet jet_log_rising(jet t, double y) {
  double x = exp(t.v);
  if (y <= 0 || x > 1e200) return jet_of(t, 0, 0, 0);
  if (y <= 12 && y == floor(y)) {
    vb_of_log f = vb_rising_product(t.v, x, (int)y);
    return jet_of(t, f.f, f.f1, f.f2);
  }
  double l = x < y ? log(x + y) - t.v : log1p(y / x), p = x / (x + y);
  vb_of_log a = vb_stirling(t.v, x), b = vb_stirling(t.v + l, x + y);
  return jet_of(t, (x + y) * l - y + a.f - b.f, x * l - y + a.f1 - p * b.f1,
                x * l - y * p + a.f2 - p * (y / (x + y) * b.f1 + p * b.f2));
}

/* log Gamma(1 + x), in proportion to x for tiny ones */
static inline jet jet_lgamma1p(jet t) {
  double x = exp(t.v), l = log1p(x), y = 1 + x;
  vb_of_log s = vb_stirling(l, y);
  double psi = x * (l - s.f1 / y), share = x / y;
  return jet_of(t, lgamma1p(x), psi, psi + share * share * (s.f1 + y - s.f2));
}
#endif
