/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/neighbour.h"

#define MS UINT64_C(1000000)

static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t mac_b[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t source[16] = {10, 0, 0, 1};

struct fixture {
	struct neighbour_table table;
	unsigned asked;
	unsigned delivered;
	unsigned dropped;
	uintptr_t last;
	uint8_t mac[6];
	uint64_t now;
};

static void on_ask(void *ctx, const struct neighbour_key *key, const uint8_t *from)
{
	(void)key;
	assert_memory_equal(from, source, 4);
	((struct fixture *)ctx)->asked++;
}

static void on_deliver(void *ctx, void *packet, const uint8_t mac[6])
{
	struct fixture *f = ctx;

	f->delivered++;
	f->last = (uintptr_t)packet;
	memcpy(f->mac, mac, 6);
}

static void on_drop(void *ctx, void *packet)
{
	struct fixture *f = ctx;

	f->dropped++;
	f->last = (uintptr_t)packet;
}

static const struct neighbour_ops ops = {on_ask, on_deliver, on_drop};

static struct neighbour_key key_of(unsigned n)
{
	struct neighbour_key key = {.port_id = 1, .family = 4};

	key.address[0] = 10;
	key.address[1] = (uint8_t)(n >> 16);
	key.address[2] = (uint8_t)(n >> 8);
	key.address[3] = (uint8_t)n;
	return key;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->now = 1000 * MS;
	neighbour_init(&f->table, &ops, f, f->now);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static bool resolve(struct fixture *f, unsigned n, uintptr_t packet)
{
	struct neighbour_key key = key_of(n);
	uint8_t mac[6] = {0};
	bool is_known = neighbour_resolve(&f->table, &key, source, (void *)packet, f->now, mac);

	if (is_known)
		memcpy(f->mac, mac, 6);
	return is_known;
}

static bool learn(struct fixture *f, unsigned n, const uint8_t *mac)
{
	struct neighbour_key key = key_of(n);

	return neighbour_learn(&f->table, &key, mac, f->now);
}

static void hear(struct fixture *f, unsigned n, const uint8_t *mac)
{
	struct neighbour_key key = key_of(n);

	neighbour_hear(&f->table, &key, mac, f->now);
}

static void test_park_and_deliver(void **state)
{
	struct fixture *f = *state;
	uintptr_t i;

	assert_false(learn(f, 7, mac_a)); /* N1: nobody had asked */
	for (i = 1; i <= NEIGHBOUR_PARKED_MAX; i++)
		assert_false(resolve(f, 7, i));
	assert_int_equal(f->asked, 1);
	assert_int_equal(f->dropped, 0);
	assert_false(resolve(f, 7, i)); /* one too many: the oldest goes */
	assert_int_equal(f->dropped, 1);
	assert_int_equal(f->last, 1);
	assert_true(learn(f, 7, mac_a));
	assert_int_equal(f->delivered, NEIGHBOUR_PARKED_MAX);
	assert_int_equal(f->last, i);
	assert_memory_equal(f->mac, mac_a, 6);
	assert_true(resolve(f, 7, 99));
	neighbour_fini(&f->table);
	assert_int_equal(f->dropped, 1); /* N3 */
}

static void test_unasked_change_makes_us_ask(void **state)
{
	struct fixture *f = *state;

	assert_false(resolve(f, 7, 1));
	assert_true(learn(f, 7, mac_a));
	assert_false(learn(f, 7, mac_b)); /* N1; and too early to make us ask */
	assert_int_equal(f->asked, 1);
	f->now += NEIGHBOUR_QUIET_NS;
	hear(f, 7, mac_a); /* nothing new */
	hear(f, 8, mac_b); /* a stranger */
	assert_int_equal(f->asked, 1);
	hear(f, 7, mac_b);
	assert_int_equal(f->asked, 2);
	hear(f, 7, mac_b); /* asked already */
	assert_true(resolve(f, 7, 2));
	assert_memory_equal(f->mac, mac_a, 6);
	assert_int_equal(f->asked, 2);
	assert_true(learn(f, 7, mac_b)); /* now it answers our question */
	assert_true(resolve(f, 7, 3));
	assert_memory_equal(f->mac, mac_b, 6);
}

/* Who restarts within the quiet time says its new address only once, and is asked after it. */
static void test_early_change_is_remembered(void **state)
{
	struct fixture *f = *state;

	assert_false(resolve(f, 7, 1));
	assert_true(learn(f, 7, mac_a));
	f->now += NEIGHBOUR_QUIET_NS / 2;
	assert_false(learn(f, 7, mac_b));
	neighbour_run(&f->table, f->now);
	assert_int_equal(f->asked, 1);
	f->now += NEIGHBOUR_QUIET_NS / 2;
	neighbour_run(&f->table, f->now);
	assert_int_equal(f->asked, 2);
	assert_true(learn(f, 7, mac_b));
	f->now += 2 * NEIGHBOUR_QUIET_NS;
	neighbour_run(&f->table, f->now);
	assert_int_equal(f->asked, 2); /* the doubt is settled */
	assert_true(resolve(f, 7, 2));
	assert_memory_equal(f->mac, mac_b, 6);
}

static void test_retry_then_give_up(void **state)
{
	struct fixture *f = *state;
	unsigned i;

	assert_false(resolve(f, 7, 1));
	for (i = 0; i < 100; i++) {
		f->now += 100 * MS;
		neighbour_run(&f->table, f->now);
	}
	assert_int_equal(f->asked, NEIGHBOUR_ASK_MAX);
	assert_int_equal(f->dropped, 1);
	assert_int_equal(f->table.open_cnt, 0);
	assert_false(resolve(f, 7, 1)); /* a new start */
	assert_int_equal(f->asked, NEIGHBOUR_ASK_MAX + 1);
}

static void test_ageing(void **state)
{
	struct fixture *f = *state;

	assert_false(resolve(f, 7, 1));
	assert_true(learn(f, 7, mac_a));
	f->now += NEIGHBOUR_FRESH_NS;
	assert_true(resolve(f, 7, 2)); /* used while it is asked again */
	assert_int_equal(f->asked, 2);
	assert_true(resolve(f, 7, 2));
	assert_int_equal(f->asked, 2);
	assert_true(learn(f, 7, mac_a));
	f->now += NEIGHBOUR_IDLE_NS;
	neighbour_run(&f->table, f->now);
	assert_false(resolve(f, 7, 3)); /* forgotten */
}

static void test_bounds(void **state)
{
	struct fixture *f = *state;
	unsigned i;

	for (i = 0; i < NEIGHBOUR_CNT / 2; i++) {
		assert_false(resolve(f, i, 1));
		assert_true(learn(f, i, mac_a));
		f->now++;
	}
	f->dropped = 0;
	for (i = 0; i < 5000; i++) { /* N2: a flood of questions nobody answers */
		assert_false(resolve(f, 100000 + i, 1));
		f->now++;
	}
	assert_int_equal(f->table.open_cnt, NEIGHBOUR_OPEN_MAX);
	assert_int_equal(f->dropped, 5000 - NEIGHBOUR_OPEN_MAX);
	for (i = 0; i < NEIGHBOUR_CNT / 2; i++)
		assert_true(resolve(f, i, 1));
	for (i = 0; i < 2 * NEIGHBOUR_CNT; i++) { /* all answered: the oldest make room */
		assert_false(resolve(f, 200000 + i, 1));
		assert_true(learn(f, 200000 + i, mac_b));
		f->now++;
	}
	neighbour_fini(&f->table);
	assert_int_equal(f->table.open_cnt, 0);
	assert_int_equal(f->dropped, 5000);
}

static void list(struct fixture *f, unsigned from, unsigned cnt)
{
	neighbour_list_begin(&f->table);
	for (unsigned n = from; n < from + cnt; n++) {
		struct neighbour_key key = key_of(n);

		neighbour_list_add(&f->table, &key, source, f->now);
	}
	neighbour_list_end(&f->table);
}

static void pass(struct fixture *f, uint64_t ms)
{
	for (; ms >= 50; ms -= 50) {
		f->now += 50 * MS;
		neighbour_run(&f->table, f->now);
	}
}

/* Known before the first packet, and never stale, whoever uses it. */
static void test_gateway_is_asked_ahead_and_kept(void **state)
{
	struct fixture *f = *state;

	list(f, 7, 1);
	assert_int_equal(f->asked, 1);
	assert_int_equal(f->table.open_cnt, 0); /* not one of those that strangers cause */
	assert_true(learn(f, 7, mac_a));
	assert_true(resolve(f, 7, 1));
	pass(f, NEIGHBOUR_FRESH_NS / MS);
	assert_int_equal(f->asked, 2);
	assert_true(learn(f, 7, mac_b));
	pass(f, NEIGHBOUR_FRESH_NS / MS - 100);
	list(f, 7, 1); /* the same again */
	assert_int_equal(f->asked, 2);
	assert_true(resolve(f, 7, 1));
	assert_memory_equal(f->mac, mac_b, 6);
	list(f, 8, 1); /* now it is another one: the first ages like any other */
	pass(f, NEIGHBOUR_IDLE_NS / MS);
	assert_false(resolve(f, 7, 1));
}

/* N4: a thousand peers behind one gateway begin before it has answered. */
static void test_gateway_holds_what_all_send(void **state)
{
	struct fixture *f = *state;
	uintptr_t i;
	unsigned rounds = 0;

	list(f, 7, 2);
	for (i = 1; i <= NEIGHBOUR_QUEUE_MAX; i++)
		assert_false(resolve(f, 7, i));
	assert_int_equal(f->dropped, 0);
	assert_false(resolve(f, 7, i)); /* one too many: the oldest goes */
	assert_int_equal(f->dropped, 1);
	assert_int_equal(f->last, 1);
	assert_false(resolve(f, 8, i)); /* no room is left for the other gateway */
	assert_int_equal(f->dropped, 2);
	assert_false(resolve(f, 9, i)); /* it is nobody else's */
	assert_int_equal(f->dropped, 2);
	assert_true(learn(f, 7, mac_a));
	assert_int_equal(f->delivered, NEIGHBOUR_BURST); /* not more than a queue takes */
	for (; f->table.ready_cnt > 0; rounds++) {
		neighbour_run(&f->table, f->now);
		assert_in_range(f->delivered, 0, (rounds + 2) * NEIGHBOUR_BURST);
	}
	assert_int_equal(f->delivered, NEIGHBOUR_QUEUE_MAX);
	assert_int_equal(f->last, i); /* first in, first out */
	assert_int_equal(f->table.queued_cnt, 0);
	neighbour_fini(&f->table);
	assert_int_equal(f->dropped, 3);
}

/* It is asked at an even pace, and what waits for it does not wait for ever. */
static void test_silent_gateway_is_asked_without_end(void **state)
{
	struct fixture *f = *state;

	list(f, 7, 1);
	assert_false(resolve(f, 7, 1));
	pass(f, 4000);
	assert_int_equal(f->dropped, 1);
	f->asked = 0;
	pass(f, 60000);
	assert_in_range(f->asked, 28, 31); /* every 2 s */
	assert_false(resolve(f, 7, 2));
	assert_true(learn(f, 7, mac_a));
	assert_int_equal(f->delivered, 1);
}

/* N4: neither questions without an answer nor answered ones make it give way. */
static void test_nobody_drives_a_gateway_out(void **state)
{
	struct fixture *f = *state;
	unsigned i;

	list(f, 0, NEIGHBOUR_KEPT_MAX + 1); /* the last one is a neighbour like any other */
	assert_int_equal(f->table.kept_cnt, NEIGHBOUR_KEPT_MAX);
	assert_int_equal(f->asked, NEIGHBOUR_KEPT_MAX);
	assert_true(learn(f, 1, mac_a));
	f->now++;
	for (i = 0; i < 3 * NEIGHBOUR_CNT; i++) {
		assert_false(resolve(f, 100000 + i, 1));
		if (i % 2 == 0)
			assert_true(learn(f, 100000 + i, mac_b));
		f->now++;
	}
	assert_true(resolve(f, 1, 1));
	assert_memory_equal(f->mac, mac_a, 6);
	assert_true(learn(f, 2, mac_a)); /* its question is still open */
	list(f, 5000, 1);                /* those that do not answer can be driven out again */
	assert_int_equal(f->table.kept_cnt, 1);
	f->dropped = 0;
	for (i = 0; i < 2 * NEIGHBOUR_SLOT_CNT; i++)
		assert_false(resolve(f, 300000 + i / 4, i + 1));
	assert_int_equal(f->table.open_cnt, NEIGHBOUR_OPEN_MAX);
	neighbour_fini(&f->table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_park_and_deliver, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unasked_change_makes_us_ask, setup, teardown),
		cmocka_unit_test_setup_teardown(test_early_change_is_remembered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retry_then_give_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ageing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_gateway_is_asked_ahead_and_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gateway_holds_what_all_send, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_silent_gateway_is_asked_without_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_drives_a_gateway_out, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
