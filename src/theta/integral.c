/* The integral over the hyperparameters: scan, surface, points, and nodes among the points
 * that verify it and correct it until they are predicted well enough. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "theta/integral.h"

#define FEW_AXES 4          /* that the points between nodes can be told apart in, */
#define GP_AXES 8           /* and that what is missed can be interpolated in */
#define AT_ODDS 0.4         /* nats that two axes are foretold to do together, for corners */
#define DEAR 1e7            /* operations of an evaluation that is verified by fewer others */
#define CHEAP 1e7           /* operations of all nodes that only fill the mixture */
#define COMPONENTS 240      /* Gaussians of the mixture alone, where there are many axes, */
#define COMPONENT_CHEAP 1e8 /* and the operations of all of them */
#define EXACT 256           /* values beyond the budget, */
#define UNCERTAIN 0.15    /* nats of error from which on they are asked for, which know it better */
#define NEAR 1.5          /* and up to which points of the surface are worth exact values */
#define HEAVY 0.7         /* Pareto k of weights that are not to be trusted */
#define EFFECTIVE 400     /* points' worth of weight below which more are drawn */
#define SADDLE 0.7        /* nats above the centre from which on another is looked for */
#define PEAK 2            /* nats above all nodes that no surface should be */
#define MOST_NODES 400    /* of a surface, however many are asked for */
#define POINTS_ASKED 1024 /* from which on as many points are weighted exactly */
#define FEW 100           /* and below which the fit says so */
#define FEWEST 1024        /* but so many at least */
#define CHECKED 96        /* values that check the tails, */
#define AFFORD_CHECK 3e8  /* operations of these, */
#define MOVED 0.06         /* and how far they may move an axis: sds, log of a ratio */
#define MOST 4096         /* points that are weighted exactly, */
#define AFFORD 2e9        /* where they take no more operations, */
#define A_LIKELIHOOD 30   /* operations of one, */
#define A_TILT 60         /* and of one component of a site's mixture */

static vb_status first_integral(vb_integral *w) {
  vb_status st = vb_cloud_make(&w->surface, 4 * w->T > w->exact ? 4 * w->T : w->exact, &w->cloud);
  for (int round = 0; st == VB_OK; round++) {
    int longer;
    st = vb_surface_fit(&w->surface);
    if (st == VB_OK) vb_corners_fit(&w->surface);
    if (st == VB_OK) /* else what axes are foretold to do together would draw the scan out */
      st = vb_corners(&w->surface, w->cap - w->surface.n - 2 * w->batch, AT_ODDS);
    if (st == VB_OK)
      st = vb_cloud_integrate(&w->surface, round ? 1 : 3, w->T0, 2 * w->T0, &w->cloud);
    if (st != VB_OK || round == 2) return st;
    st = vb_scan_lengthen(&w->surface, &w->cloud, &longer);
    if (!longer) break;
  }
  return st;
}

/* nodes, or Gaussians of the mixture alone, at some of the points */
static vb_status lay(vb_integral *w, int n, const int *chosen, int as_nodes) {
  for (int i = 0; i < n; i++) {
    if (i && chosen[i] == chosen[i - 1]) continue; /* no node twice */
    vb_status st = as_nodes ? vb_integral_node(w, chosen[i])
                            : vb_surface_component(&w->surface, vb_integral_point(w, chosen[i]));
    if (st == VB_INTERRUPTED) return st;
  }
  return VB_OK;
}

static vb_status lay_evenly(vb_integral *w, int n, int *chosen, int as_nodes) {
  for (int i = 0; i < n; i++) chosen[i] = vb_integral_pick(w, i, n, 0.5);
  return lay(w, n, chosen, as_nodes);
}

/* A mixture over few nodes is lumpy: where they cost next to nothing there are more.  Tails that no
 * surface is like are for many. */
static vb_status fill(vb_integral *w, int exactly) {
  vb_surface *s = &w->surface;
  int few = s->K <= FEW_AXES;
  double cost = vb_eval_cost(s->fit->model);
  int *chosen = s->fit->host->alloc(w->cap + w->components, sizeof(int));
  int n = (int)fmin(w->cap - s->n, CHEAP / cost);
  vb_status st = VB_OK;
  if (few && n > 0 && s->K > 1 && !w->light)
    st = lay(w, vb_spread_choose(s, &w->cloud, n, chosen), chosen, 1);
  else if (few && n > 0)
    st = lay_evenly(w, n, chosen, 1);
  n = (int)fmin(w->components, COMPONENT_CHEAP / cost);
  if (st == VB_OK && n > 0 && s->K > 1 && (!few || exactly)) st = lay_evenly(w, n, chosen, 0);
  return st;
}

/* exact values at n systematic points of the cloud, less those of the surface */
static vb_status exact_errors(vb_integral *w, int n, double *z, double *error) {
  int K = w->surface.K;
  for (int i = 0; i < n; i++) {
    int t = vb_cloud_pick(&w->cloud, (i + 0.5) / n);
    memcpy(z + (size_t)i * K, vb_integral_point(w, t), sizeof(double) * K);
    vb_status st = vb_surface_exact(&w->surface, vb_integral_point(w, t), error + i);
    if (st != VB_OK) return st;
    error[i] -= w->cloud.log_f[t];
  }
  return VB_OK;
}

/* more values than the budget has, where it has not sufficed: the fit says so */
static vb_status exceed_budget(vb_integral *w) {
  vb_surface *s = &w->surface;
  const vb_host *h = s->fit->host;
  int n = EXACT > 3 * vb_projection_size(s->K) ? EXACT : 3 * vb_projection_size(s->K);
  double *z = h->alloc((size_t)n * s->K, sizeof(double)), *error = h->alloc(n, sizeof(double));
  vb_status st = exact_errors(w, n, z, error);
  return st == VB_OK ? vb_project(s, n, z, error, &s->fit->node_error) : st;
}

static double cost_of_value(const vb_fit *fit) {
  double likelihoods = fit->rq.n_asked > 0 ? fit->rq.spent / fit->rq.n_asked : 0;
  double tilts = fit->n_eval > 0 ? fit->inner.ep.n_tilt / fit->n_eval : 0;
  return vb_factor_cost(fit->model) + 2000 + A_LIKELIHOOD * likelihoods + A_TILT * tilts;
}

/* exact values that can be had */
static int affordable(const vb_fit *fit) {
  return (int)fmin(fmax(AFFORD / cost_of_value(fit), FEWEST), MOST);
}

static double khat_of(const vb_host *h, const vb_cloud *c) {
  double *log_weight = h->alloc(c->T, sizeof(double));
  for (int t = 0; t < c->T; t++) log_weight[t] = log(c->weight[t]);
  return vb_pareto_k(c->T, log_weight);
}

/* Where the surface is no likeness of the posterior: importance weights of the engine's own values,
 * as many as can be had: of the surface's points, if they are near enough to it, else of others. */
static vb_status weigh_exactly(vb_integral *w) {
  vb_fit *fit = w->surface.fit;
  vb_cloud *c = &w->cloud;
  int T = affordable(fit);
  int near = fit->node_error < NEAR && c->ess > EFFECTIVE && !w->exact;
  vb_status st = near ? vb_cloud_reweigh(&w->surface, T, c) : VB_NOT_FINITE;
  if (st == VB_INTERRUPTED) return st;
  if (st == VB_OK) fit->khat = khat_of(fit->host, c);
  if (st != VB_OK || c->ess < T / 4.0 || !(fit->khat < HEAVY)) {
    st = vb_cloud_exact(&w->surface, 4, w->exact ? w->exact : T, c);
    if (st != VB_OK) return st;
    fit->khat = khat_of(fit->host, c);
  }
  fit->ess = c->ess;
  fit->node_error = NAN;
  fit->rule = "weighted";
  if (!(fit->ess > FEW)) fit->converged = 0;
  return VB_OK;
}

/* Has the surface a peak where no node is?  By how many nats it stands above the best of them. */
static double spurious(const vb_integral *w) {
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
static vb_status climb_further(vb_integral *w, int *further) {
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

static vb_status scan(vb_integral *w) {
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

/* the surface, and points weighted on it */
static vb_status by_surface(vb_integral *w) {
  vb_fit *fit = w->surface.fit;
  vb_status st = first_integral(w);
  if (st == VB_OK) st = vb_integral_correct(w);
  if (st == VB_OK) st = vb_cloud_integrate(&w->surface, 1, 2 * w->T0, w->T, &w->cloud);
  if (st == VB_OK && !(fit->node_error < UNCERTAIN) && fit->node_error < VB_HOPELESS &&
      w->cloud.ess > EFFECTIVE) {
    st = exceed_budget(w);
    if (st == VB_OK) st = vb_cloud_integrate(&w->surface, 1, 2 * w->T0, w->T, &w->cloud);
    if (st == VB_OK) st = vb_integral_verify_again(w);
  }
  if (st == VB_OK && w->cloud.ess < EFFECTIVE)
    st = vb_cloud_integrate(&w->surface, 1, w->T, 4 * w->T, &w->cloud);
  return st;
}

/* One that was far astray before it was mended has faults in the tails, where few nodes verify it.
 */
static int is_no_likeness(const vb_integral *w) {
  return w->cloud.ess < EFFECTIVE || !(w->surface.fit->node_error < w->bad) || spurious(w) > PEAK ||
         w->astray || w->exact;
}

/* Few nodes verify the tails: where more values cost next to nothing, what these say of them. */
static vb_status check_tails(vb_integral *w) {
  double each = cost_of_value(w->surface.fit), worst = 0;
  int n = (int)fmin(CHECKED, AFFORD_CHECK / each);
  if (w->surface.K == 1 || n < CHECKED / 4) return VB_OK;
  vb_status st = vb_cloud_check(&w->surface, n, &w->cloud, &worst);
  w->astray |= worst > MOVED;
  return st;
}

/* of a single axis, every node */
static vb_status take_all(vb_integral *w) {
  vb_status st = vb_integral_take_up(&w->surface);
  return st == VB_OK ? vb_cloud_integrate(&w->surface, 1, 2 * w->T0, w->T, &w->cloud) : st;
}

static vb_status hand_over(vb_integral *w) {
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
static vb_integral budget(vb_fit *fit, int K, int asked) {
  int few = K <= FEW_AXES, own = asked > 6 * K;
  int least = vb_eval_cost(fit->model) > DEAR ? 4 : 6; /* many rows leave theta little room */
  vb_integral w = {.surface.fit = fit, .batch = K / 2 > 6 ? (K + 1) / 2 : least};
  w.light = few && !fit->hyper->n_pin && !fit->hyper->n_shrink; /* tails take points */
  w.T = (K > 8 ? 16384 : 8192) >> w.light;
  w.T0 = (K < 8 ? 256 * K : 2048) >> w.light;
  w.goal = few ? 0.04 : 0.15;
  w.bad = few ? 0.15 : 0.3;
  w.cap = K <= 8 ? 60 : 10 + 6 * K;
  w.components = COMPONENTS;
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
static vb_status scan_and_weigh(vb_integral *w) {
  vb_fit *fit = w->surface.fit;
  int K = fit->hyper->n_axis, further;
  double first[VB_MAX_AXIS], bound = 0;
  for (int round = 0;; round++) {
    vb_status st = scan(w);
    if (st == VB_OK && K > 1 && K <= GP_AXES)
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
  vb_integral w = budget(fit, K, fit->set.max_node);
  vb_status st = scan_and_weigh(&w);
  if (st == VB_INTERRUPTED) return st;
  fit->rule = "surrogate";
  if (st == VB_OK && !is_no_likeness(&w)) st = check_tails(&w);
  if (st == VB_INTERRUPTED) return st;
  int exactly = st != VB_OK || is_no_likeness(&w);
  if (exactly && (!w.cloud.w || w.surface.n <= 2 * K)) return st;
  if (exactly) st = weigh_exactly(&w);
  if (st == VB_OK) st = fill(&w, exactly);
  if (st == VB_OK && K == 1 && !exactly) st = take_all(&w);
  return st == VB_OK ? hand_over(&w) : st;
}
