/* SPDX-License-Identifier: BSD-3-Clause */
/* Which suite two sides take, and what becomes of it when the lists change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/identities.h"

static struct pair *start(const struct pair_options *o)
{
	struct pair *p = pair_new(o, east, west);

	pair_start(p, 0);
	pair_start(p, 1);
	return p;
}

static struct pair *up(const struct pair_options *o)
{
	struct pair *p = start(o);

	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	return p;
}

static struct session *session_of(struct pair *p, unsigned node)
{
	return p->node[node].session[0];
}

static bool has_rekeyed(struct pair *p)
{
	return pair_is_agreed(p) && pair_status(p, 0).rekey_cnt > 0;
}

static void every_suite(void **state)
{
	(void)state;
	for (uint16_t id = 1; id <= 4; id++) {
		struct pair *p = up(&(struct pair_options){
			.seed = id, .suites = {{id}, {id}}, .rekey_interval_ns = PAIR_SEC});

		assert_int_equal(pair_status(p, 0).suite, id);
		assert_true(pair_run_until(p, has_rekeyed, 5 * PAIR_SEC));
		assert_int_equal(pair_status(p, 1).suite, id);
		pair_free(p);
	}
}

/* E3: the first of R's that I offers; what I does not offer is no choice. */
static void responder_chooses_the_suite(void **state)
{
	struct pair *p = pair_new(
		&(struct pair_options){.seed = 5, .suites = {{4, 2, 3}, {3, 2}}}, east, west);

	(void)state;
	pair_start(p, 1);
	pair_run(p, 100 * PAIR_MS);
	session_dial_in(p->node[1].engine, session_of(p, 1), 0);
	pair_start(p, 0);
	session_of(p, 0)->dial_at_ns = 0; /* west dials, east answers */
	session_schedule(p->node[0].engine, session_of(p, 0));
	assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
	assert_int_equal(pair_status(p, 0).suite, 2);
	pair_free(p);
}

static bool has_third_suite(struct pair *p)
{
	return pair_is_agreed(p) && pair_status(p, 0).suite == 3;
}

/* Standing keys go on until a full exchange has made others, under a suite that is still listed. */
static void suite_that_left_the_list_is_replaced(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 21, .suites = {{1, 3}, {1, 3}}});

	(void)state;
	assert_int_equal(pair_status(p, 0).suite, 1);
	p->options.suites[0][0] = 3;
	p->options.suites[0][1] = 0;
	pair_rejudge(p, 0);
	assert_true(pair_is_agreed(p));
	assert_true(pair_run_until(p, has_third_suite, 40 * PAIR_SEC));
	assert_int_equal(pair_status(p, 0).full_exchange_cnt, 2);
	pair_run(p, 5 * PAIR_SEC);
	pair_rejudge(p, 0); /* nothing to do: it is listed */
	pair_run(p, 60 * PAIR_SEC);
	assert_int_equal(pair_status(p, 0).full_exchange_cnt, 2);
	pair_free(p);
}

static void no_suite_in_common(void **state)
{
	struct pair *p = start(&(struct pair_options){.seed = 6, .suites = {{1, 2}, {3, 4}}});

	(void)state;
	pair_run(p, 5 * PAIR_SEC);
	assert_true(pair_counter(p, 0, "no-common-suite") > 0);
	assert_true(pair_counter(p, 1, "no-common-suite") > 0);
	assert_int_equal(pair_status(p, 0).full_exchange_cnt, 0);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suite),
		cmocka_unit_test(responder_chooses_the_suite),
		cmocka_unit_test(suite_that_left_the_list_is_replaced),
		cmocka_unit_test(no_suite_in_common),
	};

	return cmocka_run_group_tests(tests, pair_make_identities, pair_free_identities);
}
