#!/usr/bin/env Rscript
# Do the numbers stay what they are? For a change that is to move none, such as a new layout.
#
#   Rscript dev/same.R save FILE              fits the models of same-models.R, saves their numbers
#   Rscript dev/same.R compare FILE           fits them again: every number identical()?
#   Rscript dev/same.R compare FILE --only P  those whose name matches the pattern P
#
# The varbayes that R finds is the one that is fitted with (R_LIBS decides). Numbers are those of
# one machine, one R and one BLAS: save and compare on the same. Only exported functions and fields
# that ?vbfit documents are asked, by name, so that the same script serves the versions on both
# sides. No clock times. What is expected to change is left out by verb, not by tolerance.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages(library(varbayes))
options(varbayes.verbose = FALSE, warn = 1)
source(file.path(here, "same-models.R"))

# the value, or of an error its class: verbs that refuse are to go on refusing
outcome <- function(expr) {
  tryCatch(suppressWarnings(suppressMessages(expr)),
           error = function(e) structure(class(e)[1L], class = "refused"))
}

# Numbers with their names, without classes, environments and functions
plain <- function(x) {
  if (inherits(x, "refused")) return(x)
  if (is.null(x) || is.environment(x) || is.function(x) || is.language(x)) return(NULL)
  if (is.factor(x)) return(as.character(x))
  if (!is.list(x)) {
    keep <- attributes(x)[c("names", "dim", "dimnames", "stddev", "correlation", "postVar")]
    attributes(x) <- NULL
    attributes(x) <- Filter(Negate(is.null), lapply(keep, plain_attribute))
    return(x)
  }
  more <- attributes(x)["postVar"]
  rows <- if (is.data.frame(x)) row.names(x)
  out <- lapply(stats::setNames(seq_along(x), names(x)), function(i) plain(x[[i]]))
  c(out, Filter(Negate(is.null), c(list(row.names = rows), more)))
}

plain_attribute <- function(x) if (is.list(x)) lapply(x, as.character) else x

# the fields of ?vbfit and ?advifit that are numbers of the engine; one that has gone has moved
engine_fields <- list(
  fit = c("elbo", "elbo_se", "log_evidence", "converged", "stopped", "nobs", "mean", "sd", "cov",
          "sd_q", "log_weight", "khat", "n_noise", "n_iter", "n_grad", "n_bad", "curvature"),
  engine = c("log_lik", "solver", "rule", "n_cell", "n_eval", "n_sweep", "node_error", "ess",
             "khat", "lr", "lr_inflation"),
  node = c("weight", "elbo", "rq", "hyper", "mean", "var", "skew", "fixed_mean", "fixed_skew",
           "fixed_cov"),
  point = c("hyper", "weight"),
  rq = c("size", "max_level"),
  advi = c("coef", "hyper", "lp", "lp_approx", "log_weight", "khat", "elbo_se", "n_noise",
           "n_grad", "n_iter")
)

engine_numbers <- function(fit) {
  place <- list(fit = fit, engine = fit$engine, node = fit$engine$node, point = fit$engine$point,
                rq = fit$engine$rq, advi = fit$advi)
  out <- lapply(names(engine_fields), function(part) {
    value <- lapply(engine_fields[[part]], function(field) place[[part]][[field]])
    stats::setNames(value, paste0(part, "$", engine_fields[[part]]))
  })
  Filter(Negate(is.null), do.call(c, out))
}

trace_of <- function(fit) {
  trace <- elbo(fit, trace = TRUE)
  trace[setdiff(names(trace), "seconds")]
}

# Eight rows of the data, of which every second has a level of each grouping factor that is new
new_rows <- function(data, group) {
  new <- utils::head(data, 8L)
  for (name in group) {
    level <- as.character(new[[name]])
    level[c(FALSE, TRUE)] <- "unseen"
    new[[name]] <- level
  }
  new
}

pointwise <- function(loo) loo$pointwise[, 1L]

# What a fit of a formula is asked for: functions of the fit, its data, new rows and the groups
moments_asked <- list(
  summary = function(fit, ...) posterior_summary(fit, probs = c(0.025, 0.5, 0.9)),
  vcov = function(fit, ...) vcov(fit),
  VarCorr = function(fit, ...) unclass(VarCorr(fit)),
  ranef = function(fit, ...) ranef(fit, condVar = TRUE),
  coef = function(fit, ...) coef(fit),
  elbo = function(fit, ...) elbo(fit, parts = TRUE),
  trace = function(fit, ...) trace_of(fit),
  priors = function(fit, ...) lapply(prior_summary(fit), function(p) p[c("parameter", "prior")]),
  residuals = function(fit, ...) residuals(fit),
  link = function(fit, ...) predict(fit, se.fit = TRUE),
  response = function(fit, ...) predict(fit, type = "response", se.fit = TRUE),
  population = function(fit, ...) predict(fit, re.form = NA),
  credible = function(fit, ...) predict(fit, interval = "credible", level = 0.9),
  prediction = function(fit, ...) data.matrix(predict(fit, interval = "prediction")),
  new_link = function(fit, new, ...) predict(fit, new, se.fit = TRUE, allow.new.levels = TRUE),
  new_credible = function(fit, new, ...) {
    predict(fit, new, type = "response", interval = "credible", allow.new.levels = TRUE)
  },
  new_prediction = function(fit, new, ...) {
    data.matrix(predict(fit, new, interval = "prediction", allow.new.levels = TRUE))
  }
)

draws_asked <- list(
  draws = function(fit, ...) as.matrix(fit, ndraws = 40),
  linpred = function(fit, ...) posterior_linpred(fit, ndraws = 10, seed = 1),
  epred = function(fit, ...) posterior_epred(fit, ndraws = 10, seed = 2),
  predict = function(fit, ...) posterior_predict(fit, ndraws = 10, seed = 3),
  new_predict = function(fit, new, ...) {
    posterior_predict(fit, new, ndraws = 20, seed = 4, allow_new_levels = TRUE)
  },
  log_lik = function(fit, ...) log_lik(fit, ndraws = 10, seed = 5),
  R2 = function(fit, ...) bayes_R2(fit, ndraws = 50, seed = 6),
  psis = function(fit, ...) pointwise(loo::loo(fit, ndraws = 400)),
  cavity = function(fit, ...) pointwise(loo::loo(fit, method = "cavity", refit = 0)),
  group = function(fit, group, ...) {
    if (length(group)) pointwise(loo::loo(fit, method = "cavity", group = group[1L], refit = 0))
  }
)

# of these few it is enough to ask one fit, or two
seldom_asked <- list(
  "gaussian correlated slopes, lkj" = list(
    full_vcov = function(fit, ...) vcov(fit, full = TRUE),
    refit = function(fit, ...) pointwise(loo::loo(fit, method = "cavity", group = "Subject")),
    conditional_effects = function(fit, ...) {
      unclass(conditional_effects(fit, "Days", resolution = 9))[[1L]]
    }
  ),
  "binomial logit trials, exponential" = list(
    poststratify = function(fit, data, ...) {
      cells <- expand.grid(period = factor(1:4), herd = c("1", "2", "unseen"))
      cells$size <- seq_len(nrow(cells))
      poststratify(fit, cells, "size", by = ~ period, allow.new.levels = TRUE)
    }
  ),
  "binomial logit, cauchy and student_t" = list(
    kfold = function(fit, ...) pointwise(loo::kfold(fit, K = 3))
  ),
  "advi groups" = list(
    psis_summary = function(fit, ...) {
      posterior_summary(fit, variable = "b_x", method = "psis")
    }
  )
)

density_asked <- list(
  summary = function(fit, ...) posterior_summary(fit, probs = c(0.025, 0.5, 0.9)),
  psis_summary = function(fit, ...) posterior_summary(fit, method = "psis"),
  vcov = function(fit, ...) vcov(fit),
  elbo = function(fit, ...) elbo(fit, parts = TRUE),
  trace = function(fit, ...) trace_of(fit),
  draws = function(fit, ...) utils::head(posterior::as_draws_matrix(fit), 40)
)

# a named list of pieces
numbers_of <- function(name, data) {
  spec <- models[[name]]
  room <- list2env(data, parent = globalenv())
  for (family in names(own_families)) assign(family, eval(own_families[[family]], room), room)
  set.seed(1)
  fit <- outcome(eval(spec$call, room))
  if (inherits(fit, "refused")) return(list(fit = fit))
  rows <- if (inherits(fit, "vbfit")) eval(spec$call[[3L]], room)
  asked <- if (is.null(rows)) density_asked
    else c(moments_asked, draws_asked, seldom_asked[[name]])
  value <- lapply(asked[setdiff(names(asked), spec$skip)], function(ask) {
    set.seed(2)
    plain(outcome(ask(fit = fit, data = rows, new = new_rows(rows, spec$group),
                      group = spec$group)))
  })
  c(Filter(Negate(is.null), value), lapply(engine_numbers(fit), plain))
}

# How far apart, in words
difference <- function(old, new) {
  refused <- c(inherits(old, "refused"), inherits(new, "refused"))
  if (any(refused)) {
    said <- function(x) if (inherits(x, "refused")) paste("error", unclass(x)) else "a value"
    return(paste(said(old), "->", said(new)))
  }
  a <- unlist(old)
  b <- unlist(new)
  if (length(a) != length(b)) return(paste(length(a), "->", length(b), "values"))
  if (!identical(unname(is.na(a)), unname(is.na(b)))) return("missing values in other places")
  differs <- which(a != b)
  if (!length(differs)) return("names or shape")
  if (!is.numeric(a) || !is.numeric(b)) return(paste(a[differs[1L]], "->", b[differs[1L]]))
  apart <- abs(a - b)[differs]
  sprintf("%d of %d values, by up to %.3g, relatively %.3g", length(differs), length(a),
          max(apart), max(apart / pmax(abs(a), abs(b))[differs]))
}

# Says what differs; returns whether a number did
compare_model <- function(name, old, new) {
  engine <- function(piece) grepl("$", piece, fixed = TRUE)
  lone <- c(setdiff(names(old), names(new)), setdiff(names(new), names(old)))
  for (piece in lone) {
    cat(name, ": ", piece, if (engine(piece)) ": layout changed" else ": only on one side", ", ",
        if (piece %in% names(old)) "gone" else "new", "\n", sep = "")
  }
  both <- intersect(names(old), names(new))
  differs <- both[!mapply(identical, old[both], new[both])]
  for (piece in differs) {
    cat(name, ": ", piece, ": ", difference(old[[piece]], new[[piece]]), "\n", sep = "")
  }
  length(differs) > 0L || any(!engine(lone))
}

# what the numbers depend on besides the package
surroundings <- function() {
  c(R = R.version.string, BLAS = extSoftVersion()[["BLAS"]], LAPACK = La_version(),
    Matrix = as.character(utils::packageVersion("Matrix")))
}

save_numbers <- function(file, wanted, data) {
  numbers <- lapply(stats::setNames(wanted, wanted), numbers_of, data = data)
  saveRDS(list(numbers = numbers, surroundings = surroundings()), file)
  refused <- vapply(numbers, function(x) inherits(x$fit, "refused"), NA)
  if (any(refused)) cat("not fitted:", toString(names(numbers)[refused]), "\n")
  cat(length(numbers), "models saved,", sum(lengths(numbers)), "pieces\n")
  0L
}

compare_numbers <- function(file, wanted, data) {
  saved <- readRDS(file)
  now <- surroundings()
  other <- names(now)[saved$surroundings[names(now)] != now]
  if (length(other)) cat("saved with another", toString(other), "\n")
  absent <- setdiff(wanted, names(saved$numbers))
  if (length(absent)) cat("not in", file, ":", toString(absent), "\n")
  wanted <- intersect(wanted, names(saved$numbers))
  moved <- vapply(wanted, function(name) {
    compare_model(name, saved$numbers[[name]], numbers_of(name, data))
  }, NA)
  cat(sum(!moved), "of", length(moved), "models identical\n")
  as.integer(any(moved) || !length(moved))
}

main <- function(arguments) {
  usage <- "usage: same.R save|compare FILE [--only PATTERN]"
  verbs <- list(save = save_numbers, compare = compare_numbers)
  only <- match("--only", arguments)
  pattern <- if (is.na(only)) "" else arguments[only + 1L]
  if (!is.na(only)) arguments <- arguments[-(only + 0:1)]
  if (length(arguments) != 2L || is.na(pattern) || is.null(verbs[[arguments[1L]]])) {
    stop(usage, call. = FALSE)
  }
  cat("varbayes ", as.character(utils::packageVersion("varbayes")), " in ",
      dirname(system.file(package = "varbayes")), ", ", R.version.string, "\n", sep = "")
  data <- model_data()
  verbs[[arguments[1L]]](arguments[2L], grep(pattern, names(models), value = TRUE), data)
}

quit(status = main(commandArgs(TRUE)))
