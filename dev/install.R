# What dev/try.R and dev/test.R share: install the packages that are missing, then this one.
# Debian's built packages are preferred where R is Debian's own, apt is there and we are root; the
# rest comes from CRAN. A package that is there already is never upgraded: the current Matrix and
# MASS of CRAN need a newer R than Debian's.

root <- function() {
  here <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
  normalizePath(if (length(here)) file.path(dirname(here[1]), "..") else ".")
}

# package names with the versions asked for, from fields of DESCRIPTION
needed <- function(fields) {
  text <- read.dcf(file.path(root(), "DESCRIPTION"), fields)
  entry <- trimws(unlist(strsplit(text[!is.na(text)], ",")))
  name <- sub("\\s*\\(.*", "", entry)
  version <- ifelse(grepl("\\(>=", entry), sub(".*>=\\s*([^)]+)\\).*", "\\1", entry), "0.0")
  keep <- nzchar(name) & name != "R"
  tapply(version[keep], name[keep], function(v) as.character(max(package_version(v))))
}

absent <- function(packages) {
  old <- vapply(names(packages), function(name) {
    version <- tryCatch(utils::packageVersion(name), error = function(e) NULL)
    is.null(version) || version < packages[[name]]
  }, NA)
  packages[old]
}

run <- function(command, arguments, quiet = FALSE) {
  out <- if (quiet) FALSE else ""
  suppressWarnings(system2(command, arguments, stdout = out, stderr = out)) == 0
}

has_apt <- local({
  known <- NULL
  function() {
    if (is.null(known)) {
      debian <- startsWith(R.home(), "/usr/lib/R") && nzchar(Sys.which("apt-get"))
      known <<- debian && identical(unname(Sys.info()["effective_user"]), "root") &&
        run("apt-get", c("update", "-qq"))
    }
    known
  }
})

apt_install <- function(names) {
  there <- Filter(function(name) run("apt-cache", c("show", name), quiet = TRUE), names)
  if (!length(there)) return(FALSE)
  cat("apt-get install", there, "\n")
  Sys.setenv(DEBIAN_FRONTEND = "noninteractive")
  run("apt-get", c("install", "-y", "-qq", "--no-install-recommends", there))
}

# the first library that can be written to; a personal one is made when there is none
library_dir <- function() {
  writable <- .libPaths()[file.access(.libPaths(), 2) == 0]
  if (length(writable)) return(writable[1])
  personal <- strsplit(Sys.getenv("R_LIBS_USER"), .Platform$path.sep)[[1]][1]
  dir.create(personal, recursive = TRUE, showWarnings = FALSE)
  .libPaths(c(personal, .libPaths()))
  personal
}

cran_install <- function(packages) {
  repos <- getOption("repos")
  repos[repos == "@CRAN@"] <- "https://cloud.r-project.org"
  frozen <- intersect(names(packages), c("Matrix", "MASS"))
  if (length(frozen) && getRversion() < "4.4") {
    stop("CRAN's ", toString(frozen), " needs R >= 4.4: install your system's build of it ",
         "(Debian: apt-get install r-recommended)", call. = FALSE)
  }
  # RTMB 2.0 does not say that it needs C++17, which R before 4.3 has not by default
  if ("RTMB" %in% names(packages) && getRversion() < "4.3") Sys.setenv(USE_CXX17 = "1")
  cat("install.packages:", names(packages), "\n")
  utils::install.packages(names(packages), lib = library_dir(), repos = repos, dependencies = NA)
}

# installs what it can of packages = c(name = "version"); returns the names that are still missing
install_missing <- function(packages) {
  missing <- absent(packages)
  if (length(missing) && has_apt()) {
    apt_install(paste0("r-cran-", tolower(names(missing))))
    missing <- absent(packages)
  }
  if (length(missing)) {
    cran_install(missing)
    missing <- absent(packages)
  }
  names(missing)
}

# a C compiler alone does not link R packages that use LAPACK: Debian keeps the libraries apart
links_lapack <- function() {
  dir <- tempfile("link")
  dir.create(dir)
  old <- setwd(dir)
  on.exit({
    setwd(old)
    unlink(dir, recursive = TRUE)
  })
  writeLines("PKG_LIBS = $(LAPACK_LIBS) $(BLAS_LIBS) $(FLIBS)", "Makevars")
  writeLines("int varbayes_link_test(void) { return 0; }", "link.c")
  run(file.path(R.home("bin"), "R"), c("CMD", "SHLIB", "link.c"), quiet = TRUE)
}

install_package <- function() {
  if (!links_lapack() && has_apt()) apt_install("r-base-dev")
  arguments <- c("CMD", "INSTALL", "--preclean", "--clean", "--no-multiarch",
                 paste0("--library=", shQuote(library_dir())), shQuote(root()))
  if (!run(file.path(R.home("bin"), "R"), arguments)) stop("R CMD INSTALL failed", call. = FALSE)
}
