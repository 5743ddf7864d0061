/* The tables as R sees them, and their rows one function at a time for the tests. */
#include <string.h>
#include "r/r.h"

/* of the columns of x, a matrix or a list: mean and sd, a row each */
SEXP vb_r_columns(SEXP x) {
  vb_r_bar bar;
  vb_host host = vb_r_host(&bar, 0);
  int p = vb_ncols(x);
  R_xlen_t n = TYPEOF(x) != VECSXP ? Rf_nrows(x) : p ? Rf_xlength(VECTOR_ELT(x, 0)) : 0;
  const double *const *column = vb_columns(x, n, &host);
  double *mean = host.alloc(p + 1, sizeof(double)), *sd = host.alloc(p + 1, sizeof(double));
  vb_column_moments((int)n, p, column, mean, sd);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, 2, p));
  for (int k = 0; k < p; k++) {
    REAL(out)[2 * k] = mean[k];
    REAL(out)[2 * k + 1] = sd[k];
  }
  UNPROTECT(1);
  return out;
}

static SEXP several_list(void) {
  static const char *const names[] = {"name", "dpars", "links", "n_y"};
  return vb_list_new(4, names);
}

/* of each family of several predictors the names and links of its parameters, with commas between
 */
static void put_several(SEXP s) {
  int n = vb_several_count(), *n_y = vb_list_int(s, "n_y", n);
  SEXP name = vb_list_put(s, "name", Rf_allocVector(STRSXP, n));
  SEXP dpars = vb_list_put(s, "dpars", Rf_allocVector(STRSXP, n));
  SEXP links = vb_list_put(s, "links", Rf_allocVector(STRSXP, n));
  for (int i = 0; i < n; i++) {
    const vb_several *row = vb_several_row(i);
    char of[256] = "", to[256] = "";
    for (int k = 0; k < (row->n_par ? row->n_par : 1); k++) {
      size_t left = sizeof of - strlen(of) - 1;
      if (k) strncat(of, ",", left);
      if (k) strncat(to, ",", sizeof to - strlen(to) - 1);
      strncat(of, row->n_par ? row->par_name[k] : "mu", sizeof of - strlen(of) - 1);
      strncat(to, vb_link_name[row->link[k]], sizeof to - strlen(to) - 1);
    }
    SET_STRING_ELT(name, i, Rf_mkChar(row->name));
    SET_STRING_ELT(dpars, i, Rf_mkChar(of));
    SET_STRING_ELT(links, i, Rf_mkChar(to));
    n_y[i] = row->n_y;
  }
}

static const vb_rules *make_rules(const vb_host *host) {
  vb_rules *rules = host->alloc(1, sizeof(vb_rules));
  vb_rules_make(rules);
  return rules;
}

/* of observations each by itself, the expectations that the engine has: by its rules */
static void expect_by_rules(const vb_several *of, int K, const vb_several_at *at,
                            const double *const *v, double *const out[3]) {
  vb_r_bar bar;
  vb_host host = vb_r_host(&bar, 0);
  int width = vb_width(K), all[VB_MAX_PREDICTORS], n_y = vb_several_responses(of, K),
      n = at->n * width;
  double *room[7], full[VB_MAX_WIDTH];
  for (int k = 0; k < 7; k++) room[k] = host.alloc(n + 1, sizeof(double));
  double *y = room[0], *w = room[1], *mean = room[2], *var = room[3];
  for (int a = 0; a < K; a++) all[a] = a;
  for (int i = 0; i < at->n; i++)
    for (int a = 0; a < K; a++)
      for (int b = a; b < K; b++) {
        int k = vb_pair_place(K, a, b), row = i * width + k;
        y[row] = k < n_y ? at->y[k][i] : 0;
        w[row] = at->w[i];
        mean[row] = at->eta[a][i] + (a == b ? 0 : at->eta[b][i]);
        var[row] = v[a][i] + (a == b ? 0 : v[b][i] + 2 * v[k][i]);
      }
  vb_predictors p;
  vb_predictors_make(of, K, K, all, &p);
  vb_model model = {.host = &host,
                    .family = &p.row,
                    .rules = make_rules(&host),
                    .cores = 1,
                    .n = n,
                    .rows = {.n = n, .y = y, .w = w}};
  const vb_etas e = {mean, var, NULL};
  vb_expect(&model, NULL, &e, room[4], room[5], room[6]);
  for (int i = 0; i < at->n; i++) {
    out[0][i] = room[4][i * width];
    for (int a = 0; a < K; a++) out[1][a * at->n + i] = room[5][i * width + a];
    vb_unpolarise(K, room[6] + i * width, full);
    for (int k = 0; k < width; k++) out[2][k * at->n + i] = -full[k];
  }
}

/* log density, or its expectation under normal eta, of a family of several predictors: a column of
 * it, of d1 and of d2 as pairs are counted.  eta, n x K; v: NULL, or covariances as pairs, n x K (K
 * + 1) / 2; without slopes the first column alone */
SEXP vb_r_several(SEXP name, SEXP data, SEXP slopes) {
  const vb_several *of = vb_several_find(CHAR(Rf_asChar(name)));
  if (!of) Rf_error("internal: no such family of several predictors");
  SEXP eta = vb_list_need(data, "eta"), y = vb_list_need(data, "y"), v = vb_list_get(data, "v");
  R_xlen_t n = Rf_nrows(eta);
  int K = Rf_ncols(eta), width = vb_width(K), n_y = Rf_ncols(y), with = Rf_asLogical(slopes) == 1;
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, (int)n, with ? 1 + K + width : 1));
  const double *etas[VB_MAX_PREDICTORS], *ys[VB_MAX_PREDICTORS], *vs[VB_MAX_WIDTH];
  double *d1[VB_MAX_PREDICTORS], *d2[VB_MAX_WIDTH];
  if (K > VB_MAX_PREDICTORS || n_y > VB_MAX_PREDICTORS) Rf_error("internal: too many predictors");
  for (int k = 0; k < K; k++) {
    etas[k] = vb_get_reals(data, "eta", n * K) + k * n;
    d1[k] = REAL(out) + (1 + k) * n;
  }
  for (int k = 0; k < n_y; k++) ys[k] = vb_get_reals(data, "y", n * n_y) + k * n;
  for (int k = 0; k < width; k++) {
    d2[k] = REAL(out) + (1 + K + k) * n;
    if (v != R_NilValue) vs[k] = vb_get_reals(data, "v", n * width) + k * n;
  }
  const vb_several_at at = {(int)n, ys, vb_get_reals(data, "w", n), etas};
  if (v == R_NilValue)
    of->log_lik(K, &at, REAL(out), with ? d1 : NULL, with ? d2 : NULL);
  else if (of->expect)
    of->expect(K, &at, vs, REAL(out), with ? d1 : NULL, with ? d2 : NULL);
  else if (with)
    expect_by_rules(of, K, &at, vs, (double *const[]){REAL(out), d1[0], d2[0]});
  else
    Rf_error("internal: expectations have slopes");
  for (R_xlen_t i = 0; i < n && of->constant; i++) {
    const vb_several_at one = {1, ys, at.w + i, NULL};
    REAL(out)[i] += of->constant(K, &one);
    for (int k = 0; k < n_y; k++) ys[k]++;
  }
  UNPROTECT(1);
  return out;
}

SEXP vb_r_tables(void) {
  static const char *const names[] = {"family", "prior", "several"};
  static const char *const family_names[] = {"name",       "link",     "bound",    "n_par",
                                             "par1",       "par2",     "cells",    "kinked",
                                             "thresholds", "discrete", "quadratic"};
  static const char *const prior_names[] = {"name", "n_arg", "proper"};
  int n = vb_family_count(), np = vb_prior_count();
  SEXP list = PROTECT(vb_list_new(3, names));
  put_several(vb_list_put(list, "several", several_list()));
  SEXP f = vb_list_put(list, "family", vb_list_new(11, family_names));
  SEXP name = vb_list_put(f, "name", Rf_allocVector(STRSXP, n));
  SEXP link = vb_list_put(f, "link", Rf_allocVector(STRSXP, n));
  SEXP bound = vb_list_put(f, "bound", Rf_allocVector(STRSXP, n));
  int *n_par = vb_list_int(f, "n_par", n);
  SEXP par1 = vb_list_put(f, "par1", Rf_allocVector(STRSXP, n));
  SEXP par2 = vb_list_put(f, "par2", Rf_allocVector(STRSXP, n));
  int *cells = vb_list_int(f, "cells", n), *kinked = vb_list_int(f, "kinked", n),
      *thresholds = vb_list_int(f, "thresholds", n), *discrete = vb_list_int(f, "discrete", n),
      *quadratic = vb_list_int(f, "quadratic", n);
  for (int i = 0; i < n; i++) {
    const vb_family *row = vb_family_row(i);
    SET_STRING_ELT(name, i, Rf_mkChar(row->name));
    SET_STRING_ELT(link, i, Rf_mkChar(row->link));
    SET_STRING_ELT(bound, i, Rf_mkChar(vb_family_bound(row)));
    n_par[i] = row->n_par;
    SET_STRING_ELT(par1, i, row->n_par > 0 ? Rf_mkChar(row->par_name[0]) : NA_STRING);
    SET_STRING_ELT(par2, i, row->n_par > 1 ? Rf_mkChar(row->par_name[1]) : NA_STRING);
    cells[i] = row->cells;
    kinked[i] = row->kinked;
    thresholds[i] = row->thresholds;
    discrete[i] = row->discrete;
    quadratic[i] = row->quadratic;
  }
  SEXP p = vb_list_put(list, "prior", vb_list_new(3, prior_names));
  SEXP prior = vb_list_put(p, "name", Rf_allocVector(STRSXP, np));
  int *n_arg = vb_list_int(p, "n_arg", np), *proper = vb_list_int(p, "proper", np);
  for (int i = 0; i < np; i++) {
    const vb_prior *row = vb_prior_row(i);
    SET_STRING_ELT(prior, i, Rf_mkChar(row->name));
    n_arg[i] = row->n_arg;
    proper[i] = row->proper;
  }
  UNPROTECT(1);
  return list;
}

/* data of one evaluation: y, w, m (eta or its mean), v, par, the index k of a parameter */
typedef struct {
  const vb_family *f;
  vb_rows rows;
  int k, n_par;
  const double *m, *v, *par;
} query;

/* log_lik and its derivatives, or their expectations by the engine's own path */
static void log_lik(const query *q, double *out) {
  size_t n = q->rows.n;
  q->f->log_lik(q->f, &q->rows, q->m, q->par, out, out + n, out + 2 * n);
}
static void expectations(const query *q, const vb_family *row, double *out) {
  vb_r_bar bar;
  vb_host host = vb_r_host(&bar, 0);
  const vb_rules *rules = make_rules(&host);
  vb_model model = {
      .host = &host, .family = row, .rules = rules, .cores = 1, .n = q->rows.n, .rows = q->rows};
  double *d1 = out + model.n, *d2 = d1 + model.n;
  const vb_etas e = {q->m, q->v, NULL};
  vb_expect(&model, q->par, &e, out, d1, d2);
  for (int i = 0; i < model.n; i++) d2[i] = -d2[i];
}
static void expect(const query *q, double *out) { expectations(q, q->f, out); }
static void expect_quadrature(const query *q, double *out) {
  vb_family row = *q->f;
  row.expect = NULL;
  expectations(q, &row, out);
}
static void base(const query *q, double *out) {
  if (q->f->base) q->f->base(&q->rows, q->par, out);
}
static void log_lik_par(const query *q, double *out) {
  q->f->log_lik_par(&q->rows, q->m, q->par, q->k, out);
}
static void expect_par(const query *q, double *out) { /* one row at a time: the engine adds them */
  vb_r_bar bar;
  vb_host host = vb_r_host(&bar, 0);
  const vb_rules *rules = make_rules(&host);
  for (int i = 0; i < q->rows.n; i++) {
    vb_model model = {.family = q->f,
                      .n_par = q->n_par,
                      .rules = rules,
                      .n = 1,
                      .rows = vb_rows_range(&q->rows, i, 1)};
    double grad[VB_MAX_PAR] = {0};
    const vb_etas e = {q->m + i, q->v + i, NULL};
    vb_expect_par(&model, q->par, &e, grad);
    out[i] = grad[q->k];
  }
}
static void mean(const query *q, double *out) { q->f->mean(q->rows.n, q->m, out); }
static void variance(const query *q, double *out) {
  if (q->f->variance) q->f->variance(&q->rows, q->m, q->par, out);
}

static void cdf(const query *q, double *out) { q->f->cdf(q->f, &q->rows, q->m, q->par, out); }

const vb_family *vb_r_family_row(SEXP row) {
  const vb_family *f =
      vb_family_find(CHAR(STRING_ELT(row, 0)), CHAR(STRING_ELT(row, 1)), CHAR(STRING_ELT(row, 2)));
  if (!f) Rf_error("internal: no such family");
  return f;
}

/* row: name, link, bound; what: the place of the function in this table, as R/fit.R has it; a
 * matrix of one or three columns */
SEXP vb_r_family(SEXP row, SEXP what, SEXP data, SEXP par, SEXP k) {
  static void (*const eval[])(const query *, double *) = {
      log_lik, expect, expect_quadrature, base, log_lik_par, expect_par, mean, variance, cdf};
  int which = Rf_asInteger(what), columns = which < 3 ? 3 : 1;
  SEXP m = vb_list_need(data, "m");
  query q = {.f = vb_r_family_row(row),
             .rows = vb_get_rows(data, Rf_xlength(m)),
             .k = Rf_asInteger(k) - 1,
             .m = REAL_RO(m),
             .v = REAL_RO(vb_list_need(data, "v")),
             .n_par = (int)Rf_xlength(par)};
  double ended[VB_MAX_PAR + 1] = {0};
  if (q.n_par > VB_MAX_PAR) Rf_error("internal: too many parameters");
  if (q.n_par) memcpy(ended, REAL_RO(par), sizeof(double) * q.n_par);
  ended[q.n_par] = INFINITY;
  q.par = ended;
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, q.rows.n, columns));
  memset(REAL(out), 0, sizeof(double) * q.rows.n * columns);
  eval[which](&q, REAL(out));
  UNPROTECT(1);
  return out;
}

SEXP vb_r_prior(SEXP name, SEXP x, SEXP arg, SEXP v) {
  static const char *const names[] = {"ll", "d1", "d2", "log_upper"};
  const vb_prior *p = vb_prior_find(CHAR(Rf_asChar(name)));
  if (!p) Rf_error("internal: no such prior");
  int n = (int)Rf_xlength(x);
  SEXP list = PROTECT(vb_list_new(4, names));
  double *ll = vb_list_real(list, "ll", n), *d1 = vb_list_real(list, "d1", n),
         *d2 = vb_list_real(list, "d2", n);
  vb_r_bar bar;
  vb_host host = vb_r_host(&bar, 0);
  vb_model model = {.rules = make_rules(&host)};
  vb_site site = {.prior = p, .arg = REAL_RO(arg)};
  p->log_density(n, REAL_RO(x), REAL_RO(arg), ll, d1, d2);
  for (int i = 0; i < Rf_xlength(v); i++) {
    ll[i] = vb_expect_site(&model, &site, REAL_RO(x)[i], REAL_RO(v)[i], d1 + i, d2 + i);
    d2[i] = -d2[i];
  }
  for (int i = 0; i < n; i++) ll[i] += p->log_norm(REAL_RO(arg));
  *vb_list_real(list, "log_upper", 1) = vb_prior_log_upper(p, REAL_RO(arg));
  UNPROTECT(1);
  return list;
}
