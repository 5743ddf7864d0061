# Models of several predictors: what vb() hands to the engine, without running it.

several_model <- function(formula, data, family = gaussian(), priors = list(), ..., data2 = NULL,
                          ziformula = NULL, dispformula = NULL) {
  env <- parent.frame()
  formulas <- as_formulas(formula, env)
  family <- spelled_family(family, "exact", ziformula)
  formulas <- with_spelled(formulas, family, ziformula, dispformula)
  family <- formula_family(family, formulas)
  build_model(formulas, data, family, priors, match.call(), stats::na.omit, NULL, env, data2)
}

# As an argument of a fit is evaluated: the class of the error, or "fine"
refusal <- function(expr) {
  tryCatch({
    suppressMessages(expr)
    "fine"
  }, vb_error = function(e) class(e)[1L])
}

several_data <- local({
  k <- 1:120
  data.frame(
    y = sin(k) + k / 40, x = cos(3 * k), z = sin(k / 7), o = k / 100, w = 1 + k %% 3,
    g = gl(10, 12), h = gl(4, 1, 120, labels = c("a", "b", "c", "d")),
    count = ifelse(k %% 4 == 0, 0, (7 * k) %% 6), hit = (5 * k) %% 9, miss = 9 - (5 * k) %% 9,
    share = (k %% 11) / 11, positive = ifelse(k %% 5 == 0, 0, exp(sin(2 * k))),
    cat = factor(c("mid", "low", "top")[1 + (k + k %/% 5) %% 3], c("low", "mid", "top")))
})
