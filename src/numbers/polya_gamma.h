/* The bound of Jaakkola & Jordan (2000) on y t - n log(1 + exp(t)) in expectation, t ~ N(m, v):
 *   (y - n / 2) m - n log(2 cosh(c / 2)),   c^2 = E t^2 = m^2 + v,
 * which a Polya-Gamma variable integrated out gives too (Durante & Rigon 2019).  Written so that
 * neither tail of m cancels. */
#ifndef VB_POLYA_GAMMA_H
#define VB_POLYA_GAMMA_H
#include <math.h>

typedef struct {
  double ll, d1, d2; /* d1 = d ll / dm, d2 = 2 d ll / dv */
  double loss, p;    /* n times them is lost: E log(1 + exp(t)) at most loss, its slope in m */
} vb_polya_gamma;

static inline vb_polya_gamma vb_polya_gamma_expect(double y, double n, double m, double v) {
  double a = fabs(m), c = sqrt(m * m + fmax(v, 0)), u = exp(-c);
  double over = c > 0 ? fmax(v, 0) / (c + a) : 0; /* c - |m| */
  double rest = over / 2 + log1p(u);              /* the loss, less m where m > 0 */
  double rare = c > 0 ? over / (2 * c) + a / c * u / (1 + u) : 0.5;
  double top = m > 0 ? n : 0;
  double mean = c > 1e-4 ? tanh(c / 2) / (2 * c) : 0.25 - c * c / 48; /* of PG(1, c) */
  return (vb_polya_gamma){.ll = (y - top) * m - n * rest,
                          .d1 = (y - top) + (m > 0 ? n : -n) * rare,
                          .d2 = -n * mean,
                          .loss = rest + fmax(m, 0),
                          .p = m > 0 ? 1 - rare : rare};
}
#endif
