/* varbayes: a sparse Cholesky factor kept as supernodes, and what is done with it.
 *
 * A supernode is a run of columns of L that share their rows below the diagonal, stored as one
 * dense column-major block: a triangle on top, the shared rows under it.  Work on it is dense
 * algebra (Davis 2006, Direct Methods for Sparse Linear Systems, chapter 4).  Where the blocks come
 * from, and who owns them, is of no concern here: r_sparse.c points at the pattern that
 * CHOLMOD found.
 *
 * Everything is in the order of the factor; the permutation is the caller's. */
#ifndef VB_SUPERNODE_H
#define VB_SUPERNODE_H
#include "numbers/numbers.h"

typedef struct {
  int n, count;     /* columns; supernodes */
  const int *first; /* count + 1: first column of each */
  const int *start; /* count + 1: where its rows begin in row */
  const int *row;   /* ascending, its own columns first */
  const int *block; /* count + 1: where its block begins in x */
  const int *owner; /* n: the supernode a column belongs to */
  const double *x;  /* the blocks of L; above the triangles unused */
} vb_supernodes;

/* One supernode, taken apart. */
typedef struct {
  int first, width, below, ld; /* ld = width + below, the rows of the block */
  const int *row;              /* the rows below the triangle */
  size_t block;
} vb_supernode;
vb_supernode vb_supernode_at(const vb_supernodes *s, int k);

/* The rows of v below its triangle from .. to - 1 are columns of one later supernode; every row of
 * v from `from` on is one of that supernode's, index[i] in its block, which begins at `block`. */
typedef struct {
  int to;
  size_t block, ld;
} vb_stretch;
vb_stretch vb_supernode_stretch(const vb_supernodes *s, const vb_supernode *v, int from,
                                int *index);

/* supernode_factor.c: x, the lower triangle of a matrix laid out in blocks, becomes L; index: n,
 * work as takahashi.c's */
vb_status vb_supernode_factor(const vb_supernodes *s, double *x, int *index, double *work);

double vb_supernode_log_det(const vb_supernodes *s); /* log |L L'| */
/* b <- L^-1 b and b <- L^-T b for m columns; work holds m times the largest `below` */
void vb_supernode_half(const vb_supernodes *s, int m, double *b, int ldb, double *work);
void vb_supernode_half_t(const vb_supernodes *s, int m, double *b, int ldb, double *work);

/* takahashi.c: z, laid out as x, <- (L L')^-1 on the pattern of L, lower triangle */
size_t vb_takahashi_work(const vb_supernodes *s);                               /* doubles */
void vb_takahashi(const vb_supernodes *s, double *z, int *index, double *work); /* index: n */
#endif
