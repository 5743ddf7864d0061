# The precisions of a Gaussian process whose hyperparameters are held, by the spectral densities of
# Riutort-Mayol et al. (2023), section 3.1
gp_precision <- function(fit) {
  field <- fit$fields[[1]]
  w2 <- rowSums(field$frequency^2)
  d <- ncol(field$frequency)
  hyper <- posterior_summary(fit, variable = c(field$blocks[[1]]$hyper$name))[, 1]
  l <- hyper[[2]]
  matern <- function(nu) {
    2^d * pi^(d / 2) * gamma(nu + d / 2) * (2 * nu)^nu / (gamma(nu) * l^(2 * nu)) *
      (2 * nu / l^2 + w2)^(-nu - d / 2)
  }
  density <- switch(field$precision, gp_matern32 = matern(1.5), gp_matern52 = matern(2.5),
                    gp_exp_quad = (sqrt(2 * pi) * l)^d * exp(-pmin(l^2 * w2 / 2, 20)))
  1 / (hyper[[1]]^2 * density)
}
