/* On which scale of log mu the log bends of a probability that mu is part of.  A rule for normals
 * converges as fast as the logarithm's branch points are far from their mean, which are pi off for
 * log(1 + exp(x)), whose scale is one. */
#ifndef VB_SEVERAL_BEND_H
#define VB_SEVERAL_BEND_H
#include <math.h>
#include <Rmath.h>

/* branch points at log mu + x +- i y */
static inline double vb_bend_scale(double x, double y) { return fmin(hypot(x, y) / M_PI, 1); }

/* They are where the log of P(0) is c +- i angle, that is of a Poisson count at mu = -c -+ i angle.
 * The negative binomial's is -shape log(1 + mu / shape), of the shapes below angle / pi nowhere. */
static inline double vb_bend_poisson(double log_mu, double c, double angle) {
  return vb_bend_scale(log(hypot(c, angle)) - log_mu, atan2(angle, -c));
}
static inline double vb_bend_negbinomial(double log_mu, double log_shape, double c, double angle) {
  double s = exp(log_shape), r = exp(-c / s), turn = angle / s;
  if (s > 1e6) return vb_bend_poisson(log_mu, c, angle);
  if (turn >= M_PI) return 1;
  double real = s * (r * cos(turn) - 1), imaginary = s * r * sin(turn);
  return vb_bend_scale(log(hypot(real, imaginary)) - log_mu, atan2(imaginary, real));
}
#endif
