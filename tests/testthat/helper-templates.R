# Text in which {braces} are R code to cli, or % a place to fill to sprintf(), has to be written out
# in the sources: names, levels and messages may hold either.

# The argument that is read as a template, by its place and its name
template_readers <- local({
  cli <- c("abort", "warn", "inform", "text", "alert", "alert_info", "alert_success", "bullets",
           "alert_warning", "alert_danger", "progress_message", "progress_step", "verbatim")
  message <- c(paste0("cli_", cli), "format_error", "format_warning", "format_message",
               "format_inline", "pluralize", "glue")
  c(stats::setNames(rep("message", length(message)), message), sprintf = "fmt", gettextf = "fmt")
})

# What is assigned at the top of R files: list(name, file, arguments (NULL: no function), value)
r_definitions <- function(files) {
  one <- function(x, file) {
    if (!is.call(x) || !identical(x[[1L]], quote(`<-`)) || !is.name(x[[2L]])) return(NULL)
    made <- x[[3L]]
    is_function <- is.call(made) && identical(made[[1L]], quote(`function`))
    list(name = as.character(x[[2L]]), file = basename(file), value = made,
         arguments = if (is_function) as.character(names(made[[2L]])))
  }
  found <- lapply(files, function(file) {
    lapply(as.list(parse(file, keep.source = FALSE)), one, file)
  })
  Filter(Negate(is.null), unlist(found, recursive = FALSE))
}

# Every call inside an expression, and every value that a name is given in it
calls_in <- function(x) {
  found <- list()
  walk <- function(x) {
    if (is.call(x)) found[[length(found) + 1L]] <<- x
    if (is.recursive(x)) for (part in as.list(x)) if (!missing(part)) walk(part)
  }
  walk(x)
  found
}

values_given <- function(name, calls) {
  assigns <- function(x) {
    identical(x[[1L]], quote(`<-`)) && identical(x[[2L]], as.name(name))
  }
  lapply(Filter(assigns, calls), function(x) x[[3L]])
}

# What of an expression is not written out: nothing where all of it is. An argument of the function
# around it is "argument:<name>", for its callers to answer.
not_written <- function(x, here, constants, seen = character()) {
  down <- function(parts, name = NULL) {
    unlist(lapply(parts, not_written, here, constants, c(seen, name)))
  }
  if (is.name(x)) {
    name <- as.character(x)
    if (name %in% seen) return(NULL)
    given <- values_given(name, here$calls)
    if (length(given)) return(down(given, name))
    if (name %in% here$arguments) return(paste0("argument:", name))
    return(if (name %in% names(constants)) down(constants[name], name) else name)
  }
  if (!is.call(x)) return(NULL)                            # a string, a number or NULL
  head <- paste(deparse(x[[1L]]), collapse = "")
  parts <- as.list(x)[-1L]
  if (head %in% c("c", "list", "(")) return(down(parts))
  if (head == "if") return(down(parts[-1L]))
  if (head == "{") return(down(parts[length(parts)]))
  if (head %in% c("[", "[[", "$")) return(down(parts[1L]))
  paste(deparse(x, width.cutoff = 500L), collapse = " ")
}

# The template in a call of a reader: list(argument, formals)
template_in <- function(call, reader) {
  given <- as.list(call)[-1L]
  name <- if (is.null(names(given))) character(length(given)) else names(given)
  if (reader$argument %in% name) return(given[[match(reader$argument, name)]])
  free <- setdiff(reader$formals, name)
  k <- match(reader$argument, free)
  unnamed <- given[name == ""]
  if (k <= length(unnamed)) unnamed[[k]]
}

# "file: function: what" of every template in some R files that is not written out
template_leaks <- function(files) {
  all <- lapply(r_definitions(files), function(d) c(d, list(calls = calls_in(d$value))))
  constants <- Filter(function(d) is.null(d$arguments), all)
  constants <- stats::setNames(lapply(constants, `[[`, "value"), lapply(constants, `[[`, "name"))
  readers <- Map(function(name, argument) {
    list(name = name, argument = argument, formals = argument)
  }, names(template_readers), template_readers)
  leaks <- character()
  done <- 0L
  while (done < length(readers)) {
    done <- done + 1L
    reader <- readers[[done]]
    for (d in all) for (call in d$calls) {
      name <- sub("^(cli|glue):::?", "", paste(deparse(call[[1L]]), collapse = ""))
      if (name != reader$name) next
      wrong <- not_written(template_in(call, reader), d, constants)
      passed <- startsWith(as.character(wrong), "argument:")
      leaks <- c(leaks, sprintf("%s: %s: %s", d$file, d$name, wrong[!passed]))
      for (argument in sub("argument:", "", wrong[passed])) {
        made <- list(name = d$name, argument = argument, formals = d$arguments)
        if (!any(vapply(readers, identical, NA, made))) readers <- c(readers, list(made))
      }
    }
  }
  unique(leaks)
}
