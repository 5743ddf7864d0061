// Regression without groups. Columns of X are centred, so that alpha is the intercept at their
// means.
data {
  int N;
  int P;
  matrix[N, P] X;
  vector[P] means;
  int y[N];
  vector[N] log_exposure;
  int family; // 1 bernoulli (logit), 2 poisson (log), 3 negative binomial (log)
  vector[P] scale;
  real intercept_location;
  real intercept_scale;
  real shape_rate;
}
parameters {
  real alpha;
  vector[P] beta;
  vector<lower=0>[family == 3] shape;
}
model {
  alpha ~ student_t(3, intercept_location, intercept_scale);
  beta ~ normal(0, scale);
  shape ~ exponential(shape_rate);
  if (family == 1) y ~ bernoulli_logit_glm(X, alpha, beta);
  else if (family == 2) y ~ poisson_log_glm(X, alpha + log_exposure, beta);
  else y ~ neg_binomial_2_log_glm(X, alpha + log_exposure, beta, shape[1]);
}
generated quantities {
  real intercept = alpha - dot_product(means, beta);
}
