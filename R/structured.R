#' Structured terms: smooths, series, maps, known covariances, memberships
#'
#' Terms of a formula whose coefficients are not independent levels of a group. Each has a standard
#' deviation, some have a correlation or a mixing parameter, and these are integrated over as all
#' hyperparameters are.
#'
#' \describe{
#'   \item{`s(x)`, `t2(x, z)`}{Smooths of 'mgcv', with its `by`, `bs`, `k`, `m` and `xt`: see
#'     [mgcv::s()], [mgcv::smooth.terms()]. What the penalty leaves free is among the regression
#'     coefficients (`bs_sx_1`, flat by default), the rest are coefficients `s_sx_1[1]`, ... of one
#'     standard deviation for each penalty, `sds_sx_1`. [conditional_smooths()] draws them;
#'     [summary()][summary.vbfit] has their effective degrees of freedom. Above 5,000 rows bases are
#'     built on 1,000 of them.}
#'   \item{`ar1(time)`, `ar1(time | g)`}{A stationary autoregression of first order over whole
#'     numbers, one or one for each level of `g`: `sdar1_time` is its marginal standard deviation,
#'     `rho_time` the correlation of neighbours. Times may be missing. 'glmmTMB''s spelling
#'     `ar1(0 + time | g)` is known. Residuals are independent besides; `ar(time, gr = g)` of
#'     'brms' has none, which `prior_aux = list(sigma = constant(s))` with a small `s` comes near.}
#'   \item{`rw1(time)`, `rw2(time | g)`}{Random walks of first and second order, over times of any
#'     distance; `sdrw1_time` is the standard deviation of the innovations. Effects sum to zero
#'     within a series; the slope that a second-order walk leaves free is a regression coefficient.}
#'   \item{`car(W, gr = area, type = )`}{Neighbours on a map; `W` is a matrix of 0 and 1 whose row
#'     names are the areas. `"escar"` (the default) is a proper conditional autoregression, with
#'     precision `(D - car W) / sdcar^2`; `"icar"` an intrinsic one, which sums to zero in each
#'     connected part; `"bym2"` mixes this, scaled to a typical variance of one, with independent
#'     effects, `rhocar` being its share of the variance (Riebler et al. 2016). Areas without
#'     neighbours are independent (Freni-Sterrantino, Ventrucci and Rue 2018).}
#'   \item{`(1 | gr(g, cov = A))`}{Levels of known covariance `sd^2 A`, such as species of a tree or
#'     a pedigree; `precision = Q` gives the inverse. The matrix has the levels as its row names.}
#'   \item{`(1 | mm(g1, g2, weights = ))`}{Rows that belong to several levels of one population,
#'     with weights (`cbind()` of columns, equal ones by default, scaled to a sum of one).}
#'   \item{`gp(x)`, `gp(x, z, k =, c =, cov =)`}{A Gaussian process by a basis of `k` functions a
#'     variable on a box `c` times as wide as the data (Riutort-Mayol et al. 2023): `sdgp_gpx`, and
#'     the length scale `lscale_gpx`, in units of the largest distance between two rows. `cov` is
#'     `"exp_quad"`, `"matern32"` or `"matern52"`.}
#' }
#' Before the bar of `gr()` and `mm()` stands one coefficient, `1` or `0 + x`. Matrices are looked
#' up in `data2` of [vb()], then where the formula was written. All of them can stand together, and
#' beside ordinary random terms. They are fitted by the default algorithm and approximation only.
#'
#' Maps of types `"icar"` and `"bym2"`, `gr(precision = )`, and `ar1()` of 400 times and more, one
#' apart, have sparse precisions: tens of thousands of levels are fitted. `W` and `Q` may be sparse
#' matrices of 'Matrix'. (A map has parameters `rcar`, the effects of areas, and of type `"bym2"`
#' `scar`, their structured parts.) All others have a dense block each: a few hundred coefficients
#' of these are quick, 1,500 the most.
#'
#' Predictions take levels and times that were not in the data, given those that were: times between
#' and beyond those of a series, areas of the map and levels of the matrix without rows; with
#' `allow.new.levels = TRUE` new series of `ar1()` and new members of `mm()`. Areas and levels that
#' are in no matrix are errors, as are a walk's new series, which has no level to start from, and
#' new times of a series of 400 times and more. Smooths and processes take any values. `re.form =
#' NA` leaves out `gr()` and `mm()`, as other members of populations.
#'
#' @section Covariances of a level's coefficients:
#' The coefficients of `(1 + x | g)` have any covariance. Tags of 'glmmTMB' and 'lme4' restrict it:
#' \describe{
#'   \item{`us(1 + x | g)`}{Any: a standard deviation each, `sd_g__Intercept`, `sd_g__x`, and a
#'     correlation for each pair, `cor_g__Intercept__x`. That is `(1 + x | g)`.}
#'   \item{`diag(1 + x | g)`}{A standard deviation each, no correlation: `(1 | g) + (0 + x | g)`,
#'     and with a factor, `diag(0 + f | g)`, one for each of its levels.}
#'   \item{`homdiag(0 + f | g)`}{One standard deviation of all, `sd_g`, no correlation:
#'     `(1 | g:f)`. `diag(0 + f | g, hom = TRUE)` is the same.}
#'   \item{`cs(0 + f | g)`}{Compound symmetry: a standard deviation each and one correlation of any
#'     two, `cor_g`, between `-1 / (d - 1)` for `d` coefficients and 1. With `hom = TRUE`
#'     (`homcs()`) there is one standard deviation too, `sd_g`.}
#' }
#' `prior_sd = list(g = )` is the prior of one standard deviation as of several. `prior_cor =
#' lkj(eta)` has for compound symmetry the same meaning as for all correlation matrices: a density
#' in proportion to `|R|^(eta - 1)`, which for `lkj(1)`, the default, is uniform between the limits.
#' Columns far from zero are not centred under these tags, since the covariance of centred ones
#' would not have the structure.
#'
#' @section Priors:
#' Standard deviations have the half-t prior of those of groups; `prior_sd` may be a list with their
#' names, or the names in the formula. Correlations `rho_` are uniform on (-1, 1), `car` and
#' `rhocar` on (0, 1), the length scale has the inverse gamma distribution that leaves one percent
#' to either side of the distances in the data, as in 'brms'; `prior_aux = list(rho_time = normal(0,
#' .5))` states others. `pc(u, alpha)` of a correlation `rho_` prefers none: it is beyond `u`,
#' either way, with probability `alpha` (Sorbye and Rue 2017). Data frames by `brms::prior()` may
#' have the classes `sds`, `sdcar`, `car`, `rhocar`, `sdgp`, `lscale` and `rho`, or `ar`, with
#' `uniform()` of their range and `beta()` among the densities, and the range as bounds.
#' [prior_summary()] shows what was used.
#'
#' @references
#' Freni-Sterrantino, A., Ventrucci, M. and Rue, H. (2018). A note on intrinsic conditional
#' autoregressive models for disconnected graphs. *Spatial and Spatio-temporal Epidemiology*, 26,
#' 25-34.
#'
#' Lindgren, F. and Rue, H. (2008). On the second-order random walk model for irregular locations.
#' *Scandinavian Journal of Statistics*, 35, 691-700.
#'
#' Riebler, A., Sorbye, S. H., Simpson, D. and Rue, H. (2016). An intuitive Bayesian spatial model
#' for disease mapping that accounts for scaling. *Statistical Methods in Medical Research*, 25,
#' 1145-1165.
#'
#' Riutort-Mayol, G., Buerkner, P.-C., Andersen, M. R., Solin, A. and Vehtari, A. (2023). Practical
#' Hilbert space approximate Bayesian Gaussian processes for probabilistic programming. *Statistics
#' and Computing*, 33, 17.
#'
#' Sorbye, S. H. and Rue, H. (2017). Penalised complexity priors for stationary autoregressive
#' processes. *Journal of Time Series Analysis*, 38, 923-935.
#'
#' Wood, S. N. (2017). *Generalized additive models: an introduction with R*, second edition. CRC.
#' @examples
#' fit <- vb(Ozone ~ s(Temp) + s(Wind), airquality)
#' summary(fit)
#'
#' series <- data.frame(year = 1871:1970, flow = as.vector(Nile))
#' vb(flow ~ rw1(year), series)
#' @name structured
NULL
