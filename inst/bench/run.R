#!/usr/bin/env Rscript
# Times vb() against its peers on the same data, on this machine, in one run.
#
#   Rscript run.R [--only=sleepstudy,cbpp] [--all] [--peers=varbayes,lme4] [--reps=3]
#                 [--timeout=600] [--out=report] [--install] [--cpu | --elapsed] [--append]
#
# Every fit has an Rscript process of its own, one thread, and is timed as a user would: the whole
# call, after the package is loaded, in CPU seconds (--cpu, which is what goes without saying), so
# that what else the machine does counts little, or in elapsed ones. The median of three processes
# is reported (of a call over 20 seconds the one), and for short fits the mean of repeated calls in
# a warm process as well. Memory is the most the process held during the call, less what it held
# before (Linux only). The fixed effects are compared with vb()'s, in the peer's standard errors, to
# show that both fitted the same model. Writes report.md, growth.png and times.csv, which has all
# that was measured; --append keeps what is in that file of other workloads and peers.
# Peers that are not installed are left out; --install tries to install them from CRAN first.

script <- normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
source(file.path(dirname(script), "arguments.R"))
source(file.path(dirname(script), "workloads.R"))
source(file.path(dirname(script), "peers.R"))
source(file.path(dirname(script), "report.R"))

# ---- One fit, in a process of its own -----------------------------------------------------------

# megabytes held now ("VmRSS") or at most since the last reset ("VmHWM"); NA where there is no /proc
held <- function(field) {
  status <- tryCatch(suppressWarnings(readLines("/proc/self/status")), error = function(e) "")
  line <- grep(paste0("^", field, ":"), status, value = TRUE)
  if (length(line)) as.numeric(gsub("[^0-9]", "", line)) / 1024 else NA_real_
}

reset_peak <- function() {
  try(suppressWarnings(cat("5", file = "/proc/self/clear_refs")), silent = TRUE)
}

cpu_of <- function(time) sum(time[c("user.self", "sys.self")])
clock <- if ("--elapsed" %in% arguments) "elapsed" else "cpu"

# a call of a few milliseconds is repeated, warm, until a second has gone
warm_seconds <- function(call, first) {
  if (first > 1) return(first)
  calls <- total <- 0
  while (total < 1 || calls < 3) {
    total <- total + cpu_of(system.time(call(), gcFirst = FALSE))
    calls <- calls + 1
  }
  total / calls
}

# the package with all it imports: some load these when attached and some at their first call, so
# that loading is timed apart from fitting
load_all <- function(package) {
  imports <- utils::packageDescription(package)$Imports
  imports <- trimws(sub("[(].*", "", unlist(strsplit(if (is.null(imports)) "" else imports, ","))))
  for (name in c(package, imports[nzchar(imports)])) loadNamespace(name)
  suppressPackageStartupMessages(library(package, character.only = TRUE))
}

one_fit <- function(name, peer, file) {
  row <- peer_table[[peer]]
  load <- cpu_of(system.time(load_all(row$package)))
  w <- workload(name)
  call <- function() suppressMessages(suppressWarnings(row$fit(w)))
  gc()
  reset_peak()
  base <- held("VmRSS")
  time <- system.time(fit <- call())
  peak <- held("VmHWM")
  saveRDS(list(cpu = cpu_of(time), elapsed = time[["elapsed"]], load = load,
               warm = warm_seconds(call, cpu_of(time)), mb = peak - base, peak_mb = peak,
               estimates = row$estimates(fit),
               version = as.character(utils::packageVersion(row$package))), file)
}

if (!is.null(option("fit"))) {
  part <- strsplit(option("fit"), ":", fixed = TRUE)[[1]]
  one_fit(part[1], part[2], option("result"))
  quit(status = 0L)
}

# ---- All fits -----------------------------------------------------------------------------------

Sys.setenv(OMP_NUM_THREADS = 1, OPENBLAS_NUM_THREADS = 1, MKL_NUM_THREADS = 1,
           R_LIBS = paste(.libPaths(), collapse = .Platform$path.sep))

fit_in_child <- function(name, peer, timeout) {
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  output <- suppressWarnings(system2(
    file.path(R.home("bin"), "Rscript"),
    c("--vanilla", shQuote(script), paste0("--fit=", name, ":", peer), paste0("--result=", file)),
    stdout = TRUE, stderr = TRUE, timeout = timeout
  ))
  if (file.exists(file)) return(readRDS(file))
  status <- attr(output, "status")
  error <- grep("^Error|^  ", output, value = TRUE)
  why <- if (identical(status, 124L)) paste("over", timeout, "s")
    else trimws(c(utils::tail(error, 1), paste("no result, exit status", status)))[1]
  list(failed = why)
}

measure <- function(name, peer, reps, timeout) {
  runs <- list()
  for (i in seq_len(reps)) {
    run <- fit_in_child(name, peer, timeout)
    if (!is.null(run$failed)) return(run)
    runs[[i]] <- run
    if (run$cpu > 20) break
  }
  median_of <- function(field) stats::median(vapply(runs, `[[`, 0, field))
  list(cpu = median_of("cpu"), elapsed = median_of("elapsed"), warm = median_of("warm"),
       load = median_of("load"), mb = median_of("mb"), peak_mb = median_of("peak_mb"),
       reps = length(runs), estimates = runs[[1]]$estimates, version = runs[[1]]$version)
}

# the largest difference of a fixed effect in the other's standard errors
distance <- function(a, b) {
  common <- intersect(names(a$beta), names(b$beta))
  if (length(common)) max(abs(a$beta[common] - b$beta[common]) / b$se[common]) else NA_real_
}

run_workload <- function(name, peers, reps, timeout) {
  w <- workload(name)
  peers <- Filter(function(peer) peer_table[[peer]]$takes(w), peers)
  results <- list()
  for (peer in peers) {
    results[[peer]] <- measure(name, peer, reps, timeout)
    cat(sprintf("%-24s %-11s %s\n", name, peer, if (is.null(results[[peer]]$failed)) {
      sprintf("%9.3f s  warm %9.3f s  %6.0f MB", results[[peer]][[clock]],
              results[[peer]]$warm, results[[peer]]$mb)
    } else results[[peer]]$failed))
  }
  ours <- results$varbayes
  rows <- lapply(names(results), function(peer) {
    r <- results[[peer]]
    both <- is.null(r$failed) && !is.null(ours) && is.null(ours$failed)
    value <- function(field, missing = NA) if (is.null(r[[field]])) missing else r[[field]]
    data.frame(
      workload = name, rows = nrow(w$data), peer = peer, setting = peer_table[[peer]]$setting,
      version = value("version"), cpu = value("cpu"), warm = value("warm"),
      elapsed = value("elapsed"), load = value("load"), mb = value("mb"),
      peak_mb = value("peak_mb"), reps = value("reps", 0),
      distance = if (both) distance(ours$estimates, r$estimates) else NA,
      note = value("failed", "")
    )
  })
  do.call(rbind, rows)
}

peers <- listed("peers", names(peer_table))
is_there <- function(peer) nzchar(system.file(package = peer_table[[peer]]$package))
there <- vapply(peers, is_there, NA)
if ("--install" %in% arguments && !all(there)) {
  utils::install.packages(vapply(peer_table[peers[!there]], `[[`, "", "package"))
  there <- vapply(peers, is_there, NA)
}
for (peer in peers[!there]) cat(peer, "is not installed and left out\n")
names <- listed("only", if ("--all" %in% arguments) workload_names() else first_bars)
out <- option("out", "report")
kept <- file.path(out, "times.csv")
times <- if ("--append" %in% arguments && file.exists(kept)) utils::read.csv(kept)
for (name in names) {
  new <- run_workload(name, peers[there], as.integer(option("reps", "3")),
                      as.numeric(option("timeout", "600")))
  old <- times[!paste(times$workload, times$peer) %in% paste(new$workload, new$peer),
               intersect(names(times), names(new))]
  times <- with_ratios(rbind(old, new))
  write_report(times, out)                 # a run may take hours: what there is is not lost
}
cat("\nThe peer's time over vb()'s, whole calls in fresh processes:\n")
print(times[times$peer != "varbayes", c("workload", "peer", clock, "ratio", "warm_ratio", "mb",
                                        "distance", "note")], digits = 3, row.names = FALSE)
cat("Written:", file.path(normalizePath(out), c("report.md", "times.csv")), "", sep = "\n")
