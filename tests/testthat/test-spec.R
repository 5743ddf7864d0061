test_that("the spec is the contract's, in the types C reads", {
  spec <- model_of(y ~ x + (x | a) + (1 | b), toy, offset = z)$spec
  expect_named(spec, c("family", "link", "bound", "y", "w", "constant", "row_constant", "offset",
                       "x", "bins", "center", "intercept", "terms", "prior_coef", "prior_sd",
                       "prior_cor", "prior_par", "shrink", "fields"))
  for (field in c("y", "w", "constant", "offset", "center", "prior_cor")) {
    expect_type(spec[[field]], "double")
  }
  for (x in list(spec$x, as.list(as.data.frame(model_of(y ~ x * z, toy)$spec$x)))) {
    for (column in x) expect_type(column, "double")
  }
  expect_type(spec$intercept, "integer")
  expect_identical(dim(spec$x), c(60L, 2L))
  for (term in spec$terms) {
    expect_named(term, c("group", "n_level", "z", "covariance"))
    expect_type(term$group, "integer")
    expect_type(term$z, "double")
    expect_identical(sort(unique(term$group)), seq_len(term$n_level))
  }
  expect_identical(dim(spec$prior_coef$arg), c(3L, 2L))
  expect_identical(lapply(spec$prior_sd, function(p) dim(p$arg)), list(c(3L, 2L), c(3L, 1L)))
  expect_identical(spec$offset, toy$z)
})

test_that("models without fixed or without random part have empty ones", {
  spec <- model_of(y ~ 0 + (1 | a), toy)$spec
  expect_identical(dim(spec$x), c(60L, 0L))
  expect_identical(spec$prior_coef, list(dist = character(), arg = matrix(0, 3, 0)))
  spec <- model_of(hit ~ x, toy, binomial())$spec
  expect_identical(spec$terms, list())
  expect_identical(spec$prior_par, list(dist = character(), arg = matrix(0, 3, 0)))
  expect_identical(spec$prior_cor, numeric())
})
