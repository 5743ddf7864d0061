# Algorithms and their approximations: which there are, and which suit a model.

approximations <- list(
  cavi = c("structured", "joint", "partial", "meanfield"),
  advi = c("fullrank", "lowrank", "meanfield", "pathfinder")
)

bounds <- list(cavi = c("exact", "jj"), advi = "exact")

choices_known <- list(algorithm = names(approximations), bound = unique(unlist(bounds)))

check_choices <- function(choices) {
  for (arg in names(choices_known)) check_choice(choices[[arg]], arg, offered(choices_known[[arg]]))
  known <- approximations[[choices$algorithm]]
  others <- setdiff(unlist(approximations), known)
  if (isTRUE(choices$approximation %in% others)) {
    vb_abort(c("approximation", "algorithm"), c(
      "{.code algorithm = {.val {choices$algorithm}}} has no {.code approximation =
       {.val {choices$approximation}}}.",
      i = "It may be {.or {.val {known}}}."))
  }
  if (!is.null(choices$approximation)) {
    check_choice(choices$approximation, "approximation", offered(known))
  }
  if (!choices$bound %in% bounds[[choices$algorithm]]) {
    vb_abort(c("bound", "algorithm"), c(
      "{.code bound = {.val {choices$bound}}} is a bound of coordinate ascent.",
      i = "Leave {.arg bound} out, or use {.code algorithm = \"cavi\"}."))
  }
}

# The approximation that the engine used. Where a Cholesky factor of the crossed grouping factors
# would not fit in memory, and the user asked for nothing else, that is "partial".
approximation_used <- function(approximation, engine) {
  if (approximation != "structured" || engine$coupling == 0L) return(approximation)
  vb_warn("vb_warning_partial", c(
    "A Cholesky factor of the crossed grouping factors would not fit in memory: using
     {.code approximation = \"partial\"}.",
    i = "Standard deviations of random effects and hyperparameters are too small, and the means of
         the hyperparameters may be several of them off.",
    i = "{.code vb_control(memory = )} says how much memory the factor may have;
         {.code approximation = \"structured\"} takes what it takes."))
  "partial"
}

# Under a horseshoe the coefficients are far from Gaussian. Other approximations would need factors
# for their scales, and would lose most of what the prior is for.
check_shrink <- function(spec, approximation) {
  if (!length(spec$shrink) || approximation == "structured") return(invisible())
  vb_abort(c("approximation", "prior"), c(
    "{.fun horseshoe} needs {.code approximation = \"structured\"}, coordinate ascent's.",
    i = "{.fun laplace} and {.fun cauchy} shrink under {.code approximation =
         \"{approximation}\"}."))
}
