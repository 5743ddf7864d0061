/* Runs of ADVI on densities whose answer is known. */
#ifndef CORE_TEST_ADVI_H
#define CORE_TEST_ADVI_H
#include "advi/advi.h"
#include "core-test.h"

#define MAX_DIM 8
#define N_DRAW 1000

typedef struct {
  int dim;
  double precision[MAX_DIM * MAX_DIM], mean[MAX_DIM];
} gaussian;
gaussian gaussian_example(int dim);
vb_status gaussian_eval(void *data, int n, const double *x, double *value, double *grad);
double gaussian_truth(const gaussian *t, double *cov); /* covariance; log evidence */

typedef vb_status (*log_density)(void *data, int n, const double *x, double *value, double *grad);
typedef struct {
  vb_advi advi;
  vb_density density;
  unsigned long long state; /* of the noise */
  double start[2 * MAX_DIM];
} run;
void run_make(run *r, int dim, log_density eval, void *data);
#endif
