priors_of <- function(..., priors = list()) model_of(..., priors = priors)$priors

test_that("the defaults are those of the documentation: gaussian", {
  p <- priors_of(y ~ x + a + (x | b), toy)
  s <- max(2.5, round(stats::mad(toy$y), 1))
  x <- stats::model.matrix(~ x + a, toy)
  expect_identical(p$coef$dist, c("student_t", rep("normal", 3)))
  expect_equal(p$coef$arg[, 1], c(3, round(stats::median(toy$y), 1), s))
  expect_equal(p$coef$arg[2, -1], unname(2.5 * stats::sd(toy$y) / apply(x[, -1], 2, stats::sd)))
  expect_equal(p$sd, list(list(dist = rep("student_t", 2), arg = matrix(c(3, 0, s), 3, 2))))
  expect_identical(p$cor, 1)
  expect_equal(p$par, list(dist = "student_t", arg = matrix(c(3, 0, s), 3, 1)))
})

test_that("the defaults are those of the documentation: other families", {
  p <- priors_of(hit ~ x + offset(z), toy, binomial())
  expect_equal(p$coef$arg[, 1], c(3, 0, 2.5))
  expect_equal(p$coef$arg[, 2], c(0, 2.5 / stats::sd(toy$x), 0))
  expect_length(p$par$dist, 0)
  p <- priors_of(count ~ x + offset(z), toy, negbinomial())
  star <- log(ifelse(toy$count == 0, 0.1, toy$count))
  expect_equal(p$coef$arg[2, 1], round(stats::median(star), 1) - mean(toy$z))
  expect_equal(p$coef$arg[3, 1], max(2.5, round(stats::mad(star), 1)))
  expect_equal(p$par, list(dist = "exponential", arg = matrix(c(1, 0, 0), 3, 1)))
  p <- priors_of(z ~ x, toy, Gamma("log"))
  expect_equal(p$par, list(dist = "exponential", arg = matrix(c(1, 0, 0), 3, 1)))
  p <- priors_of(z / 2 ~ x, toy, Beta())
  expect_equal(p$coef$arg[, 1], c(3, 0, 2.5))
  expect_equal(p$par, list(dist = "gamma", arg = matrix(c(0.01, 0.01, 0), 3, 1)))
  p <- priors_of(y ~ x, toy, asym_laplace(0.9))
  expect_identical(p$par$dist, c("student_t", "constant"))
  p <- priors_of(y ~ x, toy, student())
  expect_identical(p$par$dist, c("student_t", "gamma"))
  expect_equal(p$par$arg[, 2], c(2, 0.1, 0))
  p <- priors_of(y ~ x, toy, student(df = 4))
  expect_identical(p$par$dist, c("student_t", "constant"))
  expect_equal(p$par$arg[1, 2], 4)
})

test_that("the defaults look at the rows used only, and constant columns have sd 1", {
  p <- priors_of(y ~ x, toy, weights = as.numeric(z > 0.5))
  kept <- priors_of(y ~ x, toy[toy$z > 0.5, ])
  expect_equal(p, kept)
  p <- priors_of(y ~ 0 + size + x, toy)
  expect_equal(p$coef$arg[2, ], 2.5 * stats::sd(toy$y) / c(1, stats::sd(toy$x)))
  expect_identical(p$coef$dist, rep("normal", 2))
  p <- priors_of(size ~ x, toy, priors = list(prior_aux = constant(1)))
  expect_equal(p$coef$arg[2, 2], 2.5 / stats::sd(toy$x))
})

test_that("NULL is flat, left out is the default", {
  p <- priors_of(y ~ x + (1 | a), toy, priors = list(prior = NULL, prior_aux = NULL))
  expect_identical(p$coef$dist, c("student_t", "flat"))
  expect_identical(p$par$dist, "flat")
  p <- priors_of(y ~ x + (1 | a), toy, priors = list(prior_intercept = flat(), prior_sd = NULL))
  expect_identical(p$coef$dist, c("flat", "normal"))
  expect_identical(p$sd[[1]]$dist, "flat")
  expect_error(model_of(count ~ x, toy, negbinomial(), priors = list(prior_aux = NULL)),
               class = "vb_error_prior_aux")
})

test_that("vectors: one each, or by name with the default for those left out", {
  f <- y ~ x + z + a
  p <- priors_of(f, toy, priors = list(prior = normal(1:4, 2)))
  expect_equal(p$coef$arg[1:2, -1], rbind(1:4, 2))
  default <- priors_of(f, toy)$coef
  p <- priors_of(f, toy, priors = list(prior = student_t(4, 0, c(av = 1, x = 2))))
  expect_identical(p$coef$dist, c("student_t", "student_t", "normal", "student_t", "normal"))
  expect_equal(p$coef$arg[, 2], c(4, 0, 2))
  expect_equal(p$coef$arg[, c(3, 5)], default$arg[, c(3, 5)])
  p <- priors_of(f, toy, priors = list(prior = normal(c(x = 1), c(z = 2))))
  expect_equal(p$coef$arg[1, -1], c(1, 0, 0, 0))
  expect_equal(p$coef$arg[2, -1], c(default$arg[2, 2], 2, default$arg[2, 4:5]))
  no_intercept <- priors_of(y ~ 0 + a, toy, priors = list(prior = normal(0, 1:3)))
  expect_equal(no_intercept$coef$arg[2, ], 1:3)
  for (bad in list(normal(0, 1:3), normal(1:2, 1), normal(0, c(nobody = 1)),
                   normal(0, c("(Intercept)" = 1)), normal(0, c(x = 1, x = 2)))) {
    expect_error(model_of(f, toy, priors = list(prior = bad)), class = "vb_error_prior")
  }
  expect_error(model_of(f, toy, priors = list(prior_intercept = normal(1:2))),
               class = "vb_error_prior_intercept")
})

test_that("autoscale multiplies by sd(y) and divides by sd(x)", {
  scaled <- list(prior = normal(0, 2, autoscale = TRUE),
                 prior_aux = exponential(1, autoscale = TRUE),
                 prior_intercept = normal(0, 3, autoscale = TRUE),
                 prior_sd = normal(0, 1, autoscale = TRUE))
  p <- priors_of(y ~ x + (x | a), toy, priors = scaled)
  sd_y <- stats::sd(toy$y)
  expect_equal(p$coef$arg[2, ], c(3 * sd_y, 2 * sd_y / stats::sd(toy$x)))
  expect_equal(p$par$arg[1], 1 / sd_y)
  expect_equal(p$sd[[1]]$arg[2, ], sd_y / c(1, stats::sd(toy$x)))
  p <- priors_of(count ~ x, toy, poisson(), priors = scaled[1:3])
  expect_equal(p$coef$arg[2, ], c(3, 2 / stats::sd(toy$x)))
})

test_that("sds and correlations: one prior for all, or a list by group", {
  f <- y ~ x + (x | a) + (1 | b)
  p <- priors_of(f, toy, priors = list(prior_sd = exponential(2), prior_cor = lkj(3)))
  expect_identical(lapply(p$sd, `[[`, "dist"), list(rep("exponential", 2), "exponential"))
  expect_identical(p$cor, c(3, 1))
  p <- priors_of(f, toy, priors = list(prior_sd = list(b = constant(0.5)),
                                       prior_cor = list(a = lkj(2))))
  expect_identical(p$sd[[1]]$dist, rep("student_t", 2))
  expect_equal(p$sd[[2]], list(dist = "constant", arg = matrix(c(0.5, 0, 0), 3, 1)))
  expect_identical(p$cor, c(2, 1))
  p <- priors_of(y ~ (x || a), toy, priors = list(prior_sd = list(a = normal(0, c(x = 1)))))
  expect_identical(c(p$sd[[1]]$dist, p$sd[[2]]$dist), c("student_t", "normal"))
  for (bad in list(list(nobody = normal()), list(normal()), list(a = lkj()))) {
    expect_error(model_of(f, toy, priors = list(prior_sd = bad)), class = "vb_error_prior_sd")
  }
})

test_that("lists by coefficient: what is left out keeps its default", {
  f <- y ~ x + (x | a) + (1 | b)
  default <- priors_of(f, toy)
  p <- priors_of(f, toy, priors = list(prior_sd = list(a = list(x = pc(1, 0.01)))))
  expect_identical(p$sd[[1]]$dist, c("student_t", "pc"))
  expect_equal(p$sd[[1]]$arg[, 1], default$sd[[1]]$arg[, 1])
  expect_equal(p$sd[[1]]$arg[, 2], c(1, 0.01, 0))
  expect_identical(p$sd[[2]], default$sd[[2]])
  expect_identical(p$tables$prior_sd$default, c(TRUE, FALSE, TRUE))
  expect_identical(p$tables$prior_sd$prior[2], "pc(1, 0.01)")
  for (name in c("(Intercept)", "Intercept")) {
    one <- stats::setNames(list(exponential(2)), name)
    p <- priors_of(f, toy, priors = list(prior_sd = list(a = one, b = NULL)))
    expect_identical(unlist(lapply(p$sd, `[[`, "dist")), c("exponential", "student_t", "flat"))
  }
  f <- y ~ x + z + a
  default <- priors_of(f, toy)$coef
  p <- priors_of(f, toy, priors = list(prior = list(z = laplace(0, 2), x = NULL, aw = normal(1))))
  expect_identical(p$coef$dist, c("student_t", "flat", "laplace", "normal", "normal"))
  expect_equal(p$coef$arg[1:2, c(3, 5)], cbind(c(0, 2), c(1, 1)))
  expect_equal(p$coef$arg[, 4], default$arg[, 4])
  scaled <- list(prior = list(z = normal(0, 2, autoscale = TRUE)))
  expect_equal(priors_of(f, toy, priors = scaled)$coef$arg[2, 3],
               2 * stats::sd(toy$y) / stats::sd(toy$z))
})

test_that("an entry is for all terms of its factor, nested factors have their own names", {
  given <- list(prior_sd = list(a = list("(Intercept)" = exponential(1), x = pc(1)),
                                "a:b" = normal(0, 2)))
  p <- priors_of(y ~ x + (1 | a) + (0 + x | a) + (1 | a:b), toy, priors = given)
  expect_identical(unlist(lapply(p$sd, `[[`, "dist")), c("exponential", "pc", "normal"))
  expect_identical(priors_of(y ~ x + (x || a) + (1 | a:b), toy, priors = given)$sd, p$sd)
  p <- priors_of(y ~ x + (1 | a / b), toy, priors = list(prior_sd = list("a:b" = normal(0, 2))))
  expect_setequal(p$tables$prior_sd$prior[p$tables$prior_sd$parameter == "a:b__(Intercept)"],
                  "normal(0, 2)")
  expect_identical(sum(p$tables$prior_sd$default), 1L)
})

test_that("two family parameters take a list", {
  given <- list(prior_aux = list(sigma = exponential(2), nu = exponential(0.1)))
  p <- priors_of(y ~ x, toy, student(), priors = given)
  expect_identical(p$par$dist, rep("exponential", 2))
  expect_equal(p$par$arg[1, ], c(2, 0.1))
  one <- list(prior_aux = exponential(2))
  expect_error(model_of(y ~ x, toy, student(), priors = one), "sigma", class = "vb_error_prior_aux")
  expect_identical(priors_of(y ~ x, toy, student(df = 4), priors = one)$par$dist,
                   c("exponential", "constant"))
  nu <- list(prior_aux = list(nu = normal()))
  expect_error(model_of(y ~ x, toy, student(df = 4), priors = nu), class = "vb_error_prior_aux")
  expect_error(model_of(y ~ x, toy, priors = nu), class = "vb_error_prior_aux")
})

test_that("rstanarm's own objects are taken", {
  # as rstanarm::normal() and the others make them
  made <- function(dist, df, location, scale, autoscale = FALSE, ...) {
    list(dist = dist, df = df, location = location, scale = scale, autoscale = autoscale, ...)
  }
  theirs <- list(prior = made("normal", NA, 0, 2, TRUE), prior_intercept = made("t", 4, 1, 2),
                 prior_aux = made("exponential", NA, NA, 2),
                 prior_cor = list(dist = "lkj", regularization = 2, scale = 10, df = 1,
                                  autoscale = TRUE))
  ours <- list(prior = normal(0, 2, autoscale = TRUE), prior_intercept = student_t(4, 1, 2),
               prior_aux = exponential(0.5), prior_cor = lkj(2))
  f <- y ~ x + (x | a)
  expect_equal(priors_of(f, toy, priors = theirs), priors_of(f, toy, priors = ours))
  # its default_prior_coef() and default_prior_intercept()
  default <- list(prior = made("normal", NA, 0, 2.5, TRUE, default = TRUE),
                  prior_intercept = made("normal", NA, NULL, 2.5, TRUE, default = TRUE))
  p <- priors_of(f, toy, priors = default)
  expect_equal(p$coef$arg[1:2, ], rbind(c(mean(toy$y), 0),
                                        2.5 * stats::sd(toy$y) / c(1, stats::sd(toy$x))))
  for (dist in c("normal", "laplace")) {
    p <- priors_of(f, toy, priors = list(prior = made(dist, NA, 0, NULL)))
    expect_identical(p$coef$dist[2], dist)
    expect_equal(p$coef$arg[2, 2], 2.5)
  }
})

test_that("the tables say what was used and what was asked", {
  tables <- priors_of(y ~ x + z + (x | a), toy, priors = list(prior = normal(0, c(z = 2))))$tables
  expect_named(tables, c("prior", "prior_hs", "prior_intercept", "prior_aux", "prior_sd",
                         "prior_cor"))
  expect_identical(tables$prior$parameter, c("x", "z"))
  expect_identical(tables$prior$prior[2], "normal(0, 2)")
  expect_identical(tables$prior$asked, c("", "normal(0, c(z = 2))"))
  expect_identical(tables$prior$default, c(TRUE, FALSE))
  expect_identical(tables$prior_sd$parameter, c("a__(Intercept)", "a__x"))
  expect_identical(tables$prior_cor$prior, "lkj(1)")
  expect_true(all(tables$prior_aux$default))
})

test_that("a prior of what the model does not have is mentioned", {
  expect_message(vb(dist ~ speed, cars, prior_sd = normal(0, 1)), "prior_sd", class = "vb_message")
  expect_message(vb(Reaction ~ (1 | Subject), sleepstudy, prior_cor = lkj(2), prior = normal()),
                 "prior.*prior_cor|prior_cor.*prior", class = "vb_message")
  expect_message(vb(am ~ wt, mtcars, family = binomial(), prior_aux = exponential(1)), "prior_aux",
                 class = "vb_message")
  expect_no_message(vb(dist ~ 1, cars, prior = NULL))
  expect_no_message(vb(dist ~ speed, cars, prior = normal(), prior_aux = exponential(1)))
})

test_that("messages name the wrong names alone", {
  d <- data.frame(y = c(1, 3, 2, 5, 4, 7), x = c(1, 2, 4, 3, 5, 6), g = rep(1:3, 2))
  says <- function(expr) conditionMessage(expect_error(expr, class = "vb_error_prior"))
  text <- says(vb(y ~ x, d, prior = normal(c(x = 0, foo = 2), 1)))
  expect_match(text, "come twice: \"foo\"\\.")
  text <- says(vb(y ~ x, d, prior = normal(c(x = 0, x = 2), 1)))
  expect_match(text, "come twice: \"x\"\\.")
  text <- says(vb(y ~ x, d, prior = list(x = normal(0, 1), foo = normal(0, 1))))
  expect_match(text, "twice: \"foo\"\\.")
  text <- says(vb(y ~ x + (1 | g), d, prior_sd = list(g = normal(0, 1), foo = normal(0, 1))))
  expect_match(text, "twice: \"foo\"\\.")
  expect_error(vb(y ~ x, d, prior_aux = list(sigma = normal(0, 1), sigma = normal(0, 2))),
               class = "vb_error_prior_aux")
})
