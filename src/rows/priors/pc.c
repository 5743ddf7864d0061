/* Penalised-complexity prior of a standard deviation (Simpson et al. 2017, section 3.3):
 * exponential with P(sd > u) = alpha. */
#include <math.h>
#include "rows/rows.h"

extern const vb_prior vb_prior_exponential;

static double rate(const double *arg) { return -log(arg[1]) / arg[0]; }

static void log_density(int n, const double *x, const double *arg, double *ll, double *d1,
                        double *d2) {
  double r = rate(arg);
  vb_prior_exponential.log_density(n, x, &r, ll, d1, d2);
}

static double log_norm(const double *arg) { return log(rate(arg)); }

const vb_prior vb_prior_pc = {.name = "pc",
                              .n_arg = 2,
                              .arg_name = {"u", "alpha"},
                              .proper = 1,
                              .log_density = log_density,
                              .log_norm = log_norm};
