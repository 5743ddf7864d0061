#' varbayes: Bayesian regression and hierarchical models by variational inference
#'
#' [vb()] takes a formula, data, a family and priors and returns the posterior of a regression or
#' hierarchical model: the same one every time, without sampling. `?vbfit` lists what a fit holds
#' and which methods it has.
#'
#' @keywords internal
#' @importFrom stats gaussian
#' @useDynLib varbayes, .registration = TRUE, .fixes = "C_"
"_PACKAGE"
