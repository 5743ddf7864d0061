/* What the glue hands to model.c: the user's rows, still in R's layout. */
#ifndef VB_MODEL_H
#define VB_MODEL_H
#include "engine.h"

typedef struct {
  const vb_family *family;
  vb_coupling coupling;
  int n_par;                                 /* of the family, thresholds counted */
  int n, p, n_term, intercept;               /* intercept: column from 0, -1 none */
  const double *y, *w, *offset, *x, *center; /* x n x p column-major, uncentred */
  double constant;
  const int **group; /* per term, n, from 1 */
  const int *n_level, *d;
  const double **z;        /* per term, n x d column-major */
  const vb_prior **prior;  /* per coefficient */
  const double *prior_arg; /* 3 x p */
} vb_input;

/* cell[i]: the cell of row i, from 0 */
vb_status vb_model_build(const vb_host *host, const vb_input *in, int cores, vb_model *model,
                         int *cell);
/* rows with equal design become one cell: first[c] is its first row; returns the number of cells */
int vb_collapse(const vb_host *host, const vb_input *in, int *cell, int *first);
void vb_fronts(const vb_host *host, vb_model *model);
/* sparse pattern of the core, after fronts; 0 where an int cannot count it: the core stays dense */
int vb_core_pattern(const vb_host *host, vb_model *model);
void vb_core_pairs(const vb_host *host,
                   vb_model *model); /* positions of front pairs in that pattern */
#endif
