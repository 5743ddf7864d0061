/* Quantiles of a response that is yet to be seen: of the mixture over nodes of
 * P(Y <= y) = E F(y | eta), eta the node's (skewed) normal linear predictor. */
#include <math.h>
#include <string.h>
#define R_NO_REMAP
#include <Rmath.h>
#include "numbers/small.h"
#include "posterior/posterior.h"

#define ORDER 21
#define COARSE 9
#define STEEP 0.3     /* fall of F between two nodes of the rule from which it is too coarse */
#define WIDER 1.15    /* of the normal around a step, against that which fits it */
#define NEAR_MEAN 0.2 /* sds; so near in mean, sd and parameters, components are made one */
#define NEAR_SD 0.1
#define NEAR_PAR 0.05

struct vb_predictive {
  const vb_family *family;
  vb_mixture mix; /* of the row at hand, its like components joined */
  double w, node[ORDER], weight[ORDER], coarse_node[COARSE], coarse_weight[COARSE];
  double *part, *eta; /* 4 + n_par and COARSE per component */
  int *founder;       /* of a component: the first that was joined to it */
};

vb_predictive *vb_predictive_make(const vb_host *host, const vb_family *family, int n, int n_par) {
  vb_predictive *k = host->alloc(1, sizeof *k);
  k->family = family;
  k->part = host->alloc((size_t)n * (4 + n_par) + 1, sizeof(double));
  k->eta = host->alloc((size_t)n * COARSE + 1, sizeof(double));
  k->founder = host->alloc(n + 1, sizeof(int));
  vb_gauss_hermite(ORDER, k->node, k->weight);
  vb_gauss_hermite(COARSE, k->coarse_node, k->coarse_weight);
  return k;
}

/* ---- Components ---- */

/* Is s like the component c, from whose first member all are measured? */
static int alike(const vb_mixture *mix, int s, int c) {
  double sd = sqrt(mix->var[c]), ratio = sqrt(mix->var[s]) / sd;
  if (!(mix->weight[s] > 0) != !(mix->weight[c] > 0)) return 0;
  if (!(fabs(mix->mean[s] - mix->mean[c]) < NEAR_MEAN * sd && fabs(ratio - 1) < NEAR_SD)) return 0;
  for (int k = 0; k < mix->n_par; k++) {
    double x = mix->par[k + (size_t)s * mix->n_par], y = mix->par[k + (size_t)c * mix->n_par];
    if (x != y && !(fabs(x - y) < NEAR_PAR * fabs(y))) return 0;
  }
  return 1;
}

typedef struct { /* components as they are joined */
  double *mean, *var, *skew, *weight, *par;
} joined;

/* c and s, whose moments are those of both; parameters are averaged */
static void join(joined *to, int c, const vb_mixture *mix, int s) {
  double w = to->weight[c] + mix->weight[s], t = mix->weight[s] / w;
  double off = mix->mean[s] - to->mean[c];
  to->weight[c] = w;
  to->mean[c] += t * off;
  to->var[c] += t * (mix->var[s] - to->var[c]) + t * (1 - t) * off * off;
  to->skew[c] += t * (mix->skew[s] - to->skew[c]);
  for (int k = 0; k < mix->n_par; k++) {
    double y = mix->par[k + (size_t)s * mix->n_par], *x = to->par + k + (size_t)c * mix->n_par;
    if (*x != y) *x += t * (y - *x);
  }
}

static void begin(joined *to, int c, const vb_mixture *mix, int s) {
  size_t n_par = mix->n_par;
  to->mean[c] = mix->mean[s];
  to->var[c] = mix->var[s];
  to->skew[c] = mix->skew[s];
  to->weight[c] = mix->weight[s];
  memcpy(to->par + c * n_par, mix->par + s * n_par, sizeof(double) * n_par);
}

/* Nodes are many for the sake of all that depends on theta; a row sees of it its own mean, sd and
 * the parameters, in which most are alike. */
static void join_alike(vb_predictive *k, const vb_mixture *mix) {
  int n = 0;
  double *at = k->part;
  joined to = {at, at + mix->n, at + 2 * mix->n, at + 3 * mix->n, at + 4 * mix->n};
  for (int s = 0; s < mix->n; s++) {
    int c = 0;
    if (mix->weight[s] == 0) continue;
    while (c < n && !(mix->var[s] > 0 && alike(mix, s, k->founder[c]))) c++;
    if (c < n) {
      join(&to, c, mix, s);
      continue;
    }
    k->founder[n] = s;
    begin(&to, n++, mix, s);
  }
  k->mix = (vb_mixture){n, mix->n_par, to.mean, to.var, to.skew, to.weight, to.par};
}

/* ---- The distribution function ---- */

static double predictor(const vb_mixture *mix, int s, double z) {
  return mix->mean[s] + sqrt(mix->var[s]) * vb_skew_transform(z, mix->skew[s]);
}

static void cdf(const vb_predictive *k, int s, double y, int n, const double *eta, double *out) {
  double room[VB_ROW_COLUMNS * ORDER];
  vb_rows one = {1, &y, &k->w}, rows = vb_rows_rep(&one, n, 1, room);
  k->family->cdf(k->family, &rows, eta, k->mix.par + (size_t)s * k->mix.n_par, out);
}

/* F falls within a small part of eta's range, between the nodes i - 1 and i.  There it is much like
 * Phi((a - z) / d), whose expectation is Phi(a / (1 + d^2)^(1/2)); only the difference, which is
 * small and confined to the step, is left to quadrature. */
static double steep(const vb_predictive *k, int s, double y, int i, double above, double below) {
  double lo = k->node[i - 1], hi = k->node[i], eta[ORDER], z[ORDER], f[ORDER];
  while (!(above < 0.98 && below > 0.02)) {
    double mid = (lo + hi) / 2;
    if (hi - lo < 1e-9) return Rf_pnorm5(mid, 0, 1, 1, 0);
    eta[0] = predictor(&k->mix, s, mid);
    cdf(k, s, y, 1, eta, f);
    if (f[0] > 0.5) {
      lo = mid;
      above = f[0];
    } else {
      hi = mid;
      below = f[0];
    }
  }
  double score = Rf_qnorm5(above, 0, 1, 1, 0);
  double d = (hi - lo) / (score - Rf_qnorm5(below, 0, 1, 1, 0)), a = lo + d * score;
  double wide = WIDER * WIDER * d * d, precision = 1 + 1 / wide, sd = 1 / sqrt(precision);
  for (int q = 0; q < ORDER; q++) { /* the product of this normal and eta's own */
    z[q] = a / (wide * precision) + sd * k->node[q];
    eta[q] = predictor(&k->mix, s, z[q]);
  }
  cdf(k, s, y, ORDER, eta, f);
  double p = Rf_pnorm5(a / sqrt(1 + d * d), 0, 1, 1, 0);
  for (int q = 0; q < ORDER; q++)
    p += k->weight[q] * sd * exp((k->node[q] * k->node[q] - z[q] * z[q]) / 2) *
         (f[q] - Rf_pnorm5((a - z[q]) / d, 0, 1, 1, 0));
  return p;
}

/* between which nodes F falls through 1/2, 0: none; its largest fall between two */
static int crossing(int n, const double *f, double *most) {
  int half = 0;
  *most = 0;
  for (int q = 1; q < n; q++) {
    *most = fmax(*most, f[q - 1] - f[q]);
    if (f[q - 1] >= 0.5 && f[q] < 0.5) half = q;
  }
  return half;
}

static double component(const vb_predictive *k, int s, double y) {
  double f[ORDER], eta[ORDER], most;
  int n = k->mix.var[s] > 0 ? COARSE : 1, half;
  cdf(k, s, y, n, k->eta + (size_t)s * COARSE, f);
  if (n == 1) return f[0];
  crossing(n, f, &most);
  if (most < STEEP) return vb_dot(n, k->coarse_weight, f);
  for (int q = 0; q < ORDER; q++) eta[q] = predictor(&k->mix, s, k->node[q]);
  cdf(k, s, y, ORDER, eta, f);
  half = crossing(ORDER, f, &most);
  if (most > STEEP && half) return steep(k, s, y, half, f[half - 1], f[half]);
  return vb_dot(ORDER, k->weight, f);
}

static double probability(const vb_predictive *k, double y) {
  double p = 0;
  for (int s = 0; s < k->mix.n; s++) p += k->mix.weight[s] * component(k, s, y);
  return p;
}

/* ---- Its inverse ---- */

/* how far F(y) is above prob, on the normal scale, where distribution functions are almost straight
 */
static double excess(const vb_predictive *k, double y, double prob) {
  double p = fmin(fmax(probability(k, y), 1e-15), 1 - 1e-15);
  return Rf_qnorm5(p, 0, 1, 1, 0) - Rf_qnorm5(prob, 0, 1, 1, 0);
}

typedef struct {
  double lo, hi, at_lo, at_hi; /* excess is negative at lo and not at hi */
} bracket;

/* Steps double until the quantile is between them; one that is beyond all numbers is infinite. */
static int enclose(const vb_predictive *k, double prob, double y, double step, double least,
                   bracket *b) {
  double e = excess(k, y, prob);
  b->lo = b->hi = y;
  b->at_lo = b->at_hi = e;
  while (b->at_hi < 0 && isfinite(b->hi)) {
    b->lo = b->hi;
    b->at_lo = b->at_hi;
    b->at_hi = excess(k, b->hi += step, prob);
    step *= 2;
  }
  while (b->at_lo >= 0 && isfinite(b->lo) && b->lo >= least) {
    b->hi = b->lo;
    b->at_hi = b->at_lo;
    b->at_lo = excess(k, b->lo -= step, prob);
    step *= 2;
  }
  return isfinite(b->lo) && isfinite(b->hi);
}

/* Secants through the ends of the bracket; an end that stays has its value halved (Dowell &
 * Jarratt 1971), and the middle is taken where that has not halved the bracket. */
static double refine(const vb_predictive *k, double prob, double tol, int whole, bracket *b) {
  double last = b->hi - b->lo, width = last;
  int side = 0;
  for (int it = 1; it < 300 && width > tol; it++, width = b->hi - b->lo) {
    double y = b->hi - b->at_hi * width / (b->at_hi - b->at_lo);
    if ((it % 4 == 0 && width > last / 2) || !(y > b->lo && y < b->hi)) y = b->lo + width / 2;
    if (it % 4 == 0) last = width;
    if (whole) y = fmin(fmax(floor(y), b->lo + 1), b->hi - 1);
    double e = excess(k, y, prob);
    if (!whole && fabs(e) < 1e-7) return y;
    if (e < 0) {
      if (side < 0) b->at_hi /= 2;
      b->lo = y;
      b->at_lo = e;
      side = -1;
    } else {
      if (side > 0) b->at_lo /= 2;
      b->hi = y;
      b->at_hi = e;
      side = 1;
    }
    if (whole && b->hi > 1e15) tol = b->hi * 1e-9; /* beyond the whole numbers of a double */
  }
  return b->hi;
}

/* y = eta + noise of a quadratic family: the mixture's components have its variance on top */
static double with_noise(const vb_predictive *k, double *scratch, double prob) {
  const vb_mixture *mix = &k->mix;
  double *var = scratch, *skew = scratch + mix->n;
  vb_rows row = {.n = 1, .w = &k->w};
  for (int s = 0; s < mix->n; s++) {
    double noise;
    k->family->variance(&row, mix->mean + s, mix->par + (size_t)s * mix->n_par, &noise);
    var[s] = mix->var[s] + noise;
    skew[s] = mix->skew[s] * pow(mix->var[s] / var[s], 1.5);
  }
  return vb_mixture_quantile(mix->n, mix->mean, var, skew, mix->weight, prob);
}

static double quantile(const vb_predictive *k, double prob) {
  const vb_family *f = k->family;
  const vb_mixture *mix = &k->mix;
  bracket b;
  double y = -1, step = 1, sd, tol = 1;
  if (!f->discrete) { /* all of them have a mean, or eta, on the scale of the response */
    double eta = vb_mixture_quantile(mix->n, mix->mean, mix->var, mix->skew, mix->weight, prob);
    f->mean(1, &eta, &y);
    f->variance(&(vb_rows){.n = 1, .w = &k->w}, &eta, mix->par, &sd);
    step = isfinite(sd) && sd > 0 ? sqrt(sd) : 1;
    tol = 1e-8 * step;
  }
  if (!enclose(k, prob, y, step, f->discrete ? 0 : -INFINITY, &b)) return b.at_hi < 0 ? b.hi : b.lo;
  return refine(k, prob, tol, f->discrete, &b);
}

/* One row: n_prob quantiles, each by some ten evaluations of components x COARSE values of F. */
void vb_predictive_quantiles(vb_predictive *k, const vb_mixture *mix, double w, int n_prob,
                             const double *prob, double *out) {
  k->w = w;
  join_alike(k, mix);
  mix = &k->mix;
  for (int s = 0; s < mix->n && !k->family->quadratic; s++)
    for (int q = 0; q < COARSE; q++)
      k->eta[(size_t)s * COARSE + q] =
          mix->var[s] > 0 ? predictor(mix, s, k->coarse_node[q]) : mix->mean[s];
  for (int j = 0; j < n_prob; j++)
    out[j] = k->family->quadratic ? with_noise(k, k->eta, prob[j]) : quantile(k, prob[j]);
}
