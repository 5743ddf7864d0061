// Models with one structured term: its columns Z, times f = sd * (multiplier of the kind) * z with
// z standard normal (for a series: its stationary recursion), so that the columns carry all of
// the structure that has no parameter.
data {
  int<lower=1> n;
  int<lower=0> p;
  matrix[n, p] X;                       // ordinary columns, centred
  vector<lower=0>[p] scale;             // of their normal priors
  int<lower=0> m;
  matrix[n, m] F;                       // columns that are not penalised: flat priors
  vector[n] offset_;
  int<lower=1, upper=4> family;         // gaussian, binary, Poisson, negative binomial
  vector[n] y;
  int<lower=0> count[n];
  real location;                        // of the intercept's student_t(3, location, width)
  real<lower=0> width;
  real<lower=0> sd_scale;
  int<lower=1> q;
  matrix[n, q] Z;
  int<lower=1> B;                       // sds
  int<lower=1, upper=B> owner[q];       // which of them a column has
  int<lower=1, upper=5> kind;           // iid, bym2, proper CAR, squared exponential, ar1
  vector[q] at;                         // see multiplier below
  real<lower=0> lscale_shape;
  real<lower=0> lscale_rate;
}
transformed data {
  int has_share = kind == 2 || kind == 3 || kind == 5;
  int has_lscale = kind == 4;
  int has_aux = family == 1 || family == 4;
}
parameters {
  real alpha;
  vector[p] beta;
  vector[m] b;
  vector<lower=0>[B] s;
  vector<lower=0, upper=1>[has_share] share;
  vector<lower=0>[has_lscale] lscale;
  vector<lower=0>[has_aux] aux;
  vector[q] z;
}
transformed parameters {
  vector[q] f = z .* s[owner];
  vector[n] eta;
  if (kind == 2)                        // at: 1 for the structured columns, 0 for the others
    f = f .* sqrt(at * share[1] + (1 - at) * (1 - share[1]));
  if (kind == 3)                        // at: eigenvalues of D^-1/2 W D^-1/2
    f = f ./ sqrt(1 - share[1] * at);
  if (kind == 4)                        // at: squared frequencies
    f = f .* sqrt(sqrt(2 * pi()) * lscale[1] * exp(-square(lscale[1]) * at / 2));
  if (kind == 5)                        // at: 1 where a time follows another, 0 at a series' first
    for (k in 1:q)
      if (at[k] > 0)
        f[k] = (2 * share[1] - 1) * f[k - 1] + sqrt(1 - square(2 * share[1] - 1)) * f[k];
  eta = offset_ + alpha + Z * f;
  if (p) eta += X * beta;
  if (m) eta += F * b;
}
model {
  alpha ~ student_t(3, location, width);
  beta ~ normal(0, scale);
  s ~ student_t(3, 0, sd_scale);
  z ~ std_normal();
  if (has_lscale) lscale ~ inv_gamma(lscale_shape, lscale_rate);
  if (family == 1) {
    aux ~ student_t(3, 0, sd_scale);
    y ~ normal(eta, aux[1]);
  } else if (family == 2) {
    count ~ bernoulli_logit(eta);
  } else if (family == 3) {
    count ~ poisson_log(eta);
  } else {
    aux ~ exponential(1);
    count ~ neg_binomial_2_log(eta, aux[1]);
  }
}
