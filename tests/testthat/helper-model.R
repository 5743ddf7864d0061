# What vb() hands to the engine, without running it.

model_of <- function(formula, data = NULL, family = gaussian(), ..., priors = list(),
                     na.action = stats::na.omit, contrasts = NULL) {
  build_model(formula, data, resolve_family(family), priors, match.call(), na.action, contrasts,
              parent.frame())
}

term_matrix <- function(term) {
  d <- ncol(term$z)
  z <- matrix(0, length(term$group), term$n_level * d)
  for (i in seq_along(term$group)) z[i, (term$group[i] - 1) * d + seq_len(d)] <- term$z[i, ]
  z
}

toy <- local({
  k <- 1:60
  data.frame(
    y = sin(k) + k / 20, x = cos(3 * k), z = k / 60, count = (7 * k) %% 5, size = 5L,
    hit = (k %% 3 == 0) + 0, a = gl(3, 20, labels = c("u", "v", "w")), b = gl(6, 1, 60),
    text = rep(c("p", "q", "r"), 20), one = factor("only"), stringsAsFactors = FALSE)
})
