# Tables of estimates and formulas as they are printed.

labelled_formula <- function(label, formula, width = 80) {
  text <- paste(deparse(formula, width.cutoff = 500L), collapse = " ")
  strwrap(text, width = width, initial = label, exdent = nchar(label))
}

# The first under the label, those of further parameters below it
labelled_formulas <- function(label, formulas) {
  lines <- c(list(formulas$formula), named_formulas(formulas))
  below <- strrep(" ", nchar(label))
  unlist(Map(labelled_formula, c(label, rep(below, length(lines) - 1L)), lines), use.names = FALSE)
}

# Decimals enough for two significant digits of the smallest standard error, but no more than two
# beyond those asked for. Rows that would need more have digits of their own, so that small effects
# do not print as 0.00; so have parameters held at a value.
print_estimates <- function(table, digits) {
  table <- as.data.frame(table, optional = TRUE)
  text <- format_estimates(table[names(table) != "Pareto.k"], digits)
  if ("Pareto.k" %in% colnames(table)) {
    k <- table[["Pareto.k"]]
    text <- cbind(text, Pareto.k = ifelse(is.na(k), "", two_places(k)))
  }
  print_table(text)
}

# A label too long to stand beside its numbers has lines of its own above them
print_table <- function(text, width = 80L) {
  label <- rownames(text)
  cells <- apply(rbind(colnames(text), text), 2L, format, justify = "right")
  values <- apply(cells, 1L, paste, collapse = " ")
  room <- width - nchar(values[1L]) - 1L
  beside <- nchar(label) <= room
  if (all(beside) || room < 10L) return(print(text, quote = FALSE, right = TRUE))
  pad <- max(nchar(label[beside]), 4L)
  lines <- Map(function(label, value, beside) {
    if (beside) return(paste(formatC(label, width = -pad), value))
    c(broken(label, width), paste(strrep(" ", pad), value))
  }, label, values[-1L], beside)
  cat(c(paste(strrep(" ", pad), values[1L]), unlist(lines, use.names = FALSE)), sep = "\n")
}

# In pieces of at most `width` characters
broken <- function(x, width) {
  start <- seq(1L, max(nchar(x), 1L), width)
  substring(x, start, start + width - 1L)
}

format_estimates <- function(table, digits) {
  table <- as.matrix(table)
  error <- table[, "Est.Error"]
  need <- ifelse(is.finite(error) & error > 0, 1 - floor(log10(error)), 0)
  tiny <- need > digits + 2
  held <- which(error %in% 0)
  text <- formatC(table, format = "f", digits = max(digits, need[!tiny]))
  wide <- rowSums(nchar(text) > 15L, na.rm = TRUE) > 0
  for (k in which(tiny | wide)) {
    size <- pmin(ceiling(log10(pmax(abs(table[k, ]) / error[k], 1))), 8, na.rm = TRUE)
    text[k, ] <- vapply(seq_along(size), function(j) format(table[k, j], digits = 2 + size[j]), "")
  }
  for (k in held) text[k, ] <- ifelse(colnames(table) == "Est.Error", "0", format(table[k, 1L]))
  dimnames(text) <- dimnames(table)
  text
}
