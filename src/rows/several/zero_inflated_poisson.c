/* Zero-inflated counts: zero with probability zi, else Poisson; eta = (log mu, logit zi). */
#include "numbers/vb_math.h"
#include "rows/several/bend.h"
#include "rows/several/densities.h"

enum { LANES = 8 };

/* a pair of probabilities whose log odds are x: log of the larger, negative; the first's, and the
 * second's */
typedef struct {
  double loss, first, second;
} odds;
VB_INLINE odds odds_of(double x) {
  double u = vb_exp_neg(-fabs(x)), more = 1 / (1 + u), less = u * more;
  uint64_t negative = vb_negative(x);
  return (odds){vb_log1p_unit(u), vb_select(negative, less, more), vb_select(negative, more, less)};
}

/* of a zero log(zi + (1 - zi) e^-mu), whose parts have log odds logit(zi) + mu; of a count the two
 * parts go by themselves */
VB_INLINE void lanes(const double *y, const double *w, const double *log_mu, const double *logit,
                     double *const to[6]) {
  double out[6][LANES];
  for (int i = 0; i < LANES; i++) {
    double mu = vb_exp(log_mu[i]), z = logit[i];
    mu = vb_select(vb_negative(mu - 1e300), mu, 1e300); /* it may be infinite */
    odds zi = odds_of(z), p = odds_of(z + mu);
    double none = vb_select(vb_negative(z), 0, z) + zi.loss, pull = mu * p.second;
    uint64_t count = vb_negative(0.5 - y[i]);
    double of_zero = vb_select(vb_negative(z + mu), -mu, z) + p.loss;
    out[0][i] = w[i] * (vb_select(count, y[i] * log_mu[i] - mu, of_zero) - none);
    out[1][i] = w[i] * vb_select(count, y[i] - mu, -pull);
    out[2][i] = w[i] * (vb_select(count, 0, p.first) - zi.first);
    out[3][i] = w[i] * vb_select(count, -mu, pull * (mu * p.first - 1));
    out[4][i] = w[i] * (vb_select(count, 0, p.first * p.second) - zi.first * zi.second);
    out[5][i] = w[i] * vb_select(count, 0, pull * p.first);
  }
  for (int k = 0; k < 6; k++)
    if (to[k]) memcpy(to[k], out[k], sizeof out[k]);
}

VB_INLINE void over_lanes(const vb_several_at *at, double *ll, double *const *d1,
                          double *const *d2) {
  double *all[6] = {ll,
                    d1 ? d1[0] : NULL,
                    d1 ? d1[1] : NULL,
                    d1 ? d2[0] : NULL,
                    d1 ? d2[1] : NULL,
                    d1 ? d2[2] : NULL};
  const double *in[4] = {at->y[0], at->w, at->eta[0], at->eta[1]};
  int i = 0;
  for (; i <= at->n - LANES; i += LANES) {
    double *to[6];
    for (int k = 0; k < 6; k++) to[k] = all[k] ? all[k] + i : NULL;
    lanes(in[0] + i, in[1] + i, in[2] + i, in[3] + i, to);
  }
  if (i == at->n) return;
  double rest[4][LANES] = {{0}}, out[6][LANES], *to[6];
  size_t size = sizeof(double) * (at->n - i);
  for (int k = 0; k < 4; k++) memcpy(rest[k], in[k] + i, size);
  for (int k = 0; k < 6; k++) to[k] = all[k] ? out[k] : NULL;
  lanes(rest[0], rest[1], rest[2], rest[3], to);
  for (int k = 0; k < 6; k++)
    if (all[k]) memcpy(all[k] + i, out[k], size);
}

static void plain(const vb_several_at *at, double *ll, double *const *d1, double *const *d2) {
  over_lanes(at, ll, d1, d2);
}
VB_AVX2 static void avx2(const vb_several_at *at, double *ll, double *const *d1,
                         double *const *d2) {
  over_lanes(at, ll, d1, d2);
}

static void log_lik(int K, const vb_several_at *at, double *ll, double *const *d1,
                    double *const *d2) {
  (void)K;
  if (VB_HAS_AVX2)
    avx2(at, ll, d1, d2);
  else
    plain(at, ll, d1, d2);
}

/* of zeros, where (1 - zi) P(0) = -zi */
/* of zeros, where (1 - zi) P(0) = -zi */
static void bend(int K, const vb_several_at *at, double *scale) {
  (void)K;
  if (at->y[0][0] <= 0) scale[0] = vb_bend_poisson(at->eta[0][0], at->eta[1][0], M_PI);
}

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
                                                     .constant = vb_log_factorial,
                                                     .log_lik = log_lik,
                                                     .bend = bend,
                                                     .start = start};
