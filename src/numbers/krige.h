/* Ordinary kriging (Cressie 1993, section 3.2) from the nearest of many places: the average with
 * weights that sum to one and that a smooth function asks for. */
#ifndef VB_KRIGE_H
#define VB_KRIGE_H
#include "numbers/optimise.h"

enum { VB_KRIGE_NEAR = 24 }; /* places that are asked */
#define VB_KRIGE_LENGTH 6.0  /* of the kernel between nodes, in units of their axes */
typedef struct {             /* nearest first, with their squared distances */
  int n, K;
  double length; /* of the kernel */
  double distance[VB_KRIGE_NEAR], z[VB_KRIGE_NEAR][VB_MAX_AXIS], weight[VB_KRIGE_NEAR];
  const void *what[VB_KRIGE_NEAR]; /* the caller's: what there is at the place */
} vb_krige;
/* z, at squared distance d, if it is among the nearest */
void vb_krige_add(vb_krige *k, const double *z, double d, const void *what);
vb_status vb_krige_weigh(vb_krige *k);
/* sum of of[s] (n each), by the weights */
void vb_krige_average(const vb_krige *k, int n, const double *const *of, double *out);
/* the same of precisions, none of which falls far below the nearest place's */
void vb_krige_precisions(const vb_krige *k, int n, const double *const *of, double *out);
#endif
