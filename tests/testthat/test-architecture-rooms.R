# Who calls whom in src/: the rooms of src/README.md, read off the sources.

# what a room may call, besides itself
may_call <- list(
  numbers = character(),
  rows = "numbers",
  design = c("numbers", "rows"),
  gauss = c("numbers", "rows", "design"),
  correct = c("numbers", "rows", "design", "gauss"),
  theta = c("numbers", "rows", "design", "gauss", "correct"),
  posterior = c("numbers", "rows", "design", "gauss", "correct", "theta"),
  advi = c("numbers", "rows"),
  joint = c("numbers", "rows", "design", "gauss", "advi"),
  r = c("numbers", "rows", "design", "gauss", "correct", "theta", "posterior", "advi", "joint")
)

# arrows that no room may have, as "from.c -> to.c (name)"
upward <- function(calls) {
  from <- room_of(calls$from)
  to <- room_of(calls$to)
  allowed <- mapply(function(a, b) a == b || b %in% may_call[[a]], from, to)
  sprintf("%s -> %s (%s)", calls$from, calls$to, calls$name)[!allowed]
}

test_that("every file is in a room, and every room has its contract", {
  expect_setequal(unique(room_of(c_files())), names(may_call))
  for (room in names(may_call)) {
    header <- file.path(source_root(), "src", room, paste0(room, ".h"))
    expect_true(file.exists(header), info = room)
    expect_match(readLines(header, n = 1L), "^/[*] ", info = room)
  }
})

test_that("calls go downhill", {
  calls <- c_calls()
  expect_gt(nrow(calls), 500)
  expect_identical(upward(calls), character())
})

test_that("includes go downhill", {
  includes <- do.call(rbind, lapply(c_files(), function(file) {
    to <- intersect(c_includes(file), in_src(c_files("[.]h$")))
    data.frame(from = rep(in_src(file), length(to)), to = to, name = rep("include", length(to)))
  }))
  expect_identical(upward(includes), character())
})

test_that("no files call each other in a circle", {
  expect_identical(file_cycles(c_calls()), character())
})

test_that("a planted upward call and a planted circle are found", {
  code <- c_code(file.path(source_root(), "src", "numbers", "psis.c"))
  planted <- c(code, "static double planted(void) { return vb_fit_run(0); }")
  calls <- c_calls(list("numbers/psis.c" = planted))
  expect_identical(upward(calls), "numbers/psis.c -> theta/fit.c (vb_fit_run)")
  expect_match(file_cycles(calls), "numbers/psis.c", all = FALSE)
})
