test_that("the defaults leave choices to the engine", {
  expect_identical(unclass(vb_control()), list(
    tol = 1e-6, max_sweep = 200L, nodes = NULL, rq = NA, lr = NA, skew = NA, solver = "auto"))
})

test_that("settings are checked", {
  expect_error(vb_control(tol = 0), class = "vb_error_tol")
  expect_error(vb_control(max_sweep = 0), class = "vb_error_max_sweep")
  expect_error(vb_control(nodes = 1.5), class = "vb_error_nodes")
  expect_error(vb_control(rq = "yes"), class = "vb_error_rq")
  expect_error(vb_control(solver = "magic"), class = "vb_error_solver")
  expect_identical(vb_control(nodes = 32)$nodes, 32L)
})

test_that("a call makes the same settings again", {
  control <- vb_control(tol = 1e-8, rq = FALSE)
  expect_identical(eval(control_call(control)), control)
})
