# What the scripts of this folder's folders share: where references are kept, and what is kept of
# long runs of NUTS. Run from the root of the repository.

fixtures <- file.path("tests", "testthat", "fixtures")

case_file <- function(name, what) file.path(fixtures, paste0(name, "-", what, ".csv"))

# named: `draws`, iterations x chains, under the names of posterior_summary(), and a `class` each
summarise <- function(named) {
  rows <- lapply(named$draws, function(x) {
    c(mean(x), sd(x), quantile(x, c(0.05, 0.95)), posterior::mcse_mean(x), posterior::mcse_sd(x),
      posterior::mcse_quantile(x, c(0.05, 0.95)))
  })
  value <- do.call(rbind, rows)
  colnames(value) <- c("mean", "sd", "q05", "q95", "mcse_mean", "mcse_sd", "mcse_q05", "mcse_q95")
  value <- cbind(signif(value[, 1:4], 6), signif(value[, 5:8], 2))
  data.frame(parameter = names(named$draws), class = unname(named$class), value)
}

# Writes the reference of a case, but for the parameters it is to be `without`, and says how good
# the chains were
keep_reference <- function(name, fit, named, without = NULL) {
  reference <- summarise(named)
  reference <- reference[!reference$parameter %in% without, ]
  utils::write.csv(reference, case_file(name, "reference"), row.names = FALSE, quote = 1)
  hyper <- named$draws[!named$class %in% c("ranef", "eta")]
  size <- dim(named$draws[[1L]])
  cat(sprintf("%s: %d x %d draws, %d divergent, R-hat <= %.4f, bulk ESS >= %.0f (tail %.0f)\n",
              name, size[2L], size[1L], rstan::get_num_divergent(fit),
              max(vapply(named$draws, posterior::rhat, 0)),
              min(vapply(hyper, posterior::ess_bulk, 0)),
              min(vapply(hyper, posterior::ess_tail, 0))))
}

# make(name, model) of the cases that are asked for, or of all; program: of Stan, in this folder
run_cases <- function(cases, program, make, asked = commandArgs(trailingOnly = TRUE)) {
  rstan::rstan_options(boost_lib = "/usr/include")     # where Debian has it
  model <- rstan::stan_model(file.path("dev", "reference", program))
  for (name in if (length(asked)) asked else names(cases)) make(name, model)
}
