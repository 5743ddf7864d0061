# Directions along which the likelihood never falls, against an enumeration of the rays that the
# constraints have; and models that have such directions, or have none.

# every ray is where all but one of its dimensions are held by rows
has_direction <- function(rise, hold) {
  p <- ncol(rise)
  rows <- rbind(rise, hold)
  rays <- list(1, -1)
  if (p > 1L) {
    rays <- utils::combn(nrow(rows), p - 1L, simplify = FALSE, FUN = function(i) {
      fixed <- qr(t(rows[i, , drop = FALSE]))
      free <- qr.Q(fixed, complete = TRUE)[, -seq_len(fixed$rank), drop = FALSE]
      c(asplit(free, 2L), asplit(-free, 2L))
    })
    rays <- unlist(rays, recursive = FALSE)
  }
  any(vapply(rays, function(d) {
    along <- rise %*% d
    all(along >= -1e-9) && any(along > 1e-7) && all(abs(hold %*% d) < 1e-9)
  }, NA))
}

test_that("a direction is found where there is one, and only there", {
  set.seed(1)
  found <- expected <- logical()
  for (case in 1:600) {
    p <- sample(3L, 1L)
    n <- sample(2:8, 1L)
    rise <- matrix(sample(-2:2, n * p, TRUE), n)
    if (case %% 2L) rise[, 1L] <- sample(c(-1, 1), n, TRUE)
    h <- sample(0:2, 1L, prob = c(0.7, 0.2, 0.1))
    hold <- matrix(sample(-2:2, h * p, TRUE), h, p)
    if (qr(rbind(rise, hold))$rank < p) next
    cone <- rising_cone(rise, hold)
    found <- c(found, cone$dim > 0L)
    expected <- c(expected, has_direction(rise, hold))
    if (!cone$dim) next
    along <- rise %*% cone$direction
    expect_true(all(along >= -1e-7 * max(along)))
    expect_lte(max(0, abs(hold %*% cone$direction)), 1e-7 * max(along))
  }
  expect_identical(found, expected)
  expect_gt(min(table(found)), 50)
})

separable <- data.frame(x = rep(0:1, c(40, 8)), z = rep(c(-1, 1, 1, -1), 12), k = rep(1:4, 12),
                        y = c(rep(0:1, 20), rep(1, 8)), g = gl(6, 8))
separable$n <- (1 - separable$x) * separable$k
separable$o <- factor(ifelse(separable$x == 1, 3, 1 + separable$k %% 3), ordered = TRUE)
flat_model <- function(formula, family, prior = flat(), intercept = flat(), data = separable) {
  model_of(formula, data, family, priors = list(prior = prior, prior_intercept = intercept))
}
separates <- function(..., columns) {
  error <- expect_error(flat_model(...), class = "vb_error_separation")
  expect_s3_class(error, "vb_error_prior")
  named <- regmatches(conditionMessage(error), gregexpr("`[^`]+`", conditionMessage(error)))[[1L]]
  expect_identical(named, paste0("`", columns, "`"))
}

test_that("separation under flat priors is an error that names the columns", {
  for (link in c("logit", "probit", "cloglog")) {
    separates(y ~ x + z, binomial(link), columns = c("(Intercept)", "x"))
  }
  separates(cbind(5 * y, 5 * (1 - y)) ~ x, binomial(), columns = c("(Intercept)", "x"))
  separates(n ~ z + x, poisson(), columns = c("(Intercept)", "x"))
  separates(n ~ z + x, negbinomial(), columns = c("(Intercept)", "x"))
  separates(n ~ x + (1 | g), poisson(), columns = c("(Intercept)", "x"))
  separates(o ~ x + z, cumulative(), columns = c("Intercept[1]", "Intercept[2]", "x"))
  all_one <- separable[separable$y == 1, ]
  separates(y ~ 1, binomial(), data = all_one, columns = "(Intercept)")
  separates(y ~ z, binomial(), data = all_one, columns = "(Intercept)")
  # one cell of an interaction; a column that separates together with another only
  cell <- transform(separable, y = replace(y, x == 0 & z == 1, 0))
  separates(y ~ 0 + factor(x):factor(z), binomial(), data = cell,
            columns = c("factor(x)1:factor(z)-1", "factor(x)0:factor(z)1", "factor(x)1:factor(z)1"))
  line <- data.frame(a = c(1, 2, 3, 4, 1, 2, 3, 4), b = c(2, 3, 4, 5, 0, 1, 2, 3))
  line$y <- as.numeric(line$b > line$a)
  separates(y ~ a + b, binomial(), data = line, columns = c("a", "b"))
})

test_that("what holds every direction is no error", {
  expect_silent(flat_model(y ~ z, binomial()))
  expect_silent(flat_model(y ~ x + z, binomial(), prior = normal()))
  expect_silent(flat_model(y ~ x + z, binomial(), prior = list(x = normal(), z = flat())))
  expect_silent(flat_model(n ~ z, poisson()))
  expect_silent(flat_model(o ~ z, cumulative()))
  expect_silent(flat_model(y ~ x, gaussian()))
  overlap <- transform(separable, y = replace(y, 48, 0))
  expect_silent(flat_model(y ~ x + z, binomial(), data = overlap))
  # trials that are neither all successes nor none
  expect_silent(flat_model(cbind(4 * y + 1, 1) ~ x, binomial()))
})

test_that("a heavy-tailed prior holds few flat coefficients, a normal one any number", {
  ones <- data.frame(f = gl(5, 8), y = 1)
  t3 <- student_t(3, 0, 2.5)
  expect_silent(flat_model(y ~ f, binomial(), intercept = t3, data = ones[1:24, ]))
  expect_error(flat_model(y ~ f, binomial(), intercept = t3, data = ones),
               class = "vb_error_separation")
  expect_silent(flat_model(y ~ f, binomial(), intercept = normal(), data = ones))
})

test_that("rows that are left out may have held a direction", {
  held <- transform(separable, y = replace(y, 48, 0))
  fit <- vb(y ~ x, held, family = binomial(), prior = flat(), prior_intercept = flat())
  expect_error(refit(fit, 1:47), "not left out", class = "vb_error_separation")
})

# log of the integral of the likelihood of binary intercepts over effects and a flat sd up to `top`
log_mass <- function(y, g, top) {
  marginal <- function(y, sd) {
    s <- seq(-1, 1, length.out = 2001L) * asinh(8 * sd)      # trapezoids in s, u = sinh(s)
    lik <- plogis(outer(2 * y - 1, sinh(s)), log.p = TRUE)
    sum(exp(colSums(lik)) * dnorm(sinh(s) / sd) / sd * cosh(s)) * (s[2L] - s[1L])
  }
  t <- seq(log(1e-3), log(top), length.out = 400L)
  all <- vapply(exp(t), function(sd) prod(vapply(split(y, g), marginal, 0, sd)), 0)
  log(sum(all * exp(t)) * (t[2L] - t[1L]))
}

test_that("flat priors on sds need levels that do not separate their responses", {
  g <- rep(c("a", "b", "c", "d"), each = 4L)
  one <- rep(1L, 4L)
  mixed <- c(0L, 1L, 1L, 0L)
  proper <- function(formula, data, family = binomial(), prior_sd = flat()) {
    tryCatch({
      model_of(formula, data, family, priors = list(prior_sd = prior_sd))
      TRUE
    }, vb_error_separation = function(e) FALSE)
  }
  cases <- list(c(one, 1L - one, one, one), c(one, 1L - one, one, mixed),
                c(one, one, mixed, mixed), c(one, mixed, mixed, mixed))
  for (y in cases) {
    # an integral that exists does not grow any more
    grows <- log_mass(y, g, 1e6) - log_mass(y, g, 1e3) > 0.05
    d <- data.frame(y, g, o = factor(y, ordered = TRUE), n = rev(y))
    expect_identical(proper(y ~ 1 + (1 | g), d), !grows)
    expect_identical(proper(o ~ 1 + (1 | g), d, cumulative()), !grows)
    expect_true(proper(y ~ 1 + (1 | g), d, prior_sd = exponential(1)))
  }
  zero <- data.frame(n = c(0, 0, 0, 0, 3, 0, 0, 0), g = gl(4, 2))
  expect_false(proper(n ~ 1 + (1 | g), zero, poisson()))
  zero$n[8L] <- 1
  expect_true(proper(n ~ 1 + (1 | g), zero, poisson()))
  # intercepts and slopes of a level separate what each of them alone does not
  d <- data.frame(x = rep(c(-1, 0, 1, 2), 3L), g = gl(3, 4), y = rep(c(0L, 0L, 1L, 1L), 3L))
  expect_true(proper(y ~ x + (1 | g), d))
  expect_false(proper(y ~ x + (x | g), d))
  expect_error(model_of(y ~ x + (x | g), d, binomial(), priors = list(prior_sd = flat())), "`g`",
               class = "vb_error_prior_sd")
  d$y <- rep(c(0L, 1L, 0L, 1L), 3L)
  expect_true(proper(y ~ x + (x | g), d))
})
