/* What of q(c) is coupled, one row for each answer (mathematics.Rmd, sections 4 and 10).
 *
 *   full        all coefficients: an arrow is eliminated (arrow.h: solve.c, inverse.c, ...)
 *   partial     the fixed effects with every level, but no level with another (factorised.c;
 * Goplerud, Papaspiliopoulos & Zanella 2025) meanfield   nothing
 *
 * The row lays out a model's coefficients and does all that depends on which blocks of the
 * precision P(theta) + A'diag(h)A are kept.  The functions of gauss.h ask it; nothing asks which
 * row it is. */
#ifndef VB_SCHEME_H
#define VB_SCHEME_H
#include "gauss/new_row.h"

struct vb_scheme {
  const char *name;
  int independent; /* q(c) is one Gaussian whatever theta is: q(theta) follows by coordinate ascent
                    */
  const char *(*solver)(const vb_model *); /* what solves for the mean, as a fit reports it */
  double (*cost)(const vb_model *);        /* of factor and inverse, in operations, roughly */
  void (*layout)(const vb_host *, vb_model *);
  void (*alloc)(const vb_model *, vb_cross *, vb_solution *); /* either may be NULL */
  /* what the random effects add to cross->beta */
  void (*cross)(const vb_model *, const double *h, vb_cross *);
  vb_status (*factor)(const vb_model *, const vb_theta *, const vb_cross *, double scale,
                      vb_solution *);
  vb_status (*factor_beta)(const vb_model *, const double *site_precision, vb_solution *);
  vb_status (*solve)(const vb_model *, vb_solution *, double *r);
  vb_status (*inverse)(const vb_model *, const double *congruence, vb_solution *);
  /* as much of it as the variances of rows that are not among the model's take */
  vb_status (*row_inverse)(const vb_model *, const double *congruence, vb_solution *);
  /* added to the variances of n linear predictors, from `from` on: all but beta's own part */
  void (*row_variance)(const vb_model *, const vb_solution *, int from, int n, double *v);
  /* of a row that need not be the model's, x being in r (new_row.h); and then, of its own levels,
   * Cov(eta, u) into cov_level.  NULL: nothing is known of q that would ask for it */
  double (*new_row)(const vb_model *, const vb_theta *, const vb_solution *, const vb_new_rows *,
                    int i, const double *ratio, vb_new_row *);
  void (*row_covariance)(const vb_model *, const vb_solution *, const vb_new_rows *, int i,
                         const double *ratio, vb_new_row *);
  /* standard normals -> a draw of q about its mean, beta's part multiplied by congruence */
  void (*draw)(const vb_model *, const double *congruence, vb_solution *, double *delta);
  /* p x p: of beta given theta, exactly, where the scheme itself understates it; r is scratch for
   * c.  NULL: S_bb is what there is */
  vb_status (*beta_covariance)(const vb_model *, vb_solution *, double *r, double *out);
};
extern const vb_scheme vb_scheme_full, vb_scheme_partial, vb_scheme_meanfield;
int vb_scheme_count(void);
const vb_scheme *vb_scheme_row(int i);
int vb_scheme_index(const vb_scheme *scheme);

/* beta of delta <- congruence beta; scratch: p */
static inline void vb_multiply_beta(int p, const double *congruence, double *scratch,
                                    double *delta) {
  for (int k = 0; k < p; k++) {
    scratch[k] = 0;
    for (int l = 0; l < p; l++) scratch[k] += congruence[k + (size_t)l * p] * delta[l];
  }
  for (int k = 0; k < p; k++) delta[k] = scratch[k];
}

/* vb_model_build() and the scheme's layout */
vb_status vb_scheme_model(const vb_host *host, const vb_scheme *scheme, const vb_input *in,
                          int cores, vb_model *model, int *cell);

/* ---- The solver: layout.c ---- */
typedef struct {
  const vb_input *input;
  const vb_scheme *scheme;
  const vb_sparse *sparse;
  int cores, solver;
  int may_factorise; /* couple less than asked for where a Cholesky factor would be dear, */
  double most_bytes; /* or where it would not fit; 0: never */
} vb_layout;
/* vb_scheme_model() and the choice of its solver; core, made by the caller and zeroed, is what
 * sparse->release() takes in the end */
vb_status vb_model_lay_out(const vb_host *host, const vb_layout *layout, vb_core *core,
                           vb_model *model, int *cell);
#endif
