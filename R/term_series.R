# Fields along time: ar1(t), rw1(t), rw2(t), one series or one for each level of a group, ar1(t |
# g).

read_series <- function(call, env, data2) {
  args <- field_arguments(call, alist(time = ))
  time <- strip_parens(args$time)
  group <- NULL
  if (is_bar(time)) {
    group <- strip_parens(time[[3L]])
    time <- without_zero(strip_parens(time[[2L]]))
  }
  list(label = deparse1(call), group = deparse1(time),
       variables = c(list(time), if (!is.null(group)) list(group)))
}

# glmmTMB's ar1(0 + time | g)
without_zero <- function(x) {
  if (is_call_to(x, "+") && length(x) == 3L && identical(x[[2L]], 0)) strip_parens(x[[3L]]) else x
}

series_times <- function(field, x) {
  time <- if (is.factor(x)) suppressWarnings(as.double(as.character(x))) else x
  if (!is.numeric(time) || anyNA(time) && !anyNA(x)) {
    field_abort(field$call, "Times must be numbers, or a factor of numbers.")
  }
  as.double(time)
}

# The levels are the times of each series, in order
series_keys <- function(field, values) {
  time <- series_times(field, values[[1L]])
  group <- if (length(values) > 1L) as.character(values[[2L]])
  key <- format_times(time)
  list(time = time, group = group, key = if (is.null(group)) key else paste(group, key, sep = ","))
}

format_times <- function(time) {
  seen <- unique(time)
  vapply(seen, format, "", digits = 15L)[match(time, seen)]
}

series_levels <- function(field, values) {
  keys <- series_keys(field, values)
  series <- if (is.null(keys$group)) factor(rep("1", length(keys$time))) else factor(keys$group)
  order <- order(as.integer(series), keys$time)
  first <- order[!duplicated(keys$key[order])]
  list(level = keys$key[first], time = keys$time[first], series = as.integer(series)[first],
       label = levels(series)[series[first]])
}

# The field with its times: of which series each is, by name
with_times <- function(field, at) {
  field$levels <- at$level
  field$time <- at$time
  field$series <- at$label
  field
}

make_ar1 <- function(field, values) {
  at <- series_levels(field, values)
  gap <- ifelse(duplicated(at$series), c(0, diff(at$time)), 0)
  if (any(gap != round(gap))) field_abort(field$call, "Times must be whole numbers apart.",
                                          "{.fn rw1} and {.fn rw2} take any times.")
  field <- with_times(field, at)
  coef <- paste0("rar1_", field$group, "[", at$level, "]")
  hyper <- and_hyper(sd_hyper(paste0("sdar1_", field$group), field$group),
                     paste0("rho_", field$group), "rho", "correlation", 0.5, flat())
  begins <- !duplicated(at$series)
  field$blocks <- list(if (length(coef) >= sparse_from() && all(gap[!begins] == 1))
    sparse_ar1(coef, begins, hyper)
    else list(coef = coef, precision = "ar1", at = gap, hyper = hyper))
  field
}

# Of times one apart; which of them begin a series
sparse_ar1 <- function(coef, begins, hyper) {
  n <- length(begins)
  i <- seq_len(n)
  last <- c(begins[-1L], TRUE)
  sparse_block(coef, "ar1_sparse",
               list(sparse_matrix(i, i, 1, n), sparse_matrix(i, i, as.double(!last), n),
                    sparse_matrix(which(!begins), which(!begins) - 1L, 1, n),
                    sparse_matrix(i, i, as.double(begins), n)),
               c(n, n - sum(begins), 0), hyper)
}

series_members <- function(field, values) {
  key <- series_keys(field, values)$key
  list(level = list(key), weight = list(rep(1, length(key))))
}

# Random walks: with D the (second) differences, of variance one for times one apart, the precision
# D'D / sd^2 leaves a constant, and a slope, free. The constant of each series is not in the model;
# slopes are fixed effects.
make_walk <- function(field, values, order) {
  at <- series_levels(field, values)
  field <- with_times(field, at)
  field$order <- order
  parts <- lapply(split(seq_along(at$level), at$series), function(i) {
    if (length(i) <= order) {
      field_abort(field$call, "A series has {length(i)} time{?s}, and {order + 1} are the least.")
    }
    walk_basis(at$time[i], order)
  })
  field$basis <- block_diagonal(lapply(parts, function(part) part$basis))
  slopes <- if (order == 2L) block_diagonal(lapply(parts, function(part) part$slope))
  name <- paste0("rw", order, "_", field$group)
  if (!is.null(slopes)) {
    field$fixed <- paste0(name, "_", seq_along(parts))
    field$basis <- cbind(slopes, field$basis)
  }
  n <- ncol(field$basis) - length(field$fixed)
  field$blocks <- list(list(coef = paste0("z", name, "[", seq_len(n), "]"), precision = "iid",
                            at = rep(1, n), hyper = sd_hyper(paste0("sd", name), field$group)))
  field
}

# Differences scaled so that a walk seen at irregular times is the same walk: increments of variance
# h; for the second order the integral of one, with precision 2 / (h_1 h_2 (h_1 + h_2)) and the like
# (Lindgren and Rue 2008). -> list(i, j, x): the non-zeros of D.
walk_differences <- function(time, order) {
  h <- diff(time)
  i <- seq_len(length(time) - order)
  if (order == 1L) {
    part <- cbind(-1 / sqrt(h), 1 / sqrt(h))
  } else {
    before <- h[i]
    after <- h[i + 1L]
    part <- cbind(1 / before, -(1 / before + 1 / after), 1 / after) / sqrt((before + after) / 2)
  }
  band <- rep(seq_len(order + 1L) - 1L, each = length(i))
  list(i = rep(i, order + 1L), j = i + band, x = as.vector(part))
}

walk_basis <- function(time, order) {
  # the effects of innovations e with D f = e that are orthogonal to what D does not see
  at <- walk_differences(time, order)
  d <- matrix(0, length(time) - order, length(time))
  d[cbind(at$i, at$j)] <- at$x
  svd <- svd(d)
  list(basis = svd$v %*% (t(svd$u) / svd$d), slope = matrix(time - mean(time)))
}

block_diagonal <- function(blocks) {
  rows <- vapply(blocks, nrow, 0L)
  columns <- vapply(blocks, ncol, 0L)
  out <- matrix(0, sum(rows), sum(columns))
  for (k in seq_along(blocks)) {
    out[sum(rows[seq_len(k - 1L)]) + seq_len(rows[k]),
        sum(columns[seq_len(k - 1L)]) + seq_len(columns[k])] <- blocks[[k]]
  }
  out
}
