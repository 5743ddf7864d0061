# The settings of ADVI: which suit a target, and what the core is told.

advi_choice <- function(approximation, dim) {
  if (is.null(approximation)) return(if (dim <= 100L) "fullrank" else "meanfield")
  check_choice(approximation, "approximation", offered(approximations$advi))
  approximation
}

# Refuses settings that do not suit the approximation or the number of parameters
check_advi_control <- function(control, approximation, dim) {
  check_batch(control)
  if (approximation == "pathfinder" && identical(control$paths, 0L)) {
    vb_abort(c("paths", "approximation"), "{.code approximation = \"pathfinder\"} needs a path.")
  }
  few <- control$noise == "fixed" && isTRUE(control$n_noise < 2 * dim)
  if (approximation == "fullrank" && few) {
    vb_abort("n_noise", c(
      "{.code approximation = \"fullrank\"} of {dim} parameters needs {2 * dim} or more draws.",
      x = "{.arg n_noise} is {control$n_noise}: the bound would have no maximum.",
      i = "Leave {.arg n_noise} out, or take {.code approximation = \"meanfield\"}."))
  }
  if (isTRUE(as.double(control$draws) * dim > 1e8)) {
    vb_abort("draws", c("{control$draws} draws of {dim} parameters are too many to keep.",
                        i = "At most {floor(1e8 / dim)} fit into a gigabyte."))
  }
}

check_no_name <- function(batch) {
  if (is.null(names(batch))) return(invisible())
  vb_abort("batch", c("{.arg batch} has a name, {.val {names(batch)}}, which is for {.fun vb}.",
                      i = "What a row is, {.arg target} decides: {.arg n_rows} counts them."))
}

check_batch <- function(control) {
  if (is.null(control$batch) || control$noise == "fresh") return(invisible())
  vb_abort(c("batch", "noise"), c(
    "Mini-batches need {.code noise = \"fresh\"}.",
    i = "With fixed draws the bound is climbed to its top: all rows have a say in where that is."))
}

# The settings as the core of ADVI reads them; 0 leaves a choice to it
advi_settings <- function(control, approximation, n_path, n_draw = 4000L) {
  or <- function(x, otherwise) if (is.null(x)) otherwise else x
  fresh <- control$noise == "fresh"
  list(approximation = approximation, fresh = as.integer(fresh),
       n_noise = or(control$n_noise, 0L), max_noise = control$max_noise,
       noise_tol = or(control$noise_tol, if (fresh) 0.1 else 0.02), rank = or(control$rank, 0L),
       n_path = or(control$paths, n_path), n_draw = or(control$draws, n_draw), tol = control$tol,
       max_iter = or(control$max_iter, if (fresh) 10000L else 1000L), lr = control$lr,
       batch = unname(or(control$batch, 0L)), cores = control$cores, verbose = control$verbose)
}
