/* A finished fit that is open: what the doors to it read. */
#ifndef VB_R_OPEN_H
#define VB_R_OPEN_H
#include "r/r.h"

typedef struct {
  vb_host host;
  vb_request request;
  vb_model model;
  vb_posterior post;
  int *cell; /* of each row of the spec */
} vb_opened;

/* what a handle of vb_r_open stands for; an error where that call is over */
vb_opened *vb_r_opened(SEXP handle);
#endif
