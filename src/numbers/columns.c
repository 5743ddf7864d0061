/* Means and standard deviations of columns, with the sums of R's colMeans() and var(): long
 * doubles, of the values, of what they are off the mean, of the squares.  An addition waits for the
 * last, so that columns are summed side by side. */
#include <math.h>
#include "numbers/numbers.h"

enum { SIDE = 4 };

typedef struct {
  const double *x[SIDE];
  long double sum[SIDE];
} side;

static void add(int n, side *s) {
  const double *a = s->x[0], *b = s->x[1], *c = s->x[2], *d = s->x[3];
  long double sa = 0, sb = 0, sc = 0, sd = 0;
  for (int i = 0; i < n; i++) {
    sa += a[i];
    sb += b[i];
    sc += c[i];
    sd += d[i];
  }
  s->sum[0] = sa, s->sum[1] = sb, s->sum[2] = sc, s->sum[3] = sd;
}

/* x less `at` */
static void add_off(int n, const long double *at, side *s) {
  const double *a = s->x[0], *b = s->x[1], *c = s->x[2], *d = s->x[3];
  long double sa = 0, sb = 0, sc = 0, sd = 0;
  for (int i = 0; i < n; i++) {
    sa += a[i] - at[0];
    sb += b[i] - at[1];
    sc += c[i] - at[2];
    sd += d[i] - at[3];
  }
  s->sum[0] = sa, s->sum[1] = sb, s->sum[2] = sc, s->sum[3] = sd;
}

static void add_squares(int n, const long double *at, side *s) {
  const double *a = s->x[0], *b = s->x[1], *c = s->x[2], *d = s->x[3];
  long double sa = 0, sb = 0, sc = 0, sd = 0;
  for (int i = 0; i < n; i++) {
    long double ea = a[i] - at[0], eb = b[i] - at[1], ec = c[i] - at[2], ed = d[i] - at[3];
    sa += ea * ea;
    sb += eb * eb;
    sc += ec * ec;
    sd += ed * ed;
  }
  s->sum[0] = sa, s->sum[1] = sb, s->sum[2] = sc, s->sum[3] = sd;
}

void vb_column_moments(int n, int p, const double *const *x, double *mean, double *sd) {
  for (int k = 0; k < p; k += SIDE) {
    side s;
    long double at[SIDE], centre[SIDE];
    int m = p - k < SIDE ? p - k : SIDE;
    for (int j = 0; j < SIDE; j++) s.x[j] = x[j < m ? k + j : k];
    add(n, &s);
    for (int j = 0; j < SIDE; j++) at[j] = s.sum[j] / n;
    add_off(n, at, &s);
    for (int j = 0; j < SIDE; j++) centre[j] = (double)(at[j] + s.sum[j] / n);
    add_squares(n, centre, &s);
    for (int j = 0; j < m; j++) {
      mean[k + j] = (double)at[j];
      sd[k + j] = sqrt((double)(s.sum[j] / (n - 1)));
    }
  }
}
