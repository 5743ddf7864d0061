/* Halton's sequence with permuted digits (Braaten & Weller 1979; the permutations are drawn once
 * and for all).  In sixteen dimensions a few thousand points fill every plane, as those of an
 * additive recurrence do not. */
#include <math.h>
#include <stdint.h>
#include "numbers/integrate.h"

static const int prime[VB_MAX_AXIS] = {2,   3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,
                                       41,  43,  47,  53,  59,  61,  67,  71,  73,  79,  83,  89,
                                       97,  101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151,
                                       157, 163, 167, 173, 179, 181, 191, 193, 197, 199, 211, 223};

#define SKIP 20 /* points at the start, whose first digits run in step */

/* splitmix64 (Steele, Lea & Flood 2014) */
static uint64_t next_bits(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

void vb_halton_make(const vb_host *host, int K, vb_halton *h) {
  uint64_t state = 20;
  for (int k = 0; k < K; k++) {
    int b = prime[k];
    unsigned char *d = h->digit[k] = host->alloc(b, 1);
    for (int i = 0; i < b; i++) d[i] = (unsigned char)i;
    for (int i = b - 1; i > 1; i--) { /* zero stays: it ends every number */
      int j = 1 + (int)(next_bits(&state) % (uint64_t)i);
      unsigned char t = d[i];
      d[i] = d[j];
      d[j] = t;
    }
  }
}

void vb_halton_point(const vb_halton *h, int K, int i, double shift, double *u) {
  for (int k = 0; k < K; k++) {
    int b = prime[k];
    double f = 1, at = shift * sqrt(b);
    for (int rest = i + 1 + SKIP; rest > 0; rest /= b) {
      f /= b;
      at += f * h->digit[k][rest % b];
    }
    u[k] = fmin(fmax(at - floor(at), 1e-9), 1 - 1e-9);
  }
}
