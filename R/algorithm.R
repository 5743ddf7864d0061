# The algorithms of vb(): which approximation each takes where the user leaves it out, and how it is
# run. `automatic`: the user left it out.

algorithms <- list(
  cavi = list(
    approximation = function(asked, spec) if (is.null(asked)) "structured" else asked,
    run = function(spec, random, control, approximation, density, automatic) {
      fit_engine(spec, control, approximation, automatic, density)
    }),
  advi = list(
    approximation = function(asked, spec) advi_choice(asked, n_unconstrained(spec)),
    run = function(spec, random, control, approximation, density, automatic) {
      fit_advi_engine(spec, random, control, approximation, density)
    })
)
