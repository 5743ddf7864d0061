# What is asked of a fit, of each kind of structured term: that verbs work, and agree with each
# other and with what can be computed otherwise.

set.seed(21)
n <- 80
d <- data.frame(x = round(rnorm(n), 3), u = runif(n), t = rep(1:20, 4), g = gl(4, 20),
                a = sample(1:8, n, TRUE), b = sample(1:8, n, TRUE), h = rep(c("p", "q"), n / 2))
d$y <- rpois(n, exp(0.5 + 0.3 * d$x + sin(5 * d$u) / 2 + rnorm(8, 0, 0.4)[d$a]))
ring <- function(levels) {
  k <- length(levels)
  w <- (abs(outer(seq_len(k), seq_len(k), `-`)) %in% c(1, k - 1)) + 0
  matrix(w, k, k, dimnames = list(levels, levels))
}
w <- ring(1:8)
kin <- 0.5^abs(outer(1:8, 1:8, `-`))
dimnames(kin) <- list(1:8, 1:8)
poisson_fit <- function(term) {
  vb(stats::as.formula(paste("y ~ x +", term)), d, family = poisson(),
     data2 = list(w = w, kin = kin))
}
has_mgcv <- requireNamespace("mgcv", quietly = TRUE)
terms <- c(series = "ar1(t | g)", walk = "rw2(t)", map = "car(w, gr = a, type = 'bym2')",
           known = "(1 | gr(a, cov = kin))", members = "(1 | mm(a, b))", process = "gp(u)",
           smooth = if (has_mgcv) "s(u, by = h, k = 6)")
fits <- lapply(terms, poisson_fit)

test_that("predictions, draws and effects by level agree", {
  for (name in names(fits)) {
    fit <- fits[[name]]
    link <- predict(fit, type = "link", se.fit = TRUE)
    expect_equal(predict(fit, d, type = "link", se.fit = TRUE), link)
    draws <- posterior_linpred(fit, ndraws = 4000)
    expect_lt(max(abs(colMeans(draws) - link$fit) / link$se.fit), 0.1)
    expect_lt(max(abs(apply(draws, 2, sd) / link$se.fit - 1)), 0.1)
    mean <- predict(fit, type = "response", se.fit = TRUE)
    expect_lt(max(abs(colMeans(posterior_epred(fit, ndraws = 4000)) - mean$fit) / mean$se.fit), 0.1)
    path <- tempfile(fileext = ".rds")
    saveRDS(fit, path)
    expect_identical(predict(readRDS(path), d[3:5, ]), predict(fit, d[3:5, ]))
    expect_identical(dim(simulate(fit, nsim = 2, seed = 1)), c(80L, 2L))
  }
})

test_that("ranef() has the effects of levels, what the predictor has besides the rest", {
  expect_length(ranef(fits$process), 0)
  level <- list(series = list("ar1_t", paste(d$g, d$t, sep = ",")), walk = list("rw2_t", d$t),
                map = list("car", d$a), known = list("a", d$a))
  for (name in names(level)) {
    fit <- fits[[name]]
    effect <- ranef(fit)[[level[[name]][[1]]]]
    at <- as.character(level[[name]][[2]])
    rest <- predict(fit, type = "link") - fixef(fit)[["(Intercept)"]] - fixef(fit)[["x"]] * d$x
    if (name == "walk") rest <- rest - fixef(fit)[["rw2_t_1"]] * (d$t - mean(1:20))
    expect_equal(unname(rest), effect[at, "(Intercept)"], tolerance = 1e-8)
    sd <- sqrt(attr(effect, "postVar")[1, 1, ])
    expect_true(all(sd > 0) && length(sd) == nrow(effect))
    long <- as.data.frame(ranef(fit))
    expect_equal(long$condval, effect[, 1])
    expect_equal(long$condsd, sd)
  }
  # their own names in the summary
  table <- posterior_summary(fits$known)
  own <- table[sprintf("r_a[%d,Intercept]", 1:8), ]
  expect_equal(unname(own[, 1]), ranef(fits$known)$a[as.character(1:8), 1])
  walk <- fits$walk
  expect_equal(sum(ranef(walk)$rw2_t), 0, tolerance = 1e-8)
})

test_that("members of populations are groups to coef(), VarCorr(), ngrps() and tidy()", {
  fit <- fits$known
  expect_equal(coef(fit)$a[, "(Intercept)"], ranef(fit)$a[, 1] + fixef(fit)[["(Intercept)"]])
  sd <- posterior_summary(fit)["sd_a__Intercept", 1]
  expect_equal(as.data.frame(VarCorr(fit))$sdcor, sd)
  expect_identical(ngrps.vbfit(fit), c(a = 8L))
  tidied <- tidy.vbfit(fit, c("ran_pars", "ran_vals", "auxiliary"), conf.int = TRUE)
  expect_identical(tidied$effect, rep(c("ran_pars", "ran_vals"), c(1, 8)))
  expect_identical(tidied$term[1], "sd__(Intercept)")
  expect_equal(tidied$estimate, c(sd, ranef(fit)$a[, 1]))
  expect_equal(unname(as.matrix(tidied[tidied$level %in% "3", c("conf.low", "conf.high")])),
               unname(posterior_summary(fit)["r_a[3,Intercept]", c("Q2.5", "Q97.5"), drop = FALSE]))
  aux <- tidy.vbfit(fits$map, "auxiliary")
  expect_identical(aux$term, c("sdcar", "rhocar"))
  series <- tidy.vbfit(fits$series, "ran_vals", conf.int = TRUE)
  expect_identical(unique(series$group), "ar1_t")
  two <- vb(y ~ x + (0 + x | a) + (1 | gr(a, cov = kin)), d, family = poisson())
  expect_named(ranef(two)$a, c("x", "(Intercept)"))
  expect_identical(rownames(ranef(two)$a), as.character(1:8))
})

test_that("effects of levels are drawn, sorted by their means", {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  drawn <- plot(fits$map, type = "ranef")
  effect <- sort(ranef(fits$map)$car[, 1])
  expect_equal(drawn$condval, effect)
  expect_identical(unique(drawn$grpvar), "car")
  expect_identical(nrow(plot(fits$known, type = "ranef", variable = "r_a")), 8L)
  expect_error(plot(fits$process, type = "ranef"), class = "vb_error")
})

test_that("effects are drawn at times and areas that were in the data", {
  for (name in names(fits)) {
    effects <- conditional_effects(fits[[name]], resolution = 5)
    expect_true(all(is.finite(effects$x$estimate__)))
    if (name == "series") {
      expect_named(effects, c("x", "t", "g", "t:g"))
      expect_identical(effects$t$effect1__, 1:20)
      expect_true(all(effects$x$t == 10))
      first <- d[1:20, ]
      first$x <- mean(d$x)
      expect_equal(effects$t$estimate__, unname(predict(fits$series, first, type = "response")))
    }
    if (name == "map") expect_identical(effects$a$effect1__, factor(1:8))
  }
})

test_that("factors of smooths keep the levels of the data, in their order", {
  skip_if_not_installed("mgcv")
  d$f <- factor(d$a)
  some <- d[c(4, 11, 30), ]
  for (term in c("s(f, bs = 're')", "s(u, by = h, k = 5)", "s(u, f, bs = 'fs', k = 4)")) {
    fit <- vb(stats::as.formula(paste("y ~", term)), d, family = poisson())
    kept <- unname(predict(fit, type = "link")[c(4, 11, 30)])
    given <- d$f[c(4, 11, 30)]
    for (f in list(droplevels(given), as.character(given), factor(given, rev(levels(d$f))))) {
      some$f <- f
      expect_equal(unname(predict(fit, some, type = "link")), kept)
    }
    if (grepl("f,", term)) {
      some$f <- "new"
      expect_error(predict(fit, some), "not in the *\\n? *data", class = "vb_error_newdata")
    }
  }
})

test_that("rows left out are told as by fits without them", {
  skip_if_not_installed("loo")
  rows <- c(7, 68)
  for (name in c("series", "map", "process")) {
    fit <- fits[[name]]
    told <- loo::loo(fit, method = "cavity")$pointwise[rows, "elpd_loo"]
    exact <- vapply(rows, function(i) {
      weighed <- transform(d, weight = replace(rep(1, n), i, 1e-9))   # its levels are not new
      without <- update(fit, data = weighed, weights = weight)
      log(mean(exp(log_lik(without, newdata = cbind(d[i, ], weight = 1), ndraws = 4000))))
    }, 0)
    expect_lt(max(abs(told - exact)), 0.05)
  }
})

# Rows of a level each have no factor without the prior, and draws have one of their own theta
test_that("draws of a gaussian model with many effects are exact, and their densities known", {
  d$id <- seq_len(n)
  d$z <- 0.4 * d$x + rnorm(n) + as.vector(arima.sim(list(ar = 0.7), n))
  unit <- structure(diag(n), dimnames = list(d$id, d$id))
  fit <- vb(z ~ x + ar1(id) + (1 | gr(id, cov = unit)), d,
            prior_sd = list(sdar1_id = student_t(3, 0, 2.5), sd_id__Intercept = constant(0.3)),
            prior_aux = list(rho_id = constant(0.7), sigma = constant(0.8)))
  draws <- posterior_sample(fit, 1000L, densities = TRUE)
  expect_lt(sd(draws$lp - draws$lp_approx), 0.01)
})

test_that("emmeans takes smooths at the grid, and leaves levels out", {
  skip_if_not_installed("emmeans")
  at <- function(...) as.data.frame(emmeans::emmeans(...))
  for (name in intersect(c("process", "smooth"), names(fits))) {
    grid <- at(fits[[name]], ~ u, at = list(u = c(0.2, 0.8), h = "p"))
    new <- data.frame(x = mean(d$x), u = c(0.2, 0.8), h = "p")
    ours <- predict(fits[[name]], new, type = "link", se.fit = TRUE, interval = "credible")
    # medians of draws against means
    expect_lt(max(abs(grid$emmean - ours$fit[, 1]) / ours$se.fit), 0.25)
    trend <- emmeans::emtrends(fits[[name]], ~ u, var = "u", at = list(u = 0.5, h = "p"))
    trend <- as.data.frame(trend)
    near <- data.frame(x = 0, u = 0.5 + c(-1, 1) / 1000, h = "p")
    slope <- median(diff(t(posterior_linpred(fits[[name]], newdata = near)))) * 500
    expect_lt(abs(trend$u.trend - slope) / (trend$upper.HPD - trend$lower.HPD) * 4, 0.15)
  }
  fit <- fits$map
  centre <- at(fit, ~ x, at = list(x = 0.5))
  expect_equal(centre$emmean, sum(fixef(fit) * c(1, 0.5)), tolerance = 0.05)
})

test_that("marginaleffects finds the covariates of smooths", {
  skip_if_not_installed("marginaleffects")
  skip_if_not_installed("insight")
  expect_identical(insight::find_predictors(fits$process)$conditional, c("x", "u"))
  expect_identical(insight::find_predictors(fits$map)$conditional, "x")
  draws <- attr(get_predict.vbfit(fits$process, d[1:4, ]), "posterior_draws")
  mean <- predict(fits$process, d[1:4, ], type = "response", se.fit = TRUE)
  expect_lt(max(abs(rowMeans(draws) - mean$fit) / mean$se.fit), 0.1)
})

test_that("parameters of one name, and residual correlations, are told", {
  says <- function(formula, what, ...) {
    expect_error(vb(formula, d, family = poisson(), ...), what, class = "vb_error_formula")
  }
  says(y ~ (1 | a) + (1 | gr(a, cov = kin)), "sd_a__Intercept")
  says(y ~ ar1(t | g) + ar1(t | h), "rho_t")
  says(y ~ x + ar(t, gr = g), "ar1\\(time \\| g\\)")
  says(y ~ x + cosy(gr = g), "not supported")
})
