/* Numbers with their first and second derivatives in up to VB_MOST_JET variables, by forward
 * differentiation (Griewank & Walther 2008, chapters 3 and 13): a log density that is written in
 * them has its derivatives without a formula more.  With n = 0 variables they are plain numbers. */
#ifndef VB_JET_H
#define VB_JET_H
#include <math.h>
#include <Rmath.h>
#include "numbers/vb_math.h"
#include "rows/several.h"

#define VB_MOST_JET 4
typedef struct {
  int n;
  double v, d[VB_MOST_JET],
      dd[VB_MOST_JET * (VB_MOST_JET + 1) / 2]; /* dd: rows of the lower half */
} jet;

VB_INLINE jet jet_variable(int n, int k, double v) {
  jet x = {.n = n, .v = v};
  if (n) x.d[k] = 1;
  return x;
}

/* first(a) of each variable and second(a, b, place in dd) of each two, written out: gcc -O2 would
 * keep jets that are looped over in memory */
#define VB_EACH(n, first, second) \
  if (n > 0) {                    \
    first(0);                     \
    second(0, 0, 0);              \
  }                               \
  if (n > 1) {                    \
    first(1);                     \
    second(1, 0, 1);              \
    second(1, 1, 2);              \
  }                               \
  if (n > 2) {                    \
    first(2);                     \
    second(2, 0, 3);              \
    second(2, 1, 4);              \
    second(2, 2, 5);              \
  }                               \
  if (n > 3) {                    \
    first(3);                     \
    second(3, 0, 6);              \
    second(3, 1, 7);              \
    second(3, 2, 8);              \
    second(3, 3, 9);              \
  }

/* f(x), of which value and derivatives at x are given */
VB_INLINE jet jet_of(jet x, double f, double f1, double f2) {
  jet out = {.n = x.n, .v = f};
#define FIRST(a) out.d[a] = f1 * x.d[a]
#define SECOND(a, b, at) out.dd[at] = f1 * x.dd[at] + f2 * x.d[a] * x.d[b]
  VB_EACH(x.n, FIRST, SECOND)
#undef FIRST
#undef SECOND
  return out;
}

/* p x + q y + c */
VB_INLINE jet jet_sum(double p, jet x, double q, jet y, double c) {
  jet out = {.n = x.n, .v = p * x.v + q * y.v + c};
#define FIRST(a) out.d[a] = p * x.d[a] + q * y.d[a]
#define SECOND(a, b, at) out.dd[at] = p * x.dd[at] + q * y.dd[at]
  VB_EACH(x.n, FIRST, SECOND)
#undef FIRST
#undef SECOND
  return out;
}
VB_INLINE jet jet_add(jet x, jet y) { return jet_sum(1, x, 1, y, 0); }
VB_INLINE jet jet_less(jet x, jet y) { return jet_sum(1, x, -1, y, 0); }
/* p x + c */
VB_INLINE jet jet_line(double p, jet x, double c) {
  jet out = {.n = x.n, .v = p * x.v + c};
#define FIRST(a) out.d[a] = p * x.d[a]
#define SECOND(a, b, at) out.dd[at] = p * x.dd[at]
  VB_EACH(x.n, FIRST, SECOND)
#undef FIRST
#undef SECOND
  return out;
}

VB_INLINE jet jet_times(jet x, jet y) {
  jet out = {.n = x.n, .v = x.v * y.v};
#define FIRST(a) out.d[a] = x.v * y.d[a] + y.v * x.d[a]
#define SECOND(a, b, at) \
  out.dd[at] = x.v * y.dd[at] + y.v * x.dd[at] + x.d[a] * y.d[b] + y.d[a] * x.d[b]
  VB_EACH(x.n, FIRST, SECOND)
#undef FIRST
#undef SECOND
  return out;
}

VB_INLINE jet jet_exp(jet x) {
  double e = exp(x.v);
  return jet_of(x, e, e, e);
}
VB_INLINE jet jet_log1p(jet x) {
  double r = 1 / (1 + x.v);
  return jet_of(x, log1p(x.v), r, -r * r);
}
/* log of 1 / (1 + exp(-x)) */
VB_INLINE jet jet_log_sigmoid(jet x) {
  double e = exp(-fabs(x.v)), other = x.v > 0 ? e / (1 + e) : 1 / (1 + e);
  return jet_of(x, fmin(x.v, 0) - log1p(e), other, -e / ((1 + e) * (1 + e)));
}
/* log(1 - exp(-x)) in t = log x */
VB_INLINE jet jet_log_some(jet t) {
  double x = exp(t.v);
  if (x < 1e-10) return jet_of(t, t.v - 0.5 * x, 1 - 0.5 * x, -0.5 * x);
  double m = expm1(x), r = x < 700 ? x / m : 0;
  return jet_of(t, x > M_LN2 ? log1p(-exp(-x)) : log(-expm1(-x)), r, r > 0 ? r * (1 - x - r) : 0);
}
/* log(log(1 + exp(x))) */
VB_INLINE jet jet_log_softplus(jet x) {
  if (x.v < -38) return jet_of(x, x.v, 1, -0.5 * exp(x.v));
  double e = exp(-fabs(x.v)), s = fmax(x.v, 0) + log1p(e), p = (x.v > 0 ? 1 : e) / (1 + e);
  double slope = p / s;
  return jet_of(x, log(s), slope, slope * (1 - p - slope));
}
/* log(exp(x) + exp(y)); of one beyond rounding the other, whose derivatives may be infinite, has
 * nothing */
VB_INLINE jet jet_log_add(jet x, jet y) {
  double e = exp(-fabs(x.v - y.v)), less = e / (1 + e), more = 1 / (1 + e);
  if (!(e > 1e-300)) return x.v > y.v ? x : y;
  double p = x.v > y.v ? more : less, q = x.v > y.v ? less : more;
  jet out = jet_sum(p, x, q, y, 0), off = jet_less(x, y);
#define FIRST(a)
#define SECOND(a, b, at) out.dd[at] += less * more * off.d[a] * off.d[b]
  VB_EACH(x.n, FIRST, SECOND)
#undef FIRST
#undef SECOND
  out.v = fmax(x.v, y.v) + log1p(e);
  return out;
}

/* ---- From a density of one row to log_lik ---- */
typedef jet vb_jet_density(const jet *eta, double y, double w);
VB_INLINE void vb_over_jets(vb_jet_density *f, int K, const vb_several_at *at, double *ll,
                            double *const *d1, double *const *d2) {
  for (int i = 0; i < at->n; i++) {
    jet eta[VB_MOST_JET] = {{0}};
#define FIRST(a) eta[a] = jet_variable(d1 ? K : 0, a, at->eta[a][i])
#define SECOND(a, b, at)
    VB_EACH(K, FIRST, SECOND)
#undef FIRST
#undef SECOND
    jet out = f(eta, at->y[0][i], at->w[i]);
    ll[i] = out.v;
    if (!d1) continue;
#define FIRST(a) d1[a][i] = out.d[a]
#define SECOND(a, b, at) d2[a == b ? a : K + b * (2 * K - b - 1) / 2 + a - b - 1][i] = out.dd[at]
    VB_EACH(K, FIRST, SECOND)
#undef FIRST
#undef SECOND
  }
}
/* with values alone it is compiled by itself, so that nothing of derivatives is in it */
#define VB_JET_LOG_LIK(n_par, density)                                               \
  static void log_lik(int K, const vb_several_at *at, double *ll, double *const *d1, \
                      double *const *d2) {                                           \
    (void)K;                                                                         \
    if (d1)                                                                          \
      vb_over_jets(density, n_par, at, ll, d1, d2);                                  \
    else                                                                             \
      vb_over_jets(density, n_par, at, ll, NULL, NULL);                              \
  }
#endif
