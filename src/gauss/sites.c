/* Priors of beta that are no normals, as sites: their expected log densities and derivatives. */
#include "gauss/ep.h"

double vb_site_expectations(const vb_model *m, vb_inner *in, const double *beta) {
  double total = 0;
  if (m->ep) return vb_ep_expect(m, in, beta);
  for (int i = 0; i < m->n_site; i++) {
    int k = m->site[i].k;
    total += vb_expect_site(m, m->site + i, beta[k], in->sol.s_beta[k * (size_t)(m->p + 1)],
                            in->sites.g + i, in->sites.h + i);
  }
  return total;
}
