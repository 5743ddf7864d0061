name_link <- function(family) unlist(resolve_family(family)[c("name", "link")], use.names = FALSE)

test_that("families are known as objects, functions and strings", {
  expect_identical(name_link(gaussian()), c("gaussian", "identity"))
  expect_identical(name_link(binomial), c("binomial", "logit"))
  expect_identical(name_link("poisson"), c("poisson", "log"))
  expect_identical(name_link(binomial("cloglog")), c("binomial", "cloglog"))
  expect_identical(name_link(bernoulli("probit")), c("binomial", "probit"))
  for (name in c("negbinomial", "neg_binomial_2", "nbinom2", "negative.binomial")) {
    expect_identical(name_link(name), c("negbinomial", "log"))
  }
  expect_identical(name_link("bernoulli"), c("binomial", "logit"))
  expect_identical(name_link("student"), c("student", "identity"))
  expect_identical(name_link(Gamma("log")), c("Gamma", "log"))
  for (name in list("beta", "Beta", Beta(), Beta, "beta_family")) {
    expect_identical(name_link(name), c("beta", "logit"))
  }
  expect_identical(name_link(asym_laplace(0.2)), c("asym_laplace", "identity"))
})

test_that("other packages' families are known", {
  brms <- function(family, link) {
    structure(list(family = family, link = link), class = c("brmsfamily", "family"))
  }
  expect_identical(name_link(brms("negbinomial", "log")), c("negbinomial", "log"))
  expect_identical(name_link(brms("bernoulli", "logit")), c("binomial", "logit"))
  expect_identical(name_link(brms("student", "identity")), c("student", "identity"))
  rstanarm <- structure(list(family = "neg_binomial_2", link = "log"), class = "family")
  expect_identical(name_link(rstanarm), c("negbinomial", "log"))
  expect_identical(name_link(brms("beta", "logit")), c("beta", "logit"))
  expect_identical(name_link(brms("gamma", "log")), c("Gamma", "log"))
  mgcv <- structure(list(family = "Beta regression(3.1)", link = "logit"), class = "family")
  expect_identical(name_link(mgcv), c("beta", "logit"))
  skip_if_not_installed("MASS")
  mass <- resolve_family(MASS::negative.binomial(2.5))
  expect_identical(mass$name, "negbinomial")
  expect_identical(mass$fixed, c(shape = 2.5))
  expect_error(resolve_family(MASS::negative.binomial), "negbinomial", class = "vb_error_family")
})

# What other packages' constructors make, without their packages: the fields that are read.
as_made_by <- function(family, link, ...) {
  structure(list(family = family, link = link, ...), class = "family")
}

test_that("families of the packages that are here are known as objects and functions", {
  known <- list(
    list("rstanarm", "neg_binomial_2", "negbinomial", "log"),
    list("glmmTMB", "nbinom2", "negbinomial", "log"),
    list("glmmTMB", "beta_family", "beta", "logit"),
    list("glmmTMB", "t_family", "student", "identity"),
    list("glmmTMB", "betabinomial", "beta_binomial", "logit"),
    list("mgcv", "nb", "negbinomial", "log"),
    list("mgcv", "betar", "beta", "logit"),
    list("mgcv", "scat", "student", "identity")
  )
  refused <- list(list("glmmTMB", "nbinom1"), list("glmmTMB", "truncated_poisson"),
                  list("mgcv", "ziP"), list("mgcv", "tw"))
  maker <- function(row) {
    tryCatch(getExportedValue(row[[1]], row[[2]]), error = function(e) NULL)
  }
  found <- 0
  for (row in known) {
    make <- maker(row)
    if (is.null(make)) next
    found <- found + 1
    expect_identical(name_link(make), unlist(row[3:4]), info = row[[2]])
    expect_identical(name_link(make()), unlist(row[3:4]), info = row[[2]])
    expect_null(resolve_family(make())$fixed, info = row[[2]])
  }
  for (row in refused) {
    make <- maker(row)
    if (is.null(make)) next
    expect_error(resolve_family(make()), "negbinomial", class = "vb_error_family", info = row[[2]])
  }
  skip_if(found == 0, "none of these packages is here")
})

test_that("the usual names are known as strings and in objects", {
  usual <- list(gaussian = "gaussian", poisson = "poisson", binomial = c("binomial", "bernoulli"),
                negbinomial = c("negbinomial", "neg_binomial_2", "nbinom2", "negative.binomial",
                                "Negative Binomial(2.5)"),
                student = c("student", "t", "scaled t"), Gamma = c("Gamma", "gamma"),
                beta = c("beta", "Beta", "beta_family", "betar"), asym_laplace = "asym_laplace")
  table <- vb_tables()$family
  for (name in names(usual)) for (spelt in usual[[name]]) {
    link <- table$link[table$name == name][1]
    expect_identical(name_link(as_made_by(spelt, link)), c(name, link), info = spelt)
    # glm's default link of Gamma is not here, and a string with parentheses is not read
    if (name != "Gamma" && !grepl("(", spelt, fixed = TRUE)) {
      expect_identical(name_link(spelt), c(name, link), info = spelt)
    }
  }
  for (other in c("normal", "nbinom1", "quasibinomial", "hurdle_cumulative", "lognormal",
                  "inverse.gaussian", "Tweedie", "")) {
    expect_error(resolve_family(other), "vb_family", class = "vb_error_family")
    expect_error(resolve_family(as_made_by(other, "log")), "negbinomial", class = "vb_error_family")
  }
})

test_that("parameters that mgcv's families hold are held, those they estimate are not", {
  mgcv <- function(family, link, held, theta) {
    as_made_by(family, link, n.theta = if (held) 0 else length(theta),
               getTheta = function(trans = FALSE) if (trans) theta else log(theta))
  }
  cases <- list(list("negative binomial", "log", 3, c(shape = 3)),
                list("Beta regression(4)", "logit", 4, c(phi = 4)),
                list("scaled t", "identity", c(5, 1.5), c(nu = 5, sigma = 1.5)))
  for (case in cases) {
    expect_null(resolve_family(mgcv(case[[1]], case[[2]], FALSE, case[[3]]))$fixed)
    expect_identical(resolve_family(mgcv(case[[1]], case[[2]], TRUE, case[[3]]))$fixed, case[[4]])
  }
  skip_if_not_installed("mgcv")
  skip_if_not_installed("MASS")    # which nb() calls
  nb <- getExportedValue("mgcv", "nb")
  expect_equal(resolve_family(nb(theta = 3))$fixed, c(shape = 3))
  expect_null(resolve_family(nb())$fixed)
  for (family in list(nb(theta = 3), getExportedValue("mgcv", "betar")(theta = 4),
                      getExportedValue("mgcv", "scat")(theta = c(5, 1.5)))) {
    resolved <- resolve_family(family)
    again <- resolve_family(eval(family_call(resolved)))
    expect_identical(again[-1], resolved[-1])
  }
})

test_that("every row of the C table has a family object and parameters", {
  table <- vb_tables()$family
  for (k in seq_len(nrow(table))) {
    family <- resolve_family(list(family = table$name[k], link = table$link[k]))
    expect_s3_class(family$family, "family")
    expect_identical(family$family$link, table$link[k])
    expect_length(family$par, table$n_par[k])
    expect_equal(family$family$linkinv(family$family$linkfun(0.3)), 0.3)
  }
})

test_that("unknown families and links are errors that list what there is", {
  for (family in list("quasi", stats::inverse.gaussian, stats::quasipoisson(), "no")) {
    expect_error(resolve_family(family), "negbinomial", class = "vb_error_family")
  }
  # glm's default link, which is not here
  for (family in list("Gamma", Gamma, Gamma())) {
    expect_error(resolve_family(family), "\"log\"", class = "vb_error_link")
  }
  for (family in list(3, NULL, list(), c("binomial", "poisson"))) {
    expect_error(resolve_family(family), class = "vb_error_family")
  }
  # its link must not be lost
  expect_error(resolve_family("binomial(probit)"), "links", class = "vb_error_family")
  expect_error(resolve_family(binomial("cauchit")), "cloglog", class = "vb_error_link")
  expect_error(resolve_family(gaussian("log")), class = "vb_error_family")
  expect_error(resolve_family(poisson("sqrt")), class = "vb_error_link")
  expect_error(negbinomial("identity"), class = "vb_error_link")
  expect_error(student(df = -1), class = "vb_error_df")
  expect_error(Beta("probit"), class = "vb_error_link")
  for (tau in list(0, 1, c(0.1, 0.9), "a")) {
    expect_error(asym_laplace(tau), class = "vb_error_tau")
  }
})

test_that("degrees of freedom are held where they are given", {
  expect_identical(resolve_family(student(df = 4))$fixed, c(nu = 4))
  expect_null(resolve_family(student())$fixed)
  expect_identical(resolve_family(student(df = 4))$family$fixed, c(nu = 4))
})

test_that("a quantile is held, at the median where none is given", {
  expect_identical(resolve_family(asym_laplace(0.9))$fixed, c(tau = 0.9))
  expect_identical(resolve_family("asym_laplace")$fixed, c(tau = 0.5))
  tau <- list(prior_aux = list(tau = normal()))
  expect_error(model_of(y ~ x, toy, asym_laplace(0.9), priors = tau), class = "vb_error_prior_aux")
})

test_that("the stored call of a family makes it again", {
  families <- list(Gamma("log"), Beta(), asym_laplace(0.9), student(df = 4), student(),
                   binomial("probit"), negbinomial())
  for (family in families) {
    resolved <- resolve_family(family)
    again <- resolve_family(eval(family_call(resolved)))
    expect_identical(again[-1], resolved[-1])
  }
})

test_that("variances are those of the distributions", {
  expect_equal(negbinomial()$variance(3, 2), 3 + 9 / 2)
  expect_equal(student()$variance(c(1, 2), 2, 4), c(8, 8))
  expect_identical(student()$variance(1, 1, 1.5), Inf)
  expect_equal(Beta()$variance(0.2, 3), 0.04)
  expect_equal(asym_laplace()$variance(c(1, 2), 2, 0.5), c(32, 32))
})
