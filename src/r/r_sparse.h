/* varbayes: the sparse row of the core solvers, CHOLMOD through the package Matrix.
 *
 * C functions of Matrix are looked up on first use, so its namespace is loaded before.
 *
 * CHOLMOD's memory is not R's, so the whole fit runs inside one R_UnwindProtect whose cleanup calls
 * vb_sparse_free().  The cleanup runs after R has given up all that was R_alloc'ed or put on the C
 * stack inside, so the vb_core handed to it must have been made outside, zeroed. */
#ifndef VB_R_SPARSE_H
#define VB_R_SPARSE_H
#include "design/design.h"

extern const vb_core_solver vb_solver_sparse;
extern const vb_sparse vb_sparse_row; /* the three functions below, as vb_layout takes them */

/* Orders the pattern of core (q >= 1, col_start, row_index) to keep the factor small, and makes
 * core->solver the sparse row.  Says how many operations a factorisation will take and how many
 * non-zeros L will have, so that the caller may prefer the dense row after all: then it calls
 * vb_sparse_free() first.  No values are read. */
vb_status vb_sparse_analyse(vb_core *core, const vb_host *host, double *flops, double *lnz);

/* Tables and scratch for the factorisations to come, once the sparse row it is: now, because they
 * are to live as long as the model does. */
void vb_sparse_prepare(vb_core *core);

/* Gives CHOLMOD's memory back; does nothing when there is none, or when it was done before. */
void vb_sparse_free(vb_core *core);
#endif
