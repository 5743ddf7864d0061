test_that("data sets are those of the response's kind, with the state of the generator", {
  fit <- fit_of("line")
  set.seed(6)
  state <- .Random.seed
  sims <- simulate(fit, nsim = 3)
  expect_identical(attr(sims, "seed"), state)
  expect_identical(dim(sims), c(50L, 3L))
  expect_named(sims, c("sim_1", "sim_2", "sim_3"))
  .Random.seed <<- state
  expect_identical(simulate(fit, nsim = 3), sims)
  seeded <- simulate(fit, nsim = 2, seed = 1)
  expect_identical(c(attr(seeded, "seed")), 1, ignore_attr = TRUE)
  expect_identical(simulate(fit, nsim = 2, seed = 1), seeded)
  expect_identical(unname(t(as.matrix(seeded))),
                   unname(posterior_predict(fit, ndraws = 2, seed = 1)))
  expect_error(simulate(fit, nsim = 0), class = "vb_error_nsim")
})

# the moments of responses over data sets, and the correlation of the first two rows
moments <- function(sims) {
  y <- t(as.matrix(sims))
  list(mean = colMeans(y), sd = apply(y, 2, sd), cor = cor(y[, 1:2])[1, 2])
}

test_that("random effects are drawn anew as lme4 does, unless re.form keeps them", {
  fit <- fit_of("slope")
  expect_identical(simulate(fit, seed = 1), simulate(fit, seed = 1, re.form = NA))
  expect_identical(simulate(fit, seed = 1), simulate(fit, seed = 1, re.form = ~ 0))
  kept <- simulate(fit, seed = 1, re.form = NULL)
  expect_identical(kept, simulate(fit, seed = 1, use.u = TRUE))
  expect_identical(kept, simulate(fit, seed = 1, re_formula = NULL))
  expect_identical(unname(as.matrix(kept)[, 1L]),
                   unname(drop(posterior_predict(fit, ndraws = 1, seed = 1))))
  expect_error(simulate(fit, use.u = TRUE, re.form = NA), class = "vb_error_use.u")
  anew <- moments(simulate(fit, 2000, seed = 2))
  as_new <- predict(fit, transform(sleepstudy, Subject = "new"), se.fit = TRUE,
                    allow.new.levels = TRUE)
  sd <- sqrt(as_new$se.fit^2 + sigma(fit)^2)
  expect_lt(max(abs(anew$mean - as_new$fit) / sd), 5 / sqrt(2000))
  expect_lt(max(abs(anew$sd / sd - 1)), 0.15)
  expect_gt(anew$cor, 0.4)                                     # two rows of one subject
})

test_that("of a formula's terms the random effects are kept, of others they are drawn", {
  fit <- fit_of("slope")
  rows <- sleepstudy[1:10, ]
  u <- VarCorr(fit)$Subject
  kept <- moments(simulate(fit, 2000, newdata = rows, re.form = ~ (1 | Subject), seed = 3))
  known <- predict(fit, rows, re.form = ~ (1 | Subject), se.fit = TRUE)
  sd <- sqrt(known$se.fit^2 + rows$Days^2 * u[2, 2] + sigma(fit)^2)
  expect_lt(max(abs(kept$mean - known$fit) / sd), 5 / sqrt(2000))
  expect_lt(max(abs(kept$sd / sd - 1)), 0.15)
  nested <- fit_of("nested")
  y <- simulate(nested, 20, re.form = ~ (1 | wool), seed = 1)
  expect_identical(dim(y), c(54L, 20L))
  expect_error(simulate(nested, re.form = ~ (1 | tension)), class = "vb_error_re.form")
})

test_that("the spread over data sets is lme4's", {
  skip_if_not_installed("lme4")
  theirs <- lme4::lmer(Reaction ~ Days + (1 | Subject), sleepstudy)
  mine <- vb(Reaction ~ Days + (1 | Subject), sleepstudy)
  for (re.form in list(NA, NULL)) {
    sd <- mean(moments(simulate(mine, 500, seed = 1, re.form = re.form))$sd)
    other <- mean(moments(simulate(theirs, 500, seed = 1, re.form = re.form))$sd)
    expect_lt(abs(log(sd / other)), log(1.2))            # a posterior has its own uncertainty too
  }
})

test_that("pairs, factors and logical responses come back as they were", {
  sims <- simulate(fit_of("binomial"), nsim = 2, seed = 1)
  expect_identical(dim(sims$sim_2), c(56L, 2L))
  expect_equal(rowSums(sims$sim_2), cbpp$size, ignore_attr = TRUE)
  data <- transform(mtcars, gear = factor(am, labels = c("auto", "manual")), am = am > 0)
  sims <- simulate(vb(gear ~ wt, data, family = binomial()), seed = 1)
  expect_identical(levels(sims$sim_1), c("auto", "manual"))
  sims <- simulate(vb(am ~ wt, data, family = binomial()), seed = 1)
  expect_type(sims$sim_1, "logical")
})

test_that("levels that are drawn anew are those of the data, one for one", {
  rows <- drawn_anew(fit_of("slope"), NULL, NA)
  expect_identical(unique(rows$group[[1]]), 0L)
  expect_identical(match(rows$label[[1]], unique(rows$label[[1]])),
                   match(sleepstudy$Subject, unique(sleepstudy$Subject)))
})

test_that("new data without a grouping variable are told to have one, also without its effects", {
  fit <- fit_of("slope")
  for (re.form in list(NULL, NA)) {
    error <- expect_error(simulate(fit, 1, re.form = re.form, newdata = data.frame(Days = 1)),
                          "Subject", class = "vb_error_newdata")
    expect_no_match(conditionMessage(error), "re.form", fixed = TRUE)
  }
  new <- data.frame(Days = 1, Subject = "new")
  expect_true(is.finite(simulate(fit, 1, seed = 1, newdata = new)$sim_1))
})
