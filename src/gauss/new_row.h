/* Rows that need not be among the model's: their linear predictors under q. */
#ifndef VB_NEW_ROW_H
#define VB_NEW_ROW_H
#include "gauss/gauss.h"

/* Levels of a field that were not in the data, at each node given those that were: some of x's
 * coefficients times numbers that depend on theta, and what is their own. */
typedef struct {
  int n, n_member, n_column;
  const int *level;     /* rows x members, from 1; 0: one that was in the data */
  const double *weight; /* of these */
  const int *column;    /* n x columns: of x, from 1; 0: none */
  const double *mean;   /* n x columns x nodes */
  const double *var;    /* n x nodes; members of a row are independent of each other */
} vb_unseen;

typedef struct { /* rows to predict: x uncentred column-major; group per term, 0: a new
                    level, negative: term left out; z column-major */
  int n;
  const double *x, *offset;
  const int **group;
  const double **z;
  int n_unseen;
  const vb_unseen *unseen;
  double *at_node; /* x, if unseen levels have columns of it; else NULL */
} vb_new_rows;
/* Is any level of row i, a random term's or a field's, one that was not in the data? */
int vb_has_new_level(const vb_model *model, const vb_new_rows *rows, int i);
/* at node s: what unseen levels have of the columns of x, put there; what is their own in row i */
void vb_unseen_columns(const vb_new_rows *rows, int s);
double vb_unseen_variance(const vb_new_rows *rows, int i, int s);

/* column k of row i, centred: of an observation of several predictors a row has one of them, whose
 * intercept's column is not zero */
static inline double vb_centred_x(const vb_model *m, const vb_new_rows *rows, int i, int k) {
  double here = m->into[k] < 0 ? 1 : rows->x[i + (size_t)m->into[k] * rows->n];
  return rows->x[i + (size_t)k * rows->n] - m->center[k] * here;
}

typedef struct {                 /* what is found of one row; its memory serves all */
  double *x;                     /* beta's part of the row, changed by elimination */
  double *cov_beta, *cov_report; /* Cov(eta, beta), centred and as reported */
  double *cov_level;             /* per term, VB_MAX_DIM each: Cov(eta, u) of the row's level */
  int n, *index;                 /* the arrow's core coefficients that it meets */
  double *value, *cov;           /* of these: the reduced row c, and B^-1 c */
  double *dense;                 /* 2 q: zero between rows; scratch */
} vb_new_row;
void vb_new_row_alloc(const vb_model *model, vb_new_row *r);
/* variance of eta of row i, and Cov(eta, beta) in r; the random effects' sds are ratio times those
 * of S.  After the scheme's row_inverse(). */
double vb_new_row_variance(const vb_model *model, const vb_theta *theta, const vb_solution *s,
                           const vb_new_rows *rows, int i, const double *ratio, vb_new_row *r);
/* parts that schemes share: z' Sigma z, of a level that was not in the data; x' S_bb x, which
 * leaves S_bb x in cov_beta */
double vb_new_level(const vb_theta *theta, int term, int d, const double *z);
double vb_beta_quadratic(const vb_model *model, const vb_solution *s, vb_new_row *r);
#endif
