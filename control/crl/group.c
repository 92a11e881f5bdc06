/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/crl/group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "pki/x509/der.h"

#define NAME_MAX_CNT 4 /* directory names in one certificateIssuer: one, and its translations */

/* What is about one issuer's certificates; two spellings of one name are one member. */
struct member {
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN];
	struct master_builder *builder;
};

/* A certificateIssuer as it stands in the list, and whom it names. */
struct spelling {
	struct rk_span names; /* DER of GeneralNames */
	size_t member[NAME_MAX_CNT];
	size_t cnt;
};

struct crl_group {
	struct master_source_info about;
	struct member *member; /* 0: the CRL's own issuer */
	size_t member_cnt;
	struct spelling *spelling;
	size_t spelling_cnt;
	const uint8_t *last; /* the certificateIssuer of the entry before */
	size_t last_at;      /* its spelling */
};

static int add_member(struct crl_group *g, const uint8_t hash[PKI_ISSUER_HASH_LEN],
	const struct master_source_info *about)
{
	struct member *m = &g->member[g->member_cnt];
	int ret = master_builder_new(about, &m->builder);

	if (ret < 0)
		return ret;
	memcpy(m->issuer_hash, hash, sizeof(m->issuer_hash));
	g->member_cnt++;
	return 0;
}

int crl_group_new(const struct master_source_info *about,
	const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN], struct crl_group **out)
{
	struct crl_group *g = calloc(1, sizeof(*g));
	int ret = -ENOMEM;

	if (g == NULL)
		return -ENOMEM;
	g->about = *about;
	g->member = calloc(1 + CRL_SUBJECT_MAX, sizeof(*g->member));
	if (g->member != NULL)
		ret = add_member(g, issuer_hash, about);
	if (ret < 0) {
		crl_group_free(g);
		return ret;
	}
	*out = g;
	return 0;
}

void crl_group_free(struct crl_group *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < g->member_cnt; i++)
		master_builder_free(g->member[i].builder);
	free(g->member);
	free(g->spelling);
	free(g);
}

/* Of a Name in DER; -EBADMSG for one that cannot be told from others. */
static int hash_name(struct rk_span der, uint8_t hash[PKI_ISSUER_HASH_LEN])
{
	static const uint8_t empty[] = {0x30, 0};
	int ret = -EBADMSG;

	if (der.len <= MASTER_ISSUER_MAX &&
		!rk_span_equal(der, (struct rk_span){empty, sizeof(empty)}))
		ret = pki_issuer_hash_der(der, hash);
	return ret == -EINVAL ? -EBADMSG : ret;
}

static int find_member(struct crl_group *g, struct rk_span name, size_t *at)
{
	struct master_source_info about = g->about;
	uint8_t hash[PKI_ISSUER_HASH_LEN];
	int ret = hash_name(name, hash);

	for (*at = 0; ret == 0 && *at < g->member_cnt; (*at)++) {
		if (memcmp(g->member[*at].issuer_hash, hash, sizeof(hash)) == 0)
			return 0;
	}
	if (ret == 0 && g->member_cnt > CRL_SUBJECT_MAX)
		return -E2BIG;
	about.subject = name;
	return ret == 0 ? add_member(g, hash, &about) : ret;
}

static int read_spelling(struct crl_group *g, struct rk_span names)
{
	struct spelling *s = &g->spelling[g->spelling_cnt];
	struct rk_span in = names;
	struct pki_der all, name;
	int ret = 0;

	*s = (struct spelling){.names = names};
	if (!pki_der_expect(&in, PKI_DER_SEQUENCE, &all))
		return -EBADMSG;
	while (ret == 0 && pki_der_next(&all.content, &name)) {
		if (name.tag != (PKI_DER_CONTEXT_CONSTRUCTED | 4)) /* directoryName */
			continue;
		if (s->cnt == NAME_MAX_CNT)
			return -E2BIG;
		ret = find_member(g, name.content, &s->member[s->cnt++]);
	}
	return ret == 0 && s->cnt == 0 ? -EBADMSG : ret;
}

static bool is_spelled_so(const struct spelling *s, struct rk_span names)
{
	return s->names.len == names.len && memcmp(s->names.data, names.data, names.len) == 0;
}

/* Entries of one issuer stand together, as a rule, and then have the very same span. */
static int find_spelling(struct crl_group *g, struct rk_span names, size_t *at)
{
	int ret = 0;

	if (g->spelling == NULL)
		g->spelling = calloc(CRL_SUBJECT_MAX, sizeof(*g->spelling));
	if (g->spelling == NULL)
		return -ENOMEM;
	*at = g->last_at;
	if (g->last == names.data)
		return 0;
	for (*at = 0; *at < g->spelling_cnt; (*at)++) {
		if (is_spelled_so(&g->spelling[*at], names))
			break;
	}
	if (*at == g->spelling_cnt) {
		ret = *at == CRL_SUBJECT_MAX ? -E2BIG : read_spelling(g, names);
		g->spelling_cnt += ret == 0;
	}
	if (ret == 0) {
		g->last = names.data;
		g->last_at = *at;
	}
	return ret;
}

/* Of another issuer than the list's. */
static int add_foreign(struct crl_group *g, const struct pki_crl_entry *entry)
{
	const struct spelling *s;
	size_t at;
	int ret = find_spelling(g, entry->issuer, &at);

	s = &g->spelling[at];
	for (size_t i = 0; ret == 0 && i < s->cnt; i++)
		ret = master_builder_add_entries(g->member[s->member[i]].builder, entry, 1);
	return ret;
}

void crl_group_expect(struct crl_group *g, size_t octets)
{
	master_builder_expect(g->member[0].builder, octets);
}

void crl_group_key(struct crl_group *g, struct master_keys *keys)
{
	master_builder_key(g->member[0].builder, keys);
}

int crl_group_add(struct crl_group *g, const struct pki_crl_entry *entry, size_t cnt)
{
	size_t own;
	int ret = 0;

	for (size_t i = 0; i < cnt && ret == 0; i += own) {
		for (own = 0; i + own < cnt && entry[i + own].issuer.len == 0;)
			own++;
		if (own > 0) {
			ret = master_builder_add_entries(g->member[0].builder, entry + i, own);
		} else {
			ret = add_foreign(g, &entry[i]);
			own = 1;
		}
	}
	return ret;
}

size_t crl_group_repeated(struct crl_group *g)
{
	size_t cnt = 0;

	for (size_t i = 0; i < g->member_cnt; i++)
		cnt += master_builder_repeated(g->member[i].builder);
	return cnt;
}

static int compare_sources(const void *a, const void *b)
{
	struct master_source *const *x = a, *const *y = b;

	return master_source_order(*x, *y);
}

int crl_group_finish(struct crl_group *g, struct master_source ***out, size_t *cnt)
{
	struct master_source **source = calloc(g->member_cnt, sizeof(struct master_source *));
	size_t done = 0;
	int ret = source != NULL ? 0 : -ENOMEM;

	while (ret == 0 && done < g->member_cnt) {
		ret = master_builder_finish(g->member[done].builder, &source[done]);
		g->member[done].builder = NULL;
		done += ret == 0;
	}
	if (ret == 0) {
		qsort(source, done, sizeof(struct master_source *), compare_sources);
		*out = source;
		*cnt = done;
	} else {
		while (done > 0)
			master_source_put(source[--done]);
		free(source);
	}
	crl_group_free(g);
	return ret;
}
