# What verbs cost on a finished fit, and how often each opens it: Rscript inst/bench/verbs.R
# Prints a line per verb: CPU seconds (the least of three) and the number of openings.
library(varbayes)

home <- asNamespace("varbayes")
count <- new.env()
doors <- intersect("open_engine", ls(home))
if (!length(doors)) {                        # versions in which every door opened the fit anew
  doors <- c("engine_moments", "engine_node_moments", "engine_cavity", "engine_draws")
}
for (door in doors) {
  suppressMessages(trace(door, quote(count$opened <- count$opened + 1L), where = home,
                         print = FALSE))
}
count$opened <- 0L

cpu <- function(code) {
  expression <- substitute(code)
  run <- function() sum(system.time(eval(expression, globalenv()))[1:2])
  least <- min(replicate(3, run()))
  count$opened <- 0L
  invisible(run())
  c(seconds = least, opened = count$opened)
}

set.seed(1)
d <- data.frame(x = rnorm(4000), g = factor(sample(200, 4000, TRUE)),
                h = factor(sample(150, 4000, TRUE)))
d$y <- rbinom(4000, 1, plogis(d$x + rnorm(200)[d$g] + rnorm(150)[d$h]))
crossed <- vb(y ~ x + (1 | g) + (1 | h), d, family = binomial(), verbose = FALSE)
rows <- d[sample(4000, 20000, TRUE), ]
sleep <- read.csv(system.file("extdata", "sleepstudy.csv", package = "varbayes"))
slopes <- vb(Reaction ~ Days + (Days | Subject), sleep, verbose = FALSE)
many <- vb(y ~ x + (1 | g), data.frame(x = rnorm(6000), g = factor(rep(1:3000, 2)),
                                       y = rpois(6000, 2)), family = poisson(), verbose = FALSE)

print(rbind(
  "predict, prediction, 20000 rows" = cpu(predict(crossed, rows, interval = "prediction")),
  "predict, credible, 20000 rows" = cpu(predict(crossed, rows, interval = "credible")),
  "loo by cavities, sleepstudy" = cpu(suppressWarnings(loo::loo(slopes, method = "cavity"))),
  "loo by draws, sleepstudy" = cpu(suppressWarnings(loo::loo(slopes, ndraws = 1000))),
  "4000 draws of 3002 coefficients" = cpu(as.matrix(many)),
  "kfold, K = 3, crossed" = cpu(loo::kfold(crossed, K = 3))
), digits = 3)
