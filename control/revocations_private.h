/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of struct revocations, shared by its three files: revocations.c (which lists count and
 * how fresh they are), revocations_find.c (what they say of one certificate) and
 * revocations_parts.c (what the workers get).
 */
#pragma once

#include <stdatomic.h>

#include "control/revocations.h"

/* A source of the list. */
struct source_ref {
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN];
	const struct master_source *source; /* held by the list */
	bool is_delta;
	bool is_superseded; /* a delta: a full list of its issuer and scope is as new */
};

/* A CA with a list, or with a policy that asks for one. */
struct issuer_ref {
	uint8_t hash[PKI_ISSUER_HASH_LEN];
	int64_t fresh_until; /* 0 = no list ever seen */
	enum rk_revocation_policy policy;
};

struct revocations {
	atomic_uint ref_cnt;
	struct master_list *list;
	struct pki_trust *trust;   /* counted, may be NULL: what the issuers were taken from */
	struct source_ref *source; /* ascending by issuer hash, scope, kind (full first), URL */
	size_t source_cnt;
	struct issuer_ref *issuer;
	size_t issuer_cnt;
};

/* Part of the sources: [at, end). */
struct source_range {
	size_t at;
	size_t end;
};

int source_ref_compare(const struct source_ref *a, const struct source_ref *b);
/* Issuer and scope alone. */
int source_ref_compare_scope(const struct source_ref *a, const struct source_ref *b);
/* All sources of this issuer. */
struct source_range revocations_of_issuer(
	const struct revocations *r, const uint8_t hash[PKI_ISSUER_HASH_LEN]);
/*
 * What all the lists of the issuer together say of a serial: true when it is revoked; then entry
 * and by are the gravest word and whose it is.
 */
bool revocations_lookup(const struct revocations *r, const uint8_t hash[PKI_ISSUER_HASH_LEN],
	struct rk_span serial, struct master_entry *entry, const struct source_ref **by);
/* An entry of this full list that a delta to it has taken back: it was on hold and is no more. */
bool revocations_is_taken_back(const struct revocations *r, const struct source_ref *full,
	const struct master_entry *entry);
