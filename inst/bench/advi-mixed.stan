// Regression with one grouping factor and correlated coefficients, not centred. Columns of X are
// centred, so that alpha is the intercept at their means.
data {
  int N;
  int P;
  int J;
  int K;
  matrix[N, P] X;
  vector[P] means;
  matrix[N, K] Z;
  int g[N];
  vector[N] y;
  int count[N];
  int trials[N];
  int family; // 1 gaussian, 2 binomial (logit)
  vector[P] scale;
  real intercept_location;
  real intercept_scale;
  real sd_scale;
  real sigma_scale;
}
parameters {
  real alpha;
  vector[P] beta;
  vector<lower=0>[K] s;
  cholesky_factor_corr[K] R;
  matrix[K, J] raw;
  vector<lower=0>[family == 1] sigma;
}
transformed parameters {
  matrix[K, J] u = diag_pre_multiply(s, R) * raw;
}
model {
  vector[N] eta = alpha + X * beta + rows_dot_product(Z, u[, g]');
  alpha ~ student_t(3, intercept_location, intercept_scale);
  beta ~ normal(0, scale);
  s ~ student_t(3, 0, sd_scale);
  R ~ lkj_corr_cholesky(1);
  to_vector(raw) ~ std_normal();
  if (family == 1) {
    sigma ~ student_t(3, 0, sigma_scale);
    y ~ normal(eta, sigma[1]);
  } else {
    count ~ binomial_logit(trials, eta);
  }
}
generated quantities {
  real intercept = alpha - dot_product(means, beta);
  matrix[K, K] cor = multiply_lower_tri_self_transpose(R);
}
