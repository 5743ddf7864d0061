# A model with the methods of cmdstanr's and bridgestan's objects, in R: mu ~ N(1, 4), sigma
# lognormal, p a 2-simplex; unconstrained as Stan does it.
log_density <- function(u) {
  -(u[1] - 1)^2 / 8 - (u[2] - 0.5)^2 / (2 * 0.09) - u[3]^2 / 2
}
gradient <- function(u) c(-(u[1] - 1) / 4, -(u[2] - 0.5) / 0.09, -u[3])
values <- function(u) {
  list(mu = u[1], sigma = exp(u[2]), p = stats::plogis(c(u[3], -u[3])), m = matrix(u[1] + 0:3, 2))
}
unconstrained <- function(v) c(v$mu, log(v$sigma), stats::qlogis(v$p[1]))
all_names <- c("mu", "sigma", "p[1]", "p[2]", "m[1,1]", "m[2,1]", "m[1,2]", "m[2,2]")

cmdstan <- function(draws) {
  structure(list2env(list(
    log_prob = function(unconstrained_variables, jacobian = TRUE) {
      log_density(unconstrained_variables)
    },
    grad_log_prob = function(unconstrained_variables, jacobian = TRUE) {
      structure(gradient(unconstrained_variables), log_prob = log_density(unconstrained_variables))
    },
    constrain_variables = function(unconstrained_variables, transformed_parameters = TRUE,
                                   generated_quantities = TRUE) values(unconstrained_variables),
    unconstrain_variables = function(variables) unconstrained(variables),
    unconstrain_draws = function(...) draws
  )), class = c("CmdStanMCMC", "CmdStanFit", "R6"))
}

bridge <- structure(list2env(list(
  param_unc_num = function() 3L,
  param_unc_names = function() c("mu", "sigma", "p.1"),
  param_names = function(include_tp = FALSE, include_gq = FALSE) {
    c("mu", "sigma", "p.1", "p.2", "m.1.1", "m.2.1", "m.1.2", "m.2.2")
  },
  param_constrain = function(theta_unc, ...) unlist(values(theta_unc), use.names = FALSE),
  param_unconstrain = function(theta) unconstrained(list(mu = theta[1], sigma = theta[2],
                                                         p = theta[3:4])),
  log_density = function(theta_unc, propto = TRUE, jacobian = TRUE) log_density(theta_unc),
  log_density_gradient = function(theta_unc, propto = TRUE, jacobian = TRUE) {
    list(val = log_density(theta_unc), gradient = gradient(theta_unc))
  }
)), class = c("StanModel", "R6"))

expect_the_model <- function(fit) {
  expect_identical(names(coef(fit)), all_names)
  got <- posterior_summary(fit)
  expect_equal(got["mu", 1:2], c(1, 2), tolerance = 1e-8, ignore_attr = TRUE)
  expect_equal(got["m[2,2]", 1:2], c(4, 2), tolerance = 1e-8, ignore_attr = TRUE)
  expect_equal(got["sigma", ], c(exp(0.545), exp(0.545) * sqrt(expm1(0.09)),
                                 stats::qlnorm(c(0.025, 0.975), 0.5, 0.3)),
               tolerance = 1e-6, ignore_attr = TRUE)
  expect_equal(got["p[1]", 3:4], stats::plogis(stats::qnorm(c(0.025, 0.975))), tolerance = 1e-6,
               ignore_attr = TRUE)
  expect_equal(rowSums(fit$draws[, c("p[1]", "p[2]")]), rep(1, nrow(fit$draws)))
}

test_that("fits of cmdstanr are taken, whatever form their draws have", {
  draws <- matrix(c(0.5, 0.1, 0.2, 1, 1, 1), 2, byrow = TRUE)
  forms <- list(draws, array(draws, c(2, 1, 3)), list(list(draws[1, ], draws[2, ])),
                cbind(as.data.frame(draws), .chain = 1, .iteration = 1:2, .draw = 1:2))
  for (form in forms) expect_identical(first_draw(form), c(0.5, 0.1, 0.2))
  fit <- advi(cmdstan(draws))
  expect_identical(fit$kind, "Stan model (cmdstanr)")
  expect_the_model(fit)
  start <- list(mu = 0, sigma = 1, p = c(0.3, 0.7))
  expect_the_model(advi(cmdstan(draws), init = start))
  broken <- cmdstan(draws)
  broken$unconstrain_draws <- function(...) stop("no methods")
  expect_error(advi(broken), "init_model_methods", class = "vb_error_target")
})

test_that("models of bridgestan are taken", {
  fit <- advi(bridge)
  expect_identical(fit$kind, "Stan model (bridgestan)")
  expect_the_model(fit)
  expect_identical(names(fit$mean), c("mu", "sigma", "p[1]"))
  expect_the_model(advi(bridge, init = list(mu = 0, sigma = 1, p = c(0.3, 0.7))))
  expect_the_model(advi(bridge, init = c(1, 1, 1)))
})

test_that("what does not fit is named", {
  expect_error(advi(bridge, init = 1), "3 numbers", class = "vb_error_init")
  expect_error(advi(bridge, init = list(mu = 0, sigma = "a")), class = "vb_error_init")
  expect_error(advi(bridge, lower = 0), class = "vb_error_lower")
  expect_error(advi(bridge, transform = list(p = "simplex")), class = "vb_error_transform")
  expect_error(advi(bridge, gradient = identity), class = "vb_error_gradient")
  expect_error(advi(bridge, chain = 1), class = "vb_error_dots")
})

test_that("values are flattened as Stan names them", {
  expect_identical(flat_values(list(a = 1, b = c(2, 3), c = array(4, 1), d = matrix(5:8, 2))),
                   c(a = 1, `b[1]` = 2, `b[2]` = 3, `c[1]` = 4, `d[1,1]` = 5, `d[2,1]` = 6,
                     `d[1,2]` = 7, `d[2,2]` = 8))
  expect_identical(bracketed(c("a", "b.1", "c.2.3", "my.x", "L_u.1.10")),
                   c("a", "b[1]", "c[2,3]", "my.x", "L_u[1,10]"))
})

test_that("Stan models are fitted", {
  skip_if_not_installed("rstan")
  skip_on_cran()                                            # a minute of compiling
  if (!nzchar(system.file("include", package = "BH"))) {
    skip_if_not(dir.exists("/usr/include/boost"), "Boost is not installed")
    rstan::rstan_options(boost_lib = "/usr/include")
  }
  code <- "
    data { int<lower=0> n; vector[n] x; vector[n] y; }
    parameters { real a; real b; real<lower=0> sigma; simplex[3] p; }
    model {
      y ~ normal(a + b * x, sigma);
      p ~ dirichlet(rep_vector(5, 3));
    }
    generated quantities { real twice = 2 * sigma; }"
  model <- tryCatch(suppressMessages(suppressWarnings(rstan::stan_model(model_code = code))),
                    error = function(e) NULL)
  skip_if(is.null(model), "Stan models cannot be compiled here")
  expect_error(advi(model), "chains", class = "vb_error_target")
  data <- list(n = nrow(cars), x = cars$speed, y = cars$dist)
  object <- suppressMessages(rstan::sampling(model, data, chains = 0))
  fit <- advi(object)
  expect_identical(names(coef(fit)), c("a", "b", "sigma", "p[1]", "p[2]", "p[3]", "twice"))
  by_hand <- function(theta) {
    sum(stats::dnorm(cars$dist, theta[1] + theta[2] * cars$speed, theta[3], log = TRUE))
  }
  own <- suppressMessages(advi(by_hand, c(a = 0, b = 0, sigma = 10), lower = c(sigma = 0)))
  expect_equal(posterior_summary(fit, variable = c("a", "b", "sigma")), posterior_summary(own),
               tolerance = 0.02)   # other draws, as the model has two parameters more
  expect_equal(coef(fit)[["twice"]], 2 * coef(fit)[["sigma"]])
  expect_lt(max(abs(coef(fit)[4:6] - 1 / 3)), 0.02)
  from <- advi(object, init = list(a = 1, b = 1, sigma = 2, p = c(0.2, 0.3, 0.5)))
  expect_equal(coef(from), coef(fit), tolerance = 0.02)
  expect_error(advi(object, init = list(a = 1)), class = "vb_error_init")
  expect_error(advi(object, lower = 0), class = "vb_error_lower")
})
