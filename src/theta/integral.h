/* What the files of the integral over theta share: its surface, its points and its budget. */
#ifndef VB_INTEGRAL_H
#define VB_INTEGRAL_H
#include "theta/surface.h"

#define VB_HOPELESS 3 /* nats of error that more values do not mend */

typedef struct {
  vb_surface surface;
  vb_cloud cloud;
  int T, T0, batch, exact; /* T points in the end, T0 in the first round */
  int cap;                 /* nodes, those that fill the mixture too */
  int components;          /* Gaussians of the mixture alone, at most */
  int light;               /* few axes, none of heavy tails */
  int astray;              /* a point was foretold as wrong as can be */
  int next;                /* point that a node is laid at */
  double goal, bad;        /* errors, sds in nats: aimed at, and not put up with */
  double missed_tilt, missed_gp;
} vb_integral;

/* ---- verify.c ---- */
/* The i-th of n points of the posterior: of one axis evenly along it; of more the points one after
 * the other, which are of low discrepancy, each as often as its weight says. */
int vb_integral_pick(vb_integral *w, int i, int n, double shift);
const double *vb_integral_point(const vb_integral *w, int t);
/* a node that is a point of the posterior */
vb_status vb_integral_node(vb_integral *w, int t);
/* Of a single axis every node says what the surface is: no correction is wanted. */
vb_status vb_integral_take_up(vb_surface *s);
/* batches of nodes at points of the posterior, which verify the surface and correct it, until the
 * last were predicted */
vb_status vb_integral_correct(vb_integral *w);
/* Where the surface has its points after a large correction, nobody has looked yet. */
vb_status vb_integral_verify_again(vb_integral *w);
#endif
