/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames built here are read back; frames cut, bent or forbidden are refused with their reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/net.h"
#include "dataplane/net_checksum.h"

static const struct net_link link_plain = {{2, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 1}, 0};
static const struct net_link link_tagged = {{2, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 1}, 100};
static const struct endpoint path4 = {.family = 4,
	.local_port = 1280,
	.remote_port = 1281,
	.local = {192, 0, 2, 1},
	.remote = {192, 0, 2, 2}};
static const struct endpoint path6 = {.family = 6,
	.local_port = 1280,
	.remote_port = 1281,
	.local = {0x20, 1, 0xd, 0xb8, [15] = 1},
	.remote = {0x20, 1, 0xd, 0xb8, [15] = 2}};

/* An exact copy on the heap, so that a sanitizer sees one byte too far. */
static enum net_reason parse(const uint8_t *frame, size_t len, struct net_packet *out)
{
	uint8_t *copy = malloc(len + 1);
	enum net_reason reason;

	assert_non_null(copy);
	copy = realloc(copy, len == 0 ? 1 : len);
	assert_non_null(copy);
	memcpy(copy, frame, len);
	reason = net_parse(copy, len, 0, out);
	free(copy);
	return reason;
}

/* The example of RFC 1071, and a header whose checksum every textbook prints. */
static void test_checksum_known(void **state)
{
	static const uint8_t rfc1071[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	static const uint8_t header[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
		0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
	/* 192.168.1.10:1234 -> 192.168.1.1:53, "hi"; summed by hand below. */
	static const uint8_t udp[] = {0x04, 0xd2, 0x00, 0x35, 0x00, 0x0a, 0x00, 0x00, 0x68, 0x69};
	static const uint8_t src[] = {192, 168, 1, 10};
	static const uint8_t dst[] = {192, 168, 1, 1};

	(void)state;
	assert_int_equal(net_sum_finish(net_sum_add(0, rfc1071, sizeof(rfc1071))), 0x220d);
	assert_int_equal(net_sum_finish(net_sum_add(0, header, sizeof(header))), 0);
	/* c0a8+010a+c0a8+0101+0011+000a+04d2+0035+000a+6869 = 1f0f0 -> f0f1, complemented. */
	assert_int_equal(net_transport_checksum(4, src, dst, 17, udp, sizeof(udp)), 0x0f0e);
	assert_int_equal(net_sum_finish(net_sum_add(0, (const uint8_t *)"\xff", 1)), 0x00ff);
}

static void check_round_trip(const struct net_link *link, const struct endpoint *path, size_t len)
{
	uint8_t payload[1200];
	uint8_t frame[1400];
	struct net_packet p;
	size_t frame_len;
	size_t i;

	for (i = 0; i < len; i++)
		payload[i] = (uint8_t)(i * 7 + 1);
	frame_len = net_build_udp(frame, sizeof(frame), link, path, payload, len);
	assert_true(frame_len > len);
	assert_int_equal(net_parse(frame, frame_len, 0, &p), NET_OK);
	assert_int_equal(p.kind, NET_UDP);
	assert_int_equal(p.family, path->family);
	assert_int_equal(p.vlan, link->vlan);
	assert_int_equal(p.src_port, 1280);
	assert_int_equal(p.dst_port, 1281);
	assert_memory_equal(p.src, path->local, net_address_len(path->family));
	assert_memory_equal(p.dst, path->remote, net_address_len(path->family));
	assert_memory_equal(p.src_mac, link->src_mac, 6);
	assert_int_equal(p.payload.len, len);
	assert_memory_equal(p.payload.data, payload, len);
	assert_int_equal(net_build_udp(frame, frame_len - 1, link, path, payload, len), 0);
	for (i = 0; i < frame_len; i++) /* cut at every length */
		assert_int_not_equal(parse(frame, i, &p), NET_OK);
}

static void test_udp_round_trip(void **state)
{
	static const size_t len[] = {0, 1, 2, 63, 512, 1200};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		check_round_trip(&link_plain, &path4, len[i]);
		check_round_trip(&link_tagged, &path4, len[i]);
		check_round_trip(&link_plain, &path6, len[i]);
		check_round_trip(&link_tagged, &path6, len[i]);
	}
}

/* Each byte of a datagram changed: refused, or in a field that no checksum covers. */
static void test_udp_every_byte_bent(void **state)
{
	uint8_t frame[256];
	struct net_packet p;
	size_t len = net_build_udp(
		frame, sizeof(frame), &link_plain, &path4, (const uint8_t *)"0123456789", 10);
	size_t i;

	(void)state;
	assert_true(len > 0);
	for (i = NET_ETHER_LEN; i < len; i++) {
		frame[i] ^= 0x10;
		assert_int_not_equal(net_parse(frame, len, 0, &p), NET_OK);
		frame[i] ^= 0x10;
	}
	assert_int_equal(net_parse(frame, len, 0, &p), NET_OK);
}

static void fix_ip_sum(uint8_t *ip)
{
	uint16_t sum;

	ip[10] = ip[11] = 0;
	sum = net_sum_finish(net_sum_add(0, ip, NET_IPV4_LEN));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

static enum net_reason with_ip_byte(size_t at, uint8_t value)
{
	uint8_t frame[256];
	struct net_packet p;
	size_t len = net_build_udp(frame, sizeof(frame), &link_plain, &path4, NULL, 0);

	frame[NET_ETHER_LEN + at] = value;
	fix_ip_sum(frame + NET_ETHER_LEN);
	return net_parse(frame, len, 0, &p);
}

static void test_ipv4_refusals(void **state)
{
	(void)state;
	assert_int_equal(with_ip_byte(0, 0x65), NET_IP_VERSION);
	assert_int_equal(with_ip_byte(0, 0x46), NET_IP_OPTIONS);
	assert_int_equal(with_ip_byte(3, 0xff), NET_IP_LENGTH);
	assert_int_equal(with_ip_byte(3, 19), NET_IP_LENGTH);
	assert_int_equal(with_ip_byte(6, 0x20), NET_IP_FRAGMENT);
	assert_int_equal(with_ip_byte(7, 1), NET_IP_FRAGMENT);
	assert_int_equal(with_ip_byte(8, 0), NET_IP_TTL);
	assert_int_equal(with_ip_byte(9, 6), NET_PROTOCOL);
	assert_int_equal(with_ip_byte(12, 127), NET_IP_SOURCE);
	assert_int_equal(with_ip_byte(12, 224), NET_IP_SOURCE);
	assert_int_equal(with_ip_byte(12, 0), NET_IP_SOURCE);
}

/* What the device has summed is not summed again; what it has not, is. */
static void test_checksums_proven(void **state)
{
	uint8_t frame[256];
	struct net_packet p;
	size_t len =
		net_build_udp(frame, sizeof(frame), &link_plain, &path4, (const uint8_t *)"x", 1);

	(void)state;
	frame[NET_ETHER_LEN + 10] ^= 1;
	assert_int_equal(net_parse(frame, len, 0, &p), NET_IP_CHECKSUM);
	assert_int_equal(net_parse(frame, len, NET_PROVEN_UDP, &p), NET_IP_CHECKSUM);
	assert_int_equal(net_parse(frame, len, NET_PROVEN_IP, &p), NET_OK);
	frame[NET_ETHER_LEN + NET_IPV4_LEN + 6] ^= 1;
	assert_int_equal(net_parse(frame, len, NET_PROVEN_IP, &p), NET_UDP_CHECKSUM);
	assert_int_equal(net_parse(frame, len, NET_PROVEN_IP | NET_PROVEN_UDP, &p), NET_OK);
	frame[NET_ETHER_LEN + NET_IPV4_LEN + 5]++; /* a length is never proven */
	assert_int_equal(net_parse(frame, len, NET_PROVEN_IP | NET_PROVEN_UDP, &p), NET_UDP_LENGTH);
	len = net_build_udp(frame, sizeof(frame), &link_plain, &path6, NULL, 0);
	frame[NET_ETHER_LEN + NET_IPV6_LEN + 6] = frame[NET_ETHER_LEN + NET_IPV6_LEN + 7] = 0;
	assert_int_equal(net_parse(frame, len, NET_PROVEN_UDP, &p), NET_UDP_CHECKSUM);
}

static void test_udp_refusals(void **state)
{
	uint8_t frame[256];
	struct net_packet p;
	size_t len = net_build_udp(frame, sizeof(frame), &link_plain, &path4, NULL, 0);
	uint8_t *udp = frame + NET_ETHER_LEN + NET_IPV4_LEN;

	(void)state;
	udp[6] = udp[7] = 0; /* IPv4: not computed is allowed */
	assert_int_equal(net_parse(frame, len, 0, &p), NET_OK);
	udp[5] = 9;
	assert_int_equal(net_parse(frame, len, 0, &p), NET_UDP_LENGTH);
	udp[5] = 8;
	udp[0] = udp[1] = 0;
	assert_int_equal(net_parse(frame, len, 0, &p), NET_UDP_PORT);

	len = net_build_udp(frame, sizeof(frame), &link_plain, &path6, NULL, 0);
	udp = frame + NET_ETHER_LEN + NET_IPV6_LEN;
	udp[6] = udp[7] = 0; /* IPv6: it is not */
	assert_int_equal(net_parse(frame, len, 0, &p), NET_UDP_CHECKSUM);
	frame[NET_ETHER_LEN + 6] = 44;
	assert_int_equal(net_parse(frame, len, 0, &p), NET_EXTENSION_HEADER);
	frame[NET_ETHER_LEN + 6] = 6;
	assert_int_equal(net_parse(frame, len, 0, &p), NET_PROTOCOL);
	frame[NET_ETHER_LEN + 7] = 0;
	assert_int_equal(net_parse(frame, len, 0, &p), NET_IP_TTL);
}

static void test_ethernet_refusals(void **state)
{
	uint8_t frame[256];
	struct net_packet p;
	size_t len = net_build_udp(frame, sizeof(frame), &link_tagged, &path4, NULL, 0);

	(void)state;
	frame[16] = 0x81; /* a second tag */
	frame[17] = 0x00;
	assert_int_equal(net_parse(frame, len, 0, &p), NET_ETHERTYPE);
	frame[6] = 1; /* a group as sender */
	assert_int_equal(net_parse(frame, len, 0, &p), NET_IP_SOURCE);
}

/* Question, answer, and what is learnt from it; for both families. */
static void check_question(uint8_t family, const uint8_t *us, const uint8_t *them)
{
	static const struct net_link theirs = {{0}, {2, 0, 0, 0, 0, 9}, 100};
	uint8_t frame[NET_CONTROL_MAX];
	uint8_t answer[NET_CONTROL_MAX];
	struct net_packet p;
	size_t len;
	size_t i;

	len = net_build_question(frame, sizeof(frame), &link_tagged, family, us, them);
	assert_true(len > 0);
	assert_int_equal(net_parse(frame, len, 0, &p), NET_OK);
	assert_int_equal(p.kind, family == 4 ? NET_ARP_REQUEST : NET_ND_SOLICIT);
	assert_memory_equal(p.target, them, net_address_len(family));
	assert_true(p.is_multicast);
	for (i = 0; i < len; i++) {
		struct net_packet cut;

		assert_int_not_equal(parse(frame, i, &cut), NET_OK);
	}
	len = net_build_answer(answer, sizeof(answer), &theirs, &p);
	assert_true(len > 0);
	assert_int_equal(net_parse(answer, len, 0, &p), NET_OK);
	assert_int_equal(p.kind, family == 4 ? NET_ARP_REPLY : NET_ND_ADVERT);
	assert_memory_equal(p.target, them, net_address_len(family));
	assert_memory_equal(p.dst_mac, link_tagged.src_mac, 6);
	assert_memory_equal(p.link_mac, theirs.src_mac, 6);
	assert_true(p.has_link_mac);
	assert_int_equal(p.vlan, 100);
	for (i = 0; i < len; i++)
		assert_int_not_equal(parse(answer, i, &p), NET_OK);
}

static void test_neighbour_messages(void **state)
{
	(void)state;
	check_question(4, path4.local, path4.remote);
	check_question(6, path6.local, path6.remote);
}

static void test_neighbour_refusals(void **state)
{
	uint8_t frame[NET_CONTROL_MAX];
	struct net_packet p;
	size_t len =
		net_build_question(frame, sizeof(frame), &link_plain, 4, path4.local, path4.remote);

	(void)state;
	frame[NET_ETHER_LEN + 8] = 1; /* sender's hardware address is a group */
	assert_int_equal(net_parse(frame, len, 0, &p), NET_ARP_FORMAT);
	frame[NET_ETHER_LEN + 8] = 2;
	frame[NET_ETHER_LEN + 7] = 3;
	assert_int_equal(net_parse(frame, len, 0, &p), NET_ARP_FORMAT);

	len = net_build_question(frame, sizeof(frame), &link_plain, 6, path6.local, path6.remote);
	frame[NET_ETHER_LEN + 7] = 254; /* it came through a router */
	assert_int_equal(net_parse(frame, len, 0, &p), NET_ND_FORMAT);
}

static size_t build_echo(uint8_t *frame, size_t size, const struct endpoint *path)
{
	static const uint8_t body[] = {0, 0, 0, 0, 0, 7, 0, 1, 'p', 'i', 'n', 'g'};
	struct net_packet request = {.family = path->family, .payload = {body, sizeof(body)}};
	size_t len;
	uint8_t *icmp;
	uint16_t sum;

	/* A reply turned back into a request. */
	memcpy(request.src, path->remote, 16);
	memcpy(request.dst, path->local, 16);
	memcpy(request.src_mac, link_plain.dst_mac, 6);
	len = net_build_echo_reply(frame, size, &link_plain, &request);
	icmp = frame + len - sizeof(body);
	icmp[0] = path->family == 4 ? 8 : 128;
	icmp[2] = icmp[3] = 0;
	sum = path->family == 4 ? net_sum_finish(net_sum_add(0, icmp, sizeof(body)))
				: net_transport_checksum(
					  6, path->local, path->remote, 58, icmp, sizeof(body));
	icmp[2] = (uint8_t)(sum >> 8);
	icmp[3] = (uint8_t)sum;
	return len;
}

static void check_echo(const struct endpoint *path)
{
	uint8_t frame[128];
	uint8_t reply[128];
	struct net_packet p;
	size_t len = build_echo(frame, sizeof(frame), path);

	assert_int_equal(net_parse(frame, len, 0, &p), NET_OK);
	assert_int_equal(p.kind, NET_ECHO_REQUEST);
	assert_int_equal(net_build_echo_reply(reply, sizeof(reply), &link_plain, &p), len);
	assert_int_equal(net_parse(reply, len, 0, &p), NET_ICMP_TYPE); /* we ask nobody */
	assert_memory_equal(reply + len - 4, "ping", 4);
	frame[len - 1] ^= 1;
	assert_int_equal(net_parse(frame, len, 0, &p), NET_ICMP_CHECKSUM);
}

static void test_echo(void **state)
{
	(void)state;
	check_echo(&path4);
	check_echo(&path6);
}

static void test_prefix(void **state)
{
	static const uint8_t a[] = {10, 1, 0x80, 0};
	static const uint8_t b[] = {10, 1, 0xc0, 0};

	(void)state;
	assert_true(net_prefix_equal(a, b, 0));
	assert_true(net_prefix_equal(a, b, 16));
	assert_true(net_prefix_equal(a, b, 17));
	assert_false(net_prefix_equal(a, b, 18));
	assert_false(net_prefix_equal(a, b, 32));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksum_known),
		cmocka_unit_test(test_udp_round_trip),
		cmocka_unit_test(test_udp_every_byte_bent),
		cmocka_unit_test(test_ipv4_refusals),
		cmocka_unit_test(test_checksums_proven),
		cmocka_unit_test(test_udp_refusals),
		cmocka_unit_test(test_ethernet_refusals),
		cmocka_unit_test(test_neighbour_messages),
		cmocka_unit_test(test_neighbour_refusals),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
