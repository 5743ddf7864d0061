/* gauss: the best Gaussian q(c | theta) at one theta.
 *
 * inner.c passes one object to and fro between pass.c (rows -> cross-products) and solve.c
 * (cross-products -> mean, log det, selected inverse).  Priors that are no Gaussians are sites:
 * expect.c, ep.c. */
#ifndef VB_GAUSS_H
#define VB_GAUSS_H
#include "gauss/binned.h"
#include "gauss/hyper.h"
#include "numbers/optimise.h"

/* ---- Cross-products and factors: what all schemes have, and each scheme's own (scheme.h) ---- */
typedef struct {     /* A'diag(h)A on the pattern of the arrow, beta's block apart */
  double *leaf;      /* n_front d x d blocks */
  double *front;     /* d x (front + p) per level */
  double *core;      /* q x q lower, or the sparse pattern */
  double *core_beta; /* p x q */
} vb_arrow_cross;
typedef struct {   /* the same where no level is coupled with another */
  double *block;   /* d x d of every level of every term */
  double *edge;    /* d x p of each with beta */
  const double *h; /* for products with all of A'diag(h)A */
} vb_level_cross;
typedef struct {
  double *beta; /* p x p, lower */
  vb_binned binned;
  vb_arrow_cross arrow;
  vb_level_cross levels;
} vb_cross;

typedef struct {             /* the arrow, factored and inverted: solve.c, inverse.c */
  double *leaf_chol, *front; /* chol of A_j + Omega; F_j = A_j^-1 E_j */
  vb_core core;
  double *core_beta;        /* T = B^-1 B_ob, q x p */
  double log_det;           /* of leaf and core, without beta's part */
  double *s_leaf, *s_front; /* S of each level, and with its front and beta */
  double *s_core_beta;      /* p x q; the core's own is in core.inv, and by level in s_core */
  double *s_core, *work;    /* work: fronts and small blocks */
} vb_arrow;
typedef struct {         /* levels independent of each other: factorised.c */
  const vb_cross *cross; /* the precision is scale cross + P(theta) + site */
  double scale;
  const vb_theta *theta;
  const double *site;
  double *chol, *given;    /* chol of S_j^-1; F_j' (d x p), zero in mean field */
  double *inverse, *cov;   /* S_j; Cov(u_j, beta) */
  double *row, *cg, *work; /* n; 4 n_coef; small blocks */
  int to_the_end;          /* conjugate gradients go on until rounding stops them */
} vb_levels;
typedef struct {
  double *beta,
      *beta_chol;   /* precision of beta given nothing else, without sites; chol with them */
  double log_det;   /* of all of the precision */
  double *s_beta;   /* S of beta, p x p */
  double **s_level; /* per term: S of its levels, d x d (lower), one after the other */
  vb_binned binned;
  vb_arrow arrow;
  vb_levels levels;
} vb_solution;
void vb_solution_alloc(const vb_model *model, vb_solution *s);
void vb_cross_alloc(const vb_model *model, vb_cross *cross);
/* factor scale * cross + prior(theta); beta's Schur complement is left unfactored */
vb_status vb_factor(const vb_model *model, const vb_theta *theta, const vb_cross *cross,
                    double scale, vb_solution *s);
vb_status vb_factor_beta(const vb_model *model, const double *site_precision, vb_solution *s);
/* r <- S r; only conjugate gradients can be interrupted */
vb_status vb_solve(const vb_model *model, vb_solution *s, double *r);
typedef struct { /* Lambda = A' diag(scale h) A + P(theta) + sites */
  const vb_theta *theta;
  const double *h;
  double scale;
  const double *site;
  double *eta; /* n, scratch */
} vb_lambda;
/* out <- Lambda x, row by row */
void vb_precision_product(const vb_model *model, const vb_lambda *lambda, const double *x,
                          double *out);
/* S on the pattern; congruence (p x p, may be NULL) replaces S_bb by C S_bb C' */
vb_status vb_selected_inverse(const vb_model *model, const double *congruence, vb_solution *s);
void vb_row_variance(const vb_model *model, vb_solution *s, double *v);
/* p x n: S_bb x_i */
void vb_beta_loads(const vb_model *model, const vb_solution *s, double *out);
void vb_coef_variance(const vb_model *model, const vb_solution *s, double *var);
/* U[k] = sum over levels of E u u' under N(m, S) */
void vb_second_moments(const vb_model *model, const vb_solution *s, const double *m, double *u);
/* the same without m: sum over levels of S_jj */
double vb_prior_trace(const vb_model *model, const vb_theta *theta, const vb_solution *s);
double vb_prior_quadratic(const vb_model *model, const vb_theta *theta, const double *m,
                          double *pm);
double vb_prior_log_det(const vb_model *model, const vb_theta *theta);
/* operations of one factorisation with its selected inverse, roughly */
double vb_factor_cost(const vb_model *model);
double vb_eval_cost(const vb_model *model); /* with the passes over the rows of one value */

/* ---- Pass (pass.c, expect.c) ---- */
void vb_linear_predictor(const vb_model *model, const double *c, double *eta);
void vb_cross_products(const vb_model *model, const double *h, vb_cross *cross);
void vb_design_transpose(const vb_model *model, const double *g, double *r);
typedef struct { /* the cells' linear predictors under q: N(m, v) each */
  const double *m, *v;
  struct vb_stein
      *stein; /* where the family is opaque: what its expectations work with (stein.h) */
} vb_etas;
/* expectations of the log likelihood and its derivatives in every cell; returns the sum of ll
 * (without base) */
double vb_expect(const vb_model *model, const double *par, const vb_etas *q, double *ll, double *g,
                 double *h);
/* the same averaged over the nodes of a rule, base included; leaves every node's total in it */
double vb_expect_rule(const vb_model *model, vb_par_rule *rule, const vb_etas *q, double *ll,
                      double *g, double *h);
double vb_base(const vb_model *model, const double *par); /* eta-free part, constants included */
void vb_expect_par(const vb_model *model, const double *par, const vb_etas *q, double *grad);
double vb_expect_site(const vb_model *model, const vb_site *site, double m, double v, double *g,
                      double *h);
typedef struct { /* a row whose eta is N(m, v) */
  const vb_family *family;
  const vb_rows *row;
  const double *par;
  double m, v;
} vb_row_at;
/* by a rule that any variance allows: 1 output is E log f, 3 are also its derivatives'; how many
 * likelihoods it took */
int vb_expect_wide(const vb_row_at *at, int n_out, double *out);
/* ---- Gaussian block (inner.c) ---- */
typedef struct {      /* q(c | theta) and what it costs to have it */
  double *m;          /* n_coef */
  double *h, *site_h; /* precision of cells and sites that defines S */
  double *site_b;     /* moment-matched sites: their linear term */
} vb_block;
typedef struct { /* the cells under q, which gives eta_i mean eta and variance v */
  double *eta, *v;
  struct vb_stein *stein; /* where the family is opaque */
  double *ll, *g, *h;     /* E log f, E f', -E f'' */
  double lik;             /* E log p(y | c) of all, dispersions' part included */
} vb_row_state;
typedef struct { /* the prior sites under q, one by one */
  double *g, *h; /* E d log p, -E d2 log p */
} vb_site_state;
typedef struct {       /* moment-matched sites: their surrogates exp(b x - h x^2 / 2) (ep.c) */
  double *h, *b;       /* in use */
  int floor;           /* they may not widen */
  double value;        /* expected log surrogates and evidence */
  double by_shrink[2]; /* its derivatives in the horseshoe's log scales */
  double tol, *work;
  vb_relax row_pace, pace; /* of the rows' precisions and of the surrogates */
  vb_mix mix;              /* the horseshoe as a mixture, for the arguments mix_at */
  double mix_at[3];
  double n_tilt; /* components that were tilted, of all sites, ever */
} vb_surrogates;
typedef struct {       /* quadratic families: all that is left of the rows (exact.c) */
  int ready;           /* they were summed, cross is theirs at precision one */
  double *r_ref;       /* A'W (y - A c_ref) */
  double rss_ref, rss; /* weighted residual sums of squares, at c_ref and (less the trace) at m */
} vb_row_sums;
typedef struct { /* a step on trial: precisions and mean, and where it heads */
  double *h, *site_h, *m;
  double *target, *site_target; /* precisions of a full step */
  double *r, *step;             /* gradient in the mean, S r; scratch for c elsewhere */
  double decrement;             /* what the gradient still promises, in nats */
} vb_trial;
typedef struct {                   /* exact.c and ep.c, of beta alone: p each */
  double *mu, *grad, *trial, *gmu; /* mean less beta_ref; gradient there; on trial; G mu */
  double *beta;
} vb_beta_state;
typedef struct {
  int n_sweep;
  void (*on_sweep)(void *data, double elbo); /* of the start, or NULL */
  void *data;
} vb_sweep_trace;
typedef struct { /* what it takes to find q(c | theta), and how it stands at the last one found */
  vb_cross cross;
  vb_solution sol;
  vb_row_state rows;
  vb_site_state sites;
  vb_surrogates ep;
  vb_row_sums sums;
  vb_trial trial;
  vb_beta_state beta;
  vb_sweep_trace trace;
  double *moments;       /* per term, stride VB_MAX_DIM^2: second moments of its levels, summed */
  double *field_moments; /* the same of one field */
  const double *tilt;    /* p, or NULL: log density tilted by tilt' beta */
} vb_inner;
typedef struct {
  double tol; /* nats */
  int max_sweep;
  int inverse; /* of solvers without sweeps: the selected inverse too; those with leave it anyway */
} vb_effort;
static inline vb_etas vb_row_etas(const vb_row_state *r) {
  return (vb_etas){r->eta, r->v, r->stein};
}
void vb_block_alloc(const vb_model *model, vb_block *b);
void vb_block_copy(const vb_model *model, const vb_block *from, vb_block *to);
void vb_inner_alloc(const vb_model *model, vb_inner *in);
void vb_block_start(const vb_model *model, const double *par, vb_inner *in, vb_block *b);
/* best Gaussian at theta from the warm start in b; elbo includes log prior of theta.  On return sol
 * holds its factor, and the selected inverse and the rows' variances where effort asks for it. */
vb_status vb_inner_solve(const vb_model *model, const vb_theta *theta, const vb_effort *effort,
                         vb_inner *in, vb_block *b, double *elbo);
/* how much of what vb_inner_solve() left, and its selected inverse, is rounding error: in standard
 * deviations, the largest of all coefficients (digits.c) */
vb_status vb_digits_lost(const vb_model *model, const vb_theta *theta, vb_inner *in,
                         const vb_block *b, double *lost);
/* its two ways: by sweeps over the rows; of quadratic families, from sums over them (exact.c) */
vb_status vb_exact_solve(const vb_model *model, const vb_theta *theta, int inverse, vb_inner *in,
                         vb_block *b, double *elbo);
/* expected log density of the prior sites under N(beta, s_beta), and their state (sites.c) */
double vb_site_expectations(const vb_model *model, vb_inner *in, const double *beta);
/* precision of a row of weight one; root of the mean of all rows' expected squared residuals */
double vb_quadratic_precision(const vb_model *model, const double *par);
double vb_quadratic_rms(const vb_model *model, const vb_theta *theta, const vb_inner *in);
/* log p(y | c) where the rows' root mean square of residuals is rms; its mean, if that is of their
 * expected squares */
double vb_quadratic_lik(const vb_model *model, const double *par, double rms);
/* E log p(y | c, theta) under the q in `in`, whose inverse is there; constants included */
double vb_inner_lik(const vb_model *model, const vb_theta *theta, const vb_inner *in);
void vb_exact_sums(const vb_model *model, vb_inner *in); /* the one pass over the rows */
/* gradient of the optimal ELBO in the axes (envelope theorem) */
void vb_inner_gradient(const vb_model *model, const vb_hyper *hyper, const vb_theta *theta,
                       vb_inner *in, const vb_block *b, double *grad);
#endif
