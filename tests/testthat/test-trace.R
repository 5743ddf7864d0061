test_that("further phases of sweeps are counted among those of the trace", {
  expect_identical(phase_names(c(1L, 19L, 21L, 21L)),
                   c("start", "sweeps", "sweeps 2", "sweeps 2"))
  expect_identical(phase_names(1:3), c("start", "mode", "nodes"))
  expect_identical(phase_names(integer()), character())
  expect_error(elbo(fit_of("line"), trace = "yes"), class = "vb_error_trace")
})
