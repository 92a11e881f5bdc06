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
	return k->slot[at]->local_index;
}

/* K3: never a fourth key, and what falls out leaves nothing behind. */
static void slots_shift_and_wipe(void **state)
{
	static const struct keyslot empty;
	static struct keyslot memory[KEYRING_CNT];
	struct keyslot_pool pool = {0};
	struct keyslot s = {.local_index = 1, .chain = {0xaa}};
	struct keyring k;

	(void)state;
	keyslot_pool_add(&pool, memory, KEYRING_CNT);
	keyring_init(&k);
	keyring_set_loser(&k, true); /* there is none */
	keyring_set_current(&pool, &k, &s);
	s.local_index = 2;
	keyring_set_next(&pool, &k, &s);
	assert_int_equal(index_at(&k, KEYRING_CURRENT), 1);
	keyring_promote(&pool, &k);
	assert_int_equal(index_at(&k, KEYRING_PREVIOUS), 1);
	assert_int_equal(index_at(&k, KEYRING_CURRENT), 2);
	assert_memory_equal(k.slot[KEYRING_NEXT], &empty, sizeof(empty));
	s.local_index = 3;
	keyring_set_next(&pool, &k, &s);
	s.local_index = 4;
	keyring_set_current(&pool, &k, &s);
	assert_int_equal(index_at(&k, KEYRING_PREVIOUS), 2);
	assert_int_equal(index_at(&k, KEYRING_CURRENT), 4);
	assert_int_equal(index_at(&k, KEYRING_NEXT), 3);
	assert_null(keyring_find(&k, 1));
	assert_null(keyring_find(&k, 0));
	assert_ptr_equal(keyring_find(&k, 3), k.slot[KEYRING_NEXT]);
	keyring_set_loser(&k, true);
	assert_true(k.slot[KEYRING_NEXT]->is_loser);
	assert_null(pool.free); /* all three are in use */
	keyring_drop(&pool, &k, KEYRING_PREVIOUS);
	assert_null(keyring_find(&k, 2));
	keyring_wipe(&pool, &k);
	for (unsigned i = 0; i < KEYRING_CNT; i++) {
		assert_memory_equal(k.slot[i], &empty, sizeof(empty));
		memory[i].next = NULL;
		assert_memory_equal(&memory[i], &empty, sizeof(empty));
	}
}

/* One pool serves many keyrings; what one gives back the next may take. */
static void pool_is_shared(void **state)
{
	enum { CNT = 5 };
	static struct keyslot memory[2][CNT * KEYRING_CNT];
	struct keyslot_pool pool = {0};
	struct keyring k[2 * CNT];
	struct keyslot s = {0};

	(void)state;
	keyslot_pool_add(&pool, memory[0], CNT * KEYRING_CNT);
	keyslot_pool_add(&pool, memory[1], CNT * KEYRING_CNT);
	assert_int_equal(pool.cnt, 2 * CNT * KEYRING_CNT);
	for (unsigned i = 0; i < 2 * CNT; i++)
		keyring_init(&k[i]);
	for (unsigned i = 0; i < 20000; i++) {
		struct keyring *one = &k[next_random() % (2 * CNT)];

		s.local_index = i + 1;
		switch (next_random() % 5) {
		case 0:
			keyring_set_next(&pool, one, &s);
			assert_ptr_equal(keyring_find(one, i + 1), one->slot[KEYRING_NEXT]);
			break;
		case 1:
			keyring_set_current(&pool, one, &s);
			assert_ptr_equal(keyring_find(one, i + 1), one->slot[KEYRING_CURRENT]);
			break;
		case 2:
			keyring_promote(&pool, one);
			break;
		case 3:
			keyring_drop(&pool, one, (enum keyring_position)(next_random() % 3));
			break;
		default:
			keyring_wipe(&pool, one);
		}
	}
	for (unsigned i = 0; i < 2 * CNT; i++)
		keyring_wipe(&pool, &k[i]);
	for (const struct keyslot *f = pool.free; f != NULL; f = f->next)
		pool.cnt--;
	for (const struct keyslot *r = pool.regions; r != NULL; r = r->next)
		pool.cnt -= r->sent_bytes;
	assert_int_equal(pool.cnt, pool.fresh_cnt); /* none is lost, none is there twice */
}

/* What was given back is used before what was never touched. */
static void fresh_slots_are_left_alone(void **state)
{
	static const struct keyslot empty;
	static struct keyslot memory[3 * KEYRING_CNT];
	const struct keyslot s = {.local_index = 7};
	struct keyslot_pool pool = {0};
	struct keyring k;

	(void)state;
	keyslot_pool_add(&pool, memory, 3 * KEYRING_CNT);
	keyring_init(&k);
	for (unsigned i = 0; i < 100; i++) {
		keyring_set_current(&pool, &k, &s);
		keyring_set_next(&pool, &k, &s);
		keyring_promote(&pool, &k);
		keyring_wipe(&pool, &k);
	}
	for (unsigned i = KEYRING_CNT; i < 3 * KEYRING_CNT; i++)
		assert_memory_equal(&memory[i], &empty, sizeof(empty));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_agrees_with_a_model),
		cmocka_unit_test(counters_end),
		cmocka_unit_test(slots_shift_and_wipe),
		cmocka_unit_test(pool_is_shared),
		cmocka_unit_test(fresh_slots_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
