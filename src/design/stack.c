/* Observations of several predictors as rows of one (rows/several.h): each is as many rows as it
 * has predictors and pairs of them, one behind the other.  A column belongs to one predictor, and
 * is zero in the rows of the others. */
#include "design/design.h"

typedef struct {
  const vb_host *host;
  const vb_predictors *by;
  int n; /* observations */
} stack;

/* value - at, in the rows of predictor a */
static double *stacked(const stack *s, const double *value, double at, int a, double *to) {
  int width = s->by->width, here[VB_MAX_WIDTH];
  for (int k = 0; k < width; k++) here[k] = vb_row_has(s->by->n_active, k, a);
  for (int i = 0; i < s->n; i++)
    for (int k = 0; k < width; k++)
      if (here[k]) to[(size_t)i * width + k] = value[i] - at;
  return to;
}

static double *room(const stack *s, size_t columns) {
  return s->host->alloc(columns * s->n * s->by->width + 1, sizeof(double));
}

static void stack_columns(const stack *s, const int *predictor, vb_input *in) {
  const double **x = s->host->alloc(in->p + 1, sizeof *x);
  for (int k = 0; k < in->p; k++)
    x[k] = stacked(s, in->x[k], in->center[k], predictor[k], room(s, 1));
  in->x = x;
  in->centred = 1;
}

static void stack_term(const stack *s, const int *predictor, int t, vb_input *in) {
  int d = in->d[t], width = s->by->width;
  size_t n = (size_t)s->n * width;
  double *z = room(s, d);
  int *group = s->host->alloc(n + 1, sizeof(int));
  for (int a = 0; a < d; a++) stacked(s, in->z[t] + (size_t)a * s->n, 0, predictor[a], z + a * n);
  for (size_t i = 0; i < n; i++) group[i] = in->group[t][i / width];
  in->z[t] = z;
  in->group[t] = group;
}

static void stack_offset(const stack *s, vb_input *in) {
  int width = s->by->width, K = s->by->n_active;
  double *offset = room(s, 1);
  for (int a = 0; a < K; a++)
    for (int i = 0; i < s->n; i++)
      for (int k = 0; k < width; k++)
        if (vb_row_has(K, k, a)) offset[(size_t)i * width + k] += in->offset[i + (size_t)a * s->n];
  in->offset = offset;
}

static void stack_rows(const stack *s, int n_y, vb_input *in) {
  int width = s->by->width;
  double *y = room(s, 1), *w = room(s, 1);
  for (int i = 0; i < s->n; i++)
    for (int k = 0; k < width; k++) {
      y[(size_t)i * width + k] = in->rows.y[i + (k < n_y ? (size_t)k * s->n : 0)];
      w[(size_t)i * width + k] = in->rows.w[i];
    }
  for (int i = 0; i < s->n && s->by->of->constant; i++) {
    const double *of[VB_MAX_PREDICTORS];
    for (int k = 0; k < n_y; k++) of[k] = in->rows.y + i + (size_t)k * s->n;
    const vb_several_at one = {1, of, in->rows.w + i, NULL};
    in->constant += s->by->of->constant(s->by->n_par, &one);
  }
  in->rows.n = s->n * width;
  in->rows.y = y;
  in->rows.w = w;
}

void vb_stack(const vb_host *host, const vb_predictor_of *of, vb_input *in) {
  const stack s = {host, in->family->several, in->n};
  const double **z = host->alloc(in->n_term + 1, sizeof *z);
  const int **group = host->alloc(in->n_term + 1, sizeof *group);
  for (int t = 0; t < in->n_term; t++) {
    z[t] = in->z[t];
    group[t] = in->group[t];
  }
  in->z = z;
  in->group = group;
  stack_columns(&s, of->column, in);
  for (int t = 0; t < in->n_term; t++) stack_term(&s, of->term[t], t, in);
  stack_offset(&s, in);
  stack_rows(&s, of->n_y, in);
  in->n = in->rows.n;
}
