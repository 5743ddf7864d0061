# vb(weights = w) means what glm(weights = w) and lmer(weights = w) mean.

flat_fit <- function(formula, data, ...) {
  vb(formula, data, prior = flat(), prior_intercept = flat(), ...)
}

test_that("gaussian weights give lm's weighted coefficients and standard errors", {
  data <- datasets::mtcars
  data$w <- data$cyl / 4
  fit <- flat_fit(mpg ~ wt + hp, data, weights = data$w, prior_aux = flat())
  peer <- stats::lm(mpg ~ wt + hp, data, weights = w)
  expect_equal(fixef(fit), stats::coef(peer), tolerance = 1e-6)
  # flat on sigma leaves n - p - 1 degrees of freedom, and a t has sd sqrt(df / (df - 2))
  df <- stats::df.residual(peer)
  expect_equal(sqrt(diag(vcov(fit))), sqrt(diag(stats::vcov(peer)) * df / (df - 3)),
               tolerance = 0.005)
})

test_that("weights given as a column name, a vector and by do.call() are the same", {
  data <- datasets::mtcars
  w <- data$cyl / 4
  data$w <- w
  by_name <- vb(mpg ~ wt, data, weights = w)
  by_value <- do.call(vb, list(mpg ~ wt, data = data[names(data) != "w"], weights = w))
  expect_equal(posterior_summary(by_name), posterior_summary(by_value), tolerance = 1e-12)
})

test_that("proportions with weights are counts, and agree with glm", {
  data <- datasets::esoph
  data$total <- data$ncases + 60
  data$share <- data$ncases / data$total
  counts <- flat_fit(cbind(ncases, total - ncases) ~ unclass(agegp) + unclass(alcgp), data,
                     family = binomial())
  shares <- flat_fit(share ~ unclass(agegp) + unclass(alcgp), data, family = binomial(),
                     weights = data$total)
  expect_equal(posterior_summary(counts), posterior_summary(shares), tolerance = 1e-8)
  expect_equal(elbo(counts), elbo(shares), tolerance = 1e-8)
  peer <- stats::glm(share ~ unclass(agegp) + unclass(alcgp), data, family = binomial(),
                     weights = total)
  se <- sqrt(diag(stats::vcov(peer)))
  expect_lt(max(abs(fixef(shares) - stats::coef(peer)) / se), 0.15)
  expect_lt(max(abs(sqrt(diag(vcov(shares))) / se - 1)), 0.05)
})

test_that("poisson weights count a row that many times, and agree with glm", {
  data <- datasets::warpbreaks
  data$w <- rep(1:3, length.out = nrow(data))
  fit <- flat_fit(breaks ~ wool + tension, data, family = poisson(), weights = data$w)
  long <- flat_fit(breaks ~ wool + tension, data[rep(seq_len(nrow(data)), data$w), ],
                   family = poisson())
  expect_equal(posterior_summary(fit), posterior_summary(long), tolerance = 1e-6)
  expect_equal(elbo(fit), elbo(long), tolerance = 1e-8)
  peer <- stats::glm(breaks ~ wool + tension, data, family = poisson(), weights = w)
  se <- sqrt(diag(stats::vcov(peer)))
  expect_lt(max(abs(fixef(fit) - stats::coef(peer)) / se), 0.05)
  expect_lt(max(abs(sqrt(diag(vcov(fit))) / se - 1)), 0.02)
})

test_that("a weight on cbind(success, failure) repeats the row", {
  data <- utils::read.csv(system.file("extdata", "cbpp.csv", package = "varbayes"))
  data$w <- rep(1:2, length.out = nrow(data))
  formula <- cbind(incidence, size - incidence) ~ factor(period)
  fit <- vb(formula, data, family = binomial(), weights = data$w, prior = normal(0, 2))
  long <- vb(formula, data[rep(seq_len(nrow(data)), data$w), ], family = binomial(),
             prior = normal(0, 2))
  # prior_intercept acts at the column means of the rows used, so it is compared by its effect
  expect_lt(max(abs(fixef(fit) - fixef(long))), 0.02)
  expect_equal(sqrt(diag(vcov(fit))), sqrt(diag(vcov(long))), tolerance = 0.02)
})

test_that("negative binomial weights count a row that many times", {
  skip_if_not_installed("MASS")
  data <- MASS::quine
  data$w <- rep(c(1, 2), length.out = nrow(data))
  arguments <- list(Days ~ Sex + Age, family = negbinomial(), prior = flat(),
                    prior_intercept = flat(), prior_aux = exponential(1))
  fit <- do.call(vb, c(arguments, list(data = data, weights = data$w)))
  long <- do.call(vb, c(arguments, list(data = data[rep(seq_len(nrow(data)), data$w), ])))
  expect_equal(posterior_summary(fit), posterior_summary(long), tolerance = 1e-3)
  peer <- MASS::glm.nb(Days ~ Sex + Age, data, weights = w)
  se <- sqrt(diag(stats::vcov(peer)))
  expect_lt(max(abs(fixef(fit) - stats::coef(peer)) / se), 0.25)
})

test_that("student weights scale the residual sd", {
  data <- datasets::stackloss
  data$w <- rep(c(1, 4), length.out = nrow(data))
  fit <- flat_fit(stack.loss ~ Air.Flow, data, family = student(df = 1e6), weights = data$w,
                  prior_aux = flat())
  peer <- flat_fit(stack.loss ~ Air.Flow, data, weights = data$w, prior_aux = flat())
  b <- posterior_summary(peer)
  a <- posterior_summary(fit)[rownames(b), ]
  expect_lt(max(abs(a[, 1] - b[, 1]) / b[, 2]), 0.02)
  expect_equal(a[, 2], b[, 2], tolerance = 0.02)
})

test_that("gaussian mixed models agree with lmer(weights = w)", {
  skip_if_not_installed("lme4")
  data <- utils::read.csv(system.file("extdata", "sleepstudy.csv", package = "varbayes"))
  # means over two to five days, weighted by how many days are in them
  data$part <- cut(data$Days, c(-1, 1, 4, 9))
  mean <- stats::aggregate(cbind(Reaction, Days) ~ Subject + part, data, base::mean)
  mean$w <- stats::aggregate(Reaction ~ Subject + part, data, length)$Reaction
  fit <- flat_fit(Reaction ~ Days + (1 | Subject), mean, weights = mean$w, prior_aux = flat(),
                  prior_sd = flat())
  peer <- lme4::lmer(Reaction ~ Days + (1 | Subject), mean, weights = w)
  se <- sqrt(diag(as.matrix(stats::vcov(peer))))
  expect_lt(max(abs(fixef(fit) - lme4::fixef(peer)) / se), 0.05)
  expect_lt(max(abs(sqrt(diag(vcov(fit))) / se - 1)), 0.15)
  expect_equal(sigma(fit), stats::sigma(peer), tolerance = 0.1)
  ours <- ranef(fit)$Subject[[1]]
  theirs <- lme4::ranef(peer)$Subject[[1]]
  expect_gt(stats::cor(ours, theirs), 0.999)
})

test_that("rows with weight zero do not count but keep their place", {
  data <- datasets::mtcars
  data$w <- rep(c(1, 1, 0, 1), 8)
  fit <- vb(mpg ~ wt, data, weights = data$w, prior = normal(0, 10),
            prior_intercept = normal(20, 10), prior_aux = exponential(0.2))
  kept <- vb(mpg ~ wt, data[data$w > 0, ], prior = normal(0, 10),
             prior_intercept = normal(20, 10), prior_aux = exponential(0.2))
  expect_identical(stats::nobs(fit), 24L)
  expect_equal(posterior_summary(fit), posterior_summary(kept), tolerance = 1e-10)
  expect_length(stats::fitted(fit), nrow(data))
})
