# the suite needs more than the package does
if (requireNamespace("testthat", quietly = TRUE)) {
  library(testthat)
  library(varbayes)

  test_check("varbayes")
}
