# The workloads: data, formula and family of each. Real ones come from lme4. Simulated ones have a
# fixed seed and any number of rows, which is the end of their name: survey_1e5, survey_1e6.
# workload(name) makes one; workload_names() lists those of a full run, the first bars first.

covariates <- function(n, p) {
  x <- matrix(stats::rnorm(n * p), n, p)
  colnames(x) <- paste0("x", seq_len(p))
  as.data.frame(x)
}

response <- function(family, eta) {
  n <- length(eta)
  switch(family,
         gaussian = eta + stats::rnorm(n),
         binomial = stats::rbinom(n, 1, stats::plogis(eta)),
         poisson = stats::rpois(n, exp(eta)),
         negbinomial = stats::rnbinom(n, mu = exp(eta), size = 2))
}

# p covariates, no groups
make_regression <- function(family, n, p) {
  x <- covariates(n, p)
  beta <- stats::rnorm(p) / sqrt(p)
  list(data = cbind(y = response(family, 1 + drop(as.matrix(x) %*% beta)), x),
       formula = stats::reformulate(names(x), "y"), family = family)
}

# correlated intercepts and slopes of x1, n / n_group rows a group
make_slopes <- function(family, n, n_group) {
  x <- covariates(n, 4)
  g <- rep_len(seq_len(n_group), n)
  sd <- if (family == "gaussian") c(0.7, 0.4) else c(0.8, 0.5)
  z <- matrix(stats::rnorm(2 * n_group), ncol = 2)
  u <- cbind(sd[1] * z[, 1], sd[2] * (0.3 * z[, 1] + sqrt(1 - 0.3^2) * z[, 2]))
  start <- if (family == "gaussian") 1 else -0.5
  eta <- start + drop(as.matrix(x) %*% c(0.5, -0.4, 0.3, 0.2)) + u[g, 1] + u[g, 2] * x$x1
  list(data = cbind(y = response(family, eta), x, g = factor(g)),
       formula = y ~ x1 + x2 + x3 + x4 + (1 + x1 | g), family = family)
}

make_intercepts <- function(family, n, n_group) {
  x <- covariates(n, 4)
  g <- rep_len(seq_len(n_group), n)
  eta <- 0.5 + drop(as.matrix(x) %*% c(0.3, -0.2, 0.2, 0.1)) + stats::rnorm(n_group, 0, 0.5)[g]
  list(data = cbind(y = response(family, eta), x, g = factor(g)),
       formula = y ~ x1 + x2 + x3 + x4 + (1 | g), family = family)
}

# two crossed factors, every row a random pair
make_crossed <- function(family, n, n_s, n_d) {
  x <- covariates(n, 2)
  s <- sample.int(n_s, n, TRUE)
  d <- sample.int(n_d, n, TRUE)
  start <- if (family == "gaussian") 3 else -0.3
  eta <- start + 0.3 * x$x1 - 0.2 * x$x2 + stats::rnorm(n_s, 0, 0.6)[s] +
    stats::rnorm(n_d, 0, 0.5)[d]
  list(data = cbind(y = response(family, eta), x, s = factor(s), d = factor(d)),
       formula = y ~ x1 + x2 + (1 | s) + (1 | d), family = family)
}

# a poststratification model: five factors, two of them interactions of others
make_survey <- function(n) {
  level <- function(k, prob = NULL) sample.int(k, n, TRUE, prob)
  age <- level(6)
  edu <- level(5)
  state <- level(50, (1:50)^-0.7)
  eth <- level(4, c(0.6, 0.15, 0.15, 0.1))
  male <- stats::rbinom(n, 1, 0.5)
  z <- stats::rnorm(50)[state]
  steth <- (state - 1) * 4 + eth
  ageedu <- (age - 1) * 5 + edu
  group <- list(age, edu, state, steth, ageedu)
  sd <- c(0.4, 0.3, 0.3, 0.25, 0.15)
  effect <- Map(function(g, k, s) stats::rnorm(k, 0, s)[g], group, c(6, 5, 50, 200, 30), sd)
  eta <- -0.2 + 0.3 * male + 0.4 * z + Reduce(`+`, effect)
  data <- data.frame(y = response("binomial", eta), male, z, age = factor(age), edu = factor(edu),
                     state = factor(state), steth = factor(steth), ageedu = factor(ageedu))
  list(data = data, family = "binomial",
       formula = y ~ male + z + (1 | age) + (1 | edu) + (1 | state) + (1 | steth) + (1 | ageedu))
}

# eight crossed factors of 3 to 60 levels
make_factors <- function(n) {
  levels <- c(3, 5, 8, 12, 20, 30, 45, 60)
  sd <- c(0.5, 0.4, 0.4, 0.3, 0.3, 0.3, 0.2, 0.2)
  x <- covariates(n, 2)
  code <- lapply(levels, sample.int, size = n, replace = TRUE)
  effect <- Map(function(g, k, s) stats::rnorm(k, 0, s)[g], code, levels, sd)
  eta <- -0.2 + 0.4 * x$x1 - 0.3 * x$x2 + Reduce(`+`, effect)
  factors <- stats::setNames(lapply(code, factor), paste0("f", seq_along(levels)))
  bars <- paste0("(1 | ", names(factors), ")", collapse = " + ")
  list(data = cbind(y = response("binomial", eta), x, as.data.frame(factors)), family = "binomial",
       formula = stats::as.formula(paste("y ~ x1 + x2 +", bars)))
}

real_table <- list(
  sleepstudy = list(formula = Reaction ~ Days + (Days | Subject), family = "gaussian"),
  cbpp = list(formula = cbind(incidence, size - incidence) ~ period + (1 | herd),
              family = "binomial"),
  InstEval = list(formula = y ~ service * dept + (1 | s) + (1 | d), family = "gaussian"),
  grouseticks = list(formula = TICKS ~ YEAR + cH + (1 | BROOD) + (1 | INDEX) + (1 | LOCATION),
                     family = "poisson"),
  VerbAgg = list(formula = r2 ~ Anger + Gender + btype + situ + (1 | id) + (1 | item),
                 family = "binomial")
)

# 50 rows a group; crossed factors of 10^4 and 10^3 levels, of a tenth of them below 10^5 rows
crossed_levels <- function(n) if (n < 1e5) c(1000, 100) else c(10000, 1000)
simulated_table <- list(
  regression = list(sizes = c(1e4, 1e5, 1e6),
                    make = function(n) make_regression("gaussian", n, 20)),
  logistic = list(sizes = c(1e4, 1e5, 1e6),
                  make = function(n) make_regression("binomial", n, 20)),
  slopes_gaussian = list(sizes = c(1e4, 1e5, 1e6),
                         make = function(n) make_slopes("gaussian", n, n / 50)),
  slopes_binomial = list(sizes = c(1e4, 1e5),
                         make = function(n) make_slopes("binomial", n, n / 50)),
  intercepts_poisson = list(sizes = c(1e4, 1e5),
                            make = function(n) make_intercepts("poisson", n, n / 50)),
  intercepts_negbinomial = list(sizes = c(1e4, 1e5),
                                make = function(n) make_intercepts("negbinomial", n, n / 50)),
  crossed_gaussian = list(sizes = c(1e4, 1e5), make = function(n) {
    make_crossed("gaussian", n, crossed_levels(n)[1], crossed_levels(n)[2])
  }),
  crossed_binomial = list(sizes = c(1e4, 1e5), make = function(n) {
    make_crossed("binomial", n, crossed_levels(n)[1], crossed_levels(n)[2])
  }),
  survey = list(sizes = c(1e4, 1e5, 1e6), make = make_survey),
  factors8 = list(sizes = 2e4, make = make_factors)
)

# "survey_1e5" -> list(family = "survey", rows = 1e5); rows is NA where the data are real
name_parts <- function(name) {
  rows <- suppressWarnings(as.numeric(sub(".*_", "", name)))
  list(family = if (is.na(rows)) name else sub("_[^_]*$", "", name), rows = rows)
}

sized <- function(name) paste0(name, "_", sub("e[+]0?", "e", format(simulated_table[[name]]$sizes,
                                                                     scientific = TRUE)))
workload_names <- function() {
  c(first_bars, setdiff(c(names(real_table), unlist(lapply(names(simulated_table), sized))),
                        first_bars))
}
first_bars <- c("sleepstudy", "cbpp", "slopes_gaussian_1e5", "slopes_binomial_1e5", "InstEval")

workload <- function(name) {
  part <- name_parts(name)
  if (is.na(part$rows)) {
    w <- c(list(data = getExportedValue("lme4", name)), real_table[[name]])
    if (name == "grouseticks") w$data$cH <- (w$data$HEIGHT - mean(w$data$HEIGHT)) / 100
    return(w)
  }
  # of its own for each name, whatever else the table has
  set.seed(20240 + sum(utf8ToInt(part$family) * seq_len(nchar(part$family))) %% 10000L,
           kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
  simulated_table[[part$family]]$make(part$rows)
}

has_groups <- function(formula) grepl("|", paste(deparse(formula), collapse = ""), fixed = TRUE)
