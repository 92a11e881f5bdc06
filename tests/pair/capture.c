/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capture FILE: writes what two engines say to each other, every type of message of
 * docs/protocol.md at least once, as a capture file (pcap, raw IP) for other people's programs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/pair.h"

#define LINKTYPE_RAW 101
#define IPV4_LEN     20
#define UDP_LEN      8

static FILE *file;
static bool has_type[256];

static void put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static unsigned checksum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static void write_header(void)
{
	const uint32_t header[6] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, LINKTYPE_RAW};

	must(fwrite(header, sizeof(header), 1, file) == 1);
}

/* UDP without a checksum, which IPv4 allows. */
static void write_packet(const struct pair *p, const struct pair_packet *packet)
{
	uint8_t ip[IPV4_LEN + UDP_LEN] = {0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17};
	uint32_t len = (uint32_t)(sizeof(ip) + packet->len);
	const uint32_t record[4] = {(uint32_t)(p->now_ns / PAIR_SEC),
		(uint32_t)(p->now_ns % PAIR_SEC / 1000), len, len};

	put16(ip + 2, len);
	memcpy(ip + 12, packet->source.remote, 4);
	memcpy(ip + 16, packet->source.local, 4);
	put16(ip + 10, checksum(ip, IPV4_LEN));
	put16(ip + IPV4_LEN, packet->source.remote_port);
	put16(ip + IPV4_LEN + 2, packet->source.local_port);
	put16(ip + IPV4_LEN + 4, (unsigned)(UDP_LEN + packet->len));
	must(fwrite(record, sizeof(record), 1, file) == 1 && fwrite(ip, sizeof(ip), 1, file) == 1 &&
		fwrite(packet->payload, packet->len, 1, file) == 1);
}

static bool record(struct pair *p, struct pair_packet *packet)
{
	const bool *is_moved = p->filter_arg;

	if (packet->from == 1 && *is_moved)
		packet->source.remote_port = 4001;
	has_type[packet->payload[MSG_ENVELOPE_LEN + 5]] = true;
	write_packet(p, packet);
	if (packet->to == 1)
		packet->source.local_port = 1280;
	return true;
}

static struct pair *begin(const struct pair_options *o, const struct pair_identity *east,
	const struct pair_identity *west, bool *is_moved)
{
	struct pair *p = pair_new(o, east, west);

	p->filter = record;
	p->filter_arg = is_moved;
	for (unsigned i = 0; i < 2; i++) {
		pair_start(p, i);
		/* the other way round there would be no COOKIE: RSA makes a large REPLY */
		if (i == 1 || o->are_verdicts_known)
			session_dial_in(p->node[i].engine, p->node[i].session[0], 0);
	}
	return p;
}

/* First contact with certificates and cookies, a rekey, and a change of address. */
static void strangers(const struct pair_identity *east, const struct pair_identity *west)
{
	bool is_moved = false;
	struct pair *p = begin(
		&(struct pair_options){
			.seed = 1, .rekey_interval_ns = PAIR_SEC, .is_roaming = true},
		east, west, &is_moved);

	must(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_run(p, 3 * PAIR_SEC);
	is_moved = true;
	pair_run(p, 3 * PAIR_SEC);
	must(pair_counter(p, 0, "paths-moved") == 1);
	pair_free(p);
}

/* Both dial at once: COLLISION. */
static void at_once(const struct pair_identity *east, const struct pair_identity *west)
{
	bool is_moved = false;
	struct pair *p = begin(&(struct pair_options){.seed = 2, .are_verdicts_known = true}, east,
		west, &is_moved);

	must(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_free(p);
}

int main(int argc, char *argv[])
{
	static const uint8_t types[] = {
#define X(id, value, name) value,
		MSG_TYPES(X)
#undef X
	};
	struct pair_identity *rsa, *east, *west;

	if (argc != 2 || (file = fopen(argv[1], "wb")) == NULL) {
		fprintf(stderr, "usage: capture FILE\n");
		return 2;
	}
	rsa = pair_identity_new("east", TEST_RSA_2048, NULL);
	east = pair_identity_new("east", TEST_P256, NULL);
	west = pair_identity_new("west", TEST_P256, NULL);
	write_header();
	strangers(rsa, west);
	at_once(east, west);
	pair_identity_free(rsa);
	pair_identity_free(east);
	pair_identity_free(west);
	must(fclose(file) == 0);
	for (size_t i = 0; i < sizeof(types); i++)
		must(has_type[types[i]]);
	return 0;
}
