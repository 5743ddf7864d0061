# What a script of this folder was given on its command line: --name=value, or --name=a,b

arguments <- commandArgs(TRUE)

option <- function(name, default = NULL) {
  hit <- grep(paste0("^--", name, "="), arguments, value = TRUE)
  if (length(hit)) sub("^[^=]*=", "", hit[1]) else default
}

listed <- function(name, default) {
  value <- option(name)
  if (is.null(value)) default else strsplit(value, ",", fixed = TRUE)[[1]]
}
