# Effects of structured terms by level: of a series' times, the areas of a map, species of a tree,
# members of several groups.

# Which fields have levels, named as in ranef(): as their standard deviations are
levelled_fields <- function(fit, members = FALSE) {
  has <- vapply(fit$fields, function(field) {
    !is.null(field$levels) && (!members || is_group_field(field))
  }, NA)
  name <- vapply(fit$fields[has], function(field) {
    sub("^sd_?(.*?)(__.*)?$", "\\1", field$blocks[[1L]]$hyper$name[1L], perl = TRUE)
  }, "")
  stats::setNames(which(has), name)
}

# The coefficient of such a field: that of a slope, or an intercept
effect_coef <- function(field) {
  coef <- if (is_group_field(field)) field$coef else "Intercept"
  if (coef == "Intercept") "(Intercept)" else coef
}

# Mean, sd and quantiles of the effects of field k, a row per level
field_effects <- function(fit, k, probs = numeric()) {
  field <- fit$fields[[k]]
  out <- if (is.null(field$basis)) {
    table <- parameter_table(fit)
    coef <- field$blocks[[1L]]$coef[seq_along(field$levels)]   # hidden ones come after
    table <- table[match(coef, table$name), ]
    summarise_parameters(fit, table, probs)
  } else {
    # effects are combinations of the coefficients; slopes, which come first, are fixed effects
    free <- seq_len(ncol(field$basis)) > length(field$fixed)
    combination_summary(fit, field_places(fit, k)[free], field$basis[, free, drop = FALSE], probs)
  }
  rownames(out) <- field$levels
  out
}

# The same of any combinations of the design's coefficients, a row each
combination_summary <- function(fit, place, columns, probs) {
  rows <- empty_rows(fit, nrow(columns))
  rows$x[, place] <- columns
  with_open(fit, function(fit) {
    sd <- sqrt(row_moments(fit, rows_of_link(fit, rows))$var)
    bound <- if (length(probs)) {
      interval_bounds(fit, rows, "link", "credible", probs, numeric(nrow(columns)))
    }
    cbind(predictor_mean(fit, rows), sd, bound, deparse.level = 0)
  })
}

# ranef()'s list with those of the fields: a column more where the group is there already
with_field_effects <- function(fit, effects, cond_var) {
  fields <- levelled_fields(fit)
  for (j in seq_along(fields)) {
    value <- field_effects(fit, fields[[j]])
    frame <- as.data.frame(value[, 1L, drop = FALSE])
    names(frame) <- effect_coef(fit$fields[[fields[[j]]]])
    if (cond_var) attr(frame, "postVar") <- array(value[, 2L]^2, c(1L, 1L, nrow(value)))
    name <- names(fields)[j]
    effects[[name]] <- if (is.null(effects[[name]])) frame
      else beside(effects[[name]], frame, cond_var)
  }
  effects
}

# Two data frames of one group's levels, whose covariances with each other are not known
beside <- function(first, second, cond_var) {
  level <- union(rownames(first), rownames(second))
  out <- cbind(first[level, , drop = FALSE], second[level, , drop = FALSE])
  dimnames(out) <- list(level, c(names(first), names(second)))
  if (cond_var) {
    q <- ncol(first)
    var <- array(NA_real_, c(q + 1L, q + 1L, length(level)))
    var[seq_len(q), seq_len(q), match(rownames(first), level)] <- attr(first, "postVar")
    var[q + 1L, q + 1L, match(rownames(second), level)] <- attr(second, "postVar")
    attr(out, "postVar") <- var
  }
  out
}

# The posterior means of sds of gr() and mm(), as VarCorr() has those of groups
field_variances <- function(fit, mean) {
  fields <- levelled_fields(fit, members = TRUE)
  out <- lapply(fields, function(k) {
    field <- fit$fields[[k]]
    name <- effect_coef(field)
    sd <- stats::setNames(mean[[field$blocks[[1L]]$hyper$name[1L]]], name)
    one <- matrix(1, 1L, 1L, dimnames = list(name, name))
    structure(one * sd^2, stddev = sd, correlation = one)
  })
  stats::setNames(out, names(fields))
}
