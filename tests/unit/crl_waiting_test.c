/* SPDX-License-Identifier: BSD-3-Clause */
/* A delta that comes before its full list: how long it waits, and what is said of it. */
#include "control/crl/ingest.h"
#include "control/crl/state.h"
#include "tests/unit/crl_fixture.h"

static struct crl_manager *changing; /* another list is in force as soon as a list was read */
static unsigned changed_cnt;

void __real_crl_ingest_work(void *in);
void __wrap_crl_ingest_work(void *in);

/* The loop waits for this helper, and looks at the list when it is done. */
void __wrap_crl_ingest_work(void *in)
{
	struct master_list *list;

	__real_crl_ingest_work(in);
	if (changing == NULL)
		return;
	assert_int_equal(master_list_new(&list), 0);
	master_list_put(changing->list);
	changing->list = list;
	changed_cnt++;
}

/* Gives the endpoint a delta, in a file beside its list; uri is the caller's. */
static void put_delta(struct bench *b, char uri[192], long number, const char *base)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/delta.crl", b->dir);
	snprintf(uri, 192, "file://%s", path);
	b->endpoint.delta_uri = uri;
	test_crl_write(path, &(struct test_crl){.issuer = b->pki.ca,
				     .issuer_key = b->pki.ca_key,
				     .number = number,
				     .delta_base = base});
}

/* Both are new: whichever comes first, nothing is wrong with either, and one refresh brings both. */
static void delta_waits_for_the_list_that_comes_with_it(void **state)
{
	struct bench *b = *state;
	char uri[192];

	for (long number = 5; number < 50; number += 10) {
		char base[8];

		snprintf(base, sizeof(base), "%ld", number);
		put_crl(b, number, NULL, 0);
		put_delta(b, uri, number + 1, base);
		if (number == 5)
			crl_manager_discover(b->d.crl);
		refresh(b);
		assert_true(json_is_null(
			json_object_get(source_named(b, "lab/issuing/delta"), "last_error")));
		assert_string_equal(
			text_of(source_named(b, "lab/issuing/delta"), "base_crl_number"),
			text_of(source_named(b, "lab/issuing"), "crl_number"));
	}
	assert_int_equal(seen.raised_cnt, 0);
	b->endpoint.delta_uri = NULL;
}

/* One whose full list never comes waits once, and is then an alarm: it is not asked for without end. */
static void delta_ahead_of_its_list_waits_once(void **state)
{
	struct bench *b = *state;
	char uri[192];

	put_crl(b, 5, NULL, 0);
	put_delta(b, uri, 9, "8");
	crl_manager_discover(b->d.crl);
	refresh(b);
	for (int turn = 1; turn <= 3; turn++) {
		json_t *delta = source_named(b, "lab/issuing/delta");

		assert_non_null(strstr(text_of(delta, "last_error"), "crl-delta-without-base"));
		assert_int_equal(json_integer_value(json_object_get(delta, "failures")), turn);
		assert_int_equal(seen.raised_cnt, turn);
		refresh(b);
	}
	b->endpoint.delta_uri = NULL;
}

/* Each time it was read another list came to be in force: it waits for that one, and for no second. */
static void delta_waits_for_one_change_of_the_list(void **state)
{
	struct bench *b = *state;
	struct crl_source *delta;
	char uri[192];

	put_delta(b, uri, 9, "8");
	crl_manager_discover(b->d.crl);
	delta = b->d.crl->source[!b->d.crl->source[0]->is_delta];
	b->d.crl->source[b->d.crl->source[0]->is_delta]->is_overridden =
		true; /* none is on its way */
	changing = b->d.crl;
	for (int turns = 0; turns < 1000 && delta->failure_cnt == 0; turns++)
		event_base_loop(b->d.base, EVLOOP_ONCE);
	changing = NULL;
	assert_int_equal(changed_cnt, 2);
	assert_int_equal(delta->failure_cnt, 1);
	assert_false(delta->has_waited);
	assert_string_equal(seen.alarm_kind, "crl-refused");
	assert_non_null(strstr(seen.alarm_text, "crl-delta-without-base"));
	b->endpoint.delta_uri = NULL;
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BENCH(delta_waits_for_the_list_that_comes_with_it),
		WITH_BENCH(delta_ahead_of_its_list_waits_once),
		WITH_BENCH(delta_waits_for_one_change_of_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
