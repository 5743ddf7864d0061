# Fits that came back damaged: a message that names the field, and a session that goes on.

small_fits <- function() {
  set.seed(11)
  d <- data.frame(x = stats::rnorm(60), g = gl(6, 10), h = gl(5, 1, 60))
  d$n <- stats::rpois(60, 2)
  d$o <- factor(sample(c("a", "b", "c"), 60, TRUE), ordered = TRUE)
  path <- matrix(0, 6L, 6L, dimnames = rep(list(1:6), 2L))
  path[cbind(1:5, 2:6)] <- path[cbind(2:6, 1:5)] <- 1
  list(
    map = vb(n ~ x + (1 | h) + car(path, gr = g, type = "bym2"), d, family = stats::poisson(),
             verbose = FALSE),
    crossed = vb(n ~ x + (x | g) + (1 | h), d, family = stats::poisson(), verbose = FALSE,
                 control = vb_control(nodes = 20)),
    ordinal = vb(o ~ x + (1 | g), d, family = cumulative(), verbose = FALSE),
    kept = vb(n ~ x, d, family = stats::poisson(), algorithm = "advi", verbose = FALSE,
              control = vb_control(draws = 100))
  )
}

# The paths of all fields, lists and what is in them
field_paths <- function(x, path = list()) {
  inside <- is.list(x) && !is.object(x)
  deeper <- if (inside) lapply(seq_along(x), function(i) field_paths(x[[i]], c(path, list(i))))
  c(if (length(path)) list(path), unlist(deeper, recursive = FALSE))
}

put_field <- function(x, path, value) {
  i <- path[[1L]]
  if (length(path) > 1L) value <- put_field(x[[i]], path[-1L], value)
  x[i] <- list(value)
  x
}

damages <- list(
  gone = function(v) NULL,
  empty = function(v) v[0],
  half = function(v) as.vector(v)[seq_len(length(v) %/% 2L)],
  text = function(v) as.character(unlist(v)),
  code = function(v) mean,
  turned = function(v) if (is.matrix(v)) t(v) else rev(v),
  beyond = function(v) {
    v[1L] <- if (is.integer(v)) v[1L] + 1000L else v[1L] + 1000
    v
  }
)

test_that("no damage of a field ends the session or gives an error without a class", {
  skip_on_cran()                     # every field of several fits
  verbs <- list(function(f) as.matrix(f, ndraws = 3), function(f) predict(f, se.fit = TRUE))
  for (fit in small_fits()) {
    plain <- unclass(fit)
    paths <- field_paths(plain)
    for (i in seq_along(paths)) {            # each field in one way, its neighbours in others
      hurting <- damages[[1L + i %% length(damages)]]
      bad <- tryCatch(suppressWarnings(hurting(plain[[unlist(paths[[i]])]])),
                      error = function(e) NULL)
      hurt <- structure(put_field(plain, paths[[i]], bad), class = "vbfit")
      error <- tryCatch(suppressWarnings({
        verbs[[1L + i %% length(verbs)]](hurt)
        NULL
      }), error = identity)
      if (!is.null(error)) expect_s3_class(error, "vb_error")
    }
  }
})

test_that("the field that is damaged is named", {
  fit <- small_fits()$crossed
  named <- function(field, change) {
    error <- expect_error(predict(change(fit), se.fit = TRUE), class = "vb_error_fit")
    expect_s3_class(error, "vb_error")
    expect_match(conditionMessage(error), field, fixed = TRUE)
  }
  named("design$intercept", function(f) {
    f$design$intercept <- 1000000L
    f
  })
  named("design$intercept", function(f) {
    f$design$intercept <- 1e6
    f
  })
  named("design$terms$1$group", function(f) {
    f$design$terms[[1L]]$group <- f$design$terms[[1L]]$group[-1L]
    f
  })
  named("design$terms$2$group", function(f) {
    f$design$terms[[2L]]$group <- f$design$terms[[2L]]$group + 1L
    f
  })
  named("engine$node$mean", function(f) {
    f$engine$node$mean <- f$engine$node$mean[-1L, ]
    f
  })
  named("engine$coupling", function(f) {
    f$engine$coupling <- f$engine$coupling + 3L
    f
  })
  named("engine", function(f) {                  # a coupling that there is, but not this fit's
    f$engine$coupling <- f$engine$coupling + 1L
    f$engine$node$site_h <- NULL
    f
  })
  named("design$x", function(f) {
    f$design$x <- t(f$design$x)
    f
  })
  named("engine$axes$coordinate", function(f) {
    f$engine$axes$coordinate <- f$engine$axes$coordinate[-1L]
    f
  })
  expect_error(poststratify(1, data.frame(), "w"), class = "vb_error_fit")
})

test_that("categories of an ordinal response are looked through", {
  fit <- small_fits()$ordinal
  fit$design$y[3L] <- 0
  expect_error(as.matrix(fit, ndraws = 3), class = "vb_error_fit")
  fit$design$y[3L] <- 4
  expect_error(as.matrix(fit, ndraws = 3), class = "vb_error_fit")
})

test_that("fits of other layouts are refused", {
  fit <- small_fits()$kept
  expect_identical(fit$version, fit_layout)
  older <- fit
  older$version <- NULL
  expect_error(fixef(older), "can be read no more", class = "vb_error_fit")
  later <- fit
  later$version <- fit_layout + 1L
  expect_error(fixef(later), "later version", class = "vb_error_fit")
  broken <- fit
  broken$version <- "1"
  expect_error(fixef(broken), "version", class = "vb_error_fit")
})

test_that("a family and priors that there are not are missed", {
  skip_if_not_installed("loo")
  fit <- small_fits()$kept
  for (field in c("family", "link", "bound")) {
    hurt <- fit
    hurt$design[[field]] <- "nope"
    expect_error(loo::kfold(hurt, K = 2), class = "vb_error_fit")
  }
  fit$design$prior_coef$dist[2L] <- ""
  expect_error(loo::kfold(fit, K = 2), "prior_coef", class = "vb_error_fit")
})

test_that("settings are looked through as vb_control() would", {
  skip_if_not_installed("loo")
  fit <- small_fits()$ordinal
  for (change in list(list(lr = NULL), list(tol = "1"), list(max_sweep = NULL), list(cores = NA))) {
    hurt <- fit
    hurt$control[names(change)] <- change
    expect_error(loo::kfold(hurt, K = 2), "control", class = "vb_error_fit")
  }
})

test_that("where the data of a damaged fit came from is looked through too", {
  fit <- vb(dist ~ speed, cars)
  for (source in list(raw(3), 1, list(columns = 2))) {
    damaged <- fit
    damaged$source <- source
    expect_error(predict(damaged, cars[1:2, ]), "source", class = "vb_error_fit")
  }
  fit$source <- NULL                       # not every fit has one
  expect_length(predict(fit, cars[1:2, ]), 2)
})

test_that("what is not finite where a node has a weight is damage, elsewhere it is not", {
  fit <- fit_of("slope")
  weight <- fit$engine$node$weight
  k <- which.max(weight)
  for (field in c("hyper", "mean", "var", "fixed_mean", "fixed_cov")) {
    damaged <- fit
    size <- length(damaged$engine$node[[field]]) / length(weight)
    damaged$engine$node[[field]][size * (k - 1) + 1] <- Inf
    expect_error(summary(damaged), field, class = "vb_error_fit")
    damaged$engine$node$weight[k] <- 0
    expect_identical(whole_fit(damaged), damaged)
  }
})

test_that("a frame that has lost variables is damaged", {
  for (case in c("slope", "line")) for (keep in list(1L, integer())) {
    fit <- fit_of(case)
    fit$frame <- fit$frame[keep]
    expect_error(fitted(fit), "frame", class = "vb_error_fit")
    expect_error(model.matrix(fit), "frame", class = "vb_error_fit")
  }
})

test_that("points that have lost all their weight are damage", {
  fit <- vb(mpg ~ wt, mtcars, verbose = FALSE)
  fit$engine$point$weight[] <- 0
  expect_error(posterior_summary(fit), class = "vb_error_fit")
})
