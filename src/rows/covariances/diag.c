/* Independent coefficients, each with its sd or all with one. */
#include "rows/rows.h"

const vb_covariance vb_covariance_diag = {.name = "diag"};
const vb_covariance vb_covariance_homdiag = {.name = "homdiag", .one_sd = 1};
