counts <- data.frame(y = c(2, 5, 3, 8, 6, 13, 9, 17, 12, 22), x = 1:10,
                     z = c(3, 1, 4, 1, 5, 9, 2, 6, 5, 3), g = gl(2, 5))
# fits that were given formula and data by a function around them
fit_to <- function(form, sheet, ...) vb(form, sheet, ...)

test_that("the data are those that the formula saw, not others of their name", {
  sheet <- counts[1:4, ]
  fit <- (function(sheet) vb(y ~ x, sheet))(counts)
  expect_identical(nobs(update(fit, . ~ .)), 10L)
  expect_identical(nobs(update(update(fit, . ~ 1), . ~ . + z)), 10L)
})

test_that("fits by functions that pass formula and data on are fitted again", {
  sheet <- counts[1:4, ]
  form <- y ~ z
  fit <- fit_to(y ~ log(x) + g, counts)
  expect_identical(update(fit)$elbo, fit$elbo)
  expect_identical(update(fit, data = counts)$elbo, fit$elbo)
  expect_identical(update(fit, . ~ . - g)$elbo, vb(y ~ log(x), counts)$elbo)
  expect_identical(update(update(fit, . ~ . - g), . ~ . + g)$elbo, fit$elbo)
  expect_error(update(fit, . ~ . + z), class = "vb_error_formula")
  part <- fit_to(y ~ scale(x), counts, subset = x > 2)
  expect_message(update(part), "rows of the fit alone", class = "vb_message")
  whole <- fit_to(y ~ x, counts, weights = z, offset = log(z), subset = x > 2)
  expect_identical(nobs(whole), 8L)
  expect_identical(update(whole)$elbo, whole$elbo)
  expect_identical(nobs(update(whole, subset = x > 5)), 5L)
})

test_that("loops over data and pipes make fits that can be fitted again", {
  sheets <- list(counts, counts[1:6, ])
  fits <- c(lapply(sheets, vb, formula = y ~ x), lapply(sheets, function(d) vb(y ~ x, d)),
            Map(vb, list(y ~ x, y ~ x), sheets), lapply(sheets, fit_to, form = y ~ x),
            list(counts |> subset(x > 4) |> vb(formula = y ~ x)))
  n <- c(rep(c(10L, 6L), 4), 6L)
  expect_identical(vapply(fits, nobs, 0L), n)
  expect_identical(vapply(fits, function(fit) nobs(update(fit, . ~ 1)), 0L), n)
  expect_identical(fits[[1L]]$call[[1L]], quote(vb))
  skip_if_not_installed("magrittr")
  `%>%` <- magrittr::`%>%`
  expect_identical(nobs(update(counts %>% vb(y ~ x, data = .), . ~ 1)), 10L)
})

test_that("a fit read back in another session is fitted again from its columns", {
  out <- in_new_session(fit_to(log(y) ~ log(x), counts),
                        c("again <- update(fit, . ~ 1)", "out <- list(nobs(again), elbo(again))"))
  known <- vb(log(y) ~ 1, counts)
  expect_identical(out[[1L]], 10L)
  expect_equal(out[[2L]], elbo(known))
})

test_that("data that have changed are taken as they are, which is said", {
  sheet <- counts
  fit <- vb(y ~ x, sheet)
  sheet$w <- sheet$x^2
  expect_no_message(more <- update(fit, . ~ . + w))
  expect_identical(names(fixef(more)), c("(Intercept)", "x", "w"))
  sheet <- counts[1:6, ]
  expect_message(short <- update(fit), "have changed", class = "vb_message")
  expect_identical(nobs(short), 6L)
  expect_no_message(update(fit, data = sheet))
})

test_that("arguments mean what they meant to the fit, new ones what they mean now", {
  scale <- 100
  fit <- (function(form, scale) vb(form, counts, prior = normal(0, scale), family = poisson))(
    y ~ x, 0.01)
  expect_identical(update(fit)$elbo, fit$elbo)
  expect_equal(eval(fit$call$prior), normal(0, 0.01))
  wide <- (function(f, s) update(f, prior = normal(0, s)))(fit, 5)
  expect_identical(wide$elbo, vb(y ~ x, counts, prior = normal(0, 5), family = poisson)$elbo)
  expect_identical(update(wide)$elbo, wide$elbo)
  each <- do.call(vb, list(y ~ x, counts, prior = list(x = normal(0, 0.5))))
  expect_identical(update(each)$elbo, each$elbo)
  expect_identical(update(wide, prior = NULL)$elbo, vb(y ~ x, counts, family = poisson)$elbo)
  lost <- (function(heavy) vb(y ~ x, counts, family = heavy))(student(df = 5))
  rm("heavy", envir = environment(lost$formula))
  expect_identical(update(lost)$elbo, lost$elbo)
  own <- (function(own) vb(y ~ x, counts, prior = own))(normal(0, 3))
  rm("own", envir = environment(own$formula))
  expect_error(update(own), class = "vb_error_prior")
  expect_error(update(own, y ~ 1, 2), class = "vb_error_dots")
})

test_that("arguments that a function around vb() passes on by `...` keep their meaning", {
  around <- function(...) vb(..., prior = normal(0, 1))
  fits <- lapply(c(0.25, 0.75), function(tau) around(y ~ x, toy, family = asym_laplace(tau)))
  for (k in 1:2) {
    expect_identical(fits[[k]]$family$fixed, c(tau = c(0.25, 0.75)[k]))
    expect_identical(fixef(update(fits[[k]])), fixef(fits[[k]]))
  }
})
