// Responses with several predictors and one grouping factor; families: 1 Gaussian (mu, log sigma),
// 2 negative binomial (log mu, log shape), 3 categorical (log odds against the first), 4 beta-binomial
// (logit mu, log phi), 5 hurdle negative binomial (log mu, logit hu; shape held).
data {
  int<lower=1> n;
  int<lower=1> K;                       // predictors
  int<lower=0> p;
  matrix[n, p] X;                       // centred
  int<lower=1, upper=K> of[p];          // whose column it is
  int<lower=1> J;
  int<lower=1, upper=J> g[n];
  int<lower=1> d;                       // coefficients of a level
  int<lower=1, upper=K> of_level[d];
  matrix[n, d] Z;
  int<lower=0, upper=1> correlated;
  int<lower=1> family;
  vector[n] y;
  int count[n];
  int trials[n];
  vector[K] location;
}
parameters {
  vector[K] Intercept;
  vector[p] b;
  vector<lower=0>[d] sd_level;
  cholesky_factor_corr[d] L;
  matrix[d, J] z;
  real<lower=0> shape;
}
transformed parameters {
  matrix[J, d] r;
  if (correlated) r = (diag_pre_multiply(sd_level, L) * z)';
  else r = (diag_pre_multiply(sd_level, diag_matrix(rep_vector(1, d))) * z)';
}
model {
  matrix[n, K] eta;
  for (k in 1:K) eta[, k] = rep_vector(Intercept[k], n);
  for (j in 1:p) eta[, of[j]] += X[, j] * b[j];
  for (a in 1:d) eta[, of_level[a]] += Z[, a] .* r[g, a];
  Intercept ~ normal(location, 2);
  b ~ normal(0, 2);
  sd_level ~ exponential(1);
  L ~ lkj_corr_cholesky(1);
  to_vector(z) ~ normal(0, 1);
  shape ~ exponential(1);
  if (family == 1) y ~ normal(eta[, 1], exp(eta[, 2]));
  if (family == 2) count ~ neg_binomial_2_log(eta[, 1], exp(eta[, 2]));
  if (family == 3)
    for (i in 1:n) count[i] ~ categorical_logit(append_row(0, eta[i]'));
  if (family == 4)
    for (i in 1:n) {
      real phi = exp(eta[i, 2]);
      real mu = inv_logit(eta[i, 1]);
      target += lgamma(count[i] + mu * phi) + lgamma(trials[i] - count[i] + (1 - mu) * phi)
                - lgamma(trials[i] + phi) + lgamma(phi) - lgamma(mu * phi)
                - lgamma((1 - mu) * phi);
    }
  if (family == 5)
    for (i in 1:n) {
      if (count[i] == 0) target += log_inv_logit(eta[i, 2]);
      else target += log1m_inv_logit(eta[i, 2]) + neg_binomial_2_log_lpmf(count[i] | eta[i, 1], shape)
                     - log1m(pow(shape / (shape + exp(eta[i, 1])), shape));
    }
}
