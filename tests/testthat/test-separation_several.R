# Flat priors where parameters have predictors.

flat_all <- function(dpars) {
  each <- stats::setNames(rep(list(NULL), length(dpars)), dpars)
  list(prior = each, prior_intercept = each)
}
flat_refusal <- function(formula, data, family, dpars) {
  refusal(several_model(formula, data, family, flat_all(dpars)))
}

d <- transform(several_data, zero = ifelse(count == 0, 1, -1), group = factor(count == 0))

test_that("every family of several predictors has a row that says which way rows may go", {
  table <- vb_tables()$several
  table <- table[table$n_y == 1 & table$dpars != "mu", ]
  for (name in table$name) {
    expect_identical(names(several_sides[[name]]), names(dpar_links(name)), info = name)
  }
})

# The rows are right where the density stays away from zero along a predictor that goes to one side,
# and others stand still
test_that("what the rows say is what the densities do", {
  table <- vb_tables()$several
  y_of <- list(gaussian = c(-1, 2), student = c(-1, 2), lognormal = c(0.3, 2), Gamma = c(0.3, 2),
               weibull = c(0.3, 2), beta = c(0.2, 0.9), zero_inflated_beta = c(0, 0.4),
               zero_one_inflated_beta = c(0, 0.4, 1), hurdle_gamma = c(0, 1.5),
               hurdle_lognormal = c(0, 1.5))
  for (name in names(several_sides)) {
    links <- dpar_links(name)
    y <- if (is.null(y_of[[name]])) c(0, 1, 3, 5) else y_of[[name]]
    w <- rep(if (grepl("binomial$", name) && !grepl("neg", name)) 5 else 1, length(y))
    at <- function(k, value) {
      eta <- matrix(0.3, length(y), length(links))
      eta[, k] <- value
      eval_several(name, matrix(y), w, eta)$ll
    }
    for (k in seq_along(links)) {
      side <- several_sides[[name]][[names(links)[k]]](y, w)
      # falls: by far more from 12 to 24 than what rounding and slow limits leave
      falls <- function(sign) {
        far <- at(k, 24 * sign)
        far == -Inf | at(k, 12 * sign) - far > 1
      }
      up <- is.na(side) | side == 1
      down <- is.na(side) | side == -1
      expect_identical(!falls(1), up, info = paste(name, names(links)[k], "up"))
      expect_identical(!falls(-1), down, info = paste(name, names(links)[k], "down"))
    }
  }
})

test_that("each predictor is looked at by itself", {
  expect_identical(flat_refusal(bf(y ~ x, sigma ~ x), d, gaussian(), c("mu", "sigma")), "fine")
  # columns that the two share are no matter
  expect_identical(flat_refusal(bf(y ~ x, sigma ~ x + I(2 * x)), d, gaussian(), c("mu", "sigma")),
                   "vb_error_prior")
  expect_identical(flat_refusal(bf(count ~ x, hu ~ z), d, hurdle_poisson(), c("mu", "hu")), "fine")
  expect_identical(flat_refusal(bf(count ~ x, hu ~ zero), d, hurdle_poisson(), c("mu", "hu")),
                   "vb_error_separation")
  expect_error(several_model(bf(count ~ x, hu ~ zero), d, hurdle_poisson(), flat_all("hu")),
               "hu_zero", class = "vb_error_separation")
  # zero inflation that is next to nothing, a shape that is next to infinite
  expect_identical(flat_refusal(bf(count ~ x, zi ~ z), d, zero_inflated_poisson(), "zi"),
                   "vb_error_separation")
  expect_identical(flat_refusal(bf(count ~ x, shape ~ z), d, negbinomial(), "shape"),
                   "vb_error_separation")
  expect_identical(flat_refusal(bf(y ~ x, nu ~ z), d, student(), "nu"), "vb_error_separation")
  # proper priors hold it
  expect_identical(refusal(several_model(bf(count ~ x, zi ~ z), d, zero_inflated_poisson(),
                                         list(prior = list(zi = NULL)))), "fine")
})

test_that("rows that see a coefficient only where they are free do not count", {
  # the mean of counts in a group that has zeros alone
  f <- bf(count ~ group, zi ~ z)
  expect_identical(refusal(several_model(f, d, zero_inflated_poisson(),
                                         list(prior = list(mu = NULL), prior_intercept = NULL))),
                   "vb_error_separation")
})

test_that("categories separate as in multinomial regression", {
  sorted <- transform(d, cat = cut(x, c(-2, -0.5, 0.5, 2), labels = c("low", "mid", "top")))
  all <- list(prior = NULL, prior_intercept = NULL)
  expect_identical(refusal(several_model(cat ~ x, sorted, categorical(), all)),
                   "vb_error_separation")
  expect_identical(refusal(several_model(cat ~ z, sorted, categorical(), all)), "fine")
  counts <- transform(sorted, a = 3 * (cat == "low"), b = 2 * (cat == "mid"),
                      c = (cat == "top") + 0)
  expect_identical(refusal(several_model(cbind(a, b, c) ~ x, counts, multinomial(), all)),
                   "vb_error_separation")
  expect_identical(refusal(several_model(cbind(hit, miss, w) ~ x, d, multinomial(), all)), "fine")
  # two categories: as the logistic regression
  two <- transform(sorted, cat = factor(x > 0), hit = as.numeric(x > 0))
  expect_identical(refusal(several_model(cat ~ x, two, categorical(), all)),
                   refusal(several_model(hit ~ x, two, binomial(), all)))
})

test_that("flat priors of standard deviations are looked at by predictor", {
  f <- bf(count ~ x + (1 | g), hu ~ z + (1 | g))
  expect_identical(refusal(several_model(f, d, hurdle_poisson(), list(prior_sd = flat()))), "fine")
  whole <- transform(d, count = count * (as.integer(g) > 5) + (as.integer(g) > 5))
  expect_identical(refusal(several_model(f, whole, hurdle_poisson(), list(prior_sd = flat()))),
                   "vb_error_separation")
  expect_identical(refusal(several_model(bf(count ~ x, zi ~ (1 | g)), d, zero_inflated_poisson(),
                                         list(prior_sd = list(zi = flat())))),
                   "vb_error_separation")
})

test_that("a response of one value leaves no posterior of sigma's predictor", {
  expect_identical(refusal(several_model(bf(I(0 * y + 2) ~ x, sigma ~ x), d)), "vb_error_response")
})
