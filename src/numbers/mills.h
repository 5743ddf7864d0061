/* The inverse Mills ratio phi(x) / Phi(-x), of which both tails of a probit link are made
 * (Chebyshev, as Shepherd & Laframboise 1981). */
#ifndef VB_MILLS_H
#define VB_MILLS_H
#include "numbers/vb_math.h"

/* phi(x) / Phi(-x) - x for x >= 0, positive and falling to 1 / x: (x + 2) times it is a polynomial
 * of degree 27 in (x - 4) / (x + 4), relative error 1.2e-16 on [0, inf) */
VB_INLINE double vb_mills_excess(double x) {
  static const double c[28] = {
      1.3536428669368263,      -0.43543908716051766,    0.005916402474868126,
      0.1511276218936814,      -0.0867888866294135,     -0.009278372131351305,
      0.032168312549515264,    -0.007686208832986178,   -0.008566556245395707,
      0.004848910624810547,    0.0017101652953447973,   -0.0019577391210779255,
      -0.0001753162998287938,  0.0006478298159264607,   -5.055908612646934e-05,
      -0.0001850554396922861,  4.099544368273374e-05,   4.5391213495158326e-05,
      -1.7231610064051544e-05, -8.981754392528439e-06,  5.540262413655531e-06,
      1.150493872320285e-06,   -1.399443244310003e-06,  1.6519034144734718e-08,
      2.5053996551190563e-07,  -4.3768018955040545e-08, -2.3385678320295935e-08,
      6.844351509836668e-09};
  double t = (x - 4) / (x + 4), t2 = t * t, even = c[26], odd = c[27];
  for (int k = 24; k >= 0; k -= 2) {
    even = even * t2 + c[k];
    odd = odd * t2 + c[k + 1];
  }
  return (even + t * odd) / (x + 2);
}
#endif
