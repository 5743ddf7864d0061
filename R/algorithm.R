# The algorithms of vb(): which approximation each takes where the user leaves it out, and how it is
# run. `automatic`: the user left it out.

algorithms <- list(
  cavi = list(
    fields = "structured",
    approximation = function(asked, spec) if (is.null(asked)) "structured" else asked,
    run = function(spec, random, control, approximation, density, automatic) {
      fit_engine(spec, control, approximation, automatic, density)
    }),
  advi = list(
    fields = character(),
    approximation = function(asked, spec) advi_choice(asked, n_unconstrained(spec)),
    run = function(spec, random, control, approximation, density, automatic) {
      fit_advi_engine(spec, random, control, approximation, density)
    })
)

# The approximations in which structured terms have a place: their precision is theta's
check_structured <- function(design, algorithm, approximation) {
  if (approximation %in% algorithms[[algorithm]]$fields) return(invisible())
  check_no_fields(design, sprintf("%s with approximation \"%s\"", algorithm, approximation),
                  "Use {.code algorithm = \"cavi\"}, {.code approximation = \"structured\"}.")
}

# Those in which models of several predictors have
check_predictors <- function(family, algorithm, approximation) {
  if (!has_predictors(family) || approximation %in% algorithms[[algorithm]]$fields) {
    return(invisible())
  }
  maker <- family_maker(family$name)
  vb_abort(c("approximation", "formula", "family"), c(
    "{.fun {maker}} with predictors of {.code {family$predicted}} is not supported yet by
     {algorithm} with approximation {.val {approximation}}.",
    i = "Use {.code algorithm = \"cavi\"}, {.code approximation = \"structured\"}."))
}
