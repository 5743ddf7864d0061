/* The tables.  A new likelihood, prior or approximation is one file and one row here; R reads
 * vb_tables(). */
#include <string.h>
#include "rows/approximations/approximation.h"
#include "rows/rows.h"
#include "rows/several.h"

extern const vb_family vb_family_gaussian, vb_family_binomial_logit, vb_family_binomial_probit,
    vb_family_binomial_cloglog, vb_family_poisson, vb_family_negbinomial, vb_family_student,
    vb_family_Gamma, vb_family_beta, vb_family_asym_laplace, vb_family_binomial_logit_jj,
    vb_family_binomial_probit_jj, vb_family_negbinomial_jj, vb_family_student_jj,
    vb_family_asym_laplace_jj, vb_family_cumulative_logit, vb_family_cumulative_logit_jj,
    vb_family_cumulative_probit, vb_family_cumulative_probit_jj;

static const vb_family *const family[] = {&vb_family_gaussian,
                                          &vb_family_binomial_logit,
                                          &vb_family_binomial_probit,
                                          &vb_family_binomial_cloglog,
                                          &vb_family_poisson,
                                          &vb_family_negbinomial,
                                          &vb_family_student,
                                          &vb_family_Gamma,
                                          &vb_family_beta,
                                          &vb_family_asym_laplace,
                                          &vb_family_binomial_logit_jj,
                                          &vb_family_binomial_probit_jj,
                                          &vb_family_negbinomial_jj,
                                          &vb_family_student_jj,
                                          &vb_family_asym_laplace_jj,
                                          &vb_family_cumulative_logit,
                                          &vb_family_cumulative_logit_jj,
                                          &vb_family_cumulative_probit,
                                          &vb_family_cumulative_probit_jj};

extern const vb_several vb_several_Gamma, vb_several_beta, vb_several_beta_binomial,
    vb_several_categorical, vb_several_gaussian, vb_several_hurdle_gamma,
    vb_several_hurdle_lognormal, vb_several_hurdle_negbinomial, vb_several_hurdle_poisson,
    vb_several_lognormal, vb_several_multinomial, vb_several_negbinomial, vb_several_student,
    vb_several_weibull, vb_several_zero_inflated_beta, vb_several_zero_inflated_binomial,
    vb_several_zero_inflated_negbinomial, vb_several_zero_inflated_poisson,
    vb_several_zero_one_inflated_beta;

static const vb_several *const several[] = {&vb_several_Gamma,
                                            &vb_several_beta,
                                            &vb_several_beta_binomial,
                                            &vb_several_categorical,
                                            &vb_several_gaussian,
                                            &vb_several_hurdle_gamma,
                                            &vb_several_hurdle_lognormal,
                                            &vb_several_hurdle_negbinomial,
                                            &vb_several_hurdle_poisson,
                                            &vb_several_lognormal,
                                            &vb_several_multinomial,
                                            &vb_several_negbinomial,
                                            &vb_several_student,
                                            &vb_several_weibull,
                                            &vb_several_zero_inflated_beta,
                                            &vb_several_zero_inflated_binomial,
                                            &vb_several_zero_inflated_negbinomial,
                                            &vb_several_zero_inflated_poisson,
                                            &vb_several_zero_one_inflated_beta};

extern const vb_prior vb_prior_normal, vb_prior_student_t, vb_prior_cauchy, vb_prior_exponential,
    vb_prior_gamma, vb_prior_flat, vb_prior_laplace, vb_prior_pc, vb_prior_horseshoe,
    vb_prior_inv_chi, vb_prior_inv_gamma, vb_prior_pc_cor, vb_prior_beta, vb_prior_logistic;

static const vb_prior *const prior[] = {
    &vb_prior_normal,    &vb_prior_student_t, &vb_prior_cauchy,    &vb_prior_exponential,
    &vb_prior_gamma,     &vb_prior_flat,      &vb_prior_laplace,   &vb_prior_pc,
    &vb_prior_horseshoe, &vb_prior_inv_chi,   &vb_prior_inv_gamma, &vb_prior_pc_cor,
    &vb_prior_beta,      &vb_prior_logistic};

extern const vb_covariance vb_covariance_us, vb_covariance_diag, vb_covariance_homdiag,
    vb_covariance_cs, vb_covariance_homcs;

static const vb_covariance *const covariance[] = {&vb_covariance_us, &vb_covariance_diag,
                                                  &vb_covariance_homdiag, &vb_covariance_cs,
                                                  &vb_covariance_homcs};

extern const vb_precision vb_precision_iid, vb_precision_known, vb_precision_ar1, vb_precision_car,
    vb_precision_gp_exp_quad, vb_precision_gp_matern32, vb_precision_gp_matern52,
    vb_precision_known_sparse, vb_precision_ar1_sparse, vb_precision_bym2;

static const vb_precision *const precision[] = {
    &vb_precision_iid,         &vb_precision_known,        &vb_precision_ar1,
    &vb_precision_car,         &vb_precision_gp_exp_quad,  &vb_precision_gp_matern32,
    &vb_precision_gp_matern52, &vb_precision_known_sparse, &vb_precision_ar1_sparse,
    &vb_precision_bym2};

int vb_family_count(void) { return (int)(sizeof family / sizeof *family); }

const vb_family *vb_family_row(int i) { return family[i]; }

const char *vb_family_bound(const vb_family *f) { return f->bound ? f->bound : "exact"; }

const vb_family *vb_family_find(const char *name, const char *link, const char *bound) {
  for (int i = 0; i < vb_family_count(); i++)
    if (!strcmp(family[i]->name, name) && !strcmp(family[i]->link, link) &&
        !strcmp(vb_family_bound(family[i]), bound))
      return family[i];
  return NULL;
}

int vb_several_count(void) { return (int)(sizeof several / sizeof *several); }

const vb_several *vb_several_row(int i) { return several[i]; }

const vb_several *vb_several_find(const char *name) {
  for (int i = 0; i < vb_several_count(); i++)
    if (!strcmp(several[i]->name, name)) return several[i];
  return NULL;
}

int vb_several_place(const vb_several *of, const char *name, int from) {
  if (!of->n_par) return from;
  for (int k = from; k < of->n_par; k++)
    if (!strcmp(of->par_name[k], name)) return k;
  return -1;
}

int vb_prior_count(void) { return (int)(sizeof prior / sizeof *prior); }

const vb_prior *vb_prior_row(int i) { return prior[i]; }

int vb_covariance_count(void) { return (int)(sizeof covariance / sizeof *covariance); }

const vb_covariance *vb_covariance_row(int i) { return covariance[i]; }

const vb_covariance *vb_covariance_find(const char *name) {
  for (int i = 0; i < vb_covariance_count(); i++)
    if (!strcmp(covariance[i]->name, name)) return covariance[i];
  return NULL;
}

size_t vb_precision_size(const vb_precision *row, int n) {
  if (row->weigh) return row->n_matrix * (size_t)n + row->n_log + 1;
  return row->per_level * (size_t)n + row->square * (size_t)n * n + row->more;
}

int vb_precision_count(void) { return (int)(sizeof precision / sizeof *precision); }

const vb_precision *vb_precision_row(int i) { return precision[i]; }

const vb_precision *vb_precision_find(const char *name) {
  for (int i = 0; i < vb_precision_count(); i++)
    if (!strcmp(precision[i]->name, name)) return precision[i];
  return NULL;
}

double vb_prior_log_upper(const vb_prior *p, const double *arg) {
  return p->log_upper ? p->log_upper(arg) : 0;
}

const vb_prior *vb_prior_find(const char *name) {
  for (int i = 0; i < vb_prior_count(); i++)
    if (!strcmp(prior[i]->name, name)) return prior[i];
  return NULL;
}

extern const vb_approximation vb_approximation_meanfield, vb_approximation_lowrank,
    vb_approximation_fullrank;

static const vb_approximation *const approximation[] = {
    &vb_approximation_meanfield, &vb_approximation_lowrank, &vb_approximation_fullrank};

int vb_approximation_count(void) { return (int)(sizeof approximation / sizeof *approximation); }

const vb_approximation *vb_approximation_row(int i) { return approximation[i]; }

const vb_approximation *vb_approximation_find(const char *name) {
  for (int i = 0; i < vb_approximation_count(); i++)
    if (!strcmp(approximation[i]->name, name)) return approximation[i];
  return NULL;
}

const vb_coordinate *vb_coordinate_find(const char *name) {
  static const vb_coordinate *const coordinate[] = {
      &vb_coord_log,  &vb_coord_probit, &vb_coord_identity,   &vb_coord_cube,
      &vb_coord_unit, &vb_coord_cosh,   &vb_coord_soft_power, &vb_coord_sinh};
  for (size_t i = 0; i < sizeof coordinate / sizeof *coordinate; i++)
    if (!strcmp(coordinate[i]->name, name)) return coordinate[i];
  return NULL;
}
