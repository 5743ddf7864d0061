# Fields on a map: car(W, gr = area, type = ), with W the matrix of neighbours.

car_types <- c("escar", "car", "icar", "esicar", "bym2")

read_car <- function(call, env, data2) {
  args <- field_arguments(call, alist(W = , gr = , type = ))
  if (is.null(args$W) || is.null(args$gr)) field_abort(call, "It needs {.code W} and {.code gr}.",
                                                       "Write {.code car(W, gr = area)}.")
  type <- if (is.null(args$type)) "escar" else eval(args$type, env)
  if (!is.character(type) || length(type) != 1L || !type %in% car_types) {
    field_abort(call, "{.arg type} must be one of {.or {.val {car_types}}}.")
  }
  w <- level_matrix(eval_field(args$W, call, env, data2), call)
  edge <- lower_entries(w)
  if (any(edge$value != 1) || any(edge$row == edge$column)) {
    field_abort(call, "{.code W} must have 1 for neighbours and 0 for others and on its diagonal.")
  }
  list(label = deparse1(call), group = "car", type = type, w = w, variables = list(args$gr))
}

make_car <- function(field, values) {
  field$levels <- rownames(field$w)
  unknown <- setdiff(unique(as.character(values[[1L]])), field$levels)
  if (length(unknown)) {
    field_abort(field$call, "Areas that {.code W} has not: {.val {unknown}}.",
                "Row names of {.code W} are the areas.")
  }
  sd <- sd_hyper("sdcar", "car", "sdcar")
  sparse <- sparse_maps[[field$type]]
  if (nrow(field$w) >= sparse_from() && !is.null(sparse)) {
    field$blocks <- list(sparse(field, sd))
    field$w <- NULL
    return(field)
  }
  made <- car_makers[[field$type]](field, sd)
  field$basis <- made$basis
  n <- ncol(made$basis)
  field$blocks <- list(list(coef = paste0("zcar[", seq_len(n), "]"), precision = made$precision,
                            at = made$at, hyper = made$hyper))
  field$w <- NULL
  field
}

car_members <- function(field, values) {
  list(level = list(as.character(values[[1L]])), weight = list(rep(1, length(values[[1L]]))))
}

# Areas without rows are on the map, and have their neighbours'
car_unseen <- function(field, values, level) {
  unseen_abort(field, level, "{.code W} has them not: fit again with the map that has.")
}

proper_car <- function(field, sd) {
  d <- rowSums(field$w)
  if (any(d == 0)) {
    field_abort(field$call, "Areas without neighbours: {.val {field$levels[d == 0]}}.",
                "{.code type = \"bym2\"} takes them.")
  }
  e <- eigen(field$w / sqrt(outer(d, d)), symmetric = TRUE)
  list(basis = e$vectors / sqrt(d), at = e$values, precision = "car",
       hyper = and_hyper(sd, "car", "car", "unit", 0.5, flat()))
}

# Eigenvectors of the map's precision, one connected part after the other, and the variances of its
# effects along them: none along the parts' means. An area by itself has nothing to be like.
map_spectrum <- function(w, i) {
  q <- diag(rowSums(w[i, i, drop = FALSE]), length(i)) - w[i, i, drop = FALSE]
  e <- eigen(q, symmetric = TRUE)
  variance <- ifelse(e$values > 1e-9 * max(e$values, 1), 1 / e$values, 0)
  vectors <- matrix(0, nrow(w), length(i))
  vectors[i, ] <- e$vectors
  list(vectors = vectors, variance = variance, within = e$vectors)
}

# As Freni-Sterrantino, Ventrucci and Rue (2018): each part sums to zero, and areas by themselves
# are independent
icar <- function(field, sd) {
  basis <- lapply(map_parts(field$w), function(i) {
    s <- map_spectrum(field$w, i)
    if (length(i) == 1L) return(s$vectors)
    (s$vectors * rep(sqrt(s$variance), each = nrow(s$vectors)))[, s$variance > 0, drop = FALSE]
  })
  basis <- do.call(cbind, basis)
  list(basis = basis, at = rep(1, ncol(basis)), precision = "iid", hyper = sd)
}

# Scaled part by part to a typical variance, the geometric mean, of one
bym2 <- function(field, sd) {
  parts <- lapply(map_parts(field$w), function(i) {
    s <- map_spectrum(field$w, i)
    typical <- exp(mean(log(drop(s$within^2 %*% s$variance))))
    list(basis = s$vectors, at = if (length(i) == 1L) 1 else s$variance / typical)
  })
  list(basis = do.call(cbind, lapply(parts, function(part) part$basis)),
       at = unlist(lapply(parts, function(part) part$at)), precision = "bym2",
       hyper = bym2_hyper(sd))
}
bym2_hyper <- function(sd) and_hyper(sd, "rhocar", "rhocar", "unit", 0.5, flat())

car_makers <- list(escar = proper_car, car = proper_car, icar = icar, esicar = icar, bym2 = bym2)

# Of many areas
sparse_maps <- list(icar = sparse_icar, esicar = sparse_icar,
                    bym2 = function(field, sd) sparse_bym2(field, bym2_hyper(sd)))
