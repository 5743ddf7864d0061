# Names, levels and messages are text, also where they look like templates of cli or R code.

bad <- "{evil()}"
odd <- c("{evil()}", "}{", "{{x}}", "%s", "{.val y}", "{?s}")

evil_frame <- function() {
  set.seed(1)
  d <- data.frame(y = rnorm(24), n = rpois(24, 3), x = rnorm(24), g = rep(odd, 4))
  d[[bad]] <- rnorm(24)
  d
}

# The messages of every condition of `expr`; what is in braces would leave `ran` TRUE
said <- function(expr) {
  ran <- FALSE
  assign("evil", function(...) ran <<- TRUE, globalenv())
  on.exit(rm("evil", envir = globalenv()))
  seen <- list()
  keep <- function(condition) seen <<- c(seen, list(condition))
  tryCatch(withCallingHandlers(expr, warning = function(w) {
    keep(w)
    invokeRestart("muffleWarning")
  }, message = function(m) {
    keep(m)
    invokeRestart("muffleMessage")
  }), error = keep)
  expect_false(ran)
  ours <- vapply(seen, inherits, NA, c("vb_error", "vb_warning", "vb_message"))
  expect_identical(vapply(seen[!ours], conditionMessage, ""), character())
  paste(vapply(seen, conditionMessage, ""), collapse = "\n")
}

expect_says <- function(expr, text = bad) {
  message <- said(expr)
  expect_match(message, text, fixed = TRUE)
}

test_that("names of variables are text in messages", {
  d <- evil_frame()
  name <- as.name(bad)
  expect_says(vb(bquote(y ~ .(as.name("{evil() + 1}"))), d), "{evil() + 1}")
  expect_says(vb(bquote(y ~ x + (1 | .(as.name("{evil() + 1}")))), d), "{evil() + 1}")
  expect_says(vb(bquote(y ~ s(.(name), k = 1000)), d))
  expect_says(vb(bquote(y ~ gp(.(name), k = 0)), d))
  expect_says(vb(bquote(y ~ ar1(.(name))), d))
  expect_says(vb(bquote(y ~ x + (1 | mm(.(name)))), d))
  expect_says(vb(bquote(y ~ x + (1 | gr(.(name), cov = .(name)))), d))
  expect_says(vb(bquote(y ~ x + car(.(name), gr = .(name))), d))
  expect_says(vb(bquote(y ~ (1 | g | x | .(name))), d))
  expect_says(vb(bquote(.(name) | x ~ 1), d))
  d[[bad]] <- 1
  expect_says(vb(bquote(y ~ x + (1 | .(name))), d))
  d[[bad]] <- "one"
  expect_says(vb(bquote(y ~ .(name)), d))
  d[[bad]] <- Inf
  expect_says(vb(bquote(y ~ .(name)), d))
  expect_says(vb(bquote(.(name) ~ x), d))
  d[[bad]] <- d$x
  expect_says(vb(bquote(y ~ x + .(name)), d, prior = NULL))
  expect_says(vb(y ~ x, d, contrasts = stats::setNames(list("contr.sum"), bad)))
})

test_that("names and levels in new data are text in messages", {
  d <- evil_frame()
  name <- as.name(bad)
  fit <- vb(bquote(y ~ .(name) + (1 | g)), d)
  expect_says(predict(fit, d["x"]))
  expect_says(predict(fit, data.frame(d[bad], g = "{evil(1)}", check.names = FALSE)), "of `g`")
  expect_says(poststratify(fit, d, bad))
  d$w <- 1
  expect_says(poststratify(fit, d, "w", by = ~ `{evil(1)}`), "{evil(1)}")
  expect_says(conditional_effects(fit, "g"))
  expect_says(conditional_effects(fit, "{evil(1)}"), "{evil(1)}")
  expect_says(posterior_summary(fit, variable = "{evil(1)}"), "{evil(1)}")
  expect_says(plot(fit, "density", variable = "{evil(1)}("), "{evil(1)}")
  f <- factor(d$g)
  coded <- vb(y ~ f, d)
  expect_says(predict(coded, data.frame(f = "{evil(1)}")), "{evil(1)}")
  offset <- vb(bquote(n ~ x + offset(.(name))), d, family = poisson())
  expect_says(predict(offset, d["x"]))
  skip_if_not_installed("loo")
  expect_says(loo::loo(fit, group = "{evil(1)}"), "{evil(1)}")
})

test_that("priors, families and classes of the user's are text in messages", {
  d <- evil_frame()
  named <- function(value) stats::setNames(value, bad)
  expect_says(vb(y ~ x, d, prior = normal(named(0), 1)))
  expect_says(vb(y ~ x, d, prior = named(list(normal(0, 1)))))
  expect_says(vb(y ~ x + (1 | g), d, prior_sd = named(list(normal(0, 1)))))
  entry <- function(prior = "normal(0, 1)", class = "b", coef = "") {
    data.frame(prior = prior, class = class, coef = coef)
  }
  expect_says(vb(y ~ x, d, prior = entry(class = bad)))
  expect_says(vb(y ~ x, d, prior = entry(coef = bad)))
  expect_says(vb(y ~ x, d, prior = entry("normal(\"{evil()}\", 1)")))
  d$z <- structure(d$y > 0, class = bad)
  expect_says(vb(z ~ x, d))
  expect_says(vb(y ~ x, structure(1, class = bad)))
  own <- function(log_lik, par = character()) vb_family("own {evil()}", log_lik, par = par)
  expect_says(vb(y ~ x, d, own(function(y, eta, par) stop("no {evil()}"))))
  expect_says(vb(y ~ x, d, own(function(y, eta, par) rep(NaN, length(y)),
                               par = c(a = "real"))))
})

test_that("what a density says is text in messages", {
  failing <- function(theta) if (theta[1] > 0.5) stop("no {evil()}") else -sum(theta^2) / 2
  init <- stats::setNames(0.6, bad)
  expect_says(advi(failing, init))
  none <- function(theta) {
    if (all(theta == 0)) return(0)
    stop("no {evil()}")
  }
  expect_says(advi(none, stats::setNames(c(0, 0), c(bad, "b")), function(theta) -theta))
})
