# Values in words, for messages and print-outs.

describe <- function(x) {
  if (is.null(x)) return("NULL")
  if (is.character(x) && length(x) == 1L) return(dQuote(x, FALSE))
  if (is.atomic(x) && length(x) == 1L) return(format(x))
  sprintf("%s of length %d", class(x)[1L], length(x))
}

describe_class <- function(x) paste("of class", class(x)[1L])

# An argument that takes names: what was written without quotes is a variable that is not there
in_quotes <- function(x, arg) {
  tryCatch(x, error = function(e) {
    if (inherits(e, "vb_error")) rlang::cnd_signal(e)
    message <- conditionMessage(e)
    vb_abort(arg, c("{.arg {arg}} could not be evaluated.", x = "{message}",
                    i = "Names are written in quotes: {.code {arg} = \"x\"}."))
  })
}

counted <- function(n, what) paste0(n, " ", what, if (n != 1) "s")

listed <- function(name, most = 6L) {
  more <- length(name) - most
  first <- paste(utils::head(name, most), collapse = ", ")
  if (more > 0L) paste(first, "and", more, "more") else first
}

two_places <- function(x) formatC(x, format = "f", digits = 2L)

percent_names <- function(probs) paste(format(100 * probs, trim = TRUE, digits = 3), "%")

escape_braces <- function(text) gsub("}", "}}", gsub("{", "{{", text, fixed = TRUE), fixed = TRUE)
