test_that("the trace has a row per step, never falls within a phase, and ends at the bound", {
  for (case in all_cases) {
    fit <- fit_of(case)
    trace <- elbo(fit, trace = TRUE)
    expect_identical(names(trace), c("step", "phase", "elbo", "seconds"), info = case)
    expect_identical(as.integer(trace$step), seq_len(nrow(trace)), info = case)
    expect_true(all(trace$phase %in% c("start", "mode", "nodes")), info = case)
    for (phase in split(trace$elbo, trace$phase, drop = TRUE)) {
      expect_false(is.unsorted(phase), info = case)
    }
    expect_false(is.unsorted(trace$seconds), info = case)
    expect_identical(elbo(fit), fit$elbo, info = case)
    expect_true(is.finite(elbo(fit)), info = case)
  }
})

test_that("further phases of sweeps are counted among those of the trace", {
  expect_identical(phase_names(c(1L, 19L, 21L, 21L)),
                   c("start", "sweeps", "sweeps 2", "sweeps 2"))
  expect_identical(phase_names(1:3), c("start", "mode", "nodes"))
  expect_identical(phase_names(integer()), character())
  expect_error(elbo(fit_of("line"), trace = "yes"), class = "vb_error_trace")
})
