# What run.R writes of the times that it measured: report.md, growth.png and times.csv.

# What vb() is held to: CPU seconds of the peer over those of vb(), or of warm calls
bars <- utils::read.csv(strip.white = TRUE, text = "
  workload,                   peer,       of,         bar
  survey_1e5,                 bam,        ratio,      2
  survey_1e6,                 bam,        ratio,      4
  factors8_2e4,               glmmTMB,    ratio,      2
  crossed_binomial_1e5,       lme4_nAGQ0, ratio,      8
  crossed_gaussian_1e5,       lme4,       ratio,      12
  InstEval,                   lme4,       ratio,      6
  slopes_binomial_1e5,        lme4,       ratio,      30
  intercepts_poisson_1e5,     lme4,       ratio,      20
  intercepts_negbinomial_1e5, glmmTMB,    ratio,      40
  regression_1e6,             lme4,       ratio,      2
  logistic_1e6,               lme4,       ratio,      3
  sleepstudy,                 lme4,       warm_ratio, 1.5
  cbpp,                       lme4,       warm_ratio, 10")
most_growth <- 1.05   # exponent of time, from 10^4 to 10^6 rows

machine <- function() {
  cpu <- tryCatch(grep("^model name", readLines("/proc/cpuinfo"), value = TRUE)[1],
                  error = function(e) NA)
  paste0(sub(" [(].*", "", R.version.string), "; BLAS ", basename(extSoftVersion()[["BLAS"]]), "; ",
         sub(".*:\\s*", "", cpu), "; one thread")
}

used_versions <- function(times) {
  package <- vapply(times$peer, function(peer) peer_table[[peer]]$package, "")
  known <- !is.na(times$version)
  toString(unique(paste(package, times$version)[known]))
}

what_peers_call <- function(times) {
  peer <- unique(times$peer)
  setting <- vapply(peer, function(peer) peer_table[[peer]]$setting, "")
  paste0("Peers: ", paste0(peer, ", ", setting, collapse = "; "), ".")
}

# what other work left of the machine: the CPU time of the fits over the time that passed
beside <- function(times) {
  share <- sum(times$cpu, na.rm = TRUE) / sum(times$elapsed, na.rm = TRUE)
  if (is.nan(share) || share > 0.9) return(NULL)   # NaN: nothing was fitted
  c("", paste0("Other work ran beside it: the fits had ", round(100 * share), " % of a core. CPU ",
               "seconds are longer then than on an idle machine; compare within a workload."))
}

# The peers' times over those of vb(), by workload in the order of the list
with_ratios <- function(times) {
  times <- times[order(match(times$workload, workload_names()),
                       match(times$peer, names(peer_table))), ]
  ours <- match(paste(times$workload, "varbayes"), paste(times$workload, times$peer))
  times$ratio <- times[[clock]] / times[[clock]][ours]
  times$warm_ratio <- times$warm / times$warm[ours]
  times
}

# ---- Tables --------------------------------------------------------------------------------------

as_text <- function(x) {
  if (is.numeric(x)) {
    x <- ifelse(is.na(x), "", trimws(formatC(x, digits = 3, format = "fg", big.mark = ",")))
  }
  ifelse(is.na(x), "", as.character(x))
}

table_lines <- function(x) {
  x[] <- lapply(x, as_text)
  line <- function(x) paste0("| ", paste(x, collapse = " | "), " |")
  c(line(names(x)), line(rep("---", ncol(x))), apply(x, 1, line))
}

held_to <- function(times) {
  at <- match(paste(bars$workload, bars$peer), paste(times$workload, times$peer))
  got <- mapply(function(row, of) times[[of]][row], at, bars$of)
  ours <- match(paste(bars$workload, "varbayes"), paste(times$workload, times$peer))
  seconds <- function(row) {
    ifelse(bars$of == "warm_ratio", times$warm[row], times[[clock]][row])
  }
  out <- data.frame(bars[c("workload", "peer")], varbayes = seconds(ours), `peer's` = seconds(at),
                    ratio = got, bar = bars$bar, met = ifelse(got >= bars$bar, "yes", "no"),
                    check.names = FALSE)
  out[!is.na(got), ]
}

# simulated workloads of several sizes, by peer: seconds and the exponent of rows
growth_of <- function(times) {
  part <- lapply(times$workload, name_parts)
  times$family <- vapply(part, `[[`, "", "family")
  times <- times[!is.na(vapply(part, `[[`, 0, "rows")) & !is.na(times[[clock]]), ]
  split(times[order(times$rows), ], times$family[order(times$rows)])
}

growth_table <- function(times) {
  rows <- lapply(growth_of(times), function(of) {
    do.call(rbind, lapply(unique(of$peer), function(peer) {
      x <- of[of$peer == peer, ]
      if (nrow(x) < 2L) return(NULL)
      ends <- x[c(1L, nrow(x)), ]
      last <- x[nrow(x) - 1:0, ]
      exponent <- function(x) diff(log(x[[clock]])) / diff(log(x$rows))
      data.frame(workload = of$family[1L], peer = peer, from = ends$rows[1L], to = ends$rows[2L],
                 exponent = exponent(ends), `last step` = exponent(last), check.names = FALSE)
    }))
  })
  do.call(rbind, rows)
}

# ---- The picture ---------------------------------------------------------------------------------

peer_colours <- c(varbayes = "#000000", lme4 = "#D55E00", lme4_nAGQ0 = "#E69F00",
                  glmmTMB = "#0072B2", bam = "#009E73", GPBoost = "#CC79A7", vglmer = "#999999")

growth_plot <- function(times, file) {
  of <- Filter(function(x) any(table(x$peer) > 1L), growth_of(times))
  if (!length(of)) return(FALSE)
  across <- 3L
  down <- ceiling(length(of) / across)
  grDevices::png(file, width = 300 * across, height = 270 * down + 40, res = 96)
  on.exit(grDevices::dev.off())
  peers <- intersect(names(peer_colours), unlist(lapply(of, `[[`, "peer")))
  graphics::par(mfrow = c(down, across), mar = c(4, 4, 1.8, 0.8), oma = c(2, 0, 0, 0), las = 1,
                mgp = c(2.6, 0.6, 0), tcl = -0.3)
  for (x in of) {
    graphics::plot(NA, log = "xy", xlim = range(x$rows),
                   ylim = 10^c(floor(log10(min(x[[clock]]))), ceiling(log10(max(x[[clock]])))),
                   xlab = "rows", ylab = paste(if (clock == "cpu") "CPU" else clock, "seconds"),
                   main = x$family[1L], font.main = 1, axes = FALSE)
    graphics::axis(1, at = 10^(3:7), labels = parse(text = paste0("10^", 3:7)))
    at <- 10^(-3:4)
    graphics::axis(2, at = at, labels = format(at, drop0trailing = TRUE, scientific = FALSE,
                                               trim = TRUE))
    graphics::abline(h = at, col = "grey90")
    graphics::box()
    # linear growth, from where vb() is at the least
    first <- x[x$peer == "varbayes", ][1L, ]
    graphics::lines(range(x$rows), first[[clock]] * range(x$rows) / first$rows, lty = 3)
    for (peer in peers) {
      y <- x[x$peer == peer, ]
      graphics::lines(y$rows, y[[clock]], type = "o", pch = 16, col = peer_colours[[peer]],
                      lwd = if (peer == "varbayes") 2 else 1)
    }
  }
  graphics::par(fig = c(0, 1, 0, 1), oma = c(0, 0, 0, 0), mar = c(0, 0, 0, 0), new = TRUE)
  graphics::plot.new()
  graphics::legend("bottom", c(peers, "linear"), col = c(peer_colours[peers], "#000000"),
                   lty = c(rep(1, length(peers)), 3), pch = c(rep(16, length(peers)), NA),
                   horiz = TRUE, bty = "n", cex = 0.9)
  TRUE
}

# ---- All of it -----------------------------------------------------------------------------------

write_report <- function(times, dir) {
  dir.create(dir, recursive = TRUE, showWarnings = FALSE)
  utils::write.csv(times, file.path(dir, "times.csv"), row.names = FALSE)
  show <- times[c("workload", "rows", "peer", clock, "ratio", "warm", "warm_ratio", "load", "mb",
                  "peak_mb", "distance", "note")]
  held <- held_to(times)
  growth <- growth_table(times)
  plotted <- growth_plot(times, file.path(dir, "growth.png"))
  writeLines(c(
    "# Times", "",
    paste0("Written by `Rscript inst/bench/run.R ", paste(arguments, collapse = " "), "`."), "",
    paste0("Machine: ", machine(), ". Versions: ", used_versions(times), "."),
    what_peers_call(times), beside(times), "",
    if (nrow(held)) c("## What vb() is held to", "",
                      paste("The peer's seconds over those of `vb()`; of sleepstudy and cbpp those",
                            "of warm calls."), "", table_lines(held), ""),
    if (length(growth)) c(
      "## Growth", "",
      paste("Exponents of rows in the seconds, from the fewest rows to the most and in the last",
            "step, fixed costs and all. `vb()` is held to", most_growth, "from 10^4 to 10^6 rows.",
            "Crossed factors have ten times the levels in the second step."), "",
      table_lines(growth), "",
      if (plotted) c("![Seconds against rows, both on a log scale](growth.png)", "")),
    "## All", "",
    paste0("`", clock, "`: ", if (clock == "cpu") "CPU " else "elapsed ", "seconds of the whole ",
           "call in a fresh process, median over processes. `warm`: CPU seconds of the same call ",
           "repeated in that process. `ratio`, `warm_ratio`: the peer's time over varbayes's. ",
           "`load`: loading the package and what it imports, not in the others. `mb`: most memory ",
           "held during the call less what was held before; `peak_mb`: with R, packages and data. ",
           "`distance`: largest difference between the fixed effects and varbayes's, in the ",
           "peer's standard errors."), "",
    table_lines(show)
  ), file.path(dir, "report.md"))
}
