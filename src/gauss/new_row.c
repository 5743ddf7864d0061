/* A row that need not be among the model's: what its linear predictor's variance takes whatever is
 * coupled. */
#include "gauss/new_row.h"
#include "gauss/scheme.h"

void vb_new_row_alloc(const vb_model *m, vb_new_row *r) {
  const vb_host *h = m->host;
  r->index = h->alloc(m->q + 1, sizeof(int));
  r->value = h->alloc(m->q + 1, sizeof(double));
  r->cov = h->alloc(m->q + 1, sizeof(double));
  r->dense = h->alloc(2 * (size_t)m->q + 1, sizeof(double));
  r->cov_level = h->alloc((size_t)m->n_term * VB_MAX_DIM + 1, sizeof(double));
  double **beta[] = {&r->x, &r->cov_beta, &r->cov_report};
  for (int k = 0; k < 3; k++) *beta[k] = h->alloc(m->p + 1, sizeof(double));
}

int vb_has_new_level(const vb_model *m, const vb_new_rows *rows, int i) {
  for (int k = 0; k < m->n_term; k++)
    if (rows->group[k][i] == 0) return 1;
  for (int k = 0; k < rows->n_unseen; k++) {
    const vb_unseen *u = rows->unseen + k;
    for (int j = 0; j < u->n_member; j++)
      if (u->level[i + (size_t)j * rows->n]) return 1;
  }
  return 0;
}

/* no other level has these columns, so that the rows of unseen ones have them to themselves */
static void columns_of(const vb_new_rows *rows, const vb_unseen *u, int c, int s) {
  const double *mean = u->mean + (size_t)u->n * (c + (size_t)u->n_column * s) - 1;
  const int *column = u->column + (size_t)u->n * c - 1;
  for (int i = 0; i < rows->n; i++) {
    int level = u->level[i]; /* of rows that have one member each */
    if (level && column[level])
      rows->at_node[i + (size_t)(column[level] - 1) * rows->n] = u->weight[i] * mean[level];
  }
}

void vb_unseen_columns(const vb_new_rows *rows, int s) {
  for (int k = 0; k < rows->n_unseen; k++)
    for (int c = 0; c < rows->unseen[k].n_column; c++) columns_of(rows, rows->unseen + k, c, s);
}

double vb_unseen_variance(const vb_new_rows *rows, int i, int s) {
  double v = 0;
  for (int k = 0; k < rows->n_unseen; k++) {
    const vb_unseen *u = rows->unseen + k;
    for (int j = 0; j < u->n_member; j++) {
      size_t at = i + (size_t)j * rows->n;
      if (u->level[at])
        v += u->weight[at] * u->weight[at] * u->var[u->level[at] - 1 + (size_t)u->n * s];
    }
  }
  return v;
}

/* z' Sigma z: a level that was not in the data */
double vb_new_level(const vb_theta *theta, int term, int d, const double *z) {
  const double *sigma = theta->sigma + (size_t)term * VB_MAX_DIM * VB_MAX_DIM;
  double v = 0;
  for (int a = 0; a < d; a++)
    for (int b = 0; b < d; b++) v += z[a] * sigma[a + b * d] * z[b];
  return v;
}

/* x' S_bb x, and S_bb x as the covariance of eta with beta */
double vb_beta_quadratic(const vb_model *m, const vb_solution *s, vb_new_row *r) {
  int p = m->p;
  double v = 0;
  for (int k = 0; k < p; k++) {
    r->cov_beta[k] = 0;
    for (int l = 0; l < p; l++) r->cov_beta[k] += s->s_beta[k + (size_t)l * p] * r->x[l];
    v += r->x[k] * r->cov_beta[k];
  }
  return v;
}

double vb_new_row_variance(const vb_model *m, const vb_theta *theta, const vb_solution *s,
                           const vb_new_rows *rows, int i, const double *ratio, vb_new_row *r) {
  for (int k = 0; k < m->p; k++) r->x[k] = vb_centred_x(m, rows, i, k);
  return m->scheme->new_row(m, theta, s, rows, i, ratio, r);
}
