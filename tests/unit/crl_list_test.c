/* SPDX-License-Identifier: BSD-3-Clause */
/* Thousands of sources are told of a few at a time, whatever comes and goes meanwhile. */
#include "tests/unit/crl_fixture.h"

#include "control/crl/state.h"

#define SOURCE_CNT 1000

static void add_source(struct bench *b, unsigned n)
{
	char url[64];
	struct crl_source *s;

	/* Their URLs stand in another order than they were met in. */
	snprintf(url, sizeof(url), "http://pki.invalid/%03u", n * 617 % SOURCE_CNT);
	s = crl_source_get(b->d.crl, url, url);
	assert_non_null(s);
	s->is_noted = true;
	s->entry_cnt = n;
	s->this_update = 1;
}

static const json_t *told(const struct bench *b)
{
	return json_object_get(b->answer.body, "sources");
}

static unsigned told_nth(const struct bench *b, size_t i)
{
	return (unsigned)json_integer_value(json_object_get(json_array_get(told(b), i), "entries"));
}

static unsigned turns_until_answered(struct bench *b)
{
	unsigned cnt = 0;

	for (; !b->is_answered; cnt++)
		event_base_loop(b->d.base, EVLOOP_ONCE);
	return cnt;
}

static void few_are_told_at_once(void **state)
{
	struct bench *b = *state;

	add_source(b, 0);
	crl_manager_list(b->d.crl, keep_answer, b);
	assert_true(b->is_answered);
	assert_int_equal(b->answer.status, 200);
	assert_int_equal(json_array_size(told(b)), 1);
	assert_false(b->answer.is_large);
}

static void many_take_turns(void **state)
{
	struct bench *b = *state;

	for (unsigned n = 0; n < SOURCE_CNT; n++)
		add_source(b, n);
	crl_manager_list(b->d.crl, keep_answer, b);
	assert_true(turns_until_answered(b) >= SOURCE_CNT / 128);
	assert_true(b->answer.is_large);
	assert_int_equal(json_array_size(told(b)), SOURCE_CNT);
	for (unsigned n = 0; n < SOURCE_CNT; n++)
		assert_int_equal(told_nth(b, n), n);
}

static void sources_come_and_go_meanwhile(void **state)
{
	struct bench *b = *state;
	unsigned last = 0, odd_cnt = 0;

	b->source.endpoint_cnt = 0;
	for (unsigned n = 0; n < SOURCE_CNT - 1; n++)
		add_source(b, n);
	crl_manager_list(b->d.crl, keep_answer, b);
	assert_false(b->is_answered);
	for (unsigned n = 1; n < SOURCE_CNT - 1; n += 2)
		b->d.crl->source[n]->is_noted = false;
	crl_manager_discover(b->d.crl); /* the odd ones go */
	assert_int_equal(b->d.crl->source_cnt, SOURCE_CNT / 2);
	add_source(b, SOURCE_CNT - 1);
	turns_until_answered(b);
	for (size_t i = 0; i < json_array_size(told(b)); i++) {
		assert_true(i == 0 || told_nth(b, i) > last);
		last = told_nth(b, i);
		odd_cnt += last % 2;
	}
	assert_int_equal(last, SOURCE_CNT - 1);
	/* Each that stays is told of, once, and of those that went the ones that were told of before. */
	assert_int_equal(json_array_size(told(b)) - odd_cnt, SOURCE_CNT / 2);
	assert_in_range(odd_cnt, 2, 128 / 2 + 1);
}

static void end_comes_first(void **state)
{
	struct bench *b = *state;

	for (unsigned n = 0; n < SOURCE_CNT; n++)
		add_source(b, n);
	crl_manager_list(b->d.crl, keep_answer, b);
	assert_false(b->is_answered);
	close_manager(b);
	assert_true(b->is_answered);
	assert_int_equal(b->answer.status, 503);
	open_manager(b);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(few_are_told_at_once),
		T(many_take_turns),
		T(sources_come_and_go_meanwhile),
		T(end_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
