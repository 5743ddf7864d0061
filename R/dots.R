# What is in `...`: other packages' names of our arguments, and what nobody reads.

# other packages' names of our arguments
argument_synonyms <- c(draws = "ndraws", nsamples = "ndraws", re_formula = "re.form",
                       allow.new.levels = "allow_new_levels")
# predict() and poststratify() call them as 'lme4' does
lme4_synonyms <- c(draws = "ndraws", nsamples = "ndraws", re_formula = "re.form",
                   allow_new_levels = "allow.new.levels")

# Gives the caller's variables the values that stand in `dots` under another name, and warns of the
# rest.
take_synonyms <- function(dots, synonyms, page, env = parent.frame()) {
  known <- names(dots) %in% names(synonyms)
  warn_unused(dots[!known], page)
  for (name in names(dots)[known]) {
    own <- synonyms[[name]]
    if (!is.null(env[[own]]) && !isFALSE(env[[own]])) {
      vb_abort(c(own, name), c("{.arg {name}} and {.arg {own}} are one argument.",
                               i = "Give it once, as {.arg {own}}."))
    }
    assign(own, dots[[name]], env)
  }
}

# `known`: names that callers in other packages hand to every model, and which ask for nothing
warn_unused <- function(dots, page = "predict.vbfit", known = character()) {
  name <- if (is.null(names(dots))) character(length(dots)) else names(dots)
  unused <- name[!name %in% known]
  if (!length(unused)) return(invisible())
  unused[unused == ""] <- "..."
  vb_warn("vb_warning_dots", c("{cli::qty(unused)}Argument{?s} {.arg {unused}} {?is/are} not used.",
                               i = "See {.code ?{page}} for those there are."))
}
