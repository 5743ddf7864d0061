/* What R lends the core: memory, interrupts, a clock, a progress bar (cli: shown after two seconds only).
 * The hooks carry no data, so the bar of the one fit that runs at a time is kept here. */
#include <string.h>
#include <time.h>
#include "r.h"
#include <cli/progress.h>

static SEXP bar;
static clock_t begun;

static void *take(size_t n, size_t size) {
  void *p = R_alloc(n ? n : 1, (int)size);
  memset(p, 0, (n ? n : 1) * size);
  return p;
}

static void check(void *data) {
  (void)data;
  R_CheckUserInterrupt();
}
static int poll(void) { return R_ToplevelExec(check, NULL) == FALSE; }

static void progress(int step, double elbo) {
  (void)elbo;
  if (bar && CLI_SHOULD_TICK) cli_progress_set(bar, step);
}

static double seconds(void) { return (double)(clock() - begun) / CLOCKS_PER_SEC; }

vb_host vb_r_host(void) { return (vb_host){take, poll, progress, seconds}; }

void vb_r_host_begin(int show) {
  begun = clock();
  bar = NULL;
  if (!show) return;
  bar = cli_progress_bar(NA_REAL, NULL);
  R_PreserveObject(bar);
  cli_progress_set_name(bar, "Fitting");
}

void vb_r_host_end(void) {
  if (!bar) return;
  SEXP done = bar;
  bar = NULL;
  cli_progress_done(done);
  R_ReleaseObject(done);
}
