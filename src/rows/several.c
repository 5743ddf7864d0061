/* Likelihoods of several predictors as the rest of the core sees them: functions of rows, so many
 * of which are an observation (several.h). */
#include <math.h>
#include <string.h>
#include "rows/several.h"

#define BLOCK 64 /* observations at a time */

const char *const vb_link_name[] = {"identity", "log", "logit"};

double vb_link(int link, double value) {
  if (link == VB_LINK_LOG) return log(value);
  return link == VB_LINK_LOGIT ? log(value / (1 - value)) : value;
}

double vb_link_slope(int link, double value) {
  if (link == VB_LINK_LOG) return 1 / value;
  return link == VB_LINK_LOGIT ? 1 / (value * (1 - value)) : 1;
}

double vb_link_inverse(int link, double eta) {
  if (link == VB_LINK_LOG) return exp(eta);
  return link == VB_LINK_LOGIT ? 1 / (1 + exp(-eta)) : eta;
}

int vb_several_link(const vb_several *of, int k) { return of->link[of->n_par ? k : 0]; }

/* to what is in `to`, sign times the pairs of each predictor are added */
static void add_pairs(int K, double sign, const double *pair, double *to) {
  for (int a = 0, at = K; a < K; a++)
    for (int b = a + 1; b < K; b++, at++) {
      to[a] += sign * pair[at];
      to[b] += sign * pair[at];
    }
}

void vb_polarise(int K, const double *h, double *row) {
  for (int k = 0; k < vb_width(K); k++) row[k] = h[k];
  add_pairs(K, -1, h, row);
}

void vb_unpolarise(int K, const double *row, double *h) {
  for (int k = 0; k < vb_width(K); k++) h[k] = row[k];
  add_pairs(K, 1, row, h);
}

void vb_row_covariances(int K, const double *v, double *cov) {
  for (int a = 0, at = K; a < K; a++) {
    cov[a] = v[a];
    for (int b = a + 1; b < K; b++, at++) cov[at] = (v[at] - v[a] - v[b]) / 2;
  }
}

void vb_pairs_factor(int K, const double *cov, double *root) {
  for (int b = 0; b < K; b++)
    for (int a = b; a < K; a++) {
      int at = vb_pair_place(K, b, a);
      double s = cov[at], diagonal = root[b];
      for (int c = 0; c < b; c++) s -= root[vb_pair_place(K, c, a)] * root[vb_pair_place(K, c, b)];
      root[at] = a == b ? sqrt(fmax(s, 0)) : diagonal > 0 ? s / diagonal : 0;
    }
}

void vb_held_etas(const vb_predictors *p, const double *par, double *eta) {
  for (int k = 0; k < p->n_par; k++)
    if (p->held[k] >= 0) eta[k] = vb_link(vb_several_link(p->of, k), par[p->held[k]]);
}

typedef struct { /* observations of a block, each number by itself */
  double y[VB_MAX_PREDICTORS][BLOCK], w[BLOCK], eta[VB_MAX_PREDICTORS][BLOCK];
  double ll[BLOCK], d1[VB_MAX_PREDICTORS][BLOCK], d2[VB_MAX_WIDTH][BLOCK];
} block;

static void gather(const vb_predictors *p, const vb_rows *r, int from, int n, const double *eta,
                   const double *par, block *b) {
  int width = p->width, n_y = vb_several_responses(p->of, p->n_active);
  double held[VB_MAX_PREDICTORS];
  for (int i = 0; i < n; i++) {
    size_t at = (size_t)(from + i) * width;
    b->w[i] = r->w[at];
    for (int k = 0; k < n_y; k++) b->y[k][i] = r->y[at + k];
    for (int a = 0; a < p->n_active; a++) b->eta[p->active[a]][i] = eta[at + a];
  }
  vb_held_etas(p, par, held);
  for (int k = 0; k < p->n_par; k++)
    for (int i = 0; i < n && p->held[k] >= 0; i++) b->eta[k][i] = held[k];
}

/* what belongs to an observation's rows: of n_active predictors among n_par */
static void spread(const vb_predictors *p, const block *b, int i, double *d1, double *d2) {
  double h[VB_MAX_WIDTH];
  int K = p->n_active;
  for (int k = 0; k < p->width && d1; k++) d1[k] = k < K ? b->d1[p->active[k]][i] : 0;
  if (!d2) return;
  for (int k = 0; k < p->width; k++) h[k] = b->d2[p->place[k]][i];
  vb_polarise(K, h, d2);
}

static void log_lik(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                    double *ll, double *d1, double *d2) {
  const vb_predictors *p = self->several;
  int n = r->n / p->width, slopes = d1 || d2;
  block b;
  const double *y[VB_MAX_PREDICTORS], *at_eta[VB_MAX_PREDICTORS];
  double *to1[VB_MAX_PREDICTORS], *to2[VB_MAX_WIDTH];
  for (int k = 0; k < VB_MAX_PREDICTORS; k++) {
    y[k] = b.y[k];
    at_eta[k] = b.eta[k];
    to1[k] = b.d1[k];
  }
  for (int k = 0; k < VB_MAX_WIDTH; k++) to2[k] = b.d2[k];
  for (int from = 0; from < n; from += BLOCK) {
    int size = n - from < BLOCK ? n - from : BLOCK;
    gather(p, r, from, size, eta, par, &b);
    const vb_several_at at = {size, y, b.w, at_eta};
    p->of->log_lik(p->n_par, &at, b.ll, slopes ? to1 : NULL, slopes ? to2 : NULL);
    for (int i = 0; i < size; i++) {
      size_t row = (size_t)(from + i) * p->width;
      for (int k = 0; k < p->width && ll; k++) ll[row + k] = k ? 0 : b.ll[i];
      spread(p, &b, i, d1 ? d1 + row : NULL, d2 ? d2 + row : NULL);
    }
  }
}

/* what is reported of a predictor is the predictor */
static void mean(int n, const double *eta, double *mu) { memcpy(mu, eta, sizeof(double) * n); }

void vb_predictors_make(const vb_several *of, int n_par, int n_active, const int *active,
                        vb_predictors *p) {
  static const int domain_of[] = {VB_REAL, VB_POSITIVE, VB_UNIT_INTERVAL};
  memset(p, 0, sizeof *p);
  p->of = of;
  p->n_par = n_par;
  p->n_active = n_active;
  p->width = vb_width(n_active);
  p->row = (vb_family){
      .name = of->name, .link = "several", .several = p, .log_lik = log_lik, .mean = mean};
  for (int k = 0; k < n_par; k++) p->held[k] = 0;
  for (int a = 0; a < n_active; a++) {
    p->active[a] = active[a];
    p->held[active[a]] = -1;
  }
  for (int a = 0; a < n_active; a++)
    for (int b = a; b < n_active; b++)
      p->place[vb_pair_place(n_active, a, b)] = vb_pair_place(n_par, active[a], active[b]);
  for (int k = 0; k < n_par; k++) {
    if (p->held[k] < 0) continue;
    p->held[k] = p->row.n_par;
    p->row.domain[p->row.n_par++] = domain_of[vb_several_link(of, k)];
  }
}
