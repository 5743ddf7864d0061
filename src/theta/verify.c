/* Nodes at points of the posterior: what the surface foretold there wrong corrects it. */
#include <math.h>
#include "theta/integral.h"

#define MOST_BATCHES 12
#define GOLDEN 0.6180339887498949
#define AT_ODDS_BADLY 0.1 /* the same where the first batch was foretold badly */
#define POOLED 2          /* batches that the error is the root mean square of */

int vb_integral_pick(vb_integral *w, int i, int n, double shift) {
  double share = w->surface.K == 1 ? (i + shift) / n : (w->next++ + 0.5) / w->cloud.T;
  return vb_cloud_pick(&w->cloud, share - floor(share));
}

const double *vb_integral_point(const vb_integral *w, int t) {
  return w->cloud.z + (size_t)t * w->surface.K;
}

vb_status vb_integral_node(vb_integral *w, int t) {
  vb_surface *s = &w->surface;
  vb_status st = vb_surface_node(s, vb_integral_point(w, t));
  if (st == VB_OK) s->sampled[s->n - 1] = 1;
  return st;
}

/* Nodes at points of the posterior as it is known, by systematic resampling; error: what was
 * foretold wrong, of the n that could be had */
static vb_status verify(vb_integral *w, int round, double *error, int *n) {
  vb_surface *s = &w->surface;
  double score[VB_MAX_AXIS];
  *n = 0;
  w->missed_tilt = w->missed_gp = 0;
  for (int i = 0, last = -1; i < w->batch; i++) {
    int t = vb_integral_pick(w, i, w->batch, vb_low_discrepancy(round, GOLDEN));
    if (t == last) continue; /* a point that has much of the weight */
    last = t;
    vb_status st = vb_integral_node(w, t);
    if (st == VB_INTERRUPTED) return st;
    if (st != VB_OK) continue;
    double is = s->value[s->n - 1] + s->rest[s->n - 1] -
                vb_surface_at(s, vb_integral_point(w, t), 1, score);
    error[*n] = is - vb_correction_at(s, score);
    w->astray |= fabs(error[(*n)++]) > VB_HOPELESS;
    if (!s->has_gp) continue; /* which of the two would have done better? */
    w->missed_tilt += pow(is - vb_tilt_at(s, score), 2);
    w->missed_gp += pow(is - vb_gp_correction(s, score), 2);
  }
  return VB_OK;
}

/* sum of squares of a batch about its mean; of one that few points make it says nothing */
static double scatter(const vb_integral *w, const double *error, int n) {
  if (2 * n <= w->batch) return INFINITY;
  double mean = 0, square = 0;
  for (int i = 0; i < n; i++) mean += error[i] / n;
  for (int i = 0; i < n; i++) square += pow(error[i] - mean, 2);
  return square;
}

vb_status vb_integral_take_up(vb_surface *s) {
  vb_scan_take_up(s);
  return vb_surface_fit(s);
}

vb_status vb_integral_correct(vb_integral *w) {
  vb_surface *s = &w->surface;
  int K = s->K, n, last = 0, scanned = s->n;
  vb_status st = VB_OK;
  double error[2 * VB_MAX_AXIS], pooled = INFINITY, square[MOST_BATCHES];
  int count[MOST_BATCHES];
  for (int round = 0; round < MOST_BATCHES && s->n + w->batch <= w->cap; round++) {
    st = verify(w, round, error, &n);
    if (st == VB_OK && !round && scatter(w, error, n) > n * w->goal * w->goal)
      st = vb_corners(s, w->cap - s->n - 2 * w->batch, AT_ODDS_BADLY);
    if (st == VB_OK) st = K == 1 ? vb_integral_take_up(s) : vb_tilt_fit(s, scanned);
    if (st != VB_OK) return st;
    double sum = 0, all = 0;
    square[round] = scatter(w, error, n);
    count[round] = n;
    for (int r = round; r >= 0 && r > round - POOLED; r--) {
      sum += square[r];
      all += count[r];
    }
    pooled = all > 0 ? sqrt(sum / all) : INFINITY;
    last = sqrt(square[round] / fmax(n, 1)) < w->goal;
    if (s->gp.x && !last) s->by_gp = vb_gp_correct(s) == VB_OK && w->missed_gp <= w->missed_tilt;
    if (!last) st = vb_cloud_integrate(s, 1, 2 * w->T0, 2 * w->T0, &w->cloud);
    if (st != VB_OK) return st;
    if (pooled < w->goal && (s->n - scanned >= K || pooled < w->goal / 3)) break;
  }
  s->fit->node_error = pooled;
  return VB_OK;
}

vb_status vb_integral_verify_again(vb_integral *w) {
  double error[2 * VB_MAX_AXIS];
  int n;
  vb_status st = verify(w, MOST_BATCHES, error, &n);
  if (st != VB_OK) return st;
  double seen = sqrt(scatter(w, error, n) / fmax(n, 1));
  w->surface.fit->node_error = fmax(w->surface.fit->node_error, seen);
  return VB_OK;
}
