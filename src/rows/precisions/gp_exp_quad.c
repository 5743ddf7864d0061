/* A Gaussian process of squared exponential covariance in the Hilbert space basis of a box
 * (Riutort-Mayol, Buerkner, Andersen, Solin & Vehtari 2023): variances are the spectral density at
 * the frequencies, whose squares are `at`, in as many dimensions as the number after them says. */
#include <math.h>
#include "rows/rows.h"

#define MOST_DECAY                                                              \
  20 /* nats: a density beyond is next to nothing, its inverse next to infinite \
      */

static double variance(double at, const double *more, const double *par, double *by_par) {
  double l = par[1], dim = more[0];
  double decay = l * l * at / 2, top = exp(dim * (VB_LOG_2PI / 2 + log(l)));
  by_par[1] = dim / l - (decay < MOST_DECAY ? l * at : 0);
  return top * exp(-fmin(decay, MOST_DECAY));
}

const vb_precision vb_precision_gp_exp_quad = {.name = "gp_exp_quad",
                                               .n_par = 2,
                                               .domain = {VB_POSITIVE, VB_POSITIVE},
                                               .per_level = 1,
                                               .more = 1,
                                               .variance = variance};
