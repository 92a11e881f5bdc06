/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a list may take the place that it asks for: what it covers, and how it stands to the lists
 * that were taken before it. A part of control/crl/ingest.h, in whose thread it runs.
 */
#pragma once

#include "control/crl/ingest.h"
#include "pki/view/bytes.h"

/* Adds a finding; text goes on "The revocation list is refused: ". Always -EBADMSG, to be returned. */
int crl_refuse(struct crl_ingest *in, enum crl_refusal refusal, const char *code, const char *hint,
	const char *text);
/* 0, or -EBADMSG with a finding. */
int crl_admit_scope(struct crl_ingest *in, const struct pki_crl *crl) RK_MUST_CHECK;
/*
 * Before a large list is walked. 0, or -EBADMSG with a finding; the list in force may be another when
 * it is put in (master_list_replace_group).
 */
int crl_admit_number(struct crl_ingest *in, const struct master_source_info *about) RK_MUST_CHECK;
/* The finding on a list whose number is below the mark. */
void crl_report_rollback(struct pki_report *report, struct rk_span number, struct rk_span mark);
