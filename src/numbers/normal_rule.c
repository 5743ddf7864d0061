/* Rules for the standard normal in K dimensions: the mean alone, points on the axes (third order,
 * McNamee & Stenger 1967), in the plane points on circles (fifth and seventh order, Stroud &
 * Secrest 1963), and products of Gauss-Hermite rules. */
#include <math.h>
#include <string.h>
#include "numbers/normal_rule.h"

/* variances up to which third order is enough, and in the plane fifth and seventh */
#define NARROW 0.004
#define FIFTH 0.05
#define SEVENTH 0.25
enum { POINT = 1, AXES, HEXAGON, TWELVE, PRODUCT }; /* codes from PRODUCT on: an order each */

static vb_normal_rule product(int K, const int *order) {
  vb_normal_rule r = {K, 0};
  for (int b = K - 1; b >= 0; b--) r.code = r.code * VB_N_ORDER + (unsigned)order[b];
  r.code += PRODUCT;
  return r;
}

vb_normal_rule vb_normal_rule_for(int K, const double *along) {
  double most = 0;
  int order[VB_RULE_DIM];
  for (int b = 0; b < K; b++) most = fmax(most, along[b]);
  if (!(most > 0)) return (vb_normal_rule){K, POINT};
  if (most < NARROW) return (vb_normal_rule){K, AXES};
  if (K == 2 && most < FIFTH) return (vb_normal_rule){K, HEXAGON};
  if (K == 2 && most < SEVENTH) return (vb_normal_rule){K, TWELVE};
  for (int b = 0; b < K; b++) order[b] = vb_rule_index(along[b]);
  return product(K, order);
}

vb_normal_rule vb_normal_rule_seventh(int K) {
  const int order[VB_RULE_DIM] = {1, 1, 1, 1, 1, 1, 1, 1};
  return K == 2 ? (vb_normal_rule){K, TWELVE} : product(K, order);
}

vb_rule_walk vb_rule_begin(const vb_rules *rules, const vb_normal_rule *rule) {
  return (vb_rule_walk){rules, *rule, 0, {0}};
}

static int point(int at, double *weight) {
  *weight = 1;
  return at < 1;
}

static int axes(int K, int at, double *z, double *weight) {
  *weight = 0.5 / K;
  if (at >= 2 * K) return 0;
  z[at / 2] = at % 2 ? sqrt(K) : -sqrt(K);
  return 1;
}

static int hexagon(int at, double *z, double *weight) {
  *weight = at ? 1.0 / 12 : 0.5;
  if (at > 6) return 0;
  z[0] = at ? 2 * cos(M_PI * at / 3) : 0;
  z[1] = at ? 2 * sin(M_PI * at / 3) : 0;
  return 1;
}

static int twelve(int at, double *z, double *weight) {
  const double root5 = sqrt(5);
  if (at >= 12) return 0;
  *weight = at < 4 ? 1.0 / 36 : at < 8 ? (5 + 2 * root5) / 45 : (5 - 2 * root5) / 45;
  if (at < 4) {
    z[at / 2] = at % 2 ? sqrt(6) : -sqrt(6);
  } else {
    double far = sqrt((at < 8 ? 9 - 3 * root5 : 9 + 3 * root5) / 4);
    z[0] = at & 1 ? far : -far;
    z[1] = at & 2 ? far : -far;
  }
  return 1;
}

static int of_product(vb_rule_walk *walk, double *z, double *weight) {
  const vb_rules *r = walk->rules;
  int K = walk->rule.K, carry = walk->at > 0;
  unsigned code = walk->rule.code - PRODUCT;
  *weight = 1;
  for (int b = 0; b < K; b++, code /= VB_N_ORDER) {
    int order = (int)(code % VB_N_ORDER);
    walk->index[b] += carry;
    carry = walk->index[b] == r->order[order];
    if (carry) walk->index[b] = 0;
    z[b] = r->node[r->first[order] + walk->index[b]];
    *weight *= r->weight[r->first[order] + walk->index[b]];
  }
  return !carry;
}

int vb_rule_next(vb_rule_walk *walk, double *z, double *weight) {
  int K = walk->rule.K, more;
  memset(z, 0, sizeof(double) * K);
  switch (walk->rule.code) {
    case POINT:
      more = point(walk->at, weight);
      break;
    case AXES:
      more = axes(K, walk->at, z, weight);
      break;
    case HEXAGON:
      more = hexagon(walk->at, z, weight);
      break;
    case TWELVE:
      more = twelve(walk->at, z, weight);
      break;
    default:
      more = of_product(walk, z, weight);
  }
  walk->at++;
  return more;
}
