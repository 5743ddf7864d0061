# Objects of TMB and RTMB, glmmTMB fits, and other lists of functions, by their shape: neither
# package is needed to read them.

#' @export
as_target.list <- function(target, init, gradient, ..., joint = TRUE, sign = NULL, batch = NULL) {
  check_dots_none(list(...), c("joint", "sign"))
  no_gradient_argument(gradient, "A list")
  no_batch(batch, "A list")
  check_flag(joint, "joint")
  if (is_tmb(target)) return(tmb_target(target, init, joint, "TMB object"))
  if (!is.function(target$fn) || !is.function(target$gr)) {
    vb_abort("target", c("A list must have the functions {.code fn} and {.code gr}.",
                         x = "It has {.val {names(target)}}."))
  }
  if (is.null(sign)) {
    vb_abort("sign", c("{.arg sign} is missing: what is {.code fn} of this list?",
                       i = "{.code sign = 1}: the log density; {.code sign = -1}: its negative."))
  }
  if (!isTRUE(sign %in% c(-1, 1))) vb_abort("sign", "{.arg sign} must be 1 or -1.")
  if (is.null(init)) init <- target$par
  check_init(init)
  new_target("list of functions", names(init), init, signed_density(target$fn, target$gr, sign))
}

is_tmb <- function(x) {
  is.list(x) && is.environment(x$env) && all(c("par", "fn", "gr") %in% names(x))
}

signed_density <- function(fn, gr, sign) {
  plain_density(function(theta) sign * drop(fn(drop(theta))),
                function(theta) sign * drop(gr(drop(theta))), FALSE)
}

# With random effects the target is the joint density of all parameters, which needs no Laplace
# approximation; `joint = FALSE` is the marginal density, which fn() and gr() compute by it. Either
# starts where the marginal density is largest: the joint one is often infinite where a variance is
# zero, and its mode is no place to start from.
tmb_target <- function(target, init, joint, kind, name = NULL) {
  env <- target$env
  joint <- joint && length(env$random) > 0L
  restore <- keep_state(env)
  at <- if (joint) laplace_mode(target) else target$par
  if (is.null(init)) init <- at
  check_init(init)
  if (length(init) != length(at)) {
    vb_abort("init", c(
      "{.arg init} must have {length(at)} number{?s}, one for each parameter.",
      x = "It is {describe(init)}.",
      i = if (length(env$random)) "With {.code joint = TRUE} random effects are parameters, with
                                   {.code joint = FALSE} they are integrated out."))
  }
  density <- if (joint) {
    signed_density(function(u) env$f(u, order = 0), function(u) env$f(u, order = 1), -1)
  } else {
    signed_density(target$fn, target$gr, -1)
  }
  if (is.null(name)) name <- names(env$last.par)
  out <- new_target(kind, if (joint) name else name[env$lfixed()], init, density)
  out$settled <- joint
  out$restore <- restore
  out
}

# All parameters, random effects at their modes
laplace_mode <- function(target) {
  env <- target$env
  start <- env$last.par.best[env$lfixed()]
  utils::capture.output(suppressWarnings(
    try(stats::nlminb(start, target$fn, target$gr), silent = TRUE)))
  env$last.par.best
}

# fn() and gr() leave their traces in the object, which is the user's: a function that undoes them
keep_state <- function(env) {
  kept <- intersect(c("last.par", "last.par1", "last.par2", "last.par.ok", "last.par.best",
                      "value.best", "tracemgc", "silent"), ls(env))
  old <- mget(kept, envir = env)
  if ("tracemgc" %in% kept) env$tracemgc <- FALSE
  function() list2env(old, env)
}

#' @export
as_target.glmmTMB <- function(target, init, gradient, ..., joint = TRUE, batch = NULL) {
  check_dots_none(list(...), "joint")
  no_gradient_argument(gradient, "A {.pkg glmmTMB} fit")
  no_batch(batch, "A fit")
  check_flag(joint, "joint")
  tmb_target(target$obj, init, joint, "glmmTMB fit", glmmtmb_names(target))
}

# The names that vcov(full = TRUE) has, and r_<group>[<level>,<coefficient>] for random effects, in
# the order of TMB's vector of all parameters
glmmtmb_names <- function(fit) {
  env <- fit$obj$env
  name <- names(env$last.par.best)
  fixed <- rownames(stats::vcov(fit, full = TRUE))
  estimated <- setdiff(seq_along(name), which(name %in% c("b", "bzi", "bdisp")))
  if (length(fixed) == length(estimated)) name[estimated] <- fixed
  for (part in c("cond", "zi", "disp")) {
    at <- which(names(env$last.par.best) == c(cond = "b", zi = "bzi", disp = "bdisp")[[part]])
    label <- ranef_labels(fit$modelInfo$reTrms[[part]], if (part == "cond") "r" else part)
    if (length(at) == length(label)) name[at] <- label
  }
  name
}

# The coefficients of a level stand next to each other
ranef_labels <- function(terms, prefix) {
  unlist(lapply(seq_along(terms$cnms), function(k) {
    group <- names(terms$cnms)[k]
    level <- levels(terms$flist[[group]])
    coef <- plain_name(terms$cnms[[k]])
    sprintf("%s_%s[%s,%s]", prefix, group, rep(level, each = length(coef)), coef)
  }))
}
