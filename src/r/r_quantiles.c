/* Quantiles of a fit's mixtures, of coefficients under a mixture prior and of responses. */
#include "gauss/ep.h"
#include "r/r.h"

SEXP vb_r_quantiles(SEXP mean, SEXP var, SEXP skew, SEXP weight, SEXP probs) {
  int n_row = Rf_nrows(mean), n = Rf_ncols(mean), n_prob = (int)Rf_xlength(probs);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, n_row, n_prob));
  double *row = (double *)R_alloc(3 * (size_t)n, sizeof(double));
  for (int i = 0; i < n_row; i++) {
    for (int s = 0; s < n; s++) {
      row[s] = REAL_RO(mean)[i + (size_t)s * n_row];
      row[n + s] = REAL_RO(var)[i + (size_t)s * n_row];
      row[2 * n + s] = skew == R_NilValue ? 0 : REAL_RO(skew)[i + (size_t)s * n_row];
    }
    for (int k = 0; k < n_prob; k++) REAL(out)
    [i + (size_t)k * n_row] =
        vb_mixture_quantile(n, row, row + n, row + 2 * n, REAL_RO(weight), REAL_RO(probs)[k]);
    if ((i & 255) == 255) R_CheckUserInterrupt();
  }
  UNPROTECT(1);
  return out;
}

/* Quantiles of coefficients under a mixture prior: at every node cavity times prior.  q: mean and
 * variance of the Gaussian, precision and linear term of the site, each coefficient x node. */
SEXP vb_r_tilted(SEXP q, SEXP shrink, SEXP weight, SEXP probs) {
  const double *mean = REAL_RO(vb_list_need(q, "mean")), *var = REAL_RO(vb_list_need(q, "var"));
  const double *h = REAL_RO(vb_list_need(q, "h")), *b = REAL_RO(vb_list_need(q, "b"));
  int n_row = Rf_nrows(vb_list_need(q, "mean")), n = Rf_ncols(vb_list_need(q, "mean"));
  int n_prob = (int)Rf_xlength(probs);
  size_t cap = (size_t)n * VB_MIX_MAX + 1;
  double *part = (double *)R_alloc(4 * cap, sizeof(double));
  SEXP skew = vb_list_get(q, "skew");
  vb_parts parts = {0, part, part + cap, part + 2 * cap, part + 3 * cap};
  vb_mix *mix = (vb_mix *)R_alloc(n + 1, sizeof(vb_mix));
  vb_mixture_fn fn = vb_prior_find(CHAR(Rf_asChar(vb_list_need(q, "prior"))))->mix;
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, n_row, n_prob));
  for (int s = 0; s < n; s++) vb_mix_make(fn, REAL_RO(shrink) + 3 * s, mix + s);
  for (int i = 0; i < n_row; i++) {
    parts.n = 0;
    for (int s = 0; s < n; s++) {
      size_t at = i + (size_t)s * n_row;
      if (REAL_RO(weight)[s] == 0) continue;
      vb_site_marginal own = {mean[at], var[at], skew == R_NilValue ? 0 : REAL_RO(skew)[at], h[at],
                              b[at]};
      vb_tilted_parts(mix + s, &own, REAL_RO(weight)[s], &parts);
    }
    for (int k = 0; k < n_prob; k++) {
      REAL(out)
      [i + (size_t)k * n_row] = vb_mixture_quantile(parts.n, parts.mean, parts.var, parts.skew,
                                                    parts.weight, REAL_RO(probs)[k]);
    }
    R_CheckUserInterrupt();
  }
  UNPROTECT(1);
  return out;
}

/* Quantiles of responses with weights w; nodes: mean, var, skew, rows x components, par,
 * parameters x components, and weight; row: the family's name, link, bound */
SEXP vb_r_predictive(SEXP row, SEXP nodes, SEXP w, SEXP probs) {
  static const char *const part[] = {"mean", "var", "skew"};
  vb_r_bar bar;
  vb_host host = vb_r_host(&bar, 0);
  const vb_family *f = vb_r_family_row(row);
  SEXP par = vb_list_need(nodes, "par"), weight = vb_list_need(nodes, "weight");
  int n_row = (int)Rf_xlength(w), n = (int)Rf_xlength(weight), n_prob = (int)Rf_xlength(probs);
  int n_par = Rf_nrows(par);
  double *of_row = host.alloc(3 * (size_t)n + 1, sizeof(double)), *quantile;
  double *ended = host.alloc((size_t)n * (n_par + 1) + 1, sizeof(double));
  for (int s = 0; s < n; s++) { /* infinity behind the thresholds */
    for (int k = 0; k < n_par; k++)
      ended[k + (size_t)s * (n_par + 1)] = REAL_RO(par)[k + (size_t)s * n_par];
    ended[n_par + (size_t)s * (n_par + 1)] = INFINITY;
  }
  vb_predictive *predictive = vb_predictive_make(&host, f, n, n_par + 1);
  vb_mixture mix = {.n = n,
                    .n_par = n_par + 1,
                    .mean = of_row,
                    .var = of_row + n,
                    .skew = of_row + 2 * n,
                    .weight = REAL_RO(weight),
                    .par = ended};
  quantile = host.alloc(n_prob + 1, sizeof(double));
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, n_row, n_prob));
  for (int i = 0; i < n_row; i++) {
    for (int k = 0; k < 3; k++)
      for (int s = 0; s < n; s++)
        of_row[s + (size_t)k * n] = REAL_RO(vb_list_need(nodes, part[k]))[i + (size_t)s * n_row];
    vb_predictive_quantiles(predictive, &mix, REAL_RO(w)[i], n_prob, REAL_RO(probs), quantile);
    for (int j = 0; j < n_prob; j++) REAL(out)[i + (size_t)j * n_row] = quantile[j];
    if ((i & 15) == 15) R_CheckUserInterrupt();
  }
  UNPROTECT(1);
  return out;
}
