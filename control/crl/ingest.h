/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From fetched bytes to a source of the master list: parse, verify, extract. Minutes of work for a
 * large list, so it runs in a helper thread and touches nothing but its own object.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/store/master_list.h"
#include "pki/x509/crl.h"
#include "pki/x509/report.h"
#include "pki/x509/trust.h"

struct crl_ingest {
	/* in; all owned */
	uint8_t *body;
	size_t len;
	char *url;
	int64_t now;
	struct pki_trust *trust;  /* counted */
	struct master_list *list; /* counted; what is in force */
	void *owner;              /* whoever set it, for its done function */
	/* out */
	int error; /* 0, or -errno with report saying why */
	struct pki_report report;
	struct master_source *source; /* counted */
	char issuer[PKI_DN_MAX];
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN];
	char number[PKI_CRL_NUMBER_MAX * 2 + 1];
	int64_t this_update;
	int64_t next_update;
	size_t entry_cnt;
	size_t added_cnt;   /* entries that the source it replaces did not have */
	size_t removed_cnt; /* entries that only that one had */
};

/* Takes body. trust and list get a reference each. NULL when memory is short (body untouched). */
struct crl_ingest *crl_ingest_new(uint8_t *body, size_t len, const char *url, int64_t now,
	struct pki_trust *trust, struct master_list *list);
/* For helper_run; the argument is the object. */
void crl_ingest_work(void *ingest);
void crl_ingest_free(struct crl_ingest *in); /* NULL is fine */
