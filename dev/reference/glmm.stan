// Regression with one correlated random term and any number of random intercepts. Columns of X are
// centred, so that alpha is the intercept at their means.
data {
  int n;
  int p;
  matrix[n, p] X;
  int family;          // the order of `families` in make.R
  vector[n] y;
  int count[n];        // the response as integers, where it is
  int K;               // categories of an ordinal response (otherwise 2)
  real tau;            // of the asymmetric Laplace density
  int d;               // coefficients of the correlated term
  int J;               // its levels; 0: none
  int g[n];
  matrix[n, d] Z;
  int T;               // random intercepts
  int L;               // their levels, all in a row
  int h[n, T];
  int owner[L];
  int lasso;           // coefficients laplace(0, scale) instead of normal(0, scale)
  vector[p] scale;
  real intercept_location;
  real intercept_scale;
  real sd_scale;       // half-t(3, 0, sd_scale) on every group sd
  int aux_prior;       // 1 half-t(3, 0, a), 2 exponential(a), 3 gamma(a, b)
  real aux_a;
  real aux_b;
}
transformed data {
  int ordinal = family == 7 || family == 8;
  int has_aux = family == 1 || (family >= 4 && family <= 6) || family == 9;
}
parameters {
  vector[ordinal ? 0 : 1] alpha;
  ordered[ordinal ? K - 1 : 0] threshold;
  vector[p] beta;
  vector<lower=0>[J ? d : 0] s;
  cholesky_factor_corr[d] R;
  matrix[d, J] raw;
  vector<lower=0>[T] s1;
  vector[L] raw1;
  vector<lower=0>[has_aux] aux;
}
transformed parameters {
  matrix[d, J] u;
  vector[L] u1 = s1[owner] .* raw1;
  vector[n] eta = X * beta;
  if (J) {
    u = diag_pre_multiply(s, R) * raw;
    for (k in 1:d) eta += Z[, k] .* to_vector(u[k])[g];
  }
  for (t in 1:T) eta += u1[h[, t]];
  if (!ordinal) eta += alpha[1];
}
model {
  if (lasso) beta ~ double_exponential(0, scale);
  else beta ~ normal(0, scale);
  alpha ~ student_t(3, intercept_location, intercept_scale);
  threshold ~ student_t(3, 0, 2.5);
  s ~ student_t(3, 0, sd_scale);
  s1 ~ student_t(3, 0, sd_scale);
  R ~ lkj_corr_cholesky(1);
  to_vector(raw) ~ std_normal();
  raw1 ~ std_normal();
  if (aux_prior == 1) aux ~ student_t(3, 0, aux_a);
  else if (aux_prior == 2) aux ~ exponential(aux_a);
  else if (aux_prior == 3) aux ~ gamma(aux_a, aux_b);

  if (family == 1) y ~ normal(eta, aux[1]);
  else if (family == 2) count ~ bernoulli_logit(eta);
  else if (family == 3) count ~ poisson_log(eta);
  else if (family == 4) y ~ gamma(aux[1], aux[1] * exp(-eta));
  else if (family == 5) y ~ beta(inv_logit(eta) * aux[1], inv_logit(-eta) * aux[1]);
  else if (family == 6) {
    vector[n] r = y - eta;
    target += -n * log(aux[1]);
    for (i in 1:n) target += -r[i] * (tau - (r[i] < 0)) / aux[1];
  } else if (family == 7) count ~ ordered_logistic(eta, threshold);
  else if (family == 8) count ~ ordered_probit(eta, threshold);
  else if (family == 9) y ~ weibull(aux[1], exp(eta));
}
