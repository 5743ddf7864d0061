# Families of several parameters: what makes them, and the responses that they take.

several_families <- c("zero_inflated_poisson", "zero_inflated_negbinomial",
                      "zero_inflated_binomial", "zero_inflated_beta", "zero_one_inflated_beta",
                      "hurdle_poisson", "hurdle_negbinomial", "hurdle_gamma", "hurdle_lognormal",
                      "beta_binomial", "categorical", "multinomial")

test_that("every family has a constructor, a row and a likelihood", {
  table <- vb_tables()$several
  for (name in several_families) {
    family <- do.call(name, list())
    expect_s3_class(family, "family")
    resolved <- resolve_family(family)
    expect_identical(resolved$name, name)
    expect_identical(resolved$predicted, "mu")
    expect_identical(c("mu", resolved$par), names(dpar_links(name)))
    expect_true(name %in% table$name, info = name)
    expect_identical(resolve_family(name)$name, name)
    expect_identical(resolve_family(eval(family_call(resolved)))$family[c("family", "link")],
                     resolved$family[c("family", "link")])
  }
  # parameters that have a row of their domain, so that one may be held
  all <- setdiff(unlist(strsplit(table$dpars, ",")), "mu")
  expect_true(all(all %in% names(dpar_domains)))
})

test_that("links are those there are", {
  expect_error(zero_inflated_poisson("sqrt"), "log", class = "vb_error_link")
  expect_error(zero_inflated_poisson(link_zi = "identity"), "logit", class = "vb_error_link")
  expect_error(beta_binomial(link_phi = "identity"), "log", class = "vb_error_link")
  expect_error(categorical(refcat = 3), class = "vb_error_refcat")
  expect_identical(resolve_family(eval(family_call(resolve_family(categorical(refcat = "b")))))
                   $family$refcat, "b")
})

test_that("families of brms are known, with the links that they have here", {
  skip_if_not_installed("brms")
  brms <- function(name) getExportedValue("brms", name)
  for (name in setdiff(several_families, "zero_inflated_negbinomial")) {
    theirs <- brms(name)()
    expect_identical(resolve_family(theirs)$name, name)
  }
  wrong <- brms("zero_inflated_poisson")(link_zi = "identity")
  expect_error(several_model(bf(count ~ x, zi ~ z), several_data, wrong), "logit",
               class = "vb_error_link")
  # degrees of freedom have a logarithm here
  expect_identical(several_model(bf(y ~ x, nu ~ z), several_data, brms("student")())$spec$predicted,
                   c("mu", "nu"))
})

test_that("parameters that a family holds are held beside predictors", {
  m <- several_model(bf(y ~ x, sigma ~ z), several_data, student(df = 4))
  expect_identical(m$spec$predicted, c("mu", "sigma"))
  expect_identical(m$spec$prior_par, several_model(bf(y ~ x, sigma ~ z, nu = 4), several_data,
                                                   student())$spec$prior_par)
  expect_identical(m$spec$prior_par$arg[1], 4)
})

test_that("responses are read as their families take them", {
  d <- several_data
  spec <- function(f, family, ...) several_model(f, d, family, ...)$spec
  trials <- spec(cbind(hit, miss) ~ x, beta_binomial())
  expect_equal(trials$y, d$hit)
  expect_equal(trials$w, rep(9, nrow(d)))
  expect_equal(spec(I(hit / 9) ~ x, zero_inflated_binomial(), weights = rep(9, 120))$y, d$hit)
  expect_equal(trials$constant, 0)
  wrong <- list(
    list(I(count - 1) ~ x, zero_inflated_poisson()), list(y ~ x, hurdle_poisson()),
    list(I(-positive) ~ x, hurdle_gamma()), list(I(share + 0.2) ~ x, zero_inflated_beta()),
    list(I(share + 0.2) ~ x, zero_one_inflated_beta()), list(h ~ x, zero_inflated_beta()),
    list(y ~ x, categorical()), list(cbind(hit, miss) ~ x, categorical()),
    list(hit ~ x, multinomial()), list(cbind(hit, y) ~ x, multinomial()),
    list(factor(cat, c(levels(cat), "none")) ~ x, categorical()),
    list(I(0 * w) ~ x, categorical()), list(y ~ x, beta_binomial())
  )
  for (case in wrong) {
    expect_identical(refusal(several_model(case[[1]], d, case[[2]])), "vb_error_response")
  }
  expect_identical(refusal(several_model(cbind(hit, miss) ~ x, d, beta_binomial(), weights = w)),
                   "vb_error_response")
  expect_identical(refusal(several_model(cat ~ x, d, categorical(refcat = "none"))),
                   "vb_error_refcat")
  expect_identical(refusal(several_model(share ~ x, d, zero_inflated_beta())), "fine")
  expect_identical(refusal(several_model(positive ~ x, d, hurdle_lognormal())), "fine")
})

test_that("without zeros there is a message", {
  d <- transform(several_data, count = count + 1)
  expect_message(several_model(count ~ x, d, zero_inflated_poisson()), class = "vb_message_zeros")
  expect_message(several_model(positive + 1 ~ x, d, hurdle_gamma()), class = "vb_message_zeros")
  expect_no_message(several_model(count ~ x, several_data, hurdle_poisson()))
})

test_that("other algorithms and approximations say what there is", {
  d <- several_data
  for (approximation in c("joint", "partial", "meanfield")) {
    expect_error(vb(bf(y ~ x, sigma ~ z), d, approximation = approximation), "structured",
                 class = "vb_error_approximation")
  }
  expect_error(vb(bf(y ~ x, sigma ~ z), d, algorithm = "advi"), "structured",
               class = "vb_error_approximation")
  expect_error(vb(count ~ x, d, family = zero_inflated_poisson(), bound = "jj"),
               class = "vb_error_bound")
  expect_error(vb(bf(y ~ x, sigma ~ z), d, prior = horseshoe()), "one predictor",
               class = "vb_error_prior")
})
