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
    list("mgcv", "nb", "negbinomial", "log"),
    list("mgcv", "betar", "beta", "logit"),
    list("mgcv", "scat", "student", "identity")
  )
  refused <- list(list("glmmTMB", "nbinom1"), list("glmmTMB", "betabinomial"),
                  list("glmmTMB", "truncated_poisson"), list("mgcv", "ziP"), list("mgcv", "tw"))
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
  for (other in c("normal", "nbinom1", "quasibinomial", "zero_inflated_poisson", "hurdle_gamma",
                  "lognormal", "inverse.gaussian", "Tweedie", "multinomial", "")) {
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
  skip_if_not(requireNamespace("mgcv", quietly = TRUE))
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

test_that("binary responses: 0/1, logical, factor whose first level is failure", {
  spec <- model_of(hit ~ x, toy, binomial())$spec
  expect_identical(spec$y, toy$hit)
  expect_identical(spec$constant, 0)
  expect_identical(model_of(hit == 1 ~ x, toy, binomial())$spec$y, toy$hit)
  f <- factor(c("no", "yes")[toy$hit + 1], levels = c("yes", "no"))
  expect_identical(model_of(f ~ x, toy, binomial())$spec$y, 1 - toy$hit)
  # the level of failure stays failure where the rows used have none
  expect_identical(model_of(f ~ x, toy, binomial(), subset = f == "no")$spec$y, rep(1, 40))
})

test_that("cbind and proportions with weights are the same, with glm's constants", {
  w <- rep(1:2, 30)
  pairs <- model_of(cbind(count, 5 - count) ~ x, toy, binomial())
  shares <- model_of(count / 5 ~ x, toy, binomial(), weights = size)
  expect_equal(pairs$spec[c("y", "w", "constant")], shares$spec[c("y", "w", "constant")])
  expect_equal(pairs$spec$constant, sum(lchoose(5, toy$count)))
  weighted <- model_of(cbind(count, 5 - count) ~ x, toy, binomial(), weights = w)
  expect_equal(weighted$spec$y, w * toy$count)
  expect_equal(weighted$spec$w, w * 5)
  expect_equal(weighted$spec$constant, sum(w * lchoose(5, toy$count)))
  peer <- stats::glm(cbind(count, 5 - count) ~ x, binomial(), toy, weights = w)
  expect_equal(weighted$response$weights, unname(peer$prior.weights))
  expect_equal(weighted$response$y, unname(peer$y))
})

test_that("rows without trials do not count", {
  data <- transform(toy, trials = replace(size, 1:3, 0L), count = replace(count, 1:3, 0))
  model <- model_of(cbind(count, trials - count) ~ x, data, binomial())
  expect_identical(model$rows, 4:60)
  expect_false(anyNA(model$response$y))
})

test_that("counts and real numbers reach the engine as the contract says", {
  w <- rep(1:2, 30)
  spec <- model_of(count ~ x, toy, poisson(), weights = w)$spec
  expect_equal(spec$y, w * toy$count)
  expect_equal(spec$constant, -sum(w * lgamma(toy$count + 1)))
  spec <- model_of(count ~ x, toy, negbinomial(), weights = w)$spec
  expect_equal(spec$y, toy$count)
  expect_equal(spec$w, w)
  expect_identical(spec$constant, 0)
  spec <- model_of(scale(y) ~ x, toy, student(), weights = w)$spec
  expect_equal(spec$y, c(scale(toy$y)))
  expect_equal(spec$w, w)
})

test_that("responses of the wrong kind are errors that say what would do", {
  wrong <- list(
    list(text ~ x, gaussian()), list(a ~ x, gaussian()), list(hit == 1 ~ x, gaussian()),
    list(cbind(y, x) ~ z, gaussian()), list(a ~ x, student()),
    list(y ~ x, poisson()), list(-count ~ x, poisson()), list(text ~ x, poisson()),
    list(count + 0.5 ~ x, negbinomial()),
    list(count ~ x, Gamma("log")), list(y ~ x, Gamma("log")), list(text ~ x, Gamma("log")),
    list(hit ~ x, Beta()), list(y ~ x, Beta()), list(a ~ x, Beta()), list(a ~ x, asym_laplace()),
    list(y ~ x, binomial()), list(a ~ x, binomial()), list(text ~ x, binomial()),
    list(count ~ x, binomial()), list(count / 5 ~ x, binomial()),
    list(cbind(count, y) ~ x, binomial()), list(cbind(count, 1, 2) ~ x, binomial()))
  for (case in wrong) {
    expect_error(model_of(case[[1]], toy, case[[2]]), class = "vb_error_response",
                 info = deparse1(case[[1]]))
  }
  expect_warning(model_of((count + 0.3) / 6 ~ x, toy, binomial(), weights = size),
                 class = "vb_warning_response")
})

test_that("errors name the constructor, and the family of the user's own", {
  expect_error(Beta("probit"), "`Beta\\(\\)`.*Its link is", class = "vb_error_link")
  expect_error(vb(dist ~ speed, cars, family = Beta()), "Beta\\(\\)", class = "vb_error_response")
  own <- vb_family("mine", function(y, eta, par) dnorm(y, eta, log = TRUE))
  expect_error(vb(Species ~ 1, iris, family = own), "\"mine\"", class = "vb_error_response")
  expect_error(vb(dist ~ speed, cars, family = vb_family), "Call it", class = "vb_error_family")
  expect_error(weights(vb(dist ~ speed, cars, family = own), "working"), "type = \"prior\"",
               class = "vb_error_type")
  expect_error(student(df = Inf), class = "vb_error_df")
})
