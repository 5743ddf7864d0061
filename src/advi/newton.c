/* Newton-CG in a trust region (Nocedal & Wright 2006, algorithms 4.1 and 7.2), maximising the bound
 * at fixed draws.  It polishes from where L-BFGS has come to rest, for a Gaussian target down to
 * rounding. */
#include <math.h>
#include <string.h>
#include "advi/advi.h"
#include "numbers/small.h"

#define MAX_CG 50
#define MAX_STEP 30
#define MAX_RADIUS 10 /* posterior sds, if the frame is right */
#define GAUSSIAN 1e-6 /* even parts of the gradient up to which there is no sampling error */

/* How far to go: `forcing` is the residual of a linear system, relative to the gradient, `worth`
 * the nats per parameter below which nothing is left to be had. */
typedef struct {
  double forcing, worth;
} precision;
static const precision to_rounding = {1e-2, 1e-18}, below_noise = {0.1, 1e-8};

typedef struct {
  double *step, *r, *d, *hd, *x, *grad;
} workspace;

static void workspace_alloc(const vb_host *host, int n, workspace *w) {
  double **part[] = {&w->step, &w->r, &w->d, &w->hd, &w->x, &w->grad};
  for (int k = 0; k < 6; k++) *part[k] = host->alloc(n, sizeof(double));
}

/* Steihaug's truncated conjugate gradients for -H s = g within |s| <= radius, H at par, where the
 * gradient is g; promised is what the quadratic model gains */
static vb_status truncated_cg(vb_saa *s, const double *par, const double *g, double forcing,
                              double radius, workspace *w, double *promised) {
  int n = s->q->n_par;
  double rr = vb_dot(n, g, g), stop = forcing * forcing * rr;
  memset(w->step, 0, sizeof(double) * n);
  memcpy(w->r, g, sizeof(double) * n); /* g + H s */
  memcpy(w->d, g, sizeof(double) * n);
  for (int k = 0; k < MAX_CG && rr > stop; k++) {
    vb_status st = vb_saa_hessian(s, par, g, w->d, w->hd);
    if (st != VB_OK) return st;
    if (k % 8 == 7 && s->host->poll()) return VB_INTERRUPTED;
    double curvature = -vb_dot(n, w->d, w->hd), dd = vb_dot(n, w->d, w->d);
    double sd = vb_dot(n, w->step, w->d), ss = vb_dot(n, w->step, w->step);
    double edge = (-sd + sqrt(fmax(sd * sd + dd * (radius * radius - ss), 0))) / dd;
    int flat = !(curvature > 1e-12 * dd);
    double alpha = flat ? edge : fmin(rr / curvature, edge);
    for (int i = 0; i < n; i++) {
      w->step[i] += alpha * w->d[i];
      w->r[i] += alpha * w->hd[i];
    }
    if (alpha == edge) break;
    double next = vb_dot(n, w->r, w->r);
    for (int i = 0; i < n; i++) w->d[i] = w->r[i] + next / rr * w->d[i];
    rr = next;
  }
  *promised = (vb_dot(n, w->step, g) + vb_dot(n, w->step, w->r)) / 2;
  return VB_OK;
}

vb_status vb_newton_run(vb_saa *s, double *par, double *f, double *grad, double *decrement) {
  const vb_host *host = s->host;
  int n = s->q->n_par;
  double radius = 1, promised, best;
  const precision *to = vb_saa_even(s, NULL) < GAUSSIAN ? &to_rounding : &below_noise;
  double worth = to->worth * s->q->dim;
  workspace w;
  workspace_alloc(host, n, &w);
  best = vb_dot(n, grad, grad);
  /* where q is N(0, I) in its frame curvature is about one, half the squared gradient the decrement
   */
  int framed = s->q->form->absorb != NULL;
  for (int it = 0; it < MAX_STEP && (best / 2 > worth || !framed); it++) {
    vb_status st = truncated_cg(s, par, grad, to->forcing, radius, &w, &promised);
    if (st == VB_INTERRUPTED || host->poll()) return VB_INTERRUPTED;
    if (st != VB_OK) return VB_OK; /* the edge of where log p can be had: nothing to polish */
    /* a step cut short at the radius promises little because it is short */
    if (promised >= 0 && vb_dot(n, w.step, w.step) < 0.98 * radius * radius)
      *decrement = fmin(*decrement, promised);
    if (!(promised > worth)) return VB_OK;
    double next, length = sqrt(vb_dot(n, w.step, w.step));
    for (int i = 0; i < n; i++) w.x[i] = par[i] + w.step[i];
    st = vb_saa_eval(s, w.x, &next, w.grad);
    if (st == VB_INTERRUPTED) return st;
    /* where the gain drowns in f's rounding the gradient must tell */
    double noise = 1e-13 * (1 + fabs(*f)),
           size = st == VB_OK ? vb_dot(n, w.grad, w.grad) : INFINITY;
    int better =
        st == VB_OK && (promised > noise ? next - *f > 0.1 * promised - noise : size < best);
    if (!better) {
      if (promised <= noise || length < 1e-10) return VB_OK;
      radius = length / 4;
      continue;
    }
    if (length > 0.9 * radius) radius = fmin(2 * radius, MAX_RADIUS);
    double progress = size / best;
    memcpy(par, w.x, sizeof(double) * n);
    memcpy(grad, w.grad, sizeof(double) * n);
    *f = next;
    best = size;
    if (framed) *decrement = fmin(*decrement, size / 2);
    if (promised <= noise && progress > 0.25) return VB_OK;
  }
  return VB_OK;
}
