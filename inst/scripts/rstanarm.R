# Ten ordinary tasks as users of rstanarm write them. Only the fitting function is changed: with
#   fit_model <- rstanarm::stan_glmer
# before source() the same script runs on rstanarm's fits. The arguments of the sampler may stay:
# vb() says that it does not need them.
library(rstanarm)
library(loo)
library(emmeans)
library(broom.mixed)
library(bayesplot)

if (!exists("fit_model")) fit_model <- varbayes::vb

# 1. Fit, with priors
cbpp <- lme4::cbpp
herds <- fit_model(cbind(incidence, size - incidence) ~ period + (1 | herd), data = cbpp,
                   family = binomial(), prior = normal(0, 2.5), prior_intercept = normal(0, 5),
                   chains = 1, iter = 1000, seed = 1, refresh = 0)

# 2. Look: estimates, priors, intervals, draws
print(herds)
print(summary(herds))
priors <- prior_summary(herds)
fixed <- fixef(herds)
interval <- posterior_interval(herds, prob = 0.9, regex_pars = "period")
draws <- as.matrix(herds, regex_pars = "period")
probability <- mean(draws[, 1] < 0)            # that the second period has fewer cases

# 3. Compare two models
without <- update(herds, . ~ . - period)
comparison <- loo_compare(list(with = loo(herds), without = loo(without)))
print(comparison)

# 4. Predict, with new groups among those that are known
new <- data.frame(period = factor(1, levels = 1:4), herd = c("1", "one of tomorrow"),
                  incidence = 0, size = 20)
expected <- posterior_epred(herds, newdata = new)
cases <- posterior_predict(herds, newdata = new)
population <- posterior_epred(herds, newdata = new, re.form = NA)
bounds <- predictive_interval(herds, newdata = new, prob = 0.8)

# 5. Plot: the fit, intervals, and the data against data from the model
plot(herds)
areas <- mcmc_areas(draws, prob = 0.9)
check <- pp_check(herds, nreps = 20)
print(areas)
print(check)

# 6. Contrast periods
means <- emmeans(herds, ~ period, type = "response")
contrasts <- as.data.frame(pairs(emmeans(herds, ~ period)))
print(contrasts)

# 7. Tidy table
parameters <- tidy(herds, effects = "fixed", conf.int = TRUE, conf.level = 0.9)
print(parameters)

# 8. Cross-validate
set.seed(1)
folds <- kfold_split_random(K = 4, N = nrow(cbpp))
validated <- suppressWarnings(kfold(herds, K = 4, folds = folds))
print(validated)

# 9. Simulate: are there as many herds without a case as in the data?
simulated <- posterior_predict(herds, draws = 100, seed = 1)
zeros <- rowMeans(simulated == 0)
print(c(data = mean(cbpp$incidence == 0), simulated = mean(zeros)))

# 10. Save and reload
file <- tempfile(fileext = ".rds")
saveRDS(herds, file)
reloaded <- readRDS(file)
same <- lapply(list(herds, reloaded), function(fit) {
  set.seed(1)
  posterior_epred(fit, newdata = new)
})
stopifnot(identical(same[[1]], same[[2]]))
unlink(file)
