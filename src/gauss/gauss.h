/* gauss: the best Gaussian q(c | theta) at one theta.
 *
 * inner.c passes one object to and fro between pass.c (rows -> cross-products) and solve.c
 * (cross-products -> mean, log det, selected inverse).  Priors that are no Gaussians are sites:
 * expect.c, ep.c. */
#ifndef VB_GAUSS_H
#define VB_GAUSS_H
#include "gauss/hyper.h"
#include "numbers/optimise.h"

/* A'diag(h)A on the pattern of coefficient blocks, and A'g. */
typedef struct {
  double *leaf;      /* n_front d x d blocks */
  double *front;     /* d x (front + p) per level */
  double *core;      /* q x q lower, or the sparse pattern */
  double *core_beta; /* q x p */
  double *beta;      /* p x p, lower */
  const double *h;   /* factorised schemes: leaf and front have the blocks of all terms */
} vb_cross;

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
void vb_expect_wide(const vb_family *family, const vb_rows *row, double m, double v,
                    const double *par, double out[3]);
/* ---- Gaussian block (inner.c) ---- */
typedef struct {      /* q(c | theta) and what it costs to have it */
  double *m;          /* n_coef */
  double *h, *site_h; /* precision of cells and sites that defines S */
  double *site_b;     /* moment-matched sites: their linear term */
} vb_block;
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
#endif
