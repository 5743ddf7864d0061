/* Leave-one-out by cavities: the posterior that is left at a node when the sites of some rows, a
 * unit, are taken away, and the density that it gives to their responses. */
#ifndef VB_CAVITY_H
#define VB_CAVITY_H
#include "posterior/posterior.h"

typedef struct { /* unit j has the rows row[start[j]] ... row[start[j + 1] - 1], no row twice */
  int n;
  const int *start, *row;
  const int *cell; /* of each row */
  vb_rows rows;    /* all there are, each as a cell of its own */
  int by_row;      /* its rows are left out one by one */
} vb_units_out;

/* One unit at one node.  Under q its linear predictors are N(eta, F F'), the columns of F such that
 * F' H F is diagonal; g and h are the rows' sites. */
typedef struct {
  int n, k; /* rows, columns */
  vb_rows rows;
  const double *eta, *g, *h;
  const double *f, *lambda; /* n x k; F' H F, ascending */
  const double *v;          /* variances of eta */
} vb_unit;
typedef struct {
  const vb_family *family; /* the exact one where the fit's has a bound */
  const vb_rules *rules;
  double *room, *eta, *var, *sum, *ll, *centre, *total, *other; /* room: for rows */
  double *each; /* rows x points; NULL: rows are not left out one by one */
} vb_cavity_work;
/* each_of: rows of the largest unit whose rows are left out one by one, or 0 */
void vb_cavity_alloc(const vb_host *host, const vb_model *model, int each_of, vb_cavity_work *work);
/* log density of the unit's responses under its cavity and under q, without what is free of eta;
 * gamma: k, scratch */
void vb_cavity_unit(const vb_cavity_work *work, const vb_unit *unit, const double *par,
                    double *gamma, double *log_cavity, double *log_q);
/* the same of each of its rows, given the unit's others and given all */
void vb_cavity_rows(const vb_cavity_work *work, const vb_unit *unit, const double *par,
                    double *gamma, double *log_cavity, double *log_q);

/* The other rows of one that is left out (cavity_others.c) */
typedef struct { /* a node's Gaussian and the precisions of the cells that made it */
  vb_inner *in;  /* its solver has scratch */
  const vb_theta *theta;
  const double *h;
} vb_at_node;
typedef struct {
  const vb_model *m;
  const vb_units_out *units;
  int *rows;                          /* of each level, at its first coefficient */
  int *share;                         /* rows of each cell */
  int k, *is_own;                     /* coefficients of a row's levels; terms */
  double *own, *z;                    /* k x k, k: of levels without other rows */
  double *solved;                     /* n_coef */
  double *cov, *eta, *v, *ll, *g, *h; /* per cell */
} vb_others;
void vb_others_alloc(const vb_model *model, const vb_units_out *units, vb_others *others);
/* By how much log p(row i of the unit | rest) would change, roughly, if the factors of the rows
 * outside the unit followed the rest; 0 where it hardly moves. */
vb_status vb_cavity_change(const vb_others *others, const vb_at_node *node, const vb_family *family,
                           const vb_unit *unit, const int *row, int i, double *change);
double vb_design_row_dot(const vb_model *model, int cell, const double *from);
void vb_design_row_put(const vb_model *model, int cell, double *to); /* the others zero */

/* Rows that hold a pinned combination (cavity_pins.c) */
typedef struct {
  int *by;         /* of what is left out: the pin that it holds, from 1; 0: none */
  double *s_a, *t; /* of each pin, at a node: S a; where it is about */
  double *own;     /* per cell */
} vb_held;
typedef struct { /* a predictor under q and its site */
  double *eta, *v, *g, *h;
} vb_predicted;
void vb_held_alloc(const vb_model *model, int n, vb_held *held);
vb_status vb_held_enter(const vb_model *model, const vb_theta *theta, vb_inner *in, vb_held *held);
void vb_held_find(const vb_model *model, const vb_units_out *units, const double *h,
                  const int *share, vb_held *held);
void vb_held_release(const vb_model *model, const vb_held *held, const double *mean, int pin,
                     int cell, vb_predicted *at);

/* By unit or, where rows are left out one by one, by row in the order of the units: log density
 * given the other rows, and given all; largest lambda, averaged over nodes; how many nodes' worth
 * of weight the reweighting to the other rows leaves, over that before. */
typedef struct {
  double *log_out, *log_in, *lambda, *share;
  double
      *change;  /* of rows that are left out one by one: vb_cavity_change() at the heaviest node */
  double *node; /* units x nodes, or NULL: log density given the other rows at each */
} vb_cavity_result;
/* Along pins the nodes with weight are close to each other; the others are no help there. */
static inline int vb_node_counts(const vb_posterior *post, int s) {
  return post->weight[s] != 0 || !post->model->n_pin;
}
vb_status vb_cavity(const vb_posterior *post, const vb_units_out *units, vb_cavity_result *out);
/* log_out and share of n units over the points of theta instead of its nodes; node as in
 * vb_cavity_result (cavity_points.c) */
vb_status vb_over_points(const vb_posterior *post, int n, const double *node, double *log_out,
                         double *share);
/* log of the integral of f over eta of these moments, without what is free of eta (log_score.c) */
double vb_log_score(const vb_family *family, const vb_rows *row, double m, double v, double skew,
                    const double *par);
#endif
