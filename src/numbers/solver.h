/* The table of solvers for the middle of the arrow: solver_dense.c here, and CHOLMOD in the glue
 * (r/r_sparse.c), which hands its row in. */
#ifndef VB_SOLVER_H
#define VB_SOLVER_H
#include "numbers/numbers.h"

/* ---- Core solvers: solver_dense.c, r_sparse.c ---- */
/* The middle of the arrow: the symmetric
 * positive definite matrix of all coefficients that are neither leaf nor fixed effects.  Its values
 * live in val; the sparse row keeps the lower triangle of a fixed pattern in compressed columns
 * (rows ascending, diagonal first), the dense row all of q x q, column-major, with only the lower
 * triangle used.  inverse() fills inv, on the same positions, with the entries of the inverse. */
typedef struct vb_core vb_core;
typedef struct vb_core_held vb_core_held;
typedef struct {
  const char *name;
  vb_status (*factor)(vb_core *core); /* of val */
  double (*log_det)(const vb_core *core);
  void (*solve)(const vb_core *core, int m, double *b, int ldb); /* b <- B^-1 b */
  void (*half_t)(const vb_core *core, double *z); /* z <- M z with M M' = B^-1: sampling */
  vb_status (*inverse)(vb_core *core);
} vb_core_solver;
struct vb_core {
  const vb_core_solver *solver;
  int q;
  double *val, *inv;
  const int *col_start, *row_index; /* sparse pattern of the lower triangle; NULL when dense */
  double flops;                     /* of one factorisation, where it is sparse */
  void *factor;                     /* the solver's own */
  vb_core_held *held;               /* NULL, or what solver_held.c keeps */
};
struct vb_core_held {           /* combinations of coefficients that are zero: solver_held.c */
  const vb_core_solver *solver; /* without them */
  int n;
  const double *a;              /* q x n, orthonormal */
  double *solved, *chol, *work; /* B^-1 a; of a'B^-1 a */
  double lost;                  /* of the square of the last normals, what was projected away */
};
/* the core, whose solver is chosen, given that n combinations a (q x n, orthonormal) are zero */
void vb_core_hold(const vb_host *host, int n, const double *a, vb_core *core);
extern const vb_core_solver vb_solver_dense;
typedef struct { /* the sparse solver, which the glue has: CHOLMOD is not in the core */
  vb_status (*analyse)(vb_core *core, const vb_host *host, double *flops, double *lnz);
  void (*prepare)(vb_core *core);
  void (*release)(vb_core *core);
} vb_sparse;
enum { VB_SOLVER_AUTO, VB_SOLVER_DENSE, VB_SOLVER_SPARSE }; /* what can be asked for */
#endif
