test_that("the defaults leave choices to the engine", {
  expect_identical(unclass(vb_control()), list(
    tol = 1e-6, max_sweep = 200L, nodes = NULL, rq = NA, lr = NA, skew = NA, solver = "auto",
    noise = "fixed", n_noise = NULL, max_noise = 1024L, rank = NULL, paths = NULL, draws = NULL,
    max_iter = NULL, batch = NULL, noise_tol = NULL, memory = NULL))
})

test_that("settings are checked", {
  expect_error(vb_control(tol = 0), class = "vb_error_tol")
  expect_error(vb_control(max_sweep = 0), class = "vb_error_max_sweep")
  expect_error(vb_control(nodes = 1.5), class = "vb_error_nodes")
  expect_error(vb_control(rq = "yes"), class = "vb_error_rq")
  expect_error(vb_control(solver = "magic"), class = "vb_error_solver")
  expect_error(vb_control(noise = "loud"), class = "vb_error_noise")
  expect_error(vb_control(noise_tol = 0), class = "vb_error_noise_tol")
  expect_error(vb_control(n_noise = 1), class = "vb_error_n_noise")
  expect_error(vb_control(draws = 10), class = "vb_error_draws")
  expect_error(vb_control(max_noise = NULL), class = "vb_error_max_noise")
  expect_error(vb_control(memory = -1), class = "vb_error_memory")
  expect_identical(vb_control(nodes = 32)$nodes, 32L)
})

test_that("a call makes the same settings again", {
  control <- vb_control(tol = 1e-8, rq = FALSE, noise = "fresh", batch = c(g = 5))
  expect_identical(eval(control_call(control)), control)
})
