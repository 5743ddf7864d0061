/* Compound symmetry: one correlation rho of any two coefficients, between -1 / (d - 1), below which
 * R has a negative eigenvalue, and 1.  With t = (1 + r) / 2 the share of that range,
 *   1 + (d - 1) rho = d t,  1 - rho = d (1 - t) / (d - 1),
 * and |R|, (1 - rho)^(d - 1) times the first of these, makes of LKJ(eta) restricted to such
 * matrices t ~ Beta(eta, (d - 1) (eta - 1) + 1).  With two coefficients that is LKJ itself. */
#include <math.h>
#include <string.h>
#include "rows/rows.h"

static int n_cor(int d) { return d > 1; }

static void shape(int d, double eta, double *beta, double *tilt) {
  *beta = eta;
  *tilt = (d - 2) * (eta - 1);
}

/* What is left of column k's diagonal is (1 - rho) (1 + k rho) / (1 + (k - 1) rho), of all below
 * rho (1 - rho) / (1 + (k - 1) rho). */
static void chol(int d, const double *r, double *l) {
  double t = (1 + *r) / 2, least = -1.0 / (d - 1), rho = least + (1 - least) * t;
  double free = (1 - least) * (1 - *r) / 2, all = 1; /* 1 - rho, 1 + (k - 1) rho */
  memset(l, 0, sizeof(double) * d * d);
  for (int k = 0; k < d; k++) {
    double next = k < d - 1 ? 1 + k * rho : d * t, own = 1, below = rho;
    if (k) {
      own = free * next / all;
      below = rho * free / all;
    }
    double root = sqrt(fmax(own, 1e-14));
    l[k + k * d] = root;
    for (int a = k + 1; a < d; a++) l[a + k * d] = below / root;
    all = next;
  }
}

static void gradient(int d, const double *r, const double *sd, const double *l, const double *w,
                     double *out) {
  (void)r;
  (void)l;
  double sum = 0;
  for (int a = 1; a < d; a++)
    for (int b = 0; b < a; b++) sum += 2 * w[a + b * d] * sd[a] * sd[b];
  *out = sum * d / (2 * (d - 1.0));
}

const vb_covariance vb_covariance_cs = {
    .name = "cs", .n_cor = n_cor, .shape = shape, .chol = chol, .gradient = gradient};
const vb_covariance vb_covariance_homcs = {.name = "homcs",
                                           .one_sd = 1,
                                           .n_cor = n_cor,
                                           .shape = shape,
                                           .chol = chol,
                                           .gradient = gradient};
