# Ten ordinary tasks as users of brms write them. Only the fitting function is changed: with
#   fit_model <- brms::brm
# before source() the same script runs on brms' fits, once its models are compiled. The arguments
# of the sampler may stay: vb() says that it does not need them.
library(brms)
library(posterior)
library(emmeans)
library(broom.mixed)
library(tidybayes)

if (!exists("fit_model")) fit_model <- varbayes::vb

# 1. Fit, with priors
seizures <- fit_model(count ~ zAge + zBase * Trt + (1 | patient), data = epilepsy,
                      family = poisson(),
                      prior = prior(normal(0, 1), class = b) +
                        prior(student_t(3, 0, 1), class = sd),
                      chains = 1, iter = 1000, seed = 1, refresh = 0)

# 2. Look: estimates, priors, draws
print(summary(seizures))
fixed <- summary(seizures)$fixed[, c("Estimate", "Est.Error")]
priors <- prior_summary(seizures)
every <- posterior_summary(seizures, probs = c(0.05, 0.95))
draws <- as_draws_df(seizures)
probability <- mean(draws$b_Trt1 < 0)          # that treatment helps at average baseline

# 3. Compare two models
without <- update(seizures, . ~ . - zBase:Trt)
comparison <- loo_compare(loo(seizures), loo(without))
print(comparison)

# 4. Predict, with new groups among those that are known
new <- data.frame(zAge = 0, zBase = 0, Trt = c("0", "1"), patient = c("1", "one of tomorrow"))
expected <- posterior_epred(seizures, newdata = new, allow_new_levels = TRUE)
counts <- posterior_predict(seizures, newdata = new, allow_new_levels = TRUE, ndraws = 200)
population <- posterior_epred(seizures, newdata = new, re_formula = NA)

# 5. Plot: the effect of a predictor, and the data against data from the model
curves <- conditional_effects(seizures, effects = "zBase:Trt")
plot(curves, ask = FALSE)
check <- pp_check(seizures, ndraws = 20)
print(check)

# 6. Contrast treatments
means <- emmeans(seizures, ~ Trt, type = "response")
contrasts <- suppressMessages(as.data.frame(pairs(emmeans(seizures, ~ Trt))))
print(contrasts)

# 7. Tidy tables, of parameters and of draws
parameters <- tidy(seizures, effects = "fixed", conf.int = TRUE)
patients <- median_qi(spread_draws(seizures, r_patient[patient, term]))
along <- add_epred_draws(new, seizures, re_formula = NA, ndraws = 100)
print(parameters)

# 8. Cross-validate
set.seed(1)
validated <- kfold(seizures, K = 3)
print(validated)

# 9. Simulate: are there as many visits without a seizure as in the data?
simulated <- posterior_predict(seizures, ndraws = 100)
zeros <- rowMeans(simulated == 0)
print(c(data = mean(epilepsy$count == 0), simulated = mean(zeros)))

# 10. Save and reload
file <- tempfile(fileext = ".rds")
saveRDS(seizures, file)
reloaded <- readRDS(file)
stopifnot(identical(posterior_summary(reloaded), posterior_summary(seizures)))
unlink(file)
