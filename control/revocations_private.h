/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of struct revocations, shared by its files: revocations.c (made from what is in force),
 * revocations_lists.c (which lists there are, how fresh, and whose word counts), revocations_kinds.c
 * (what they mean for a kind of certificates), revocations_find.c
 * (what they say of one certificate), revocations_parts.c and revocations_overlay.c (what the workers get).
 */
#pragma once

#include <stdatomic.h>

#include "control/revocations.h"
#include "pki/x509/cert_kind.h"
#include "pki/x509/crl.h"

/* One CRL: a group of sources. */
struct list_ref {
	const struct master_source_info *info; /* of the group's first source */
	struct pki_crl *scope; /* issuer and scope; NULL: unreadable, covers nothing */
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN];
	enum rk_revocation_policy policy;
	bool is_configured; /* by its URL */
	bool is_delta;
	bool is_superseded;  /* a delta: a full list of its issuer, scope and key is as new */
	int64_t fresh_until; /* a full list: with its newest deltas */
};

/* A source of the list. */
struct source_ref {
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN]; /* who issued the certificates it is about */
	const struct master_source *source;       /* held by the list */
	const struct list_ref *list;
	bool is_delta;
	bool is_superseded; /* as its list */
};

/* A kind of certificates, and how fresh their revocation is. */
struct kind_ref {
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN];
	uint8_t digest[PKI_KIND_LEN];
	int64_t fresh_until; /* 0 = never was it covered for every reason */
	enum rk_revocation_policy policy;
};

/* What all lists of one issuer that count say together, whatever they cover. */
struct issuer_word {
	const uint8_t *issuer_hash;
	enum rk_revocation_policy policy; /* the strictest */
	bool is_configured;               /* one is */
	bool is_seen;                     /* a full one is there */
	size_t broad_at;                  /* its lists in broad: [at, end) */
	size_t broad_end;
};

/* A list that covers certificates which name this URI. */
struct list_place {
	uint64_t hash; /* of the URI */
	const struct list_ref *list;
};

struct revocations {
	atomic_uint ref_cnt;
	struct master_list *list;
	struct list_ref *lists;
	size_t list_cnt;
	/*
	 * The same by issuer, scope and key; and an index of those that count, so that of thousands of
	 * partitions only those are asked about a kind that it names.
	 */
	struct list_ref **sorted;
	struct issuer_word *word; /* by issuer */
	size_t word_cnt;
	struct list_place *place; /* by hash */
	size_t place_cnt;
	const struct list_ref **broad; /* by issuer: those that no URI tells */
	size_t broad_cnt;
	const struct list_ref **indirect; /* of these, those about other issuers too */
	size_t indirect_cnt;
	struct source_ref *source; /* that count; ascending by source_ref_compare */
	size_t source_cnt;
	/*
	 * Of indirect lists, about issuers of whom no certificate is known that names the list as
	 * its own: they count for a certificate that does (RFC 5280 6.3.3 b 1), and for no other.
	 */
	struct source_ref *idle;
	size_t idle_cnt;
	enum rk_revocation_policy missing; /* as in revocations_args */
	bool has_hard_policy;              /* of any list, seen or not */
	struct kind_ref *kind;
	size_t kind_cnt;
};

/* Part of the sources: [at, end). */
struct source_range {
	size_t at;
	size_t end;
};

/* By issuer of the certificates, issuer of the list, scope, key that signed, kind (full first), URL. */
int source_ref_compare(const struct source_ref *a, const struct source_ref *b);
/* Both issuers, scope and key alone: a delta changes no other full lists than these. */
int source_ref_compare_scope(const struct source_ref *a, const struct source_ref *b);
/* Fills lists, source and idle, with the given settings. 0; -ENOMEM, -EIO. */
int revocations_read_lists(
	struct revocations *r, const struct revocations_args *args) RK_MUST_CHECK;
/* Fills the index, once it is known which lists count. 0; -ENOMEM. */
int revocations_index_lists(struct revocations *r) RK_MUST_CHECK;
void revocations_index_fini(struct revocations *r);
/* Policy and freshness of certificates of this kind. */
struct kind_ref revocations_judge_kind(const struct revocations *r, const struct pki_kind *kind);
/* All sources about this issuer's certificates. */
struct source_range revocations_of_issuer(
	const struct revocations *r, const uint8_t hash[PKI_ISSUER_HASH_LEN]);
/*
 * What all the lists that count together say of a serial of this issuer: true when it is revoked; then entry
 * and by are the gravest word and whose it is.
 */
bool revocations_lookup(const struct revocations *r, const uint8_t hash[PKI_ISSUER_HASH_LEN],
	struct rk_span serial, struct master_entry *entry, const struct source_ref **by);
/* An entry of this full list that a delta to it has taken back: it was on hold and is no more. */
bool revocations_is_taken_back(const struct revocations *r, const struct source_ref *full,
	const struct master_entry *entry);
/* Some delta changes this full list. */
bool revocations_has_delta(const struct revocations *r, const struct source_ref *full);
/* Entries that are in a base of r. */
size_t revocations_counted_entries(const struct revocations *r);
/* A part of these entries, and of every kind of certificates. As compile_revocations. */
int revocations_compile_part(enum rk_part_kind kind, const struct revocations *r,
	struct pki_revocation_keyer *keyer, const struct compile_entries *entries,
	struct compile_part *out, struct rk_refusal *why) RK_MUST_CHECK;
