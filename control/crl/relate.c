/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How sources stand to each other: which delta is of which full list, which learnt source a configured
 * one overrides, and which delta is early. There may be thousands: they are sorted, and each issuer's are
 * looked at together.
 */
#include <stdlib.h>
#include <string.h>

#include "control/crl/state.h"
#include "control/log.h"

/* Of one endpoint, as discovery.c names them. */
static bool is_named_pair(const struct crl_source *delta, const struct crl_source *full)
{
	size_t len = strlen(full->name);

	return strncmp(delta->name, full->name, len) == 0 &&
	       strcmp(delta->name + len, "/delta") == 0;
}

bool crl_source_belongs_to(const struct crl_source *delta, const struct crl_source *full)
{
	if (!delta->is_delta || full->is_delta)
		return false;
	if (delta->is_configured && full->is_configured)
		return is_named_pair(delta, full);
	if (!delta->has_issuer || !full->has_issuer ||
		memcmp(delta->issuer_hash, full->issuer_hash, PKI_ISSUER_HASH_LEN) != 0)
		return false;
	/* Of partitions each has its own, once that is known. */
	return delta->this_update == 0 || full->this_update == 0 ||
	       strcmp(delta->scope, full->scope) == 0;
}

static int compare_places(const void *a, const void *b)
{
	struct crl_source *const *x = a, *const *y = b;

	return crl_source_order(*x, *y);
}

/* One issuer's sources, as they are sorted. */
struct family {
	struct crl_source **source;
	size_t cnt;
	size_t listed_cnt;     /* full ones with a list: the first ones */
	bool has_complete;     /* one of them is about all of the issuer's certificates */
	bool is_configured[2]; /* a full one, a delta */
};

static bool has_full_list(const struct family *f, const struct crl_source *delta)
{
	struct crl_source wanted = *delta, *key = &wanted;

	if (delta->this_update == 0)
		return f->listed_cnt > 0;
	wanted.is_delta = false;
	return bsearch(&key, f->source, f->listed_cnt, sizeof(*f->source), compare_places) != NULL;
}

static void relate_family(struct crl_source **source, size_t cnt)
{
	struct family f = {.source = source, .cnt = cnt};

	for (size_t i = 0; i < cnt; i++) {
		f.is_configured[source[i]->is_delta] |= source[i]->is_configured;
		if (source[i]->is_delta || source[i]->this_update == 0)
			continue;
		f.listed_cnt++;
		f.has_complete |= source[i]->scope[0] == '\0';
	}
	for (size_t i = 0; i < cnt; i++) {
		struct crl_source *s = source[i];

		s->is_overridden =
			!s->is_configured &&
			(f.is_configured[s->is_delta] || (s->is_unfetched && f.has_complete));
		s->is_early = s->is_delta && !s->is_configured && !has_full_list(&f, s);
	}
}

static bool is_same_family(const struct crl_source *a, const struct crl_source *b)
{
	return memcmp(a->issuer_hash, b->issuer_hash, PKI_ISSUER_HASH_LEN) == 0;
}

void crl_relate(struct crl_manager *m)
{
	struct crl_source **sorted = calloc(m->source_cnt + 1, sizeof(*sorted));
	size_t cnt = 0, end;

	if (sorted == NULL) {
		log_error("crl: out of memory; which lists others stand in for is not known");
		return; /* again with the next list */
	}
	for (size_t i = 0; i < m->source_cnt; i++) {
		struct crl_source *s = m->source[i];

		/* Whose lists come from there is not known yet. */
		s->is_overridden = false;
		s->is_early = s->is_delta && !s->is_configured;
		if (s->has_issuer)
			sorted[cnt++] = s;
	}
	qsort(sorted, cnt, sizeof(*sorted), compare_places);
	for (size_t at = 0; at < cnt; at = end) {
		end = at + 1;
		while (end < cnt && is_same_family(sorted[at], sorted[end]))
			end++;
		relate_family(sorted + at, end - at);
	}
	m->is_unrelated = false;
	free(sorted);
}
