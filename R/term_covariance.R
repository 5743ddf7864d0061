# Covariances of the coefficients of a level, by their names in glmmTMB and lme4, which are those of
# the rows of rows/covariances/ in C. Of a term's standard deviations and correlations one may be
# that of all coefficients.

# one_sd: one of all; cors: how many correlations d coefficients have; what: in words
covariance_rows <- list(
  us = list(one_sd = FALSE, cors = function(d) (d * (d - 1L)) %/% 2L),
  diag = list(one_sd = FALSE, cors = function(d) 0L),
  homdiag = list(one_sd = TRUE, cors = function(d) 0L),
  cs = list(one_sd = FALSE, cors = function(d) as.integer(d > 1L)),
  homcs = list(one_sd = TRUE, cors = function(d) as.integer(d > 1L))
)
# lme4's cs(..., hom = TRUE)
with_one_sd <- c(diag = "homdiag", homdiag = "homdiag", cs = "homcs", homcs = "homcs")

covariance_row <- function(term) covariance_rows[[covariance_name(term)]]
covariance_name <- function(term) if (is.null(term$covariance)) "us" else term$covariance

# The coefficients whose standard deviations are parameters; "": of all
sd_coefs <- function(term) if (covariance_row(term)$one_sd) "" else term$coef
n_sds <- function(term) length(sd_coefs(term))
n_cors <- function(term) covariance_row(term)$cors(length(term$coef))
is_compound <- function(term) covariance_name(term) %in% c("cs", "homcs")

# One correlation of all has a least value, where they add up to nothing
correlation_range <- function(term) {
  c(if (is_compound(term)) -1 / (length(term$coef) - 1) else -1, 1)
}

# Correlations by pairs of coefficients: rows of `hyper`, each for the pair (a, b) or for all
correlation_rows <- function(hyper, rows, a, b) {
  i <- hyper$i[rows]
  j <- hyper$j[rows]
  rows[i == 0L | i == a & j == b | i == b & j == a]
}
