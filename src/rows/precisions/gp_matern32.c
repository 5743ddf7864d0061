/* As gp_exp_quad.c, of Matern covariance with nu = 3 / 2: the spectral density is
 * 2^D pi^(D/2) Gamma(nu + D/2) (2 nu)^nu / (Gamma(nu) l^(2 nu)) (2 nu / l^2 + w^2)^-(nu + D/2)
 * (Rasmussen & Williams 2006, equation 4.15). */
#define TWO_NU 3
#include <math.h>
#include "rows/rows.h"

static double variance(double at, const double *more, const double *par, double *by_par) {
  double l = par[1], dim = more[0];
  double a = (TWO_NU + dim) / 2, base = TWO_NU / (l * l) + at;
  by_par[1] = -TWO_NU / l + 2 * a * TWO_NU / (l * l * l * base);
  return exp(dim * (M_LN2 + log(M_PI) / 2) + lgamma(a) - lgamma(TWO_NU / 2.0) +
             TWO_NU / 2.0 * log(TWO_NU / (l * l)) - a * log(base));
}

static vb_status set(int n, const double *at, const double *par, double *q, double *log_det) {
  return vb_diagonal_set(variance, n, at, par, q, log_det);
}

static void contract(int n, const double *at, const double *par, const double *u, double *grad) {
  vb_diagonal_contract(variance, 2, n, at, par, u, grad);
}

const vb_precision vb_precision_gp_matern32 = {.name = "gp_matern32",
                                               .n_par = 2,
                                               .domain = {VB_POSITIVE, VB_POSITIVE},
                                               .per_level = 1,
                                               .more = 1,
                                               .set = set,
                                               .contract = contract};
