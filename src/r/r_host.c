/* What R lends the core: memory, interrupts, a clock, a progress bar (cli: shown after two seconds
 * only). */
#include <string.h>
#include <sys/time.h> /* timespec_get() is C11 */
#include "r/r.h"
#include <cli/progress.h>

static void *take(size_t n, size_t size) {
  void *p = R_alloc(n ? n : 1, (int)size);
  memset(p, 0, (n ? n : 1) * size);
  return p;
}

/* An interrupt is kept for the fit to end with what it has; what else may come of the check, such
 * as setTimeLimit()'s error, goes its way through the core, which owns nothing.  R_ToplevelExec()
 * would stop that too, and with it a session that is not interactive. */
static SEXP check(void *data) {
  (void)data;
  R_CheckUserInterrupt();
  return R_NilValue;
}
static SEXP caught(SEXP condition, void *data) {
  (void)condition;
  *(int *)data = 1;
  return R_NilValue;
}
static int interrupted(void) {
  int stop = 0;
  SEXP kind = PROTECT(Rf_mkString("interrupt"));
  R_tryCatch(check, NULL, kind, caught, &stop, NULL, NULL);
  UNPROTECT(1);
  return stop;
}

void vb_r_call(const char *name, SEXP argument) {
  SEXP package = PROTECT(Rf_mkString("varbayes")), home = PROTECT(R_FindNamespace(package));
  SEXP function = Rf_install(name);
  SEXP call = PROTECT(argument ? Rf_lang2(function, argument) : Rf_lang1(function));
  Rf_eval(call, home);
  UNPROTECT(3);
}

static void progress(void *data, int step) {
  const vb_r_bar *bar = data;
  if (bar->bar && CLI_SHOULD_TICK) cli_progress_set(bar->bar, step);
}

static double now(void) {
  struct timeval t;
  gettimeofday(&t, NULL);
  return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}
static double seconds(void *data) { return now() - ((vb_r_bar *)data)->begun; }

vb_host vb_r_host(vb_r_bar *bar, int show) {
  bar->begun = now();
  bar->bar = NULL;
  if (show) {
    SEXP made = PROTECT(cli_progress_bar(NA_REAL, NULL));
    R_PreserveObject(made);
    UNPROTECT(1);
    bar->bar = made;
    cli_progress_set_name(made, "Fitting");
  }
  return (vb_host){bar, take, interrupted, progress, seconds};
}

void vb_r_host_end(vb_r_bar *bar) {
  if (!bar->bar) return;
  SEXP done = bar->bar;
  bar->bar = NULL;
  cli_progress_done(done);
  R_ReleaseObject(done);
}
