#' varbayes: Bayesian regression and hierarchical models by variational inference
#'
#' [vb()] takes a formula, data, a family and priors and returns the posterior of a regression or
#' hierarchical model: the same one every time, without sampling. [vbfit] lists what a fit holds
#' and which methods it has, the [glossary] explains the words. `browseVignettes("varbayes")` has
#' introductions and the mathematics.
#'
#' @keywords internal
#' @importFrom stats gaussian
#' @useDynLib varbayes, .registration = TRUE, .fixes = "C_"
"_PACKAGE"

.onLoad <- function(libname, pkgname) {
  loaded_in$process <- Sys.getpid()
  allow_marginaleffects()
}
