/* What the parts of dev/core-test share. */
#ifndef CORE_TEST_H
#define CORE_TEST_H
#include "rows/rows.h"

void check(int ok, const char *what, const char *which, double got, double want);
void check_near(double got, double want, double tol, const char *what, const char *which);
double *doubles(size_t n); /* zeroed, lives until release() */
void release(void);
double wave(int i);
extern const vb_host test_host;

void test_linalg(void);
void test_mixture(void);
void test_engine(void);
void test_q(void);
void test_psis(void);
void test_pathfinder(void);
void test_fresh(void);
void test_turn(void);
void test_krige(void);
void test_precision(void);
void test_covariance(void);
void test_several(void);
#endif
