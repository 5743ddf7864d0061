/* Cross-products and variances of rows of which some columns are in bins (design.h). */
#ifndef VB_BINNED_H
#define VB_BINNED_H
#include "design/design.h"

/* Columns that are stored, and those of bins with few of them, are gathered for a strip of rows;
 * what a gathered column sums to in each node of some bins is a table, and so is what pairs of
 * nodes sum to for bins of too many columns, which are not gathered. */
typedef struct {
  int n_gathered;
  int *order;      /* of bins: those that are gathered first */
  int *column;     /* of x, of each gathered one */
  double *x;       /* a strip of them; elsewhere room for as many rows of x */
  double **table;  /* per bins: n_node x its width */
  double **pair;   /* per pair of bins a <= b, at a + b (b + 1) / 2: n_node x n_node, or NULL */
  double *product; /* room for one */
  double *stored;  /* of S: n_dense x n_dense */
} vb_binned;
void vb_binned_alloc(const vb_model *m, vb_binned *w);
/* c (p x p, lower) <- X' diag(h) X */
void vb_binned_gram(const vb_model *m, const double *h, vb_binned *w, double *c);
/* tables of s (p x p, symmetric), and by these v <- v + diag(X S X'), but for the stored columns'
 * own share, of n <= VB_STRIP rows */
void vb_binned_prepare(const vb_model *m, const double *s, vb_binned *w);
void vb_binned_variance(const vb_model *m, int from, int n, vb_binned *w, double *v);
#endif
