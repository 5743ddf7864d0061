# The house rules, read off the sources.

max_file <- 400L
max_function <- 60L
max_width <- 100L
none <- character()

expect_none <- function(found) expect_identical(as.character(found), none)

test_that("R stops at the glue: R's headers are in src/r only", {
  for (file in c_files()) {
    allowed <- if (is_glue(file)) {
      ".*"
    } else if (is_file(file, "linalg.c")) {
      "^(Rconfig[.]h|R_ext/(BLAS|Lapack|RS)[.]h)$"
    } else {
      "^Rmath[.]h$"
    }
    own <- c_files("[.]h$")
    headers <- setdiff(c_includes(file), in_src(own[!is_glue(own)]))
    headers <- headers[!headers %in% c("stddef.h", "stdlib.h", "stdint.h", "string.h", "math.h",
                                       "float.h", "limits.h", "omp.h")]
    wrong <- headers[!grepl(allowed, headers)]
    expect_identical(wrong, none, info = basename(file))
  }
})

test_that("BLAS and LAPACK are called in linalg.c only", {
  files <- Filter(function(file) !is_file(file, "linalg.c"), c_files())
  expect_none(c_lines(files, "F77_(CALL|NAME|SUB)|FCONE"))
})

test_that("every .Call is in fit.R", {
  files <- Filter(function(file) !is_file(file, "fit.R"), r_files())
  expect_none(r_where(files, function(x) {
    x$name %in% c(".Call", ".External", ".External2", ".C", ".Fortran")
  }))
})

test_that("there is nothing to free", {
  owns <- "(malloc|calloc|realloc|free|strdup|(R_)?(Calloc|Realloc|Free))"
  expect_none(c_lines(c_files(), paste0("\\b", owns, "\\s*\\(")))
  expect_none(c_lines(Filter(Negate(is_glue), c_files()), "R_alloc"))
})

test_that("C keeps no state between calls", {
  static <- "^\\s*static\\b(?!.*\\bconst\\b)(?!\\s*inline)[^(]*(;|=|\\{)"
  expect_none(c_lines(c_files(), static))
  expect_none(c_lines(c_files(), "_Thread_local|threadprivate"))
})

test_that("the core returns and the glue raises", {
  core <- Filter(Negate(is_glue), c_files())
  raises <- "(Rf_error|Rf_warning|error|warning|R_CheckUserInterrupt|R_ShowMessage)"
  expect_none(c_lines(core, paste0("\\b", raises, "\\s*\\(")))
  prints <- "(abort|exit|assert|printf|fprintf|puts|REprintf|Rprintf)"
  expect_none(c_lines(c_files(), paste0("\\b", prints, "\\s*\\(")))
})

test_that("C draws nothing", {
  draws <- "((Get|Put)RNGstate|(unif|norm|exp)_rand|s?rand|random|drand48|r(norm|gamma|unif|chisq))"
  expect_none(c_lines(c_files(), paste0("\\b", draws, "\\s*\\(")))
})

test_that("C calls R for a user's density, noise, an open fit, and by vb_r_call() only", {
  callers <- c("r_user.c", "r_target.c", "r_open.c", "r_host.c")
  files <- Filter(function(file) !is_file(file, callers), c_files())
  expect_none(c_lines(files, "\\b(Rf_eval|R_tryEval|R_tryEvalSilent|R_forceAndCall)\\s*\\("))
})

test_that("threads are only in pass.c and expect.c", {
  files <- Filter(function(file) !is_file(file, c("pass.c", "expect.c")), c_files())
  expect_none(c_lines(files, "#\\s*pragma\\s+omp|\\bomp_\\w+\\s*\\("))
})

test_that("progress is reported where the trace of each loop is kept", {
  loops <- c("evaluate.c", "trace.c")
  files <- Filter(function(file) !is_glue(file) && !is_file(file, loops), c_files("[.]c$"))
  expect_none(c_lines(files, "->\\s*progress\\s*\\("))
})

test_that("a row, not a branch: kinds are looked up in tables", {
  # r_list.c looks up elements of R lists by name
  files <- Filter(function(file) !is_file(file, c("registry.c", "r_list.c")), c_files())
  expect_none(c_lines(files, "\\bstr(n|case)?cmp\\s*\\("))
  kinds <- unique(c(vb_tables()$family$name, vb_tables()$prior$name))
  files <- Filter(function(file) !is_file(file, c("family.R", "prior.R")), r_files())
  expect_none(r_where(files, function(x) {
    compares <- x$name %in% c("==", "!=", "%in%", "identical", "match")
    chooses <- x$name == "switch"
    compares && any(strings_in(x$call) %in% kinds) || chooses && any(names(x$call) %in% kinds)
  }))
})

test_that("methods and tables know which algorithm a fit is by: nobody asks", {
  # held_as() is what the methods are chosen by
  files <- Filter(function(file) !is_file(file, "vbfit.R"), r_files())
  expect_none(r_where(files, function(x) {
    compares <- x$name %in% c("==", "!=", "%in%", "identical", "inherits", "switch")
    kinds <- c("cavi", "advi", "advifit", "held_nodes", "held_draws")
    compares && any(c(strings_in(x$call), names(x$call)) %in% kinds) ||
      x$name == "is.null" && grepl("[$]advi\\b", deparse1(x$call))
  }))
})

test_that("nothing asks which scheme of coupling a model has", {
  asks <- "(scheme|coupling)\\s*[!=]=|[!=]=\\s*&?vb_scheme_|\\bVB_(FULL|PARTIAL|MEANFIELD)\\b"
  expect_none(c_lines(c_files(), asks))
  # rows are named in the table, in their own files, and where a fit is laid out
  allowed <- c("scheme.h", "scheme.c", "solve.c", "factorised.c", "layout.c", "r_spec.c")
  files <- Filter(function(file) !is_file(file, allowed), c_files())
  expect_none(c_lines(files, "\\bvb_scheme_(full|partial|meanfield)\\b"))
})

test_that("a row of a table lives in the file of its name", {
  tables <- vb_tables()
  rows <- function(table) {
    files <- grep(paste0("^rows/", table, "/.*[.]c$"), in_src(c_files()), value = TRUE)
    sub("[.]c$", "", basename(files))
  }
  expect_setequal(rows("families"), unique(tables$family$name))
  expect_setequal(rows("several"), tables$several$name)
  expect_setequal(rows("priors"), setdiff(tables$prior$name, "constant"))
})

test_that("Makevars lists the objects of the tree", {
  makevars <- readLines(file.path(source_root(), "src", "Makevars"), warn = FALSE)
  listed <- regmatches(makevars, regexpr("[a-z_]+[A-Za-z0-9_/]*[.]o\\b", makevars))
  expect_setequal(listed, sub("c$", "o", in_src(c_files("[.]c$"))))
})

test_that("no drawers: a file is named for one noun or verb", {
  drawer <- "^(utils?|misc|helpers?|zzz|common|tools?)[.]"
  expect_none(grep(drawer, basename(c(r_files(), c_files())),
                   value = TRUE))
})

test_that("files are under 400 lines and no line is wider than 100", {
  files <- c(r_files(), c_files(), source_files("tests/testthat", "[.]R$"),
             source_files("dev", "[.](R|c)$"), source_files("inst/bench", "[.]R$"))
  for (file in files) {
    lines <- readLines(file, warn = FALSE)
    expect_lt(length(lines), max_file, label = basename(file))
    wide <- which(nchar(lines) > max_width)
    expect_identical(wide, integer(), info = basename(file))
  }
})

test_that("functions are under a screen", {
  long <- function(file, functions) {
    lines <- functions$end - functions$start + 1L
    sprintf("%s:%d: %d lines", basename(file), functions$start, lines)[lines > max_function]
  }
  expect_none(unlist(lapply(r_files(), function(f) long(f, r_functions(f)))))
  expect_none(unlist(lapply(c_files("[.]c$"), function(f) long(f, c_functions(f)))))
})

test_that("no C function takes more than seven parameters", {
  # BLAS and LAPACK have their own customs, and linalg.c is where they are met
  theirs <- c("vb_gemm_nn", "vb_gemm_tn", "vb_gemm_nt", "vb_weighted_gram")
  many <- unlist(lapply(c_files(), function(file) {
    found <- c_parameters(c_code(file))
    found <- found[found$n > 7L & !found$name %in% theirs, ]
    sprintf("%s: %s takes %d parameters", in_src(file), found$name, found$n)
  }))
  expect_none(unique(many))
})

test_that("parameters are counted as C has them", {
  eight <- "int a, int b, int c, int d, int e, int f, int g, int h"
  code <- c(sprintf("static void defined(%s)", eight), "{ if (called(1, 2, 3, 4, 5, 6, 7, 8, 9)) {",
            "  return sum(1, 2, 3, 4, 5, 6, 7, 8, 9); } }", sprintf("int declared(%s);", eight),
            sprintf("struct row { double (*pointed)(%s); };", eight),
            "int none(void) { return 0; }",
            "int one(int (*of)(int, int)) { return of(1, 2); }",
            sprintf("#define MAKE(name) static void name(%s) \\", eight), "  { }")
  found <- c_parameters(code)
  expect_setequal(found$name[found$n == 8L], c("defined", "declared", "pointed", "name"))
  expect_equal(found$n[match(c("none", "one"), found$name)], c(0L, 1L))
  expect_lte(max(found$n), 8L)
})

test_that("nothing is left to do", {
  files <- c(r_files(), c_files())
  todo <- unlist(lapply(files, function(file) {
    hit <- grep("\\b(TODO|FIXME|XXX|HACK)\\b", readLines(file, warn = FALSE))
    if (length(hit)) sprintf("%s:%d", basename(file), hit)
  }))
  expect_none(todo)
})

test_that("R raises classed conditions, with cli", {
  expect_none(r_where(r_files(), function(x) x$name %in% c("stop", "warning", "stopifnot")))
})

test_that("templates of cli and sprintf() are written out: no text of the user's is one", {
  expect_none(template_leaks(r_files()))
  planted <- tempfile(fileext = ".R")
  on.exit(unlink(planted))
  writeLines(c(
    "vb_abort <- function(arg, message) cli::cli_abort(message)",
    "hint <- list(a = 'Write {.arg {arg}}.', b = c(i = 'or this'))",
    "fine <- function(x, y) {",
    "  text <- if (y) 'Not {.val {x}}.' else hint$b",
    "  vb_abort('x', c('It is {.val {x}}.', x = text, hint[[1]]))",
    "}",
    "pasted <- function(x) vb_abort('x', c('Wrong.', i = paste('Not', x)))",
    "own <- function(e) { text <- conditionMessage(e); vb_abort('x', text) }",
    "passed <- function(text) vb_abort('x', text)",
    "caller <- function(x) passed(text = names(x))",
    "format <- function(x, fmt = names(x)) sprintf(names(x), 1)"), planted)
  expect_identical(sub(".*[.]R: ", "", template_leaks(planted)),
                   c("format: names(x)", "pasted: paste(\"Not\", x)", "own: conditionMessage(e)",
                     "caller: names(x)"))
})

test_that("sources are plain ASCII", {
  files <- c(r_files(), c_files())
  odd <- Filter(function(file) {
    any(grepl("[^\\x01-\\x7f]", readLines(file, warn = FALSE), perl = TRUE))
  }, files)
  expect_none(basename(odd))
})

test_that("every field of a fit is documented in ?vbfit and holds plain data", {
  page <- file.path(source_root(), "man", "vbfit.Rd")
  expect_true(file.exists(page))
  text <- paste(readLines(page, warn = FALSE), collapse = "\n")
  fit <- vb(Reaction ~ Days + (Days | Subject),
            utils::read.csv(system.file("extdata", "sleepstudy.csv", package = "varbayes")))
  fields <- c(names(fit), names(fit$engine),
              unlist(lapply(fit$engine[c("node", "point", "axes", "rq")], names)))
  described <- vapply(fields, function(field) {
    grepl(paste0("\\\\(item|code)\\{(\\\\code\\{)?", field, "\\b"), text)
  }, NA)
  expect_none(fields[!described])
  pointers <- rapply(unclass(fit), function(x) TRUE, classes = "externalptr", how = "unlist")
  expect_length(pointers, 0)
})

test_that("every exported function has an example that runs", {
  pages <- source_files("man", "[.]Rd$")
  quiet <- Filter(function(page) {
    text <- readLines(page, warn = FALSE)
    internal <- any(grepl("\\\\keyword\\{internal\\}", text))
    any(grepl("^\\\\usage", text)) && !internal && !any(grepl("^\\\\examples", text))
  }, pages)
  expect_none(basename(quiet))
})

test_that("comments cite sections that the vignette has", {
  page <- readLines(file.path(source_root(), "vignettes", "mathematics.Rmd"), warn = FALSE)
  has <- sub("^## ([0-9]+)[.] .*", "\\1", grep("^## [0-9]+[.] ", page, value = TRUE))
  expect_identical(has, as.character(seq_along(has)))
  files <- c(c_files(), r_files())
  text <- vapply(files, function(file) {   # without line breaks and the marks after them
    gsub("\n[*#'/ ]*", " ", paste(readLines(file, warn = FALSE), collapse = "\n"))
  }, "")
  found <- regmatches(text, gregexpr("mathematics[.]Rmd, sections? [0-9]+( to [0-9]+)?", text))
  cited <- unlist(regmatches(unlist(found), gregexpr("[0-9]+", unlist(found))))
  expect_gt(length(cited), 10)
  expect_none(setdiff(cited, has))
  expect_none(grep("[a-z]+[.]md,? section", text, value = TRUE))
})

test_that("no file of R/ calls back to its caller", {
  calls <- r_file_calls(r_files())
  expect_gt(nrow(calls), 500)                       # fewer: the reader no longer reads
  allowed <- character()                             # a ring of files, and the reason beside it
  expect_identical(setdiff(file_cycles(calls), allowed), character())
  # what is planted is found
  upward <- data.frame(from = "check", to = "vb", what = "vb")
  expect_match(file_cycles(rbind(calls, upward)), "\\bcheck\\b.*\\bvb\\b")
})

test_that("uses are read as R reads them", {
  uses <- function(text) sort(r_outside(str2lang(text)))
  expect_identical(uses("function(a, b = f(a)) { c <- g(a$h); pkg::i(c); j$k }"),
                   sort(c("f", "g", "j", "{", "<-")))
  expect_identical(uses("lapply(x, function(y) y + z)"), sort(c("lapply", "x", "+", "z")))
  file <- tempfile(fileext = ".R")
  other <- tempfile(fileext = ".R")
  on.exit(unlink(c(file, other)))
  writeLines(c("f <- function() g()", "h <- 1"), file)
  writeLines("g <- function(x = h) x", other)
  expect_setequal(r_file_calls(c(file, other))$what, c("g", "h"))
  expect_length(file_cycles(r_file_calls(c(file, other))), 1)
})

test_that("what is for another package is called by that package alone", {
  calls <- r_file_calls(r_files())
  inward <- calls[grepl("^with_", calls$to) & calls$from != "varbayes-package", ]
  expect_identical(paste(inward$from, inward$what), character())
})
