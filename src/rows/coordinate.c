/* How a free axis becomes a natural parameter: the log of sds, of other positive parameters and of
 * the distance of two thresholds, so that no axis has an end (coordinate ascent, which looks at
 * the density itself, has the cube root there: x > 0, nearly normal, as the root of a gamma is); 2
 * Phi(x) - 1 for correlations (a flat LKJ is N(0, 1)); x itself on the real line, Phi(x) between 0
 * and 1.  ADVI, whose q is a Gaussian in the axes, has others for sds, in which the density is
 * nearer to one: where it reaches zero, cosh(1.25 w) - 1, a square near zero with the log's right
 * tail, else w^(-3/2), the cube root of a precision being nearly normal (Wilson & Hilferty 1931), w
 * = log(1 + exp(6 x)) / 6, which is x but for x near 0 and below.  What is flat on one side
 * (theta/flat.c): sinh, which is exponential far out. */
#include <math.h>
#define R_NO_REMAP
#include <Rmath.h>
#include "rows/rows.h"

static double log_value(double x, double s0) { return s0 * exp(x); }
static double log_log_slope(double x, double s0) { return log(s0) + x; }
static double log_log_slope_d(double x, double s0) {
  (void)x;
  (void)s0;
  return 1.0;
}
static double log_inverse(double value, double s0) { return log(value / s0); }
const vb_coordinate vb_coord_log = {"log",         log_value,       log_value,
                                    log_log_slope, log_log_slope_d, log_inverse};

static double identity_value(double x, double s0) { return s0 * x; }
static double identity_slope(double x, double s0) {
  (void)x;
  return s0;
}
static double identity_log_slope(double x, double s0) {
  (void)x;
  return log(s0);
}
static double identity_log_slope_d(double x, double s0) {
  (void)x;
  (void)s0;
  return 0;
}
static double identity_inverse(double value, double s0) { return value / s0; }
const vb_coordinate vb_coord_identity = {"identity",           identity_value,
                                         identity_slope,       identity_log_slope,
                                         identity_log_slope_d, identity_inverse};

static double sinh_value(double x, double s0) { return s0 * sinh(x); }
static double sinh_slope(double x, double s0) { return s0 * cosh(x); }
static double sinh_log_slope(double x, double s0) {
  return log(s0) + fabs(x) + log1p(exp(-2 * fabs(x))) - M_LN2;
}
static double sinh_log_slope_d(double x, double s0) {
  (void)s0;
  return tanh(x);
}
static double sinh_inverse(double value, double s0) { return asinh(value / s0); }
const vb_coordinate vb_coord_sinh = {"sinh",         sinh_value,       sinh_slope,
                                     sinh_log_slope, sinh_log_slope_d, sinh_inverse};

static double cube_value(double x, double s0) { return s0 * x * x * x; }
static double cube_slope(double x, double s0) { return 3 * s0 * x * x; }
static double cube_log_slope(double x, double s0) { return log(3 * s0) + 2 * log(x); }
static double cube_log_slope_d(double x, double s0) {
  (void)s0;
  return 2 / x;
}
static double cube_inverse(double value, double s0) { return cbrt(value / s0); }
const vb_coordinate vb_coord_cube = {"cube",         cube_value,       cube_slope,
                                     cube_log_slope, cube_log_slope_d, cube_inverse};

/* w, log w', and d log w' / dx */
#define SOFT 6
static double soft_root(double x) { return fmax(x, 0) + log1p(exp(-fabs(SOFT * x))) / SOFT; }
static double soft_root_slope(double x) { return 1 / (1 + exp(-SOFT * x)); }
static double soft_root_log_slope(double x) {
  return fmin(SOFT * x, 0) - log1p(exp(-fabs(SOFT * x)));
}
static double soft_root_inverse(double w) { return w + log(-expm1(-SOFT * w)) / SOFT; }

#define BEND 1.25
#define COSH_UNIT 0.8884238771610158 /* cosh(BEND) - 1 */
static double cosh_value(double x, double s0) {
  double half = sinh(BEND * soft_root(x) / 2); /* cosh(t) - 1 = 2 sinh(t / 2)^2 */
  return s0 * 2 * half * half / COSH_UNIT;
}
static double cosh_slope(double x, double s0) {
  return s0 * BEND * sinh(BEND * soft_root(x)) / COSH_UNIT * soft_root_slope(x);
}
static double cosh_log_slope(double x, double s0) {
  return log(s0 * BEND * sinh(BEND * soft_root(x)) / COSH_UNIT) + soft_root_log_slope(x);
}
static double cosh_log_slope_d(double x, double s0) {
  double slope = soft_root_slope(x);
  (void)s0;
  return BEND * slope / tanh(BEND * soft_root(x)) + SOFT * (1 - slope);
}
static double cosh_inverse(double value, double s0) {
  double half = asinh(sqrt(value / s0 * COSH_UNIT / 2));
  return soft_root_inverse(2 * half / BEND);
}
const vb_coordinate vb_coord_cosh = {"cosh",         cosh_value,       cosh_slope,
                                     cosh_log_slope, cosh_log_slope_d, cosh_inverse};

static double soft_power_value(double x, double s0) { return s0 * pow(soft_root(x), -1.5); }
static double soft_power_slope(double x, double s0) {
  return -1.5 * s0 * pow(soft_root(x), -2.5) * soft_root_slope(x);
}
static double soft_power_log_slope(double x, double s0) {
  return log(1.5 * s0) - 2.5 * log(soft_root(x)) + soft_root_log_slope(x);
}
static double soft_power_log_slope_d(double x, double s0) {
  double slope = soft_root_slope(x);
  (void)s0;
  return -2.5 * slope / soft_root(x) + SOFT * (1 - slope);
}
static double soft_power_inverse(double value, double s0) {
  return soft_root_inverse(pow(value / s0, -2.0 / 3));
}
const vb_coordinate vb_coord_soft_power = {"soft power",           soft_power_value,
                                           soft_power_slope,       soft_power_log_slope,
                                           soft_power_log_slope_d, soft_power_inverse};

static double probit_clamp(double x) { return fmin(fmax(x, -6.5), 6.5); }
static double probit_value(double x, double s0) {
  (void)s0;
  return 2 * Rf_pnorm5(probit_clamp(x), 0, 1, 1, 0) - 1;
}
static double probit_slope(double x, double s0) {
  (void)s0;
  return 2 * Rf_dnorm4(probit_clamp(x), 0, 1, 0);
}
static double probit_log_slope(double x, double s0) {
  (void)s0;
  return M_LN2 + Rf_dnorm4(x, 0, 1, 1);
}
static double probit_log_slope_d(double x, double s0) {
  (void)s0;
  return -x;
}
static double probit_inverse(double value, double s0) {
  (void)s0;
  return Rf_qnorm5((1 + value) / 2, 0, 1, 1, 0);
}
const vb_coordinate vb_coord_probit = {"probit",         probit_value,       probit_slope,
                                       probit_log_slope, probit_log_slope_d, probit_inverse};

static double unit_value(double x, double s0) {
  (void)s0;
  return Rf_pnorm5(probit_clamp(x), 0, 1, 1, 0);
}
static double unit_slope(double x, double s0) { return probit_slope(x, s0) / 2; }
static double unit_log_slope(double x, double s0) { return probit_log_slope(x, s0) - M_LN2; }
static double unit_inverse(double value, double s0) {
  (void)s0;
  return Rf_qnorm5(value, 0, 1, 1, 0);
}
const vb_coordinate vb_coord_unit = {"unit",         unit_value,         unit_slope,
                                     unit_log_slope, probit_log_slope_d, unit_inverse};
