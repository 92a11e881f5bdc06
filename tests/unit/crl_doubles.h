/* SPDX-License-Identifier: BSD-3-Clause */
/* What the CRL manager's test puts in the place of publisher, alarms, audit log and trust. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "control/answer.h"
#include "pki/x509/trust.h"

/* What they were told, and the trust they give. */
extern struct crl_seen {
	unsigned marked_cnt, flushed_cnt, audit_cnt, raised_cnt;
	atomic_int revocations_cnt; /* references that are not given back */
	int publish_status;         /* what whoever waits for the workers is told */
	bool is_wait_deferred; /* the test itself calls wait_cb, once the workers are said to follow */
	answer_cb wait_cb;
	void *wait_arg;
	char alarm_kind[64]; /* of the last one that was raised, while it stands */
	char alarm_source[256];
	char alarm_text[512];
	char audit_text[1024]; /* of the last record: its details as JSON */
	struct pki_trust *trust;
	bool is_signer_revoked; /* what is known of every CA certificate below an anchor */
} seen;
