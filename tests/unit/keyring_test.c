/* SPDX-License-Identifier: BSD-3-Clause */
/* docs/protocol.md S1, S2: slots, and the replay window against a plain model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/keyring.h"

static uint64_t seed = 1;

static uint64_t next_random(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* K1: whatever the order, each counter within the window is accepted once, and none left of it. */
static void window_agrees_with_a_model(void **state)
{
	enum { CNT = 20000 };
	static bool was_seen[CNT + 4 * KEYRING_WINDOW_BITS];
	struct replay_window w = {0};
	uint64_t top = 0; /* one more than the highest */

	(void)state;
	for (unsigned i = 0; i < CNT; i++) {
		uint64_t counter = top + next_random() % 200;
		bool expected;

		counter = counter < 150 ? 0 : counter - 150;
		if (next_random() % 100 == 0)
			counter += KEYRING_WINDOW_BITS; /* a jump */
		if (counter >= sizeof(was_seen))
			break;
		expected = !was_seen[counter] &&
			   (counter >= top || top - counter <= KEYRING_WINDOW_BITS);
		assert_int_equal(replay_is_fresh(&w, counter), expected);
		assert_int_equal(replay_accept(&w, counter), expected);
		assert_false(replay_accept(&w, counter));
		was_seen[counter] = was_seen[counter] || expected;
		if (expected && counter >= top)
			top = counter + 1;
	}
	assert_true(top > 1000);
}

/* K2 */
static void counters_end(void **state)
{
	struct replay_window w = {0};

	(void)state;
	assert_true(replay_accept(&w, KEYRING_COUNTER_MAX - 1));
	assert_false(replay_accept(&w, KEYRING_COUNTER_MAX));
	assert_false(replay_accept(&w, UINT64_MAX));
	assert_true(replay_accept(&w, KEYRING_COUNTER_MAX - KEYRING_WINDOW_BITS));
	assert_false(replay_accept(&w, KEYRING_COUNTER_MAX - KEYRING_WINDOW_BITS - 1));
}

static uint32_t index_at(const struct keyring *k, enum keyring_position at)
{
	return k->slot[at].local_index;
}

/* K3: never a fourth key, and what falls out leaves nothing behind. */
static void slots_shift_and_wipe(void **state)
{
	struct keyring k = {0};
	struct keyslot s = {.local_index = 1, .chain = {0xaa}};
	static const struct keyslot empty;

	(void)state;
	keyring_set_current(&k, &s);
	s.local_index = 2;
	keyring_set_next(&k, &s);
	assert_int_equal(index_at(&k, KEYRING_CURRENT), 1);
	keyring_promote(&k);
	assert_int_equal(index_at(&k, KEYRING_PREVIOUS), 1);
	assert_int_equal(index_at(&k, KEYRING_CURRENT), 2);
	assert_memory_equal(&k.slot[KEYRING_NEXT], &empty, sizeof(empty));
	s.local_index = 3;
	keyring_set_next(&k, &s);
	s.local_index = 4;
	keyring_set_current(&k, &s);
	assert_int_equal(index_at(&k, KEYRING_PREVIOUS), 2);
	assert_int_equal(index_at(&k, KEYRING_CURRENT), 4);
	assert_int_equal(index_at(&k, KEYRING_NEXT), 3);
	assert_null(keyring_find(&k, 1));
	assert_null(keyring_find(&k, 0));
	assert_ptr_equal(keyring_find(&k, 3), &k.slot[KEYRING_NEXT]);
	keyring_drop(&k, KEYRING_PREVIOUS);
	assert_null(keyring_find(&k, 2));
	keyring_wipe(&k);
	for (unsigned i = 0; i < KEYRING_CNT; i++)
		assert_memory_equal(&k.slot[i], &empty, sizeof(empty));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_agrees_with_a_model),
		cmocka_unit_test(counters_end),
		cmocka_unit_test(slots_shift_and_wipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
