/* What of the likelihood of the covariances is known in closed form (reference.c). */
#ifndef VB_REFERENCE_H
#define VB_REFERENCE_H
#include "theta/pairs.h"
#include "theta/theta.h"

/* one random term: its levels, or some of many; a coefficient of one whose coefficients are
 * independent; or one field */
typedef struct {
  int term, first; /* the term, -1: a field's; the first of its coefficients */
  int d, n;
  int natural;    /* of a field's sd */
  double times;   /* how many levels each stands for */
  int n_delta;    /* columns that are fixed effects too: integrated out */
  double *p, *b;  /* n x d x d, n x d: precision and linear term of each level's cavity */
  vb_pairs pairs; /* the same where d is 2 */
  double delta_precision[VB_MAX_DIM]; /* infinite: no such fixed effect */
  double variance[VB_MAX_DIM];        /* one over the mean precision of its levels' data */
  double sd[VB_MAX_DIM], chol[VB_MAX_DIM * VB_MAX_DIM]; /* at the centre */
  double centre, centre_cd[2]; /* its likelihood, C and D there, where no sigma moves them */
  int ones;                    /* its column of ones, -1: none */
  double *table,
      from; /* of one sd: its sums over levels by log sd^2, from `from` on (reference.c) */
} vb_reference_term;
typedef struct {
  const vb_hyper *hyper;
  int n_term;
  vb_reference_term *term;
  int polar;                 /* the term whose sd is in polar coordinates with sigma, -1: none */
  int scaled;                /* the rows' precision goes like sigma^-2 */
  double sigma, least, most; /* at the centre; how far it is followed */
  int n_threshold;           /* ordered thresholds, of which the mean is a location */
  double data_variance;      /* of a location given all levels */
  double location, reach;    /* at the centre; how far it is followed */
} vb_reference;
/* all of a field's but its table (reference_field.c) */
vb_status vb_reference_field(vb_fit *fit, int i, vb_reference_term *r);
/* one over what the data know of coefficient a of term k, or of field i's */
double vb_reference_variance(const vb_reference *r, int k, int a);
double vb_reference_field_variance(const vb_reference *r, int i);
/* from the Gaussian that fit's inner, theta and block hold; scale: of each axis */
vb_status vb_reference_make(vb_fit *fit, const double *scale, vb_reference *r);
/* its log at what theta is set to, less that at the centre */
double vb_reference_at(const vb_reference *r, const vb_theta *theta);
#endif
