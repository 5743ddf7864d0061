# The models of dev/same.R: every family, prior, approximation and algorithm, and every shape of
# formula and way through the engine, each at least once and on as few rows as it takes.

extdata <- function(name, factors) {
  data <- utils::read.csv(system.file("extdata", paste0(name, ".csv"), package = "varbayes"))
  data[factors] <- lapply(data[factors], factor)
  data
}

# responses of several kinds with one linear predictor, over two crossed factors
made_rows <- function(n, n_g, n_h) {
  d <- data.frame(g = factor(rep_len(seq_len(n_g), n)), h = factor(sample(n_h, n, TRUE)),
                  x = stats::rnorm(n), z = stats::rnorm(n), arm = gl(2, 1, n, c("a", "b")))
  eta <- 0.3 + 0.5 * d$x + stats::rnorm(n_g, 0, 0.7)[d$g] + stats::rnorm(n_h, 0, 0.5)[d$h] +
    stats::rnorm(n_g, 0, 0.3)[d$g] * d$z
  d$real <- eta + stats::rnorm(n)
  d$binary <- stats::rbinom(n, 1, stats::plogis(eta))
  d$count <- stats::rpois(n, exp(eta))
  d$trials <- sample(1:9, n, TRUE)
  d$rate <- stats::rbinom(n, d$trials, stats::plogis(eta)) / d$trials
  d$waiting <- stats::rgamma(n, 2, 2 / exp(eta))
  d$share <- stats::rbeta(n, 4 * stats::plogis(eta), 4 * stats::plogis(-eta))
  d$grade <- cut(eta + stats::rlogis(n), c(-Inf, -1, 1, 2, Inf), c("D", "C", "B", "A"),
                 ordered_result = TRUE)
  d$size <- stats::runif(n, 0.5, 2)
  d
}

model_data <- function() {
  suppressWarnings(RNGkind("Mersenne-Twister", "Inversion", "Rejection"))
  set.seed(20)
  small <- made_rows(90, 12, 7)
  holes <- small
  holes$x[c(3, 50)] <- NA
  wide <- data.frame(matrix(stats::rnorm(60 * 12), 60))
  wide$y <- 2 * wide$X1 - wide$X2 + stats::rnorm(60)
  list(
    sleepstudy = extdata("sleepstudy", "Subject"), cbpp = extdata("cbpp", c("herd", "period")),
    small = small, holes = holes,
    looms = transform(datasets::warpbreaks, loom = factor(rep(1:9, 6))), wide = wide,
    slopes = made_rows(150, 15, 5), crossed = made_rows(240, 30, 25), many = made_rows(4000, 40, 6),
    repeated = transform(made_rows(1500, 10, 4), x = round(x)),
    apart = data.frame(id = factor(1:40), y = stats::rpois(40, exp(stats::rnorm(40)))),
    trials = data.frame(effect = stats::rnorm(10, 0.3, 0.4), se = stats::runif(10, 0.1, 0.5),
                        study = factor(1:10))
  )
}

own_families <- list(
  weibull = quote(vb_family(
    "weibull", par = c(shape = "positive"), link = "log",
    log_lik = function(y, eta, par) stats::dweibull(y, par$shape, exp(eta), log = TRUE),
    simulate = function(eta, par) stats::rweibull(length(eta), par$shape, exp(eta))
  )),
  laplace = quote(vb_family(
    "laplace", par = c(sigma = "positive"), smooth = FALSE,
    log_lik = function(y, eta, par) -abs(y - eta) / par$sigma - log(2 * par$sigma)
  ))
)

# A density with its gradient, in parameters of which one is positive
robust <- function(theta) {
  z <- (datasets::cars$dist - theta[["a"]] - theta[["b"]] * datasets::cars$speed) / theta[["sigma"]]
  sum(stats::dt(z, 4, log = TRUE)) - 50 * log(theta[["sigma"]])
}
robust_gradient <- function(theta) {
  z <- (datasets::cars$dist - theta[["a"]] - theta[["b"]] * datasets::cars$speed) / theta[["sigma"]]
  slope <- 5 * z / (4 + z^2)
  c(sum(slope), sum(slope * datasets::cars$speed), sum(slope * z) - 50) / theta[["sigma"]]
}
mixing <- function(theta) sum(c(7, 3, 5) * log(theta))
mixing_gradient <- function(theta) c(7, 3, 5) / theta

# `skip`: verbs that would take too long
model <- function(call, group = character(), skip = character()) {
  list(call = substitute(call), group = group, skip = skip)
}

formula_models <- list(
  "gaussian line" = model(vb(dist ~ speed, cars)),
  "gaussian, flat priors, sigma held" = model(
    vb(dist ~ speed, cars, prior = NULL, prior_intercept = flat(), prior_aux = constant(15))),
  "gaussian correlated slopes, lkj" = model(
    vb(Reaction ~ Days + (Days | Subject), sleepstudy, prior_cor = lkj(2)), "Subject"),
  "gaussian independent slopes, pc" = model(
    vb(Reaction ~ Days + (Days || Subject), sleepstudy, prior_sd = pc(50, 0.01)), "Subject"),
  "gaussian without intercept, laplace" = model(
    vb(mpg ~ 0 + wt + factor(cyl), mtcars, prior = laplace(0, 5),
       prior_aux = exponential(1, autoscale = TRUE))),
  "gaussian horseshoe" = model(vb(y ~ ., wide, prior = horseshoe(par_ratio = 0.3))),
  "gaussian weights, known errors" = model(
    vb(effect ~ 1 + (1 | study), trials, weights = 1 / se^2, prior_aux = constant(1)), "study"),
  "gaussian factor slopes, sd held" = model(
    vb(real ~ arm * x + (0 + arm | g), small,
       prior_sd = list(g = list(arma = constant(0.5), armb = normal(0, 1)))), "g"),
  "binomial logit, cauchy and student_t" = model(
    vb(am ~ wt + hp, mtcars, family = binomial(), prior = student_t(4, 0, c(wt = 2, hp = 0.1)),
       prior_intercept = cauchy(0, 5))),
  "binomial logit trials, exponential" = model(
    vb(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, family = binomial(),
       prior_sd = exponential(1)), "herd"),
  "binomial logit horseshoe" = model(
    vb(binary ~ x + z + arm + size + (1 | g), small, family = binomial(), prior = horseshoe()),
    "g"),
  "binomial logit interaction of groups" = model(
    vb(binary ~ x + (1 | g) + (1 | h:arm), small, family = binomial()), c("g", "h")),
  "binomial probit rate" = model(
    vb(rate ~ x + (1 | g), small, weights = trials, family = binomial("probit")), "g"),
  "binomial factor response, poly and scale" = model(
    vb(arm ~ poly(x, 2) + scale(size) + (1 | h), small, family = "binomial"), "h"),
  "binomial cloglog, list of priors" = model(
    vb(binary ~ x + z + (1 | h), small, family = binomial("cloglog"),
       prior = list(x = laplace(0, 1), z = flat()), prior_sd = list(h = cauchy(0, 1))), "h"),
  "poisson nested" = model(
    vb(breaks ~ tension + (1 | wool / loom), looms, family = poisson()), c("wool", "loom")),
  "poisson offset, missing rows" = model(
    vb(count ~ x + offset(log(size)) + (1 | g), holes, family = poisson(),
       na.action = na.exclude), "g"),
  "poisson offset argument, subset, weights" = model(
    vb(count ~ arm + (x | g), small, family = poisson(), offset = log(size), weights = size,
       subset = h != "2"), "g"),
  "poisson, one row a level" = model(vb(y ~ 1 + (1 | id), apart, family = poisson()), "id"),
  "negbinomial crossed" = model(
    vb(count ~ x + (1 | g) + (1 | h), small, family = negbinomial()), c("g", "h")),
  "negbinomial, shape held" = model(
    vb(breaks ~ wool * tension, warpbreaks, family = negbinomial(), prior_aux = constant(4))),
  "student, free df" = model(vb(real ~ x + (1 | g), small, family = student()), "g"),
  "student, fixed df" = model(
    vb(stack.loss ~ ., stackloss, family = student(df = 4), prior_aux = cauchy(0, 2))),
  "Gamma log" = model(vb(waiting ~ x + (1 | g), small, family = Gamma("log"),
                         weights = size, prior_aux = normal(0, 3)), "g"),
  "Beta" = model(vb(share ~ x + (1 | h), small, family = Beta(), prior_aux = student_t(3, 0, 9)),
                 "h"),
  "asym_laplace" = model(vb(real ~ x + (1 | g), small, family = asym_laplace(tau = 0.8)), "g"),
  "cumulative logit" = model(vb(grade ~ x + (1 | g), small, family = cumulative()), "g"),
  "cumulative probit, weights" = model(
    vb(grade ~ x + arm, small, family = cumulative("probit"), weights = size)),
  "own family" = model(vb(waiting ~ x + (1 | g), small, family = weibull), "g"),
  "own family with a kink" = model(vb(real ~ x, small, family = laplace))
)

engine_models <- list(
  "joint" = model(vb(count ~ x + (1 | g) + (1 | h), small, family = negbinomial(),
                     approximation = "joint"), c("g", "h")),
  "partial" = model(vb(binary ~ x + (1 | g) + (1 | h), small, family = binomial(),
                       approximation = "partial"), c("g", "h")),
  "partial without linear response" = model(
    vb(real ~ x + (x || g) + (1 | h), small, approximation = "partial",
       control = vb_control(lr = FALSE)), c("g", "h")),
  "meanfield" = model(vb(Reaction ~ Days + (Days | Subject), sleepstudy,
                         approximation = "meanfield"), "Subject"),
  "meanfield cumulative" = model(vb(grade ~ x + (1 | g), small, family = cumulative(),
                                    approximation = "meanfield"), "g"),
  "bound jj logit" = model(vb(binary ~ x + (1 | g), small, family = binomial(), bound = "jj"), "g"),
  "bound jj probit meanfield" = model(
    vb(binary ~ x + (1 | g), small, family = binomial("probit"), bound = "jj",
       approximation = "meanfield"), "g"),
  "bound jj student" = model(vb(real ~ x + (1 | g), small, family = student(), bound = "jj"), "g"),
  "corrections off" = model(
    vb(binary ~ x + (x | g), slopes, family = binomial(),
       control = vb_control(rq = FALSE, lr = FALSE, skew = FALSE)), "g"),
  "corrections forced" = model(
    vb(count ~ x + (1 | g), small, family = poisson(),
       control = vb_control(rq = TRUE, lr = TRUE, skew = TRUE)), "g"),
  "dense core" = model(vb(binary ~ x + (1 | g) + (1 | h), crossed, family = binomial(),
                          control = vb_control(solver = "dense")), c("g", "h")),
  "sparse core" = model(vb(binary ~ x + (1 | g) + (1 | h), crossed, family = binomial(),
                           control = vb_control(solver = "sparse")), c("g", "h")),
  "sparse core, joint" = model(
    vb(real ~ x + (1 | g) + (1 | h), crossed, approximation = "joint",
       control = vb_control(solver = "sparse")), c("g", "h")),
  "forty nodes" = model(vb(Reaction ~ Days + (Days | Subject), sleepstudy,
                                  control = vb_control(nodes = 40)), "Subject"),
  "fewest nodes" = model(vb(count ~ x + (1 | g), small, family = poisson(),
                        control = vb_control(nodes = 1)), "g"),
  "weighted nodes, eleven hyperparameters" = model(
    vb(real ~ x + z + size + (x + z + size | g), slopes, prior_cor = lkj(2)), "g"),
  "weighted nodes, asked for" = model(
    vb(count ~ x + (1 | g) + (1 | h), small, family = negbinomial(),
       control = vb_control(nodes = 2000)), c("g", "h"), skip = c("cavity", "group")),
  "cells" = model(vb(binary ~ arm + x + (1 | g), repeated, family = binomial()), "g",
                  skip = c("cavity", "group")),
  "two threads" = model(vb(count ~ x + (1 | g) + (1 | h), many, family = negbinomial(), cores = 2),
                        c("g", "h"), skip = c("cavity", "psis", "group", "prediction")),
  "two threads, partial" = model(
    vb(binary ~ x + (x | g) + (1 | h), many, family = binomial(), approximation = "partial",
       cores = 2), c("g", "h"), skip = c("cavity", "psis", "group", "prediction")),
  "tight tolerance, few sweeps" = model(
    vb(binary ~ x + (1 | g), small, family = binomial(),
       control = vb_control(tol = 1e-10, max_sweep = 5)), "g")
)

advi_models <- list(
  "advi fullrank" = model(vb(am ~ wt, mtcars, family = binomial(), algorithm = "advi")),
  "advi groups" = model(vb(count ~ x + (x | g), small, family = negbinomial(), algorithm = "advi",
                           approximation = "fullrank"), "g"),
  "advi meanfield" = model(vb(real ~ x + (1 | g), small, algorithm = "advi",
                              approximation = "meanfield"), "g"),
  "advi lowrank" = model(vb(binary ~ x + (1 | g), small, family = binomial(), algorithm = "advi",
                            approximation = "lowrank", control = vb_control(rank = 3)), "g"),
  "advi pathfinder" = model(vb(grade ~ x + (1 | h), small, family = cumulative(),
                               algorithm = "advi", approximation = "pathfinder"), "h"),
  "advi fresh noise" = model(
    vb(binary ~ x + (1 | h), small, family = binomial(), algorithm = "advi",
       control = vb_control(noise = "fresh", max_iter = 600)), "h"),
  "advi fresh noise, batches" = model(
    vb(count ~ x + (1 | g), slopes, family = poisson(), algorithm = "advi",
       control = vb_control(noise = "fresh", batch = 50, max_iter = 600)), "g"),
  "density, fixed noise" = model(
    advi(robust, c(a = 0, b = 1, sigma = 10), robust_gradient, lower = c(sigma = 0))),
  "density, meanfield" = model(
    advi(robust, c(a = 0, b = 1, sigma = 10), robust_gradient, lower = c(sigma = 0),
         approximation = "meanfield", n_noise = 64)),
  "density, fresh noise" = model(
    advi(robust, c(a = 0, b = 1, sigma = 10), robust_gradient, lower = c(sigma = 0),
         noise = "fresh", control = vb_control(max_iter = 500))),
  "density of a simplex" = model(
    advi(mixing, c(p1 = 0.3, p2 = 0.3, p3 = 0.4), mixing_gradient,
         transform = list(p = "simplex")))
)

models <- c(formula_models, engine_models, advi_models)
