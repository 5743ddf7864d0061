# Families of the user's own: five that the package has too, three that it has not.

own <- list(
  gaussian = vb_family("own gaussian", par = c(sigma = "positive"), function(y, eta, par) {
    stats::dnorm(y, eta, par$sigma, log = TRUE)
  }),
  poisson = vb_family("own poisson", link = "log", log_lik = function(y, eta, par) {
    stats::dpois(y, exp(eta), log = TRUE)
  }),
  binomial = vb_family("own bernoulli", link = "logit", log_lik = function(y, eta, par) {
    stats::plogis((2 * y - 1) * eta, log.p = TRUE)
  }),
  negbinomial = vb_family(
    "own negbinomial", par = c(shape = "positive"), link = "log",
    log_lik = function(y, eta, par) stats::dnbinom(y, par$shape, mu = exp(eta), log = TRUE)
  ),
  student = vb_family(
    "own student", par = c(sigma = "positive", nu = "positive"),
    log_lik = function(y, eta, par) {
      stats::dt((y - eta) / par$sigma, par$nu, log = TRUE) - log(par$sigma)
    }
  )
)
weibull <- vb_family("weibull", par = c(shape = "positive"), link = "log",
                     log_lik = function(y, eta, par) {
                       stats::dweibull(y, par$shape, exp(eta), log = TRUE)
                     })
zip <- vb_family("zip", par = c(zi = "unit"), link = "log", log_lik = function(y, eta, par) {
  count <- log1p(-par$zi) + stats::dpois(y, exp(eta), log = TRUE)
  ifelse(y == 0, log(par$zi + exp(count)), count)
})
skew <- vb_family("skew normal", par = c(sigma = "positive", alpha = "real"),
                  log_lik = function(y, eta, par) {
                    z <- (y - eta) / par$sigma
                    log(2) + stats::dnorm(z, log = TRUE) - log(par$sigma) +
                      stats::pnorm(par$alpha * z, log.p = TRUE)
                  })

# The package's own as R has them
inverse_link <- list(
  identity = identity, log = exp, logit = stats::plogis, probit = stats::pnorm,
  cloglog = function(eta) -expm1(-exp(eta))
)
cdf_of <- list(
  gaussian = function(y, w, mu, par) stats::pnorm(y, mu, par[1] / sqrt(w)),
  student = function(y, w, mu, par) stats::pt((y - mu) * sqrt(w) / par[1], par[2]),
  binomial = function(y, w, mu, par) stats::pbinom(y, w, mu),
  poisson = function(y, w, mu, par) stats::ppois(y, mu),
  negbinomial = function(y, w, mu, par) stats::pnbinom(y, size = par[1], mu = mu),
  Gamma = function(y, w, mu, par) stats::pgamma(y, shape = w * par[1], rate = w * par[1] / mu),
  beta = function(y, w, mu, par) stats::pbeta(y, mu * par[1], (1 - mu) * par[1]),
  asym_laplace = function(y, w, mu, par) {           # the two exponentials of its density
    tau <- par[2]
    below <- tau * stats::pexp(mu - y, (1 - tau) * w / par[1], lower.tail = FALSE)
    ifelse(y < mu, below, tau + (1 - tau) * stats::pexp(y - mu, tau * w / par[1]))
  }
)
