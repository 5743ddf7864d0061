# One prior argument as numbers: rows of the C table for the parameters that it is of.

default_prior <- function(dist, ...) {
  structure(list(dist = dist, ..., default = TRUE), class = "vb_prior")
}

# `center`: where rstanarm's default intercept, which has no location, is put
pick_prior <- function(user, name, default, on, arg = name, center = 0) {
  if (!name %in% names(user)) return(default)
  prior <- as_prior(user[[name]], arg, on)
  if (is.null(prior$location)) prior$location <- center
  prior
}

# One prior for all of `single`, or a list of priors by name -> a list by name.
by_name <- function(user, arg, on, names, single = names) {
  if (!arg %in% names(user)) return(list())
  x <- user[[arg]]
  if (!is.list(x) || is_prior(x) || inherits(x, "family")) {
    x <- as_prior(x, arg, on)
    if (arg == "prior_aux" && length(single) > 1L) {
      vb_abort(c(arg, "prior"), c(
        "The family has the parameters {.arg {single}}.",
        i = "Give a list: {.code prior_aux = list({single[1]} = , {single[2]} = )}."))
    }
    return(structure(rep(list(x), length(single)), names = single))
  }
  wrong <- wrong_names(names(x), names)
  if (is.null(names(x)) || length(wrong)) {
    must <- if (length(names)) "The list {.arg {arg}} must be named by {.val {names}}."
      else "The list {.arg {arg}} suits no part of the model."
    vb_abort(c(arg, "prior"), c(must, x = if (is.null(names(x))) "It has no names."
                                        else "None of these, or twice: {.val {wrong}}."))
  }
  x
}

# `given` is empty, or holds one entry: a prior of all the coefficients, or a list by coefficient.
coef_rows <- function(given, names, default, on, arg, unit) {
  if (!length(given)) return(expand_prior(default, names, default, arg, unit))
  x <- given[[1L]]
  if (!is.list(x) || is_prior(x) || inherits(x, "family")) {
    if (on == "coef") on <- c(on, "coefs")
    return(expand_prior(pick_prior(given, names(given), default, on, arg), names, default, arg,
                        unit))
  }
  x <- name_intercept(x, names)
  wrong <- wrong_names(names(x), names)
  if (!length(names(x)) || length(wrong)) {
    vb_abort(c(arg, "prior"), c(
      "A list of priors in {.arg {arg}} must be named by coefficients: {.val {names}}.",
      x = if (length(names(x))) "No coefficients, or twice: {.val {wrong}}."
        else "It has no names."))
  }
  one <- default
  join_rows(lapply(seq_along(names), function(k) {
    one$scale <- rep_len(default$scale, length(names))[k]
    expand_prior(pick_prior(x, names[k], one, on, arg), names[k], one, arg, unit[k])
  }))
}

# Those that are not known, and those that come twice
wrong_names <- function(given, known) {
  unique(c(setdiff(given, known), given[duplicated(given)]))
}

# The intercept may have the name that brms gives it
name_intercept <- function(x, names) {
  if (is.null(names(x))) return(x)
  names(x)[names(x) == "Intercept" & !"Intercept" %in% names] <- "(Intercept)"
  x
}

# `unit` is what autoscale multiplies by; coefficients that a named vector leaves out have the
# default. -> list(dist = <chr k>, arg = <3 x k>, default = <lgl k>, asked = <chr k>)
expand_prior <- function(prior, names, default, arg, unit) {
  k <- length(names)
  fallback <- prior_numbers(default, k)
  fallback[c("default", "asked")] <- list(rep(TRUE, k), character(k))
  if (isTRUE(prior$default)) return(fallback)
  asked <- if (length(prior$asked)) prior$asked else format(prior)
  fields <- intersect(prior_fields, names(prior))
  named <- fields[vapply(prior[fields], function(v) !is.null(names(v)), NA)]
  shown <- function(f) if (prior$dist == "constant") "value" else f
  prior[fields] <- lapply(fields, function(f) expand_values(prior[[f]], names, arg, shown(f)))
  if (isTRUE(prior$autoscale)) prior$scale <- prior$scale * unit
  given <- rep(!length(named), k)
  fill <- list(df = 3, location = 0, scale = if (is.null(default$scale)) 1 else default$scale)
  for (f in named) given <- given | !is.na(prior[[f]])
  for (f in named) {
    gap <- is.na(prior[[f]])
    prior[[f]][gap] <- rep_len(fill[[f]], k)[gap]
  }
  rows <- prior_numbers(prior, k)
  rows[c("default", "asked")] <- list(rep(FALSE, k), rep(asked, k))
  join_rows(lapply(seq_len(k), function(j) pick_rows(if (given[j]) rows else fallback, j)))
}

# One value per coefficient; NA where a named vector leaves it out.
expand_values <- function(value, names, arg, field) {
  if (!is.null(names(value))) {
    wrong <- wrong_names(names(value), names)
    if (length(wrong)) {
      hint <- if ("(Intercept)" %in% wrong) "The intercept has its own {.arg prior_intercept}."
        else "The names are {.val {names}}."
      vb_abort(c(arg, "prior"), c("Names in {.arg {field}} of {.arg {arg}} that are no coefficients
                                   or come twice: {.val {wrong}}.", i = hint))
    }
    return(unname(value[names]))
  }
  if (!length(value) %in% c(1L, length(names))) {
    vb_abort(c(arg, "prior"), c(
      "{.arg {field}} of {.arg {arg}} must have one entry, or one for each of {.val {names}}.",
      x = "It has {length(value)}."))
  }
  rep_len(value, length(names))
}

# -> list(dist = <chr k>, arg = <3 x k>)
prior_numbers <- function(prior, k) {
  if (!k) return(list(dist = character(), arg = matrix(0, 3L, 0L)))
  row <- prior_rows[[prior$dist]]
  arg <- row$arg(prior)
  list(dist = rep(row$row, k), arg = arg[, rep_len(seq_len(ncol(arg)), k), drop = FALSE])
}

pick_rows <- function(rows, keep) {
  list(dist = rows$dist[keep], arg = rows$arg[, keep, drop = FALSE], default = rows$default[keep],
       asked = rows$asked[keep])
}

join_rows <- function(rows) {
  column <- function(field, none) c(none, unlist(lapply(rows, function(r) r[[field]])))
  list(dist = column("dist", character()),
       arg = do.call(cbind, c(list(matrix(0, 3L, 0L)), lapply(rows, function(r) r$arg))),
       default = column("default", logical()), asked = column("asked", character()))
}

bind_rows <- function(rows) join_rows(rows)[c("dist", "arg")]

# A data frame with a row per parameter: what was used and, where not the default, what was asked
# for.
prior_table <- function(parameter, rows) {
  all <- join_rows(rows)
  k <- length(all$dist)
  text <- vapply(seq_len(k), function(j) {
    n_arg <- prior_rows[[which(row_names == all$dist[j])]]$n_arg
    sprintf("%s(%s)", all$dist[j], toString(signif(all$arg[seq_len(n_arg), j], 5L)))
  }, "")
  structure(list(parameter = as.character(parameter), prior = text, dist = all$dist,
                 arg1 = all$arg[1L, ], arg2 = all$arg[2L, ], arg3 = all$arg[3L, ],
                 default = all$default, asked = all$asked),
            class = "data.frame", row.names = seq_len(k))
}

row_names <- vapply(prior_rows, function(row) row$row, "")
