#!/usr/bin/env Rscript
# Rscript dev/document.R: writes man/ and NAMESPACE from the roxygen comments.
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
roxygen2::roxygenise(normalizePath(file.path(here, "..")), load_code = roxygen2::load_source)
