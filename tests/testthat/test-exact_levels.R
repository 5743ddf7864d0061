# Random effects given their sd, against quadrature over the intercept and one level.

# A level with one event in fifteen rows: far out, where the Gaussian has next to no mass and the
# posterior some, the Hermite series of the remainder is any number.
test_that("effects of levels with few events are those of quadrature", {
  events <- c(1, 1, 2, 4)
  d <- data.frame(g = gl(4, 15), y = unlist(lapply(events, function(k) rep(1:0, c(k, 15 - k)))))
  b <- seq(-12, 8, by = 0.05)
  z <- seq(-8, 8, by = 0.02)
  for (sd in c(1, 2, 4)) {
    eta <- outer(b, sd * z, "+")
    like <- lapply(events, function(k) {
      exp(k * plogis(eta, log.p = TRUE) + (15 - k) * plogis(-eta, log.p = TRUE))
    })
    mass <- vapply(like, function(l) drop(l %*% dnorm(z)), b)
    prior <- dt(b / 2.5, 3)
    exact <- vapply(1:4, function(j) {
      own <- colSums(like[[j]] * apply(mass[, -j], 1, prod) * prior) * dnorm(z)
      own <- own / sum(own)
      mean <- sum(own * sd * z)
      c(mean, sqrt(sum(own * (sd * z - mean)^2)))
    }, c(0, 0))
    fit <- vb(y ~ 1 + (1 | g), d, family = binomial(), prior_sd = constant(sd),
              prior_intercept = student_t(3, 0, 2.5))
    got <- posterior_summary(fit, variable = "r_g")
    expect_lt(max(abs(got[, 1] - exact[1, ]) / exact[2, ]), 0.02)
    expect_lt(max(abs(log(got[, 2] / exact[2, ]))), 0.02)
  }
})

test_that("a count's level with one event has no spike", {
  y <- c(0, 0, 2, 0, 0, 2, 0, 0, 2, 1, rep(0, 9), 1, 4, 4, 4, 5, 1, 4, 1, 2, 6, 0,
         3, 0, 1, 0, 0, 0, 0, 2, 3, 0, rep(0, 10))
  fit <- vb(y ~ 1 + (1 | g), data.frame(y, g = gl(5, 10)), family = negbinomial())
  plain <- vb(y ~ 1 + (1 | g), data.frame(y, g = gl(5, 10)), family = negbinomial(),
              control = vb_control(rq = FALSE))
  # a long run of NUTS: sd_g 2.32 (1.11), shape 1.81 (1.01), r[2] -1.01 (1.32)
  got <- posterior_summary(fit, variable = c("sd_g__Intercept", "shape", "r_g[2,Intercept]"))
  expect_lt(max(abs(got[, 1] - c(2.32, 1.81, -1.01)) / c(1.11, 1.01, 1.32)), 0.1)
  expect_lt(max(abs(log(got[, 2] / c(1.11, 1.01, 1.32)))), 0.1)
})

# A threshold is reported at zero of the columns, c'beta away from where it is in the engine; a
# separated column's beta has a long tail, along which nodes are few.
test_that("thresholds beside a separated column have the sd of their draws", {
  y <- strsplit(paste0("222112233221322233333223223322332133222331333322331232222232",
                       "313212222231213221212223312331212212212121121123212333333213"), "")[[1]]
  d <- data.frame(y = factor(y, ordered = TRUE), g = gl(8, 15), x = 0)
  d$x[c(4, 34, 62, 110)] <- 1
  fit <- vb(y ~ x + (1 | g), d, family = cumulative())
  name <- c("b_Intercept[1]", "b_Intercept[2]")
  table <- posterior_summary(fit, variable = name)
  draws <- as.matrix(fit, ndraws = 4000)[, name]
  expect_lt(max(abs(log(table[, 2] / apply(draws, 2, sd)))), 0.06)
})
