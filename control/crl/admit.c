/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/crl/admit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int crl_refuse(struct crl_ingest *in, enum crl_refusal refusal, const char *code, const char *hint,
	const char *text)
{
	in->refusal = refusal;
	pki_report_add(
		&in->report, PKI_ERROR, code, hint, "The revocation list is refused: %s.", text);
	return -EBADMSG;
}

/* ---- what it covers ----------------------------------------------------------------------------- */

static bool names_url(const struct pki_crl_scope *scope, const char *url)
{
	for (size_t i = 0; i < scope->url_cnt; i++) {
		if (strcmp(scope->url[i], url) == 0)
			return true;
	}
	return false;
}

/*
 * From a URL in a certificate only the list of that distribution point (RFC 5280 6.3.3 b 2): another
 * partition's would be taken for what it says, and the one that is asked for would be missed.
 */
int crl_admit_scope(struct crl_ingest *in, const struct pki_crl *crl)
{
	const struct pki_crl_scope *scope = &pki_crl_info(crl)->scope;

	if (!scope->is_partition || scope->url_cnt == 0)
		return 0;
	/* A delta has the scope of its full list, which lies elsewhere. */
	if (in->args.is_learnt && !in->args.is_delta && !names_url(scope, in->args.url))
		return crl_refuse(in, CRL_REFUSED_OTHER, "crl-other-distribution-point",
			"See why this URL answers with the list of another distribution point.",
			"it belongs to another distribution point than the one it was fetched "
			"from");
	return 0;
}

/* ---- how it stands to others -------------------------------------------------------------------- */

static void number_text(struct rk_span number, char out[MASTER_NUMBER_MAX * 2 + 1])
{
	out[0] = '\0';
	for (size_t i = 0; i < number.len && i < MASTER_NUMBER_MAX; i++)
		snprintf(out + 2 * i, 3, "%02X", number.data[i]);
}

void crl_report_rollback(struct pki_report *report, struct rk_span number, struct rk_span mark)
{
	char is[MASTER_NUMBER_MAX * 2 + 1], was[MASTER_NUMBER_MAX * 2 + 1];

	number_text(number, is);
	number_text(mark, was);
	pki_report_add(report, PKI_ERROR, "crl-rollback",
		"See whether an old copy is served. A CA that began its numbers anew has to go on "
		"above the highest one.",
		"The revocation list is refused: its CRL number %s is lower than %s, which was "
		"accepted before.",
		is, was);
}

/*
 * RFC 5280 5.2.4, 6.3.3 c: only together with a full list by the same key that is not older than what it
 * starts from.
 */
static bool has_base(const struct master_list *list, const struct master_source_info *delta)
{
	for (size_t i = 0; i < master_list_source_cnt(list); i++) {
		const struct master_source_info *full =
			master_source_info(master_list_source(list, i));

		if (full->base_number.len == 0 && strcmp(full->scope, delta->scope) == 0 &&
			rk_span_equal(full->issuer, delta->issuer) &&
			rk_span_equal(full->key, delta->key) &&
			master_number_compare(full->number, delta->base_number) >= 0)
			return true;
	}
	return false;
}

/* A CA that gives one number twice (RFC 5280 5.2.3: it must not) is taken at its later word. */
static bool is_older(const struct master_list *list, const struct master_source_info *about)
{
	size_t cnt, at = master_list_find_group(list, about, &cnt);
	const struct master_source_info *in_force;

	if (cnt == 0)
		return false;
	in_force = master_source_info(master_list_source(list, at));
	return master_number_compare(about->number, in_force->number) == 0 &&
	       about->this_update < in_force->this_update;
}

int crl_admit_number(struct crl_ingest *in, const struct master_source_info *about)
{
	struct rk_span mark = master_list_mark(in->args.list, about);

	if (master_number_compare(about->number, mark) < 0) {
		in->refusal = CRL_REFUSED_ROLLBACK;
		crl_report_rollback(&in->report, about->number, mark);
		return -EBADMSG;
	}
	if (is_older(in->args.list, about))
		return crl_refuse(in, CRL_REFUSED_ROLLBACK, "crl-rollback",
			"See whether an old copy is served. A CA must give each list a number of "
			"its own.",
			"it was made before the one in force, which has the same CRL number");
	if (about->base_number.len > 0 && !has_base(in->args.list, about))
		return crl_refuse(in, CRL_REFUSED_NO_BASE, "crl-delta-without-base",
			"The full list is fetched again; see that the CA publishes both.",
			"it is a delta to a full list that is not there");
	return 0;
}
