/* SPDX-License-Identifier: BSD-3-Clause */
/* Sources to each other, at random against the plain rules, and thousands of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/crl/state.h"

#define MANY 4000

static uint64_t seed = 3;
static size_t order_cnt;

int __real_crl_source_order(const struct crl_source *a, const struct crl_source *b);
int __wrap_crl_source_order(const struct crl_source *a, const struct crl_source *b);

int __wrap_crl_source_order(const struct crl_source *a, const struct crl_source *b)
{
	order_cnt++;
	return __real_crl_source_order(a, b);
}

static unsigned next_random(unsigned below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1;
	return (unsigned)(seed >> 33) % below;
}

static struct crl_source *random_source(unsigned n, unsigned issuers)
{
	char name[64];
	struct crl_source *s;

	snprintf(name, sizeof(name), "s/%u%s", n / 2, n % 2 != 0 ? "/delta" : "");
	s = crl_source_new(name, name);
	assert_non_null(s);
	s->is_delta = n % 2 != 0;
	s->is_configured = next_random(4) == 0;
	s->is_unfetched = !s->is_configured && next_random(4) == 0;
	s->has_issuer = next_random(5) > 0;
	s->issuer_hash[31] = s->has_issuer ? (uint8_t)next_random(issuers) : 0;
	s->this_update = next_random(3) > 0 ? 1000 + next_random(9) : 0;
	snprintf(s->scope, sizeof(s->scope), "%s", next_random(2) > 0 ? "user" : "");
	s->is_overridden = next_random(2) > 0; /* whatever it was */
	s->is_early = next_random(2) > 0;
	return s;
}

static void open_sources(struct crl_manager *m, size_t cnt, unsigned issuers)
{
	*m = (struct crl_manager){.is_unrelated = true};
	m->source = calloc(cnt + 1, sizeof(struct crl_source *));
	assert_non_null(m->source);
	while (m->source_cnt < cnt) {
		m->source[m->source_cnt] = random_source((unsigned)m->source_cnt, issuers);
		m->source_cnt++;
	}
}

static void close_sources(struct crl_manager *m)
{
	for (size_t i = 0; i < m->source_cnt; i++)
		crl_source_free(m->source[i]);
	free(m->source);
}

/*
 * A configured source serves the same issuer's lists of its kind; of one that nobody asks, any with a list
 * about all of the issuer's certificates.
 */
static bool is_overridden(const struct crl_manager *m, const struct crl_source *s)
{
	for (size_t i = 0; i < m->source_cnt; i++) {
		const struct crl_source *by = m->source[i];

		if (s->is_configured || !s->has_issuer || !by->has_issuer ||
			memcmp(by->issuer_hash, s->issuer_hash, PKI_ISSUER_HASH_LEN) != 0)
			continue;
		if (by->is_configured && by->is_delta == s->is_delta)
			return true;
		if (s->is_unfetched && !by->is_delta && by->this_update != 0 &&
			by->scope[0] == '\0')
			return true;
	}
	return false;
}

/* A learnt delta, and no full list that it may belong to is there. */
static bool is_early(const struct crl_manager *m, const struct crl_source *s)
{
	if (!s->is_delta || s->is_configured)
		return false;
	for (size_t i = 0; i < m->source_cnt; i++) {
		if (m->source[i]->this_update != 0 && crl_source_belongs_to(s, m->source[i]))
			return false;
	}
	return true;
}

static void relations_are_those_of_every_pair(void **state)
{
	struct crl_manager m;

	(void)state;
	for (int round = 0; round < 300; round++) {
		open_sources(&m, next_random(40), 1 + next_random(4));
		crl_relate(&m);
		for (size_t i = 0; i < m.source_cnt; i++) {
			assert_int_equal(
				m.source[i]->is_overridden, is_overridden(&m, m.source[i]));
			assert_int_equal(m.source[i]->is_early, is_early(&m, m.source[i]));
		}
		assert_false(m.is_unrelated);
		close_sources(&m);
	}
}

/* Whose delta it is is known for sure when both have told their scope. */
static void delta_of_a_partition_is_that_ones(void **state)
{
	struct crl_source full = {.has_issuer = true}, delta = full;

	(void)state;
	delta.is_delta = true;
	strcpy(full.scope, "user");
	assert_true(crl_source_belongs_to(&delta, &full));
	delta.this_update = 1000;
	assert_true(crl_source_belongs_to(&delta, &full));
	delta.this_update = 0;
	full.this_update = 1000;
	assert_true(crl_source_belongs_to(&delta, &full));
	delta.this_update = 1000;
	assert_false(crl_source_belongs_to(&delta, &full));
	strcpy(delta.scope, "user");
	assert_true(crl_source_belongs_to(&delta, &full));
	assert_false(crl_source_belongs_to(&full, &delta));
}

/* Every pair of them would be sixteen million looks, after each fetch. */
static void thousands_are_sorted(void **state)
{
	struct crl_manager m;

	(void)state;
	for (unsigned issuers = 1; issuers <= 200; issuers += 199) {
		open_sources(&m, MANY, issuers);
		order_cnt = 0;
		crl_relate(&m);
		assert_in_range(order_cnt, MANY, 2 * 12 * MANY);
		close_sources(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relations_are_those_of_every_pair),
		cmocka_unit_test(delta_of_a_partition_is_that_ones),
		cmocka_unit_test(thousands_are_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
