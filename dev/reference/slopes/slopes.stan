// y ~ x + (x | g) with student_t errors; all priors as numbers.
data {
  int N;
  int K;
  int J;
  matrix[N, K] x;                 // with the column of ones
  vector[N] y;
  int g[N];
  real at;                        // intercept, and the half-t of all scales
  real s;
  real coef;
}
transformed data {
  matrix[N, K] xc = x;
  for (k in 2:K) xc[, k] = x[, k] - mean(x[, k]);
}
parameters {
  real alpha;                     // at the mean of x
  vector[K - 1] b;
  vector<lower=0>[K] sd_par;
  cholesky_factor_corr[K] L;
  matrix[K, J] z;
  real<lower=0> sigma;
  real<lower=0> nu;
}
transformed parameters {
  matrix[J, K] u = (diag_pre_multiply(sd_par, L) * z)';
}
model {
  alpha ~ student_t(3, at, s);
  b ~ normal(0, coef);
  sd_par ~ student_t(3, 0, s);
  sigma ~ student_t(3, 0, s);
  nu ~ gamma(2, 0.1);
  L ~ lkj_corr_cholesky(1);
  to_vector(z) ~ std_normal();
  y ~ student_t(nu, alpha + xc[, 2:K] * b + rows_dot_product(x, u[g]), sigma);
}
generated quantities {
  real b_Intercept = alpha;
  for (k in 2:K) b_Intercept -= mean(x[, k]) * b[k - 1];
}
