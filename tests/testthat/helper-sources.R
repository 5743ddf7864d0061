# The package's own sources, for the tests that hold the house rules. In an installed package (R CMD
# check) they are not there and those tests are skipped.

source_root <- function() {
  root <- normalizePath(testthat::test_path("..", ".."), mustWork = FALSE)
  has <- file.exists(file.path(root, c("DESCRIPTION", "src/numbers/numbers.h", "R/fit.R")))
  testthat::skip_if_not(all(has), "the sources are not here (installed package)")
  root
}

source_files <- function(dir, pattern) {
  list.files(file.path(source_root(), dir), pattern, full.names = TRUE, recursive = dir == "src")
}

c_files <- function(pattern = "[.][ch]$") source_files("src", pattern)
r_files <- function() source_files("R", "[.]R$")

# path of a C source within src/, and the room that it is in
in_src <- function(file) sub(".*/src/", "", file)
room_of <- function(file) {
  path <- in_src(file)
  ifelse(path == "init.c", "r", sub("/.*", "", path)) # R looks for one source at the top
}
is_glue <- function(file) room_of(file) == "r"
is_file <- function(file, name) basename(file) %in% name

# C text without comments and without the insides of strings, line by line
c_code <- function(file) {
  text <- paste(readLines(file, warn = FALSE), collapse = "\n")
  blank <- function(hit) gsub("[^\n]", " ", hit)
  token <- "/[*](?s:.)*?[*]/|//[^\n]*|\"(?:\\\\.|[^\"\\\\\n])*\"|'(?:\\\\.|[^'\\\\\n])*'"
  at <- gregexpr(token, text, perl = TRUE)
  hits <- regmatches(text, at)
  hits[[1]] <- ifelse(startsWith(hits[[1]], "/"), blank(hits[[1]]),
                      ifelse(startsWith(hits[[1]], "\""), "\"\"", "' '"))
  regmatches(text, at) <- hits
  strsplit(text, "\n", fixed = TRUE)[[1]]
}

# "file:line: text" of every line of code that matches
c_lines <- function(files, pattern) {
  unlist(lapply(files, function(file) {
    code <- c_code(file)
    hit <- grep(pattern, code, perl = TRUE)
    if (length(hit)) sprintf("%s:%d: %s", basename(file), hit, trimws(code[hit]))
  }))
}

# includes lose their names with the strings, so they are read from the raw text
c_includes <- function(file) {
  text <- grep("^\\s*#\\s*include", readLines(file, warn = FALSE), value = TRUE)
  sub(".*[<\"]([^>\"]+)[>\"].*", "\\1", text)
}

# every call in an R file as list(name, call, line)
r_calls <- function(file) {
  found <- list()
  walk <- function(x) {
    if (is.call(x)) {
      name <- paste(deparse(x[[1]]), collapse = "")
      found[[length(found) + 1L]] <<- list(file = basename(file), name = name, call = x)
    }
    if (is.recursive(x)) for (part in as.list(x)) if (!missing(part)) walk(part)
  }
  for (expression in parse(file, keep.source = FALSE)) walk(expression)
  found
}

r_where <- function(files, keep) {
  unlist(lapply(files, function(file) {
    hit <- Filter(keep, r_calls(file))
    vapply(hit, function(x) paste0(x$file, ": ", deparse(x$call, nlines = 1L)[1]), "")
  }))
}

strings_in <- function(call) {
  found <- character()
  walk <- function(x) {
    if (is.character(x)) found <<- c(found, x)
    if (is.call(x)) for (part in as.list(x)) if (!missing(part)) walk(part)
  }
  walk(call)
  found
}

# first and last line of every function that starts in the first column of a C file
c_functions <- function(file) {
  code <- c_code(file)
  open <- nchar(gsub("[^{]", "", code))
  close <- nchar(gsub("[^}]", "", code))
  depth <- cumsum(open - close)
  before <- c(0, depth[-length(depth)])
  start <- which(before == 0 & depth > 0)
  end <- which(before > 0 & depth == 0)
  end <- vapply(start, function(s) end[end >= s][1], 0L)
  # a struct, union, enum or initialiser is no function: its opening brace follows no parenthesis
  head <- vapply(start, function(s) {
    sub("[{].*", "", paste(code[max(1L, s - 3L):s], collapse = " "))
  }, "")
  keep <- grepl("[)]\\s*$", head)
  data.frame(start = start[keep], end = end[keep])
}

# Name and number of parameters of every C function in a text, and of every pointer to one: macros
# that define functions and tables of functions are read too, calls are not
c_parameters <- function(code) {
  text <- gsub("\\", " ", paste(code, collapse = " "), fixed = TRUE)
  arguments <- "\\s*\\(((?:[^()]|\\([^()]*\\))*)\\)"
  definition <- paste0("(?<![\\w.>])(?!(?:if|for|while|switch|return|sizeof)\\b)\\w+", arguments,
                       "(?=\\s*[{])")
  pointer <- paste0("\\(\\*(?:const )?\\w+(?:\\[\\])?\\)", arguments)
  prototype <- paste0("(?<=void |int |double |vb_status |vb_rows )\\w+", arguments, "(?=\\s*;)")
  found <- unlist(lapply(c(definition, pointer, prototype), function(pattern) {
    regmatches(text, gregexpr(pattern, text, perl = TRUE))[[1L]]
  }))
  inside <- sub("^[(][*][^)]*[)]|^\\w+", "", found)
  inside <- gsub("\\([^()]*\\)", "", substring(trimws(inside), 2L, nchar(trimws(inside)) - 1L))
  data.frame(name = sub("[^A-Za-z0-9_].*", "", sub("^[(][*](const )?", "", found)),
             n = ifelse(trimws(inside) %in% c("", "void"), 0L,
                        1L + nchar(gsub("[^,]", "", inside))))
}

# first and last line of every function of an R file, however deep
r_functions <- function(file) {
  data <- utils::getParseData(parse(file, keep.source = TRUE))
  parent <- data$parent[data$token == "FUNCTION"]
  at <- data[match(parent, data$id), c("line1", "line2")]
  data.frame(start = at$line1, end = at$line2)
}

# ---- who calls whom in R -------------------------------------------------------------------------

# The names that an R expression takes from outside: not its functions' arguments, nor what they
# assign. Strings and dispatch are not followed: a table or a generic may stand below what it names.
r_outside <- function(x, local = character()) {
  if (is.symbol(x)) return(setdiff(as.character(x), c(local, "")))
  if (!is.call(x)) return(character())
  parts <- Filter(function(part) !missing(part), as.list(x))
  if (is.symbol(x[[1L]])) {
    head <- as.character(x[[1L]])
    if (head %in% c("::", ":::", "quote", "bquote", "~")) return(character())
    if (head %in% c("$", "@")) return(r_outside(x[[2L]], local))
    if (head == "function") {
      local <- c(local, names(x[[2L]]), r_assigned(x[[3L]]))
      parts <- c(Filter(function(default) !identical(default, quote(expr = )), as.list(x[[2L]])),
                 x[[3L]])
    }
  }
  unique(unlist(lapply(parts, r_outside, local = local)))
}

# What a function's body assigns, that of functions inside it apart
r_assigned <- function(x) {
  if (!is.call(x) || identical(x[[1L]], quote(`function`))) return(character())
  name <- if (is.symbol(x[[1L]]) && as.character(x[[1L]]) %in% c("<-", "=", "for")) x[[2L]]
  c(all.vars(name)[1L], unlist(lapply(as.list(x)[-1L], function(part) {
    if (!missing(part)) r_assigned(part)
  })))
}

# list(name, value) of each definition at the top of a file; the name is "" where there is none
r_definitions <- function(file) {
  lapply(parse(file, keep.source = FALSE), function(x) {
    named <- is.call(x) && identical(x[[1L]], quote(`<-`)) && is.symbol(x[[2L]])
    list(name = if (named) as.character(x[[2L]]) else "", value = if (named) x[[3L]] else x)
  })
}

# A data frame with a row for each use of one file's definition by another file
r_file_calls <- function(files) {
  names(files) <- sub("[.]R$", "", basename(files))
  defined <- lapply(files, r_definitions)
  name <- lapply(defined, function(file) vapply(file, function(one) one$name, ""))
  home <- stats::setNames(rep(names(name), lengths(name)), unlist(name))
  calls <- lapply(names(files), function(from) {
    used <- unlist(lapply(defined[[from]], function(one) {
      setdiff(r_outside(one$value), one$name)
    }))
    used <- intersect(used, names(home))
    data.frame(from = rep(from, length(used)), to = unname(home[used]), what = used)
  })
  calls <- do.call(rbind, calls)
  calls[calls$from != calls$to, ]
}

# The files that can be reached from themselves, as a sorted string for each ring of them
file_cycles <- function(calls) {
  file <- union(calls$from, calls$to)
  reach <- matrix(FALSE, length(file), length(file), dimnames = list(file, file))
  reach[cbind(calls$from, calls$to)] <- TRUE
  for (k in file) reach <- reach | outer(reach[, k], reach[k, ], `&`)
  inside <- file[diag(reach)]
  ring <- vapply(inside, function(k) {
    toString(sort(inside[reach[k, inside] & reach[inside, k]]))
  }, "")
  sort(unique(unname(ring)))
}

# ---- who calls whom in C ----------------------------------------------------------------------

# names that a C file gives to all of src/: functions, and const tables
c_defines <- function(code) {
  before <- cumsum(nchar(gsub("[^{]", "", code)) - nchar(gsub("[^}]", "", code)))
  top <- c(0, before[-length(before)]) == 0 & !grepl("^(static|typedef|extern|#|[ }])", code)
  joined <- paste(code, collapse = "\n")
  head <- "^[^(=]*?(vb_[A-Za-z0-9_]+)\\s*([(=]|\\[)"
  found <- sub(paste0(head, ".*"), "\\1", grep(head, code[top], value = TRUE, perl = TRUE),
               perl = TRUE)
  # a declaration without a body or an initial value defines nothing
  Filter(function(x) {
    body <- "\\s*(\\([^;{]*\\)\\s*[{]|(\\[[^]]*\\])?\\s*=)"
    grepl(paste0("\\b", x, body), joined, perl = TRUE)
  }, unique(found))
}

# data frame from, to, name: which file of src/ uses a name that another defines; planted: code
# that takes the place of a file's
c_calls <- function(planted = list()) {
  files <- c_files("[.]c$")
  code <- stats::setNames(lapply(files, c_code), in_src(files))
  code[names(planted)] <- planted
  defines <- lapply(code, c_defines)
  home <- stats::setNames(rep(names(defines), lengths(defines)), unlist(defines))
  uses <- lapply(code, function(lines) {
    unique(unlist(regmatches(lines, gregexpr("\\bvb_[A-Za-z0-9_]+", lines, perl = TRUE))))
  })
  name <- unlist(uses, use.names = FALSE)
  out <- data.frame(from = rep(names(uses), lengths(uses)), to = unname(home[name]), name = name)
  out[!is.na(out$to) & out$from != out$to, ]
}
