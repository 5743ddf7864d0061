library(testthat)
library(varbayes)

test_check("varbayes")
