/* The integral over the hyperparameters: scan, surface, points, and nodes among the points
 * that verify it and correct it until they are predicted well enough. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "theta/surface.h"

#define FEW_AXES 4 /* that the points between nodes can be told apart in */
#define MOST_BATCHES 12
#define GOLDEN 0.6180339887498949
#define AT_ODDS 0.4         /* nats that two axes are foretold to do together, for corners */
#define AT_ODDS_BADLY 0.1   /* the same where the first batch was foretold badly */
#define DEAR 1e7            /* operations of an evaluation that is verified by fewer others */
#define POOLED 2            /* batches that the error is the root mean square of */
#define CHEAP 1e7           /* operations of all nodes that only fill the mixture */
#define COMPONENTS 240      /* Gaussians of the mixture alone, where there are many axes, */
#define COMPONENT_CHEAP 1e8 /* and the operations of all of them */
#define EXACT 256           /* values beyond the budget, */
#define UNCERTAIN 0.15    /* nats of error from which on they are asked for, which know it better */
#define HOPELESS 1        /* nats of error that more values do not mend */
#define EFFECTIVE 400     /* points' worth of weight below which more are drawn */
#define SADDLE 0.7        /* nats above the centre from which on another is looked for */
#define PEAK 2            /* nats above all nodes that no surface should be */
#define MOST_NODES 400    /* of a surface, however many are asked for */
#define POINTS_ASKED 1024 /* from which on as many points are weighted exactly */
#define FEW 100           /* and below which the fit says so */
#define LEAST_POINTS 512
#define AFFORD 1e8 /* operations of inner solves for exact weights */

typedef struct {
  vb_surface surface;
  vb_cloud cloud;
  int T, T0, batch, exact; /* T points in the end, T0 in the first round */
  int cap;                 /* nodes, those that fill the mixture too */
  int components;          /* Gaussians of the mixture alone, at most */
  int light;               /* few axes, none of heavy tails */
  int next;                /* point that a node is laid at */
  double goal, bad;        /* errors, sds in nats: aimed at, and not put up with */
  double missed_tilt, missed_gp;
} integral;

static vb_status first_integral(integral *w) {
  vb_status st = vb_cloud_make(&w->surface, 4 * w->T > w->exact ? 4 * w->T : w->exact, &w->cloud);
  for (int round = 0; st == VB_OK; round++) {
    int longer;
    st = vb_surface_fit(&w->surface);
    if (st == VB_OK)
      st = vb_cloud_integrate(&w->surface, round ? 1 : 3, w->T0, 2 * w->T0, &w->cloud);
    if (st != VB_OK || round == 2) return st;
    st = vb_scan_lengthen(&w->surface, &w->cloud, &longer);
    if (!longer) break;
  }
  return st;
}

/* The i-th of n points of the posterior: of one axis evenly along it; of more the points one after
 * the other, which are of low discrepancy, each as often as its weight says. */
static int pick(integral *w, int i, int n, double shift) {
  double share = w->surface.K == 1 ? (i + shift) / n : (w->next++ + 0.5) / w->cloud.T;
  return vb_cloud_pick(&w->cloud, share - floor(share));
}

static const double *point(const integral *w, int t) {
  return w->cloud.z + (size_t)t * w->surface.K;
}

/* a node that is a point of the posterior */
static vb_status node_at(integral *w, int t) {
  vb_surface *s = &w->surface;
  vb_status st = vb_surface_node(s, point(w, t));
  if (st == VB_OK) s->sampled[s->n - 1] = 1;
  return st;
}

/* Nodes at points of the posterior as it is known, by systematic resampling; error: what was
 * foretold wrong, of the n that could be had */
static vb_status verify(integral *w, int round, double *error, int *n) {
  vb_surface *s = &w->surface;
  double score[VB_MAX_AXIS];
  *n = 0;
  for (int i = 0, last = -1; i < w->batch; i++) {
    int t = pick(w, i, w->batch, vb_low_discrepancy(round, GOLDEN));
    if (t == last) continue; /* a point that has much of the weight */
    last = t;
    vb_status st = node_at(w, t);
    if (st == VB_INTERRUPTED) return st;
    if (st != VB_OK) continue;
    double is = s->value[s->n - 1] + s->rest[s->n - 1] - vb_surface_at(s, point(w, t), 1, score);
    error[(*n)++] = is - vb_correction_at(s, score);
    if (!s->has_gp) continue; /* which of the two would have done better? */
    w->missed_tilt += pow(is - vb_tilt_at(s, score), 2);
    w->missed_gp += pow(is - vb_gp_correction(s, score), 2);
  }
  return VB_OK;
}

/* sum of squares of a batch about its mean; of one that few points make it says nothing */
static double scatter(const integral *w, const double *error, int n) {
  if (2 * n <= w->batch) return INFINITY;
  double mean = 0, square = 0;
  for (int i = 0; i < n; i++) mean += error[i] / n;
  for (int i = 0; i < n; i++) square += pow(error[i] - mean, 2);
  return square;
}

/* Of a single axis every node says what the surface is: no correction is wanted. */
static vb_status take_up(vb_surface *s) {
  vb_scan_take_up(s);
  return vb_surface_fit(s);
}

/* until the last nodes were predicted */
static vb_status correct(integral *w) {
  vb_surface *s = &w->surface;
  int K = s->K, n, last = 0;
  vb_status st = vb_corners(s, w->cap - s->n - 2 * w->batch, AT_ODDS);
  if (st == VB_OK && s->n_corner) st = vb_cloud_integrate(s, 1, 2 * w->T0, 2 * w->T0, &w->cloud);
  if (st != VB_OK) return st;
  int scanned = s->n;
  double error[2 * VB_MAX_AXIS], pooled = INFINITY, square[MOST_BATCHES];
  int count[MOST_BATCHES];
  for (int round = 0; round < MOST_BATCHES && s->n + w->batch <= w->cap; round++) {
    st = verify(w, round, error, &n);
    if (st == VB_OK && !round && scatter(w, error, n) > n * w->goal * w->goal)
      st = vb_corners(s, w->cap - s->n - 2 * w->batch, AT_ODDS_BADLY);
    if (st == VB_OK) st = K == 1 ? take_up(s) : vb_tilt_fit(s, scanned);
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
    s->by_gp = 0;
    if (s->gp.x && !last && vb_gp_correct(s) == VB_OK) s->by_gp = w->missed_gp <= w->missed_tilt;
    if (s->gp.x && last) s->has_gp = 0;
    if (!last) st = vb_cloud_integrate(s, 1, 2 * w->T0, 2 * w->T0, &w->cloud);
    if (st != VB_OK) return st;
    if (pooled < w->goal && (s->n - scanned >= K || pooled < w->goal / 3)) break;
  }
  s->fit->node_error = pooled;
  return VB_OK;
}

/* A mixture over few nodes is lumpy: where they cost next to nothing there are more. */
static vb_status fill(integral *w) {
  vb_surface *s = &w->surface;
  int few = s->K <= FEW_AXES;
  double afford = (few ? CHEAP : COMPONENT_CHEAP) / vb_eval_cost(s->fit->model);
  int n = (int)fmin(few ? w->cap - s->n : w->components, afford);
  if (n <= 0) return VB_OK;
  int *chosen = s->fit->host->alloc(n, sizeof(int));
  if (few && s->K > 1 && !w->light)
    n = vb_spread_choose(s, &w->cloud, n, chosen);
  else
    for (int i = 0; i < n; i++) chosen[i] = pick(w, i, n, 0.5);
  for (int i = 0; i < n; i++) {
    if (i && chosen[i] == chosen[i - 1]) continue; /* no node twice */
    vb_status st = few ? node_at(w, chosen[i]) : vb_surface_component(s, point(w, chosen[i]));
    if (st == VB_INTERRUPTED) return st;
  }
  return VB_OK;
}

/* exact values at n systematic points of the cloud, less those of the surface */
static vb_status exact_errors(integral *w, int n, double *z, double *error) {
  int K = w->surface.K;
  for (int i = 0; i < n; i++) {
    int t = vb_cloud_pick(&w->cloud, (i + 0.5) / n);
    memcpy(z + (size_t)i * K, point(w, t), sizeof(double) * K);
    vb_status st = vb_surface_exact(&w->surface, point(w, t), error + i);
    if (st != VB_OK) return st;
    error[i] -= w->cloud.log_f[t];
  }
  return VB_OK;
}

/* more values than the budget has, where it has not sufficed: the fit says so */
static vb_status exceed_budget(integral *w) {
  vb_surface *s = &w->surface;
  const vb_host *h = s->fit->host;
  int n = EXACT > 3 * vb_projection_size(s->K) ? EXACT : 3 * vb_projection_size(s->K);
  double *z = h->alloc((size_t)n * s->K, sizeof(double)), *error = h->alloc(n, sizeof(double));
  vb_status st = exact_errors(w, n, z, error);
  return st == VB_OK ? vb_project(s, n, z, error, &s->fit->node_error) : st;
}

/* Where the surface is no likeness of the posterior: importance weights of the engine's own values,
 * as many as can be had. */
static vb_status weigh_exactly(integral *w) {
  vb_fit *fit = w->surface.fit;
  double afford = AFFORD / (vb_factor_cost(fit->model) + 2000);
  int T = w->exact ? w->exact : (int)fmin(fmax(afford, LEAST_POINTS), 4096);
  vb_status st = vb_cloud_exact(&w->surface, 4, T, &w->cloud);
  if (st != VB_OK) return st;
  double *log_weight = fit->host->alloc(T, sizeof(double));
  for (int t = 0; t < T; t++) log_weight[t] = log(w->cloud.weight[t]);
  fit->khat = vb_pareto_k(T, log_weight);
  fit->ess = w->cloud.ess;
  fit->node_error = NAN;
  fit->rule = "weighted";
  if (!(fit->ess > FEW)) fit->converged = 0;
  return VB_OK;
}

/* Has the surface a peak where no node is?  By how many nats it stands above the best of them. */
static double spurious(const integral *w) {
  const vb_surface *s = &w->surface;
  double top = -INFINITY, known = -INFINITY;
  for (int t = 0; t < w->cloud.T; t++)
    if (w->cloud.weight[t] > 0) top = fmax(top, w->cloud.log_f[t]);
  for (int i = 0; i < s->n; i++)
    known = fmax(known, s->fit->node[i]->bound + s->fit->node[i]->remainder);
  return top - known;
}

/* Is there a node well above what was taken for the mode?  The climb ends on a saddle too, and on
 * the lower of two modes: again from there, without the surface's nodes. */
static vb_status climb_further(integral *w, int *further) {
  vb_fit *fit = w->surface.fit;
  int best = 0;
  for (int i = 1; i < fit->n_node; i++)
    if (fit->node[i]->bound > fit->node[best]->bound) best = i;
  *further = fit->node[best]->bound > fit->node[0]->bound + SADDLE;
  if (!*further) return VB_OK;
  memcpy(fit->mode, fit->node[best]->x, sizeof(double) * fit->hyper->n_axis);
  vb_block_copy(fit->model, &fit->node[best]->block, &fit->spare);
  fit->n_node = w->surface.n = 0;
  return vb_fit_mode(fit);
}

static vb_status scan(integral *w) {
  vb_fit *fit = w->surface.fit;
  int K = fit->hyper->n_axis, further;
  double scale[VB_MAX_AXIS];
  for (int round = 0;; round++) {
    for (int k = 0; k < K; k++) scale[k] = fit->root[k * (size_t)(K + 1)];
    vb_status st =
        vb_surface_make(fit, scale, w->cap + w->components + VB_SCAN_SEVERAL * K, &w->surface);
    if (st == VB_OK) st = vb_scan(&w->surface);
    if (st != VB_OK || round == 2) return st;
    st = climb_further(w, &further);
    if (st != VB_OK || !further) return st;
  }
}

/* Where the surface has its points after a large correction, nobody has looked yet. */
static vb_status verify_again(integral *w) {
  double error[2 * VB_MAX_AXIS];
  int n;
  vb_status st = verify(w, MOST_BATCHES, error, &n);
  if (st != VB_OK) return st;
  double seen = sqrt(scatter(w, error, n) / fmax(n, 1));
  w->surface.fit->node_error = fmax(w->surface.fit->node_error, seen);
  return VB_OK;
}

/* the surface, and points weighted on it */
static vb_status by_surface(integral *w) {
  vb_fit *fit = w->surface.fit;
  vb_status st = first_integral(w);
  if (st == VB_OK) st = correct(w);
  if (st == VB_OK) st = vb_cloud_integrate(&w->surface, 1, 2 * w->T0, w->T, &w->cloud);
  if (st == VB_OK && !(fit->node_error < UNCERTAIN) && fit->node_error < HOPELESS &&
      w->cloud.ess > EFFECTIVE) {
    st = exceed_budget(w);
    if (st == VB_OK) st = vb_cloud_integrate(&w->surface, 1, 2 * w->T0, w->T, &w->cloud);
    if (st == VB_OK) st = verify_again(w);
  }
  if (st == VB_OK && w->cloud.ess < EFFECTIVE)
    st = vb_cloud_integrate(&w->surface, 1, w->T, 4 * w->T, &w->cloud);
  return st;
}

static int is_no_likeness(const integral *w) {
  return w->cloud.ess < EFFECTIVE || !(w->surface.fit->node_error < w->bad) || spurious(w) > PEAK ||
         w->exact;
}

/* of a single axis, every node */
static vb_status take_all(integral *w) {
  vb_status st = take_up(&w->surface);
  return st == VB_OK ? vb_cloud_integrate(&w->surface, 1, 2 * w->T0, w->T, &w->cloud) : st;
}

static vb_status hand_over(integral *w) {
  vb_fit *fit = w->surface.fit;
  const vb_surface *s = &w->surface;
  const vb_cloud *c = &w->cloud;
  int K = s->K;
  double *weight = fit->host->alloc(s->n, sizeof(double));
  vb_status st = vb_spread_weights(s, c, weight);
  if (st != VB_OK) return st;
  for (int i = 0; i < fit->n_node; i++) fit->node[i]->weight = i < s->n ? weight[i] : 0;
  vb_points_alloc(fit, c->T);
  for (int t = 0; t < c->T; t++) {
    vb_surface_x(s, c->z + (size_t)t * K, fit->point_x + (size_t)t * K);
    fit->point_weight[t] = c->weight[t];
    fit->point_log_density[t] = c->log_f[t] - c->log_z;
  }
  vb_points_report(fit);
  for (int k = 0; k < K; k++) fit->root[k * (size_t)(K + 1)] = s->scale[k];
  vb_nodes_finish(fit, c->log_z);
  return VB_OK;
}

static vb_status single_node(vb_fit *fit) {
  double none = 0;
  vb_status st = vb_fit_node(fit, &none);
  if (st != VB_OK) return st;
  fit->node[0]->weight = 1;
  vb_points_alloc(fit, 1);
  fit->point_weight[0] = 1;
  vb_points_report(fit);
  vb_nodes_finish(fit, fit->node[0]->elbo + fit->node[0]->rq);
  return VB_OK;
}

/* what is spent on K axes; asked: nodes that the user allows, or points */
static integral budget(vb_fit *fit, int K, int asked) {
  int few = K <= FEW_AXES, own = asked > 6 * K;
  int least = vb_eval_cost(fit->model) > DEAR ? 4 : 6; /* many rows leave theta little room */
  integral w = {.surface.fit = fit, .batch = K / 2 > 6 ? (K + 1) / 2 : least};
  w.light = few && !fit->hyper->n_pin && !fit->hyper->n_shrink; /* tails take points */
  w.T = K > 8 ? 16384 : 8192;
  w.T0 = K < 8 ? 256 * K : 2048;
  if (w.light) w.T /= 2;
  if (w.light) w.T0 /= 2;
  w.goal = few ? 0.06 : 0.15;
  w.bad = few ? 0.15 : 0.3;
  w.cap = K <= 8 ? 60 : 10 + 6 * K;
  if (!few) w.components = COMPONENTS;
  if (own) w.cap = asked < MOST_NODES ? asked : MOST_NODES;
  if (asked >= POINTS_ASKED) w.exact = asked;
  return w;
}

/* Is x, where the climb ended first, another mode?  Between two the density is lower. */
static vb_status compare_modes(vb_fit *fit, const double *x, double bound) {
  double between, at[VB_MAX_AXIS];
  for (int k = 0; k < fit->hyper->n_axis; k++) at[k] = (x[k] + fit->node[0]->x[k]) / 2;
  vb_status st = vb_fit_eval(fit, at, fit->set.tol, 1, &between);
  if (st == VB_OK && between < fmin(bound, fit->node[0]->bound) - SADDLE)
    fit->second_mode = bound - fit->node[0]->bound;
  return st == VB_INTERRUPTED ? st : VB_OK;
}

/* the scan, its surface, and again where the points found what the scan did not */
static vb_status scan_and_weigh(integral *w) {
  vb_fit *fit = w->surface.fit;
  int K = fit->hyper->n_axis, further;
  double first[VB_MAX_AXIS], bound = 0;
  for (int round = 0;; round++) {
    vb_status st = scan(w);
    if (st == VB_OK && K > 1 && K <= FEW_AXES)
      vb_gp_make(fit->host, K, 1000 / (K + 1) + 1, &w->surface.gp);
    if (st == VB_OK) st = by_surface(w);
    if (st == VB_OK && round) st = compare_modes(fit, first, bound);
    if (st != VB_OK || round == 2) return st;
    memcpy(first, fit->node[0]->x, sizeof(double) * K);
    bound = fit->node[0]->bound;
    st = climb_further(w, &further);
    if (st != VB_OK || !further) return st;
  }
}

vb_status vb_fit_nodes(vb_fit *fit) {
  int K = fit->hyper->n_axis;
  if (!K) return single_node(fit);
  integral w = budget(fit, K, fit->set.max_node);
  vb_status st = scan_and_weigh(&w);
  if (st == VB_INTERRUPTED) return st;
  fit->rule = "surrogate";
  int exactly = st != VB_OK || is_no_likeness(&w);
  if (exactly && (!w.cloud.w || w.surface.n <= 2 * K)) return st;
  if (exactly) st = weigh_exactly(&w);
  if (st == VB_OK) st = fill(&w);
  if (st == VB_OK && K == 1 && !exactly) st = take_all(&w);
  return st == VB_OK ? hand_over(&w) : st;
}
