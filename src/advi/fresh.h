/* Stochastic gradients of the bound (fresh.c): their steps (ascent.c), and the averages of their
 * iterates (average.c). */
#ifndef VB_FRESH_H
#define VB_FRESH_H
#include "advi/advi.h"

/* ---- Averages of iterates ---- */
/* block means, so that memory does not grow with the iterations */
#define VB_AVERAGE_BLOCKS 40
typedef struct {
  int n;           /* entries of an iterate */
  int len, filled; /* iterates in a block, and in the one under way */
  int n_block;     /* that are full; the next one is under way */
  double *block;   /* n x (VB_AVERAGE_BLOCKS + 1) */
} vb_average;
void vb_average_alloc(const vb_host *host, int n, vb_average *avg);
void vb_average_clear(vb_average *avg, int len);
int vb_average_add(vb_average *avg, const double *x); /* 1: it filled a block */
void vb_average_over(const vb_average *avg, int from, int to, double *mean); /* of these blocks */

/* How means (in sds) or log sds of q change over the quarters of a window of blocks: mean squares
 * over the coordinates.  Of q and not of its parameters, as others may stand for the same q. */
typedef struct {
  double shift, worst; /* from the first half to the second; of the worst coordinate */
  double noise;        /* of a quarter's average, from the differences within the halves */
  double error;        /* of the average over all */
} vb_settling;
void vb_settling_of(const vb_host *host, const vb_average *avg, const vb_q *q, int from,
                    vb_settling *location, vb_settling *scale);

/* ---- Steps ---- */
typedef struct {
  vb_advi *advi;
  vb_q *q;
  int n, batch; /* draws and rows of an iteration; 0: all rows */
  double *z, *x, *value, *grad, *score, *uniform;
  double *g;                      /* n_par: gradient of the bound */
  double elbo, lik;               /* of this iteration */
  double typical;                 /* length of g */
  double *velocity, *before;      /* n_par */
  double rate;                    /* of an ascent where curvature is one: sets the next two */
  double step, inertia, steepest; /* steepest: largest curvature */
} vb_ascent;
void vb_ascent_alloc(vb_advi *advi, vb_ascent *a);
/* steepest, and a rate at which the noise of the gradient moves q by less than half an sd */
vb_status vb_ascent_begin(vb_ascent *a);
vb_status vb_ascent_end(vb_ascent *a); /* all rows again */
void vb_ascent_rate(vb_ascent *a, double rate);
void vb_ascent_rest(vb_ascent *a); /* from q->par, with no velocity */
/* gradient and elbo at q->par by new draws; VB_NOT_FINITE: no log p at some of them */
vb_status vb_ascent_estimate(vb_ascent *a);
vb_status vb_ascent_step(vb_ascent *a); /* an estimate, and q->par moves */
#endif
