/* The sparse row of the core solvers: CHOLMOD orders the matrix and finds its supernodes (Chen,
 * Davis, Hager & Rajamanickam 2008). supernode_factor.c, supernode.c and takahashi.c do the rest:
 * with the reference BLAS CHOLMOD's own factorisation takes several times as long. */
#define R_NO_REMAP
#include <string.h>
#include <R.h>
#include <Rinternals.h>
#define error Rf_error /* the stubs of Matrix < 1.6 use the bare names */
#define warning Rf_warning
#include "Matrix.h"
#include "Matrix_stubs.c"
#undef error
#undef warning
#include "numbers/supernode.h"
#include "r/r.h"
#include "r/r_sparse.h"

enum { COLUMNS = 16 }; /* right-hand sides taken at a time */

typedef struct {
  cholmod_common common;
  int started;
  cholmod_factor *l;
  const vb_host *host;
  vb_supernodes s;
  const int *perm;    /* row i of L is coefficient perm[i] */
  int *owner, *index; /* index: scratch of supernode_factor.c and takahashi.c */
  int *where;         /* for each entry of val: its place in x and z */
  double *x, *z, *work, *rhs;
} sparse;

static void start(sparse *f) {
  cholmod_common *c = &f->common;
  M_R_cholmod_start(c);
  f->started = 1;
  c->error_handler = NULL; /* the one of Matrix would jump over us */
  c->print = 0;
  c->supernodal = CHOLMOD_SUPERNODAL;
  c->final_asis = 1;
  c->quick_return_if_not_posdef = 1;
  c->nmethods = 1; /* AMD, whether or not this Matrix also has METIS */
  c->method[0].ordering = CHOLMOD_AMD;
  c->postorder = 1;
  /* The stubs look a function up on first use, which allocates; the cleanup must not. */
  cholmod_factor *none = NULL;
  M_cholmod_free_factor(&none, c);
}

/* the core's pattern again: CHOLMOD's inputs are not const */
static cholmod_sparse pattern_of(const vb_core *core, const vb_host *host) {
  size_t q = (size_t)core->q, n = (size_t)core->col_start[core->q];
  int *col = host->alloc(q + 1, sizeof(int)), *row = host->alloc(n + 1, sizeof(int));
  memcpy(col, core->col_start, (q + 1) * sizeof(int));
  memcpy(row, core->row_index, n * sizeof(int));
  cholmod_sparse a = {.nrow = q, .ncol = q, .nzmax = n, .p = col, .i = row};
  a.stype = -1; /* the lower triangle of a symmetric matrix */
  a.itype = CHOLMOD_INT;
  a.dtype = CHOLMOD_DOUBLE;
  a.xtype = CHOLMOD_PATTERN;
  a.sorted = a.packed = 1;
  return a;
}

vb_status vb_sparse_analyse(vb_core *core, const vb_host *host, double *flops, double *lnz) {
  sparse *f = host->alloc(1, sizeof(sparse));
  f->host = host;
  vb_r_call("load_sparse", NULL); /* Matrix takes a second: not before it is needed */
  core->factor = f;               /* from here on vb_sparse_free() finds it */
  core->solver = &vb_solver_sparse;
  start(f);
  cholmod_sparse a = pattern_of(core, host);
  f->l = M_cholmod_analyze(&a, &f->common);
  if (!f->l || f->common.status != CHOLMOD_OK || !f->l->is_super || f->l->itype != CHOLMOD_INT)
    return VB_NOT_POS_DEF;
  *flops = f->common.fl;
  *lnz = f->common.lnz;
  f->perm = f->l->Perm;
  f->s.n = core->q;
  f->s.count = (int)f->l->nsuper;
  f->s.first = f->l->super;
  f->s.start = f->l->pi;
  f->s.row = f->l->s;
  f->s.block = f->l->px;
  return VB_OK;
}

/* Where entry (i, j) of L, i >= j, lies in the blocks: its row is found by bisection. */
static int place(const vb_supernodes *s, int i, int j) {
  int k = s->owner[j], low = s->start[k], high = s->start[k + 1] - 1;
  while (low < high) {
    int middle = low + (high - low) / 2;
    if (s->row[middle] < i)
      low = middle + 1;
    else
      high = middle;
  }
  return s->block[k] + (j - s->first[k]) * (s->start[k + 1] - s->start[k]) + low - s->start[k];
}

void vb_sparse_prepare(vb_core *core) {
  sparse *f = core->factor;
  int q = core->q;
  vb_supernodes *s = &f->s;
  f->owner = f->host->alloc((size_t)q, sizeof(int));
  for (int k = 0; k < s->count; k++)
    for (int j = s->first[k]; j < s->first[k + 1]; j++) f->owner[j] = k;
  s->owner = f->owner;
  f->index = f->host->alloc((size_t)q, sizeof(int));
  int *position = f->index; /* the inverse of perm, while we need it */
  for (int i = 0; i < q; i++) position[f->perm[i]] = i;
  f->where = f->host->alloc((size_t)core->col_start[q], sizeof(int));
  for (int j = 0; j < q; j++)
    for (int p = core->col_start[j]; p < core->col_start[j + 1]; p++) {
      int a = position[core->row_index[p]], b = position[j];
      f->where[p] = a > b ? place(s, a, b) : place(s, b, a);
    }
  size_t work = vb_takahashi_work(s), solve = f->l->maxesize * COLUMNS;
  f->work = f->host->alloc(work > solve ? work : solve, sizeof(double));
  f->rhs = f->host->alloc((size_t)q * COLUMNS, sizeof(double));
  f->z = f->host->alloc(f->l->xsize, sizeof(double));
  f->s.x = f->x = f->host->alloc(f->l->xsize, sizeof(double));
}

static double sparse_log_det(const vb_core *core) {
  const sparse *f = core->factor;
  return vb_supernode_log_det(&f->s);
}

static vb_status sparse_factor(vb_core *core) {
  sparse *f = core->factor;
  memset(f->x, 0, f->l->xsize * sizeof(double));
  for (int p = 0; p < core->col_start[core->q]; p++) f->x[f->where[p]] = core->val[p];
  vb_status st = vb_supernode_factor(&f->s, f->x, f->index, f->work);
  if (st != VB_OK) return st;
  return R_FINITE(sparse_log_det(core)) ? VB_OK : VB_NOT_POS_DEF;
}

static void sparse_solve(const vb_core *core, int m, double *b, int ldb) {
  sparse *f = core->factor;
  int q = core->q;
  for (int from = 0; from < m; from += COLUMNS) {
    int some = m - from < COLUMNS ? m - from : COLUMNS;
    for (int c = 0; c < some; c++) {
      const double *bc = b + (size_t)(from + c) * ldb;
      double *r = f->rhs + (size_t)c * q;
      for (int i = 0; i < q; i++) r[i] = bc[f->perm[i]];
    }
    vb_supernode_half(&f->s, some, f->rhs, q, f->work);
    vb_supernode_half_t(&f->s, some, f->rhs, q, f->work);
    for (int c = 0; c < some; c++) {
      double *bc = b + (size_t)(from + c) * ldb;
      const double *r = f->rhs + (size_t)c * q;
      for (int i = 0; i < q; i++) bc[f->perm[i]] = r[i];
    }
  }
}

static void sparse_half_t(const vb_core *core, double *z) {
  sparse *f = core->factor;
  memcpy(f->rhs, z, (size_t)core->q * sizeof(double));
  vb_supernode_half_t(&f->s, 1, f->rhs, core->q, f->work);
  for (int i = 0; i < core->q; i++) z[f->perm[i]] = f->rhs[i];
}

static vb_status sparse_inverse(vb_core *core) {
  sparse *f = core->factor;
  vb_takahashi(&f->s, f->z, f->index, f->work);
  for (int p = 0; p < core->col_start[core->q]; p++) core->inv[p] = f->z[f->where[p]];
  return VB_OK;
}

void vb_sparse_free(vb_core *core) {
  sparse *f = core->solver == &vb_solver_sparse ? core->factor : NULL;
  if (!f) return;
  core->factor = NULL;
  if (f->l) M_cholmod_free_factor(&f->l, &f->common);
  if (f->started) M_cholmod_finish(&f->common);
  f->started = 0; /* a copy of core may come here again */
}

const vb_core_solver vb_solver_sparse = {"sparse",     sparse_factor, sparse_log_det,
                                         sparse_solve, sparse_half_t, sparse_inverse};
const vb_sparse vb_sparse_row = {vb_sparse_analyse, vb_sparse_prepare, vb_sparse_free};
