#!/usr/bin/env Rscript
# Compares vb(algorithm = "advi") with Stan's ADVI, as rstanarm and rstan::vb() run it, on the same
# models with the same priors, on this machine, in one run.
#
#   Rscript advi.R [--only=wells,cbpp] [--peers=varbayes,rstanarm,rstan]
#                  [--approximations=meanfield,fullrank] [--seeds=5] [--out=report]
#                  [--boost=DIR] [--again]
#
# The peers take turns, seed after seed. Timed is the whole call, elapsed and CPU, one thread,
# packages loaded and Stan programs compiled; what was fitted is then held against the reference
# posteriors of advi-reference.csv (made by advi-reference.R): of the same priors, but for
# rstanarm's grouped models, which have priors of covariances, and so references, of their own.
# All settings of the peers are their defaults. --boost is for an rstan that has no Boost of its
# own (rstan_options("boost_lib")). Writes advi-fits.csv (a row per fit), advi.csv (a row per
# model, approximation and peer), advi.md and advi-fits.rds; --again reports from the last alone.

here <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE),
                                                       value = TRUE))))
for (name in c("arguments.R", "workloads.R", "advi-models.R", "advi-peers.R")) {
  source(file.path(here, name))
}
Sys.setenv(OMP_NUM_THREADS = 1, OPENBLAS_NUM_THREADS = 1, MKL_NUM_THREADS = 1)
out <- option("out", "report")

# ---- One fit -------------------------------------------------------------------------------------

# a short call is repeated until half a second has gone, and the median taken
repeated <- function(call, first) {
  times <- rbind(first)
  while (sum(times[, "elapsed"]) < 0.5 && nrow(times) < 50) {
    again <- system.time(call(), gcFirst = FALSE)
    times <- rbind(times, c(elapsed = again[["elapsed"]], cpu = sum(again[1:2])))
  }
  # CPU time is counted in steps as long as such a call
  c(elapsed = stats::median(times[, "elapsed"]), cpu = mean(times[, "cpu"]))
}

one_fit <- function(model, approximation, peer, seed) {
  row <- advi_peers[[peer]]
  call <- function() suppressMessages(suppressWarnings(row$fit(model, approximation, seed)))
  fit <- NULL
  gc()
  result <- list(model = model$name, approximation = approximation, peer = peer, seed = seed)
  error <- NULL
  output <- utils::capture.output(
    time <- system.time(fit <- tryCatch(call(), error = function(e) {
      error <<- gsub("\\s+", " ", conditionMessage(e))
      NULL
    }), gcFirst = FALSE)
  )
  first <- c(elapsed = time[["elapsed"]], cpu = sum(time[1:2]))
  read <- if (is.null(error)) {
    tryCatch(row$read(model, fit, output), error = function(e) {
      error <<- paste("not readable:", conditionMessage(e))
      NULL
    })
  }
  if (!is.null(error)) return(c(result, as.list(first), failed = error))
  utils::capture.output(time <- repeated(call, first))
  c(result, as.list(time), read)
}

run_model <- function(name, peers, approximations, seeds) {
  model <- advi_model(name)
  results <- list()
  for (seed in seq_len(seeds)) {
    for (approximation in approximations) {
      for (peer in peers) {
        fit <- one_fit(model, approximation, peer, seed)
        results <- c(results, list(fit))
        cat(sprintf("%-16s %-10s %-9s %d %8.3f s %s\n", name, approximation, peer, seed,
                    fit$elapsed, if (is.null(fit$failed)) "" else fit$failed))
      }
    }
  }
  results
}

# ---- Errors --------------------------------------------------------------------------------------

reference <- utils::read.csv(file.path(here, "advi-reference.csv"))
reference_for <- function(model, peer) {
  of_model <- reference[reference$model == model, ]
  own <- of_model$prior == advi_peers[[peer]]$prior
  if (any(own)) of_model[own, ] else of_model
}

rms <- function(x) sqrt(mean(x^2))

# errors of means in posterior sds, ratios of sds, over the fixed effects and over all parameters
fit_row <- function(fit) {
  row <- data.frame(fit[c("model", "approximation", "peer", "seed", "elapsed", "cpu")])
  for (field in c("n_grad", "n_value", "khat", "converged")) row[[field]] <- number(fit[[field]])
  ref <- reference_for(fit$model, fit$peer)
  if (is.null(fit$failed)) {
    missing <- setdiff(ref$parameter, names(fit$mean))
    if (length(missing)) stop(fit$peer, " does not report ", toString(missing))
  }
  value <- function(x) if (is.null(fit$failed)) unname(x[ref$parameter]) else NA_real_
  z <- (value(fit$mean) - ref$mean) / ref$sd
  ratio <- value(fit$sd) / ref$sd
  fixed <- parameter_class(ref$parameter) == "fixed"
  for (set in c("fixed", "all")) {
    i <- if (set == "fixed") fixed else rep(TRUE, length(fixed))
    row[[paste0(set, "_z_max")]] <- max(abs(z[i]))
    row[[paste0(set, "_z_rms")]] <- rms(z[i])
    row[[paste0(set, "_sd_low")]] <- min(ratio[i])
    row[[paste0(set, "_sd_high")]] <- max(ratio[i])
  }
  center <- (value(fit$center) - ref$mean)[fixed] / ref$sd[fixed]
  row$fixed_q_max <- max(abs(center))
  row$fixed_q_rms <- rms(center)
  row$failed <- if (is.null(fit$failed)) "" else fit$failed
  row
}

# sd over the seeds of each mean, in posterior sds
seed_spread <- function(fits) {
  fits <- Filter(function(fit) is.null(fit$failed), fits)
  if (length(fits) < 2) return(list(fixed_spread = NA, all_spread = NA))
  ref <- reference_for(fits[[1]]$model, fits[[1]]$peer)
  means <- vapply(fits, function(fit) fit$mean[ref$parameter], ref$mean)
  spread <- apply(means, 1, stats::sd) / ref$sd
  fixed <- parameter_class(ref$parameter) == "fixed"
  list(fixed_spread = max(spread[fixed]), all_spread = max(spread))
}

# medians over the seeds
peer_row <- function(fits) {
  rows <- do.call(rbind, lapply(fits, fit_row))
  ok <- rows[rows$failed == "", ]
  middle <- setdiff(names(rows)[vapply(rows, is.numeric, NA)], c("seed", "converged"))
  value <- lapply(ok[middle], function(x) if (length(x)) stats::median(x) else NA)
  data.frame(rows[1, c("model", "approximation", "peer")], value,
             fixed_z_worst = if (nrow(ok)) max(ok$fixed_z_max) else NA, seed_spread(fits),
             seeds = nrow(rows), converged = sum(ok$converged), failures = sum(rows$failed != ""),
             why = c(rows$failed[rows$failed != ""], "")[1])
}

summary_table <- function(fits) {
  key <- vapply(fits, function(f) paste(f$model, f$approximation, f$peer), "")
  table <- do.call(rbind, lapply(split(fits, factor(key, unique(key))), peer_row))
  ours <- table[table$peer == "varbayes", ]
  at <- match(paste(table$model, table$approximation), paste(ours$model, ours$approximation))
  table$times_slower <- table$elapsed / ours$elapsed[at]
  table$times_cpu <- table$cpu / ours$cpu[at]
  table$times_error <- table$all_z_rms / ours$all_z_rms[at]
  table[order(match(table$model, names(advi_models)), table$approximation), ]
}

# ---- Report --------------------------------------------------------------------------------------

markdown <- function(table) {
  figure <- function(x, digits = 3) {
    ifelse(is.na(x), "", trimws(formatC(x, digits = digits, format = "fg", big.mark = "")))
  }
  pair <- function(a, b, by) {
    ifelse(is.na(a), "", paste0(figure(a, 2), by, figure(b, 2)))
  }
  show <- data.frame(
    model = table$model, q = table$approximation, by = table$peer, s = figure(table$elapsed),
    `CPU s` = figure(table$cpu), times = figure(table$times_slower, 2),
    gradients = figure(table$n_grad, 5), values = figure(table$n_value, 5),
    `fixed z` = pair(table$fixed_z_max, table$fixed_z_rms, " / "),
    `of q` = figure(table$fixed_q_max, 2), worst = figure(table$fixed_z_worst, 2),
    `fixed sd` = pair(table$fixed_sd_low, table$fixed_sd_high, " - "),
    `all z` = pair(table$all_z_max, table$all_z_rms, " / "),
    `all sd` = pair(table$all_sd_low, table$all_sd_high, " - "),
    spread = pair(table$fixed_spread, table$all_spread, " / "), k = figure(table$khat, 2),
    converged = paste0(table$converged, "/", table$seeds),
    failed = ifelse(table$failures > 0, table$failures, ""), check.names = FALSE
  )
  line <- function(x) paste0("| ", paste(x, collapse = " | "), " |")
  c(line(names(show)), line(rep("---", ncol(show))), apply(show, 1, line))
}

explain <- function(table) {
  cpu <- tryCatch(grep("^model name", readLines("/proc/cpuinfo"), value = TRUE)[1],
                  error = function(e) NA)
  packages <- vapply(advi_peers[unique(table$peer)], `[[`, "", "package")
  versions <- vapply(packages, function(p) paste(p, utils::packageVersion(p)), "")
  c(paste0("Measured ", format(Sys.Date()), ": ", R.version.string, "; ",
           sub(".*:\\s*", "", cpu), "; one thread; ", toString(versions), "."), "",
    paste("Medians over the seeds. `times`: elapsed, over varbayes's. `gradients`, `values`:",
          "evaluations of the log density with and without gradient (rstan, rstanarm: from what",
          "Stan prints, see stan_evaluations() in advi-peers.R). `fixed z`, `all z`: largest and",
          "root mean square error of the means in posterior sds, over the fixed effects and over",
          "all parameters; Stan's are read from its 1000 draws, whose own noise is 0.03 (rstanarm",
          "resamples them by importance where k allows). `of q`: the largest error of the mean of",
          "q itself, without either. `worst`: the largest `fixed z` over all seeds. `sd`: smallest",
          "and largest ratio to the posterior sd. `spread`: largest sd over the seeds of a mean,",
          "in posterior sds, fixed effects / all. `k`: Pareto k.",
          "`converged`: by the peer's own rule, of all seeds."), "")
}

failures <- function(table) {
  rows <- table[table$failures > 0, ]
  if (!nrow(rows)) return(character())
  c("", sprintf("* %s, %s, %s: %d of %d failed: %s", rows$model, rows$approximation, rows$peer,
                rows$failures, rows$seeds, substr(rows$why, 1, 200)))
}

# ---- Run -----------------------------------------------------------------------------------------

run_all <- function() {
  peers <- listed("peers", names(advi_peers))
  there <- vapply(advi_peers[peers], function(x) nzchar(system.file(package = x$package)), NA)
  for (peer in peers[!there]) cat(peer, "is not installed and left out\n")
  peers <- peers[there]
  for (peer in peers) loadNamespace(advi_peers[[peer]]$package)
  if ("rstan" %in% peers) compile_stan(here, out, option("boost"))
  fits <- list()
  for (name in listed("only", names(advi_models))) {
    fits <- c(fits, run_model(name, peers, listed("approximations", c("meanfield", "fullrank")),
                              as.integer(option("seeds", "5"))))
    saveRDS(fits, file.path(out, "advi-fits.rds"))
  }
  fits
}

dir.create(out, recursive = TRUE, showWarnings = FALSE)
saved <- file.path(out, "advi-fits.rds")
fits <- if ("--again" %in% arguments) readRDS(saved) else run_all()
table <- summary_table(fits)
utils::write.csv(do.call(rbind, lapply(fits, fit_row)), file.path(out, "advi-fits.csv"),
                 row.names = FALSE)
utils::write.csv(table, file.path(out, "advi.csv"), row.names = FALSE)
report <- c(explain(table), markdown(table), failures(table))
writeLines(report, file.path(out, "advi.md"))
writeLines(report)
