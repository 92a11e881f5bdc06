/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every field of every message, spoiled in every way: of another type, cut, lengthened, left out,
 * repeated, out of order, with other content; and then sealed and MACed again with the right keys,
 * as only a peer gone bad could. Each copy comes just before the genuine message. It is counted
 * under one reason, changes nothing, and the genuine one does what it is for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/pair/scene.h"

/* false: there is no such field, or nothing to spoil about it in that way. */
static bool try_one(struct scene *s, bool is_plain, unsigned number, enum way way)
{
	struct pair *p = scene_play(s);
	struct pair_packet spoiled;
	struct parts parts;
	char what[80];
	bool is_there;

	scene_take_apart(p, &s->genuine, &parts);
	is_there = spoil(s->type, is_plain ? &parts.plain : &parts.clear, number, way);
	if (is_there) {
		snprintf(what, sizeof(what), "message %u, %s field %u, way %d", s->type,
			is_plain ? "sealed" : "clear", number, (int)way);
		spoiled = scene_put_together(p, &s->genuine, &parts);
		scene_assert_no_effect(p, &s->genuine, &spoiled, what);
		pair_inject(p, &s->genuine, 0);
		assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
		pair_run(p, 3 * PAIR_SEC);
		assert_true(pair_run_until(p, pair_is_agreed, PAIR_SEC));
	}
	pair_free(p);
	return is_there;
}

static unsigned spoil_message(struct scene *s)
{
	unsigned cnt = 0;

	for (unsigned i = 0; i < 8; i++)
		for (unsigned way = 0; way < WAY_CNT; way++) {
			cnt += try_one(s, false, i, way);
			cnt += try_one(s, true, i, way);
		}
	return cnt;
}

static void each_field_in_each_way(void **state)
{
	static struct scene scenes[] = {
		{.type = MSG_HELLO},
		{.type = MSG_COOKIE},
		{.type = MSG_REPLY},
		{.type = MSG_FINISH},
		{.type = MSG_NEED_CERT},
		{.type = MSG_CERT_FRAGMENT},
		{.type = MSG_PENDING},
		{.type = MSG_COLLISION, .is_simultaneous = true},
		{.type = MSG_ACK},
		{.type = MSG_KEEP_ALIVE},
		{.type = MSG_REKEY_HELLO},
		{.type = MSG_REKEY_REPLY},
		{.type = MSG_PATH_CHALLENGE, .is_roaming = true},
		{.type = MSG_PATH_RESPONSE, .is_roaming = true},
	};
	unsigned cnt;

	(void)state;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		cnt = spoil_message(&scenes[i]);
		print_message("message %u: %u ways\n", scenes[i].type, cnt);
		assert_true(cnt >= 6);
	}
}

/* One bit of each byte, without any key: nothing opens, nothing changes. */
static void each_byte_without_a_key(void **state)
{
	static struct scene scenes[] = {{.type = MSG_HELLO}, {.type = MSG_COOKIE},
		{.type = MSG_FINISH}, {.type = MSG_NEED_CERT}, {.type = MSG_CERT_FRAGMENT},
		{.type = MSG_PENDING}, {.type = MSG_COLLISION, .is_simultaneous = true},
		{.type = MSG_ACK}, {.type = MSG_KEEP_ALIVE}, {.type = MSG_REKEY_HELLO},
		{.type = MSG_REKEY_REPLY}, {.type = MSG_PATH_CHALLENGE, .is_roaming = true},
		{.type = MSG_PATH_RESPONSE, .is_roaming = true}};
	struct pair_packet spoiled;
	char what[80];

	(void)state;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		struct pair *p = scene_play(&scenes[i]);
		const struct pair_packet *genuine = &scenes[i].genuine;

		for (size_t at = 0; at < genuine->len; at++) {
			spoiled = *genuine;
			spoiled.payload[at] ^= (uint8_t)(1u << at % 8);
			snprintf(what, sizeof(what), "message %u, byte %zu", scenes[i].type, at);
			scene_assert_no_effect(p, genuine, &spoiled, what);
		}
		for (size_t len = 1; len < genuine->len; len++) {
			spoiled = *genuine;
			spoiled.len = len;
			snprintf(what, sizeof(what), "message %u, %zu bytes", scenes[i].type, len);
			scene_assert_no_effect(p, genuine, &spoiled, what);
		}
		pair_inject(p, genuine, 0);
		assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
		pair_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_in_each_way),
		cmocka_unit_test(each_byte_without_a_key),
	};

	return cmocka_run_group_tests(tests, scene_make_identities, scene_free_identities);
}
