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
  const double **shift = host->alloc(in->n_term + 1, sizeof *shift);
  int *n_level = host->alloc(in->n_term + 1, sizeof(int)),
      *d = host->alloc(in->n_term + 1, sizeof(int));
  const vb_covariance **cov = host->alloc(in->n_term + 1, sizeof *cov);
  for (int t = 0; t < in->n_term; t++) {
    SEXP term = VECTOR_ELT(terms, t);
    d[t] = Rf_ncols(vb_list_need(term, "z"));
    group[t] = vb_get_ints(term, "group", n);
    z[t] = vb_get_reals(term, "z", n * d[t]);
    shift[t] = vb_may_reals(term, "shift", d[t]);
    n_level[t] = vb_get_int(term, "n_level");
    SEXP name = vb_list_get(term, "covariance");
    cov[t] = vb_covariance_find(name == R_NilValue ? "us" : CHAR(Rf_asChar(name)));
    if (!cov[t]) Rf_error("internal: no such covariance");
    if (d[t] > VB_MAX_DIM)
      Rf_error("internal: more than %d coefficients in one random term", VB_MAX_DIM);
  }
  in->group = group;
  in->z = z;
  in->shift = shift;
  in->n_level = n_level;
  in->d = d;
  in->cov = cov;
}

/* Columns of x that are not in x, ascending: node, integers, or at, with table, and weight if any
 */
static void read_bins(SEXP spec, const vb_host *host, vb_input *in) {
  SEXP bins = vb_list_get(spec, "bins");
  in->n_bins = (int)Rf_xlength(bins);
  vb_bins *b = host->alloc(in->n_bins + 1, sizeof(vb_bins));
  in->bins = b;
  for (int i = 0; i < in->n_bins; i++, b++) {
    SEXP one = VECTOR_ELT(bins, i);
    b->first = vb_get_int(one, "first") - 1;
    b->k = vb_get_int(one, "k");
    b->n_node = vb_get_int(one, "n_node");
    b->each = vb_get_int(one, "each");
    R_xlen_t size = (R_xlen_t)b->each * in->n;
    b->at = vb_may_reals(one, "at", in->n);
    b->weight = vb_may_reals(one, "weight", size);
    b->table = vb_may_reals(one, "table", (R_xlen_t)b->n_node * b->k);
    if (!b->at) b->node = vb_get_ints(one, "node", size);
    int least = i ? b[-1].first + b[-1].k : 0, most = b->table ? VB_TABLE_ROWS : b->k;
    if (b->first < least || b->k < 1 || b->n_node < 1 || b->n_node > most || b->each < 1 ||
        b->each > VB_MOST_NODES || (b->at && (b->each > 1 || b->n_node < 2)))
      Rf_error("internal: bins that cannot be");
    for (R_xlen_t k = 0; k < size; k++)
      if (b->at ? !(b->at[k] <= b->n_node - 1) : b->node[k] >= b->n_node)
        Rf_error("internal: a row of a bin that is not there");
    in->p += b->k;
  }
  if (in->n_bins && b[-1].first + b[-1].k > in->p) Rf_error("internal: bins that cannot be");
}

/* a field whose coefficients are the levels of a term, with the pattern of its precision */
static void read_sparse_field(SEXP one, int term, const vb_input *in, vb_field *f) {
  f->term = term;
  if (term >= in->n_term || in->n_level[term] != f->n || in->d[term] != 1 || !f->row->weigh)
    Rf_error("internal: a field has other levels than its term");
  f->col = vb_get_ints(one, "col", f->n + 1);
  f->size = f->col[f->n];
  f->other = vb_get_ints(one, "row", (R_xlen_t)f->size);
  for (int b = 0, e = 0; b < f->n; b++) { /* ascending, and the diagonal first */
    int ok = f->col[b] == e && f->col[b + 1] > e && (size_t)f->col[b + 1] <= f->size;
    for (; ok && e < f->col[b + 1]; e++)
      ok = e == f->col[b] ? f->other[e] == b : f->other[e] > f->other[e - 1] && f->other[e] < f->n;
    if (!ok) Rf_error("internal: a field's pattern is not one");
  }
  SEXP held = vb_list_get(one, "held");
  f->n_held = held == R_NilValue ? 0 : Rf_ncols(held);
  if (f->n_held) f->held = vb_get_reals(one, "held", (R_xlen_t)f->n * f->n_held);
}

/* of one whose coefficients are columns of x, with priors that are its own */
static void read_dense_field(SEXP one, vb_input *in, vb_field *f) {
  f->term = -1;
  f->first = vb_get_int(one, "first") - 1;
  f->size = (size_t)f->n * f->n;
  if (f->first < 0 || f->n < 1 || f->n > in->p - f->first || f->row->weigh)
    Rf_error("internal: a field has other columns than there are");
  for (int k = 0; k < f->n; k++) in->prior[f->first + k] = NULL;
}

static void read_fields(SEXP spec, const vb_host *host, vb_input *in) {
  SEXP fields = vb_list_get(spec, "fields");
  in->n_field = (int)Rf_xlength(fields);
  vb_field *field = host->alloc(in->n_field + 1, sizeof(vb_field));
  size_t place = 0;
  int par = 0;
  for (int i = 0; i < in->n_field; i++) {
    SEXP one = VECTOR_ELT(fields, i);
    vb_field *f = field + i;
    f->row = vb_precision_find(CHAR(Rf_asChar(vb_list_need(one, "precision"))));
    if (!f->row) Rf_error("internal: no such precision");
    f->n = vb_get_int(one, "n");
    if (vb_list_get(one, "term") == R_NilValue)
      read_dense_field(one, in, f);
    else
      read_sparse_field(one, vb_get_int(one, "term") - 1, in, f);
    f->at = vb_get_reals(one, "at", (R_xlen_t)vb_precision_size(f->row, vb_field_count(f)));
    f->start = vb_get_reals(one, "start", f->row->n_par);
    f->par = par;
    par += f->row->n_par;
    f->place = place;
    place += f->size;
  }
  in->field = field;
}

static void read_field_priors(SEXP spec, const vb_input *in, vb_hyper *h) {
  SEXP fields = vb_list_get(spec, "fields");
  int at = h->first_field;
  for (int i = 0; i < in->n_field; i++) {
    const vb_precision *row = in->field[i].row;
    SEXP prior = vb_get_list(VECTOR_ELT(fields, i), "prior", -1);
    SEXP dist = vb_get_strings(prior, "dist", row->n_par);
    const double *arg = vb_get_reals(prior, "arg", 3 * (R_xlen_t)row->n_par);
    for (int k = 0; k < row->n_par; k++, at++)
      vb_natural_within(row->domain[k], vb_prior_find(string_at(dist, k)), arg + 3 * k,
                        h->natural + at, &h->n_axis);
  }
}

/* a family of several predictors, of which these are predicted */
static const vb_family *read_several(SEXP spec, SEXP predicted, const vb_host *host) {
  const vb_several *of = vb_several_find(CHAR(Rf_asChar(vb_list_need(spec, "family"))));
  int n_active = (int)Rf_xlength(predicted), active[VB_MAX_PREDICTORS];
  if (!of || TYPEOF(predicted) != STRSXP || n_active < 1 || n_active > VB_MAX_PREDICTORS)
    Rf_error("internal: no such family of several predictors");
  int n_par = of->n_par ? of->n_par : n_active;
  for (int a = 0; a < n_active; a++) {
    active[a] = vb_several_place(of, string_at(predicted, a), a ? active[a - 1] + 1 : 0);
    if (active[a] < 0) Rf_error("internal: no such predictor");
  }
  vb_predictors *p = host->alloc(1, sizeof *p);
  vb_predictors_make(of, n_par, n_active, active, p);
  return &p->row;
}

static const int *read_predictor(SEXP list, int n, int K, const vb_host *host) {
  const int *had = vb_get_ints(list, "predictor", n);
  int *out = host->alloc(n + 1, sizeof(int));
  for (int k = 0; k < n; k++) {
    out[k] = had[k] - 1;
    if (had[k] < 1 || had[k] > K) Rf_error("internal: no such predictor");
  }
  return out;
}

/* observations become rows of one predictor */
static void stack(SEXP spec, const vb_host *host, vb_input *in) {
  const vb_predictors *p = in->family->several;
  const int *had = vb_get_ints(spec, "into", in->p);
  const int **term = host->alloc(in->n_term + 1, sizeof *term);
  int *into = host->alloc(in->p + 1, sizeof(int));
  if (in->n_bins) Rf_error("internal: bins of several predictors");
  for (int k = 0; k < in->p; k++) {
    into[k] = had[k] - 1;
    if (had[k] < 0 || had[k] > in->p || (had[k] && had[had[k] - 1] != had[k]))
      Rf_error("internal: no such intercept");
  }
  in->into = into;
  SEXP terms = vb_list_need(spec, "terms");
  for (int t = 0; t < in->n_term; t++)
    term[t] = read_predictor(VECTOR_ELT(terms, t), in->d[t], p->n_active, host);
  const vb_predictor_of of = {read_predictor(spec, in->p, p->n_active, host), term,
                              vb_several_responses(p->of, p->n_active)};
  vb_stack(host, &of, in);
}

/* responses of an observation and its weight; a matrix where the family has several responses */
static vb_rows read_rows(SEXP spec, const vb_family *family) {
  const vb_predictors *p = family->several;
  if (!p) return vb_get_rows(spec, -1);
  R_xlen_t n = Rf_xlength(vb_list_need(spec, "w")), n_y = vb_several_responses(p->of, p->n_active);
  return (vb_rows){
      .n = (int)n, .y = vb_get_reals(spec, "y", n * n_y), .w = vb_get_reals(spec, "w", n)};
}

static void read_par(SEXP par, const vb_input *in, vb_hyper *h) {
  vb_categories seen = vb_categories_of(in->family, &in->rows);
  SEXP dist = vb_get_strings(par, "dist", h->n_par);
  const double *arg = vb_get_reals(par, "arg", 3 * (R_xlen_t)h->n_par);
  for (int k = 0; k < h->n_par; k++)
    vb_natural_par(in->family, &seen, k, vb_prior_find(string_at(dist, k)), arg + 3 * k,
                   h->natural + h->first_par + k, &h->n_axis);
}

static void read_term_priors(SEXP prior, double eta, int t, vb_hyper *h) {
  int n_sd = vb_term_sds(h, t), n_cor = vb_term_cors(h, t);
  double beta[VB_MAX_DIM * VB_MAX_DIM], tilt[VB_MAX_DIM * VB_MAX_DIM];
  SEXP dist = vb_get_strings(prior, "dist", n_sd);
  const double *arg = vb_get_reals(prior, "arg", 3 * (R_xlen_t)n_sd);
  vb_natural *n = h->natural + h->first[t];
  for (int a = 0; a < n_sd; a++, n++)
    vb_natural_prior(n, vb_prior_find(string_at(dist, a)), arg + 3 * a, &vb_coord_log, &h->n_axis);
  if (n_cor) h->cov[t]->shape(h->d[t], eta, beta, tilt);
  for (int i = 0; i < n_cor; i++) n[i] = vb_natural_correlation(beta[i], tilt[i], h->n_axis++);
}

static void read_hyper(SEXP spec, const vb_host *host, const vb_input *in, vb_hyper *h) {
  int n_own = in->n_term; /* terms with priors of their own: those of fields are the last */
  for (int i = 0; i < in->n_field; i++) n_own -= in->field[i].term >= 0;
  for (int i = 0; i < in->n_field; i++)
    if (in->field[i].term >= 0 && in->field[i].term < n_own)
      Rf_error("internal: terms of fields are not the last");
  SEXP sd = n_own ? vb_get_list(spec, "prior_sd", n_own) : R_NilValue;
  const double *eta = n_own ? vb_get_reals(spec, "prior_cor", n_own) : NULL;
  int *first = host->alloc(in->n_term + 1, sizeof(int));
  SEXP terms = vb_list_need(spec, "terms");
  int *at_zero = host->alloc(in->n_term + 1, sizeof(int));
  int *d_of =
      host->alloc(in->n_term + 1, sizeof(int)); /* of a field's term none: it has the field's */
  for (int t = 0; t < in->n_term; t++) d_of[t] = in->d[t];
  for (int i = 0; i < in->n_field; i++)
    if (in->field[i].term >= 0) d_of[in->field[i].term] = 0;
  for (int t = 0; t < in->n_term; t++)
    if (in->shift[t]) at_zero[t] = vb_get_int(VECTOR_ELT(terms, t), "prior_at_zero");
  h->shift = in->shift;
  h->at_zero = at_zero;
  h->n_term = in->n_term;
  h->n_par = in->n_par;
  h->d = d_of;
  h->cov = in->cov;
  h->n_level = in->n_level;
  h->n_natural = h->n_axis = 0;
  for (int t = 0; t < in->n_term; t++) {
    first[t] = h->n_natural;
    h->n_natural += vb_term_pars(h, t);
  }
  h->first = first;
  h->first_par = h->n_natural;
  h->n_natural += h->n_par;
  h->n_field = in->n_field;
  h->field = in->field;
  h->first_field = h->n_natural;
  for (int i = 0; i < in->n_field; i++) h->n_field_par += in->field[i].row->n_par;
  h->n_natural += h->n_field_par;
  h->first_shrink = h->n_natural;
  h->n_natural += vb_list_get(spec, "shrink") != R_NilValue ? 2 : 0;
  h->first_pin = h->n_natural;
  h->natural = host->alloc(h->n_natural + VB_MAX_PIN + 1, sizeof(vb_natural));
  for (int t = 0; t < n_own; t++) read_term_priors(VECTOR_ELT(sd, t), eta[t], t, h);
  read_par(vb_list_need(spec, "prior_par"), in, h);
  read_field_priors(spec, in, h);
  SEXP shrink = vb_list_get(spec, "shrink"); /* a horseshoe's global scale and slab */
  if (shrink != R_NilValue) {
    h->n_shrink = 2;
    h->local_df = vb_get_double(shrink, "df");
    h->by_sigma = vb_get_int(shrink, "by_sigma");
    SEXP dist = vb_get_strings(shrink, "dist", 2);
    const double *arg = vb_get_reals(shrink, "arg", 6);
    for (int k = 0; k < 2; k++)
      vb_natural_prior(h->natural + h->first_shrink + k, vb_prior_find(string_at(dist, k)),
                       arg + 3 * k, &vb_coord_log, &h->n_axis);
  }
  if (h->n_axis > VB_MAX_AXIS) Rf_error("internal: more than %d hyperparameters", VB_MAX_AXIS);
}

void vb_r_read(SEXP spec, const vb_host *host, vb_request *r) {
  vb_input *in = &r->input;
  SEXP x = vb_list_need(spec, "x"), prior = vb_list_need(spec, "prior_coef");
  memset(r, 0, sizeof *r);
  r->scheme = &vb_scheme_full;
  SEXP own = vb_list_get(spec, "user"), predicted = vb_list_get(spec, "predicted");
  if (own != R_NilValue) r->own = vb_r_user_family(own, host);
  if (own != R_NilValue)
    in->family = r->own.family;
  else if (predicted != R_NilValue)
    in->family = read_several(spec, predicted, host);
  else
    in->family = vb_family_find(CHAR(Rf_asChar(vb_list_need(spec, "family"))),
                                CHAR(Rf_asChar(vb_list_need(spec, "link"))),
                                CHAR(Rf_asChar(vb_list_need(spec, "bound"))));
  if (!in->family) Rf_error("internal: no such family");
  in->n_par = (int)Rf_xlength(vb_list_need(vb_list_need(spec, "prior_par"), "dist"));
  if (in->n_par > VB_MAX_PAR) Rf_error("internal: more than %d thresholds", VB_MAX_PAR);
  if (!in->family->thresholds && in->n_par != in->family->n_par)
    Rf_error("internal: the family has %d parameters", in->family->n_par);
  in->rows = read_rows(spec, in->family);
  in->n = in->rows.n;
  in->p = vb_ncols(x); /* and those in bins */
  int n_offset = in->family->several ? in->family->several->n_active : 1;
  in->offset = vb_get_reals(spec, "offset", (R_xlen_t)in->n * n_offset);
  in->constant = vb_get_double(spec, "constant");
  in->x = vb_columns(x, in->n, host);
  read_bins(spec, host, in);
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
  read_fields(spec, host, in);
  read_hyper(spec, host, in, &r->hyper);
  if (in->family->several) stack(spec, host, in);
}

void vb_r_start(const vb_model *m, vb_request *r) {
  double scale = vb_residual_scale(m, &r->hyper);
  if (r->own.family) vb_r_user_unit(r->own.family, scale);
  r->start = m->host->alloc(r->hyper.n_axis + 1, sizeof(double));
  vb_start_axes(m, &r->hyper, scale, r->own.start, r->start);
}
