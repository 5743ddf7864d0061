/* Two log axes that the data know by combinations of them: others take their place.
 *
 * Polar: of a term with a level for every row and the residuals the data know a^2 + b^2 and next to
 * nothing of a and b.  In their logs the posterior is two arms at a right angle; in log r and x,
 * where a = r cos(phi), b = r sin(phi), phi = Phi(x) pi / 2, it is nearly a product.
 *
 * Sheared: scale sigma and degrees of freedom nu of a t distribution.  Its information about
 * (log sigma, log nu) is 2 nu / (nu + 3) and, across, -2 nu / ((nu + 1) (nu + 3)) (Lange, Little &
 * Taylor 1989, appendix B), so that log sigma - log(nu / (nu + 1)) is orthogonal to nu everywhere
 * (Cox & Reid 1987). */
#include <math.h>
#include <string.h>
#define R_NO_REMAP
#include <Rmath.h>
#include "gauss/hyper.h"
#include "numbers/optimise.h"

#define CLAMP 6.5

const char *const vb_turn_name[] = {"", "polar", "sheared"};

static double angle_of(double x) {
  return M_PI_2 * Rf_pnorm5(fmin(fmax(x, -CLAMP), CLAMP), 0, 1, 1, 0);
}

/* log(nu / (nu + 1)) of log nu */
static double shift_of(double log_nu) { return -log1p(exp(-log_nu)); }

void vb_turn_make(vb_hyper *h, vb_turn turn, double *x) {
  double a = exp(x[turn.a]), b = exp(x[turn.b]);
  h->turn = turn;
  if (turn.kind == VB_POLAR) {
    x[turn.a] = log(hypot(a, b));
    x[turn.b] = Rf_qnorm5(atan2(b, a) / M_PI_2, 0, 1, 1, 0);
  } else if (turn.kind == VB_SHEARED) {
    x[turn.a] -= shift_of(x[turn.b]);
  }
}

double vb_turn_set(const vb_hyper *h, const double *x, double *y) {
  const vb_turn *t = &h->turn;
  memcpy(y, x, sizeof(double) * h->n_axis);
  if (t->kind == VB_SHEARED) {
    y[t->a] = x[t->a] + shift_of(x[t->b]);
    return 0;
  }
  double phi = angle_of(x[t->b]), log_cos = log(cos(phi)), log_sin = log(sin(phi));
  y[t->a] = x[t->a] + log_cos;
  y[t->b] = x[t->a] + log_sin;
  return log(M_PI_2) + Rf_dnorm4(x[t->b], 0, 1, 1) - log_cos - log_sin;
}

void vb_turn_gradient(const vb_hyper *h, const vb_theta *theta, double *grad) {
  const vb_turn *t = &h->turn;
  double a = grad[t->a], b = grad[t->b];
  if (t->kind == VB_SHEARED) {
    grad[t->b] = b + a / (1 + exp(theta->turned));
    return;
  }
  double phi = angle_of(theta->turned), slope = M_PI_2 * Rf_dnorm4(theta->turned, 0, 1, 0);
  double tangent = tan(phi);
  grad[t->a] = a + b;
  grad[t->b] = slope * ((b - 1) / tangent - (a - 1) * tangent) - theta->turned;
}
