# The trace of a fit: the bound and its parts, step by step.

# Each time that coordinate ascent places its nodes anew a further phase of sweeps begins. These are
# numbered, without those in which no step was accepted.
phase_names <- function(phase) {
  known <- c("start", "mode", "nodes", "sweeps")
  if (!length(phase) || max(phase) < length(known)) return(known[phase])
  sweep <- match(phase, sort(unique(phase[phase >= length(known)])))
  more <- ifelse(sweep == 1L, "", paste0(" ", sweep))
  ifelse(is.na(sweep), known[phase], paste0("sweeps", more))
}

# in the order of the enum in advi.h
advi_phases <- c("path", "bound", "polish", "average")

# The names of an algorithm's phases from their numbers
phases <- list(cavi = phase_names, advi = function(phase) advi_phases[phase])

# `parts`: what names the two parts of the bound (bound_parts()). ADVI's trace has more to tell.
trace_table <- function(trace, algorithm = "cavi", parts = model_parts) {
  k <- length(trace$elbo)
  elbo <- as.double(trace$elbo)
  columns <- c(
    list(step = seq_len(k), phase = phases[[algorithm]](trace$phase)),
    bound_parts(elbo, as.double(trace$log_lik), parts), list(seconds = as.double(trace$seconds)),
    trace[intersect(c("se", "n_grad"), names(trace))]
  )
  structure(columns, class = "data.frame", row.names = seq_len(k))
}

# The names of the expectation and of the rest, and the sign with which the rest enters
model_parts <- list(names = c("log_lik", "kl"), sign = -1)
target_parts <- list(names = c("log_density", "entropy"), sign = 1)

bound_parts <- function(elbo, expected, parts) {
  rest <- parts$sign * (elbo - expected)
  stats::setNames(list(elbo, expected, rest), c("elbo", parts$names))
}
