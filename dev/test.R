#!/usr/bin/env Rscript
# Rscript dev/test.R: installs what the tests need, and varbayes, and runs the whole suite.
# Prints what was skipped and why, and again what failed; the last line counts.
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
source(file.path(here, "install.R"))

missing <- install_missing(needed(c("Imports", "LinkingTo", "Suggests")))
if ("testthat" %in% missing) stop("testthat could not be installed", call. = FALSE)
if (length(missing)) cat("Not installed, their tests are skipped:", toString(missing), "\n")
# Debian's rstan compiles models with Boost's headers, but does not ask for them
if (!"rstan" %in% missing && !dir.exists("/usr/include/boost") && has_apt()) {
  apt_install("libboost-dev")
}
install_package()

Sys.setenv(NOT_CRAN = "true")
suppressPackageStartupMessages({
  library(testthat)
  library(varbayes)
})
reporter <- MultiReporter$new(list(SummaryReporter$new(), ListReporter$new()))
results <- test_dir(file.path(root(), "tests", "testthat"), package = "varbayes",
                    load_package = "installed", reporter = reporter, stop_on_failure = FALSE)

class_of <- function(kind) {
  hits <- lapply(results, function(test) {
    Filter(function(x) inherits(x, paste0("expectation_", kind)), test$results)
  })
  list(n = sum(lengths(hits)), hits = hits)
}
skips <- class_of("skip")
cat("\n")
for (i in which(lengths(skips$hits) > 0)) {
  for (skip in skips$hits[[i]]) {
    cat("skipped ", results[[i]]$file, ", ", results[[i]]$test, ": ",
        sub("^Reason: ", "", conditionMessage(skip)), "\n", sep = "")
  }
}
bad <- list(class_of("failure"), class_of("error"))
for (kind in bad) {
  for (i in which(lengths(kind$hits) > 0)) {
    for (hit in kind$hits[[i]]) {
      cat("failed ", results[[i]]$file, ", ", results[[i]]$test, ": ",
          gsub("\n", "\nfailed   ", conditionMessage(hit), fixed = TRUE), "\n", sep = "")
    }
  }
}
failed <- sum(vapply(bad, `[[`, 0L, "n"))
cat(sprintf("%d passed, %d failed, %d skipped\n", class_of("success")$n, failed, skips$n))
quit(status = if (failed > 0) 1L else 0L)
