#!/usr/bin/env Rscript
# Rscript dev/document.R: writes man/ and NAMESPACE from the roxygen comments (needs pkgload).
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
roxygen2::roxygenise(normalizePath(file.path(here, "..")))
# roxygen2 loads the package from an unoptimised build: an installation must not find its objects
unlink(list.files(file.path(here, "..", "src"), "[.](o|so|dll)$", recursive = TRUE,
                  full.names = TRUE))
