/* varbayes: automatic differentiation variational inference (Kucukelbir et al. 2017), the part that
 * knows a model as a log density and its gradient only.
 *
 * q is a Gaussian N(mu, S S') over D real numbers.  Everything is done in a frame: x = center +
 * root y, found by Pathfinder and the curvature there, in which q starts as N(0, I) and one unit of
 * any parameter means one posterior sd.  With fixed noise the bound is a deterministic function of
 * q (Giordano, Ingram & Broderick 2024), maximised by L-BFGS and polished by Newton steps; with
 * fresh noise it is climbed by stochastic gradients whose iterates are averaged (Welandawe et al.
 * 2022).
 *
 * Noise comes from the host: the core draws nothing. */
#ifndef VB_ADVI_H
#define VB_ADVI_H
#include "numbers/optimise.h"
#include "rows/approximations/approximation.h"

/* ---- The density ---- */
typedef struct vb_density vb_density;
struct vb_density {
  int dim;
  void *data;
  /* log p, up to a constant, and its gradient at the n columns of x; grad NULL: the values alone.
   * Where a value or gradient cannot be had the value is not finite, and that is no error. */
  vb_status (*eval)(void *data, int n, const double *x, double *value, double *grad);
  /* log p estimated from `size` of `total` rows, which these uniforms (size) choose, from here on;
   * NULL: not offered.  size 0: all rows again */
  vb_status (*subsample)(void *data, int size, const double *uniform);
  /* of the last evaluation, over its points: the sum of their log likelihoods where eval tells it,
   * else of log p */
  double lik;
  int tells_lik;
  int kinked;             /* its second derivatives miss some of its curvature */
  double n_grad, n_value; /* points evaluated so far, with and without gradient */
  double *bad;            /* dim: a point where the density could not be had */
  int n_bad;              /* how many there were */
};
/* eval with the books kept; values that are not finite become -Inf and their gradients 0 */
vb_status vb_density_eval(vb_density *density, int n, const double *x, double *value, double *grad);

typedef struct {   /* the density in the frame, with the Jacobian: another density */
  vb_density self; /* eval and subsample set by vb_framed_make */
  vb_density *of;
  vb_frame *frame;
  double *x, *gx; /* dim x cap */
  int cap;        /* points that are evaluated in one call at most; longer calls are cut */
} vb_framed;
void vb_frame_alloc(const vb_host *host, int dim, int dense, vb_frame *frame);
void vb_frame_to_x(const vb_frame *frame, int n, const double *y, double *x);
void vb_frame_root(const vb_frame *frame, int n, const double *v, double *out); /* root v */
void vb_frame_row(const vb_frame *frame, int k, double *out);                   /* row k of root */
void vb_frame_pull(const vb_frame *frame, int n, const double *g, double *out); /* root' g */
void vb_framed_make(const vb_host *host, vb_density *of, vb_frame *frame, vb_framed *out);

/* ---- Noise ---- */
typedef struct { /* standard normals and uniforms, from R's generator */
  void *data;
  void (*normal)(void *data, size_t n, double *out);
  void (*uniform)(void *data, size_t n, double *out);
} vb_noise;
/* M (even) columns of d normals: half of them and their negatives, whitened so that their second
 * moments are exactly those of N(0, I): all together where M / 2 >= d, else in blocks. z: d x M.
 * The first M / 2 columns come from raw (d x M/2), the others are their negatives. */
vb_status vb_noise_whiten(const vb_host *host, int d, int M, const double *raw, double *z);
/* z (d x n) <- standard normals, in few dimensions as even as can be */
void vb_even_normals(const vb_noise *noise, int d, int n, double *z);

/* x (dim x n) <- mu + S z */
void vb_q_points(const vb_q *q, const double *par, int n, const double *z, double *x);
/* half as wide */
void vb_frame_shrink(vb_frame *frame);
/* q's mean and scale become the frame's, where its form can; q is N(0, I) again */
void vb_frame_absorb(const vb_host *host, vb_q *q, vb_frame *frame);
/* variances of x under q at par; frame NULL: of y */
void vb_frame_var(const vb_host *host, const vb_q *q, const double *par, const vb_frame *frame,
                  double *var);
/* S S' */
void vb_q_cov(const vb_host *host, const vb_q *q, const double *par, double *cov);
void vb_q_alloc(const vb_host *host, const vb_approximation *form, int dim, int rank, vb_q *q);

/* ---- The bound at fixed noise (saa.c): a vb_objective ---- */
typedef struct {
  const vb_host *host;
  vb_density *density; /* framed */
  const vb_q *q;       /* form and sizes; par is not used */
  int M;
  const double *z;                   /* n_noise x M, antithetic halves */
  double *x, *g, *value;             /* dim x M, dim x M, M: at the last evaluation */
  double lik;                        /* mean over the draws, at the last evaluation */
  double *d_scale, *shifted, *there; /* n_scale; n_par */
  const vb_frame *frame;             /* for linear response: of the density; and, where not NULL, */
  double *bend;                      /* 2 x dim: wanted, see vb_q_bend() */
  int bent;                          /* it is there */
} vb_saa;
void vb_saa_alloc(const vb_host *host, vb_density *density, const vb_q *q, int M, vb_saa *saa);
/* mean of log p over the draws + log |S|, without the entropy's constant D (1 + log 2 pi) / 2;
 * VB_NOT_FINITE where log p cannot be had at some draw */
vb_status vb_saa_eval(void *saa, const double *par, double *f, double *grad);
/* largest variance of an even part of the gradient at the last evaluation, in the frame's units, in
 * which s->x is lost; c (dim x dim, or NULL): all of their covariance */
double vb_saa_even(const vb_saa *saa, double *c);
/* out <- (Hessian at par) v, grad the gradient there */
vb_status vb_saa_hessian(vb_saa *saa, const double *par, const double *grad, const double *v,
                         double *out);

/* Newton-CG from par, where f, grad and the decrement are known, until it is worth no more
 * (newton.c) */
vb_status vb_newton_run(vb_saa *saa, double *par, double *f, double *grad, double *decrement);

/* ---- Linear response (q_response.c) ---- */
/* hess (dim x dim) at y by central differences of steps of 1e-3 */
vb_status vb_density_hessian(const vb_host *host, vb_density *density, const double *y,
                             double *hess);
/* cov (dim x dim) <- the mu block of the inverse of minus the bound's Hessian at par, hess the
 * Hessians of log p at the draws (curvature.c); and saa->bend, where that is wanted */
vb_status vb_curvature_solve(vb_saa *saa, const double *par, const double *hess, double *cov);
/* cov (dim x dim) at the optimum par, at which saa was evaluated last; size: how far from a
 * Gaussian the density is under q; rule: how cov was had */
vb_status vb_q_respond(vb_saa *saa, const double *par, const double *q_cov, double *cov,
                       double *size, const char **rule);

/* bend (2 x dim) <- linear response of h_k = (x_k - E x_k)^2 / 2: its covariance with x_k, and its
 * variance; cov and q_cov (dim x dim) in the frame's units (bend.c) */
vb_status vb_q_bend(vb_saa *saa, const double *par, const double *cov, const double *q_cov);

/* ---- Pathfinder (pathfinder.c; Zhang, Carpenter, Gelman & Vehtari 2022) ---- */
#define VB_PATH_HISTORY 20 /* pairs of a step and the change of the gradient along it */
typedef struct vb_path vb_path;
struct vb_path { /* N(mean, S S'), S = diag(scale) (I + basis (core - I) basis') */
  int dim, n_low;
  double *mean, *scale; /* dim */
  double *basis;        /* dim x n_low, orthonormal columns */
  double *core;         /* n_low x n_low, lower triangular */
  double log_det;       /* of S */
  double elbo, elbo_se; /* from few draws */
  int n_iter;
  const vb_path *all; /* the n_all paths that this one is the best of */
  int n_all;
};
void vb_path_alloc(const vb_host *host, int dim, vb_path *path);
void vb_path_copy(const vb_path *from, vb_path *to);
/* mean <- x + H grad and S S' <- H, H the inverse Hessian of -log p that BFGS makes of diag(diag)
 * and the pairs (of which s, y and their order are used); work: as many as vb_path_work says */
vb_status vb_path_build(const vb_lbfgs_memory *pair, const double *diag, const double *x,
                        const double *grad, double *work, vb_path *path);
size_t vb_path_work(int dim);
/* x (dim x n) <- mean + S z, log_q (n) <- their log density */
void vb_path_draw(const vb_path *path, int n, const double *z, double *x, double *log_q);
/* out (n) <- log density at the columns of x; z (dim): scratch */
void vb_path_log_density(const vb_path *path, int n, const double *x, double *z, double *out);
/* from log p (value) and log q at draws of q */
double vb_path_elbo(int n, const double *value, const double *log_q, double *se);
void vb_path_var(const vb_path *path, double *out); /* dim */
void vb_path_cov(const vb_path *path, double *out); /* dim x dim, both triangles */

/* ---- The whole (advi.c) ---- */
enum { VB_PHASE_PATH = 1, VB_PHASE_BOUND, VB_PHASE_POLISH, VB_PHASE_AVERAGE };
typedef struct {
  const vb_approximation *approximation; /* NULL: Pathfinder's own Gaussian */
  int fresh;                             /* noise: 0 fixed, 1 fresh */
  int n_noise;                           /* draws of the bound, 0: chosen */
  int min_noise, max_noise;              /* chosen from here, doubled up to there */
  int rescale;                           /* find units for the parameters first */
  int weighted;                          /* weighted draws are what is reported */
  int rank, n_path, n_draw, max_iter;
  int use_lr;       /* 1, 0, -1: automatic */
  int batch;        /* rows of a mini-batch, 0: all */
  double tol;       /* Newton decrement in nats per parameter */
  double noise_tol; /* sampling error of the optimum, in posterior sds */
} vb_advi_settings;
typedef struct {
  int phase;
  double elbo, se, lik, seconds, n_grad; /* lik: the expected log likelihood, or log density */
} vb_advi_step;
typedef struct {
  const vb_host *host;
  vb_density *density;
  vb_noise noise;
  vb_advi_settings set;
  int n_start;
  const double *start; /* dim x n_start */
  /* results */
  vb_frame frame;
  vb_framed framed;
  vb_q q;                        /* in the frame */
  double *mean, *sd, *sd_q;      /* dim: of x; reported (linear response) and q's own */
  double *cov;                   /* dim x dim, or NULL: that of q alone is known */
  double *q_cov;                 /* dim x dim: q's own, or NULL */
  double *bend;                  /* 2 x dim, see vb_q_bend(), or NULL */
  double *draw, *lp, *lp_approx; /* dim x n_draw; n_draw */
  double *lp_gaussian;           /* n_draw: log densities under N(mean, cov), or NULL */
  double *log_weight;            /* n_draw: smoothed importance weights */
  double elbo, elbo_se, lik, decrement, noise_error, khat, curvature; /* lik: see vb_advi_step */
  double *noise_sd;    /* dim: sampling error of mean in x, in units of sd */
  const char *lr_rule; /* how the covariance was had */
  int M, n_iter, converged;
  vb_advi_step *step;
  int n_step, cap_step;
  vb_status status;
} vb_advi;
vb_status vb_advi_run(vb_advi *advi);
void vb_advi_fail(vb_advi *advi, vb_status status); /* results of a run that could not begin */
void vb_advi_trace(vb_advi *advi, int phase, double elbo, double se, double lik);
/* units of the parameters at the first start, and results back out of them (units.c) */
vb_status vb_units_frame(vb_advi *advi, vb_frame *frame);
void vb_units_undo(vb_advi *advi, const vb_frame *frame);
/* everything that is reported of q, from the draws that saa was last evaluated at */
vb_status vb_advi_report(vb_advi *advi, vb_saa *saa);
/* lp, importance weights and their Pareto k of the draws there are (weigh.c) */
vb_status vb_advi_weigh(vb_advi *advi);
/* draws from heavier tails, with their weights, where those there are do not serve */
vb_status vb_advi_reweigh(vb_advi *advi);
/* stochastic gradients from q as it stands (fresh.c); the averaged iterate is left in q->par */
vb_status vb_fresh_run(vb_advi *advi);
/* the Gaussian of largest ELBO along set.n_path paths (pathfinder.c); VB_NOT_FINITE: no density at
 * the first start */
vb_status vb_pathfinder_run(vb_advi *advi, vb_path *best);
/* all results from its draws (resample.c): of all paths by importance resampling, lr_rule
 * "importance"; where the weights are useless, its own, lr_rule "path" */
vb_status vb_pathfinder_report(vb_advi *advi, const vb_path *best);
#endif
