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
