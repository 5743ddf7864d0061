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
  w <- level_matrix(eval_field(args$W, call, env, data2), call, TRUE)
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
  made <- car_makers[[field$type]](field, sd)
  field$basis <- made$basis
  field$blocks <- list(made$block)
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

# In eigenvectors of the map's neighbours the precision is diagonal, whatever its parameter
proper_car <- function(field, sd) {
  w <- as.matrix(field$w)
  d <- rowSums(w)
  if (any(d == 0)) {
    field_abort(field$call, "Areas without neighbours: {.val {field$levels[d == 0]}}.",
                "{.code type = \"bym2\"} takes them.")
  }
  e <- eigen(w / sqrt(outer(d, d)), symmetric = TRUE)
  list(basis = e$vectors / sqrt(d),
       block = list(coef = paste0("zcar[", seq_along(d), "]"), precision = "car", at = e$values,
                    hyper = and_hyper(sd, "car", "car", "unit", 0.5, flat())))
}

bym2_hyper <- function(sd) and_hyper(sd, "rhocar", "rhocar", "unit", 0.5, flat())

car_makers <- list(escar = proper_car, car = proper_car, icar = icar, esicar = icar,
                   bym2 = function(field, sd) bym2(field, bym2_hyper(sd)))
