/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CRL manager: discovers, fetches, verifies and keeps CRLs; builds the master list; publishes
 * it to disk and to the workers.
 */
#pragma once

#include <openssl/x509.h>

#include "control/answer.h"
#include "control/daemon.h"

struct master_list; /* pki/store/master_list.h */

int crl_manager_open(struct daemon *d, struct crl_manager **out)
	__attribute__((warn_unused_result));
/* After the helpers have stopped: their results refer to the manager. */
void crl_manager_close(struct crl_manager *m);
/* Certificates or configuration changed: look for distribution points again. */
void crl_manager_discover(struct crl_manager *m);
/*
 * A certificate that is ours, or a peer's with a valid chain and transcript signature: its CRL
 * distribution points become sources.
 */
void crl_manager_note_certificate(struct crl_manager *m, const X509 *cert);
/* Fetches now; answers when fetched, judged and applied by every worker. */
void crl_manager_refresh(struct crl_manager *m, const json_t *request, answer_cb cb, void *arg);
/*
 * {"sources": [{"name", "url", "kind": "full" or "delta", "scope" (null: all of its issuer's
 * certificates; docs/crl.md), "configured", "overridden", "issuer", "signer_key",
 * "last_try", "last_success", "http_status", "bytes", "entries", "crl_number", "base_crl_number",
 * "this_update", "next_update", "next_fetch", "failures", "last_error"}],
 * "generation", "entries"}; times RFC 3339 or null. refresh answers the same body. Maybe at once.
 */
void crl_manager_list(struct crl_manager *m, answer_cb cb, void *arg);
/* The list in force; take a reference (master_list_get) to keep it. Never NULL. */
struct master_list *crl_manager_master_list(const struct crl_manager *m);
