/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hostile datagrams into an engine with open exchanges. The input says how far two real engines
 * get with each other, which of their packets is taken up, what is done to it (bytes are xored in,
 * or replace it), and whether mac1 is made good again. Whatever that was, the two agree on a key
 * afterwards. The bytes go through every parser by themselves as well.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/guard.h"
#include "dataplane/core/wire.h"
#include "tests/pair/pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD_LEN = 4, RECORDED_MAX = 64, FLAG_REPLACE = 1, FLAG_MAC1 = 2, FLAG_TO_WEST = 4 };

static struct pair_identity *east, *west;
static struct pair_packet recorded[RECORDED_MAX];
static size_t recorded_cnt;

static bool record(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	if (recorded_cnt < RECORDED_MAX)
		recorded[recorded_cnt++] = *packet;
	return true;
}

static void parse(const uint8_t *data, size_t size)
{
	struct wire_packet p;
	struct wire_hello hello;
	struct wire_reply reply;
	struct wire_cookie cookie;
	struct wire_proof proof;
	struct wire_rekey rekey;
	struct wire_fragment fragment;
	const struct rk_span all = {data, size};

	(void)!wire_parse_proof(&proof, all, true);
	(void)!wire_parse_proof(&proof, all, false);
	(void)!wire_parse_rekey(&rekey, all);
	(void)!wire_parse_fragment(&fragment, all);
	(void)engine_packet_owner(data, size);
	if (wire_parse_packet(&p, data, size) != REASON_ACCEPTED)
		return;
	(void)!wire_parse_hello(&hello, &p);
	(void)!wire_parse_reply(&reply, &p);
	(void)!wire_parse_cookie(&cookie, &p);
}

/* Without it hardly any HELLO would get past the first step. */
static void mend_mac1(struct pair_packet *packet)
{
	const char *name = packet->to == 0 ? "east" : "west";
	size_t at = packet->len - GUARD_MAC_LEN;

	if (packet->len >= GUARD_MAC_LEN)
		(void)!guard_make_mac1(name, 4, packet->payload, at, packet->payload + at);
}

static void change(struct pair_packet *packet, const uint8_t *data, size_t size)
{
	const uint8_t *bytes = data + HEAD_LEN;
	size_t len = size - HEAD_LEN, offset = (size_t)data[3] * 4;

	if (data[2] & FLAG_REPLACE) {
		packet->len = len < PAIR_PACKET_MAX ? len : PAIR_PACKET_MAX;
		memcpy(packet->payload, bytes, packet->len);
	} else {
		for (size_t i = 0; i < len && offset + i < packet->len; i++)
			packet->payload[offset + i] ^= bytes[i];
	}
	if (data[2] & FLAG_MAC1)
		mend_mac1(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pair_options options = {.seed = 1, .rekey_interval_ns = PAIR_SEC};
	struct pair_packet packet;
	struct pair *p;

	parse(data, size);
	if (size < HEAD_LEN)
		return 0;
	if (east == NULL) {
		east = pair_identity_new("east", TEST_P256, NULL);
		west = pair_identity_new("west", TEST_P256, NULL);
	}
	recorded_cnt = 0;
	p = pair_new(&options, east, west);
	p->filter = record;
	pair_start(p, 0);
	pair_start(p, 1);
	for (unsigned i = 0; i < data[0] || recorded_cnt == 0; i++)
		(void)pair_step(p, p->now_ns + PAIR_SEC);
	packet = recorded[data[1] % recorded_cnt];
	change(&packet, data, size);
	if (data[2] & FLAG_TO_WEST)
		packet.to = !packet.to;
	if (packet.len > 0)
		pair_inject(p, &packet, 0);
	pair_run(p, 100 * PAIR_MS);
	if (!pair_run_until(p, pair_is_agreed, 30 * PAIR_SEC))
		abort();
	pair_free(p);
	return 0;
}
