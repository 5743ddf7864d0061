# Structured terms with the default priors, on the data of dev/reference/fields/run.R
field_cases <- list(
  map_bym2 = function(d, w) {
    vb(y ~ x + offset(log(E)) + car(w, gr = area, type = "bym2"), d, family = poisson())
  },
  map_escar = function(d, w) {
    vb(y ~ x + offset(log(E)) + car(w, gr = area), d, family = poisson())
  },
  series_rw2 = function(d, w) vb(y ~ x + rw2(t), d, family = negbinomial()),
  series_ar1 = function(d, w) vb(y ~ x + ar1(t | g), d, family = bernoulli()),
  process_gp = function(d, w) vb(y ~ gp(x), d),
  smooth_by = function(d, w) vb(y ~ g + s(x, by = g, k = 8), d),
  smooth_t2 = function(d, w) vb(y ~ t2(x, z, k = 4), d, family = poisson()),
  smooth_binary = function(d, w) vb(y ~ x + s(u), d, family = bernoulli()),
  known_poisson = function(d, w) vb(y ~ x + (1 | gr(species, cov = w)), d, family = poisson())
)

field_case_fit <- function(case) {
  file <- testthat::test_path("fixtures", paste0(case, "-matrix.csv"))
  w <- if (file.exists(file)) {
    as.matrix(utils::read.csv(file, row.names = 1, check.names = FALSE))
  }
  data <- utils::read.csv(testthat::test_path("fixtures", paste0(case, "-data.csv")),
                          stringsAsFactors = TRUE)
  field_cases[[case]](data, w)
}
