# Generics that are ours but were another package's first.

# The default of a generic that is ours but was someone else's first. It must not carry the
# name <generic>.default: the other package's generic, called from here, would find it before
# its own methods and recurse for ever.
forward <- function(package, generic, x, ...) {
  if (!rlang::is_installed(package)) {
    vb_abort(c("x", "object"), c(
      "{.fn {generic}} has no method for this object, {describe_class(x)}.",
      i = "Such objects are handed to the package {.pkg {package}}, which is not installed."
    ))
  }
  getExportedValue(package, generic)(x, ...)
}
