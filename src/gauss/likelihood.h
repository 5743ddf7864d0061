/* The log likelihood at many points at once, and the log prior of coefficients (likelihood.c). */
#ifndef VB_LIKELIHOOD_H
#define VB_LIKELIHOOD_H
#include "gauss/gauss.h"

typedef struct { /* all cells of a model, or a sample of them */
  double scale;  /* of their sum: all units over those sampled */
  vb_rows rows;
  const double *offset, *x;
  const int **group; /* per term */
  const double **z;
  vb_rows base; /* base is summed over these, each as often as count says */
  const double *base_count;
} vb_cells;
typedef struct {
  const vb_model *model;
  const vb_hyper *hyper;
  vb_cells all, some;
  const vb_cells *at;    /* what the sums run over */
  int points, rows;      /* of one block */
  double *eta, *d1, *ll; /* rows x points, twice; 3 x rows */
  double *x;             /* rows x p, of models that do not store all of x */
  double *rows3, *eta3;  /* opaque families: room for 3 x rows of responses, and predictors */
  int by;                /* samples are of cells, or (1, 2...) of the levels of a term */
  int *order, cap_some;  /* a permutation of them; room in pick and own */
  int *pick;             /* the cells of some */
  double *own, **own_z;  /* of some: its columns */
  int **own_group;
  const double **some_z; /* the same columns, as some has them */
  const int **some_group;
} vb_likelihood;
void vb_likelihood_make(const vb_model *model, const vb_hyper *hyper, int points, vb_likelihood *l);
typedef struct { /* n points at which a likelihood is wanted, and where it goes */
  int n;
  const double *c; /* n_coef x n */
  const vb_theta *theta;
  double *value;
  double *g, *d_par; /* n_coef x n, VB_MAX_PAR x n: the gradient is added to; g NULL: it is not */
} vb_points;
/* log p(y | c, theta) without the model's constant */
void vb_likelihood_eval(vb_likelihood *l, const vb_points *points);
/* from here on `size` of the cells, which the uniforms choose; 0: all */
void vb_likelihood_subsample(vb_likelihood *l, int size, const double *uniform);

/* log p(c | theta) but for mixtures of normals, whose arguments are in theta; its gradient in c is
 * added to g, where not NULL; work has room for c */
double vb_log_prior_coef(const vb_model *model, const vb_theta *theta, const double *c,
                         double *work, double *g);
#endif
