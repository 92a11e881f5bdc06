/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "control/revocations_private.h"
#include "control/time_text.h"
#include "pki/x509/crl_cover.h"

const char *revocation_reason_name(enum rk_revocation_reason reason)
{
	static const char *const name[] = {
		[RK_REASON_UNSPECIFIED] = "unspecified",
		[RK_REASON_KEY_COMPROMISE] = "keyCompromise",
		[RK_REASON_CA_COMPROMISE] = "cACompromise",
		[RK_REASON_AFFILIATION_CHANGED] = "affiliationChanged",
		[RK_REASON_SUPERSEDED] = "superseded",
		[RK_REASON_CESSATION] = "cessationOfOperation",
		[RK_REASON_HOLD] = "certificateHold",
		[RK_REASON_REMOVED] = "removeFromCRL",
		[RK_REASON_PRIVILEGE_WITHDRAWN] = "privilegeWithdrawn",
		[RK_REASON_AA_COMPROMISE] = "aACompromise",
	};

	if ((size_t)reason >= sizeof(name) / sizeof(name[0]) || name[reason] == NULL)
		return "unspecified";
	return name[reason];
}

void revocation_serial_text(const struct master_entry *e, char out[MASTER_SERIAL_MAX * 2 + 1])
{
	static const char digit[] = "0123456789ABCDEF";
	size_t at = 0;

	for (size_t i = e->serial_len > 1 && e->serial[0] == 0; i < e->serial_len; i++) {
		out[at++] = digit[e->serial[i] >> 4];
		out[at++] = digit[e->serial[i] & 15];
	}
	out[at] = '\0';
}

/* The first source that is not below this issuer. */
static size_t lower_bound(const struct revocations *r, const uint8_t hash[PKI_ISSUER_HASH_LEN])
{
	size_t low = 0, high = r->source_cnt;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(r->source[middle].issuer_hash, hash, PKI_ISSUER_HASH_LEN) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct source_range revocations_of_issuer(
	const struct revocations *r, const uint8_t hash[PKI_ISSUER_HASH_LEN])
{
	struct source_range range = {lower_bound(r, hash), 0};

	for (range.end = range.at; range.end < r->source_cnt; range.end++) {
		if (memcmp(r->source[range.end].issuer_hash, hash, PKI_ISSUER_HASH_LEN) != 0)
			break;
	}
	return range;
}

/* RFC 5280 5.2.4: the full list is not older than what the delta starts from, nor as new as it. */
static bool applies(const struct source_ref *delta, const struct source_ref *full)
{
	const struct master_source_info *d = master_source_info(delta->source);
	const struct master_source_info *f = master_source_info(full->source);

	return delta->is_delta && source_ref_compare_scope(delta, full) == 0 &&
	       master_number_compare(f->number, d->base_number) >= 0 &&
	       master_number_compare(f->number, d->number) < 0;
}

bool revocations_has_delta(const struct revocations *r, const struct source_ref *full)
{
	struct source_range range = revocations_of_issuer(r, full->issuer_hash);

	for (size_t i = range.at; i < range.end; i++) {
		if (applies(&r->source[i], full))
			return true;
	}
	return false;
}

/* By one of these. */
static bool is_taken_back(const struct source_ref *by, size_t cnt, const struct source_ref *full,
	const struct master_entry *entry)
{
	const struct rk_span serial = {entry->serial, entry->serial_len};
	struct master_entry word;

	if (entry->reason != RK_REASON_HOLD || full->is_delta)
		return false;
	for (size_t i = 0; i < cnt; i++) {
		if (applies(&by[i], full) && master_source_find(by[i].source, serial, &word) &&
			word.reason == RK_REASON_REMOVED)
			return true;
	}
	return false;
}

bool revocations_is_taken_back(const struct revocations *r, const struct source_ref *full,
	const struct master_entry *entry)
{
	struct source_range range = revocations_of_issuer(r, full->issuer_hash);

	return is_taken_back(r->source + range.at, range.end - range.at, full, entry);
}

/* As the set ranks them: named reasons before "unspecified". */
static unsigned rank(uint8_t reason)
{
	return reason == RK_REASON_UNSPECIFIED ? 256 : reason;
}

bool revocations_lookup(const struct revocations *r, const uint8_t hash[PKI_ISSUER_HASH_LEN],
	struct rk_span serial, struct master_entry *entry, const struct source_ref **by)
{
	struct source_range range = revocations_of_issuer(r, hash);
	bool is_found = false;
	struct master_entry e;

	for (size_t i = range.at; i < range.end; i++) {
		const struct source_ref *s = &r->source[i];

		if (s->is_superseded || !master_source_find(s->source, serial, &e) ||
			e.reason == RK_REASON_REMOVED || revocations_is_taken_back(r, s, &e))
			continue;
		if (is_found && rank(entry->reason) <= rank(e.reason))
			continue;
		is_found = true;
		*entry = e;
		*by = s;
	}
	return is_found;
}

static void describe(struct revocations_query *q, const struct master_entry *entry,
	const struct master_source *source)
{
	char serial[MASTER_SERIAL_MAX * 2 + 1];
	char when[TIME_TEXT_LEN];

	revocation_serial_text(entry, serial);
	time_text(entry->revoked_at, when);
	snprintf(q->detail, sizeof(q->detail), "serial %.40s, %s, since %s, by the list of %.60s",
		serial, revocation_reason_name((enum rk_revocation_reason)entry->reason), when,
		master_source_info(source)->ca_name);
}

/* Lists of other issuers that no certificate was known to name: this one may. */
static bool find_idle(const struct revocations *r, const struct pki_kind *kind,
	struct rk_span serial, struct master_entry *entry, const struct source_ref **by)
{
	for (size_t i = 0; i < r->idle_cnt; i++) {
		const struct source_ref *s = &r->idle[i];

		if (memcmp(s->issuer_hash, kind->issuer_hash, PKI_ISSUER_HASH_LEN) == 0 &&
			!s->is_superseded && s->list->scope != NULL &&
			pki_crl_cover(s->list->scope, kind) != 0 &&
			master_source_find(s->source, serial, entry) &&
			entry->reason != RK_REASON_REMOVED &&
			!is_taken_back(r->idle, r->idle_cnt, s, entry)) {
			*by = s;
			return true;
		}
	}
	return false;
}

static enum pki_revocation_answer find_kind(struct revocations_query *q,
	const struct pki_kind *kind, struct rk_span serial, struct pki_revoked *out)
{
	const struct revocations *r = q->revocations;
	const struct source_ref *by;
	struct master_entry entry;
	struct kind_ref ref;

	if (revocations_lookup(r, kind->issuer_hash, serial, &entry, &by) ||
		find_idle(r, kind, serial, &entry, &by)) {
		out->reason = (enum rk_revocation_reason)entry.reason;
		out->date = entry.revoked_at;
		describe(q, &entry, by->source);
		return PKI_REVOCATION_REVOKED;
	}
	ref = revocations_judge_kind(r, kind);
	if (ref.policy == RK_POLICY_HARD && ref.fresh_until < q->now)
		return PKI_REVOCATION_UNKNOWN;
	return ref.fresh_until > 0 ? PKI_REVOCATION_GOOD : PKI_REVOCATION_NOT_COVERED;
}

enum pki_revocation_answer revocations_find(
	void *ctx, const struct pki_revocation_query *query, struct pki_revoked *out)
{
	enum pki_revocation_answer answer;
	uint8_t bytes[PKI_SERIAL_MAX];
	struct pki_kind *kind = NULL;
	int len = pki_serial_bytes(query->serial, bytes);

	if (len < 0 || pki_kind_new(sk_X509_value(query->chain, query->depth), &kind) < 0)
		return PKI_REVOCATION_UNKNOWN;
	answer = find_kind(ctx, kind, (struct rk_span){bytes, (size_t)len}, out);
	pki_kind_free(kind);
	return answer;
}
