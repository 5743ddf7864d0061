/* The density, with its books, and the frame in which q is sought. */
#include <math.h>
#include <string.h>
#include "advi/advi.h"

#define FRAME_CALL 4e6 /* doubles of scratch */

vb_status vb_density_eval(vb_density *density, int n, const double *x, double *value,
                          double *grad) {
  int dim = density->dim;
  vb_status st = density->eval(density->data, n, x, value, grad);
  if (st != VB_OK) return st;
  *(grad ? &density->n_grad : &density->n_value) += n;
  for (int i = 0; i < n; i++) {
    double *g = grad ? grad + (size_t)i * dim : NULL, sum = value[i];
    for (int k = 0; k < dim && g; k++) sum += g[k] - g[k] == 0 ? 0 : NAN;
    if (isfinite(sum)) continue;
    value[i] = -INFINITY;
    if (g) memset(g, 0, sizeof(double) * dim);
    if (density->bad && !density->n_bad)
      memcpy(density->bad, x + (size_t)i * dim, sizeof(double) * dim);
    density->n_bad++;
  }
  if (density->tells_lik) return VB_OK;
  density->lik = 0;
  for (int i = 0; i < n; i++) density->lik += value[i];
  return VB_OK;
}

void vb_frame_alloc(const vb_host *host, int dim, int dense, vb_frame *frame) {
  frame->dim = dim;
  frame->dense = dense;
  frame->center = host->alloc(dim, sizeof(double));
  frame->root = host->alloc(dense ? (size_t)dim * dim : (size_t)dim, sizeof(double));
  for (int k = 0; k < dim; k++) frame->root[dense ? k * (size_t)(dim + 1) : (size_t)k] = 1;
  frame->log_det = 0;
}

/* out <- root v, columns */
void vb_frame_root(const vb_frame *frame, int n, const double *v, double *out) {
  int d = frame->dim;
  if (frame->dense) vb_gemm_nn(d, n, d, 1, frame->root, d, v, d, 0, out, d);
  for (int i = 0; i < n && !frame->dense; i++)
    for (int k = 0; k < d; k++) out[(size_t)i * d + k] = frame->root[k] * v[(size_t)i * d + k];
}

/* out (dim) <- row k of root */
void vb_frame_row(const vb_frame *frame, int k, double *out) {
  for (int i = 0; i < frame->dim; i++)
    out[i] = frame->dense ? frame->root[k + (size_t)frame->dim * i] : i == k ? frame->root[k] : 0;
}

void vb_frame_to_x(const vb_frame *frame, int n, const double *y, double *x) {
  vb_frame_root(frame, n, y, x);
  for (int i = 0; i < n; i++)
    for (int k = 0; k < frame->dim; k++) x[(size_t)i * frame->dim + k] += frame->center[k];
}

/* out <- root' g, columns */
void vb_frame_pull(const vb_frame *frame, int n, const double *g, double *out) {
  int d = frame->dim;
  if (frame->dense) vb_gemm_tn(d, n, d, 1, frame->root, d, g, d, 0, out, d);
  for (int i = 0; i < n && !frame->dense; i++)
    for (int k = 0; k < d; k++) out[(size_t)i * d + k] = frame->root[k] * g[(size_t)i * d + k];
}

static vb_status framed_eval(void *data, int n, const double *y, double *value, double *grad) {
  vb_framed *f = data;
  int d = f->frame->dim;
  f->self.lik = 0;
  for (int from = 0; from < n; from += f->cap) {
    int m = n - from < f->cap ? n - from : f->cap;
    vb_frame_to_x(f->frame, m, y + (size_t)from * d, f->x);
    vb_status st = vb_density_eval(f->of, m, f->x, value + from, grad ? f->gx : NULL);
    if (st != VB_OK) return st;
    f->self.lik += f->of->lik;
    if (grad) vb_frame_pull(f->frame, m, f->gx, grad + (size_t)from * d);
    for (int i = from; i < from + m; i++) value[i] += f->frame->log_det;
  }
  return VB_OK;
}

static vb_status framed_subsample(void *data, int size, const double *uniform) {
  vb_density *of = ((vb_framed *)data)->of;
  return of->subsample(of->data, size, uniform);
}

void vb_framed_make(const vb_host *host, vb_density *of, vb_frame *frame, vb_framed *out) {
  int d = frame->dim;
  *out = (vb_framed){.of = of, .frame = frame, .cap = (int)fmax(1, FRAME_CALL / d)};
  if (out->cap > 4096) out->cap = 4096;
  out->x = host->alloc((size_t)d * out->cap, sizeof(double));
  out->gx = host->alloc((size_t)d * out->cap, sizeof(double));
  out->self = (vb_density){.dim = d,
                           .data = out,
                           .eval = framed_eval,
                           .tells_lik = 1,
                           .kinked = of->kinked,
                           .subsample = of->subsample ? framed_subsample : NULL};
}

/* ---- q in its frame ---- */

void vb_frame_shrink(vb_frame *frame) {
  size_t n = frame->dense ? (size_t)frame->dim * frame->dim : (size_t)frame->dim;
  for (size_t i = 0; i < n; i++) frame->root[i] /= 2;
  frame->log_det -= frame->dim * log(2);
}

void vb_frame_absorb(const vb_host *host, vb_q *q, vb_frame *frame) {
  if (!q->form->absorb) return;
  double *center = host->alloc(q->dim, sizeof(double));
  vb_frame_to_x(frame, 1, q->par, center);
  memcpy(frame->center, center, sizeof(double) * q->dim);
  q->form->absorb(q, q->par + q->dim, frame);
  memset(q->par, 0, sizeof(double) * q->dim);
  q->form->start(q, q->par + q->dim);
}

void vb_frame_var(const vb_host *host, const vb_q *q, const double *par, const vb_frame *frame,
                  double *var) {
  int d = q->dim;
  double *unit = host->alloc((size_t)q->n_noise + 2 * d, sizeof(double)), *y = unit + q->n_noise,
         *x = y + d;
  memset(var, 0, sizeof(double) * d);
  int diagonal = !q->form->full && q->rank == 0 && !(frame && frame->dense);
  for (int m = 0; m < (diagonal ? 1 : q->n_noise); m++) {
    for (int k = 0; diagonal && k < q->n_noise; k++) unit[k] = 1;
    unit[m] = 1;
    q->form->spread(q, par + d, 1, unit, y);
    if (frame) vb_frame_root(frame, 1, y, x);
    for (int k = 0; k < d; k++) var[k] += frame ? x[k] * x[k] : y[k] * y[k];
    unit[m] = 0;
  }
}
