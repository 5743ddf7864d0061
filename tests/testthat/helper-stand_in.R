# stand_in(f = function(...) ...): the package's own functions of these names, until the caller is
# done; with the functions that they stand in for as value
stand_in <- function(..., frame = parent.frame()) {
  new <- list(...)
  old <- mget(names(new), asNamespace("varbayes"))
  put_in_place(new)
  back <- bquote(.(put_in_place)(.(old)))
  do.call(on.exit, list(back, add = TRUE), envir = frame)
  old
}

put_in_place <- function(functions) {
  home <- asNamespace("varbayes")
  for (name in names(functions)) {
    unlockBinding(name, home)
    assign(name, functions[[name]], home)
    lockBinding(name, home)
  }
}
