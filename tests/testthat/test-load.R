# What is loaded when, and that loading is no time of a fit.

# The lines that a fresh session prints
fresh_session <- function(code) {
  file <- tempfile(fileext = ".R")
  on.exit(unlink(file))
  writeLines(c(sprintf(".libPaths(%s)", paste(deparse(.libPaths()), collapse = "")),
               "library(varbayes)", code), file)
  system2(file.path(R.home("bin"), "Rscript"), c("--vanilla", file), stdout = TRUE)
}

test_that("a small model is fitted and used without what only large ones need", {
  skip_if_not(nzchar(system.file("Meta", "package.rds", package = "varbayes")), "not installed")
  loaded <- fresh_session(c(
    "f <- vb(breaks ~ wool + (wool || tension), warpbreaks)",
    "p <- predict(f, warpbreaks[1:3, ], interval = 'prediction')",
    "d <- as.matrix(f, ndraws = 10)",
    "cat('loaded:', intersect(c('Matrix', 'tools'), loadedNamespaces()))"))
  expect_identical(trimws(loaded), "loaded:")
  large <- fresh_session(c(
    "set.seed(1)",
    "d <- data.frame(y = rnorm(900), g = rep(1:300, 3), h = sample(150, 900, TRUE))",
    "time <- system.time(f <- vb(y ~ (1 | g) + (1 | h), d, control = vb_control(max_sweep = 1)))",
    "cat(f$engine$solver, 'Matrix' %in% loadedNamespaces())"))
  expect_match(large, "TRUE$")
})

test_that("Matrix is not loaded for a core that is nearly full", {
  full <- fresh_session(c(
    "set.seed(1)",
    "d <- data.frame(y = rnorm(6000), g = rep(1:300, 20), h = sample(150, 6000, TRUE))",
    "f <- vb(y ~ (1 | g) + (1 | h), d, control = vb_control(max_sweep = 1))",
    "cat(f$engine$solver, 'Matrix' %in% loadedNamespaces())"))
  expect_match(full, "dense FALSE$")
})

test_that("the clock of a fit stands still while packages are loaded", {
  skip_if(isNamespaceLoaded("stats4"), "stats4 is loaded already")
  event <- packageEvent("stats4", "onLoad")
  setHook(event, function(...) Sys.sleep(0.3))
  on.exit({
    setHook(event, NULL, "replace")
    unloadNamespace("stats4")
  })
  started <- fit_clock()
  outside <- proc.time()[[3L]]
  load_package("stats4")
  load_package("stats4")
  expect_gte(proc.time()[[3L]] - outside, 0.3)
  expect_lt(fit_clock() - started, 0.2)
})

test_that("(x || g) is a term for each coefficient", {
  text <- function(bar) {
    found <- find_bars(list(bar))
    expect_true(all(names(found) == "us"))
    unname(vapply(found, deparse1, ""))
  }
  expect_identical(text(quote((1 | g))), "1 | g")
  expect_identical(text(quote((x * z || g:h))),
                   c("1 | g:h", "0 + x | g:h", "0 + z | g:h", "0 + x:z | g:h"))
  expect_identical(text(quote((0 + x + f || g))), c("0 + x | g", "0 + f | g"))
  expect_identical(text(quote((log(x) - 1 || g))), "0 + log(x) | g")
  fit <- vb(breaks ~ 1 + (wool | tension), warpbreaks)
  expect_identical(attr(terms(fit, random.only = TRUE), "term.labels"), c("wool", "tension"))
})
