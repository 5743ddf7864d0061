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

typedef struct {
  double ll, d1, d2;
  double lower, upper; /* phi(a), phi(b) over Phi(b) - Phi(a) */
} interval;

/* log(Phi(b) - Phi(a)) with a + b <= 0: by Mills ratios M(x) = Phi(-x) / phi(x), where b <= 0 from
 * phi(b) (M(-b) - exp(-(a^2 - b^2) / 2) M(-a)) */
static interval probit_left(double a, double b) {
  interval out;
  double ma = 1 / (-a + vb_mills_excess(-a)), x = fabs(b), mb = 1 / (x + vb_mills_excess(x));
  double phi = -0.5 * x * x - M_LN_SQRT_2PI, ratio = exp((b - a) * (a + b) / 2);
  if (b <= 0) {
    out.upper = 1 / (mb - ratio * ma);
    out.ll = phi - log(out.upper);
  } else {
    double rest = exp(phi) * (mb + ratio * ma);
    out.upper = exp(phi) / (1 - rest);
    out.ll = log1p(-rest);
  }
  out.lower = ratio * out.upper;
  return out;
}

/* a narrow interval: phi at its middle t, times its width, to the fourth order in the width */
static void narrow(double t, double width, interval *out) {
  double c = width * width / 24, f = 1 + c * (t * t - 1);
  out->ll = log(width) - 0.5 * t * t - M_LN_SQRT_2PI + log(f);
  out->d1 = t - 2 * c * t / f;
  out->d2 = -1 + 2 * c / f - pow(2 * c * t / f, 2);
}

static interval probit_interval(double y, double eta, const double *par) {
  double lo = lower_of(y, par), hi = upper_of(y, par), a = lo - eta, b = hi - eta, width = hi - lo;
  int right = a + b > 0;
  interval out = right ? probit_left(-b, -a) : probit_left(a, b);
  if (right) {
    double t = out.lower;
    out.lower = out.upper;
    out.upper = t;
  }
  out.d1 = out.lower - out.upper;
  out.d2 = a * out.lower - b * out.upper - out.d1 * out.d1;
  if (width * (1 + fabs(a)) < 1e-3) {
    narrow(a + width / 2, width, &out);
    out.lower = exp(-0.5 * a * a - M_LN_SQRT_2PI - out.ll);
    out.upper = exp(-0.5 * b * b - M_LN_SQRT_2PI - out.ll);
  }
  return out;
}

static void probit_log_lik(const vb_family *self, const vb_rows *r, const double *eta,
                           const double *par, double *ll, double *d1, double *d2) {
  (void)self;
  for (int i = 0; i < r->n; i++) {
    interval t = probit_interval(r->y[i], eta[i], par);
    if (ll) ll[i] = r->w[i] * t.ll;
    if (d1) d1[i] = r->w[i] * t.d1;
    if (d2) d2[i] = r->w[i] * t.d2;
  }
}

static void probit_log_lik_par(const vb_rows *r, const double *eta, const double *par, int k,
                               double *d) {
  for (int i = 0; i < r->n; i++) {
    int end = end_of(r->y[i], k);
    if (!end) {
      d[i] = 0;
      continue;
    }
    interval t = probit_interval(r->y[i], eta[i], par);
    d[i] = r->w[i] * (end > 0 ? t.upper : -t.lower);
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
