# Small real data sets, one fit each, made once however many tests read them.

extdata <- function(name) {
  data <- utils::read.csv(system.file("extdata", paste0(name, ".csv"), package = "varbayes"))
  factors <- intersect(c("Subject", "herd", "period"), names(data))
  data[factors] <- lapply(data[factors], factor)
  data
}
sleepstudy <- extdata("sleepstudy")
cbpp <- extdata("cbpp")
# nine looms for each of two kinds of wool, three tensions each
looms <- transform(datasets::warpbreaks, loom = factor(rep(1:9, 6)))

fit_calls <- list(
  line = quote(vb(dist ~ speed, cars)),
  known = quote(vb(dist ~ speed, cars, prior = NULL, prior_intercept = NULL,
                   prior_aux = constant(15))),
  slope = quote(vb(Reaction ~ Days + (Days | Subject), sleepstudy)),
  apart = quote(vb(Reaction ~ Days + (Days || Subject), sleepstudy)),
  binomial = quote(vb(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp,
                      family = binomial())),
  poisson = quote(vb(count ~ spray, InsectSprays, family = poisson())),
  negbinomial = quote(vb(breaks ~ wool + tension, warpbreaks, family = negbinomial())),
  student = quote(vb(stack.loss ~ ., stackloss, family = student(df = 4))),
  nested = quote(vb(breaks ~ tension + (1 | wool / loom), looms, family = poisson()))
)
all_cases <- names(fit_calls)
mixed_cases <- c("slope", "apart", "binomial", "nested")

fit_cache <- new.env()
fit_of <- function(case) {
  if (is.null(fit_cache[[case]])) {
    fit_cache[[case]] <- eval(fit_calls[[case]], environment(fit_of))
  }
  fit_cache[[case]]
}

# the list that these lines of code leave as `out` in a new session, in which `fit` was read back;
# the packages `before` and `after` are attached around this one
in_new_session <- function(fit, lines, before = NULL, after = NULL) {
  files <- c(tempfile(), tempfile(), tempfile(fileext = ".R"))
  on.exit(unlink(files))
  saveRDS(fit, files[1])
  writeLines(c(
    sprintf(".libPaths(%s)", deparse1(.libPaths())),
    sprintf("suppressWarnings(library(%s))", c(before, "varbayes", after)),
    sprintf("fit <- readRDS('%s')", files[1]), lines,
    sprintf("saveRDS(out, '%s')", files[2])), files[3])
  system2(file.path(R.home("bin"), "Rscript"), c("--vanilla", files[3]), stdout = FALSE,
          stderr = FALSE)
  readRDS(files[2])
}

# what draws of the response are to be divided by for the scale of fitted()
response_mean_scale <- function(fit) {
  if (trials_kind(fit) == "pairs") rowSums(model.frame(fit)[[1L]]) else 1
}
