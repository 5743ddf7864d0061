# Priors as numbers: for every parameter a row of the C table and its arguments, defaults filled in.
# The defaults are brms's, with rstanarm's autoscaled normal on the coefficients.

# What the defaults need to know of the data.
prior_scales <- function(family, response, design, rows, offset) {
  y <- row_part(response$y, rows)
  to_eta <- eta_rows[[scale_of_mean(family)]]
  star <- if (!is.null(to_eta)) suppressWarnings(to_eta(y))
  if (!all(is.finite(star))) star <- NULL     # a response where the link is not finite
  residual <- "sigma" %in% c(family$par, family$predicted) && scale_of_mean(family) == family$link
  middle <- if (!is.null(star)) stats::median(star)
  list(location = if (is.null(star)) 0 else round(middle, 1L) - mean(offset_of_mean(offset)),
       scale = if (is.null(star)) 2.5 else max(2.5, round(stats::mad(star, middle), 1L)),
       n = NROW(y), residual = residual,
       sd_y = if (residual) unit_if_zero(stats::sd(y)) else 1,
       mean_y = if (residual) mean(y) else 0,
       sd_x = design$sd)
}

# The response on the scale of the linear predictor; links without a row have location 0, scale 2.5.
eta_rows <- list(
  identity = function(y) y,
  log = function(y) log(replace(y, y == 0, 0.1))
)

# The link that takes responses to where the mean's predictor is: of the logarithm of a response its
# own is the identity
scale_of_mean <- function(family) {
  of <- family_rows[[family$name]]$scale
  if (is.null(of)) family$link else of
}

unit_if_zero <- function(sd) if (is.na(sd) || sd == 0) 1 else sd

# `user` holds the prior arguments that were given (NULL: flat); what is missing has its default.
# -> list(coef, sd, cor, par: as the spec has them; tables: for prior_summary())
resolve_priors <- function(user, family, design, scales) {
  user <- sd_by_group(user, design)
  coef <- coefficient_priors(user, family, design, scales)
  sd <- sd_priors(user, design$random, field_groups(design$fields), scales)
  cor <- cor_priors(user, design$random)
  fields <- field_priors(user, design$fields, scales)
  user <- without_field_parameters(user, design$fields)
  par <- aux_priors(user, family, scales)
  if (family$thresholds) coef$intercept <- par$table
  aux <- rbind(if (!family$thresholds) par$table, fields$aux)
  tables <- list(prior = coef$prior, prior_hs = coef$prior_hs, prior_intercept = coef$intercept,
                 prior_aux = aux, prior_sd = rbind(sd$table, fields$sd), prior_cor = cor$table)
  inform_idle(user, tables)
  list(coef = coef$rows, sd = sd$rows, cor = cor$eta, par = par$rows, shrink = coef$shrink,
       fields = fields$rows, default_sd = sd$default & cor$default, tables = tables)
}

# Priors of what the model does not have
inform_idle <- function(user, tables) {
  idle <- names(user)[lengths(user) > 0L & !vapply(tables[names(user)], NROW, 0L)]
  if (!length(idle)) return(invisible())
  vb_inform("The model has no parameter for {.arg {idle}}, which {?is/are} not used.")
}

# Of each predictor's coefficients, and of the blocks of fields, whose are not looked at
coefficient_priors <- function(user, family, design, scales) {
  parts <- predictor_parts(design)
  each <- lapply(parts, function(part) {
    part_priors(part_user(user, part, parts), part, scales_of_part(scales, part, family),
                design)
  })
  shrink <- each[[1L]]$shrink
  if (length(shrink) && has_predictors(family)) {
    vb_abort(c("prior", "formula"), "{.fun horseshoe} is for models of one predictor.")
  }
  n_field <- length(field_coefs(design$fields))
  own <- list(dist = rep("flat", n_field), arg = matrix(0, 3L, n_field))
  column <- function(name) unname(lapply(each, function(part) part[[name]]))
  list(rows = bind_rows(c(column("rows"), list(own))), shrink = shrink$rows,
       prior_hs = shrink$table, prior = do.call(rbind, column("prior")),
       intercept = do.call(rbind, column("intercept")))
}

# `part`: of predictor_parts(); rows in the order of its columns, the intercept first
part_priors <- function(user, part, scales, design) {
  at <- match(part$intercept, part$columns, nomatch = 0L)
  slopes <- setdiff(seq_along(part$columns), at)
  name <- design$names[part$columns]
  unit <- scales$sd_y / scales$sd_x[slopes]
  default <- default_prior("normal", location = 0, scale = 2.5 * unit)
  given <- if ("prior" %in% names(user)) user["prior"]
  shrink <- shrink_prior(given[["prior"]], name[slopes], scales)
  if (length(shrink)) given <- shrink["prior"]
  rows <- coef_rows(given, part$bare[slopes], default, "coef", "prior", unit)
  rows <- flat_by_default(rows, name[slopes] %in% field_names(design$fields))
  default <- scales$intercept
  if (is.null(default)) {
    default <- default_prior("t", df = 3, location = scales$location, scale = scales$scale)
  }
  first <- pick_prior(user, "prior_intercept", default, "coef", center = scales$mean_y)
  intercept <- expand_prior(first, "(Intercept)", default, "prior_intercept", scales$sd_y)
  has <- at > 0L
  # the intercept is the first column of a model matrix that has one
  list(rows = join_rows(list(if (has) intercept, rows)), shrink = shrink,
       prior = prior_table(name[slopes], list(rows)),
       intercept = if (has) prior_table(name[at], list(intercept)))
}

# As in brms, the coefficients of what smooths do not penalise
flat_by_default <- function(rows, which) {
  which <- which & rows$default
  rows$dist[which] <- "flat"
  rows$arg[, which] <- 0
  rows
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
# lists by coefficient; `own`: names of fields, whose sds are not among these.
sd_priors <- function(user, random, own, scales) {
  groups <- vapply(random, function(term) term$group, "")
  given <- by_name(user, "prior_sd", "positive", unique(c(groups, own)))
  rows <- lapply(seq_along(random), function(k) {
    same <- random[groups == groups[k]]        # a factor's terms, such as (x || g), go together
    names <- unlist(lapply(same, sd_coefs))
    default <- default_prior("t", df = 3, location = 0,
                             scale = unlist(lapply(same, sd_scales, scales$scale)))
    unit <- function() {
      unlist(lapply(same, sd_scales, scales$sd_y, 1)) / unlist(lapply(same, column_sds))
    }
    all <- coef_rows(given[names(given) == groups[k]], names, default, "positive", "prior_sd",
                     unit())
    pick_rows(all, match(sd_coefs(random[[k]]), names))
  })
  names <- lapply(random, function(term) {
    coef <- sd_coefs(term)
    paste0(term$group, ifelse(nzchar(coef), "__", ""), coef)
  })
  list(rows = lapply(rows, function(r) r[c("dist", "arg")]),
       default = vapply(rows, function(r) all(r$default), NA),
       table = prior_table(unlist(names), rows))
}

# The scales of a term's sds: those of the mean's coefficients are the data's
sd_scales <- function(term, of_mean, other = 2.5) {
  mean <- startsWith(term_dpar(term), "mu")
  rep_len(ifelse(mean, of_mean, other), n_sds(term))
}

# of the columns that each sd is of
column_sds <- function(term) {
  sd <- column_moments(term$z)$sd
  if (covariance_row(term)$one_sd) sqrt(mean(sd^2)) else sd
}

cor_priors <- function(user, random) {
  groups <- vapply(random, function(term) term$group, "")
  many <- vapply(random, function(term) n_cors(term) > 0L, NA)
  default <- default_prior("lkj", regularization = 1)
  given <- by_name(user, "prior_cor", "cor", unique(groups))
  rows <- lapply(groups, function(g) {
    expand_prior(pick_prior(given, g, default, "cor", "prior_cor"), g, default, "prior_cor", 1)
  })
  eta <- vapply(rows, function(row) row$arg[1L], 0)
  table <- prior_table(groups[many], rows[many])
  for (k in which(vapply(random[many], is_compound, NA))) {
    range <- signif(correlation_range(random[many][[k]]), 3L)
    table$prior[k] <- paste0(table$prior[k], " of one in (", toString(range), ")")
  }
  list(eta = replace(eta, !many, 1), default = vapply(rows, function(row) row$default, NA),
       table = table)
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
  tau = list(flat = FALSE, default = function(scales) constant(0.5)),
  zi = list(flat = TRUE, default = function(scales) default_prior("flat")),
  hu = list(flat = TRUE, default = function(scales) default_prior("flat")),
  zoi = list(flat = TRUE, default = function(scales) default_prior("flat")),
  coi = list(flat = TRUE, default = function(scales) default_prior("flat"))
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
  known <- if (par %in% names(dpar_domains) && kind == dpar_domains[[par]]) aux_rows[[par]]
  if (is.null(known)) user_aux_rows[[kind]] else known
}

aux_domain <- function(family, par) {
  if (is.null(family$domain)) dpar_domains[[par]] else family$domain[[par]]
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
