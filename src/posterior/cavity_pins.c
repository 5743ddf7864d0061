/* Leaving out a row that holds a pinned combination (gauss/pin.h): all that is known of where the
 * combination is would go with it, and the nodes, which lie where the row had them, could not be
 * weighted to where it then is.  With the row goes the pin: what is left is the Gaussian of all
 * others, the same from every node. */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "posterior/cavity.h"

#define MOST 0.5 /* of what the rows know of a combination: from here on it is held by one */

void vb_held_alloc(const vb_model *m, int n, vb_held *held) {
  const vb_host *host = m->host;
  held->by = host->alloc(n + 1, sizeof(int));
  held->s_a = host->alloc((size_t)m->n_coef * m->n_pin + 1, sizeof(double));
  held->t = host->alloc(m->n_pin + 1, sizeof(double));
  held->own = host->alloc(m->n + 1, sizeof(double));
}

vb_status vb_held_enter(const vb_model *m, const vb_theta *theta, vb_inner *in, vb_held *held) {
  for (int j = 0; j < m->n_pin; j++) {
    double *s_a = held->s_a + (size_t)j * m->n_coef;
    memcpy(s_a, m->pin[j].a, sizeof(double) * m->p);
    memset(s_a + m->p, 0, sizeof(double) * (m->n_coef - m->p));
    vb_status st = vb_solve(m, &in->sol, s_a);
    if (st != VB_OK) return st;
  }
  memcpy(held->t, theta->pin, sizeof(double) * m->n_pin);
  return VB_OK;
}

/* A cell's information of the combination, in units that all share: h Cov(eta, a'c)^2.  share: rows
 * of a cell */
void vb_held_find(const vb_model *m, const vb_units_out *units, const double *h, const int *share,
                  vb_held *held) {
  for (int j = 0; j < m->n_pin; j++) {
    double all = 0;
    for (int c = 0; c < m->n; c++) {
      double with = vb_design_row_dot(m, c, held->s_a + (size_t)j * m->n_coef);
      held->own[c] = fabs(h[c]) * with * with;
      all += held->own[c];
    }
    for (int u = 0; u < units->n; u++) {
      double sum = 0;
      for (int i = units->start[u]; i < units->start[u + 1]; i++) {
        int c = units->cell[units->row[i]];
        double own = held->own[c] / (share[c] > 0 ? share[c] : 1);
        sum += own;
        if (units->by_row && own > MOST * all) held->by[i] = j + 1;
      }
      if (!units->by_row && sum > MOST * all) held->by[u] = j + 1;
    }
  }
}

/* q without its pin's factor: of a predictor with the site g + h (eta - x) */
void vb_held_release(const vb_model *m, const vb_held *held, const double *mean, int pin, int cell,
                     vb_predicted *at) {
  const double *s_a = held->s_a + (size_t)pin * m->n_coef, *a = m->pin[pin].a;
  double precision = m->pin[pin].precision, with = vb_design_row_dot(m, cell, s_a);
  double left = 1 - precision * vb_dot(m->p, a, s_a);
  if (!(left > 0)) return;
  double off = held->t[pin] + m->pin[pin].origin - vb_dot(m->p, a, mean);
  double move = -with * precision * off / left;
  *at->eta += move;
  *at->v += with * with * precision / left;
  *at->g -= *at->h * move;
}
