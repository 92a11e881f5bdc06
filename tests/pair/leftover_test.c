/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * P2: secrets of peerings that are gone are nowhere in the process: not in ours, and not in libcrypto's
 * memory, on no stack. All that can be written is searched for all that was ever secret.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/host.h"
#include "tests/pair/identities.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_SHADOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SHADOW 1
#endif
#endif
#ifndef HAS_SHADOW
#define HAS_SHADOW 0
#endif

#define SECRET_LEN 24 /* of each as much */
#define SECRET_MAX 1024
#define MASK       0xa5 /* what is looked for is not to be found here */

/* In pages of its own, which are left out. */
struct secrets {
	unsigned cnt;
	struct {
		char what[16];
		uint8_t masked[SECRET_LEN];
	} secret[SECRET_MAX];
};

static void add(struct secrets *s, const char *what, const uint8_t *secret)
{
	uint8_t masked[SECRET_LEN], any = 0;

	for (size_t i = 0; i < SECRET_LEN; i++) {
		any |= secret[i];
		masked[i] = secret[i] ^ MASK;
	}
	if (any == 0)
		return;
	for (unsigned i = 0; i < s->cnt; i++)
		if (memcmp(s->secret[i].masked, masked, SECRET_LEN) == 0)
			return;
	assert_true(s->cnt < SECRET_MAX);
	memcpy(s->secret[s->cnt].masked, masked, SECRET_LEN);
	snprintf(s->secret[s->cnt++].what, sizeof(s->secret[0].what), "%s", what);
}

static void add_exchange(struct secrets *s, const struct exchange *x)
{
	if (x->state == EXCHANGE_FREE)
		return;
	add(s, "Z, T", x->secret);
	add(s, "key pair", x->kex_secret);
	add(s, "handshake", x->send.key);
	add(s, "handshake", x->receive.key);
	add(s, "confirmation", x->confirm_initiator);
	add(s, "confirmation", x->confirm_responder);
}

static void add_slot(struct secrets *s, const struct keyslot *slot)
{
	if (!keyslot_is_used(slot))
		return;
	add(s, "session", slot->send.key);
	add(s, "session", slot->receive.key);
	add(s, "chain", slot->chain);
}

static bool collect(struct pair *p, struct pair_packet *packet)
{
	(void)packet;
	for (unsigned n = 0; n < 2; n++) {
		const struct engine *e = p->node[n].engine;

		for (uint32_t i = 0; i < e->config.exchange_cnt; i++)
			add_exchange(p->filter_arg, &e->exchanges[i]);
		for (unsigned i = 0; p->node[n].session[0] != NULL && i < KEYRING_CNT; i++)
			add_slot(p->filter_arg, p->node[n].session[0]->keys.slot[i]);
	}
	return true;
}

static const char *last_found;

static unsigned find_within(const struct secrets *s, const uint8_t *at, const uint8_t *end)
{
	uint8_t first[256] = {0};
	unsigned found = 0;

	for (unsigned i = 0; i < s->cnt; i++)
		first[s->secret[i].masked[0] ^ MASK] = 1;
	for (; at + SECRET_LEN <= end; at++) {
		for (unsigned i = 0; first[*at] != 0 && i < s->cnt; i++) {
			size_t len = 0;

			while (len < SECRET_LEN && (at[len] ^ MASK) == s->secret[i].masked[len])
				len++;
			if (len == SECRET_LEN) {
				last_found = s->secret[i].what;
				found++;
			}
		}
	}
	return found;
}

/* In how many places there is any of them. */
static unsigned find_anywhere(const struct secrets *s)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], rights[8];
	unsigned long begin, end;
	unsigned found = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &begin, &end, rights) != 3 ||
			memcmp(rights, "rw", 2) != 0)
			continue;
		if ((uintptr_t)s < begin || (uintptr_t)s >= end)
			found += find_within(s, (const uint8_t *)begin, (const uint8_t *)end);
	}
	fclose(maps);
	return found;
}

static void stop(struct pair *p)
{
	for (unsigned n = 0; n < 2; n++) {
		pair_begin(&p->node[n]);
		session_remove(p->node[n].engine, p->node[n].session[0]);
		p->node[n].session_cnt = 0;
	}
	pair_run(p, 30 * PAIR_SEC); /* answers are kept for ten */
	for (unsigned n = 0; n < 2; n++)
		pair_begin(&p->node[n]);
}

static void no_secret_outlives_its_peering(void **state)
{
	static const struct {
		uint16_t group;
		uint8_t suite;
	} cases[] = {{23, 1}, {24, 3}, {25, 2}, {29, 1}, {30, 4}};
	size_t len = (sizeof(struct secrets) + 4095) / 4096 * 4096;

	(void)state;
	if (HAS_SHADOW)
		skip(); /* more than can be searched, and what was freed lies there on purpose */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct secrets *s =
			mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		struct pair *p = pair_new(&(struct pair_options){.seed = i,
						  .rekey_interval_ns = 2 * PAIR_SEC,
						  .hold_ns = PAIR_SEC,
						  .groups = {cases[i].group},
						  .suites = {{cases[i].suite}, {cases[i].suite}}},
			east, west);

		assert_true(s != MAP_FAILED);
		p->filter = collect;
		p->filter_arg = s;
		pair_start(p, 0);
		pair_start(p, 1);
		pair_run(p, 20 * PAIR_SEC);
		assert_true(pair_is_agreed(p));
		assert_true(pair_counter(p, 0, "rekeys-done") > 3);
		assert_true(s->cnt > 20 && find_anywhere(s) > 0);
		stop(p);
		if (find_anywhere(s) > 0)
			fail_msg("left of group %u: %s", cases[i].group, last_found);
		pair_free(p);
		munmap(s, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_secret_outlives_its_peering),
	};

	return cmocka_run_group_tests(tests, pair_make_identities, pair_free_identities);
}
