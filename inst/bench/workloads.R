# The workloads: data, formula and family of each. Simulated ones have a fixed seed; real ones come
# from lme4. workload(name) makes one; workload_names() lists them, the first bars first.

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

real <- function(name, formula, family) {
  list(data = getExportedValue("lme4", name), formula = formula, family = family)
}

workload_table <- list(
  sleepstudy = function() real("sleepstudy", Reaction ~ Days + (Days | Subject), "gaussian"),
  cbpp = function() {
    real("cbpp", cbind(incidence, size - incidence) ~ period + (1 | herd), "binomial")
  },
  slopes_gaussian = function() make_slopes("gaussian", 1e5, 2000),
  slopes_binomial = function() make_slopes("binomial", 1e5, 2000),
  InstEval = function() real("InstEval", y ~ service * dept + (1 | s) + (1 | d), "gaussian"),
  grouseticks = function() {
    w <- real("grouseticks", TICKS ~ YEAR + cH + (1 | BROOD) + (1 | INDEX) + (1 | LOCATION),
              "poisson")
    w$data$cH <- (w$data$HEIGHT - mean(w$data$HEIGHT)) / 100
    w
  },
  VerbAgg = function() {
    real("VerbAgg", r2 ~ Anger + Gender + btype + situ + (1 | id) + (1 | item), "binomial")
  },
  regression = function() make_regression("gaussian", 1e5, 20),
  logistic = function() make_regression("binomial", 1e5, 20),
  intercepts_poisson = function() make_intercepts("poisson", 1e5, 2000),
  intercepts_negbinomial = function() make_intercepts("negbinomial", 1e4, 200),
  crossed_gaussian = function() make_crossed("gaussian", 1e4, 1000, 100),
  crossed_binomial = function() make_crossed("binomial", 1e4, 1000, 100),
  survey = function() make_survey(1e5)
)

workload_names <- function() names(workload_table)
first_bars <- c("sleepstudy", "cbpp", "slopes_gaussian", "slopes_binomial", "InstEval")

workload <- function(name) {
  set.seed(20240 + match(name, workload_names()), kind = "Mersenne-Twister",
           normal.kind = "Inversion", sample.kind = "Rejection")
  workload_table[[name]]()
}

has_groups <- function(formula) grepl("|", paste(deparse(formula), collapse = ""), fixed = TRUE)
