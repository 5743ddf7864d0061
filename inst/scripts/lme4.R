# Ten ordinary tasks as users of lme4 write them. Only the fitting functions are changed: with
#   fit_lmm <- lme4::lmer; fit_glmm <- lme4::glmer
# before source() the same script runs on lme4's fits.
library(lme4)
library(emmeans)
library(broom.mixed)

if (!exists("fit_lmm")) fit_lmm <- fit_glmm <- varbayes::vb

# 1. Fit
sleep <- fit_lmm(Reaction ~ Days + (Days | Subject), data = sleepstudy)
herds <- fit_glmm(cbind(incidence, size - incidence) ~ period + (1 | herd), data = cbpp,
                  family = binomial)

# 2. Look: summary, estimates, variances, intervals
print(summary(sleep))
print(VarCorr(sleep), comp = c("Variance", "Std.Dev."))
fixed <- fixef(herds)
error <- sqrt(diag(as.matrix(vcov(herds))))
random <- as.data.frame(ranef(sleep))
interval <- confint(sleep, parm = "Days", method = "Wald")

# 3. Compare two models on days that they have not seen
early <- update(sleep, subset = Days < 8)
apart <- update(early, . ~ . - (Days | Subject) + (Days || Subject))
constant <- update(early, . ~ . - (Days | Subject) + (1 | Subject))
late <- subset(sleepstudy, Days >= 8)
miss <- function(fit) sqrt(mean((late$Reaction - predict(fit, newdata = late))^2))
comparison <- sapply(list(correlated = early, apart = apart, constant = constant), miss)
print(comparison)

# 4. Predict, with new groups among those that are known
new <- data.frame(Subject = c("308", "one of tomorrow"), Days = 9)
known_and_new <- predict(sleep, newdata = new, allow.new.levels = TRUE)
population <- predict(sleep, newdata = new, re.form = NA)
share <- predict(herds, newdata = data.frame(period = levels(cbpp$period)), re.form = ~0,
                 type = "response")

# 5. Plot residuals, and random effects with their errors
plot(fitted(herds), residuals(herds, type = "pearson"), xlab = "fitted", ylab = "residual")
effects <- random[random$term == "Days", ]
position <- rank(effects$condval)
plot(effects$condval, position, xlim = range(effects$condval) + c(-10, 10), xlab = "Days",
     ylab = "", pch = 16)
segments(effects$condval - 2 * effects$condsd, position, effects$condval + 2 * effects$condsd)

# 6. Contrast periods
means <- emmeans(herds, ~ period, type = "response")
contrasts <- as.data.frame(pairs(emmeans(herds, ~ period)))
print(contrasts)

# 7. Tidy tables of parameters and of the data
parameters <- tidy(sleep)
odds <- tidy(herds, effects = "fixed", exponentiate = TRUE, conf.int = TRUE)
rows <- augment(sleep)
print(odds)

# 8. Cross-validate: each herd left out in turn
left_out <- sapply(levels(cbpp$herd), function(herd) {
  fit <- update(herds, data = cbpp[cbpp$herd != herd, ])
  rest <- cbpp[cbpp$herd == herd, ]
  p <- predict(fit, newdata = rest, type = "response", allow.new.levels = TRUE)
  sum(dbinom(rest$incidence, rest$size, p, log = TRUE))
})
print(sum(left_out))

# 9. Simulate: are there as many herds without a case as in the data?
simulated <- simulate(herds, nsim = 50, seed = 1)
zeros <- sapply(simulated, function(y) mean(y[, "incidence"] == 0))
print(c(data = mean(cbpp$incidence == 0), simulated = mean(zeros)))

# 10. Save and reload
file <- tempfile(fileext = ".rds")
saveRDS(sleep, file)
reloaded <- readRDS(file)
stopifnot(identical(predict(reloaded, newdata = late), predict(sleep, newdata = late)))
unlink(file)
