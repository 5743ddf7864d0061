// Regularised horseshoe (Piironen & Vehtari 2017), non-centred, with an optional random intercept.
// gaussian = 1: sigma and the global scale times sigma; 0: Bernoulli, logit link.
data {
  int<lower=1> N;
  int<lower=1> K;
  int<lower=0> J;
  int<lower=0, upper=1> gaussian;
  matrix[N, K] x;
  vector[N] y;
  int<lower=0> hit[N];
  int<lower=0> g[N];
  real df;
  real df_global;
  real scale_global;
  real df_slab;
  real scale_slab;
  real at;   // with s
  real s;    // of the intercept's prior; s also of the half-t on sigma and the group sd
}
transformed data {
  matrix[N, K] xc;
  vector[K] center;
  for (k in 1:K) {
    center[k] = mean(x[, k]);
    xc[, k] = x[, k] - center[k];
  }
}
parameters {
  real intercept;
  vector[K] z;
  vector<lower=0>[K] local_raw;
  vector<lower=0>[K] local_mix;
  real<lower=0> global_raw;
  real<lower=0> global_mix;
  real<lower=0> slab;
  real<lower=0> sigma_par[gaussian];
  real<lower=0> sd_par[J > 0];
  vector[J] u;
}
transformed parameters {
  real sigma = gaussian ? sigma_par[1] : 1.0;
  real tau = global_raw * sqrt(global_mix) * scale_global * sigma;
  real c2 = square(scale_slab) * slab;
  vector[K] b;
  vector[J] r;
  {
    vector[K] l2 = square(local_raw) .* local_mix;
    b = z .* sqrt(c2 * l2 ./ (c2 + square(tau) * l2)) * tau;
  }
  if (J > 0) r = sd_par[1] * u;
}
model {
  vector[N] at_row = rep_vector(intercept, N);
  if (J > 0) at_row += r[g];
  if (gaussian) y ~ normal_id_glm(xc, at_row, b, sigma);
  else hit ~ bernoulli_logit_glm(xc, at_row, b);
  intercept ~ student_t(3, at, s);
  z ~ std_normal();
  u ~ std_normal();
  // half-t as scale mixtures: lighter tails for the sampler to walk in
  local_raw ~ std_normal();
  local_mix ~ inv_gamma(0.5 * df, 0.5 * df);
  global_raw ~ std_normal();
  global_mix ~ inv_gamma(0.5 * df_global, 0.5 * df_global);
  slab ~ inv_gamma(0.5 * df_slab, 0.5 * df_slab);
  sigma_par ~ student_t(3, 0, s);
  sd_par ~ student_t(3, 0, s);
}
generated quantities {
  real b_Intercept = intercept - dot_product(center, b);
}
