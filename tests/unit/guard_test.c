/* SPDX-License-Identifier: BSD-3-Clause */
/* The DoS ladder's rungs, guarantees D1 to D3 of guard.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/guard.h"

#define SEC UINT64_C(1000000000)

static const uint8_t secret1[GUARD_SECRET_LEN] = {1};
static const uint8_t secret2[GUARD_SECRET_LEN] = {2};
static const uint8_t secret3[GUARD_SECRET_LEN] = {3};
static const struct guard_config config = {
	.source_rate = 10, .source_burst = 5, .load_rate = 100, .table_key = {9}};

static int set_up(void **state)
{
	struct guard *g;

	assert_int_equal(guard_new(&config, secret1, &g), 0);
	*state = g;
	return 0;
}

static int tear_down(void **state)
{
	guard_free(*state);
	return 0;
}

/* D1 */
static void mac1_needs_the_name(void **state)
{
	struct guard *g = *state;
	uint8_t hello[512] = {7}, mac[GUARD_MAC_LEN];

	assert_true(guard_make_mac1("west", 4, hello, sizeof(hello), mac));
	assert_false(guard_check_mac1(g, hello, sizeof(hello), mac)); /* no name yet */
	assert_true(guard_set_name(g, "west", 4));
	assert_true(guard_check_mac1(g, hello, sizeof(hello), mac));
	assert_true(guard_check_mac1(g, hello, sizeof(hello), mac));
	hello[511] ^= 1;
	assert_false(guard_check_mac1(g, hello, sizeof(hello), mac));
	hello[511] ^= 1;
	mac[15] ^= 0x80;
	assert_false(guard_check_mac1(g, hello, sizeof(hello), mac));
	assert_true(guard_make_mac1("wesT", 4, hello, sizeof(hello), mac));
	assert_false(guard_check_mac1(g, hello, sizeof(hello), mac));
	assert_false(guard_make_mac1("west", RK_CN_MAX + 1, hello, sizeof(hello), mac));
}

/* D2 */
static void cookie_is_bound_to_everything(void **state)
{
	struct guard *g = *state;
	uint8_t hash[GUARD_HASH_LEN] = {5}, cookie[GUARD_COOKIE_LEN];
	struct endpoint from = {.family = 4, .local_port = 1280, .remote_port = 1281};
	struct guard_cookie_input in = {&from, 77, hash, 29};

	guard_make_cookie(g, &in, cookie);
	assert_true(guard_check_cookie(g, &in, cookie));
	in.exchange_id++;
	assert_false(guard_check_cookie(g, &in, cookie));
	in.exchange_id--;
	in.group = 23;
	assert_false(guard_check_cookie(g, &in, cookie));
	in.group = 29;
	hash[31] ^= 1;
	assert_false(guard_check_cookie(g, &in, cookie));
	hash[31] ^= 1;
	from.remote[0] ^= 1;
	assert_false(guard_check_cookie(g, &in, cookie));
	from.remote[0] ^= 1;
	from.local[15] ^= 1;
	assert_false(guard_check_cookie(g, &in, cookie));
	from.local[15] ^= 1;
	from.remote_port++;
	assert_false(guard_check_cookie(g, &in, cookie));
	from.remote_port--;
	from.family = 6;
	assert_false(guard_check_cookie(g, &in, cookie));
	from.family = 4;
	from.port_id = 3; /* which of our interfaces is our own business */
	assert_true(guard_check_cookie(g, &in, cookie));
}

static void cookie_outlives_one_renewal(void **state)
{
	struct guard *g = *state;
	uint8_t hash[GUARD_HASH_LEN] = {5}, cookie[GUARD_COOKIE_LEN];
	struct endpoint from = {.family = 6};
	struct guard_cookie_input in = {&from, 1, hash, 0};

	guard_make_cookie(g, &in, cookie);
	guard_set_cookie_secret(g, secret2);
	assert_true(guard_check_cookie(g, &in, cookie));
	guard_set_cookie_secret(g, secret3);
	assert_false(guard_check_cookie(g, &in, cookie));
}

static unsigned admitted(struct guard *g, const struct endpoint *from, uint64_t now, unsigned tries)
{
	unsigned cnt = 0;

	while (tries-- > 0)
		cnt += guard_admit(g, from, false, now);
	return cnt;
}

/* D3 */
static void bucket_holds_burst_and_refills_at_rate(void **state)
{
	struct guard *g = *state;
	struct endpoint from = {.family = 4, .remote = {192, 0, 2, 1}};

	assert_int_equal(admitted(g, &from, SEC, 100), 5);
	assert_int_equal(admitted(g, &from, SEC + SEC / 10, 100), 1);
	assert_int_equal(admitted(g, &from, SEC + SEC / 10 + 1, 100), 0);
	assert_int_equal(admitted(g, &from, 2 * SEC, 100), 5); /* nine refilled, five fit */
	assert_int_equal(admitted(g, &from, 900000 * SEC, 100), 5);
}

static void sources_have_budgets_of_their_own(void **state)
{
	struct guard *g = *state;
	struct endpoint a = {.family = 4, .remote = {192, 0, 2, 1}};
	struct endpoint b = {.family = 4, .remote = {192, 0, 2, 2}};
	struct endpoint c = {.family = 6, .remote = {0x20, 1, 0xd, 0xb8, [15] = 1}};
	struct endpoint d = c;

	assert_int_equal(admitted(g, &a, SEC, 100), 5);
	assert_int_equal(admitted(g, &b, SEC, 100), 5);
	assert_int_equal(admitted(g, &c, SEC, 100), 5);
	d.remote[15] = 2; /* the same /64 */
	d.remote_port = 99;
	assert_int_equal(admitted(g, &d, SEC, 100), 0);
}

/* D3: whoever forges the address of a source leaves it the budget of those with a cookie. */
static void cookie_has_a_budget_of_its_own(void **state)
{
	struct guard *g = *state;
	struct endpoint from = {.family = 4, .remote = {192, 0, 2, 1}};

	assert_int_equal(admitted(g, &from, SEC, 100), 5);
	for (unsigned i = 0; i < 5; i++)
		assert_true(guard_admit(g, &from, true, SEC));
	assert_false(guard_admit(g, &from, true, SEC));
}

static void load_rises_and_falls(void **state)
{
	struct guard *g = *state;
	uint64_t now = 5 * SEC;
	unsigned i;

	for (i = 0; i < 10; i++)
		assert_false(guard_note_hello(g, now));
	assert_true(guard_note_hello(g, now));            /* the 11th in a tenth of a second */
	assert_true(guard_note_hello(g, now + SEC / 10)); /* the window before was loaded */
	assert_false(guard_note_hello(g, now + SEC / 5));
	for (i = 0; i < 100; i++)
		(void)guard_note_hello(g, now + SEC / 5);
	assert_false(guard_note_hello(g, now + 10 * SEC)); /* idle between */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(mac1_needs_the_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cookie_is_bound_to_everything, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cookie_outlives_one_renewal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			bucket_holds_burst_and_refills_at_rate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			sources_have_budgets_of_their_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cookie_has_a_budget_of_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(load_rises_and_falls, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
