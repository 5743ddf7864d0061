# Priors of structured terms.

part <- data.frame(y = as.vector(Nile)[1:60] / 100, t = rep(1:30, each = 2))
map <- local({
  w <- 1 * (abs(outer(1:12, 1:12, `-`)) == 1)
  dimnames(w) <- list(letters[1:12], letters[1:12])
  w
})
areas <- data.frame(y = sin(1:36), area = rep(letters[1:12], 3), x = cos(1:36), z = sin(2 * 1:36))

# the density of the spec for a parameter's prior
prior_of <- function(fit, name) {
  priors <- do.call(rbind, prior_summary(fit)[c("prior_sd", "prior_aux")])
  priors$prior[priors$parameter == name]
}

test_that("a prior of rho is what importance weights make of the uniform one", {
  wide <- vb(y ~ ar1(t), part)
  near <- vb(y ~ ar1(t), part, prior_aux = list(rho_t = pc(0.5, 0.3)))
  draws <- as.matrix(wide, ndraws = 20000, variable = "rho_t")[, 1]
  log_w <- eval_prior("pc_cor", draws, c(0.5, 0.3))$ll + log(2)
  w <- exp(log_w)
  mean <- sum(w * draws) / sum(w)
  found <- posterior_summary(near)["rho_t", ]
  expect_lt(abs(found[[1]] - mean) / found[[2]], 0.1)
  expect_equal(near$log_evidence - wide$log_evidence, log(mean(w)), tolerance = 0.05)
  expect_match(prior_of(near, "rho_t"), "pc_cor(0.5, 0.3)", fixed = TRUE)
  expect_output(print(prior_summary(near)), "from pc(0.5, 0.3)", fixed = TRUE)
  expect_error(vb(y ~ ar1(t), part, prior_aux = list(rho_t = pc(1, 0.3))),
               class = "vb_error_prior_aux")
})

test_that("data frames of brms::prior() name every class of structured terms", {
  from <- function(formula, prior, class, ..., data = areas, bounds = c("", "")) {
    frame <- data.frame(prior = prior, class = class, lb = bounds[1], ub = bounds[2])
    vb(formula, data, prior = frame, data2 = list(map = map), ...)
  }
  s <- from(y ~ s(x, k = 5), "normal(0, 4)", "sds")
  expect_identical(prior_of(s, "sds_sx_1"), "normal(0, 4)")
  gp <- from(y ~ gp(x, k = 5), c("exponential(2)", "inv_gamma(2, 0.5)"), c("sdgp", "lscale"))
  expect_identical(prior_of(gp, "sdgp_gpx"), "exponential(2)")
  expect_identical(prior_of(gp, "lscale_gpx"), "inv_gamma(2, 0.5)")
  car <- from(y ~ car(map, gr = area), c("student_t(4, 0, 2)", "beta(1, 1)"), c("sdcar", "car"))
  expect_identical(prior_of(car, "sdcar"), "student_t(4, 0, 2)")
  expect_identical(prior_of(car, "car"), "flat()")
  bym2 <- from(y ~ car(map, gr = area, type = "bym2"), "beta(2, 3)", "rhocar")
  expect_identical(prior_of(bym2, "rhocar"), "beta(2, 3)")
  bym2 <- from(y ~ car(map, gr = area, type = "bym2"), "uniform(0, 1)", "rhocar",
               bounds = c("0", "1"))
  expect_identical(prior_of(bym2, "rhocar"), "flat()")
  for (class in c("rho", "ar")) {
    ar <- from(y ~ ar1(t), "uniform(-1, 1)", class, data = part, bounds = c("-1", "1"))
    expect_identical(prior_of(ar, "rho_t"), "flat()")
    ar <- from(y ~ ar1(t), "normal(0, 0.5)", class, data = part)
    expect_identical(prior_of(ar, "rho_t"), "normal(0, 0.5)")
  }
  cor <- from(y ~ x + (x | area), "lkj(3)", "cor")
  expect_identical(prior_summary(cor)$prior_cor$prior, "lkj(3)")
  wrong <- list(list(y ~ ar1(t), "uniform(0, 1)", "rho", part),
                list(y ~ x, "normal(0, 1)", "rho", areas),
                list(y ~ ar1(t), "beta(2, 2)", "rho", part))
  for (case in wrong) {
    expect_error(from(case[[1]], case[[2]], case[[3]], data = case[[4]]), class = "vb_error_prior")
  }
  expect_error(from(y ~ ar1(t), "normal(0, 1)", "rho", data = part, bounds = c("0", "1")),
               "bounded", class = "vb_error_prior")
})

test_that("a beta prior of a mixing parameter is what importance weights make of the uniform one", {
  wide <- vb(y ~ car(map, gr = area, type = "bym2"), areas, data2 = list(map = map))
  frame <- data.frame(prior = "beta(2, 3)", class = "rhocar")
  near <- vb(y ~ car(map, gr = area, type = "bym2"), areas, data2 = list(map = map), prior = frame)
  rho <- as.matrix(wide, ndraws = 20000, variable = "rhocar")[, 1]
  w <- stats::dbeta(rho, 2, 3)
  found <- posterior_summary(near)["rhocar", ]
  expect_lt(abs(found[[1]] - sum(w * rho) / sum(w)) / found[[2]], 0.1)
  expect_equal(near$log_evidence - wide$log_evidence, log(mean(w)), tolerance = 0.05)
})
