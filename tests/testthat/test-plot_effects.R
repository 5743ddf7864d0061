test_that("every kind of effect is drawn, and its argument comes back", {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  before <- graphics::par("mfrow", "mar", "cex", "las")
  data <- transform(warpbreaks, x = seq_len(54), fast = breaks > 20,
                    day = as.Date("2020-01-01") + seq_len(54))
  fits <- list(vb(breaks ~ x * tension + wool * tension + log(x) * day + fast, data),
               vb(tension ~ x * wool, transform(data, tension = factor(tension, ordered = TRUE)),
                  family = cumulative()),
               fit_of("binomial"), fit_of("slope"))
  for (fit in fits) {
    effects <- conditional_effects(fit, resolution = 5)
    expect_invisible(out <- plot(effects, points = TRUE))
    expect_identical(out, effects)
    expect_silent(plot(effects, col = "black", xlab = "along"))
  }
  expect_identical(graphics::par("mfrow", "mar", "cex", "las"), before)
  expect_error(plot(effects, points = "yes"), class = "vb_error_points")
})

test_that("conditions, and levels beside categories, have panels of their own", {
  fit <- fit_of("slope")
  conditions <- data.frame(Subject = c("308", "309"))
  two <- conditional_effects(fit, conditions = conditions, resolution = 3)
  panels <- effect_panels(two)
  expect_identical(vapply(panels, `[[`, "", "title"),
                   c("Days | Subject = 308", "Days | Subject = 309"))
  # of the observations those of the level
  expect_identical(panels[[2L]]$points$response__,
                   sleepstudy$Reaction[sleepstudy$Subject == "309"])
  ordered <- transform(warpbreaks, tension = factor(tension, ordered = TRUE))
  fit <- vb(tension ~ breaks * wool, ordered, family = cumulative())
  panels <- effect_panels(conditional_effects(fit, "breaks:wool", resolution = 3))
  expect_identical(vapply(panels, `[[`, "", "title"),
                   c("breaks:wool | wool = A", "breaks:wool | wool = B"))
  expect_identical(levels(panels[[1L]]$frame$line), c("L", "M", "H"))
  expect_identical(panels[[1L]]$by, "tension")                  # the title of their legend
  fit <- vb(factor(tension, ordered = TRUE) ~ breaks, warpbreaks, family = cumulative())
  effects <- conditional_effects(fit, resolution = 3)
  expect_identical(attr(effects, "response"), "P(tension)")
  expect_identical(effect_panels(effects)[[1L]]$by, "tension")
})
