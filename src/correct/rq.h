/* Residual quadrature between its files: the geometry of levels, the integrals over them, and the
 * prior sites. */
#ifndef VB_RQ_H
#define VB_RQ_H
#include "correct/correct.h"

#define VB_RQ_DIM 4 /* dimensions of a level's quadrature; beyond: no level terms */
typedef struct {    /* one level's quadrature problem */
  int n, d;
  const int *row;
  double white[VB_RQ_DIM * VB_RQ_DIM]; /* z = white t */
  double load[VB_RQ_DIM * VB_RQ_DIM];  /* Cov(z, u): d x d */
  vb_rows rows;
  double *a, *rest, *m, *room, *eta, *ll, *e, *na; /* room: for rows */
} vb_level;

/* Adaptive Gauss-Hermite over the whitened direction (Naylor & Smith 1982): nodes z and log
 * weights, placed by the mean and Cholesky factor of what they are to integrate, the standard
 * normal at first. */
#define VB_MAX_GRID 625
typedef struct vb_grid {
  int d, n;
  double z[VB_MAX_GRID][VB_RQ_DIM], log_w[VB_MAX_GRID];
  double mean[VB_RQ_DIM], chol[VB_RQ_DIM * VB_RQ_DIM];
} vb_grid;
void vb_grid_make(const vb_rules *rules, int d, vb_grid *g);
/* one dimension, for what is far wider than the standard normal or has an edge in it: the trapezoid
 * rule in t, z = sinh(t), half nodes on either side as far as reach */
void vb_grid_wide(int half, double reach, vb_grid *g);
/* log of the integral of exp(total); post: each node's share */
double vb_grid_weigh(const vb_grid *g, const double *total, double *post);
/* Are mean and variance of each coordinate under these weights within `most` of 0 and 1? */
int vb_grid_stays(const vb_grid *g, const double *post, double most);
/* where the shares lie elsewhere than at was placed for: a new placement of base in moved (which
 * may be at); 0: they do not */
int vb_grid_follow(const vb_grid *base, const vb_grid *at, const double *post, vb_grid *moved);

void vb_rq_beta_covariance(const vb_model *model, const vb_solution *s, double *out);
/* Cov(beta, eta_i) of all rows, p each, with levels or without */
void vb_beta_covariance(const vb_model *model, const vb_inner *in, double *out);
/* Cov(u, eta_i) of the coefficients of every cell's levels, term by term */
void vb_rq_own_covariance(const vb_model *model, const vb_solution *s, double *out);
/* direction of the level's own predictor: whitening of Cov(t), its covariance with u and with every
 * eta_i */
void vb_rq_direction(const vb_model *model, const vb_inner *in, int term, int l, vb_rq *rq,
                     vb_level *level);

/* E log f(eta) given the level's z in all its cells, whose means it shifts: into level->e */
void vb_rq_conditional(const vb_model *model, const double *par, vb_rq *rq, const vb_level *level,
                       const double *shift);

/* ---- The same over a grid: rq_table.c ---- */
enum { VB_RQ_TABLE = 128, VB_RQ_TABLE_ROWS = 2048 };
typedef struct vb_rq_table {
  int points, stride;            /* of the interpolant; rows, padded */
  double *value, *coef, *widest; /* points x rows; rows: in the end 2 over the widest shift */
} vb_rq_table;
void vb_rq_table_alloc(const vb_model *model, vb_rq *rq);
/* how far the level's z moves its cells' means */
void vb_rq_shift(const vb_level *level, const double *z, double *shift);
/* rq->line, for all nodes of the grid; 0: it would not pay, or not do.  shift: scratch */
int vb_rq_table_make(const vb_model *model, const double *par, vb_rq *rq, const vb_level *level,
                     const vb_grid *grid, double *shift);
void vb_rq_table_at(const vb_rq_table *table, int n, const double *shift, double *out);
/* of a table of one row, at n shifts */
void vb_rq_table_along(const vb_rq_table *table, int n, const double *shift, double *out);
/* total of the remainders' series at every node */
void vb_rq_series(const vb_rq *rq, const vb_level *level, const vb_grid *grid, double *shift,
                  double *total);
void vb_rq_add_exp(int n, double log_w, const double *x, double *sum); /* sum += exp(log_w + x) */

/* ---- Prior sites: site.c ---- */
/* sum over prior sites of log E exp(r - E r) */
double vb_site_remainder(const vb_model *model, const vb_inner *in, const double *beta, vb_rq *rq);
typedef struct { /* of the reported coefficients: V, mean shift, third cumulants */
  double *v, *shift, *skew;
} vb_site_moments;
/* What these do to the reported coefficients' moments, in out.  tilted: V is by linear response,
 * which has some of it already. */
void vb_site_respond(const vb_model *model, const double *s_beta, const double *beta, int tilted,
                     vb_rq *rq, vb_site_moments *out);

/* ---- Several predictors: rq_several.c ---- */
/* what a row of them costs at one node, in likelihoods of one predictor: about ten nodes of a rule,
 * of densities that are dearer */
#define VB_RQ_SEVERAL 50.0
/* the sum over observations of log E exp(r - E r), each alone */
double vb_rq_observations(const vb_model *model, const vb_rq_at *at, vb_rq *rq);

/* ---- Third derivatives: third.c, third_several.c ---- */
typedef struct { /* E f''' of cells, and Cov(beta, eta), p each */
  int n;
  double *third, *load;
} vb_cubes;
/* at most that much of log f is of third order: the sum of E (E f''' e^3 / 6)^2, cubes of an
 * observation taken as if they went together */
double vb_third_size_several(const vb_model *model, const double *par, const vb_inner *in);
/* observations of several predictors as cells of one; 0: they cannot matter by as much as least */
int vb_third_several(const vb_model *model, const vb_theta *theta, double least, vb_inner *in,
                     vb_cubes *out);

/* ---- Opaque families: stein_table.c ---- */
/* rq.c's series_coefficients and vb_rq_conditional() */
typedef struct vb_stein_table vb_stein_table;
vb_stein_table *vb_stein_table_make(const vb_model *model);
void vb_stein_series(const vb_model *model, const double *par, const vb_inner *in,
                     vb_stein_table *table, double *coef);
void vb_stein_conditional(const vb_model *model, const double *par, vb_stein_table *table,
                          const vb_level *level, const double *shift);
#endif
