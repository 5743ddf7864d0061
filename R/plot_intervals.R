# Means and intervals of parameters, and of random effects as caterpillars.

plot_intervals <- function(fit, table, options, dots) {
  check_some(table, "such parameters")
  if (nrow(table) > 400L) {
    vb_abort("variable", c("{nrow(table)} intervals are too many for one picture.",
                           i = "Choose some by {.arg variable}."))
  }
  probs <- interval_probs(options$prob)
  value <- posterior_summary(fit, probs = probs, variable = table$name)
  out <- data.frame(variable = table$name, panel = interval_panel(table), value,
                    row.names = seq_len(nrow(table)), check.names = FALSE)
  rows <- split(seq_len(nrow(out)), factor(out$panel, levels = unique(out$panel)))
  out <- out[unlist(rows), ]
  label <- short_name(table, fit$levels)
  panels <- length(rows)
  old <- graphics::par(c(if (panels > 1L) "mfrow", "mar", "mgp", "las", "tcl", "cex"))
  on.exit(graphics::par(old))
  if (panels > 1L) {
    heights <- panel_heights(lengths(rows) + 3.6, 0.83 * 3.6 * graphics::par("csi") + 0.1)
    graphics::layout(matrix(seq_len(panels)), heights = heights)
  }
  graphics::par(cex = if (panels > 1L) 0.83 else graphics::par("cex"))
  graphics::par(mar = c(2, label_margin(label), 1.6, 1.2), mgp = c(2, 0.4, 0), las = 1,
                tcl = -0.25)
  for (name in names(rows)) {
    part <- rows[[name]]
    interval_rows(name, value[part, , drop = FALSE], label[part], options$col, dots)
  }
  rownames(out) <- NULL
  out
}

# Shares of the device's height as `lines` has them, but no panel so low that its margins, `least`
# inches, have no room
panel_heights <- function(lines, least, whole = graphics::par("din")[2L]) {
  low <- logical(length(lines))
  repeat {
    rest <- whole - sum(low) * least
    height <- ifelse(low, least, rest * lines / sum(lines[!low]))
    more <- !low & height < least
    if (!any(more)) return(height)
    if (all(low | more)) return(lines)
    low <- low | more
  }
}

interval_rows <- function(name, value, label, col, dots) {
  n <- nrow(value)
  at <- rev(seq_len(n))
  bound <- value[, -(1:2), drop = FALSE]
  shown <- range(bound, value[, 1L], if (!name %in% own_scale) 0)
  draw_frame(grDevices::extendrange(shown, f = 0.03), c(0.4, n + 0.6), dots, yaxt = "n",
             bty = "n", yaxs = "i")
  graphics::abline(v = graphics::axTicks(1L), col = "grey92")
  if (shown[1L] <= 0 && shown[2L] >= 0) graphics::abline(v = 0, col = "grey55")
  draw_intervals(value[, 1L], bound, at, col)
  row_labels(label, at)
  panel_title(name, 0.2)
}

# Headings of the panels; those of `own_scale` need not show zero, which means nothing there
interval_headings <- c(threshold = "Thresholds", b = "Coefficients",
                       sd = "Standard deviations of random effects",
                       cor = "Correlations of random effects", aux = "Further parameters",
                       hs = "Horseshoe", r = "Random effects", parameter = "Parameters")
own_scale <- c("Intercept", "Thresholds", "Further parameters", "Parameters")

interval_panel <- function(table) {
  panel <- unname(interval_headings[table$class])
  first <- table$name == "b_Intercept"
  if (any(table$class == "b" & !first)) panel[first] <- "Intercept"
  panel
}

# Without what the heading of the panel says: b_x -> x, sd_g__x -> g: x, cor_g__x__y -> g: x, y;
# thresholds by the categories that they part
short_name <- function(table, levels = NULL) {
  prefix <- c(b = "^b_", sd = "^sd_", cor = "^cor_", r = "^r_")
  vapply(seq_len(nrow(table)), function(k) {
    name <- table$name[k]
    if (table$class[k] == "threshold") {
      cut <- as.integer(gsub("[^0-9]", "", name))
      return(paste(levels[cut], levels[cut + 1L], sep = " | "))
    }
    if (table$class[k] %in% names(prefix)) name <- sub(prefix[[table$class[k]]], "", name)
    if (!table$class[k] %in% c("sd", "cor")) return(name)
    gsub("__", ", ", sub("__", ": ", name, fixed = TRUE), fixed = TRUE)
  }, "")
}

# ---- Random effects ------------------------------------------------------------------------------

plot_ranef <- function(fit, table, options, dots) {
  if (!length(fit$random) && !length(levelled_fields(fit))) {
    check_some(table[0L, ], "random effects")
  }
  out <- ranef_intervals(fit, table, interval_probs(options$prob))
  check_some(out, "such random effects")
  panel <- paste0(out$grpvar, ": ", out$term)
  parts <- split(seq_len(nrow(out)), factor(panel, levels = unique(panel)))
  check_panels(length(parts))
  dim <- if (length(parts) <= 3L) c(1L, length(parts)) else panel_grid(length(parts))
  margin <- label_margin(as.character(out$grp), 0.3 / dim[2L])
  old <- open_panels(dim, c(2.4, margin, 1.8, 1))
  on.exit(graphics::par(old))
  for (name in names(parts)) caterpillar(name, out[parts[[name]], ], options$col, dots)
  out
}

# One row per level and coefficient, sorted by their means within a coefficient
ranef_intervals <- function(fit, table, probs) {
  part <- lapply(seq_along(fit$random), function(k) {
    term <- fit$random[[k]]
    own <- ranef_table(fit, k)
    n <- length(term$levels)
    own$term <- rep(term$coef, each = n)
    own$grp <- rep(term$levels, length(term$coef))
    own <- own[own$name %in% table$name, ]
    value <- summarise_parameters(fit, own[c("name", "class", "row")], probs)
    frame <- data.frame(grpvar = rep(term$group, nrow(own)), term = own$term, grp = own$grp,
                        condval = value[, 1L], condsd = value[, 2L], value[, -(1:2), drop = FALSE],
                        row.names = NULL, check.names = FALSE)
    frame[order(match(frame$term, term$coef), frame$condval), ]
  })
  out <- do.call(rbind, c(part, field_intervals(fit, table, probs)))
  rownames(out) <- NULL
  out
}

# The same of structured terms, some of whose coefficients are in the table
field_intervals <- function(fit, table, probs) {
  k <- levelled_fields(fit)
  lapply(seq_along(k), function(j) {
    field <- fit$fields[[k[j]]]
    value <- field_effects(fit, k[[j]], probs)
    wanted <- field$blocks[[1L]]$coef %in% table$name
    own <- if (is.null(field$basis)) wanted[seq_len(nrow(value))] else rep(any(wanted), nrow(value))
    value <- value[own, , drop = FALSE]
    colnames(value)[-(1:2)] <- colnames(summary_matrix(character(), probs))[-(1:2)]
    frame <- data.frame(grpvar = rep(names(k)[j], nrow(value)),
                        term = rep(effect_coef(field), nrow(value)), grp = rownames(value),
                        condval = value[, 1L], condsd = value[, 2L], value[, -(1:2), drop = FALSE],
                        row.names = NULL, check.names = FALSE)
    frame[order(frame$condval), ]
  })
}

caterpillar <- function(name, frame, col, dots) {
  n <- nrow(frame)
  bound <- as.matrix(frame[-(1:5)])
  draw_frame(grDevices::extendrange(range(bound, 0), f = 0.03), c(0.4, n + 0.6), dots,
             yaxt = "n", bty = "n", yaxs = "i")
  graphics::abline(v = graphics::axTicks(1L), col = "grey92")
  graphics::abline(v = 0, col = "grey55")
  draw_intervals(frame$condval, bound, seq_len(n), col)
  row_labels(frame$grp)
  panel_title(name, 0.3)
}
