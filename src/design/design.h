/* design: what stays fixed during a fit.
 *
 * From the rows as R has them (vb_input) to the model that the engine works on: cells in leaf
 * order, terms, fronts, the pattern of the core. */
#ifndef VB_DESIGN_H
#define VB_DESIGN_H
#include "numbers/solver.h"
#include "rows/rows.h"
#include "rows/several.h"

/* ---- Model: everything that stays fixed during a fit (model.c, cells.c) ---- */
/* Coefficients c are ordered beta (p, centred columns), then term
 * by term, level by level.  The term with most levels is the leaf: cells are sorted by it and its d
 * x d blocks are eliminated level by level.  The other terms are the core ("others", q
 * coefficients).  A level's front lists the core coefficients that occur in its cells; fronts are
 * ascending. */
typedef struct {
  int d, n_level;
  const int *group;           /* per cell, from 0 */
  const double *z;            /* n x d, row-major */
  int first;                  /* of its coefficients in c */
  int core;                   /* of its coefficients in the core; -1: they are not in it */
  const int *row_start, *row; /* cells of each level, for residual quadrature */
  size_t block, edge;         /* of its levels' d x d and d x p blocks, in arrays of all terms */
  int is_field;               /* its levels are a field's coefficients */
} vb_term;

typedef struct { /* a prior on one coefficient that is not normal: one more site */
  int k;         /* of beta */
  const vb_prior *prior;
  const double *arg;
} vb_site;

/* A combination of beta whose posterior is no Gaussian: given where it is about, t, the others are.
 * t is a hyperparameter with t | beta ~ N(a' beta - origin, 1 / precision), which leaves the
 * posterior of all else as it was (mathematics.Rmd, section 16). */
#define VB_MAX_PIN 6
typedef struct {
  const double *a; /* p, of the centred columns */
  double origin, precision;
} vb_pin;

/* Coefficients whose joint prior has hyperparameters: a smooth, a process, a map.  Few of them are
 * columns of x, with a precision Q that has all n x n entries; many are the levels of a term of the
 * core, and Q is sparse: the lower triangle in compressed columns, rows ascending. */
typedef struct {
  int first, n; /* columns of x */
  int term;     /* or -1; of the model's terms, whose levels they are */
  const vb_precision *row;
  const int *col, *other; /* of a sparse Q: where columns start, and rows */
  int n_held;             /* combinations of them that are zero, */
  const double *held;     /* n x n_held, orthonormal */
  const double *at;       /* what the row reads */
  int par;                /* of its first hyperparameter, among those of all fields */
  const double *start;    /* of each of them; NaN for the sd */
  size_t place, size;     /* of its Q, in a theta's of all fields */
} vb_field;
/* what its row is told of as many as there are: coefficients, or entries of a sparse Q */
static inline int vb_field_count(const vb_field *f) { return f->col ? (int)f->size : f->n; }

/* Columns of x whose rows are combinations of few rows of a table: of a level's or a bin's, of two
 * nodes' of a grid about a value (Li & Wood 2020).  They are not stored: what is, is each row's
 * nodes and weights, and products with them go by the nodes (bins.c). */
#define VB_MOST_NODES 16   /* of one row */
#define VB_TABLE_ROWS 4096 /* of a table; the identity may have more */
typedef struct {
  int first, k; /* columns of x */
  int n_node, each;
  const int *node;      /* n x each, from 0; -1: none */
  const double *at;     /* instead: n places between node and node + 1; negative: none */
  const double *weight; /* n x each, or n; NULL: ones */
  const double *table;  /* n_node x k, row-major; NULL: the identity */
  int column; /* its first among the columns that are gathered; -1: it has too many to be */
} vb_bins;
typedef struct { /* columns side by side in x and in what is stored or gathered of it */
  int first, at, n;
} vb_run;

/* What of q(c) is coupled: a row of gauss/scheme.h, which this room holds and does not look into.
 */
typedef struct vb_scheme vb_scheme;

typedef struct {
  const vb_host *host;
  const vb_family *family;
  const vb_rules *rules;
  const vb_scheme *scheme;
  int quadratic; /* the family is, and the scheme is exact: q(c | theta) is had without sweeps */
  int cores;
  int n, p, n_term, n_coef; /* n cells */
  int n_free;               /* of the coefficients, less the combinations that are held at zero */
  int n_par;                /* of the family, thresholds counted */
  vb_rows rows;             /* responses of the cells, which are in leaf order */
  const double *offset, *x; /* x n x n_dense row-major, centred */
  int n_dense, n_run;       /* columns of it; all p, one run, where there are no bins */
  const vb_run *run;
  int n_bins;
  const vb_bins *bins;
  double constant;
  vb_term *term;
  /* The leaf, and of how many terms the core is.  Where all terms are fields, the place after the
   * last has a leaf of no coefficients: what sorts the cells, and lists which fields they meet. */
  int leaf, d_leaf, n_front, q, n_core_term;
  const int *row_start;           /* cells of each leaf level */
  const int *front_start, *front; /* core coefficients of each leaf level */
  const int *slot;                /* n x n_core_term: place of a term's block in the cell's front */
  const int *core_term;           /* the terms of slot's columns */
  const size_t *block_start;      /* of a level's d x (front + p) matrix */
  const size_t *pair_start;       /* of a level's pairs in pair; NULL: dense core */
  const int *pair;                /* positions of front pairs (a >= b) in the sparse core */
  vb_core core;                   /* solver, pattern; val and inv are the solution's */
  double *prior_precision, *prior_mean; /* of beta; precision 0: flat or a site */
  int n_normal;                         /* coefficients with a normal prior */
  double log_prior_constant;
  int n_pin;
  vb_pin pin[VB_MAX_PIN];
  int n_field;
  const vb_field *field;
  const size_t **field_position; /* of a sparse Q's entries in the core */
  int n_site, ep; /* ep: some prior is a mixture, and all sites are moment-matched (ep.c) */
  vb_site *site;
  const double *center; /* column means; reported intercept = beta_0 - center' beta */
  int intercept;        /* column, -1: none, or one of each predictor */
  /* per column: the intercept of its predictor, which its mean goes into, an intercept's being
   * itself; -1: none */
  const int *into;
  /* quadratic families: sufficient statistics about the reference fit x beta_ref */
  double *beta_ref; /* least squares on x alone; zero unless the link is the identity */
  double sum_log_w;
} vb_model;

typedef struct { /* entries (a, b), a >= b, of the core for a level's front: at from + row[a] */
  size_t from;
  const int *row;
} vb_pair_column;
static inline vb_pair_column vb_pairs_of(const vb_model *m, int j, int b) {
  const int *front = m->front + m->front_start[j];
  int n = m->front_start[j + 1] - m->front_start[j];
  if (!m->pair) return (vb_pair_column){(size_t)front[b] * m->q, front};
  return (vb_pair_column){0, m->pair + m->pair_start[j] + (size_t)b * (2 * n - b - 1) / 2};
}
/* position of the pair (a >= b) of level j's front in the core's storage */
static inline size_t vb_pair_position(const vb_model *m, int j, int a, int b) {
  const vb_pair_column c = vb_pairs_of(m, j, b);
  return c.from + c.row[a];
}
static inline size_t vb_diag_position(const vb_model *m, int o, int a,
                                      int b) { /* (o + a, o + b), a >= b */
  if (m->pair) return (size_t)m->core.col_start[o + b] + (a - b);
  return (size_t)(o + a) + (size_t)(o + b) * m->q;
}

/* ---- From rows to a model: model.c, cells.c, front.c ---- */
typedef struct {
  const vb_family *family;
  int n_par;                   /* of the family, thresholds counted */
  int n, p, n_term, intercept; /* intercept: column from 0, -1 none */
  vb_rows rows;
  const double *offset, *center;
  int centred;            /* the columns are so already */
  const int *into;        /* per column, from 0: the intercept that its mean goes into; -1: none */
  const double *const *x; /* its columns of n but those in bins, uncentred */
  int n_bins;             /* ascending; their weights row by row, their centres zero */
  const vb_bins *bins;
  double constant;
  const int **group; /* per term, n, from 1 */
  const int *n_level, *d;
  const double **z;          /* per term, n x d column-major */
  const vb_covariance **cov; /* per term */
  /* Per term: where its columns are centred (d, 0 for its first, which is an intercept); NULL: not.
   * The model's coefficients and theta are those of the centred columns. */
  const double **shift;
  const vb_prior **prior;  /* per coefficient; NULL: it is a field's */
  const double *prior_arg; /* 3 x p */
  int n_field;
  const vb_field *field;
} vb_input;

typedef struct { /* of several predictors, which one columns of x and of z belong to, from 0 */
  const int *column, **term;
  int n_y; /* columns of the response, n each */
} vb_predictor_of;
/* in, whose rows are observations of several predictors and whose offset has a column of each ->
 * the same by rows of one predictor (stack.c) */
void vb_stack(const vb_host *host, const vb_predictor_of *of, vb_input *in);
/* All but the layout of the coefficients, which is the scheme's: gauss/'s vb_scheme_model() is
 * both. cell[i]: the cell of row i, from 0 */
vb_status vb_model_build(const vb_host *host, const vb_input *in, int cores, vb_model *model,
                         int *cell);
/* rows with equal design become one cell: first[c] is its first row; returns the number of cells */
int vb_collapse(const vb_host *host, const vb_input *in, int *cell, int *first);
/* The two layouts.  The arrow: which terms are the core, its fronts, a dense core. */
void vb_lay_arrow(const vb_host *host, vb_model *model);
/* Blocks: each level of each term by itself, and no core.  The place after the last term's has the
 * totals. */
void vb_lay_blocks(vb_model *model);
/* sparse pattern of the core, after fronts; 0 where an int cannot count it: the core stays dense */
int vb_core_pattern(const vb_host *host, vb_model *model);
void vb_core_pairs(const vb_host *host,
                   vb_model *model); /* positions of front pairs in that pattern */
/* positions of the fields' entries in the core as it is laid out, and what they hold at zero */
void vb_core_fields(const vb_host *host, vb_model *model);
/* ---- Rows of x, of which some columns may be in bins: bins.c ---- */
/* the columns that are stored in order, and the bins of the cells (order: the rows that stand for
 * them) */
void vb_lay_bins(const vb_host *host, const vb_input *in, const int *order, vb_model *model);
/* nodes and weights of row i; returns how many */
int vb_bins_row(const vb_bins *b, int i, int *node, double *weight);
/* row i of x: where it is stored, or in room (p) */
const double *vb_x_row(const vb_model *model, int i, double *room);
void vb_x_copy(const vb_model *model, int from, int n, double *to); /* n rows, p each */
double vb_x_dot(const vb_model *model, int i, const double *beta);
/* eta <- eta + their part of x beta, and r <- r + theirs of X'g */
void vb_bins_predictor(const vb_model *model, const double *beta, double *eta);
void vb_bins_transpose(const vb_model *model, const double *g, double *r);
/* reported = C' centred: the intercept at x = 0 */
void vb_report_beta(const vb_model *model, const double *beta, double *out);
void vb_unreport_beta(const vb_model *model, double *beta); /* back, in place */
/* the j-th coefficient as it is reported, a combination of the centred ones: what it has of each */
static inline double vb_reported_part(const vb_model *m, int j, int k) {
  return (k == j) - (m->into[k] == j && k != j ? m->center[k] : 0);
}
void vb_report_cov(const vb_model *model, const double *cov, double *out);
void vb_unreport_cov(const vb_model *model, const double *cov, double *out); /* back again */
#endif
