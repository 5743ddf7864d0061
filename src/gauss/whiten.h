/* Coordinates zeta of the coefficients in which their precision at a pilot fit is the identity. */
#ifndef VB_WHITEN_H
#define VB_WHITEN_H
#include "gauss/likelihood.h"

/* ---- The map zeta -> c (whiten.c, pilot.c, adjoint.c) ---- */
/* Lambda = s H + P(theta) + fixed is an
 * arrow: a block for each level; the dense part, core coefficients and then beta; and an edge from
 * each block to it. */
typedef struct {
  const vb_model *model;
  int coupled; /* blocks are the leaf's levels; 0: those of all terms, and there are no edges */
  int moves;   /* Lambda depends on theta */
  int scaled;  /* s = (sigma / par[0])^2; 0: s = 1 */
  int n_dense, n_core;
  const int *coef; /* n_dense: place in c */
  int n_term;      /* whose levels are blocks */
  const int *term;
  size_t n_block, n_edge, n_row; /* entries of all blocks and edges; rows of the edges */
  int widest;                    /* edge */
  double sigma, tau;             /* of the pilot; quadratic families: H is tau A' diag(w) A */
  const vb_row_sums *sums;       /* the pilot's, of quadratic families */
  double *block, *edge, *dense;  /* H: d x d; d x width, row-major; its lower triangle */
  double *fixed;                 /* p: prior precision of beta and its sites' */
  double *rows, *prior;          /* b = s rows + prior: n_coef; p */
  double *inverse, *half, *form; /* n_dense x n_dense: scratch of the adjoint */
  double *work, *vec[4], *local; /* n_dense^2; n_coef each; VB_MAX_DIM + 1 edges */
} vb_whitening;
typedef struct {                /* Lambda = L L' at one theta */
  double *block, *edge, *dense; /* L_j; F_j = L_j^-1 E_j; L_S */
  double *mean;                 /* Lambda^-1 b */
  double s, log_det;            /* log |L| */
} vb_whitening_factor;
/* room for the map; H comes with the pilot.  dense_up_to: the largest dense part that is coupled */
void vb_whitening_alloc(const vb_model *model, int scaled, int dense_up_to, vb_whitening *map);
void vb_whitening_factor_alloc(const vb_whitening *map, vb_whitening_factor *f);
/* H and b from the Gaussian block at theta, which starts from `block` where that is warm */
vb_status vb_whitening_pilot(vb_whitening *map, const vb_theta *theta, int warm, vb_inner *inner,
                             vb_block *block, vb_whitening_factor *f);
vb_status vb_whitening_at(const vb_whitening *map, const vb_theta *theta, vb_whitening_factor *f);
/* b <- L^-1 b, L^-T b (n_coef) */
void vb_whitening_half(const vb_whitening *map, const vb_whitening_factor *f, double *b);
void vb_whitening_half_t(const vb_whitening *map, const vb_whitening_factor *f, double *b);
void vb_whitening_multiply(const vb_whitening *map, const double *c, double *out); /* H c */
/* g: gradient in c in, in zeta out.  u (per term, stride VB_MAX_DIM^2) gets what c and log |L| owe
 * to Omega, as the second moments that vb_theta_gradient() takes; returns the derivative in s. */
double vb_whitening_adjoint(const vb_whitening *map, const vb_theta *theta,
                            const vb_whitening_factor *f, const double *zeta, double *g, double *u);
/* variances of c and the covariance of beta where the entries of zeta are independent */
void vb_whitening_variance(const vb_whitening *map, const vb_whitening_factor *f,
                           const double *zeta_var, double *var, double *beta_cov);

/* vb_likelihood_eval() of a quadratic family from H and the inner solver's sufficient statistics
 * (quadratic.c): no row is met */
void vb_quadratic_eval(const vb_whitening *map, const vb_points *points);

/* one level's block as the loops over them see it */
typedef struct {
  int k, l, term, d;
  int coef;          /* its first coefficient */
  int width, n_core; /* of its edge: so many core coefficients, then beta */
  const int *front;  /* n_core: places in the dense part */
  size_t block, edge;
} vb_whitening_level;
static inline void vb_whitening_front(const vb_whitening *map, vb_whitening_level *at) {
  const vb_model *m = map->model;
  if (!map->coupled) return;
  at->front = m->front + m->front_start[at->l];
  at->n_core = m->front_start[at->l + 1] - m->front_start[at->l];
  at->width = at->n_core + m->p;
}
static inline int vb_whitening_term(const vb_whitening *map, int k, vb_whitening_level *at) {
  if (k == map->n_term) return 0;
  at->k = k;
  at->l = 0;
  at->term = map->term[k];
  at->d = map->model->term[at->term].d;
  at->coef = map->model->term[at->term].first;
  vb_whitening_front(map, at);
  return 1;
}
/* 0: there is none */
static inline int vb_whitening_first(const vb_whitening *map, vb_whitening_level *at) {
  *at = (vb_whitening_level){0};
  return vb_whitening_term(map, 0, at);
}
static inline int vb_whitening_next(const vb_whitening *map, vb_whitening_level *at) {
  at->block += (size_t)at->d * at->d;
  at->edge += (size_t)at->d * at->width;
  at->coef += at->d;
  if (++at->l == map->model->term[at->term].n_level) return vb_whitening_term(map, at->k + 1, at);
  vb_whitening_front(map, at);
  return 1;
}
#endif
