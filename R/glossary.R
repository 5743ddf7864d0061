#' Glossary
#'
#' The words of variational inference as this package uses them, each with what to look at and
#' where. `vignette("how-variational-inference-works")` explains them with pictures,
#' `vignette("mathematics")` derives them.
#'
#' @section The bound:
#' \describe{
#'   \item{`q`, the approximation}{The distribution that stands for the posterior: the member of a
#'     set of distributions that is closest to it in *KL*. Which set is the argument
#'     `approximation` of [vb()] and [advi()].}
#'   \item{KL}{The Kullback-Leibler divergence of the posterior from `q`, zero where they agree. It
#'     punishes mass of `q` where the posterior has none more than the reverse, so that a `q` from
#'     too small a set is too narrow.}
#'   \item{ELBO}{The evidence lower bound: the log *evidence* less the KL divergence of the
#'     posterior from `q`; equally, the expected log-likelihood less the divergence of `q` from the
#'     prior. Among approximations of one model a higher one is nearer to the posterior; of two
#'     models of the same data with proper priors the higher one is favoured, within the size of
#'     the divergence. See [elbo()] and [plot.vbfit()].}
#'   \item{evidence}{The marginal likelihood of the data, all parameters integrated out.
#'     `fit$log_evidence` is its logarithm with residual quadrature: nearer than the ELBO, but not
#'     a bound.}
#'   \item{bound}{What stands for the expected log-likelihood of a row: `"exact"`, the expectation
#'     itself, or `"jj"`, a lower bound on it in closed form (Jaakkola and Jordan 2000; by
#'     Polya-Gamma variables, Durante and Rigon 2019). The latter makes textbook coordinate ascent,
#'     and standard deviations that are too small however many data there are.}
#'   \item{trace}{The values that the fit went through, `elbo(fit, trace = TRUE)`. Within a phase
#'     they never fall, and they should end flat. That says that the search is over, not that the
#'     posterior is in the set.}
#' }
#'
#' @section Sets of approximations:
#' \describe{
#'   \item{coefficients, `c`}{Fixed effects and random effects together: many, and nearly Gaussian
#'     given the hyperparameters.}
#'   \item{hyperparameter, `theta`}{Standard deviations and correlations of random effects,
#'     dispersions such as `sigma`, thresholds, the scales of a horseshoe: few, and of any shape.
#'     `fit$hyper` lists them.}
#'   \item{structured}{A Gaussian for the coefficients at every value of the hyperparameters, and
#'     for these the best distribution whatever its shape. The default of [vb()], and exact for
#'     gaussian responses up to quadrature.}
#'   \item{joint}{Coefficients independent of hyperparameters, the coefficients one Gaussian.
#'     Standard deviations of hyperparameters are too small.}
#'   \item{partial}{The levels of random effects independent of each other, the fixed effects
#'     following them (Goplerud, Papaspiliopoulos and Zanella 2025): memory and time linear in the
#'     rows, for crossed factors that are too large for anything else.}
#'   \item{mean field}{All blocks independent, with ADVI all parameters. Means are often good;
#'     standard deviations are those with everything else held fixed, too small by the more the
#'     stronger parameters depend on each other.}
#'   \item{full rank, low rank}{Of ADVI: one Gaussian for all parameters with any covariance, or
#'     with that of a few directions and independent noise.}
#' }
#'
#' @section Ways up:
#' \describe{
#'   \item{CAVI}{Coordinate ascent variational inference: each factor of `q` in turn is replaced by
#'     the best one given the others (Blei, Kucukelbir and McAuliffe 2017), so the bound cannot
#'     fall. `algorithm = "cavi"` of [vb()]; `max_sweep` and `tol` of [vb_control()].}
#'   \item{ADVI}{Automatic differentiation variational inference: gradient ascent on the bound over
#'     all unconstrained parameters, for any log density (Kucukelbir et al. 2017). [advi()], or
#'     `algorithm = "advi"` of [vb()].}
#'   \item{fixed, fresh draws}{The expectation in ADVI's bound is a mean over draws. Fixed ones
#'     make it a function that is climbed to its top (Giordano, Ingram and Broderick 2024), the
#'     same on every run; fresh ones make stochastic gradients. `noise` of [vb_control()].}
#'   \item{decrement}{What a Newton step still promises, in units of the log density (nats): how
#'     far the bound is from its top. `fit$decrement` of [advi()].}
#'   \item{Pathfinder}{A quick Gaussian from the way of an optimiser to a mode (Zhang et al. 2022).
#'     ADVI starts there; `approximation = "pathfinder"` ends there.}
#'   \item{leaf, core, solver}{The leaf is the grouping factor with most levels, which are
#'     eliminated one by one at a cost linear in their number; the core is what the other factors
#'     leave, solved dense or sparse. `fit$engine$solver`; `solver` of [vb_control()].}
#'   \item{cell}{Rows with the same predictors, added up to one before the fit where nothing is
#'     lost by it. `fit$engine$n_cell` counts them.}
#' }
#'
#' @section Integrating the hyperparameters:
#' \describe{
#'   \item{node}{A value of the hyperparameters at which the Gaussian of the coefficients was
#'     found. The posterior is a mixture over nodes; `fit$engine$node` has their weights.}
#'   \item{rule}{How the nodes are used, `fit$engine$rule`: `"surrogate"`, a surface through their
#'     values and slopes, or `"weighted"` one by one where a surface is no likeness. `"none"`: there
#'     are no hyperparameters; `"independent"`: they have factors of their own.}
#'   \item{node error}{How well the surface foretold the log density at points of the posterior,
#'     `fit$engine$node_error`, a standard deviation in nats: means are off by about a fifth of it,
#'     in posterior standard deviations. The engine aims at 0.06 to 0.15; if that was not reached,
#'     allow more: `nodes` of [vb_control()].}
#'   \item{ESS of nodes}{With weights: how many equally weighted points they are worth,
#'     `fit$engine$ess`. Below 100 they are not to be relied on, and the fit says so.}
#' }
#'
#' @section Corrections:
#' \describe{
#'   \item{RQ, residual quadrature}{What the Gaussian at a node leaves of the evidence, by small
#'     quadratures for each row and level. It corrects the hyperparameters and random effects of
#'     models with few binary or count observations per level. `fit$engine$rq` has its size at the
#'     mode in nats; `rq` of [vb_control()].}
#'   \item{LR, linear response}{How the optimum answers a small tilt of the log density: a
#'     covariance that is better than that of `q`, and the right one for Gaussian posteriors even
#'     under mean field (Giordano, Broderick and Jordan 2018). `fit$engine$lr_inflation` is the
#'     largest ratio of standard deviations with and without; `q.Error` in the summary of a fit by
#'     ADVI is the one without.}
#'   \item{skewness}{Third cumulants, from second differences of the same tilts and from residual
#'     quadrature. They enter quantiles and draws.}
#' }
#'
#' @section Priors:
#' \describe{
#'   \item{site}{A factor of the posterior that depends on one linear combination of coefficients:
#'     a row of the data, or a prior of a coefficient that is not normal, which is met as it is.}
#'   \item{EP, expectation propagation}{Sites that no Gaussian fits, those of a [horseshoe()], are
#'     stood for by Gaussian factors with the right mean and variance (Minka 2001).}
#'   \item{cavity}{The posterior without one of its sites. With it EP is done, and an observation
#'     is predicted from the others without a refit (Vehtari et al. 2016); see [loo()][loo].}
#' }
#'
#' @section Diagnostics:
#' \describe{
#'   \item{Pareto k}{The shape of the tail of importance weights, posterior over `q` (Vehtari et
#'     al. 2024; Yao et al. 2018). Below 0.7 the weights can be used, and `q` is near enough to be
#'     corrected by them; above, `q` misses mass. It judges the approximation, not the model:
#'     [advi()], [summary.advifit()], `fit$advi$khat`, and of the nodes' weights
#'     `fit$engine$khat`.}
#'   \item{PSIS}{Pareto smoothed importance sampling: the largest weights are replaced by quantiles
#'     of the fitted tail. `posterior_summary(fit, method = "psis")`.}
#'   \item{misspecification}{A wrong model. ELBO, Pareto k and convergence say nothing about it;
#'     look at residuals and predictions, and compare models.}
#' }
#'
#' @references
#' Blei, D. M., Kucukelbir, A. and McAuliffe, J. D. (2017). Variational inference: a review for
#' statisticians. *Journal of the American Statistical Association*, 112, 859-877.
#'
#' Durante, D. and Rigon, T. (2019). Conditionally conjugate mean-field variational Bayes for
#' logistic models. *Statistical Science*, 34, 472-485.
#'
#' Giordano, R., Broderick, T. and Jordan, M. I. (2018). Covariances, robustness, and variational
#' Bayes. *Journal of Machine Learning Research*, 19(51), 1-49.
#'
#' Giordano, R., Ingram, M. and Broderick, T. (2024). Black box variational inference with a
#' deterministic objective: faster, more accurate, and even more black box. *Journal of Machine
#' Learning Research*, 25(18), 1-39.
#'
#' Goplerud, M., Papaspiliopoulos, O. and Zanella, G. (2025). Partially factorized variational
#' inference for high-dimensional mixed models. *Biometrika*, 112.
#'
#' Jaakkola, T. S. and Jordan, M. I. (2000). Bayesian parameter estimation via variational methods.
#' *Statistics and Computing*, 10, 25-37.
#'
#' Kucukelbir, A., Tran, D., Ranganath, R., Gelman, A. and Blei, D. M. (2017). Automatic
#' differentiation variational inference. *Journal of Machine Learning Research*, 18(14), 1-45.
#'
#' Minka, T. P. (2001). Expectation propagation for approximate Bayesian inference. *Proceedings of
#' the 17th Conference on Uncertainty in Artificial Intelligence*, 362-369.
#'
#' Vehtari, A., Mononen, T., Tolvanen, V., Sivula, T. and Winther, O. (2016). Bayesian leave-one-out
#' cross-validation approximations for Gaussian latent variable models. *Journal of Machine Learning
#' Research*, 17(103), 1-38.
#'
#' Vehtari, A., Simpson, D., Gelman, A., Yao, Y. and Gabry, J. (2024). Pareto smoothed importance
#' sampling. *Journal of Machine Learning Research*, 25(72), 1-58.
#'
#' Yao, Y., Vehtari, A., Simpson, D. and Gelman, A. (2018). Yes, but did it work? Evaluating
#' variational inference. *Proceedings of Machine Learning Research*, 80, 5581-5590.
#'
#' Zhang, L., Carpenter, B., Gelman, A. and Vehtari, A. (2022). Pathfinder: parallel quasi-Newton
#' variational inference. *Journal of Machine Learning Research*, 23(306), 1-49.
#' @seealso [vb()], [vbfit] for all fields of a fit.
#' @name glossary
#' @examples
#' cbpp <- read.csv(system.file("extdata", "cbpp.csv", package = "varbayes"))
#' fit <- vb(cbind(incidence, size - incidence) ~ (1 | herd), cbpp, family = binomial())
#' c(elbo = elbo(fit), log_evidence = fit$log_evidence)
#' fit$engine[c("solver", "rule", "node_error", "rq", "lr_inflation", "n_cell")]
NULL
