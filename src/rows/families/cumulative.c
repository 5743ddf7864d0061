/* Ordinal responses (McCullagh 1980): P(y <= k) = F(tau_k - eta), y = 1..K, F the logistic or the
 * normal distribution function.  par holds the thresholds tau_1 < ... < tau_{K-1} and then
 * infinity; w multiplies the log density.  The interval of y is (a, b) = (tau_{y-1}, tau_y) - eta.
 */
#include <Rmath.h>
#include "numbers/mills.h"
#include "numbers/polya_gamma.h"
#include "rows/families/lanes.h"

#define APART 20 /* thresholds whose bends are two */

#define FAR 1e10 /* as good as infinite, and no NaN comes of it */

static double lower_of(double y, const double *par) { return y > 1 ? par[(int)y - 2] : -FAR; }
static double upper_of(double y, const double *par) {
  return y > 1 ? fmin(par[(int)y - 1], FAR) : par[0];
}

/* which end of y's interval par[k] is: 1 the upper, -1 the lower, 0 neither */
static int end_of(double y, int k) { return (int)y == k + 1 ? 1 : (int)y == k + 2 ? -1 : 0; }

/* between the thresholds, where these are near each other */
static void bend(const vb_rows *row, const double *par, double *at, double *scale) {
  double lower = lower_of(row->y[0], par), upper = upper_of(row->y[0], par);
  *scale = 1;
  *at = lower <= -FAR ? upper : upper >= FAR ? lower : (lower + upper) / 2;
  if (lower > -FAR && upper < FAR && upper - lower > APART) *at = NAN;
}

/* cumulative proportions, half a response added to each category */
static void proportions(const vb_rows *r, int n_par, double *par) {
  double total = 0.5 * (n_par + 1);
  for (int k = 0; k < n_par; k++) par[k] = 0.5 * (k + 1);
  for (int i = 0; i < r->n; i++) {
    total += r->w[i];
    for (int k = r->y[i] > 1 ? (int)r->y[i] - 1 : 0; k < n_par; k++) par[k] += r->w[i];
  }
  for (int k = 0; k < n_par; k++) par[k] /= total;
}

/* ---- logit: F(b) - F(a) = F(b) F(-a) (1 - exp(a - b)), and the last factor is free of eta ---- */

static void logit_base(const vb_rows *r, const double *par, double *out) {
  for (int i = 0; i < r->n; i++)
    out[i] = r->w[i] * log(-expm1(lower_of(r->y[i], par) - upper_of(r->y[i], par)));
}

VB_INLINE void logit_lanes(const vb_rows *r, const double *eta, const double *v, const double *par,
                           double *ll, double *d1, double *d2) {
  (void)v;
  double a[VB_LANES], b[VB_LANES];
  for (int i = 0; i < VB_LANES; i++) {
    a[i] = lower_of(r->y[i], par) - eta[i];
    b[i] = upper_of(r->y[i], par) - eta[i];
  }
  for (int i = 0; i < VB_LANES; i++) {
    double u = vb_exp_neg(-fabs(a[i])), v1 = vb_exp_neg(-fabs(b[i]));
    double big_a = 1 / (1 + u), big_b = 1 / (1 + v1);
    uint64_t neg_a = vb_negative(a[i]), neg_b = vb_negative(b[i]);
    double below = vb_select(neg_a, u, 1) * big_a;  /* F(a) */
    double above = vb_select(neg_b, 1, v1) * big_b; /* 1 - F(b) */
    ll[i] = r->w[i] * (vb_select(neg_b, b[i], 0) - vb_select(neg_a, 0, a[i]) - vb_log1p_unit(u) -
                       vb_log1p_unit(v1));
    d1[i] = r->w[i] * (below - above);
    d2[i] = -r->w[i] * (u * big_a * big_a + v1 * big_b * big_b);
  }
}

VB_OVER_LANES(logit_over_lanes, logit_lanes)

static void logit_log_lik(const vb_family *self, const vb_rows *r, const double *eta,
                          const double *par, double *ll, double *d1, double *d2) {
  (void)self;
  logit_over_lanes(r, eta, NULL, par, ll, d1, d2);
}

/* d log(1 - exp(-width)) / dwidth */
static double width_slope(double y, const double *par) {
  return 1 / expm1(upper_of(y, par) - lower_of(y, par));
}

static void logit_log_lik_par(const vb_rows *r, const double *eta, const double *par, int k,
                              double *d) {
  for (int i = 0; i < r->n; i++) {
    int end = end_of(r->y[i], k);
    double t = end * (par[k] - eta[i]), u = exp(-fabs(t));
    d[i] = end ? r->w[i] * end * ((t < 0 ? 1 : u) / (1 + u) + width_slope(r->y[i], par)) : 0;
  }
}

static void logit_mean(int n, const double *t, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = plogis(t[i], 0, 1, 1, 0);
}

static void logit_start(const vb_rows *r, int n_par, double *par) {
  proportions(r, n_par, par);
  for (int k = 0; k < n_par; k++) par[k] = qlogis(par[k], 0, 1, 1, 0);
}

/* both factors that have eta in them by their own bound: log F(t) is t - log(1 + exp(t)) */
static void logit_bound(const vb_rows *r, const double *m, const double *v, const double *par,
                        double *ll, double *d1, double *d2) {
  for (int i = 0; i < r->n; i++) {
    vb_polya_gamma b = {0}, a = {0};
    if (upper_of(r->y[i], par) < FAR)
      b = vb_polya_gamma_expect(1, 1, upper_of(r->y[i], par) - m[i], v[i]);
    if (r->y[i] > 1) a = vb_polya_gamma_expect(1, 1, m[i] - lower_of(r->y[i], par), v[i]);
    if (ll) ll[i] = r->w[i] * (a.ll + b.ll);
    if (d1) d1[i] = r->w[i] * (a.d1 - b.d1);
    if (d2) d2[i] = r->w[i] * (a.d2 + b.d2);
  }
}

static void logit_bound_par(const vb_rows *r, const double *m, const double *v, const double *par,
                            int k, double *d) {
  for (int i = 0; i < r->n; i++) {
    int end = end_of(r->y[i], k);
    double slope = end ? vb_polya_gamma_expect(1, 1, end * (par[k] - m[i]), v[i]).d1 : 0;
    d[i] = end ? r->w[i] * end * (slope + width_slope(r->y[i], par)) : 0;
  }
}

/* ---- probit ---- */

/* a narrow interval: phi at its middle t, times its width, to the fourth order in the width */
static void narrow(double t, double width, double *ll, double *d1, double *d2) {
  double c = width * width / 24, f = 1 + c * (t * t - 1);
  *ll = log(width) - 0.5 * t * t - M_LN_SQRT_2PI + log(f);
  *d1 = t - 2 * c * t / f;
  *d2 = -1 + 2 * c / f - pow(2 * c * t / f, 2);
}

typedef struct { /* per lane, of the density without its weight */
  double ll[VB_LANES], d1[VB_LANES], d2[VB_LANES];
  double lower[VB_LANES], upper[VB_LANES]; /* phi(a), phi(b) over Phi(b) - Phi(a) */
} intervals;

/* log(Phi(b) - Phi(a)), the interval turned so that a + b <= 0: by Mills ratios M(x) = Phi(-x) /
 * phi(x), where b <= 0 from phi(b) (M(-b) - exp(-(a^2 - b^2) / 2) M(-a)), else from the two tails
 * left out */
VB_INLINE void probit_intervals(const double *a, const double *b, intervals *out) {
  double x[VB_LANES], low[VB_LANES], high[VB_LANES], ma[VB_LANES], mb[VB_LANES];
  for (int i = 0; i < VB_LANES; i++) {
    uint64_t left = vb_negative(a[i] + b[i]);
    low[i] = vb_select(left, a[i], -b[i]);
    high[i] = vb_select(left, b[i], -a[i]);
    x[i] = fabs(high[i]);
  }
  for (int i = 0; i < VB_LANES; i++) ma[i] = 1 / (vb_mills_excess(-low[i]) - low[i]);
  for (int i = 0; i < VB_LANES; i++) mb[i] = 1 / (vb_mills_excess(x[i]) + x[i]);
  for (int i = 0; i < VB_LANES; i++) {
    double log_phi = -0.5 * x[i] * x[i] - M_LN_SQRT_2PI, phi = vb_exp_neg(log_phi);
    double ratio = vb_exp_neg((high[i] - low[i]) * (low[i] + high[i]) / 2);
    double beyond = phi * (mb[i] + ratio * ma[i]); /* b > 0: outside the interval */
    uint64_t tail = vb_negative(high[i]), most = vb_negative(beyond - 0.5);
    double inside = vb_select(tail, mb[i] - ratio * ma[i], 1 - beyond), log_inside = vb_log(inside);
    double centre = vb_select(most, vb_log1p_unit(-vb_select(most, beyond, 0)), log_inside);
    out->ll[i] = vb_select(tail, log_phi + log_inside, centre);
    double near = vb_select(tail, 1, phi) / inside, far = ratio * near; /* at high, at low */
    uint64_t left = vb_negative(a[i] + b[i]);
    out->lower[i] = vb_select(left, far, near);
    out->upper[i] = vb_select(left, near, far);
    out->d1[i] = out->lower[i] - out->upper[i];
    out->d2[i] = a[i] * out->lower[i] - b[i] * out->upper[i] - out->d1[i] * out->d1[i];
  }
}

VB_INLINE void probit_at(const vb_rows *r, const double *eta, const double *par, intervals *out) {
  double a[VB_LANES], b[VB_LANES];
  for (int i = 0; i < VB_LANES; i++) {
    a[i] = lower_of(r->y[i], par) - eta[i];
    b[i] = upper_of(r->y[i], par) - eta[i];
  }
  probit_intervals(a, b, out);
  for (int i = 0; i < VB_LANES; i++) {
    double width = upper_of(r->y[i], par) - lower_of(r->y[i], par);
    if (!(width * (1 + fabs(a[i])) < 1e-3)) continue;
    narrow(a[i] + width / 2, width, out->ll + i, out->d1 + i, out->d2 + i);
    out->lower[i] = exp(-0.5 * a[i] * a[i] - M_LN_SQRT_2PI - out->ll[i]);
    out->upper[i] = exp(-0.5 * b[i] * b[i] - M_LN_SQRT_2PI - out->ll[i]);
  }
}

VB_INLINE void probit_lanes(const vb_rows *r, const double *eta, const double *v, const double *par,
                            double *ll, double *d1, double *d2) {
  (void)v;
  intervals t;
  probit_at(r, eta, par, &t);
  for (int i = 0; i < VB_LANES; i++) {
    ll[i] = r->w[i] * t.ll[i];
    d1[i] = r->w[i] * t.d1[i];
    d2[i] = r->w[i] * t.d2[i];
  }
}

/* derivatives in the upper and in the lower threshold */
VB_INLINE void ends_lanes(const vb_rows *r, const double *eta, const double *v, const double *par,
                          double *ll, double *d1, double *d2) {
  (void)v;
  intervals t;
  probit_at(r, eta, par, &t);
  for (int i = 0; i < VB_LANES; i++) {
    ll[i] = 0;
    d1[i] = r->w[i] * t.upper[i];
    d2[i] = -r->w[i] * t.lower[i];
  }
}

VB_OVER_LANES(probit_over_lanes, probit_lanes)
VB_OVER_LANES(ends_over_lanes, ends_lanes)

static void probit_log_lik(const vb_family *self, const vb_rows *r, const double *eta,
                           const double *par, double *ll, double *d1, double *d2) {
  (void)self;
  probit_over_lanes(r, eta, NULL, par, ll, d1, d2);
}

static void probit_log_lik_par(const vb_rows *r, const double *eta, const double *par, int k,
                               double *d) {
  enum { SOME = 64 };
  double upper[SOME], lower[SOME];
  for (int from = 0; from < r->n; from += SOME) {
    int n = r->n - from < SOME ? r->n - from : SOME;
    vb_rows some = vb_rows_range(r, from, n);
    ends_over_lanes(&some, eta + from, NULL, par, NULL, upper, lower);
    for (int i = 0; i < n; i++) {
      int end = end_of(some.y[i], k);
      d[from + i] = end > 0 ? upper[i] : end < 0 ? lower[i] : 0;
    }
  }
}

static void probit_mean(int n, const double *t, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = pnorm(t[i], 0, 1, 1, 0);
}

static void probit_start(const vb_rows *r, int n_par, double *par) {
  proportions(r, n_par, par);
  for (int k = 0; k < n_par; k++) par[k] = qnorm(par[k], 0, 1, 1, 0);
}

/* Albert & Chib's (1993) normal variables integrated out, as in family_binomial.c */
static void probit_bound(const vb_rows *r, const double *m, const double *v, const double *par,
                         double *ll, double *d1, double *d2) {
  probit_log_lik(NULL, r, m, par, ll, d1, NULL);
  for (int i = 0; i < r->n; i++) {
    if (ll) ll[i] -= r->w[i] * v[i] / 2;
    if (d2) d2[i] = -r->w[i];
  }
}

static void probit_bound_par(const vb_rows *r, const double *m, const double *v, const double *par,
                             int k, double *d) {
  (void)v;
  probit_log_lik_par(r, m, par, k, d);
}

/* y may be beyond the last category */
static void cdf(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                double *out) {
  for (int i = 0; i < r->n; i++) {
    int k = 0;
    while (k + 2 <= r->y[i] && isfinite(par[k])) k++;
    double t = par[k] - eta[i];
    out[i] = 1;
    if (r->y[i] < 1) out[i] = 0;
    if (r->y[i] >= 1 && isfinite(t)) self->mean(1, &t, out + i);
  }
}

#define LOGIT                                                                                   \
  .name = "cumulative", .link = "logit", .cells = 2, .thresholds = 1, .base = logit_base,       \
  .log_lik = logit_log_lik, .bend = bend, .log_lik_par = logit_log_lik_par, .mean = logit_mean, \
  .start = logit_start, .cdf = cdf, .discrete = 1
#define PROBIT                                                                                    \
  .name = "cumulative", .link = "probit", .cells = 2, .thresholds = 1, .log_lik = probit_log_lik, \
  .log_lik_par = probit_log_lik_par, .mean = probit_mean, .start = probit_start, .cdf = cdf,      \
  .discrete = 1

const vb_family vb_family_cumulative_logit = {LOGIT};
const vb_family vb_family_cumulative_logit_jj = {LOGIT, .bound = "jj", .expect = logit_bound,
                                                 .expect_par = logit_bound_par};
const vb_family vb_family_cumulative_probit = {PROBIT};
const vb_family vb_family_cumulative_probit_jj = {PROBIT, .bound = "jj", .expect = probit_bound,
                                                  .expect_par = probit_bound_par};
