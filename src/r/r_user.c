/* A likelihood that the user wrote: a row of the table of families, made for one fit, whose log
 * density is a function of R.  The only file that calls back into R.  What R raises there jumps
 * through the core, which owns nothing, to vb_r_guard. */
#include <math.h>
#include <string.h>
#include <Rmath.h>
#include "gauss/stein.h"
#include "r/r.h"

typedef struct {
  vb_family row; /* first: a pointer to the row is a pointer to all of it */
  SEXP log_lik;  /* of y, eta, par; R made sure that it returns n doubles */
} user_family;

static SEXP doubles(int n, const double *from) {
  SEXP x = Rf_allocVector(REALSXP, n);
  if (n) memcpy(REAL(x), from, sizeof(double) * n);
  return x;
}

static void log_lik(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                    double *ll, double *d1, double *d2) {
  const user_family *u = (const user_family *)self;
  (void)d1;
  (void)d2;
  int n = r->n;
  SEXP ys = PROTECT(doubles(n, r->y)), etas = PROTECT(doubles(n, eta)),
       pars = PROTECT(doubles(self->n_par, par));
  SEXP call = PROTECT(Rf_lang4(u->log_lik, ys, etas, pars));
  SEXP value = PROTECT(Rf_eval(call, R_BaseEnv));
  if (TYPEOF(value) != REALSXP || Rf_xlength(value) != n)
    Rf_error("internal: the log density is not %d doubles", n);
  for (int i = 0; i < n; i++) ll[i] = r->w[i] * REAL_RO(value)[i];
  UNPROTECT(5);
}

static void identity_mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = eta[i];
}
static void log_mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = exp(eta[i]);
}
static void logit_mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = 1 / (1 + exp(-eta[i]));
}
static void probit_mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = Rf_pnorm5(eta[i], 0, 1, 1, 0);
}
static void cloglog_mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = -expm1(-exp(eta[i]));
}
static void cauchit_mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = Rf_pcauchy(eta[i], 0, 1, 1, 0);
}
static void inverse_mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = 1 / eta[i];
}
static void sqrt_mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = eta[i] * eta[i];
}

/* in the order of user_links in user_family.R */
static void (*const mean_of[])(int, const double *, double *) = {
    identity_mean, log_mean,     logit_mean,   probit_mean,
    cloglog_mean,  cauchit_mean, inverse_mean, sqrt_mean};

vb_r_own vb_r_user_family(SEXP user, const vb_host *host) {
  user_family *u = host->alloc(1, sizeof *u);
  SEXP domain = vb_list_need(user, "domain");
  int link = vb_get_int(user, "link"), n_link = (int)(sizeof mean_of / sizeof *mean_of);
  int n_par = (int)Rf_xlength(domain);
  if (link < 0 || link >= n_link) Rf_error("internal: no such link");
  if (n_par > VB_MAX_PAR) Rf_error("internal: more than %d parameters", VB_MAX_PAR);
  u->log_lik = vb_list_get(user, "log_lik"); /* none in a finished fit: nothing asks for it */
  u->row = (vb_family){.name = "user",
                       .link = "",
                       .n_par = n_par,
                       .identity = link == 0,
                       .log_lik = log_lik,
                       .mean = mean_of[link],
                       .opaque = 1,
                       .kinked = vb_get_int(user, "kinked"),
                       .unit = vb_get_double(user, "unit"),
                       .start_eta = vb_get_double(user, "start_eta")};
  const int *of = vb_get_ints(user, "domain", n_par);
  for (int k = 0; k < n_par; k++) u->row.domain[k] = of[k];
  return (vb_r_own){&u->row, vb_get_reals(user, "start_par", n_par)};
}

/* With the identity link the density bends on the scale of the residuals, else on that of the
 * link. */
void vb_r_user_unit(vb_family *family, double residual_scale) {
  if (family->identity) family->unit = residual_scale;
}

/* E f^(k), k = 0..6, in rows of y, w, m, v: for the tests */
SEXP vb_r_stein(SEXP user, SEXP data, SEXP par) {
  vb_r_bar bar;
  vb_host host = vb_r_host(&bar, 0);
  vb_rules *rules = host.alloc(1, sizeof *rules);
  vb_rules_make(rules);
  vb_rows rows = vb_get_rows(data, -1);
  vb_model model = {.host = &host,
                    .family = vb_r_user_family(user, &host).family,
                    .rules = rules,
                    .n = rows.n,
                    .rows = rows};
  const vb_etas e = {REAL_RO(vb_list_need(data, "m")), REAL_RO(vb_list_need(data, "v")),
                     vb_stein_make(&model)};
  vb_stein_moments(&model, REAL_RO(par), &e, VB_STEIN_TOP);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, VB_STEIN_TOP, model.n));
  memcpy(REAL(out), e.stein->moment, sizeof(double) * VB_STEIN_TOP * model.n);
  UNPROTECT(1);
  return out;
}
