# Columns of the classes that other packages give them, built here without these packages.

as_integer64 <- function(x) {
  high <- floor(x / 2^32)
  low <- x - high * 2^32
  signed <- function(v) as.integer(ifelse(v >= 2^31, v - 2^32, v))
  half <- rbind(suppressWarnings(signed(low)), signed(high))
  half[1L, low == 2^31] <- NA
  half[, is.na(x)] <- c(0L, NA)
  bits <- readBin(writeBin(as.vector(half), raw(), endian = "little"), "double", length(x),
                  endian = "little")
  structure(bits, class = "integer64")
}

labelled <- function(x) {
  structure(x, class = c("haven_labelled", "vctrs_vctr", typeof(x)), labels = c(no = 1))
}

test_that("64-bit integers are read from their bits", {
  x <- c(0, 1, -1, 5, -5, 2^31, 2^31 - 1, -2^31, 2^32, 2^40 + 3, -2^45 - 7, 2^53, NA)
  expect_identical(from_integer64(as_integer64(x)), x)
  expect_identical(as.vector(unclass(as_integer64(1))), 4.940656458412465e-324)
  skip_if_not_installed("bit64")
  expect_identical(from_integer64(bit64::as.integer64(x)), x)
})

test_that("numbers and counts of other classes are fitted as plain ones, and predicted from them", {
  set.seed(2)
  d <- data.frame(n = rpois(40, 4), x = sample(9, 40, TRUE), g = rep(1:8, 5), m = 10)
  plain <- vb(n ~ x + log(x) + (1 | g), d, family = poisson())
  for (class in list(as_integer64, labelled)) {
    other <- d
    for (name in c("n", "x", "g")) other[[name]] <- class(as.double(d[[name]]))
    fit <- vb(n ~ x + log(x) + (1 | g), other, family = poisson())
    expect_identical(posterior_summary(fit), posterior_summary(plain))
    expect_identical(predict(fit, d[1:3, ]), predict(plain, d[1:3, ]))
    few <- d[1:3, ]
    for (name in c("x", "g")) few[[name]] <- class(as.double(few[[name]]))
    expect_identical(predict(plain, few), predict(plain, d[1:3, ]))
    pairs <- vb(cbind(n, m - n) ~ x, transform(d, n = pmin(n, 10)), family = binomial())
    other$n <- class(pmin(as.double(d$n), 10))
    other$m <- class(d$m)
    expect_identical(posterior_summary(vb(cbind(n, m - n) ~ x, other, family = binomial())),
                     posterior_summary(pairs))
  }
  n <- as_integer64(d$n)
  elsewhere <- vb(n ~ x, data.frame(x = d$x), family = poisson())
  expect_identical(posterior_summary(elsewhere),
                   posterior_summary(vb(n ~ x, d, family = poisson())))
})

test_that("a column made by scale() is predicted from plain numbers", {
  d <- transform(mtcars, w = wt)
  d$wt <- scale(d$wt)
  fit <- vb(mpg ~ wt + (1 | cyl), d)
  expect_identical(predict(fit, data.frame(wt = as.vector(d$wt), cyl = d$cyl)),
                   stats::setNames(predict(fit), seq_len(nrow(d))))
  expect_identical(unname(predict(fit, d)), unname(predict(fit)))
  wt <- d$wt
  mpg <- d$mpg
  outside <- vb(mpg ~ wt)
  expect_equal(unname(predict(outside, data.frame(wt = 1))), sum(fixef(outside)))
  inside <- vb(mpg ~ scale(w), d)                     # keeps its centre and scale
  expect_equal(unname(predict(inside, data.frame(w = mean(d$w)))), fixef(inside)[["(Intercept)"]])
  expect_equal(update(fit, . ~ .)$elbo, fit$elbo)
})

test_that("a missing level of a group is one that was not seen, where such are allowed", {
  d <- data.frame(y = c(1, 3, 2, 5, 6, 8), g = rep(c("a", "b"), 3), h = rep(1:3, 2))
  fit <- vb(y ~ 1 + (1 | g) + (1 | h), d, prior_sd = normal(0, 1))
  new <- data.frame(g = c(NA, "z", "a"), h = c(1, NA, NA))
  expect_identical(unname(is.na(predict(fit, new[c(1, 3), ]))), c(TRUE, TRUE))
  got <- predict(fit, new, allow.new.levels = TRUE, se.fit = TRUE, interval = "credible")
  same <- predict(fit, data.frame(g = c("y", "z", "a"), h = c(1, 9, 8)), allow.new.levels = TRUE,
                  se.fit = TRUE, interval = "credible")
  expect_identical(got, same)
  expect_equal(unname(predict(fit, new[2, ], allow.new.levels = TRUE)),
               unname(predict(fit, new[2, ], re.form = NA)))
  both <- predict(fit, data.frame(g = NA, h = NA), allow.new.levels = TRUE)
  expect_equal(unname(both), fixef(fit)[["(Intercept)"]])
  draws <- posterior_predict(fit, data.frame(g = c(NA, NA), h = 1), seed = 1, ndraws = 2000,
                             allow_new_levels = TRUE)
  own <- posterior_epred(fit, data.frame(g = c(NA, NA), h = 1), seed = 1, ndraws = 2000,
                         allow_new_levels = TRUE)
  expect_false(anyNA(draws))
  expect_gt(mean(abs(own[, 1] - own[, 2])), 0.1)      # two missing ones are not one level
})
