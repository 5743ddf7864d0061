# How a fit ended: why it stopped, and what the user is told of it.

stop_warnings <- list(
  interrupt = c("The fit was interrupted: this is what was found so far."),
  max_sweep = c("The fit did not converge in the sweeps allowed.",
                i = "Raise {.code vb_control(max_sweep = )}, rescale predictors of very different
                     size, or use tighter priors."),
  max_iter = c("The fit did not converge in the iterations allowed.",
               i = "Raise {.code vb_control(max_iter = )}, rescale predictors of very different
                    size, or use tighter priors."),
  "not finite" = c("The fit did not converge: the bound became infinite.",
                   i = "Look for extreme values in the data, and rescale predictors."),
  "not positive definite" = c("The fit did not converge: the curvature was lost.",
                              i = "Rescale predictors, or use proper and tighter priors."),
  rounding = c("The fit is not to be trusted: rounding errors are a large part of it.",
               i = "The data fix some sums of coefficients with more than twelve digits more than
                    others: remove or rescale predictors that are nearly the same, use tighter
                    priors, or a residual standard deviation that is not next to zero."),
  "flat sides" = c("So many coefficients have a posterior that is flat on one side, as where the
                    data separate the responses or a cell is empty, that not all could be followed:
                    their standard deviations and intervals are rough.",
                   i = "Leave such columns out, join such levels with others, or use tighter
                        priors.")
)

# Where the integral over the standard deviations, correlations and dispersions is not to be relied
# on: `holds` of the engine's record, `class` of the warning, and what it `says`.
integral_doubts <- list(
  list(class = "vb_integral_ess",
       holds = function(engine) is_known(engine$ess) && engine$ess < 100,
       says = function(engine) {
         paste0("it rests on what ", max(1, round(engine$ess)), " points of equal weight would say")
       }),
  # of weights that are all of a size the shape of the largest says nothing
  list(class = "vb_integral_khat",
       holds = function(engine) {
         weight <- engine$point$weight
         is_known(engine$khat) && engine$khat > 0.7 &&
           !(length(weight) && isTRUE(max(weight) < 5 * mean(weight)))
       },
       says = function(engine) {
         paste0("its weights have too heavy a tail for means of them to exist (Pareto k ",
                two_places(engine$khat), ")")
       }),
  # a fifth is the worst error of a mean, in standard deviations (measured)
  list(class = "vb_integral_error",
       holds = function(engine) {
         identical(engine$rule, "surrogate") && is_known(engine$node_error) &&
           engine$node_error > tolerable_error
       },
       says = function(engine) {
         paste0("it is interpolated, and means may be off by ", signif(engine$node_error / 5, 1L),
                " standard deviations")
       }),
  list(class = "vb_integral_modes",
       holds = function(engine) is_known(engine$second_mode),
       says = function(engine) {
         paste0("it has more than one mode, of which what is around the highest that was found is ",
                "reported (another is ", signif(-engine$second_mode, 2L), " nats lower)")
       })
)

# The sd of the error of the log density that is small enough
tolerable_error <- 0.3

is_known <- function(x) length(x) == 1L && is.finite(x)

doubts_of <- function(engine) Filter(function(doubt) doubt$holds(engine), integral_doubts)

# What a user is to know of it, a sentence, or nothing
doubt_sentence <- function(engine) {
  doubts <- doubts_of(engine)
  if (!length(doubts)) return(NULL)
  said <- vapply(doubts, function(doubt) doubt$says(engine), "")
  paste0("The posterior of standard deviations, correlations and dispersions is not to be relied ",
         "on: ", paste(said, collapse = "; "), ".")
}

doubt_advice <- c(
  i = "Raise {.code vb_control(nodes = )}.",
  i = "Priors that say more ({.arg prior_sd}, {.arg prior_aux}), no correlations that the data say
       nothing of, as in {.code (x || g)}, and columns centred near zero help.")

# Ctrl-C must stop more than this fit. Inside a function the interrupt is signalled again. A loop at
# top level cannot be told from a single call until the next fit begins at once: then it stops.
# `hint`: text, not a template
report_stop <- function(fit, env, seen = NULL, hint = not_finite_hint(seen)) {
  if (fit$converged) return(invisible())
  interrupted <- identical(fit$stopped, "interrupt")
  doubt <- doubt_sentence(fit$engine)
  if (!nzchar(fit$stopped) && length(doubt)) {
    message <- c("{doubt}", doubt_advice)
  } else {
    message <- stop_warnings[[if (nzchar(fit$stopped)) fit$stopped else "max_sweep"]]
    if (!interrupted) message <- c(message, "!" = if (length(doubt)) "{doubt}")
  }
  if (!interrupted) message <- c(message, i = if (length(hint)) "{hint}")
  flat <- if (identical(fit$stopped, "flat sides")) "vb_warning_flat"
  doubted <- vapply(doubts_of(fit$engine), function(doubt) doubt$class, "")
  vb_warn(if (interrupted) "vb_interrupted" else c(flat, doubted, "vb_not_converged"), message)
  if (!interrupted) return(invisible())
  if (!identical(env, globalenv())) rlang::interrupt()
  last_interrupt$at <- proc.time()[[3L]]
}

last_interrupt <- new.env(parent = emptyenv())
last_interrupt$at <- -Inf

stop_loop <- function() {
  at_once <- proc.time()[[3L]] - last_interrupt$at < 0.3
  last_interrupt$at <- -Inf
  if (at_once) rlang::interrupt()
}

# An engine without nodes, or with numbers that are not finite, has nothing to return: an error.
check_engine <- function(engine, family = NULL, seen = NULL) {
  node <- engine$node
  sound <- vapply(node[node_numbers], function(x) is.null(x) || finite_used(x, node$weight), NA)
  other <- c(sum(engine$point$hyper), engine$axes$root, engine$axes$mode)
  if (length(node$weight) && all(sound) && all(is.finite(other))) return(invisible())
  if (!is.null(seen)) check_finite_start(family, seen)
  reason <- stop_reasons[[engine$status + 1L]]
  reason <- stop_warnings[[if (nzchar(reason)) reason else "not finite"]]
  vb_abort("fit", c("The fit failed before there was any posterior to return.",
                    x = reason[[1L]], reason[-1L]))
}

# What a fit cannot be used without, where a node has a weight; whole_fit() looks for the same
node_numbers <- c("hyper", "mean", "var", "fixed_mean", "fixed_cov")

# in the order of vb_status
stop_reasons <- c("", "max_sweep", "not finite", "not positive definite", "interrupt",
                  "rounding")

# What ran out is counted in sweeps or in iterations.
ran_out <- c(cavi = "max_sweep", advi = "max_iter")

stop_reason <- function(status, algorithm) {
  reason <- stop_reasons[[status + 1L]]
  if (reason == "max_sweep") ran_out[[algorithm]] else reason
}
