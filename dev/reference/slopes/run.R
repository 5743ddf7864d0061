# Long NUTS run for tests/testthat/fixtures/student-slopes.csv:
#   Rscript dev/reference/slopes/run.R [chains] [iterations]
# from the package's root. Needs rstan.
library(rstan)
rstan_options(boost_lib = "/usr/include")
args <- as.integer(commandArgs(TRUE))
chains <- if (length(args)) args[1] else 4L
iter <- if (length(args) > 1) args[2] else 4000L
source("tests/testthat/helper-slopes.R")
d <- slopes_data()
x <- cbind(1, as.matrix(d[c("x1", "x2", "x3")]))
data <- list(N = nrow(x), K = ncol(x), J = nlevels(d$g), x = x, y = d$y, g = as.integer(d$g),
             at = round(median(d$y), 1), s = max(2.5, round(mad(d$y), 1)), coef = 2)
fit <- sampling(stan_model("dev/reference/slopes/slopes.stan"), data, chains = chains, iter = iter,
                pars = c("b_Intercept", "b", "sd_par", "sigma", "nu"), cores = 1, seed = 1,
                warmup = 1000, control = list(adapt_delta = 0.95), refresh = 2000)
cat("divergent:", get_num_divergent(fit), " max Rhat:", max(summary(fit)$summary[, "Rhat"]), "\n")
draws <- as.array(fit)
out <- do.call(rbind, lapply(setdiff(dimnames(draws)$parameters, "lp__"), function(v) {
  x <- draws[, , v]
  q <- unname(quantile(x, c(0.05, 0.95)))
  data.frame(parameter = v, mean = mean(x), sd = sd(x), q05 = q[1], q95 = q[2],
             mcse = sd(x) / sqrt(posterior::ess_mean(x)))
}))
term <- c("Intercept", "x1", "x2", "x3")
out$parameter <- c(paste0("b_", term), paste0("sd_g__", term), "sigma", "nu")
out[-1] <- lapply(out[-1], signif, 5)
write.csv(out, "tests/testthat/fixtures/student-slopes.csv", row.names = FALSE)
