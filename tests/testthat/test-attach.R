# Whichever package was attached last, its generics and ours do the same for our fits and theirs.

skip_on_cran()                       # a minute of new sessions that load many packages

installed <- function(packages) Filter(function(p) nzchar(system.file(package = p)), packages)
tools <- c("posterior", "loo", "bayesplot", "rstantools", "generics", "broom.mixed", "emmeans",
           "marginaleffects", "DHARMa", "tidybayes", "nlme", "lme4")
samplers <- c("rstanarm", "brms")

# What is asked of a fit `x`; by the name of the package what needs it
own_calls <- c("fixef(x)", "ranef(x)", "VarCorr(x)", "posterior_predict(x)", "posterior_epred(x)",
               "posterior_linpred(x)", "log_lik(x)", "posterior_interval(x)",
               "predictive_interval(x)", "predictive_error(x)", "bayes_R2(x)", "prior_summary(x)",
               "posterior_summary(x)", "pp_check(x)", "elbo(x)",
               "conditional_effects(x)", "simulate(x)", "predict(x)")
other_calls <- c(
  lme4 = "ngrps(x)", posterior = "as_draws_df(x)", posterior = "variables(x)",
  posterior = "summarise_draws(x)", generics = "tidy(x)", generics = "glance(x)",
  generics = "augment(x)", rstantools = "nsamples(x)", loo = "loo(x)",
  emmeans = "emmeans(x, ~ 1)", tidybayes = "get_variables(x)",
  tidybayes = "add_epred_draws(head(model.frame(x)), x)", DHARMa = "getFixedEffects(x)",
  bayesplot = "mcmc_intervals(x)"
)
full_calls <- c(
  sprintf("rstantools::%s", own_calls[4:12]), "brms::posterior_summary(x)",
  "brms::conditional_effects(x)", "brms::fixef(x)", "brms::ngrps(x)", "brms::posterior_epred(x)",
  "nlme::fixef(x)", "lme4::ranef(x)", "lme4::VarCorr(x)", "bayesplot::pp_check(x)",
  "broom.mixed::tidy(x)", "broom.mixed::glance(x)", "rstanarm::posterior_predict(x)",
  "rstanarm::prior_summary(x)"
)
full_calls <- full_calls[sub("::.*", "", full_calls) %in% installed(c(tools, samplers))]

# lines that answer the calls for an object: class and size of what comes, or the error's message
ask <- function(name, calls, object) {
  sprintf("out$%s <- sapply(%s, ask, %s, simplify = FALSE)", name, deparse1(unname(calls)), object)
}
asked <- c(
  "out <- list(loaded = loadedNamespaces())", "grDevices::pdf(NULL)",
  "ask <- function(code, x) tryCatch({
    value <- eval(parse(text = code))
    list(class(value), dim(value), length(value))
  }, error = conditionMessage)"
)
stan_calls <- c(own_calls[c(1:9, 11, 12)], "pp_check(x)")
stan_lines <- c(
  "stan <- rstanarm::stan_lmer(mpg ~ wt + (1 | cyl), mtcars, chains = 1, iter = 100, refresh = 0,
                               seed = 1)",
  ask("stan", stan_calls, "stan"))
others_lines <- c(
  stan_lines,
  "lmer <- lme4::lmer(mpg ~ wt + (1 | cyl), mtcars)", ask("lmer", own_calls[1:3], "lmer"),
  "brms <- brms::brm(mpg ~ wt, mtcars, empty = TRUE)",     # not compiled: without draws
  ask("brms", c("prior_summary(x)", "posterior_summary(x)", "posterior_predict(x)",
                "conditional_effects(x)"), "brms"))
basic_lines <- c(
  ask("matrix", c("posterior_interval(x)", "predictive_interval(x)"), "matrix(rnorm(200), 100)"),
  ask("number", own_calls[c(1:12, 14)], "3"))   # brms summarises numbers

session <- function(lines, ...) in_new_session(fit_of("slope"), c(asked, lines), ...)
failed <- function(answers) names(Filter(is.character, answers))

alone <- session(ask("calls", own_calls, "fit"))
sets <- list(tools = installed(tools), samplers = installed(c(tools, samplers)))
there <- unlist(recursive = FALSE, lapply(sets, function(packages) {
  calls <- c(own_calls, other_calls[names(other_calls) %in% packages])
  lines <- c(ask("calls", calls, "fit"), basic_lines,
             "out$allowed <- getOption('marginaleffects_model_classes')",
             if (all(samplers %in% packages)) c(others_lines, ask("full", full_calls, "fit")))
  list(before = session(lines, before = packages), after = session(lines, after = packages))
}))

test_that("attaching loads none of the packages that methods are for", {
  expect_identical(intersect(alone$loaded, c(tools, samplers, "Matrix", "insight")), "nlme")
})

test_that("our fits are known in any order of attaching", {
  expect_identical(failed(alone$calls), character())
  same <- setdiff(own_calls, "pp_check(x)")        # a plot by bayesplot where that is installed
  for (order in there) {
    expect_identical(failed(order$calls), character())
    expect_identical(order$calls[same], alone$calls[same])
  }
})

test_that("generics of other packages take our fits by their full names", {
  skip_if_not(all(samplers %in% sets$samplers), "samplers are not installed")
  for (order in there[3:4]) expect_identical(failed(order$full), character())
})

test_that("fits of rstanarm, lme4 and brms are handed on", {
  skip_if_not(all(c(samplers, "lme4") %in% sets$samplers),
              "samplers are not installed")
  home <- in_new_session(NULL, c("library(rstanarm)", asked, stan_lines))$stan
  for (order in there[3:4]) {
    expect_identical(order$stan, home)
    expect_identical(failed(order$lmer), character())
    expect_identical(order$brms[[1]][[1]], c("brmsprior", "data.frame"))
    expect_match(unlist(order$brms[-1]), "stanfit|sim")       # it misses its draws
  }
  expect_identical(failed(home), character())
})

test_that("matrices are handed on, and a number is an error that ends", {
  skip_if_not_installed("rstantools")
  for (order in there) {
    for (value in order$matrix) expect_identical(value[[2]], c(2L, 2L))
    expect_identical(failed(order$number), own_calls[c(1:12, 14)])
    expect_no_match(unlist(order$number), "stack|recursion")
  }
})

test_that("marginaleffects knows the class, whichever was loaded first", {
  skip_if_not_installed("marginaleffects")
  for (order in there) expect_identical(order$allowed, "vbfit")
})
