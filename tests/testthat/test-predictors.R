# Designs of several predictors, against model.matrix() and the data that brms gives to Stan.

d <- several_data

# columns of one predictor, uncentred
columns_of <- function(spec, k) unname(as.matrix(as.data.frame(spec$x))[, spec$predictor == k])
plain_matrix <- function(f) {
  x <- stats::model.matrix(f, d)
  matrix(x, nrow(x))
}

test_that("columns lie side by side, each with its predictor and its intercept", {
  m <- several_model(bf(y ~ x + h, sigma ~ z * h), d)
  spec <- m$spec
  expect_identical(spec$predicted, c("mu", "sigma"))
  expect_identical(spec$link, "several")
  expect_identical(spec$intercept, 0L)
  expect_equal(columns_of(spec, 1L), plain_matrix(~x + h))
  expect_equal(columns_of(spec, 2L), plain_matrix(~z * h))
  expect_identical(spec$predictor, rep(1:2, c(5L, 8L)))
  expect_identical(spec$into, rep(c(1L, 6L), c(5L, 8L)))
  means <- colMeans(cbind(plain_matrix(~x + h), plain_matrix(~z * h)))
  expect_equal(spec$center, replace(means, c(1, 6), 0))
  expect_null(spec$bins)
  expect_identical(spec$constant, 0)
  expect_identical(m$design$names[6:8], c("sigma_Intercept", "sigma_z", "sigma_hb"))
})

test_that("without an intercept columns are not centred and have no place to go into", {
  spec <- several_model(bf(y ~ x, sigma ~ 0 + h), d)$spec
  expect_identical(spec$into, c(1L, 1L, 0L, 0L, 0L, 0L))
  expect_equal(spec$center[3:6], numeric(4))
})

test_that("predictors come in the family's order, held parameters too", {
  m <- several_model(bf(count ~ x, zi ~ z, shape ~ 1), d, zero_inflated_negbinomial())
  expect_identical(m$spec$predicted, c("mu", "shape", "zi"))
  expect_length(m$spec$prior_par$dist, 0)
  m <- several_model(bf(count ~ x, zi ~ z), d, zero_inflated_negbinomial())
  expect_identical(m$spec$predicted, c("mu", "zi"))
  expect_identical(m$family$par, "shape")
  m <- several_model(count ~ x, d, zero_inflated_poisson())
  expect_identical(m$spec$predicted, "mu")
  expect_identical(m$family$par, "zi")
  expect_identical(m$spec$predictor, c(1L, 1L))
})

test_that("offsets are those of each predictor; the argument's is the mean's", {
  m <- several_model(bf(y ~ x + offset(o), sigma ~ z + offset(2 * o) + offset(z)), d,
                     offset = o^2)
  expect_equal(m$spec$offset, unname(cbind(d$o + d$o^2, 2 * d$o + d$z)))
  m <- several_model(bf(y ~ x, sigma ~ z), d)
  expect_equal(m$spec$offset, matrix(0, nrow(d), 2))
  m <- several_model(cat ~ x + offset(o), d, categorical())
  expect_equal(m$spec$offset, unname(cbind(d$o, d$o)))
})

test_that("one frame has the variables of all, and rows with missing values are left out", {
  gaps <- transform(d, z = replace(z, 3, NA), x = replace(x, 5, NA))
  m <- several_model(bf(y ~ x, sigma ~ z), gaps)
  expect_identical(nrow(m$frame), nrow(d) - 2L)
  expect_length(m$spec$y, nrow(d) - 2L)
  m <- several_model(bf(y ~ x, sigma ~ z), d, weights = replace(w, 7, 0))
  expect_length(m$spec$y, nrow(d) - 1L)
  expect_identical(dim(m$spec$offset), c(nrow(d) - 1L, 2L))
  expect_equal(m$spec$w, d$w[-7])
})

test_that("random terms have predictors, those with one id are one term", {
  m <- several_model(bf(y ~ x + (1 + z | p | g) + (1 | h), sigma ~ z + (1 + x | p | g)), d)
  terms <- m$spec$terms
  expect_length(terms, 2)
  expect_identical(terms[[1]]$predictor, c(1L, 1L, 2L, 2L))
  expect_equal(terms[[1]]$z, unname(cbind(1, d$z, 1, d$x)), ignore_attr = TRUE)
  expect_identical(terms[[2]]$predictor, 1L)
  expect_identical(m$design$random[[1]]$coef,
                   c("(Intercept)", "z", "sigma_Intercept", "sigma_x"))
  apart <- several_model(bf(y ~ x + (1 + z | g), sigma ~ z + (1 + x | g)), d)$spec$terms
  expect_identical(lapply(apart, function(t) t$predictor), list(c(1L, 1L), c(2L, 2L)))
  # within one formula too, and of one predictor
  one <- several_model(y ~ (1 | p | g) + (0 + x | p | g), d)$spec
  two <- several_model(y ~ (1 + x | g), d)$spec
  expect_equal(one$terms[[1]]$z, unname(two$terms[[1]]$z), ignore_attr = TRUE)
  expect_identical(one$prior_sd, two$prior_sd)
  expect_null(one$predicted)
  expect_error(several_model(bf(y ~ (1 | p | g), sigma ~ (1 | p | h)), d), "different groups",
               class = "vb_error_formula")
  expect_error(several_model(bf(y ~ cs(0 + h | p | g), sigma ~ (1 | p | g)), d), "us",
               class = "vb_error_formula")
  expect_identical(refusal(several_model(bf(y ~ (1 | g) + (1 | g), sigma ~ 1), d)),
                   "vb_error_formula")
})

test_that("structured terms have predictors and brms's names", {
  m <- several_model(bf(y ~ s(x) + z, sigma ~ s(x) + t2(o, z)), d)
  expect_identical(m$design$names, c("(Intercept)", "z", "sx_1", "sigma_Intercept", "sigma_sx_1",
                                     "sigma_t2oz_1", "sigma_t2oz_2", "sigma_t2oz_3"))
  hyper <- field_hyper(m$design$fields)$name
  expect_identical(hyper, c("sds_sx_1", "sds_sigma_sx_1", "sds_sigma_t2oz_1", "sds_sigma_t2oz_2",
                            "sds_sigma_t2oz_3"))
  own <- field_coefs(m$design$fields)
  expect_identical(m$spec$predictor[-seq_along(m$design$names)],
                   ifelse(startsWith(own, "s_sigma_"), 2L, 1L))
  # the same columns as in a model of its own
  alone <- several_model(y ~ s(x), d)$spec$x
  expect_equal(columns_of(m$spec, 1L)[, -(1:2)], unname(as.matrix(alone))[, -1])
  first <- vapply(m$spec$fields, function(f) f$first, 0L)
  n <- vapply(m$spec$fields, function(f) f$n, 0L)
  expect_identical(first, 8L + 1L + cumsum(c(0L, n))[seq_along(n)])
})

test_that("series, maps and members are named after their predictors", {
  W <- 1 * (abs(outer(1:10, 1:10, `-`)) == 1)
  dimnames(W) <- list(1:10, 1:10)
  A <- 0.5^abs(outer(1:10, 1:10, `-`))
  dimnames(A) <- list(1:10, 1:10)
  t <- transform(d, time = rep(1:12, 10), g2 = rev(g))
  m <- several_model(bf(y ~ ar1(time), sigma ~ ar1(time) + car(W, gr = g, type = "icar") +
                          (1 | gr(g, cov = A)) + (1 | mm(g, g2))), t)
  expect_setequal(field_hyper(m$design$fields)$name,
                  c("sdar1_time", "rho_time", "sdar1_sigma_time", "rho_sigma_time", "sdcar_sigma",
                    "sd_g__sigma_Intercept", "sd_mmgg2__sigma_Intercept"))
  coef <- unlist(lapply(field_blocks(m$design$fields), function(b) b$coef))
  expect_true(all(c("rar1_sigma_time[1]", "r_g__sigma[1,Intercept]", "rcar_sigma[1]") %in% coef))
  expect_identical(m$spec$terms[[1]]$predictor, 2L)       # a sparse map has levels
  expect_identical(m$spec$fields[[3]]$term, 1L)
})

test_that("categories have a predictor each but the reference", {
  m <- several_model(cat ~ x + (1 | g), d, categorical())
  expect_identical(m$spec$predicted, c("mumid", "mutop"))
  expect_equal(m$spec$y, as.integer(d$cat) - 1)
  expect_identical(m$design$names, c("mumid_Intercept", "mumid_x", "mutop_Intercept", "mutop_x"))
  expect_identical(vapply(m$spec$terms, function(t) t$predictor, 0L), 1:2)
  m <- several_model(cat ~ x, d, categorical(refcat = "mid"))
  expect_identical(m$spec$predicted, c("mulow", "mutop"))
  expect_equal(m$spec$y, c(low = 1, mid = 0, top = 2)[as.character(d$cat)], ignore_attr = TRUE)
  own <- several_model(bf(cat ~ x, mutop ~ z + o), d, categorical())
  expect_identical(own$design$names, c("mumid_Intercept", "mumid_x", "mutop_Intercept", "mutop_z",
                                       "mutop_o"))
  expect_error(several_model(bf(cat ~ x, muno ~ z), d, categorical()), "no category",
               class = "vb_error_formula")
  joint <- several_model(cat ~ x + (1 | p | g), d, categorical())
  expect_identical(joint$spec$terms[[1]]$predictor, 1:2)
  expect_identical(joint$design$random[[1]]$coef, c("mumid_Intercept", "mutop_Intercept"))
  counts <- several_model(cbind(hit, miss, w) ~ x, d, multinomial())
  expect_equal(counts$spec$y, unname(cbind(d$miss, d$w)))
  expect_equal(counts$spec$w, 9 + d$w)
})

test_that("names that would be two parameters' are an error", {
  t <- transform(d, sigma_x = z)
  expect_identical(refusal(several_model(bf(y ~ sigma_x, sigma ~ x), t)), "vb_error_formula")
})

test_that("brms gives Stan the same columns, levels and offsets", {
  skip_if_not_installed("brms")
  brms <- function(name) getExportedValue("brms", name)
  theirs <- suppressMessages(brms("make_standata")(
    brms("bf")(count ~ x * h + offset(o) + (1 + z | p | g), zi ~ z + s(x) + (1 | p | g) + (1 | h)),
    d, family = brms("zero_inflated_poisson")()))
  m <- several_model(bf(count ~ x * h + offset(o) + (1 + z | p | g),
                        zi ~ z + s(x) + (1 | p | g) + (1 | h)), d, zero_inflated_poisson())
  expect_equal(columns_of(m$spec, 1L), unname(theirs$X), ignore_attr = TRUE)
  expect_equal(columns_of(m$spec, 2L)[, 1:2], unname(theirs$X_zi), ignore_attr = TRUE)
  expect_equal(abs(columns_of(m$spec, 2L)[, 3]), abs(drop(theirs$Xs_zi)), ignore_attr = TRUE)
  expect_equal(m$spec$offset[, 1], as.vector(theirs$offsets))
  expect_identical(m$spec$terms[[1]]$group, as.integer(theirs$J_1))
  z <- cbind(theirs$Z_1_1, theirs$Z_1_2, theirs$Z_1_zi_3)
  expect_equal(m$spec$terms[[1]]$z, unname(z), ignore_attr = TRUE)
  expect_identical(m$spec$terms[[2]]$group, as.integer(theirs$J_2))
  expect_equal(m$spec$y, as.vector(theirs$Y))
})

test_that("brms has the same names of parameters", {
  skip_if_not_installed("brms")
  brms <- function(name) getExportedValue("brms", name)
  f <- "y ~ x + (1 + z | p | g), sigma ~ z + (1 | p | g) + (1 | h)"
  theirs <- brms("get_prior")(eval(str2lang(sprintf("brms::bf(%s)", f))), d)
  m <- several_model(eval(str2lang(sprintf("bf(%s)", f))), d)
  ours <- hyper_table(m$design$random, character())$name
  expect_setequal(ours, c("sd_g__Intercept", "sd_g__z", "sd_g__sigma_Intercept",
                          "sd_h__sigma_Intercept", "cor_g__Intercept__z",
                          "cor_g__Intercept__sigma_Intercept", "cor_g__z__sigma_Intercept"))
  sds <- theirs[theirs$class == "sd" & nzchar(theirs$coef), ]
  name <- paste0("sd_", sds$group, "__", ifelse(nzchar(sds$dpar), paste0(sds$dpar, "_"), ""),
                 sds$coef)
  expect_setequal(ours[startsWith(ours, "sd")], name)
})

test_that("many rows have no bins where there are several predictors", {
  n <- 6000
  many <- data.frame(y = sin(seq_len(n)), x = cos(seq_len(n) / 50))
  m <- several_model(bf(y ~ s(x), sigma ~ s(x)), many)
  expect_length(m$spec$bins, 0)
  expect_identical(length(m$spec$x), length(m$spec$predictor))
})

test_that("there is room for eight predictors", {
  many <- transform(d, cat = factor(rep(1:10, 12)))
  expect_error(several_model(cat ~ x, many, categorical()), "9 predictors",
               class = "vb_error_formula")
})
