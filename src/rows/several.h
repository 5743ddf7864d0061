/* Likelihoods whose density is a function of several predictors: rows of families/<name>.c, and how
 * a model uses one (several.c).
 *
 * The numbers that the density is a function of are its distributional parameters.  In a model each
 * of them is predicted, by columns of its own, or held: the same in all observations, and one of
 * the family's dispersions.
 *
 * An observation with K predictors is width = K (K + 1) / 2 rows of the design: one for each
 * predictor, and one for each pair a < b whose design is the sum of theirs.  What is quadratic in
 * the predictors is then a sum of squares over rows (polarisation):
 *   sum_ab H_ab e_a e_b = sum_a (H_aa - sum_{b != a} H_ab) e_a^2 + sum_{a < b} H_ab (e_a + e_b)^2,
 * so that cross-products, whose weights may be of any sign, and variances of rows serve K
 * predictors as they serve one.  Of the rows of an observation the first has its log density. */
#ifndef VB_SEVERAL_H
#define VB_SEVERAL_H
#include "rows/rows.h"

#define VB_MAX_PREDICTORS 8
#define VB_MAX_WIDTH (VB_MAX_PREDICTORS * (VB_MAX_PREDICTORS + 1) / 2)
enum { VB_LINK_IDENTITY, VB_LINK_LOG, VB_LINK_LOGIT };
extern const char *const vb_link_name[];

static inline int vb_width(int n_predictor) { return n_predictor * (n_predictor + 1) / 2; }
/* among K predictors and the pairs behind them, in the order (0, 1), (0, 2), ..., (1, 2), ... */
static inline int vb_pair_place(int K, int a, int b) {
  if (a == b) return a;
  if (a > b) return vb_pair_place(K, b, a);
  return K + a * (2 * K - a - 1) / 2 + b - a - 1;
}

typedef struct { /* n points: eta[a][i], on the scale of the links; columns of the response; weights
                  */
  int n;
  const double *const *y, *w;
  const double *const *eta;
} vb_several_at;
typedef struct vb_several {
  const char *name;
  int n_par; /* 0: as many as the response has categories, less one */
  const char *par_name[5];
  int link[5]; /* where n_par is 0: of all of them the first */
  int n_y;     /* columns of the response; 0: one of each parameter */
  /* what is free of eta in the log density of a response, where it is dear; NULL: nothing */
  double (*constant)(int K, const vb_several_at *one);
  /* the rest of the log density, weight included.  d1[a], and d2 as vb_pair_place() counts, are
   * derivatives in eta; both or neither are NULL */
  void (*log_lik)(int K, const vb_several_at *at, double *ll, double *const *d1, double *const *d2);
  /* expectations of the same under normal eta with means at->eta and covariances v, counted as d2;
   * NULL: quadrature */
  void (*expect)(int K, const vb_several_at *at, const double *const *v, double *ll,
                 double *const *d1, double *const *d2);
  /* on which scales of its eta the log density of one observation bends, which are one when this is
   * called; infinite: not at all; NULL: one */
  void (*bend)(int K, const vb_several_at *at, double *scale);
  /* about where eta lies in a response without predictors */
  void (*start)(int K, const vb_several_at *at, double *eta);
} vb_several;
const vb_several *vb_several_find(const char *name);
/* the first of its parameters, from `from` on, that has this name; those of a family without names
 * are taken as they come; -1: none */
int vb_several_place(const vb_several *of, const char *name, int from);
int vb_several_count(void);
const vb_several *vb_several_row(int i);

typedef struct vb_predictors { /* a row of the table of families, made for one model */
  vb_family row;               /* first: a pointer to the row is a pointer to all of it */
  const vb_several *of;
  int n_par, n_active, width;
  int active[VB_MAX_PREDICTORS]; /* the predicted ones, ascending */
  int held[VB_MAX_PREDICTORS];   /* of each: its place among the dispersions; -1: it is predicted */
  int place[VB_MAX_WIDTH]; /* of each row: its predictor's or pair's among those of all n_par */
} vb_predictors;
void vb_predictors_make(const vb_several *of, int n_par, int n_active, const int *active,
                        vb_predictors *p);
static inline int vb_family_width(const vb_family *f) { return f->several ? f->several->width : 1; }
int vb_several_link(const vb_several *of, int k);
/* columns of the response, of a density of K parameters */
static inline int vb_several_responses(const vb_several *of, int K) {
  return of->n_y ? of->n_y : K;
}
/* eta[k] of the parameters that are held, whose values are in par */
void vb_held_etas(const vb_predictors *p, const double *par, double *eta);
/* has row k of an observation of K predictors the columns of predictor a, as one or in a pair? */
static inline int vb_row_has(int K, int k, int a) {
  for (int b = 0; b < K && k >= K; b++)
    if (b != a && vb_pair_place(K, a, b) == k) return 1;
  return k == a;
}
double vb_link(int link, double value);       /* natural scale -> eta */
double vb_link_slope(int link, double value); /* d eta / d value */
double vb_link_inverse(int link, double eta);
/* numbers as vb_pair_place() counts them <-> weights of an observation's rows */
void vb_polarise(int K, const double *h, double *row);
void vb_unpolarise(int K, const double *row, double *h);
/* covariances as vb_pair_place() counts them, of the variances of an observation's rows */
void vb_row_covariances(int K, const double *v, double *cov);
/* Cholesky factor of covariances, both counted as pairs are: at (b, a), b <= a, row a of column b;
 * what rounding makes negative is zero */
void vb_pairs_factor(int K, const double *cov, double *root);
#endif
