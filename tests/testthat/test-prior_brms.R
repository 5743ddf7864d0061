# Data frames as brms::prior() makes them, against the same priors in our own words.

entry <- function(prior, class = "b", coef = "", group = "", resp = "", dpar = "", nlpar = "",
                  lb = NA_character_, ub = NA_character_, source = "user") {
  structure(data.frame(prior, class, coef, group, resp, dpar, nlpar, lb, ub, source),
            class = c("brmsprior", "data.frame"))
}

numbers_of <- function(priors, formula = y ~ x + z + (x | a) + (1 | b), family = gaussian()) {
  model_of(formula, toy, family, priors = priors)$priors[c("coef", "sd", "cor", "par")]
}

translated <- function(...) list(prior = rbind(...))

test_that("every class goes to its argument", {
  expect_equal(
    numbers_of(translated(
      entry("normal(0, 2)"), entry("student_t(4, 1, 3)", "Intercept"),
      entry("exponential(0.5)", "sd"), entry("lkj(2)", "cor"), entry("cauchy(0, 5)", "sigma"))),
    numbers_of(list(prior = normal(0, 2), prior_intercept = student_t(4, 1, 3),
                    prior_sd = exponential(0.5), prior_cor = lkj(2), prior_aux = cauchy(0, 5))))
  expect_equal(
    numbers_of(translated(entry("double_exponential(0, 1 / 2)"), entry("constant(2)", "sd"),
                          entry("lkj_corr_cholesky(3)", "L"), entry("", "Intercept"))),
    numbers_of(list(prior = laplace(0, 0.5), prior_sd = constant(2), prior_cor = lkj(3),
                    prior_intercept = flat())))
  both <- numbers_of(translated(entry("normal(0, 2)", "sigma"), entry("exponential(0.1)", "nu")),
                     y ~ x, student())
  expect_equal(both, numbers_of(list(prior_aux = list(sigma = normal(0, 2), nu = exponential(0.1))),
                                y ~ x, student()))
  shape <- numbers_of(translated(entry("gamma(2, 0.3)", "shape")), count ~ x, negbinomial())$par
  expect_equal(shape, list(dist = "gamma", arg = matrix(c(2, 0.3, 0), 3, 1)))
})

test_that("the most specific entry wins, whatever the order", {
  frame <- rbind(
    entry("normal(0, 3)", "b", "z"), entry("normal(0, 2)"),
    entry("exponential(3)", "sd", "x", "a"), entry("exponential(2)", "sd", group = "a"),
    entry("exponential(1)", "sd"), entry("lkj(4)", "cor"), entry("lkj(2)", "cor", group = "a"))
  for (rows in list(1:7, 7:1)) {
    p <- numbers_of(list(prior = frame[rows, ]))
    expect_equal(p$coef$arg[2, 2:3], c(2, 3))
    expect_equal(p$sd[[1]]$arg[1, ], c(2, 3))
    expect_equal(p$sd[[2]]$arg[1, ], 1)
    expect_equal(p$cor, c(2, 1))
  }
  # an entry of a group's coefficient leaves the class's prior to the others
  p <- numbers_of(list(prior = frame[c(3, 5), ]))
  expect_equal(p$sd[[1]]$arg[1, ], c(1, 3))
  # what no entry speaks of keeps our default
  p <- numbers_of(translated(entry("exponential(3)", "sd", "Intercept", "b"),
                             entry("normal(0, 3)", "b", "z")))
  default <- numbers_of(list())
  expect_equal(p$sd[[1]], default$sd[[1]])
  expect_equal(p$sd[[2]]$dist, "exponential")
  expect_equal(p$coef$arg[, 1:2], default$coef$arg[, 1:2])
})

test_that("names of coefficients may be brms's", {
  f <- y ~ factor(text) + I(x^2) + x:z
  frame <- rbind(entry("normal(0, 1)", "b", "factortextq"), entry("normal(0, 2)", "b", "IxE2"),
                 entry("normal(0, 3)", "b", "x:z"))
  design <- model_of(f, toy)$design$names
  arg <- numbers_of(list(prior = frame), f)$coef$arg[2, ]
  expect_equal(arg[match(c("factor(text)q", "I(x^2)", "x:z"), design)], 1:3)
})

test_that("brms's list of all parameters is taken: empty entries inherit", {
  # as brms::get_prior(y ~ x + (1 | a)) has it
  frame <- rbind(
    entry("", source = "default"), entry("", "b", "x", source = "default"),
    entry("student_t(3, 1, 2.5)", "Intercept", source = "default"),
    entry("student_t(3, 0, 2.5)", "sd", lb = "0", source = "default"),
    entry("", "sd", group = "a", source = "default"),
    entry("", "sd", "Intercept", "a", source = "default"),
    entry("student_t(3, 0, 2.5)", "sigma", lb = "0", source = "default"))
  f <- y ~ x + (1 | a)
  expect_equal(numbers_of(list(prior = frame), f), numbers_of(list(
    prior = flat(), prior_intercept = student_t(3, 1, 2.5), prior_sd = student_t(3, 0, 2.5),
    prior_aux = student_t(3, 0, 2.5)), f))
})

test_that("anything else is an error that quotes the entry", {
  wrong <- list(
    entry("normal(0, m)"), entry("nonsense(1)"), entry("target += 1"), entry("normal(0, -1)"),
    entry("normal(0, 1)", coef = "nobody"), entry("normal(0, 1)", lb = "0"),
    entry("normal(0, 1)", "sds"), entry("normal(0, 1)", dpar = "sigma"),
    entry("normal(0, 1)", resp = "y"), entry("normal(0, 1)", nlpar = "k"),
    entry("lkj(1)"), entry("gamma(1, 1)"), entry("normal(0, 1)", "cor"),
    entry("double_exponential(0, 1)", "sd"), entry("exponential(1)", "shape"),
    entry("exponential(1)", "sigma", ub = "3"), entry("exponential(1)", "sd", group = "nobody"),
    entry("exponential(1)", "sd", coef = "x"), entry("normal(0, 1)", "Intercept", coef = "x"),
    entry("exponential(1)", "sd", coef = "z", group = "a"), entry("normal(0, TRUE)"),
    entry("normal(0, 1)", group = "a"), rbind(entry("normal(0, 1)"), entry("normal(0, 2)")))
  for (frame in wrong) {
    text <- utils::tail(frame$prior, 1)
    error <- expect_error(numbers_of(list(prior = frame)), class = "vb_error_prior", info = text)
    expect_match(conditionMessage(error), text, fixed = TRUE)
  }
  expect_error(numbers_of(translated(entry("nonsense(1)"))), "double_exponential")
  expect_error(numbers_of(list(prior = entry("lkj(2)", "cor"), prior_cor = lkj(1))),
               class = "vb_error_prior_cor")
})

test_that("brms itself writes such data frames", {
  skip_if_not_installed("brms")
  prior <- getExportedValue("brms", "set_prior")
  theirs <- c(prior("normal(0, 2)", class = "b"), prior("normal(0, 3)", class = "b", coef = "z"),
              prior("exponential(3)", class = "sd", group = "a", coef = "x"),
              prior("lkj(2)", class = "cor"), prior("cauchy(0, 5)", class = "sigma"))
  ours <- translated(entry("normal(0, 2)"), entry("normal(0, 3)", "b", "z"),
                     entry("exponential(3)", "sd", "x", "a"), entry("lkj(2)", "cor"),
                     entry("cauchy(0, 5)", "sigma"))
  expect_equal(numbers_of(list(prior = theirs)), numbers_of(ours))
})

test_that("a fit takes one and shows it", {
  fit <- vb(y ~ x + (1 | a), toy, prior = rbind(entry("normal(0, 2)"), entry("gamma(2, 3)", "sd")))
  shown <- prior_summary(fit)
  expect_identical(shown$prior$prior, "normal(0, 2)")
  expect_identical(shown$prior_sd$prior, "gamma(2, 3)")
  expect_equal(posterior_summary(fit),
               posterior_summary(vb(y ~ x + (1 | a), toy, prior = normal(0, 2),
                                    prior_sd = gamma_prior(2, 3))))
})
