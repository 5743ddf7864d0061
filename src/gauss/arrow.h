/* The arrow: all coefficients coupled, leaf levels eliminated one by one, then the core, then the
 * fixed effects (mathematics.Rmd, section 4).  The row vb_scheme_full is at the end of solve.c. */
#ifndef VB_ARROW_H
#define VB_ARROW_H
#include "gauss/scheme.h"

/* arrow_pass.c: of the rows */
void vb_arrow_cross_products(const vb_model *model, const double *h, vb_cross *cross);
void vb_arrow_row_variance(const vb_model *model, const vb_solution *s, int from, int n, double *v);
/* solve.c: r -> reduced right-hand side on beta (in place: r keeps the reduced core and leaf
 * parts); and back, after beta's part is solved */
void vb_arrow_reduce(const vb_model *model, vb_solution *s, double *r);
void vb_arrow_expand(const vb_model *model, vb_solution *s, double *r);
/* inverse.c: S_bb alone; S on the pattern */
void vb_arrow_beta_inverse(const vb_model *model, const double *congruence, vb_solution *s);
vb_status vb_arrow_inverse(const vb_model *model, const double *congruence, vb_solution *s);

/* arrow_row.c: of a row that need not be the model's */
double vb_arrow_new_row(const vb_model *model, const vb_theta *theta, const vb_solution *s,
                        const vb_new_rows *rows, int i, const double *ratio, vb_new_row *r);
void vb_arrow_row_covariance(const vb_model *model, const vb_solution *s, const vb_new_rows *rows,
                             int i, const double *ratio, vb_new_row *r);

static inline size_t vb_core_size(const vb_model *m) {
  return m->core.col_start ? (size_t)m->core.col_start[m->q] : (size_t)m->q * m->q;
}
/* entry of S for the pair (a, b) of level j's front */
static inline double vb_inverse_pair(const vb_model *m, const vb_solution *s, int j, int a, int b) {
  size_t at = a >= b ? vb_pair_position(m, j, a, b) : vb_pair_position(m, j, b, a);
  return s->arrow.core.inv[at];
}
#endif
