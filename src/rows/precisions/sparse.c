/* Sparse precisions: known but for the sd of all; of an autoregression; of a map. */
#include <math.h>
#include "rows/rows.h"

static void weigh_known(const double *par, double *weight, double *by_par) {
  double sd = par[0];
  weight[0] = 1 / (sd * sd);
  weight[1] = -2 * log(sd);
  by_par[0] = -2 / (sd * sd * sd);
  by_par[1] = -2 / sd;
}

/* the matrix, where combinations are zero on what is left; the count is its rank */
const vb_precision vb_precision_known_sparse = {.name = "known_sparse",
                                                .n_par = 1,
                                                .domain = {VB_POSITIVE},
                                                .n_matrix = 1,
                                                .n_log = 1,
                                                .weigh = weigh_known};

/* A stationary autoregression (ar1.c) at times one apart: rho^2 of each time that has one after it,
 * rho of each pair, one of all but those that begin a series, which have 1 - rho^2 taken off.
 *   sd^2 (1 - rho^2) Q = M0 + rho^2 M1 - rho M2 - rho^2 M3
 * M0 the identity, M1 that of times before another, M2 pairs, M3 times that begin a series. */
static void weigh_ar1(const double *par, double *weight, double *by_par) {
  double sd = par[0], rho = par[1], left = 1 - rho * rho, by_left = 2 * rho / (left * left);
  double p = 1 / (sd * sd), in[4] = {1, rho * rho, -rho, -rho * rho};
  double in_d[4] = {0, 2 * rho, -1, -2 * rho};
  for (int j = 0; j < 4; j++) {
    weight[j] = p * in[j] / left;
    by_par[2 * j] = -2 * weight[j] / sd;
    by_par[2 * j + 1] = p * (in_d[j] / left + in[j] * by_left);
  }
  weight[4] = -2 * log(sd);
  by_par[8] = -2 / sd;
  by_par[9] = 0;
  weight[5] = -log(left);
  by_par[10] = 0;
  by_par[11] = 2 * rho / left;
}

const vb_precision vb_precision_ar1_sparse = {.name = "ar1_sparse",
                                              .n_par = 2,
                                              .domain = {VB_POSITIVE, VB_CORRELATION},
                                              .n_matrix = 4,
                                              .n_log = 2,
                                              .weigh = weigh_ar1};

/* Effects b of areas and the structured part s of them (Riebler, Sorbye, Simpson & Rue 2016,
 * section 3.4): b given s is N(sd sqrt(rho) s, sd^2 (1 - rho)), s has the map's scaled precision.
 * The matrices are the identity of b, the pairs of b and s, the identity of s, and s's own
 * precision. */
static void weigh_bym2(const double *par, double *weight, double *by_par) {
  double sd = par[0], rho = par[1], left = 1 - rho, root = sqrt(rho);
  weight[0] = 1 / (sd * sd * left);
  by_par[0] = -2 * weight[0] / sd;
  by_par[1] = weight[0] / left;
  weight[1] = -root / (sd * left);
  by_par[2] = -weight[1] / sd;
  by_par[3] = -(1 / (2 * root) + root / left) / (sd * left);
  weight[2] = rho / left;
  by_par[4] = 0;
  by_par[5] = 1 / (left * left);
  weight[3] = 1;
  by_par[6] = by_par[7] = 0;
  weight[4] = -2 * log(sd) - log(left);
  by_par[8] = -2 / sd;
  by_par[9] = 1 / left;
}

const vb_precision vb_precision_bym2 = {.name = "bym2",
                                        .n_par = 2,
                                        .domain = {VB_POSITIVE, VB_UNIT_INTERVAL},
                                        .n_matrix = 4,
                                        .n_log = 1,
                                        .weigh = weigh_bym2};
