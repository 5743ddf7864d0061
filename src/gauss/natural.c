/* How a natural parameter gets its axis: the prior's constants, the coordinate that suits its
 * domain. */
#include <math.h>
#include <string.h>
#include "gauss/hyper.h"

/* log P(from < X < 1), by the midpoint rule */
static double log_mass(const vb_prior *prior, const double *arg, double from) {
  enum { N = 100000, BATCH = 1000 };
  double x[BATCH], ll[BATCH], d1[BATCH], d2[BATCH], sum = 0, norm = prior->log_norm(arg);
  for (int done = 0; done < N; done += BATCH) {
    for (int i = 0; i < BATCH; i++) x[i] = from + (1 - from) * (done + i + 0.5) / N;
    prior->log_density(BATCH, x, arg, ll, d1, d2);
    for (int i = 0; i < BATCH; i++) sum += (1 - from) * exp(ll[i] + norm) / N;
  }
  return log(sum);
}

void vb_natural_prior(vb_natural *n, const vb_prior *prior, const double *arg,
                      const vb_coordinate *coord, int *n_axis) {
  n->axis = -1;
  n->value = arg[0];
  n->prior = prior;
  if (!prior) return;
  memcpy(n->arg, arg, sizeof n->arg);
  n->log_norm = prior->log_norm(arg) - (n->real ? 0 : vb_prior_log_upper(prior, arg));
  n->coord = coord;
  n->s0 = 1;
  n->axis = (*n_axis)++;
}

/* a parameter that is not positive: its coordinate, and its prior cut to its domain */
static void set_domain(int domain, vb_natural *n) {
  if (n->axis < 0 || domain == VB_POSITIVE) return;
  static const struct {
    const vb_coordinate *coord;
    int bounded;
    double from;
  } rows[] = {[VB_REAL] = {&vb_coord_identity, 0, 0},
              [VB_UNIT_INTERVAL] = {&vb_coord_unit, 1, 0},
              [VB_CORRELATION] = {&vb_coord_probit, 1, -1}};
  n->coord = rows[domain].coord;
  n->log_norm = n->prior->log_norm(n->arg);
  if (rows[domain].bounded && !n->prior->of_range)
    n->log_norm -= log_mass(n->prior, n->arg, rows[domain].from);
}

void vb_natural_within(int domain, const vb_prior *prior, const double *arg, vb_natural *n,
                       int *n_axis) {
  vb_natural_prior(n, prior, arg, &vb_coord_log, n_axis);
  set_domain(domain, n);
}

vb_natural vb_natural_correlation(double beta, double tilt, int axis) {
  double log_beta = lgamma(beta) + lgamma(beta + tilt) - lgamma(2 * beta + tilt);
  return (vb_natural){.axis = axis,
                      .coord = &vb_coord_probit,
                      .s0 = 1,
                      .beta = beta,
                      .tilt = tilt,
                      .log_norm = -(2 * beta + tilt - 1) * M_LN2 - log_beta};
}

vb_categories vb_categories_of(const vb_family *family, const vb_rows *rows) {
  vb_categories seen = {1, 1};
  for (int i = 0; i < rows->n && family->thresholds; i++) {
    int y = (int)rows->y[i];
    if (!i || y < seen.lowest) seen.lowest = y;
    if (y > seen.highest) seen.highest = y;
  }
  return seen;
}

/* Thresholds: one is any number, the others go by the distance from the one nearer to it.  It is
 * the first that has responses below it; what only the prior holds, beyond the outermost of them,
 * is far from it and may be at any distance: the log.  Theirs is the prior of as many independent
 * numbers in ascending order. */
static void place_threshold(const vb_categories *seen, int k, vb_natural *n,
                            const vb_coordinate **coord) {
  int base = seen->lowest - 1;
  n->real = 1;
  n->after = (k > base) - (k < base);
  *coord = n->after == 0                        ? &vb_coord_identity
           : k < base || k >= seen->highest - 1 ? &vb_coord_log
                                                : &vb_coord_cube;
  if (k == base && seen->highest == seen->lowest) *coord = &vb_coord_sinh;
}

void vb_natural_par(const vb_family *family, const vb_categories *seen, int k,
                    const vb_prior *prior, const double *arg, vb_natural *n, int *n_axis) {
  const vb_coordinate *coord = &vb_coord_log;
  if (family->thresholds) place_threshold(seen, k, n, &coord);
  vb_natural_prior(n, prior, arg, coord, n_axis);
  if (family->thresholds && n->prior && n->prior->proper) n->log_norm += log(k + 1);
  if (!family->thresholds) set_domain(family->domain[k], n);
}

void vb_endless_axes(vb_hyper *hyper) {
  for (int i = 0; i < hyper->n_natural; i++)
    if (hyper->natural[i].coord == &vb_coord_cube) hyper->natural[i].coord = &vb_coord_log;
}
