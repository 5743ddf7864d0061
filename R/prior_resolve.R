# Priors as numbers: for every parameter a row of the C table and its arguments, defaults filled in.
# The defaults are brms's, with rstanarm's autoscaled normal on the coefficients.

# What the defaults need to know of the data.
prior_scales <- function(family, response, design, rows, offset) {
  y <- if (is.null(rows)) response$y else response$y[rows]
  to_eta <- eta_rows[[family$link]]
  star <- if (!is.null(to_eta)) suppressWarnings(to_eta(y))
  if (!all(is.finite(star))) star <- NULL     # a response where the link is not finite
  residual <- "sigma" %in% family$par
  middle <- if (!is.null(star)) stats::median(star)
  list(location = if (is.null(star)) 0 else round(middle, 1L) - mean(offset),
       scale = if (is.null(star)) 2.5 else max(2.5, round(stats::mad(star, middle), 1L)),
       n = length(y), residual = residual,
       sd_y = if (residual) unit_if_zero(stats::sd(y)) else 1,
       mean_y = if (residual) mean(y) else 0,
       sd_x = design$sd)
}

# The response on the scale of the linear predictor; links without a row have location 0, scale 2.5.
eta_rows <- list(
  identity = function(y) y,
  log = function(y) log(replace(y, y == 0, 0.1))
)

unit_if_zero <- function(sd) if (is.na(sd) || sd == 0) 1 else sd

# `user` holds the prior arguments that were given (NULL: flat); what is missing has its default.
# -> list(coef, sd, cor, par: as the spec has them; tables: for prior_summary())
resolve_priors <- function(user, family, design, scales) {
  coef <- coefficient_priors(user, design, scales)
  sd <- sd_priors(user, design$random, scales)
  cor <- cor_priors(user, design$random)
  par <- aux_priors(user, family, scales)
  if (family$thresholds) coef$intercept <- par$table
  aux <- if (!family$thresholds) par$table
  tables <- list(prior = coef$prior, prior_hs = coef$prior_hs, prior_intercept = coef$intercept,
                 prior_aux = aux, prior_sd = sd$table, prior_cor = cor$table)
  inform_idle(user, tables)
  list(coef = coef$rows, sd = sd$rows, cor = cor$eta, par = par$rows, shrink = coef$shrink,
       default_sd = sd$default & cor$default, tables = tables)
}

# Priors of what the model does not have
inform_idle <- function(user, tables) {
  idle <- names(user)[lengths(user) > 0L & !vapply(tables[names(user)], NROW, 0L)]
  if (!length(idle)) return(invisible())
  vb_inform("The model has no parameter for {.arg {idle}}, which {?is/are} not used.")
}

coefficient_priors <- function(user, design, scales) {
  slopes <- setdiff(seq_along(design$names), design$intercept)
  unit <- scales$sd_y / scales$sd_x[slopes]
  default <- default_prior("normal", location = 0, scale = 2.5 * unit)
  given <- if ("prior" %in% names(user)) user["prior"]
  shrink <- shrink_prior(given[["prior"]], design$names[slopes], scales)
  if (length(shrink)) given <- shrink["prior"]
  rows <- coef_rows(given, design$names[slopes], default, "coef", "prior", unit)
  default <- default_prior("t", df = 3, location = scales$location, scale = scales$scale)
  first <- pick_prior(user, "prior_intercept", default, "coef", center = scales$mean_y)
  intercept <- expand_prior(first, "(Intercept)", default, "prior_intercept", scales$sd_y)
  has <- design$intercept > 0L
  # the intercept is the first column of a model matrix that has one
  list(rows = bind_rows(list(if (has) intercept, rows)), shrink = shrink$rows,
       prior_hs = shrink$table,
       prior = prior_table(design$names[slopes], list(rows)),
       intercept = if (has) prior_table("(Intercept)", list(intercept)))
}

# A horseshoe of all coefficients brings two hyperparameters, its global scale and its slab.
shrink_prior <- function(prior, names, scales) {
  if (!is_prior(prior) || !"coefs" %in% prior_rows[[prior$dist]]$on || !length(names)) return(NULL)
  prior <- as_prior(prior, "prior", "coefs")
  asked <- format(prior)
  if (length(prior$par_ratio)) prior$global_scale <- prior$par_ratio / sqrt(scales$n)
  prior$asked <- asked
  global <- default_prior("t", df = prior$global_df, location = 0, scale = prior$global_scale)
  slab <- default_prior("inv_chi", df = prior$slab_df, scale = prior$slab_scale)
  rows <- join_rows(list(expand_prior(global, "hs_global", global), expand_prior(slab, "", slab)))
  rows$default[] <- FALSE
  by_sigma <- prior$by_sigma && scales$residual
  global <- if (by_sigma) "hs_global / sigma" else "hs_global"
  list(prior = prior, table = prior_table(c(global, "hs_slab"), list(rows)),
       rows = c(rows[c("dist", "arg")], list(df = prior$df, by_sigma = as.integer(by_sigma))))
}

# Half-t on every sd; the user's is one prior for all, or a list by grouping factor of priors or of
# lists by coefficient.
sd_priors <- function(user, random, scales) {
  groups <- vapply(random, function(term) term$group, "")
  default <- default_prior("t", df = 3, location = 0, scale = scales$scale)
  given <- by_name(user, "prior_sd", "positive", unique(groups))
  rows <- lapply(seq_along(random), function(k) {
    same <- random[groups == groups[k]]        # a factor's terms, such as (x || g), go together
    names <- unlist(lapply(same, function(term) term$coef))
    unit <- function() scales$sd_y / unlist(lapply(same, function(term) column_moments(term$z)$sd))
    all <- coef_rows(given[names(given) == groups[k]], names, default, "positive", "prior_sd",
                     unit())
    pick_rows(all, match(random[[k]]$coef, names))
  })
  names <- lapply(random, function(term) paste(term$group, term$coef, sep = "__"))
  list(rows = lapply(rows, function(r) r[c("dist", "arg")]),
       default = vapply(rows, function(r) all(r$default), NA),
       table = prior_table(unlist(names), rows))
}

cor_priors <- function(user, random) {
  groups <- vapply(random, function(term) term$group, "")
  many <- vapply(random, function(term) length(term$coef) > 1L, NA)
  default <- default_prior("lkj", regularization = 1)
  given <- by_name(user, "prior_cor", "cor", unique(groups))
  rows <- lapply(groups, function(g) {
    expand_prior(pick_prior(given, g, default, "cor", "prior_cor"), g, default, "prior_cor", 1)
  })
  eta <- vapply(rows, function(row) row$arg[1L], 0)
  list(eta = replace(eta, !many, 1), default = vapply(rows, function(row) row$default, NA),
       table = prior_table(groups[many], rows[many]))
}

# Default priors of the families' parameters; `flat`: does a flat one leave a proper posterior?
aux_rows <- list(
  sigma = list(flat = TRUE, default = function(scales) {
    default_prior("t", df = 3, location = 0, scale = scales$scale)
  }),
  shape = list(flat = FALSE, default = function(scales) default_prior("exponential", scale = 1)),
  nu = list(flat = FALSE, default = function(scales) default_prior("gamma", shape = 2, rate = 0.1)),
  phi = list(flat = FALSE, default = function(scales) {
    default_prior("gamma", shape = 0.01, rate = 0.01)
  }),
  tau = list(flat = FALSE, default = function(scales) constant(0.5))
)

# The same for a family of the user's own, whose parameters have other domains as well.
user_aux_rows <- list(
  positive = list(flat = FALSE, default = function(scales) {
    default_prior("t", df = 3, location = 0, scale = 2.5)
  }),
  real = list(flat = FALSE, default = function(scales) {
    default_prior("t", df = 3, location = 0, scale = 2.5)
  }),
  unit = list(flat = TRUE, default = function(scales) default_prior("flat"))
)

aux_row <- function(family, par) {
  kind <- aux_domain(family, par)
  known <- if (kind == "positive") aux_rows[[par]]
  if (is.null(known)) user_aux_rows[[kind]] else known
}

aux_domain <- function(family, par) {
  if (is.null(family$domain)) "positive" else family$domain[[par]]
}

aux_priors <- function(user, family, scales) {
  if (family$thresholds) {
    by_name(user, "prior_aux", "positive", character())
    return(threshold_priors(user, family, scales))
  }
  par <- family$par
  fixed <- names(family$fixed)
  free <- setdiff(par, fixed)
  on <- if (length(free) == 1L) aux_domain(family, free) else "positive"
  given <- by_name(user, "prior_aux", on, par, single = free)
  held <- intersect(fixed, names(given))
  if (length(held)) {
    vb_abort(c("prior_aux", "prior"), "{.arg {held}} is held at a value by {.arg family}.")
  }
  priors <- lapply(par, function(p) {
    if (p %in% fixed) return(constant(family$fixed[[p]]))
    default <- aux_row(family, p)$default(scales)
    pick_prior(given, p, default, aux_domain(family, p), "prior_aux")
  })
  rows <- lapply(seq_along(par), function(k) {
    row <- aux_row(family, par[k])
    if (is_flat(priors[[k]]$dist) && !row$flat) {
      proper <- if (aux_domain(family, par[k]) == "real") "normal(0, 1)" else "exponential(1)"
      vb_abort(c("prior_aux", "prior"), c(
        "With a flat prior on {.arg {par[k]}} there is no proper posterior.",
        i = "Try {.code prior_aux = {proper}}."))
    }
    expand_prior(priors[[k]], par[k], row$default(scales), "prior_aux", scales$sd_y)
  })
  list(rows = bind_rows(rows), table = prior_table(par, rows))
}

# Each threshold has the prior of an intercept, as in brms.
threshold_priors <- function(user, family, scales) {
  default <- default_prior("t", df = 3, location = scales$location, scale = scales$scale)
  prior <- pick_prior(user, "prior_intercept", default, "coef")
  one <- expand_prior(prior, "(Intercept)", default, "prior_intercept", 1)
  rows <- rep(list(one), length(family$par))
  list(rows = bind_rows(rows), table = prior_table(family$par, rows))
}

# ---- one argument -> rows ------------------------------------------------------------------------

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
