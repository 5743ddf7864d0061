local_device <- function(env = parent.frame(), ...) {
  grDevices::pdf(NULL, ...)
  do.call(on.exit, list(quote(grDevices::dev.off()), add = TRUE), envir = env)
}

test_that("more panels than fit a picture are refused", {
  expect_error(check_panels(37L), class = "vb_error_variable")
  expect_silent(check_panels(36L))
})

test_that("long labels give way in the middle", {
  local_device()
  graphics::plot.new()
  text <- fit_text(strrep("a", 200), 2)
  expect_lt(nchar(text), 60)
  expect_match(text, "^a+[.]{3}a+$")
  expect_identical(fit_text("short", 2), "short")
})
