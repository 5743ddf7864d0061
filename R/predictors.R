# The predictors of a model, those of one or of several distributional parameters: their formulas,
# and their designs side by side.

# The formulas of the parameters that are predicted, parsed: as parse_formula(), with `parts`, one
# for each parameter. `frame` has the variables of all.
parse_predictors <- function(formulas, family, data = NULL, data2 = NULL) {
  parsed <- parse_formula(formulas$formula, data, data2)
  parts <- list(mu = parsed)
  formulas <- named_parts(formulas, family)
  for (dpar in names(formulas$pforms)) {
    own <- formulas$pforms[[dpar]]
    env <- environment(own)
    own <- stats::as.formula(call("~", formulas$formula[[2L]], own[[2L]]), env)
    parts[[dpar]] <- parse_formula(own, data, data2)
  }
  if (length(parts) > 1L) {
    variables <- add_terms(lapply(parts, function(part) part$frame[[3L]]))
    parsed$frame[[3L]] <- variables
  }
  parsed$parts <- parts
  parsed
}

# The parts in the order of the predictors. Of categories each has the terms of `mu`, but where it
# has a formula of its own.
predicted_parts <- function(parsed, family) {
  if (!has_predictors(family)) return(parsed$parts)
  parts <- parsed$parts[match(family$predicted, names(parsed$parts))]
  names(parts) <- family$predicted
  parts[vapply(parts, is.null, NA)] <- parsed$parts["mu"]
  unknown <- setdiff(names(parsed$parts), c("mu", family$predicted))
  if (length(unknown)) {
    vb_abort(c("formula", "response"), c("There is no category for {.code {unknown}}.",
                                         i = "Predictors are {.code {family$predicted}}."))
  }
  parts
}

# -> the design of the model (design.R): of several predictors with `predictors`, which columns are
# whose and what makes them
design_of_parts <- function(parsed, family, frame, rows, contrasts) {
  parts <- predicted_parts(parsed, family)
  if (!has_predictors(family)) {
    return(build_design(parts[[1L]], frame, rows, contrasts, implicit = family$thresholds))
  }
  designs <- lapply(parts, build_design, frame, rows, contrasts, binned = FALSE)
  out <- join_designs(Map(of_predictor, designs, names(designs), seq_along(designs)))
  links <- dpar_links(family$name)
  out$predictors <- lapply(out$predictors, function(part) {
    c(part, list(link = unname(links[if (is_main(part)) "mu" else part$dpar])))
  })
  out
}

# What belongs to a predictor, under its names
of_predictor <- function(design, dpar, k) {
  prefix <- dpar_prefix(dpar)
  named <- function(name) if (nzchar(prefix)) paste0(prefix, plain_name(name)) else name
  design$bare <- design$names
  design$names <- named(design$names)
  design$dpar <- dpar
  design$random <- lapply(design$random, function(term) {
    d <- length(term$coef)
    parts <- lapply(term_parts(term), function(part) c(part, list(dpar = dpar)))
    term[c("bare", "dpar", "predictor", "parts")] <- list(term$coef, rep(dpar, d), rep(k, d), parts)
    term$coef <- named(term$coef)
    term
  })
  design$fields <- lapply(design$fields, field_of_predictor, dpar = dpar, k = k)
  design$field_terms <- lapply(design$field_terms, function(term) c(term, list(predictor = k)))
  design
}

plain_coef <- function(coef) replace(coef, coef == "(Intercept)", "Intercept")

# sds_sigma_sx_1, sdcar_sigma, sd_g__sigma_Intercept, r_g__sigma[1,Intercept], as brms names them
field_of_predictor <- function(field, dpar, k) {
  field$dpar <- dpar
  field$predictor <- k
  if (!nzchar(dpar_prefix(dpar))) return(field)
  field$label <- paste0(dpar_label(dpar), field$label)
  field$fixed <- paste0(dpar_prefix(dpar), field$fixed, recycle0 = TRUE)
  field$blocks <- lapply(field$blocks, function(block) {
    name <- block$hyper$name
    deep <- grepl("__", name, fixed = TRUE)
    name[deep] <- sub("__", paste0("__", dpar, "_"), name[deep], fixed = TRUE)
    name[!deep] <- sub("^([^_]+)", paste0("\\1_", dpar), name[!deep])
    block$hyper$name <- name
    block$coef <- if (startsWith(block$coef[1L], "r_")) {
      sub("[", paste0("__", dpar, "["), block$coef, fixed = TRUE)
    } else {
      sub("^([^_[]+)", paste0("\\1_", dpar), block$coef)
    }
    block
  })
  field
}

# ---- side by side --------------------------------------------------------------------------------

# First the columns of the model matrices and those of fields that are not penalised, predictor by
# predictor, then the blocks of fields
join_designs <- function(designs) {
  each <- function(field) unname(lapply(designs, function(design) design[[field]]))
  size <- lengths(each("names"))
  before <- cumsum(c(0L, size))[seq_along(size)]
  columns <- lapply(designs, function(design) column_list(design$x))
  own <- Map(function(x, n) x[seq_len(n)], columns, size)
  blocks <- Map(function(x, n) if (n) x[-seq_len(n)] else x, columns, size)
  joint <- unname(unlist(c(own, blocks), recursive = FALSE))
  center <- unlist(Map(function(center, n) center[seq_len(n)], each("center"), size))
  n_block <- lengths(blocks)
  intercept <- ifelse(unlist(each("intercept")) > 0L, before + unlist(each("intercept")), 0L)
  random <- join_terms(unlist(each("random"), recursive = FALSE))
  out <- list(
    x = column_frame(joint, nrow(designs[[1L]]$x)), bins = NULL, names = unlist(each("names")),
    terms = designs[[1L]]$terms, xlevels = designs[[1L]]$xlevels,
    contrasts = designs[[1L]]$contrasts, center = c(center, numeric(sum(n_block))),
    sd = unlist(each("sd")), intercept = as.integer(intercept), implicit = FALSE, random = random,
    fields = unlist(each("fields"), recursive = FALSE),
    field_terms = unlist(each("field_terms"), recursive = FALSE),
    predictor = c(rep(seq_along(designs), size), rep(seq_along(designs), n_block))
  )
  out$into <- as.integer(intercept)[out$predictor]
  out$into[-seq_len(sum(size))] <- 0L
  out$predictors <- Map(function(design, before, n, at) {
    list(dpar = design$dpar, columns = before + seq_len(n), bare = design$bare, intercept = at,
         terms = design$terms, xlevels = design$xlevels, contrasts = design$contrasts,
         formula = design$formula)
  }, designs, before, size, as.integer(intercept))
  check_joint(out)
  out
}

check_joint <- function(design) {
  twice <- unique(design$names[duplicated(design$names)])
  if (length(twice)) {
    vb_abort("formula", c("Two coefficients would have the name {.code {twice}}.",
                          i = "Rename a variable."))
  }
  check_names(design$random, design$names)
  check_field_names(design$fields, design$random)
}

# One column of offsets for each predictor: those of its formula, and of the mean the argument's
predictor_offsets <- function(design, frame) {
  vapply(design$predictors, function(part) {
    variables <- term_variables(part$terms)[attr(part$terms, "offset")]
    given <- if (is_main(part)) frame[["(offset)"]]
    values <- c(unclass(frame)[variables], list(given))
    total <- numeric(nrow(frame))
    for (value in Filter(Negate(is.null), values)) {
      if (!is.numeric(value) || length(value) != nrow(frame)) {
        vb_abort("offset", "{.arg offset} must be numeric, with one entry per row of {.arg data}.")
      }
      total <- total + value
    }
    total
  }, numeric(nrow(frame)))
}
