/* Rules for the standard normal in K dimensions, of an order that the variances along the axes of
 * what is integrated ask for, in units on which it bends (normal_rule.c). */
#ifndef VB_NORMAL_RULE_H
#define VB_NORMAL_RULE_H
#include "numbers/numbers.h"

#define VB_RULE_DIM 8
typedef struct {
  int K;
  unsigned code; /* equal rules have equal codes, none is zero */
} vb_normal_rule;
vb_normal_rule vb_normal_rule_for(int K, const double *along);
/* one that is exact for polynomials of degree seven at least */
vb_normal_rule vb_normal_rule_seventh(int K);
typedef struct { /* where a walk over a rule's nodes is */
  const vb_rules *rules;
  vb_normal_rule rule;
  int at, index[VB_RULE_DIM];
} vb_rule_walk;
vb_rule_walk vb_rule_begin(const vb_rules *rules, const vb_normal_rule *rule);
/* the next node, K numbers; 0: there are no more */
int vb_rule_next(vb_rule_walk *walk, double *z, double *weight);
#endif
