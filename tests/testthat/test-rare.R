# Rare events, where bounds on the logistic function shrink every sd and the group variance with it.

for (seed in 1:3) {
  test_that(paste("rare events agree with glmer's quadrature, seed", seed), {
    skip_on_cran()
    skip_if_not_installed("lme4")
    set.seed(seed)
    g <- rep(1:50, each = 400)
    x <- rnorm(2e4)
    y <- rbinom(2e4, 1, plogis(-4.2 + 0.5 * x + rnorm(50, 0, 0.5)[g]))
    fit <- vb(y ~ x + (1 | g), family = binomial())
    peer <- lme4::glmer(y ~ x + (1 | g), family = binomial(), nAGQ = 9)
    se <- sqrt(diag(as.matrix(stats::vcov(peer))))
    interval <- posterior_summary(fit, probs = c(0.025, 0.975))["sd_g__Intercept", 3:4]
    expect_lt(interval[[1]], 0.5)
    expect_gt(interval[[2]], 0.5)
    expect_lt(abs(fixef(fit)[["x"]] - lme4::fixef(peer)[["x"]]) / se[["x"]], 0.15)
    expect_lt(max(abs(sqrt(diag(vcov(fit))) / se - 1)), 0.15)
  })
}
