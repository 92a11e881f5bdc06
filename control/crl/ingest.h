/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a fetched file to sources of the master list: mapped, verified where it lies, walked once
 * into records, compared with the sources whose place they take. A second for ten million entries, so
 * it runs in a helper thread and touches nothing but its own object.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/store/installation_key.h"
#include "pki/store/master_list.h"
#include "pki/x509/crl.h"
#include "pki/x509/report.h"
#include "pki/x509/trust.h"

/* A list with fewer recent entries may lose any number of them. */
#define CRL_SHRINK_RECENT_MIN 100

struct crl_ingest_args {
	int fd; /* owned by the ingest; the list, DER or PEM */
	size_t len;
	bool is_foreign; /* somebody may change it: copied first */
	int dir_fd;      /* whose file system takes the copy; outlives the ingest */
	const char *url;
	bool is_delta;  /* what is expected from there */
	bool is_learnt; /* from a certificate: a partition with URIs must name the URL as its own */
	int64_t now;
	struct pki_trust *trust;  /* gets a reference */
	struct master_list *list; /* gets a reference; what is in force */
	/* Which CA certificates are revoked, as in pki_crl_verify; in one thread at a time. NULL: none. */
	pki_revocation_fn find;
	void *find_ctx; /* taken, and given back by free_ctx unless that is NULL */
	void (*free_ctx)(void *find_ctx);
	/*
	 * Shrink guard: refuses a list that lost more than this share of those entries of the one
	 * before it that were revoked less than recent_sec ago. 100: none.
	 */
	unsigned shrink_percent;
	int64_t recent_sec;
	/* pki_crl_signature_digest of the list in force from there; NULL: none, or not known. Borrowed. */
	const uint8_t *in_force;
	/* Keys come with a list that has no predecessor (master_keys.h). NULL: they do not. Borrowed. */
	const uint8_t *installation_key;
};

enum crl_refusal {
	CRL_REFUSED_OTHER,
	CRL_REFUSED_ROLLBACK, /* number below the highest seen */
	CRL_REFUSED_NO_BASE,  /* a delta without a full list that it fits */
	CRL_REFUSED_SHRUNK,
};

struct crl_ingest {
	struct crl_ingest_args args; /* url is a copy, and so is what the two last point to */
	uint8_t in_force[PKI_CRL_SIGNATURE_DIGEST_LEN];
	uint8_t installation_key[INSTALLATION_KEY_LEN];
	void *owner; /* whoever set it, for its done function */
	/* out */
	int error; /* 0, or -errno with report saying why */
	enum crl_refusal refusal;
	struct pki_report report;
	struct master_source **source; /* the CRL's group, in order; counted */
	size_t source_cnt;
	char issuer[PKI_DN_MAX];
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN];
	uint8_t signer_key[PKI_KEY_HASH_LEN]; /* key_hash of the CA that signed it */
	char number[PKI_CRL_NUMBER_MAX * 2 + 1];
	char base_number[PKI_CRL_NUMBER_MAX * 2 + 1]; /* "" unless a delta */
	int64_t this_update;
	int64_t next_update;
	size_t delta_url_cnt; /* of a full list: where it says that its deltas are */
	char delta_url[PKI_CRL_DELTA_URL_MAX][PKI_URL_MAX];
	size_t entry_cnt;
	size_t added_cnt;   /* entries that the sources it replaces did not have */
	size_t removed_cnt; /* entries that only those had */
	uint8_t signature_digest[PKI_CRL_SIGNATURE_DIGEST_LEN];
};

/* Takes the descriptor. NULL when memory is short (nothing taken). */
struct crl_ingest *crl_ingest_new(const struct crl_ingest_args *args);
/* For helper_run; the argument is the object. */
void crl_ingest_work(void *ingest);
/* Large buffers included: for a helper thread where the list is large. NULL is fine. */
void crl_ingest_free(struct crl_ingest *in);
