/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/crl/proof.h"

#include <assert.h>
#include <string.h>

#define BESIDE_BYTES ((size_t)1 << 20) /* half a millisecond's hash: worth a thread */

static void verify(void *arg)
{
	struct crl_proof *p = arg;
	const struct pki_ca *signer;

	p->error = pki_crl_verify(p->crl, &p->args, &p->report, &signer);
	/* Nobody else has the list's key identifier. */
	assert(p->error < 0 || memcmp(p->key, signer->key_hash, sizeof(p->key)) == 0);
	atomic_store(&p->has_ended, true);
}

static int verify_now(struct crl_proof *p, struct pki_report *report)
{
	const struct pki_ca *signer;
	int ret = pki_crl_verify(p->crl, &p->args, report, &signer);

	if (ret == 0)
		memcpy(p->key, signer->key_hash, sizeof(p->key));
	return ret;
}

int crl_proof_begin(struct crl_proof *p, const struct pki_crl *crl,
	const struct pki_crl_verify_args *args, struct pki_report *report)
{
	const struct pki_crl_info *info = pki_crl_info(crl);
	const struct pki_ca *signer = pki_crl_expect_signer(crl, args->trust);

	p->crl = crl;
	p->args = *args;
	/* Of an indirect list an entry may become several, which only its signer may ask of us. */
	p->is_beside = info->size >= BESIDE_BYTES && !info->scope.is_indirect && signer != NULL;
	p->error = 0;
	if (!p->is_beside)
		return verify_now(p, report);
	memcpy(p->key, signer->key_hash, sizeof(p->key));
	pki_report_init(&p->report);
	atomic_init(&p->has_ended, false);
	beside_begin(&p->thread, verify, p);
	return 0;
}

bool crl_proof_is_ready(const struct crl_proof *p)
{
	return !p->is_beside || atomic_load(&p->has_ended);
}

int crl_proof_end(struct crl_proof *p, struct pki_report *report)
{
	if (!p->is_beside)
		return 0;
	beside_end(&p->thread);
	if (p->error < 0 || report->error_cnt == 0)
		*report = p->report;
	return p->error;
}
