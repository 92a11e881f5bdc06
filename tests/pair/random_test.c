/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Seeded random runs: forgery, replay, loss, repetition, reordering, slow crypto, crashes, rekeys,
 * new certificates, revocations and their lifting at random times.
 * Whatever happened, once the network is good again both sides agree on one key, and stay so.
 *
 *	pair-random [FIRST-SEED COUNT]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pair/pair.h"

#define DEFAULT_CNT 500

static struct pair_identity *identities[2][2]; /* of east and west: before and after renewal */

static struct pair_options options_of(uint64_t seed)
{
	struct pair_options o = {.seed = seed};
	struct pair dice = {.random = seed ^ UINT64_C(0x5eed)};

	o.loss_permille = (unsigned)(pair_random(&dice) % 300);
	o.duplicate_permille = (unsigned)(pair_random(&dice) % 200);
	o.latency_jitter_ns = pair_random(&dice) % (300 * PAIR_MS);
	o.job_ns = pair_random(&dice) % (20 * PAIR_MS);
	o.control_ns = pair_random(&dice) % (500 * PAIR_MS) + 1;
	o.rekey_interval_ns = (1 + pair_random(&dice) % 5) * PAIR_SEC;
	o.hold_ns = PAIR_SEC;
	o.keep_alive_interval_ns = 200 * PAIR_MS;
	o.are_verdicts_known = pair_random(&dice) % 2;
	o.behavior = pair_random(&dice) % 2 ? RK_FAIL_HARD : RK_FAIL_SOFT;
	return o;
}

static void disturb(struct pair *p)
{
	unsigned node = (unsigned)(pair_random(p) % 2);

	switch (pair_random(p) % 12) {
	case 0:
		pair_crash(p, node);
		pair_start(p, node);
		break;
	case 1:
		session_rotate(p->node[0].engine, p->node[0].session[0], false);
		session_rotate(p->node[1].engine, p->node[1].session[0], false);
		break;
	case 2:
		session_rotate(p->node[node].engine, p->node[node].session[0], true);
		break;
	case 3:
		pair_set_identity(p, node, identities[node][pair_random(p) % 2]);
		break;
	case 4:
		if (p->node[node].revoked_cnt < 4)
			pair_revoke(p, node, p->node[!node].identity);
		break;
	case 5:
		pair_unrevoke(p, node);
		break;
	default:
		break;
	}
}

static struct pair_packet kept; /* of this run */

/* An attacker on the path: now and then a copy with one bit changed, or one from before. */
static bool meddle(struct pair *p, struct pair_packet *packet)
{
	struct pair_packet copy = *packet;

	switch (pair_random(p) % 20) {
	case 0:
		copy.payload[pair_random(p) % copy.len] ^= (uint8_t)(1u << pair_random(p) % 8);
		pair_inject(p, &copy, pair_random(p) % PAIR_MS);
		break;
	case 1:
		kept = *packet;
		break;
	case 2:
		if (kept.len > 0)
			pair_inject(p, &kept, pair_random(p) % PAIR_MS);
		break;
	default:
		break;
	}
	return true;
}

static bool run(uint64_t seed)
{
	const struct pair_options o = options_of(seed);
	struct pair *p = pair_new(&o, identities[0][0], identities[1][0]);
	bool ok;
	unsigned i;

	kept.len = 0;
	p->filter = meddle;
	pair_start(p, 0);
	pair_start(p, 1);
	for (i = 0; i < 12; i++) {
		pair_run(p, pair_random(p) % (2 * PAIR_SEC));
		disturb(p);
	}
	p->options.loss_permille = p->options.duplicate_permille = 0;
	p->options.latency_jitter_ns = 0;
	p->filter = NULL;
	pair_unrevoke(p, 0);
	pair_unrevoke(p, 1);
	pair_run(p, 10 * PAIR_SEC);
	ok = pair_run_until(p, pair_is_agreed, 60 * PAIR_SEC);
	for (i = 0; i < 20 && ok; i++) { /* and stays so, through rekeys */
		pair_run(p, 500 * PAIR_MS);
		ok = pair_run_until(p, pair_is_agreed, 200 * PAIR_MS);
	}
	if (!ok)
		fprintf(stderr, "seed %llu: no agreement\n", (unsigned long long)seed);
	pair_free(p);
	return ok;
}

int main(int argc, char *argv[])
{
	uint64_t first = argc == 3 ? strtoull(argv[1], NULL, 0) : 1;
	uint64_t cnt = argc == 3 ? strtoull(argv[2], NULL, 0) : DEFAULT_CNT;
	uint64_t i, failed_cnt = 0;

	for (i = 0; i < 4; i++)
		identities[i / 2][i % 2] =
			pair_identity_new(i / 2 == 0 ? "east" : "west", TEST_P256, NULL);
	for (i = 0; i < cnt; i++)
		failed_cnt += !run(first + i);
	for (i = 0; i < 4; i++)
		pair_identity_free(identities[i / 2][i % 2]);
	printf("%llu runs, %llu without agreement\n", (unsigned long long)cnt,
		(unsigned long long)failed_cnt);
	return failed_cnt > 0;
}
