/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/part.h"

#include <errno.h>
#include <string.h>

int rk_generation_cmp(struct rk_generation a, struct rk_generation b)
{
	if (a.incarnation != b.incarnation)
		return a.incarnation < b.incarnation ? -1 : 1;
	return (a.counter > b.counter) - (a.counter < b.counter);
}

static void resolve_config(struct rk_view *view, const struct rk_part *part)
{
	const uint8_t *data = part->data;

	view->global = rk_part_section(data, RK_SECTION_GLOBAL, NULL);
	view->strings = rk_part_section(data, RK_SECTION_STRINGS, NULL);
	view->ports = rk_part_section(data, RK_SECTION_PORTS, &view->port_cnt);
	view->addresses = rk_part_section(data, RK_SECTION_ADDRESSES, NULL);
	view->peers = rk_part_section(data, RK_SECTION_PEERS, &view->peer_cnt);
	view->paths = rk_part_section(data, RK_SECTION_PATHS, NULL);
}

int rk_view_init(struct rk_view *view, struct rk_generation generation,
	const struct rk_part *const part[RK_PART_CNT])
{
	const struct rk_part *base = part[RK_PART_REVOCATION_BASE];
	const struct rk_part *overlay = part[RK_PART_REVOCATION_OVERLAY];
	struct rk_view v = {.generation = generation};

	if (part[RK_PART_CONFIG] == NULL)
		return -EINVAL;
	for (unsigned i = 0; i < RK_PART_CNT; i++) {
		if (part[i] != NULL && part[i]->kind != (enum rk_part_kind)i)
			return -EINVAL;
		v.part[i] = part[i];
	}
	resolve_config(&v, part[RK_PART_CONFIG]);
	if (part[RK_PART_VERDICTS] != NULL)
		v.verdicts = rk_part_section(
			part[RK_PART_VERDICTS]->data, RK_SECTION_VERDICTS, &v.verdict_cnt);
	if (base != NULL) {
		v.base = rk_part_section(base->data, RK_SECTION_LINES, &v.base_line_cnt);
		v.issuers = rk_part_section(base->data, RK_SECTION_ISSUERS, &v.issuer_cnt);
	}
	if (overlay != NULL) {
		v.overlay = rk_part_section(overlay->data, RK_SECTION_LINES, &v.overlay_line_cnt);
		v.issuers = rk_part_section(overlay->data, RK_SECTION_ISSUERS, &v.issuer_cnt);
	}
	*view = v;
	return 0;
}

struct rk_span rk_view_str(const struct rk_view *view, struct rk_str s)
{
	return (struct rk_span){(const uint8_t *)view->strings + s.offset, s.len};
}

static int compare_name(const struct rk_view *view, struct rk_str s, const char *name, size_t len)
{
	struct rk_span own = rk_view_str(view, s);
	int order = 0;

	if (own.len > 0 && len > 0)
		order = memcmp(own.data, name, own.len < len ? own.len : len);
	return order != 0 ? order : (own.len > len) - (own.len < len);
}

const struct rk_peer *rk_view_find_peer(const struct rk_view *view, const char *name, size_t len)
{
	size_t low = 0, high = view->peer_cnt;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct rk_peer *peer = &view->peers[middle];
		int order = compare_name(view, peer->peering_common_name, name, len);

		if (order == 0)
			return peer;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* In a sorted array of records of which the key is the first member. */
static const void *find_record(
	const void *records, size_t cnt, size_t stride, const void *key, size_t key_len)
{
	size_t low = 0, high = cnt;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const uint8_t *record = (const uint8_t *)records + middle * stride;
		int order = memcmp(record, key, key_len);

		if (order == 0)
			return record;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static_assert(offsetof(struct rk_verdict, fingerprint) == 0, "find_record");
static_assert(offsetof(struct rk_issuer, key) == 0, "find_record");

static uint64_t start_of(const uint8_t *fingerprint)
{
	uint64_t start;

	memcpy(&start, fingerprint, sizeof(start));
	return __builtin_bswap64(start);
}

/* Where between two fingerprints the third should lie, if they are even: 0..cnt-1. */
static size_t guess(uint64_t low, uint64_t high, uint64_t wanted, size_t cnt)
{
	if (wanted <= low || high <= low)
		return 0;
	if (wanted >= high)
		return cnt - 1;
	return (size_t)((unsigned __int128)(wanted - low) * (cnt - 1) / (high - low));
}

/*
 * Fingerprints are hashes, and so evenly spread: a few guesses, each within what the last left over,
 * touch a fraction of the records that halving would. Whoever grinds fingerprints that are not even
 * gains nothing: after GUESS_MAX it is halving again.
 */
#define GUESS_MAX 4

const struct rk_verdict *rk_view_find_verdict(
	const struct rk_view *view, const uint8_t fingerprint[RK_FINGERPRINT_LEN])
{
	const struct rk_verdict *first = view->verdicts;
	uint64_t low = 0, high = UINT64_MAX, wanted = start_of(fingerprint);
	size_t cnt = view->verdict_cnt;

	for (unsigned i = 0; i < GUESS_MAX && cnt > 0; i++) {
		size_t at = guess(low, high, wanted, cnt);
		int order = memcmp(fingerprint, first[at].fingerprint, RK_FINGERPRINT_LEN);

		if (order == 0)
			return &first[at];
		if (order < 0) {
			high = start_of(first[at].fingerprint);
			cnt = at;
		} else {
			low = start_of(first[at].fingerprint);
			first += at + 1;
			cnt -= at + 1;
		}
	}
	return find_record(first, cnt, sizeof(struct rk_verdict), fingerprint, RK_FINGERPRINT_LEN);
}

const struct rk_verdict *rk_view_find_verdict_near(
	const struct rk_view *view, uint32_t *at, const uint8_t fingerprint[RK_FINGERPRINT_LEN])
{
	const struct rk_verdict *v;

	if (*at < view->verdict_cnt &&
		memcmp(view->verdicts[*at].fingerprint, fingerprint, RK_FINGERPRINT_LEN) == 0)
		return &view->verdicts[*at];
	v = rk_view_find_verdict(view, fingerprint);
	if (v != NULL)
		*at = (uint32_t)(v - view->verdicts);
	return v;
}

void rk_view_prefetch_verdict(const struct rk_view *view, uint32_t at)
{
	const struct rk_verdict *v = &view->verdicts[at];

	if (at >= view->verdict_cnt)
		return;
	__builtin_prefetch(v);
	__builtin_prefetch((const uint8_t *)v + 63); /* records straddle lines */
	__builtin_prefetch(v->chain);
	__builtin_prefetch(&v->chain[1]);
}

static const struct rk_issuer *find_issuer(
	const struct rk_view *view, const struct rk_revocation_key *key)
{
	return find_record(
		view->issuers, view->issuer_cnt, sizeof(struct rk_issuer), key, sizeof(*key));
}

/* For what has no entry: the lowest key. */
static const struct rk_issuer *other_issuers(const struct rk_view *view)
{
	static const struct rk_revocation_key zero;

	return view->issuer_cnt > 0 && memcmp(&view->issuers[0].key, &zero, sizeof(zero)) == 0
		       ? &view->issuers[0]
		       : NULL;
}

const struct rk_issuer *rk_view_find_issuer(
	const struct rk_view *view, const struct rk_revocation_key *issuer)
{
	const struct rk_issuer *found = find_issuer(view, issuer);

	return found != NULL ? found : other_issuers(view);
}

bool rk_view_knows_chain(
	const struct rk_view *view, const struct rk_chain_entry *chain, size_t chain_cnt)
{
	if (other_issuers(view) == NULL)
		return true;
	for (size_t i = 0; i < chain_cnt; i++) {
		if (find_issuer(view, &chain[i].issuer) == NULL)
			return false;
	}
	return true;
}

uint8_t rk_view_revocation(const struct rk_view *view, const struct rk_revocation_key *key)
{
	uint8_t state = 0;

	if (view->overlay != NULL)
		state = rk_revocation_find(view->overlay, view->overlay_line_cnt, key);
	if (state == 1 + RK_REASON_REMOVED)
		return 0;
	if (state == 0 && view->base != NULL)
		state = rk_revocation_find(view->base, view->base_line_cnt, key);
	return state;
}

static bool issuer_is_stale(
	const struct rk_view *view, const struct rk_revocation_key *key, int64_t now)
{
	const struct rk_issuer *issuer = rk_view_find_issuer(view, key);

	return issuer != NULL && issuer->policy == RK_POLICY_HARD && now > issuer->fresh_until;
}

/* In this order over the whole chain: what is revoked is called so, though it has expired too. */
enum rk_verdict_status rk_view_judge_chain(const struct rk_view *view,
	const struct rk_chain_entry *chain, size_t chain_cnt, int64_t now)
{
	if (chain_cnt == 0 || chain_cnt > RK_CHAIN_MAX)
		return RK_VERDICT_UNKNOWN;
	for (size_t i = 1; i < chain_cnt; i++) /* while the first waits for memory */
		rk_revocation_prefetch(view->base, view->base_line_cnt, &chain[i].cert);
	for (size_t i = 0; i < chain_cnt; i++) {
		if (rk_view_revocation(view, &chain[i].cert) != 0)
			return RK_VERDICT_REVOKED;
	}
	for (size_t i = 0; i < chain_cnt; i++) {
		if (now > chain[i].not_after)
			return RK_VERDICT_EXPIRED;
		if (now < chain[i].not_before)
			return RK_VERDICT_NOT_YET_VALID;
	}
	for (size_t i = 0; i < chain_cnt; i++) {
		if (issuer_is_stale(view, &chain[i].issuer, now))
			return RK_VERDICT_UNKNOWN;
	}
	return RK_VERDICT_GOOD;
}

enum rk_verdict_status rk_view_judge(
	const struct rk_view *view, const struct rk_verdict *v, int64_t now)
{
	if (v->trust_generation != view->global->trust_generation)
		return RK_VERDICT_UNKNOWN;
	if (v->status != RK_VERDICT_GOOD)
		return (enum rk_verdict_status)v->status;
	return rk_view_judge_chain(view, v->chain, v->chain_cnt, now);
}
