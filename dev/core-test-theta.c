/* Parts of the integral over theta: turned axes against differences, kriging against what it must
 * reproduce. */
#include <math.h>
#include <string.h>
#include "core-test.h"
#include "gauss/hyper.h"
#include "numbers/krige.h"
#include "numbers/small.h"

enum { K = 3, TRIES = 20, PLACES = 40 };

/* any smooth function of the log axes, and its gradient */
static double value_at(const double *y, double *grad) {
  if (grad) {
    grad[0] = cos(y[0]) + y[1] / 2;
    grad[1] = y[0] / 2 - y[1];
    grad[2] = 0.3;
  }
  return sin(y[0]) + y[0] * y[1] / 2 - y[1] * y[1] / 2 + 0.3 * y[2];
}

static double turned_at(const vb_hyper *h, const double *x) {
  double y[K], jacobian = vb_turn_set(h, x, y);
  return jacobian + value_at(y, NULL);
}

void test_turn(void) {
  const double step = 1e-6;
  for (int kind = VB_POLAR; kind <= VB_SHEARED; kind++)
    for (int t = 0; t < TRIES; t++) {
      vb_hyper h = {.n_axis = K};
      vb_turn turn = {kind, 1, 0};
      double x[K], y[K], grad[K], log_axes[K];
      for (int k = 0; k < K; k++) x[k] = log_axes[k] = wave(K * t + k);
      vb_turn_make(&h, turn, x);
      vb_turn_set(&h, x, y);
      for (int k = 0; k < K; k++)
        check_near(y[k], log_axes[k], 1e-9, "turned and back", vb_turn_name[kind]);
      vb_theta theta = {.turned = x[turn.b]};
      value_at(y, grad);
      vb_turn_gradient(&h, &theta, grad);
      for (int k = 0; k < K; k++) {
        double own = x[k];
        x[k] = own + step;
        double up = turned_at(&h, x);
        x[k] = own - step;
        double down = turned_at(&h, x);
        x[k] = own;
        check_near(grad[k], (up - down) / (2 * step), 1e-6, "turned gradient", vb_turn_name[kind]);
      }
    }
}

/* the nearest are kept, in order; a constant is reproduced, and what is nearly linear over a
 * kernel's length nearly so */
void test_krige(void) {
  static double place[PLACES][2], linear[PLACES];
  const double at[2] = {0.2, -0.1}, *of[VB_KRIGE_NEAR];
  double one[VB_KRIGE_NEAR], out;
  vb_krige k = {.K = 2, .length = 6};
  for (int s = 0; s < PLACES; s++) {
    place[s][0] = 2 * wave(2 * s);
    place[s][1] = 2 * wave(2 * s + 1);
    linear[s] = 1 + 2 * place[s][0] - 3 * place[s][1];
    vb_krige_add(&k, place[s], vb_squared_distance(2, place[s], at), linear + s);
  }
  check(k.n == VB_KRIGE_NEAR, "kriging", "places", k.n, VB_KRIGE_NEAR);
  for (int s = 1; s < k.n; s++)
    check(k.distance[s] >= k.distance[s - 1], "kriging", "order", k.distance[s], k.distance[s - 1]);
  int beyond = 0;
  for (int s = 0; s < PLACES; s++)
    beyond += vb_squared_distance(2, place[s], at) > k.distance[k.n - 1];
  check(beyond == PLACES - k.n, "kriging", "nearest", beyond, PLACES - k.n);
  check(vb_krige_weigh(&k) == VB_OK, "kriging", "status", 1, 0);
  for (int s = 0; s < k.n; s++) {
    one[s] = 5;
    of[s] = one + s;
  }
  vb_krige_average(&k, 1, of, &out);
  check_near(out, 5, 1e-10, "kriging", "constant");
  for (int s = 0; s < k.n; s++) of[s] = k.what[s];
  vb_krige_average(&k, 1, of, &out);
  check_near(out, 1 + 2 * at[0] - 3 * at[1], 1e-3, "kriging", "linear");
}
