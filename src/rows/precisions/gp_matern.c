/* As gp_exp_quad.c, of Matern covariance: the spectral density is
 * 2^D pi^(D/2) Gamma(nu + D/2) (2 nu)^nu / (Gamma(nu) l^(2 nu)) (2 nu / l^2 + w^2)^-(nu + D/2)
 * (Rasmussen & Williams 2006, equation 4.15). */
#include <math.h>
#include "rows/rows.h"

static double matern(double two_nu, double at, double dim, const double *par, double *by_par) {
  double l = par[1], a = (two_nu + dim) / 2, base = two_nu / (l * l) + at;
  by_par[1] = -two_nu / l + 2 * a * two_nu / (l * l * l * base);
  return exp(dim * (M_LN2 + log(M_PI) / 2) + lgamma(a) - lgamma(two_nu / 2) +
             two_nu / 2 * log(two_nu / (l * l)) - a * log(base));
}

static double of_three(double at, const double *more, const double *par, double *by_par) {
  return matern(3, at, more[0], par, by_par);
}

static double of_five(double at, const double *more, const double *par, double *by_par) {
  return matern(5, at, more[0], par, by_par);
}

const vb_precision vb_precision_gp_matern32 = {.name = "gp_matern32",
                                               .n_par = 2,
                                               .domain = {VB_POSITIVE, VB_POSITIVE},
                                               .per_level = 1,
                                               .more = 1,
                                               .variance = of_three};
const vb_precision vb_precision_gp_matern52 = {.name = "gp_matern52",
                                               .n_par = 2,
                                               .domain = {VB_POSITIVE, VB_POSITIVE},
                                               .per_level = 1,
                                               .more = 1,
                                               .variance = of_five};
