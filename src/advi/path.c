/* The Gaussian of an iterate of L-BFGS (Zhang, Carpenter, Gelman & Vehtari 2022): its
 * covariance H is the BFGS estimate of the inverse Hessian, made of a diagonal and the pairs (s, y)
 * of steps and changes of the gradient.
 *
 * H differs from diag(e) on the span of s and e y only.  In an orthonormal basis Q of diag(e)^-1/2
 * times that span, H = diag(e)^1/2 (I + Q (C - I) Q') diag(e)^1/2, and the updates are those of the
 * small matrix C.  The compact form of the paper is the same H, but inverts the triangle of S'Y,
 * which is singular to rounding where steps are nearly collinear. */
#include <math.h>
#include <string.h>
#include "advi/advi.h"
#include "numbers/small.h"

#define IN_SPAN 1e-10 /* what is left of a vector that is in the span already, relatively */

static int low_max(int dim) { return dim < 2 * VB_PATH_HISTORY ? dim : 2 * VB_PATH_HISTORY; }

void vb_path_alloc(const vb_host *host, int dim, vb_path *path) {
  size_t n_low = low_max(dim);
  *path = (vb_path){.dim = dim, .elbo = -INFINITY};
  path->mean = host->alloc(dim, sizeof(double));
  path->scale = host->alloc(dim, sizeof(double));
  path->basis = host->alloc(dim * n_low, sizeof(double));
  path->core = host->alloc(n_low * n_low, sizeof(double));
}

void vb_path_copy(const vb_path *from, vb_path *to) {
  vb_path storage = *to;
  size_t dim = from->dim, n_low = from->n_low;
  *to = *from;
  to->mean = memcpy(storage.mean, from->mean, sizeof(double) * dim);
  to->scale = memcpy(storage.scale, from->scale, sizeof(double) * dim);
  to->basis = memcpy(storage.basis, from->basis, sizeof(double) * dim * n_low);
  to->core = memcpy(storage.core, from->core, sizeof(double) * n_low * n_low);
}

/* a <- coordinates of v in the basis, which grows by what is not in its span; v is lost.  Gram and
 * Schmidt, twice: orthogonal to rounding. */
static void extend(vb_path *path, double *v, double *a) {
  int dim = path->dim;
  double size = sqrt(vb_dot(dim, v, v));
  for (int pass = 0; pass < 2; pass++) {
    for (int j = 0; j < path->n_low; j++) {
      const double *q = path->basis + (size_t)j * dim;
      double c = vb_dot(dim, q, v);
      for (int i = 0; i < dim; i++) v[i] -= c * q[i];
      a[j] += c;
    }
  }
  double left = sqrt(vb_dot(dim, v, v));
  if (path->n_low == dim || !(left > IN_SPAN * size)) return;
  double *q = path->basis + (size_t)path->n_low * dim;
  for (int i = 0; i < dim; i++) q[i] = v[i] / left;
  a[path->n_low++] = left;
}

/* C <- (I - a b') C (I - b a') + a a', a'b = 1; cb: scratch */
static void update(int n, double *c, const double *a, const double *b, double *cb) {
  for (int i = 0; i < n; i++) cb[i] = vb_dot(n, c + (size_t)i * n, b);
  double by = 1 + vb_dot(n, b, cb);
  for (int j = 0; j < n; j++)
    for (int i = 0; i < n; i++)
      c[i + (size_t)j * n] += by * a[i] * a[j] - (cb[i] * a[j] + a[i] * cb[j]);
}

size_t vb_path_work(int dim) {
  size_t n_low = low_max(dim);
  return dim + (2 * VB_PATH_HISTORY + 1) * n_low;
}

/* the basis of the span, and in it a = s / e^1/2 and b = e^1/2 y, both over sqrt(s'y) */
static void span(const vb_lbfgs_memory *pair, vb_path *path, int width, double *ab, double *v) {
  int dim = path->dim;
  path->n_low = 0;
  for (int k = 0; k < pair->used; k++) {
    size_t at = (size_t)((pair->next - pair->used + k + pair->m) % pair->m) * dim;
    const double *s = pair->s + at, *y = pair->y + at;
    double root = sqrt(vb_dot(dim, s, y));
    for (int i = 0; i < dim; i++) v[i] = s[i] / (path->scale[i] * root);
    extend(path, v, ab + (size_t)(2 * k) * width);
    for (int i = 0; i < dim; i++) v[i] = y[i] * path->scale[i] / root;
    extend(path, v, ab + (size_t)(2 * k + 1) * width);
  }
}

/* out <- S v, one column; out may be v */
static void root_times(const vb_path *path, const double *v, double *out) {
  int dim = path->dim, n = path->n_low;
  double u[2 * VB_PATH_HISTORY];
  for (int j = 0; j < n; j++) u[j] = vb_dot(dim, path->basis + (size_t)j * dim, v);
  memmove(out, v, sizeof(double) * dim);
  for (int j = n - 1; j >= 0; j--) { /* out + Q (L - I) u */
    double d = -u[j];
    for (int l = 0; l <= j; l++) d += path->core[j + (size_t)l * n] * u[l];
    const double *q = path->basis + (size_t)j * dim;
    for (int i = 0; i < dim; i++) out[i] += d * q[i];
  }
  for (int i = 0; i < dim; i++) out[i] *= path->scale[i];
}

/* out <- S' v */
static void root_t_times(const vb_path *path, const double *v, double *out) {
  int dim = path->dim, n = path->n_low;
  double u[2 * VB_PATH_HISTORY];
  for (int i = 0; i < dim; i++) out[i] = v[i] * path->scale[i];
  for (int j = 0; j < n; j++) u[j] = vb_dot(dim, path->basis + (size_t)j * dim, out);
  for (int j = 0; j < n; j++) { /* out + Q (L' - I) u */
    double d = -u[j];
    for (int l = j; l < n; l++) d += path->core[l + (size_t)j * n] * u[l];
    const double *q = path->basis + (size_t)j * dim;
    for (int i = 0; i < dim; i++) out[i] += d * q[i];
  }
}

vb_status vb_path_build(const vb_lbfgs_memory *pair, const double *diag, const double *x,
                        const double *grad, double *work, vb_path *path) {
  int dim = path->dim, width = low_max(dim);
  double *v = work, *cb = v + dim, *ab = cb + width;
  memset(ab, 0, sizeof(double) * 2 * pair->used * width);
  for (int i = 0; i < dim; i++) path->scale[i] = sqrt(diag[i]);
  span(pair, path, width, ab, v);
  int n = path->n_low;
  memset(path->core, 0, sizeof(double) * (size_t)n * n);
  for (int j = 0; j < n; j++) path->core[j * (size_t)(n + 1)] = 1;
  for (int k = 0; k < pair->used; k++)
    update(n, path->core, ab + (size_t)(2 * k) * width, ab + (size_t)(2 * k + 1) * width, cb);
  vb_status st = vb_chol(n, path->core, n);
  if (st != VB_OK) return st;
  path->log_det = vb_chol_log_det(n, path->core, n) / 2;
  for (int i = 0; i < dim; i++) path->log_det += log(path->scale[i]);
  root_t_times(path, grad, v);
  root_times(path, v, path->mean);
  for (int i = 0; i < dim; i++) path->mean[i] += x[i];
  return isfinite(path->log_det) ? VB_OK : VB_NOT_POS_DEF;
}

void vb_path_draw(const vb_path *path, int n, const double *z, double *x, double *log_q) {
  int dim = path->dim;
  for (int c = 0; c < n; c++) {
    const double *zc = z + (size_t)c * dim;
    double *xc = x + (size_t)c * dim;
    if (log_q) log_q[c] = -(vb_dot(dim, zc, zc) + dim * VB_LOG_2PI) / 2 - path->log_det;
    root_times(path, zc, xc);
    for (int i = 0; i < dim; i++) xc[i] += path->mean[i];
  }
}

/* Where log p cannot be had at some draws: the bound for q given that it can, the mean of log p -
 * log q over the others plus log P(they are there). */
double vb_path_elbo(int n, const double *value, const double *log_q, double *se) {
  double sum = 0, square = 0;
  int had = 0;
  for (int i = 0; i < n; i++) {
    if (!isfinite(value[i])) continue;
    double change = value[i] - log_q[i] - sum;
    had++;
    sum += change / had; /* Welford */
    square += change * (value[i] - log_q[i] - sum);
  }
  *se = had > 1 ? sqrt(square / (had - 1) / had) : INFINITY;
  return had ? sum + log((double)had / n) : -INFINITY;
}

void vb_path_log_density(const vb_path *path, int n, const double *x, double *z, double *out) {
  int dim = path->dim, n_low = path->n_low;
  double u[2 * VB_PATH_HISTORY];
  for (int c = 0; c < n; c++) { /* |S^-1 (x - mean)|^2 = |v|^2 - |u|^2 + |L^-1 u|^2, u = Q'v */
    for (int i = 0; i < dim; i++) z[i] = (x[i + (size_t)c * dim] - path->mean[i]) / path->scale[i];
    for (int j = 0; j < n_low; j++) u[j] = vb_dot(dim, path->basis + (size_t)j * dim, z);
    double size = vb_dot(dim, z, z) - vb_dot(n_low, u, u);
    vb_chol_half(n_low, path->core, n_low, 1, u, n_low);
    size = fmax(size, 0) + vb_dot(n_low, u, u);
    out[c] = -(size + dim * VB_LOG_2PI) / 2 - path->log_det;
  }
}

void vb_path_var(const vb_path *path, double *out) {
  int dim = path->dim, n = path->n_low;
  for (int i = 0; i < dim; i++) { /* e (1 - |q|^2 + |L'q|^2), q the row of Q */
    const double *q = path->basis + i;
    double size = 1;
    for (int j = 0; j < n; j++) {
      double lq = 0;
      for (int l = j; l < n; l++) lq += path->core[l + (size_t)j * n] * q[(size_t)l * dim];
      size += lq * lq - q[(size_t)j * dim] * q[(size_t)j * dim];
    }
    out[i] = path->scale[i] * path->scale[i] * size;
  }
}

void vb_path_cov(const vb_path *path, double *out) {
  int dim = path->dim;
  for (int j = 0; j < dim; j++) { /* S S' e_j, its own scratch in the column */
    double *column = out + (size_t)j * dim;
    memset(column, 0, sizeof(double) * dim);
    column[j] = 1;
    root_t_times(path, column, column);
    root_times(path, column, column);
  }
}
