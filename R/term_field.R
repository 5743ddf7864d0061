# What structured terms, or fields, have in common (term_fields.R says what they are): how a formula
# calls them, their parts, and errors.

field_calls <- c("s", "t2", "gp", "ar1", "rw1", "rw2", "car")
field_bars <- c("gr", "mm")                               # behind a bar
field_series <- c("ar1", "rw1", "rw2")                    # along time
field_functions <- c("s", "t2", "gp")                     # of any values of their variables

is_field <- function(x) is_call_to(strip_parens(x), field_calls)
has_field <- function(x) {
  is_field(x) || is_call_to(x, c("+", "-", "(", "*", ":", "^")) &&
    any(vapply(as.list(x)[-1L], has_field, NA))
}
is_field_bar <- function(bar) is_call_to(strip_parens(bar[[3L]]), field_bars)

# Members of a population, as random effects are: `re.form = NA` leaves them out
is_group_field <- function(field) field$kind %in% field_bars

is_function_field <- function(field) field$kind %in% field_functions

field_names <- function(fields) {
  unlist(lapply(fields, function(field) field$fixed), use.names = FALSE)
}
field_blocks <- function(fields) unlist(lapply(fields, function(f) f$blocks), recursive = FALSE)
# those that are columns of the design; sparse fields have levels instead (term_sparse.R)
field_coefs <- function(fields) {
  unlist(lapply(field_blocks(dense_fields(fields)), function(b) b$coef))
}
# how many columns each has
field_sizes <- function(fields) {
  vapply(fields, function(field) length(field_coefs(list(field))), 0L)
}

# A label as it stands in the names of parameters
plain_label <- function(x) gsub("[():, ]", "", x)

# One row per hyperparameter of the fields
field_hyper <- function(fields) {
  blocks <- field_blocks(fields)
  hyper <- lapply(blocks, function(block) block$hyper)
  column <- function(name) unlist(lapply(hyper, function(h) h[[name]]))
  list(name = column("name"), class = column("class"), group = column("group"),
       domain = column("domain"))
}

field_ranges <- list(positive = c(0, Inf), unit = c(0, 1), correlation = c(-1, 1))

# Where a hyperparameter of a fit's fields can be
field_range <- function(fit, name) {
  hyper <- field_hyper(fit$fields)
  field_ranges[[hyper$domain[match(name, hyper$name)]]]
}

# Of the rows of rows/precisions/ in C: parameters, and the numbers that they are told, so many for
# each coefficient (of sparse ones: each entry) and for each pair, and further ones
precision_sizes <- list(
  iid = c(par = 1, each = 1, square = 0, more = 0),
  known = c(par = 1, each = 0, square = 1, more = 1),
  ar1 = c(par = 2, each = 1, square = 0, more = 0),
  car = c(par = 2, each = 1, square = 0, more = 0),
  gp_exp_quad = c(par = 2, each = 1, square = 0, more = 1),
  gp_matern32 = c(par = 2, each = 1, square = 0, more = 1),
  gp_matern52 = c(par = 2, each = 1, square = 0, more = 1),
  known_sparse = c(par = 1, each = 1, square = 0, more = 2),
  ar1_sparse = c(par = 2, each = 4, square = 0, more = 3),
  bym2 = c(par = 2, each = 4, square = 0, more = 2)
)

# Factors with the levels that they had in the data, in that order: those that a smooth knows
with_levels <- function(field, values) {
  for (name in names(field$factors)) {
    seen <- field$factors[[name]]
    text <- as.character(values[[name]])
    new <- setdiff(text, c(levels(seen), NA))
    if (length(new)) {
      vb_abort("newdata", c(
        "{.code {name}} of {.code {field$label}} has levels in {.arg newdata} that were not in the
         data: {.val {new}}.", i = "Those known are {.val {levels(seen)}}."))
    }
    values[[name]] <- factor(text, levels(seen), ordered = is.ordered(seen))
  }
  values
}

# ---- errors --------------------------------------------------------------------------------------

field_abort <- function(call, problem, hint = NULL, .envir = parent.frame()) {
  what <- deparse1(call)
  wrong <- cli::format_inline(problem, .envir = .envir)
  right <- if (length(hint)) cli::format_inline(hint, .envir = .envir)
  vb_abort("formula", c("The structured term {.code {what}} cannot be fitted.", x = "{wrong}",
                        i = if (length(right)) "{right}"))
}

check_no_fields <- function(fit_or_design, what, hint = NULL) {
  if (!length(fit_or_design$fields)) return(invisible())
  vb_abort(c("formula", "approximation"), c(
    "Structured terms, such as {.code {fit_or_design$fields[[1L]]$label}}, are not supported yet by
     {what}.", i = hint))
}

# Arguments of a field's call, matched as a function with these formals would
field_arguments <- function(call, formals) {
  template <- as.function(c(formals, list(NULL)))
  tryCatch(as.list(match.call(template, call))[-1L], error = function(e) {
    message <- conditionMessage(e)
    field_abort(call, "{message}")
  })
}

# The same of a call that names any number of variables, and some `options` -> list(variables, and
# what is given of the options, by name)
field_variables <- function(call, options) {
  args <- as.list(call)[-1L]
  if (is.null(names(args))) names(args) <- character(length(args))
  named <- names(args) %in% options
  c(list(variables = unname(args[!named])), args[named])
}
