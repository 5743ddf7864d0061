/* exp, log and log1p without branches or tables, so that a loop over a fixed number of lanes
 * vectorises with plain SSE2.  Cody-Waite reduction, then Chebyshev interpolants (truncation below
 * 2e-17); the rounding error is about one unit in the last place.
 * log1p(x) = 2 atanh(x / (2 + x)). */
#ifndef VB_MATH_H
#define VB_MATH_H
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define VB_INLINE static inline __attribute__((always_inline, unused))
#else
#define VB_INLINE static inline
#endif

VB_INLINE double vb_from_bits(uint64_t u) {
  double x;
  memcpy(&x, &u, sizeof x);
  return x;
}

VB_INLINE uint64_t vb_to_bits(double x) {
  uint64_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

/* Branches and comparisons of doubles (which may trap) keep gcc from vectorising, hence masks. */
VB_INLINE uint64_t vb_negative(double x) { return 0 - (vb_to_bits(x) >> 63); }

VB_INLINE double vb_select(uint64_t mask, double yes, double no) {
  return vb_from_bits((vb_to_bits(yes) & mask) | (vb_to_bits(no) & ~mask));
}

/* exp(x) for -709.3 <= x <= 709.6: zero below -708.7 (no subnormals), infinite above 709.4 */
VB_INLINE double vb_exp_clamped(double x) {
  const double magic = 0x1.8p52 + 1023; /* adding it rounds and leaves n + 1023 in the low bits */
  double t = x * 1.4426950408889634 + magic;
  double n = t - magic;
  double r = (x - n * 0x1.62e42fefa38p-1) - n * 0x1.ef35793c7673p-45;
  double r2 = r * r, r4 = r2 * r2; /* Estrin's scheme: Horner's is a chain of latencies */
  double a = 5.0000000000000011e-01 + 1.6666666666666667e-01 * r;
  double b = 4.1666666666624094e-02 + 8.333333333330059e-03 * r;
  double c = 1.3888888917230723e-03 + 1.9841269863066695e-04 * r;
  double d = 2.480152126953212e-05 + 2.755726843967800e-06 * r;
  double e = 2.7620101012098e-07 + 2.5100395159429244e-08 * r;
  double p = (a + b * r2) + ((c + d * r2) + e * r4) * r4;
  return vb_from_bits(vb_to_bits(t) << 52) * (1 + (r + r2 * p));
}

/* for x <= 0; the last term keeps a NaN */
VB_INLINE double vb_exp_neg(double x) {
  return vb_exp_clamped(vb_select(vb_negative(x + 709.2), -709.2, x)) + 0 * x;
}

VB_INLINE double vb_exp(double x) {
  double low = vb_select(vb_negative(x + 709.2), -709.2, x);
  return vb_exp_clamped(vb_select(vb_negative(709.5 - low), 709.5, low)) + 0 * x;
}

/* 2 atanh(s) for |s| <= 1/3 */
VB_INLINE double vb_two_atanh(double s) {
  double z = s * s, z2 = z * z, z4 = z2 * z2;
  double a = 0.33333333333333329 + 0.20000000000007291 * z;
  double b = 0.14285714283554379 + 0.11111111358713932 * z;
  double c = 0.090908947180664291 + 0.076927850324793116 * z;
  double d = 0.066570721048274681 + 0.060005364047953563 * z;
  double e = 0.044003692430723369 + 0.080820228059717661 * z;
  double p = (a + b * z2) + ((c + d * z2) + e * z4) * z4;
  return 2 * s + 2 * s * (z * p);
}

/* log(1 + x) for -1/2 <= x <= 1 */
VB_INLINE double vb_log1p_unit(double x) { return vb_two_atanh(x / (2 + x)); }

/* for positive, finite, normal x */
VB_INLINE double vb_log(double x) {
  const uint64_t root_half = 0x3fe6a09e667f3bcd; /* the mantissa goes to [sqrt(1/2), sqrt(2)) */
  uint64_t u = vb_to_bits(x) - root_half + 0x3ff0000000000000;
  double k = vb_from_bits((u >> 52) | 0x4330000000000000) - (0x1p52 + 1023);
  double m = vb_from_bits((u & 0x000fffffffffffff) + root_half);
  double l = vb_two_atanh((m - 1) / (m + 1));
  return k * 0x1.62e42fefa38p-1 + (l + k * 0x1.ef35793c7673p-45);
}

/* log(1 + x) for x >= 0; the second term returns what rounding 1 + x lost */
VB_INLINE double vb_log1p(double x) {
  double u = 1 + x;
  return vb_log(u) + (x - (u - 1)) / u;
}

/* Vectors of four doubles, where a machine has them; not on Windows, where gcc does not align the
 * stack for them. */
#if defined(__GNUC__) && defined(__x86_64__) && !defined(_WIN32)
#define VB_AVX2 __attribute__((target("avx2")))
#define VB_HAS_AVX2 __builtin_cpu_supports("avx2")
#else
#define VB_AVX2
#define VB_HAS_AVX2 0
#endif
#endif
