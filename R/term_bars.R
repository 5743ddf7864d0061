# Bars of a formula, such as (x | g): which coefficients vary over which groups.

# -> bars, each under the name of its covariance
find_bars <- function(bars) {
  unlist(lapply(bars, function(bar) {
    tagged <- strip_parens(bar)
    bar <- bar_of(tagged)
    id <- id_of(bar)
    bar <- without_id(bar)
    check_bar(bar)
    found <- tryCatch(single_bars(bar), error = function(e) NULL)
    if (is.null(found)) {
      vb_abort("formula", c("The random term {.code {deparse1(bar)}} cannot be read.",
                            i = "Write {.code (1 | g)} or {.code (x | g)}."))
    }
    if (length(id)) found <- lapply(found, structure, id = id)
    stats::setNames(found, rep(tag_of(tagged), length(found)))
  }), recursive = FALSE)
}

# (x |p| g), whose terms with the same p are correlated, is (x | p) | g to R
has_id <- function(bar) {
  is_call_to(bar, "|") && is_call_to(bar[[2L]], "|") && !has_bar(bar[[2L]][[2L]]) &&
    (is.symbol(bar[[2L]][[3L]]) || is.numeric(bar[[2L]][[3L]]))
}
id_of <- function(bar) if (has_id(bar)) as.character(bar[[2L]][[3L]])
without_id <- function(bar) {
  if (has_id(bar)) bar[[2L]] <- bar[[2L]][[2L]]
  bar
}

# (x || g) is a term for each coefficient: (1 | g) + (0 + x | g).
single_bars <- function(bar) {
  if (!is_call_to(bar, "||")) return(list(bar))
  terms <- stats::terms(stats::as.formula(call("~", bar[[2L]])))
  slopes <- lapply(attr(terms, "term.labels"), function(label) call("+", 0, str2lang(label)))
  parts <- c(if (attr(terms, "intercept") == 1L) 1, slopes)
  lapply(parts, function(part) call("|", part, bar[[3L]]))
}

check_bar <- function(bar) {
  what <- deparse1(bar)
  if (has_bar(bar[[2L]])) {
    vb_abort("formula", c("A random term has one bar: {.code {what}}.",
                          i = "Write {.code (1 | g) + (1 | h)} for two grouping factors."))
  }
  if ("." %in% all.names(bar)) {
    vb_abort("formula", c("A {.code .} cannot stand in a random term: {.code {what}}.",
                          i = "Write the variables out."))
  }
}

is_bar <- function(x) is_call_to(x, c("|", "||"))

# In these a bar is R's "or"
or_calls <- c("I", "factor", "as.factor", "as.integer", "as.numeric", "as.logical", "ifelse")
smooth_terms <- c("te", "ti", "mo", "mi", "me")
residual_terms <- c("ar", "ma", "arma", "cosy", "unstr", "sar", "fcor")     # of 'brms'

# Terms that other packages know and this one does not: found before model.frame() stumbles on them.
check_terms <- function(term) {
  if (!is.call(term) || is_bar(term)) return(invisible())
  if (is_tagged(term)) return(check_tag(term))
  if (is_field(term)) return(invisible())
  what <- deparse1(term)
  if (is_call_to(term, c("*", ":", "^", "/", "%in%"))) check_added(term, what)
  if (is_call_to(term, c("+", "-", "(", "*", ":", "^", "/", "%in%"))) {
    return(invisible(lapply(as.list(term)[-1L], check_terms)))
  }
  bars <- vapply(as.list(term)[-1L], function(x) is_bar(strip_parens(x)), NA)
  if (any(bars) && !is_call_to(term, or_calls)) {
    vb_abort("formula", c("This covariance structure is not supported yet: {.code {what}}.",
                          i = "There are {.fun {names(covariance_rows)}}, and {.code ar1(time | g)}
                               of one coefficient."))
  }
  if (is_call_to(term, residual_terms)) check_residual(term, what)
  if (is_call_to(term, smooth_terms)) {
    vb_abort("formula", c("This kind of term is not supported yet: {.code {what}}.",
                          i = "Smooths are {.code s(x)} and {.code t2(x, z)}."))
  }
}

# The nearest to brms's ar(time, gr = g): its errors with the latter's standard deviation at next to
# nothing
check_residual <- function(term, what) {
  vb_abort("formula", c(
    "Correlations of residuals are not supported: {.code {what}}.",
    i = "{.code ar1(time | g)} is an autoregression of first order, with its marginal standard
         deviation, and independent errors besides.",
    i = "With {.code prior_aux = list(sigma = constant(s))} and a small {.code s} it is nearly all
         there is: {.code ar(time, gr = g, cov = TRUE)} of 'brms'."))
}

check_added <- function(term, what) {
  if (any(vapply(as.list(term)[-1L], has_field, NA))) {
    vb_abort("formula", c("Structured terms can only be added: {.code {what}}.",
                          i = "{.code s(x, by = z)} has a smooth for each level of {.code z}, or one
                               times it."))
  }
  if (!any(vapply(as.list(term)[-1L], has_bar, NA))) return(invisible())
  vb_abort("formula", c("Random terms can only be added: {.code {what}}.",
                        i = "Write {.code x + (1 | g)}, or {.code (x | g)} for slopes."))
}

formula_operators <- c("+", "-", "*", "/", "^", "%in%", "|", "||", "~")

check_group <- function(group) {
  group <- strip_parens(group)
  if (is_call_to(group, ":")) return(invisible(lapply(as.list(group)[-1L], check_group)))
  if (is_call_to(group, formula_operators) || is.numeric(group)) {
    vb_abort("formula", c(
      "This grouping is not supported: {.code {deparse1(group)}}.",
      i = "Group by a variable, {.code a:b}, {.code a/b} or a function such as {.code factor(g)}."))
  }
}

# (x | a/b) is (x | a) + (x | a:b), the outer factor first in the name.
expand_slash <- function(term) {
  if (is_random(term)) {
    bar <- bar_of(term)
    groups <- slash_groups(bar[[3L]])
    if (length(groups) == 1L) return(term)
    return(add_terms(lapply(groups, function(g) {
      bar[[3L]] <- g
      if (is_tagged(term)) term[[2L]] <- bar else term <- bar
      call("(", term)
    })))
  }
  if (is_call_to(term, c("+", "-", "("))) term[-1L] <- lapply(as.list(term)[-1L], expand_slash)
  term
}

slash_groups <- function(group) {
  group <- strip_parens(group)
  if (!is_call_to(group, "/")) return(list(group))
  outer <- slash_groups(group[[2L]])
  c(outer, list(call(":", outer[[length(outer)]], strip_parens(group[[3L]]))))
}

# Not reformulas::nobars(): it turns `(1 | g) - 1` into `1`.
split_bars <- function(rhs) {
  pieces <- signed_terms(rhs, "+")
  random <- vapply(pieces, function(p) is_random(p$term), NA)
  for (p in pieces[random]) {
    if (p$sign == "-") {
      vb_abort("formula", "A random term cannot be subtracted: {.code -({deparse1(p$term)})}.")
    }
  }
  list(fixed = unsigned_terms(pieces[!random]),
       bars = lapply(pieces[random], function(p) call("(", p$term)))
}

signed_terms <- function(term, sign) {
  if (is_call_to(term, c("+", "-"))) {
    right <- if (as.character(term[[1L]]) == sign) "+" else "-"
    if (length(term) == 2L) return(signed_terms(term[[2L]], right))
    return(c(signed_terms(term[[2L]], sign), signed_terms(term[[3L]], right)))
  }
  if (is_call_to(term, "(") && has_bar(term)) return(signed_terms(term[[2L]], sign))
  list(list(sign = sign, term = term))
}

# What signed_terms() took apart, as one expression; of nothing an intercept
unsigned_terms <- function(pieces) {
  out <- NULL
  for (p in pieces) {
    out <- if (!is.null(out)) call(p$sign, out, p$term)
      else if (p$sign == "+") p$term else call("-", p$term)
  }
  if (is.null(out)) 1 else out
}

has_bar <- function(term) {
  is_random(term) || (is_call_to(term, c("+", "-", "(")) &&
    any(vapply(as.list(term)[-1L], has_bar, NA)))
}

bar_variables <- function(bar) list(call("(", bar$lhs[[2L]]), bar$group)

# ---- covariance tags -----------------------------------------------------------------------------

# cs(0 + f | g), a bar with a covariance
is_tagged <- function(x) {
  is_call_to(x, names(covariance_rows)) && length(x) > 1L && is_bar(strip_parens(x[[2L]]))
}
is_random <- function(x) is_bar(x) || is_tagged(x)

bar_of <- function(x) if (is_tagged(x)) strip_parens(x[[2L]]) else x

tag_of <- function(x) {
  if (!is_tagged(x)) return("us")
  tag <- as.character(x[[1L]])
  hom <- as.list(x)[-(1:2)]
  if (!length(hom)) return(tag)
  known <- tag %in% names(with_one_sd) && identical(names(hom), "hom") &&
    (isTRUE(hom[[1L]]) || isFALSE(hom[[1L]]))
  if (!known) {
    vb_abort("formula", c("A random term is not known: {.code {deparse1(x)}}.",
                          i = "Beside the bar there is only {.code hom = TRUE}, in {.code diag()}
                               and {.code cs()}."))
  }
  if (hom[[1L]]) with_one_sd[[tag]] else tag
}

check_tag <- function(x) {
  bar <- bar_of(x)
  if (is_call_to(bar, "||")) {
    vb_abort("formula", c("A covariance is given twice: {.code {deparse1(x)}}.",
                          i = "{.code (x || g)} is {.code diag(x | g)}."))
  }
  if (is_field_bar(bar) && tag_of(x) != "us") {
    vb_abort("formula", c("This covariance is not supported yet: {.code {deparse1(x)}}.",
                          i = "Over {.code gr()} and {.code mm()} coefficients are independent of
                               each other: write {.code (x || ...)}."))
  }
}
