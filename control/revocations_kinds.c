/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the lists mean for a kind of certificates. There may be thousands of both: an issuer's lists
 * are summed up once, and of partitions only those are looked at that the kind names.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/revocations_private.h"
#include "pki/x509/crl_cover.h"

#define REASON_BITS 9 /* of PKI_CRL_REASONS_ALL */

/* ---- the index -------------------------------------------------------------------------------- */

/* FNV-1a: a collision costs one look more. */
static uint64_t hash_uri(struct rk_span uri)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < uri.len; i++)
		hash = (hash ^ uri.data[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Filling the index: place is NULL while places are counted. */
struct indexing {
	struct revocations *r;
	const struct list_ref *list;
};

static void add_place(void *ctx, struct rk_span uri)
{
	struct indexing *in = ctx;

	if (in->r->place != NULL)
		in->r->place[in->r->place_cnt] = (struct list_place){hash_uri(uri), in->list};
	in->r->place_cnt++;
}

static void add_broad(struct revocations *r, struct issuer_word *w, const struct list_ref *l)
{
	r->broad[r->broad_cnt++] = l;
	w->broad_end = r->broad_cnt;
	if (pki_crl_info(l->scope)->scope.is_indirect)
		r->indirect[r->indirect_cnt++] = l;
}

static void add_list(struct revocations *r, const struct list_ref *l)
{
	struct indexing in = {r, l};
	struct issuer_word *w = r->word_cnt > 0 ? &r->word[r->word_cnt - 1] : NULL;

	if (w == NULL || memcmp(w->issuer_hash, l->issuer_hash, PKI_ISSUER_HASH_LEN) != 0) {
		w = &r->word[r->word_cnt++];
		*w = (struct issuer_word){.issuer_hash = l->issuer_hash,
			.policy = RK_POLICY_OFF,
			.broad_at = r->broad_cnt,
			.broad_end = r->broad_cnt};
	}
	if (l->policy > w->policy)
		w->policy = l->policy;
	w->is_configured = w->is_configured || l->is_configured;
	w->is_seen = w->is_seen || !l->is_delta;
	if (l->scope != NULL && !pki_crl_is_by_uri(l->scope, add_place, &in))
		add_broad(r, w, l);
}

static void add_lists(struct revocations *r)
{
	r->word_cnt = r->place_cnt = r->broad_cnt = r->indirect_cnt = 0;
	for (size_t i = 0; i < r->list_cnt; i++) {
		if (!r->sorted[i]->is_superseded)
			add_list(r, r->sorted[i]);
	}
}

static int compare_places(const void *a, const void *b)
{
	const struct list_place *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

int revocations_index_lists(struct revocations *r)
{
	r->word = calloc(r->list_cnt + 1, sizeof(*r->word));
	r->broad = calloc(r->list_cnt + 1, sizeof(struct list_ref *));
	r->indirect = calloc(r->list_cnt + 1, sizeof(struct list_ref *));
	if (r->word == NULL || r->broad == NULL || r->indirect == NULL)
		return -ENOMEM;
	add_lists(r); /* how many places there are */
	r->place = calloc(r->place_cnt + 1, sizeof(*r->place));
	if (r->place == NULL)
		return -ENOMEM;
	add_lists(r);
	qsort(r->place, r->place_cnt, sizeof(*r->place), compare_places);
	return 0;
}

void revocations_index_fini(struct revocations *r)
{
	free(r->sorted);
	free(r->word);
	free(r->place);
	free(r->broad);
	free(r->indirect);
}

static const struct issuer_word *find_word(
	const struct revocations *r, const uint8_t hash[PKI_ISSUER_HASH_LEN])
{
	size_t low = 0, high = r->word_cnt;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(r->word[middle].issuer_hash, hash, PKI_ISSUER_HASH_LEN);

		if (order == 0)
			return &r->word[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* ---- one kind --------------------------------------------------------------------------------- */

/*
 * How long a kind of certificates is covered for each reason of revocation: for all of them, until the
 * first ends.
 */
struct coverage {
	int64_t until[REASON_BITS];
};

static void add_coverage(struct coverage *c, const struct list_ref *l, unsigned reasons)
{
	for (unsigned bit = 1; bit < REASON_BITS; bit++) {
		if ((reasons >> bit & 1) != 0 && c->until[bit] < l->fresh_until)
			c->until[bit] = l->fresh_until;
	}
}

static int64_t covered_until(const struct coverage *c)
{
	int64_t until = INT64_MAX;

	for (unsigned bit = 1; bit < REASON_BITS; bit++) {
		if (c->until[bit] < until)
			until = c->until[bit];
	}
	return until;
}

/* A kind while the lists that may cover it are looked at. */
struct judging {
	const struct revocations *r;
	const struct pki_kind *kind;
	struct kind_ref *ref;
	bool is_seen;
	bool is_configured;
	struct coverage coverage;
};

static void weigh(struct judging *j, const struct list_ref *l)
{
	unsigned reasons = pki_crl_cover(l->scope, j->kind);

	if (reasons == 0)
		return;
	if (l->policy > j->ref->policy)
		j->ref->policy = l->policy;
	j->is_configured = j->is_configured || l->is_configured;
	j->is_seen = j->is_seen || !l->is_delta;
	if (!l->is_delta)
		add_coverage(&j->coverage, l, reasons);
}

static void weigh_place(void *ctx, struct rk_span uri)
{
	struct judging *j = ctx;
	const struct revocations *r = j->r;
	uint64_t hash = hash_uri(uri);
	size_t low = 0, high = r->place_cnt;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->place[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < r->place_cnt && r->place[low].hash == hash; low++)
		weigh(j, r->place[low].list);
}

/* Its issuer's lists, whether they cover it or not, say how strict to be. */
static void weigh_own(struct judging *j)
{
	const struct issuer_word *w = find_word(j->r, j->kind->issuer_hash);

	if (w == NULL)
		return;
	j->ref->policy = w->policy;
	j->is_configured = w->is_configured;
	j->is_seen = w->is_seen;
	for (size_t i = w->broad_at; i < w->broad_end; i++)
		weigh(j, j->r->broad[i]);
}

/*
 * The lists of its issuer, and others that speak about it, say how strict to be; those that cover it,
 * how fresh it is. A configured source that was never fetched may be of any issuer without a
 * configured list: where it must not be missing, a learnt list does not stand in for it.
 */
struct kind_ref revocations_judge_kind(const struct revocations *r, const struct pki_kind *kind)
{
	struct kind_ref ref = {.policy = RK_POLICY_OFF};
	struct judging j = {.r = r, .kind = kind, .ref = &ref};

	memcpy(ref.issuer_hash, kind->issuer_hash, sizeof(ref.issuer_hash));
	memcpy(ref.digest, kind->digest, sizeof(ref.digest));
	weigh_own(&j);
	for (size_t i = 0; i < r->indirect_cnt; i++)
		weigh(&j, r->indirect[i]);
	pki_kind_visit_uris(kind, weigh_place, &j);
	ref.fresh_until = covered_until(&j.coverage);
	if (!j.is_seen)
		ref.policy = r->missing;
	if (!j.is_configured && r->missing == RK_POLICY_HARD) {
		ref.policy = RK_POLICY_HARD;
		ref.fresh_until = 0;
	}
	return ref;
}
