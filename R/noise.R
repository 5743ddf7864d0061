# Streams of random numbers: the user's, or one of our own that is the same at each call.

# Fixed noise comes from a stream of its own, so that a fit is the same on every run and leaves the
# user's random numbers where they were; fresh noise is the user's.
with_noise_stream <- function(noise, code) {
  if (noise == "fresh") return(code)
  with_seed(20170118L, code, kind = "Mersenne-Twister", normal.kind = "Inversion",
            sample.kind = "Rejection")
}

# `seed = NULL`: the generator goes on from where it is
with_seed <- function(seed, code, ...) {
  if (is.null(seed)) return(code)
  env <- globalenv()
  old <- if (exists(".Random.seed", env, inherits = FALSE)) get(".Random.seed", env)
  on.exit(restore_stream(old, env))
  set.seed(seed, ...)
  code
}

restore_stream <- function(seed, env) {
  if (is.null(seed)) rm(".Random.seed", envir = env) else assign(".Random.seed", seed, env)
}
