test_that("what is not ours is handed on, or the package it needs is named", {
  if (!rlang::is_installed("brms")) {
    return(expect_error(posterior_summary(1), "brms", class = "vb_error_object"))
  }
  their_generic <- getExportedValue("brms", "posterior_summary")
  expect_identical(posterior_summary(matrix(1:8, 4)), their_generic(matrix(1:8, 4)))
  expect_identical(their_generic(fit_of("line")), posterior_summary(fit_of("line")))
})
