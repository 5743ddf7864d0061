# Long NUTS runs for tests/testthat/fixtures/horseshoe-<case>.csv:
#   Rscript dev/reference/horseshoe/run.R <case> [chains] [iterations]
# from the package's root. Needs rstan.
library(rstan)
rstan_options(boost_lib = "/usr/include", auto_write = TRUE)
args <- commandArgs(TRUE)
case <- args[1]
chains <- if (length(args) > 1) as.integer(args[2]) else 4L
iter <- if (length(args) > 2) as.integer(args[3]) else 3000L
source("tests/testthat/helper-horseshoe.R")
spec <- horseshoe_cases[[case]]
d <- horseshoe_data(case)
y <- d$data$y
gaussian <- spec$family == "gaussian"
data <- list(N = spec$n, K = spec$p, J = spec$groups, gaussian = gaussian + 0L, x = d$x, y = y,
             hit = if (gaussian) integer(spec$n) else as.integer(y),
             g = if (spec$groups) as.integer(d$data$g) else integer(spec$n),
             df = 1, df_global = 1, scale_global = 0.1 / sqrt(spec$n), df_slab = 4, scale_slab = 2,
             at = if (gaussian) round(median(y), 1) else 0,
             s = if (gaussian) max(2.5, round(mad(y), 1)) else 2.5)
model <- stan_model("dev/reference/horseshoe/horseshoe.stan")
keep <- c("b_Intercept", "b", "tau", "c2", if (gaussian) "sigma", if (spec$groups) c("sd_par", "r"))
fit <- sampling(model, data, pars = keep, chains = chains, iter = iter,
                warmup = min(1000, iter / 2), cores = 1, seed = 1,
                control = list(adapt_delta = 0.99, max_treedepth = 12),
                refresh = 500)
draws <- as.array(fit)
draws[, , "c2"] <- sqrt(draws[, , "c2"])          # the slab's scale: the square has no variance
cat("divergent:", get_num_divergent(fit), " max Rhat:", max(summary(fit)$summary[, "Rhat"]), "\n")
names <- setdiff(dimnames(draws)$parameters, "lp__")
out <- do.call(rbind, lapply(names, function(v) {
  x <- draws[, , v]
  q <- unname(quantile(x, c(0.05, 0.95)))
  data.frame(parameter = v, mean = mean(x), sd = sd(x), q05 = q[1], q95 = q[2],
             mcse = sd(x) / sqrt(posterior::ess_mean(x)))
}))
name <- sub("^b\\[(\\d+)\\]$", "b_x\\1", out$parameter)
name <- sub("^tau$", "hs_global", sub("^c2$", "hs_slab", name))
name <- sub("^sd_par\\[1\\]$", "sd_g__Intercept", name)
out$parameter <- sub("^r\\[(\\d+)\\]$", "r_g[\\1,Intercept]", name)
out[-1] <- lapply(out[-1], signif, 5)
dest <- Sys.getenv("HORSESHOE_OUT", "tests/testthat/fixtures")
write.csv(out, file.path(dest, sprintf("horseshoe-%s.csv", case)), row.names = FALSE)
