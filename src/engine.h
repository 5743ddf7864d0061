/* varbayes: the engine's own structures.  vb.h has the tables and numerics they rest on. */
#ifndef VB_ENGINE_H
#define VB_ENGINE_H
#include "vb.h"

#define VB_MAX_DIM 8 /* coefficients of one random term */
#define VB_LOG_2PI 1.837877066409345483560659472811

/* ---- Model: everything that stays fixed during a fit (model.c, cells.c)
 * ------------------------------- Coefficients c are ordered beta (p, centred columns), then term
 * by term, level by level.  The term with most levels is the leaf: cells are sorted by it and its d
 * x d blocks are eliminated level by level.  The other terms are the core ("others", q
 * coefficients).  A level's front lists the core coefficients that occur in its cells; fronts are
 * ascending. */
typedef struct {
  int d, n_level;
  const int *group;           /* per cell, from 0 */
  const double *z;            /* n x d, row-major */
  int first;                  /* of its coefficients in c */
  int core;                   /* of its coefficients in the core; -1: the leaf */
  const int *row_start, *row; /* cells of each level, for residual quadrature */
  size_t block, edge;         /* factorised schemes: of its d x d and d x p blocks */
} vb_term;

#define VB_N_ORDER 7
#define VB_N_NODE (3 + 5 + 9 + 15 + 21 + 27 + 49)
typedef struct { /* Gauss-Hermite rules of every order in use (expect.c) */
  double node[VB_N_NODE], weight[VB_N_NODE];
  int first[VB_N_ORDER], order[VB_N_ORDER];
} vb_rules;
void vb_rules_make(vb_rules *rules);

typedef struct { /* a prior on one coefficient that is not normal: one more site */
  int k;         /* of beta */
  const vb_prior *prior;
  const double *arg;
} vb_site;

/* What of q(c) is coupled (mathematics.Rmd, section 10): all; the fixed effects with every level,
 * but no level with another (Goplerud, Papaspiliopoulos & Zanella 2025); nothing. */
typedef enum { VB_FULL = 0, VB_PARTIAL, VB_MEANFIELD } vb_coupling;

typedef struct {
  const vb_host *host;
  const vb_family *family;
  const vb_rules *rules;
  vb_coupling coupling;
  int quadratic; /* the family is, and all is coupled: q(c | theta) is had without sweeps */
  int cores;
  int n, p, n_term, n_coef;         /* n cells */
  int n_par;                        /* of the family, thresholds counted */
  const double *y, *w, *offset, *x; /* cells in leaf order; x n x p row-major, centred */
  double constant;
  vb_term *term;
  int leaf, d_leaf, n_front, q;
  const int *row_start;           /* cells of each leaf level */
  const int *front_start, *front; /* core coefficients of each leaf level */
  const int *slot;           /* n x (n_term - 1): place of a term's block in the cell's front */
  const int *core_term;      /* the terms of slot's columns */
  const size_t *block_start; /* of a level's d x (front + p) matrix */
  const size_t *pair_start;  /* of a level's pairs in pair; NULL: dense core */
  const int *pair;           /* positions of front pairs (a >= b) in the sparse core */
  vb_core core;              /* solver, pattern; val and inv are the solution's */
  double *prior_precision, *prior_mean; /* of beta; precision 0: flat or a site */
  int n_normal;                         /* coefficients with a normal prior */
  double log_prior_constant;
  int n_site, ep; /* ep: some prior is a mixture, and all sites are moment-matched (ep.c) */
  vb_site *site;
  const double *center; /* column means; reported intercept = beta_0 - center' beta */
  int intercept;        /* column, -1: none */
  /* quadratic families: sufficient statistics about the reference fit x beta_ref */
  double *beta_ref; /* least squares on x alone; zero unless the link is the identity */
  double sum_log_w;
  struct vb_stein *stein; /* of an opaque family (stein.h) */
} vb_model;

/* A'diag(h)A on the pattern of coefficient blocks, and A'g. */
typedef struct {
  double *leaf;      /* n_front d x d blocks */
  double *front;     /* d x (front + p) per level */
  double *core;      /* q x q lower, or the sparse pattern */
  double *core_beta; /* q x p */
  double *beta;      /* p x p, lower */
  const double *h;   /* factorised schemes: leaf and front have the blocks of all terms */
} vb_cross;

/* ---- Hyperparameters (hyper.c, coordinate.c) ---- */
typedef struct { /* how a free axis x becomes a natural parameter */
  const char *name;
  double least; /* x > 0 and at least this; 0: x is any number */
  int even;     /* value(-x) = value(x) */
  double (*value)(double x, double s0);
  double (*slope)(double x, double s0);     /* d value / dx */
  double (*log_slope)(double x, double s0); /* log |slope|: the Jacobian */
  double (*log_slope_d)(double x, double s0);
  double (*inverse)(double value, double s0);
} vb_coordinate;
extern const vb_coordinate vb_coord_log, vb_coord_square, vb_coord_power, vb_coord_probit,
    vb_coord_identity, vb_coord_cube, vb_coord_unit, vb_coord_cosh, vb_coord_soft_power;
const vb_coordinate *vb_coordinate_find(const char *name);

typedef struct { /* one natural parameter: an sd, a partial correlation, a dispersion, a threshold
                  */
  int axis;      /* free axis, -1: fixed at value */
  int real;      /* not positive: the prior is on the whole line */
  int after;     /* the coordinate gives its distance from the natural parameter before it */
  double value;
  const vb_coordinate *coord;
  double s0;
  const vb_prior *prior; /* of sds and dispersions */
  double arg[3], log_norm;
  double beta; /* partial correlations: (1 - r^2)^(beta - 1), LKJ */
} vb_natural;

typedef struct {
  int n_natural, n_axis, n_par, n_term;
  vb_natural *natural; /* term by term: sds, partial correlations by row; then dispersions */
  const int *first, *d, *n_level; /* per term */
  int first_par;
  int n_shrink, first_shrink, by_sigma; /* a horseshoe's global scale, over sigma, and slab */
  double local_df;
} vb_hyper;

typedef struct { /* dispersions that are not one value but have a distribution, on nodes */
  int n;
  double *par;                   /* VB_MAX_PAR + 1 per node */
  double *weight, *base, *total; /* per node; total: expected log likelihood, base included */
  double *scratch;               /* 3 per cell */
} vb_par_rule;

typedef struct {                /* the hyperparameters at one point */
  double *natural, *slope;      /* n_natural: value, d value (after: distance) / d axis */
  double *natural_prior;        /* n_natural: log prior with the log Jacobian, free axes only */
  double *sigma, *omega, *chol; /* per term d x d at stride VB_MAX_DIM^2; chol of the correlation */
  double *log_det;              /* log |Sigma| per term */
  double par[VB_MAX_PAR + 1];
  double shrink[3];    /* the horseshoe's arguments */
  vb_par_rule *rule;   /* NULL: the dispersions are par */
  double log_prior;    /* with the log Jacobian */
  double *log_prior_d; /* n_axis */
  double *prior_d;     /* n_natural: of the log prior densities alone */
} vb_theta;

void vb_theta_alloc(const vb_host *host, const vb_hyper *hyper, vb_theta *theta);
vb_status vb_theta_set(const vb_hyper *hyper, const double *x, vb_theta *theta);
/* gradient of J/2 log |Omega| - tr(Omega U)/2 in the axes, added; U[k] d x d at stride VB_MAX_DIM^2
 */
void vb_theta_gradient(const vb_hyper *hyper, const vb_theta *theta, const double *u, double *grad);
/* gradient in the axes from that in the n natural parameters from first on, added */
void vb_natural_gradient(const vb_hyper *hyper, const vb_theta *theta, int first, int n,
                         const double *d, double *grad);
/* axes that must be positive: mirrored and kept off zero; returns whether any had to be moved */
int vb_theta_inside(const vb_hyper *hyper, double *x);
/* expected precision and covariance matrices of the terms and dispersions, one after the other,
 * into theta */
int vb_theta_effective_size(const vb_hyper *hyper);
void vb_theta_effective(const vb_hyper *hyper, const double *effective, vb_theta *theta);
void vb_theta_report(const vb_hyper *hyper, const vb_theta *theta,
                     double *out); /* sds, correlations, par */

/* ---- Solution of one Gaussian block (solve.c) ---- */
typedef struct {
  double *leaf_chol, *front; /* chol of A_j + Omega; F_j = A_j^-1 E_j */
  vb_core core;
  double *core_beta;            /* T = B^-1 B_ob */
  double *beta, *beta_chol;     /* Schur complement on beta without sites; chol with them */
  double log_det_rest, log_det; /* without beta's part; all */
  double *s_beta, *s_core_beta, *s_leaf, *s_front; /* selected inverse; core's in core.inv */
  double *work;                                    /* fronts and small blocks */
  /* factorised schemes (factorised.c): what the precision is, for products with it, and scratch */
  const double *h, *site;
  double scale;
  const vb_theta *theta;
  double *row, *cg;
} vb_solution;
void vb_solution_alloc(const vb_model *model, vb_solution *s);
void vb_cross_alloc(const vb_model *model, vb_cross *cross);
/* factor scale * cross + prior(theta); beta's Schur complement is left unfactored */
vb_status vb_factor(const vb_model *model, const vb_theta *theta, const vb_cross *cross,
                    double scale, vb_solution *s);
vb_status vb_factor_beta(const vb_model *model, const double *site_precision, vb_solution *s);
/* r -> reduced right-hand side on beta (in place: r keeps the reduced core and leaf parts) */
void vb_solve_reduce(const vb_model *model, const vb_solution *s, double *r);
void vb_solve_expand(const vb_model *model, const vb_solution *s,
                     double *r); /* after beta's part is solved */
/* r <- S r; only conjugate gradients can be interrupted */
vb_status vb_solve(const vb_model *model, const vb_solution *s, double *r);
/* S on the pattern; congruence (p x p, may be NULL) replaces S_bb by C S_bb C' */
void vb_beta_inverse(const vb_model *model, const double *congruence,
                     vb_solution *s); /* S_bb alone */
vb_status vb_selected_inverse(const vb_model *model, const double *congruence, vb_solution *s);
void vb_row_variance(const vb_model *model, const vb_solution *s, double *v);
void vb_coef_variance(const vb_model *model, const vb_solution *s, double *var);
/* U[k] = sum over levels of E u u' under N(m, S) */
void vb_second_moments(const vb_model *model, const vb_solution *s, const double *m, double *u);
/* the same without m: sum over levels of S_jj */
double vb_prior_trace(const vb_model *model, const vb_theta *theta, const vb_solution *s);
double vb_prior_quadratic(const vb_model *model, const vb_theta *theta, const double *m,
                          double *pm);
double vb_prior_log_det(const vb_model *model, const vb_theta *theta);
/* factorised schemes: the same functions over blocks of levels, means by conjugate gradients */
void vb_factorised_layout(vb_model *model);
void vb_factorised_alloc(const vb_model *model, vb_solution *s);
void vb_factorised_cross(const vb_model *model, const double *h, vb_cross *cross);
void vb_factorised_factor(const vb_model *model, const vb_theta *theta, const vb_cross *cross,
                          double scale, vb_solution *s);
vb_status vb_factorised_beta(const vb_model *model, const double *site_precision, vb_solution *s);
vb_status vb_factorised_solve(const vb_model *model, const vb_solution *s, double *r);
void vb_factorised_inverse(const vb_model *model, const double *congruence, vb_solution *s);
void vb_factorised_draw(const vb_model *model, const vb_solution *s, double *delta);
/* variance that level `level` of a term adds to z'u + x'beta beyond beta's own */
double vb_level_variance(const vb_model *model, const vb_solution *s, int term, int level,
                         const double *z, const double *x);
/* position of the pair (a >= b) of level j's front in the core's storage */
static inline size_t vb_pair_position(const vb_model *m, int j, int a, int b) {
  if (m->pair) return (size_t)m->pair[m->pair_start[j] + (size_t)a * (a + 1) / 2 + b];
  const int *front = m->front + m->front_start[j];
  return (size_t)front[a] + (size_t)front[b] * m->q;
}
static inline size_t vb_diag_position(const vb_model *m, int o, int a,
                                      int b) { /* (o + a, o + b), a >= b */
  if (m->pair) return (size_t)m->core.col_start[o + b] + (a - b);
  return (size_t)(o + a) + (size_t)(o + b) * m->q;
}

static inline double vb_inverse_pair(const vb_model *m, const vb_solution *s, int j, int a, int b) {
  return s->core.inv[a >= b ? vb_pair_position(m, j, a, b) : vb_pair_position(m, j, b, a)];
}

/* ---- Pass (pass.c, expect.c) ---- */
void vb_linear_predictor(const vb_model *model, const double *c, double *eta);
void vb_cross_products(const vb_model *model, const double *h, vb_cross *cross);
void vb_design_transpose(const vb_model *model, const double *g, double *r);
/* expectations of the log likelihood and its derivatives in every cell; returns the sum of ll
 * (without base) */
double vb_expect(const vb_model *model, const double *par, const double *m, const double *v,
                 double *ll, double *g, double *h);
/* the same averaged over the nodes of a rule, base included; leaves every node's total in it */
double vb_expect_rule(const vb_model *model, vb_par_rule *rule, const double *m, const double *v,
                      double *ll, double *g, double *h);
double vb_base(const vb_model *model, const double *par); /* eta-free part, constants included */
void vb_expect_par(const vb_model *model, const double *par, const double *m, const double *v,
                   double *grad);
double vb_expect_site(const vb_model *model, const vb_site *site, double m, double v, double *g,
                      double *h);
void vb_expect_wide(const vb_family *family, double y, double w, double m, double v,
                    const double *par, double out[3]);
int vb_rule_index(double v); /* rule for a variance v */

/* ---- Gaussian block (inner.c) ---- */
typedef struct {      /* q(c | theta) and what it costs to have it */
  double *m;          /* n_coef */
  double *h, *site_h; /* precision of cells and sites that defines S */
  double *site_b;     /* moment-matched sites: their linear term */
} vb_block;
typedef struct { /* relaxation of a fixed-point iteration (relax.c) */
  int n;         /* entries of a residual */
  double pace;   /* share of the residual that is taken; 0: none yet */
  double *last;  /* the residual before */
} vb_relax;
void vb_relax_alloc(const vb_host *host, int n, vb_relax *r);
/* the share of this residual to take */
double vb_relax_next(vb_relax *r, const double *residual);
typedef struct {
  vb_cross cross;
  vb_solution sol;
  double *eta, *v, *ll, *g, *h; /* per cell, at the q of the last evaluation */
  double *target, *h_try, *m_try, *r, *r_ref, *step;
  double *site_g, *site_h, *site_target, *site_try;
  double *u, *mu;
  int ep_floor; /* surrogates may not widen */
  double *ep_h, *ep_b, *ep_work, ep_value, ep_tol,
      shrink_d[2];            /* surrogates in use, and what ep.c knows of them */
  vb_relax row_pace, ep_pace; /* of the rows' precisions and of the surrogates */
  double lik;                 /* E log p(y | c) at the last evaluation, of solvers with sweeps */
  double rss_ref, rss;        /* quadratic family: weighted residual sums of squares, at beta_ref
                                 and (less the trace) at the solution */
  double *tilt;               /* p, or NULL: log density tilted by tilt' beta */
  double decrement;           /* what the mean's gradient still promises, in nats */
  int n_sweep;
  int fixed_cross;                           /* quadratic family: cross-products are done */
  void (*on_sweep)(void *data, double elbo); /* trace of the start, or NULL */
  void *data;
} vb_inner;
void vb_block_alloc(const vb_model *model, vb_block *b);
void vb_block_copy(const vb_model *model, const vb_block *from, vb_block *to);
void vb_inner_alloc(const vb_model *model, vb_inner *in);
void vb_block_start(const vb_model *model, const double *par, vb_inner *in, vb_block *b);
/* best Gaussian at theta from the warm start in b; elbo includes log prior of theta.  On return sol
 * holds its factor; with want_inverse the selected inverse and v as well. */
vb_status vb_inner_solve(const vb_model *model, const vb_theta *theta, double tol, int max_sweep,
                         int want_inverse, vb_inner *in, vb_block *b, double *elbo);
/* precision of a row of weight one; root of the mean of all rows' expected squared residuals */
double vb_quadratic_precision(const vb_model *model, const double *par);
double vb_quadratic_rms(const vb_model *model, const vb_theta *theta, const vb_inner *in);
/* log p(y | c) where the rows' root mean square of residuals is rms; its mean, if that is of their
 * expected squares */
double vb_quadratic_lik(const vb_model *model, const double *par, double rms);
/* E log p(y | c, theta) under the q in `in`, whose inverse is there; constants included */
double vb_inner_lik(const vb_model *model, const vb_theta *theta, const vb_inner *in);
void vb_quadratic_setup(const vb_model *model, vb_inner *in); /* the one pass over the rows */
/* gradient of the optimal ELBO in the axes (envelope theorem) */
void vb_inner_gradient(const vb_model *model, const vb_hyper *hyper, const vb_theta *theta,
                       vb_inner *in, const vb_block *b, double *grad);

/* ---- Corrections (rq.c, response.c) ---- */
typedef struct {               /* scratch of residual quadrature */
  struct vb_grid *wide, *site; /* rules of levels and of prior sites */
  double *cov_beta;            /* n x p: Cov(beta, eta_i) */
  double *direction, *cell,
      *level;           /* of one level: its cells' directions, work, p-dimensional work */
  double *series;       /* n x 4: the remainder's Hermite coefficients, orders 3 to 6 */
  int cap_level;        /* cells of the fullest level */
  double *shift, *skew; /* n_coef: moments of u given data, where asked for */
} vb_rq;
void vb_rq_alloc(const vb_model *model, vb_rq *rq);
enum { VB_RQ_ROWS = 1, VB_RQ_SITES = 2 }; /* remainders of the rows, of the prior sites */
/* log p(y | theta) - L(theta) at the converged optimum held by in and b, of the remainders in
 * which; with var (n_coef, in: S_jj, out: corrected) also the mean shift and the skewness of the
 * random effects; max_level: largest term of one level */
double vb_rq_correct(const vb_model *model, const double *par, const vb_inner *in,
                     const vb_block *b, int which, vb_rq *rq, double *var, double *max_level);

typedef struct { /* what tilting the reported coefficients at the mode teaches */
  int active;
  double *congruence;   /* p x p: S_bb -> C S_bb C' */
  double *shift, *skew; /* of the reported coefficients: RQ mean shift in sds; skewness */
  double inflation;     /* largest sd ratio */
} vb_response;
/* C with C S C' = V; s and v become their Cholesky factors; 0 where one is not positive definite */
int vb_congruence(int p, double *s, double *v, double *out);
vb_status vb_respond(const vb_model *model, const vb_theta *theta, double tol, int tilt, int which,
                     vb_rq *rq, vb_inner *in, const vb_block *mode, vb_block *work,
                     vb_response *out);
/* third-order size of what a Gaussian q misses, per coefficient: decides whether tilts are worth
 * their refits */
double vb_response_size(const vb_model *model, const double *par, const vb_inner *in);
/* reported = C' centred: the intercept at x = 0 */
void vb_report_beta(const vb_model *model, const double *beta, double *out);
void vb_report_cov(const vb_model *model, const double *cov, double *out);
#endif
