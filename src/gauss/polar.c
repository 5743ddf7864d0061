/* A term with a level for every row and the residuals: the data know a^2 + b^2 and next to nothing
 * of a and b.  In their logs the posterior is two arms at a right angle; in log r and x, where a =
 * r cos(phi), b = r sin(phi), phi = Phi(x) pi / 2, it is nearly a product. */
#include <math.h>
#include <string.h>
#define R_NO_REMAP
#include <Rmath.h>
#include "gauss/hyper.h"
#include "numbers/optimise.h"

#define CLAMP 6.5

static double angle_of(double x) {
  return M_PI_2 * Rf_pnorm5(fmin(fmax(x, -CLAMP), CLAMP), 0, 1, 1, 0);
}

void vb_polar_make(vb_hyper *h, int radius, int angle, double *x) {
  double a = exp(x[radius]), b = exp(x[angle]);
  h->polar = 1;
  h->radius = radius;
  h->angle = angle;
  x[radius] = log(hypot(a, b));
  x[angle] = Rf_qnorm5(atan2(b, a) / M_PI_2, 0, 1, 1, 0);
}

double vb_polar_set(const vb_hyper *h, const double *x, double *y) {
  double phi = angle_of(x[h->angle]), log_cos = log(cos(phi)), log_sin = log(sin(phi));
  memcpy(y, x, sizeof(double) * h->n_axis);
  y[h->radius] = x[h->radius] + log_cos;
  y[h->angle] = x[h->radius] + log_sin;
  return log(M_PI_2) + Rf_dnorm4(x[h->angle], 0, 1, 1) - log_cos - log_sin;
}

void vb_polar_gradient(const vb_hyper *h, const vb_theta *theta, double *grad) {
  double phi = angle_of(theta->turn), slope = M_PI_2 * Rf_dnorm4(theta->turn, 0, 1, 0);
  double a = grad[h->radius], b = grad[h->angle], tangent = tan(phi);
  grad[h->radius] = a + b;
  grad[h->angle] = slope * ((b - 1) / tangent - (a - 1) * tangent) - theta->turn;
}
