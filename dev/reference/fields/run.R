# Data and reference posteriors of structured terms: Rscript dev/reference/fields/run.R [case ...]
# from the root of the repository; fields.stan says what is sampled. Long runs of NUTS with the
# default priors of vb() as numbers. Columns of the terms are made here, from their definitions,
# without the package. A case that has its data keeps them.

source(file.path("dev", "reference", "nuts.R"))

# ---- columns -------------------------------------------------------------------------------------

one_hot <- function(x, levels) outer(as.character(x), as.character(levels), `==`) + 0

plain <- function(Z, ...) {
  list(Z = Z, owner = rep(1L, ncol(Z)), kind = 1L, at = rep(0, ncol(Z)), ...)
}

# the directions along which a precision says something, by their sds
directions <- function(q) {
  e <- eigen(q, symmetric = TRUE)
  keep <- e$values > 1e-9 * max(e$values)
  e$vectors[, keep, drop = FALSE] %*% diag(1 / sqrt(e$values[keep]), sum(keep))
}

smooth_columns <- function(spec, data, sds) {
  smooths <- mgcv::smoothCon(spec, data, absorb.cons = TRUE, diagonal.penalty = TRUE)
  mixed <- lapply(smooths, mgcv::smooth2random, vnames = names(data), type = 2)
  rand <- unlist(lapply(mixed, function(m) unname(m$rand)), recursive = FALSE)
  owner <- rep(seq_along(rand), vapply(rand, ncol, 0L))
  list(Z = do.call(cbind, rand), F = do.call(cbind, lapply(mixed, `[[`, "Xf")), owner = owner,
       kind = 1L, at = rep(0, length(owner)), sd = sds)
}

# second differences, one time apart
walk_columns <- function(time) {
  levels <- sort(unique(time))
  stopifnot(diff(levels) == 1)
  Z <- one_hot(time, levels)
  plain(Z %*% directions(crossprod(diff(diag(length(levels)), differences = 2))),
        F = Z %*% (levels - mean(levels)), sd = "sdrw2_t", bs = "bs_rw2_t_1")
}

# Riebler et al. (2016); the area without neighbours has the same variance as the others
bym2_columns <- function(area, w) {
  alone <- rowSums(w) == 0
  q <- (diag(rowSums(w)) - w)[!alone, !alone]
  structured <- directions(q)
  structured <- structured / exp(mean(log(rowSums(structured^2))) / 2)
  lone <- diag(nrow(w))[, alone, drop = FALSE]
  all <- matrix(0, nrow(w), ncol(structured))
  all[!alone, ] <- structured
  Z <- one_hot(area, rownames(w)) %*% cbind(all, lone, diag(nrow(w)))
  at <- rep(1:0, c(ncol(structured) + sum(alone), nrow(w)))
  list(Z = Z, owner = rep(1L, ncol(Z)), kind = 2L, at = at, sd = "sdcar", share = "rhocar")
}

escar_columns <- function(area, w) {
  d <- rowSums(w)
  e <- eigen(w / sqrt(outer(d, d)), symmetric = TRUE)
  list(Z = one_hot(area, rownames(w)) %*% (e$vectors / sqrt(d)), owner = rep(1L, nrow(w)),
       kind = 3L, at = e$values, sd = "sdcar", share = "car")
}

# Riutort-Mayol et al. (2023), in units of the largest distance
gp_columns <- function(x, k = 15, c = 1.25) {
  u <- (x - mean(range(x))) / diff(range(x))
  half <- c / 2
  root <- seq_len(k) * pi / (2 * half)
  list(Z = sin(outer(u + half, root)) / sqrt(half), owner = rep(1L, k), kind = 4L, at = root^2,
       sd = "sdgp_gpx", lscale = "lscale_gpx")
}

ar1_columns <- function(time, g) {
  levels <- expand.grid(t = sort(unique(time)), g = levels(factor(g)))
  Z <- one_hot(paste(g, time), paste(levels$g, levels$t))
  list(Z = Z, owner = rep(1L, ncol(Z)), kind = 5L, at = as.double(levels$t != min(levels$t)),
       sd = "sdar1_t", share = "rho_t")
}

# ---- the cases: the data, the priors' numbers, and the term --------------------------------------

# fifty places and their nearest neighbours
map <- function(n = 50, lone = FALSE) {
  set.seed(200)
  distance <- as.matrix(dist(matrix(runif(2 * n), n)))
  w <- matrix(0, n, n, dimnames = list(seq_len(n), seq_len(n)))
  for (i in seq_len(n)) w[i, order(distance[i, ])[2:4]] <- 1
  w <- pmax(w, t(w))
  if (lone) w[n, ] <- w[, n] <- 0
  w
}

# species of a tree: what two have in common is the height at which they part
relatives <- function(n = 40) {
  set.seed(201)
  tree <- hclust(dist(rnorm(n)), "average")
  a <- 1 - as.matrix(cophenetic(tree)) / max(tree$height)
  dimnames(a) <- list(paste0("s", seq_len(n)), paste0("s", seq_len(n)))
  round(a, 6) + diag(1e-3, n)
}

# Poisson counts on a map
mapped <- function(w, effect) {
  d <- data.frame(area = seq_len(nrow(w)), x = round(rnorm(nrow(w)), 3),
                  E = round(rgamma(nrow(w), 3, 0.5), 2))
  d$y <- rpois(nrow(w), d$E * exp(0.2 + 0.3 * d$x + effect))
  d
}

cases <- list(
  map_bym2 = list(
    seed = 211, family = "poisson", fixed = ~ x, offset = function(d) log(d$E),
    w = function() map(lone = TRUE),
    data = function(w) {
      q <- diag(rowSums(w)) - w
      mapped(w, 0.5 * drop(directions(q) %*% rnorm(nrow(w) - 2)) + rnorm(nrow(w), 0, 0.2))
    },
    term = function(d, w) bym2_columns(d$area, w)),
  map_escar = list(
    # As car nears one the map's level and the intercept are free of each other: a tail of the
    # intercept's in which the chains are once in thousands of draws, and on which its sd depends.
    without = "b_Intercept",
    seed = 212, family = "poisson", fixed = ~ x, delta = 0.999, offset = function(d) log(d$E),
    w = function() map(),
    data = function(w) {
      mapped(w, drop(t(chol(solve(diag(rowSums(w)) - 0.9 * w))) %*% rnorm(nrow(w))))
    },
    term = function(d, w) escar_columns(d$area, w)),
  series_rw2 = list(
    seed = 213, family = "negbinomial", fixed = ~ x,
    data = function(w) {
      d <- data.frame(t = rep(1:40, 3), x = round(rnorm(120), 3))
      d$y <- rnbinom(120, 3, mu = exp(1 + 0.3 * d$x + sin(d$t / 5)))
      d
    },
    term = function(d, w) walk_columns(d$t)),
  series_ar1 = list(
    seed = 214, family = "bernoulli", fixed = ~ x,
    data = function(w) {
      d <- data.frame(t = rep(1:12, 24), g = rep(paste0("g", 1:6), each = 48),
                      x = round(rnorm(288), 3))
      u <- replicate(6, as.vector(arima.sim(list(ar = 0.7), 12, sd = sqrt(1 - 0.49))))
      at <- one_hot(paste(d$g, d$t), paste0("g", rep(1:6, each = 12), " ", 1:12))
      d$y <- rbinom(288, 1, plogis(0.3 + 0.7 * d$x + drop(at %*% as.vector(u))))
      d
    },
    term = function(d, w) ar1_columns(d$t, d$g)),
  process_gp = list(
    seed = 215, family = "gaussian", fixed = ~ 1, delta = 0.999,
    data = function(w) {
      d <- data.frame(x = round(sort(runif(80)), 4))
      d$y <- round(1 + sin(8 * d$x) + rnorm(80, 0, 0.4), 3)
      d
    },
    term = function(d, w) gp_columns(d$x)),
  smooth_by = list(
    seed = 216, family = "gaussian", fixed = ~ g,
    data = function(w) {
      d <- data.frame(g = rep(c("a", "b", "c"), 50), x = round(runif(150), 4))
      shape <- list(a = function(x) sin(6 * x), b = function(x) 2 * x,
                    c = function(x) 4 * (x - 0.5)^2)
      d$y <- round(mapply(function(g, x) shape[[g]](x), d$g, d$x) + rnorm(150, 0, 0.5), 3)
      d
    },
    term = function(d, w) {
      s <- mgcv::s
      c(smooth_columns(s(x, by = g, k = 8), transform(d, g = factor(g)),
                       sprintf("sds_sxg%s_1", c("a", "b", "c"))),
        list(bs = sprintf("bs_sx:g%s_1", c("a", "b", "c"))))
    }),
  smooth_t2 = list(
    seed = 217, family = "poisson", fixed = ~ 1,
    data = function(w) {
      d <- data.frame(x = round(runif(200), 4), z = round(runif(200), 4))
      d$y <- rpois(200, exp(0.5 + sin(5 * d$x) * d$z + d$z^2))
      d
    },
    term = function(d, w) {
      t2 <- mgcv::t2
      c(smooth_columns(t2(x, z, k = 4), d, sprintf("sds_t2xz_%d", 1:3)),
        list(bs = sprintf("bs_t2xz_%d", 1:3)))
    }),
  smooth_binary = list(
    seed = 218, family = "bernoulli", fixed = ~ x,
    data = function(w) {
      d <- data.frame(u = round(runif(250), 4), x = round(rnorm(250), 3))
      d$y <- rbinom(250, 1, plogis(0.2 + 0.6 * d$x + 1.8 * sin(6 * d$u)))
      d
    },
    term = function(d, w) {
      s <- mgcv::s
      c(smooth_columns(s(u), d, "sds_su_1"), list(bs = "bs_su_1"))
    }),
  known_poisson = list(
    seed = 219, family = "poisson", fixed = ~ x, w = relatives,
    data = function(w) {
      u <- drop(t(chol(w)) %*% rnorm(nrow(w))) * 0.7
      d <- data.frame(species = rep(rownames(w), each = 2), x = round(rnorm(80), 3))
      d$y <- rpois(80, exp(0.8 + 0.3 * d$x + rep(u, each = 2)))
      d
    },
    term = function(d, w) {
      plain(one_hot(d$species, rownames(w)) %*% t(chol(w)), sd = "sd_species__Intercept",
            level = t(chol(w)), level_name = sprintf("r_species[%s,Intercept]", rownames(w)))
    })
)

families <- c(gaussian = 1L, bernoulli = 2L, poisson = 3L, negbinomial = 4L)

# ---- the run -------------------------------------------------------------------------------------

case_matrix <- function(name) {
  make <- cases[[name]]$w
  if (is.null(make)) return(NULL)
  file <- case_file(name, "matrix")
  if (!file.exists(file)) utils::write.csv(make(), file, quote = FALSE)
  as.matrix(utils::read.csv(file, row.names = 1, check.names = FALSE))
}

case_data <- function(name, w) {
  file <- case_file(name, "data")
  if (!file.exists(file)) {
    set.seed(cases[[name]]$seed)
    utils::write.csv(cases[[name]]$data(w), file, row.names = FALSE, quote = FALSE)
  }
  utils::read.csv(file)
}

# brms's defaults, which are vb()'s: of the intercept and the sds on the scale of the link, of
# coefficients 2.5 sds
default_scales <- function(case, d, offset) {
  y <- switch(case$family, gaussian = d$y, bernoulli = 0, log(pmax(d$y, 0.1)) - offset)
  list(location = if (case$family == "bernoulli") 0 else round(median(y), 1),
       width = max(2.5, round(mad(y), 1)), sd_y = if (case$family == "gaussian") sd(d$y) else 1)
}

# an inverse gamma with a hundredth of its mass on either side
lscale_prior <- function(x) {
  gap <- diff(sort(unique(x)))
  within <- c(max(min(gap) / diff(range(x)), 0.01), 1)
  miss <- function(par) {
    mass <- pgamma(1 / within, exp(par[1]), exp(par[2]), lower.tail = FALSE)
    sum((qlogis(mass) - qlogis(c(0.01, 0.99)))^2)
  }
  exp(optim(c(0.5, -2), miss, control = list(reltol = 1e-14, maxit = 5000))$par)
}

stan_data <- function(case, d, w) {
  n <- nrow(d)
  x <- scale(model.matrix(case$fixed, d)[, -1, drop = FALSE], scale = FALSE)
  term <- case$term(d, w)
  offset <- if (is.null(case$offset)) numeric(n) else case$offset(d)
  scales <- default_scales(case, d, offset)
  lscale <- if (is.null(term$lscale)) c(1, 1) else lscale_prior(d$x)
  count <- if (case$family == "gaussian") integer(n) else d$y
  flat <- if (is.null(term$F)) matrix(0, n, 0) else term$F
  list(term = term, center = attr(x, "scaled:center"), stan = list(
    n = n, p = ncol(x), X = x, scale = array(2.5 * scales$sd_y / apply(x, 2, sd)), m = ncol(flat),
    F = flat, offset_ = offset, family = families[[case$family]], y = as.double(d$y),
    count = count, location = scales$location, width = scales$width, sd_scale = scales$width,
    q = ncol(term$Z), Z = term$Z, B = max(term$owner), owner = term$owner, kind = term$kind,
    at = term$at, lscale_shape = lscale[1], lscale_rate = lscale[2]
  ))
}

# draws by the names of posterior_summary(), with a class each
named_draws <- function(fit, case, made) {
  a <- function(name) as.matrix(as.array(fit, pars = name)[, , 1])
  d <- made$stan
  out <- list()
  class <- character()
  add <- function(name, kind, value) {
    out[[name]] <<- value
    class[[name]] <<- kind
  }
  at_zero <- a("alpha")
  for (k in seq_len(d$p)) at_zero <- at_zero - made$center[k] * a(sprintf("beta[%d]", k))
  add("b_Intercept", "fixed", at_zero)
  for (k in seq_len(d$p)) add(paste0("b_", colnames(d$X)[k]), "fixed", a(sprintf("beta[%d]", k)))
  for (k in seq_len(d$m)) add(made$term$bs[k], "fixed", a(sprintf("b[%d]", k)))
  for (k in seq_len(d$B)) add(made$term$sd[k], "sd", a(sprintf("s[%d]", k)))
  if (d$kind == 5L) add(made$term$share, "cor", 2 * a("share[1]") - 1)
  else if (!is.null(made$term$share)) add(made$term$share, "cor", a("share[1]"))
  if (d$kind == 4L) add(made$term$lscale, "sd", a("lscale[1]"))
  aux <- c(gaussian = "sigma", negbinomial = "shape")[case$family]
  if (!is.na(aux)) add(aux, "aux", a("aux[1]"))
  if (!is.null(made$term$level)) {
    f <- as.array(fit, pars = "f")
    for (l in round(seq(1, nrow(made$term$level), length.out = 12))) {
      effect <- apply(f, 1:2, function(v) sum(made$term$level[l, ] * v))
      add(made$term$level_name[l], "ranef", effect)
    }
  }
  for (i in unique(round(seq(1, d$n, length.out = 20))))
    add(sprintf("eta[%d]", i), "eta", a(sprintf("eta[%d]", i)))
  list(draws = out, class = class)
}

make <- function(name, model, iter = 4000, chains = 4) {
  w <- case_matrix(name)
  made <- stan_data(cases[[name]], case_data(name, w), w)
  delta <- if (is.null(cases[[name]]$delta)) 0.99 else cases[[name]]$delta
  fit <- rstan::sampling(model, made$stan, chains = chains, iter = iter + 1000, warmup = 1000,
                         seed = cases[[name]]$seed, cores = 1, refresh = 0, init_r = 0.5,
                         pars = c("alpha", "beta", "b", "s", "share", "lscale", "aux", "f", "eta"),
                         control = list(adapt_delta = delta, max_treedepth = 12))
  named <- named_draws(fit, cases[[name]], made)
  keep_reference(name, fit, named, cases[[name]]$without)
}

if (!interactive()) run_cases(cases, file.path("fields", "fields.stan"), make)
