test_that("an error of next to nothing prints", {
  table <- cbind(Estimate = 75.4, Est.Error = 1e-26)
  rownames(table) <- "x"
  expect_output(print_estimates(table, 2), "75.4")
})

test_that("long names keep to 80 columns, whole and beside or above their numbers", {
  long <- paste(rep("long", 25), collapse = "_")
  data <- transform(cars, x = speed)
  names(data)[3L] <- long
  fit <- vb(stats::reformulate(c(long, "I(speed^2)"), "dist"), data)
  for (out in list(capture.output(print(fit)), capture.output(print(summary(fit))),
                   capture.output(print(prior_summary(fit))))) {
    formula <- grepl("ormula", out) | seq_along(out) %in% (grep("ormula", out) + 1:2)
    expect_lte(max(nchar(out[!formula])), 80)
    expect_match(paste(trimws(out), collapse = ""), long, fixed = TRUE)
    expect_true(any(grepl("^ *I\\(speed\\^2\\) +[-~0-9]", out)))
  }
})
