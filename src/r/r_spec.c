/* The spec that R wrote, read into the core's structures.  R has checked everything the user can
 * get wrong; here only types and lengths are. */
#include <math.h>
#include <string.h>
#include "r/r.h"

static const char *string_at(SEXP x, int i) { return CHAR(STRING_ELT(x, i)); }

static void read_terms(SEXP terms, const vb_host *host, vb_input *in) {
  in->n_term = (int)Rf_xlength(terms);
  R_xlen_t n = in->n;
  const int **group = host->alloc(in->n_term + 1, sizeof *group);
  const double **z = host->alloc(in->n_term + 1, sizeof *z);
  int *n_level = host->alloc(in->n_term + 1, sizeof(int)),
      *d = host->alloc(in->n_term + 1, sizeof(int));
  for (int t = 0; t < in->n_term; t++) {
    SEXP term = VECTOR_ELT(terms, t);
    d[t] = Rf_ncols(vb_list_need(term, "z"));
    group[t] = vb_get_ints(term, "group", n);
    z[t] = vb_get_reals(term, "z", n * d[t]);
    n_level[t] = vb_get_int(term, "n_level");
    if (d[t] > VB_MAX_DIM)
      Rf_error("internal: more than %d coefficients in one random term", VB_MAX_DIM);
  }
  in->group = group;
  in->z = z;
  in->n_level = n_level;
  in->d = d;
}

static void read_prior(const char *dist, const double *arg, const vb_coordinate *coord,
                       vb_natural *n, int *n_axis) {
  n->axis = -1;
  n->value = arg[0];
  n->prior = vb_prior_find(dist);
  if (!n->prior) return; /* "constant" is no density: the parameter is no axis */
  memcpy(n->arg, arg, sizeof n->arg);
  n->log_norm = n->prior->log_norm(arg) - (n->real ? 0 : n->prior->log_upper(arg));
  n->coord = coord;
  n->s0 = 1;
  n->axis = (*n_axis)++;
}

/* log P(0 < X < 1), by the midpoint rule */
static double log_unit_mass(const vb_prior *prior, const double *arg) {
  enum { N = 100000, BATCH = 1000 };
  double x[BATCH], ll[BATCH], d1[BATCH], d2[BATCH], sum = 0, norm = prior->log_norm(arg);
  for (int from = 0; from < N; from += BATCH) {
    for (int i = 0; i < BATCH; i++) x[i] = (from + i + 0.5) / N;
    prior->log_density(BATCH, x, arg, ll, d1, d2);
    for (int i = 0; i < BATCH; i++) sum += exp(ll[i] + norm) / N;
  }
  return log(sum);
}

/* a parameter that is not positive: its coordinate, and its prior cut to its domain */
static void set_domain(int domain, vb_natural *n) {
  if (n->axis < 0 || domain == VB_POSITIVE) return;
  int real = domain == VB_REAL;
  n->coord = real ? &vb_coord_identity : &vb_coord_unit;
  n->log_norm = n->prior->log_norm(n->arg) - (real ? 0 : log_unit_mass(n->prior, n->arg));
}

/* a partial correlation with (1 + r) / 2 ~ Beta(beta, beta) */
static vb_natural correlation(double beta, int axis) {
  return (vb_natural){.axis = axis,
                      .coord = &vb_coord_probit,
                      .s0 = 1,
                      .beta = beta,
                      .log_norm = -(2 * beta - 1) * M_LN2 - (2 * lgamma(beta) - lgamma(2 * beta))};
}

/* Dispersions, or thresholds: the first is any number, the others go by the distance from the one
 * before.  Theirs is the prior of as many independent numbers in ascending order. */
static void read_par(SEXP par, const vb_family *family, vb_hyper *h) {
  int thresholds = family->thresholds;
  vb_natural *n = h->natural + h->first_par;
  SEXP dist = vb_get_strings(par, "dist", h->n_par);
  const double *arg = vb_get_reals(par, "arg", 3 * (R_xlen_t)h->n_par);
  for (int k = 0; k < h->n_par; k++) {
    n[k].real = thresholds;
    n[k].after = thresholds && k > 0;
    read_prior(string_at(dist, k), arg + 3 * k,
               !thresholds ? &vb_coord_log
               : k         ? &vb_coord_cube
                           : &vb_coord_identity,
               n + k, &h->n_axis);
    if (thresholds && n[k].prior && n[k].prior->proper) n[k].log_norm += log(k + 1);
    if (!thresholds) set_domain(family->domain[k], n + k);
  }
}

static void read_hyper(SEXP spec, const vb_host *host, const vb_input *in, vb_hyper *h) {
  SEXP sd = in->n_term ? vb_get_list(spec, "prior_sd", in->n_term) : R_NilValue;
  const double *eta = in->n_term ? vb_get_reals(spec, "prior_cor", in->n_term) : NULL;
  int *first = host->alloc(in->n_term + 1, sizeof(int));
  h->n_term = in->n_term;
  h->n_par = in->n_par;
  h->d = in->d;
  h->n_level = in->n_level;
  h->n_natural = h->n_axis = 0;
  for (int t = 0; t < in->n_term; t++) {
    first[t] = h->n_natural;
    h->n_natural += in->d[t] * (in->d[t] + 1) / 2;
  }
  h->first = first;
  h->first_par = h->n_natural;
  h->n_natural += h->n_par;
  h->first_shrink = h->n_natural;
  h->n_natural += vb_list_get(spec, "shrink") != R_NilValue ? 2 : 0;
  h->natural = host->alloc(h->n_natural + 1, sizeof(vb_natural));
  for (int t = 0; t < in->n_term; t++) {
    int d = in->d[t];
    SEXP prior = VECTOR_ELT(sd, t), dist = vb_get_strings(prior, "dist", d);
    const double *arg = vb_get_reals(prior, "arg", 3 * (R_xlen_t)d);
    vb_natural *n = h->natural + first[t];
    for (int a = 0; a < d; a++)
      read_prior(string_at(dist, a), arg + 3 * a, &vb_coord_log, n + a, &h->n_axis);
    n += d;
    for (int a = 1; a < d; a++)
      for (int b = 0; b < a; b++, n++) *n = correlation(eta[t] + (d - 2 - b) / 2.0, h->n_axis++);
  }
  read_par(vb_list_need(spec, "prior_par"), in->family, h);
  SEXP shrink = vb_list_get(spec, "shrink"); /* a horseshoe's global scale and slab */
  if (shrink != R_NilValue) {
    h->n_shrink = 2;
    h->local_df = vb_get_double(shrink, "df");
    h->by_sigma = vb_get_int(shrink, "by_sigma");
    SEXP dist = vb_get_strings(shrink, "dist", 2);
    const double *arg = vb_get_reals(shrink, "arg", 6);
    for (int k = 0; k < 2; k++)
      read_prior(string_at(dist, k), arg + 3 * k, &vb_coord_log, h->natural + h->first_shrink + k,
                 &h->n_axis);
  }
  if (h->n_axis > VB_MAX_AXIS) Rf_error("internal: more than %d hyperparameters", VB_MAX_AXIS);
}

void vb_r_read(SEXP spec, const vb_host *host, vb_request *r) {
  vb_input *in = &r->input;
  SEXP x = vb_list_need(spec, "x"), prior = vb_list_need(spec, "prior_coef");
  memset(r, 0, sizeof *r);
  r->scheme = &vb_scheme_full;
  SEXP own = vb_list_get(spec, "user");
  in->family = own != R_NilValue ? vb_r_user_family(own, host)
                                 : vb_family_find(CHAR(Rf_asChar(vb_list_need(spec, "family"))),
                                                  CHAR(Rf_asChar(vb_list_need(spec, "link"))),
                                                  CHAR(Rf_asChar(vb_list_need(spec, "bound"))));
  if (!in->family) Rf_error("internal: no such family");
  in->n_par = (int)Rf_xlength(vb_list_need(vb_list_need(spec, "prior_par"), "dist"));
  if (in->n_par > VB_MAX_PAR) Rf_error("internal: more than %d thresholds", VB_MAX_PAR);
  if (!in->family->thresholds && in->n_par != in->family->n_par)
    Rf_error("internal: the family has %d parameters", in->family->n_par);
  in->rows = vb_get_rows(spec, -1);
  in->n = in->rows.n;
  in->p = Rf_ncols(x);
  in->offset = vb_get_reals(spec, "offset", in->n);
  in->constant = vb_get_double(spec, "constant");
  in->x = vb_get_reals(spec, "x", (R_xlen_t)in->n * in->p);
  in->center = vb_get_reals(spec, "center", in->p);
  in->intercept = vb_get_int(spec, "intercept") - 1;
  if (in->intercept < -1 || in->intercept >= in->p) Rf_error("internal: no such intercept");
  read_terms(vb_get_list(spec, "terms", -1), host, in);
  SEXP dist = vb_get_strings(prior, "dist", in->p);
  in->prior = host->alloc(in->p + 1, sizeof *in->prior);
  for (int k = 0; k < in->p; k++)
    if (!(in->prior[k] = vb_prior_find(string_at(dist, k))))
      Rf_error("internal: no prior '%s'", string_at(dist, k));
  in->prior_arg = vb_get_reals(prior, "arg", 3 * (R_xlen_t)in->p);
  read_hyper(spec, host, in, &r->hyper);
}

/* Group sds start at half the scale of the response per unit of z, dispersions at the residual
 * scale where the link is the identity (their first is a scale there), else at one. */
void vb_r_start(const vb_model *m, vb_request *r) {
  vb_hyper *h = &r->hyper;
  double scale = 1, sum = 0, sum_w = 0, sum_y = 0, sum_y2 = 0;
  r->start = m->host->alloc(h->n_axis + 1, sizeof(double));
  int identity = m->family->identity;
  for (int i = 0; i < m->n && identity; i++) {
    double e = m->rows.y[i] - m->offset[i];
    for (int k = 0; k < m->p; k++) e -= m->x[(size_t)i * m->p + k] * m->beta_ref[k];
    sum += m->rows.w[i] * e * e;
    sum_w += m->rows.w[i];
    sum_y += m->rows.w[i] * (m->rows.y[i] - m->offset[i]);
    sum_y2 += m->rows.w[i] * pow(m->rows.y[i] - m->offset[i], 2);
  }
  if (identity) { /* a perfect fit (n <= p) says nothing of the residual scale */
    double least = h->n_shrink ? 0.25 : 0.01; /* shrunk coefficients fit less */
    scale = sqrt(fmax(sum, least * (sum_y2 - sum_y * sum_y / sum_w)) / sum_w);
    if (!(scale > 0)) scale = 1;
  }
  if (m->family->opaque) vb_r_user_unit(m->family, scale);
  for (int t = 0; t < h->n_term; t++)
    for (int a = 0; a < h->d[t]; a++) {
      const vb_natural *n = h->natural + h->first[t] + a;
      double z2 = 0;
      for (int i = 0; i < m->n; i++) z2 += pow(m->term[t].z[(size_t)i * h->d[t] + a], 2) / m->n;
      if (n->axis >= 0) r->start[n->axis] = log(0.5 * scale / sqrt(z2 > 0 ? z2 : 1));
    }
  double par[VB_MAX_PAR] = {identity ? 0.8 * scale : 1, 10};
  if (m->family->start) m->family->start(&m->rows, h->n_par, par);
  for (int k = 0; k < h->n_par; k++) {
    const vb_natural *n = h->natural + h->first_par + k;
    if (m->family->opaque) par[k] = vb_r_user_start(m->family, k, scale);
    if (n->axis >= 0)
      r->start[n->axis] = n->coord->inverse(n->after ? par[k] - par[k - 1] : par[k], n->s0);
  }
  if (!h->n_shrink) return;
  const vb_natural *global = h->natural + h->first_shrink;
  double x2 = 1e-300; /* a few coefficients that matter, per unit of x */
  for (size_t i = 0; i < (size_t)m->n * m->p; i++) x2 += m->x[i] * m->x[i] / ((double)m->n * m->p);
  r->start[global->axis] = log(fmin(global->arg[2], 0.3 / sqrt(m->n * x2)));
  r->start[global[1].axis] = log(global[1].arg[1]);
}
