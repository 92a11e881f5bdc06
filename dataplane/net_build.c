/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/net.h"

#include <string.h>

#include "dataplane/net_checksum.h"
#include "dataplane/net_format.h"

static const uint8_t broadcast_mac[NET_MAC_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};

static void put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void write_ether(struct rk_writer *w, const struct net_link *link, uint16_t type)
{
	rk_write_bytes(w, link->dst_mac, NET_MAC_LEN);
	rk_write_bytes(w, link->src_mac, NET_MAC_LEN);
	if (link->vlan != 0) {
		rk_write_u16(w, ETHERTYPE_VLAN);
		rk_write_u16(w, link->vlan);
	}
	rk_write_u16(w, type);
}

/* IPv4 or IPv6 header in front of len bytes. */
static void write_ip(struct rk_writer *w, uint8_t family, const uint8_t *src, const uint8_t *dst,
	uint8_t protocol, uint8_t hop_limit, size_t len)
{
	uint8_t *start = w->next;

	if (family == 6) {
		rk_write_u32(w, UINT32_C(6) << 28);
		rk_write_u16(w, (uint16_t)len);
		rk_write_u8(w, protocol);
		rk_write_u8(w, hop_limit);
		rk_write_bytes(w, src, 16);
		rk_write_bytes(w, dst, 16);
		return;
	}
	rk_write_u16(w, 0x4500);
	rk_write_u16(w, (uint16_t)(len + NET_IPV4_LEN));
	rk_write_u16(w, 0); /* the identification of an atomic datagram means nothing: RFC 6864 */
	rk_write_u16(w, IPV4_DONT_FRAGMENT);
	rk_write_u8(w, hop_limit);
	rk_write_u8(w, protocol);
	rk_write_u16(w, 0);
	rk_write_bytes(w, src, 4);
	rk_write_bytes(w, dst, 4);
	if (!w->is_failed)
		put_u16(start + 10, net_sum_finish(net_sum_add(0, start, NET_IPV4_LEN)));
}

static size_t finish(const struct rk_writer *w)
{
	return w->is_failed ? 0 : rk_writer_len(w);
}

size_t net_build_udp(uint8_t *buf, size_t size, const struct net_link *link,
	const struct endpoint *path, const uint8_t *payload, size_t len)
{
	uint16_t type = path->family == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
	struct rk_writer w;
	uint16_t checksum;
	uint8_t *udp;

	if (len > UINT16_MAX - NET_UDP_LEN - NET_IPV6_LEN)
		return 0;
	rk_writer_init(&w, buf, size);
	write_ether(&w, link, type);
	write_ip(&w, path->family, path->local, path->remote, PROTO_UDP, HOP_LIMIT,
		len + NET_UDP_LEN);
	udp = w.next;
	rk_write_u16(&w, path->local_port);
	rk_write_u16(&w, path->remote_port);
	rk_write_u16(&w, (uint16_t)(len + NET_UDP_LEN));
	rk_write_u16(&w, 0);
	rk_write_bytes(&w, payload, len);
	if (w.is_failed)
		return 0;
	checksum = net_transport_checksum(
		path->family, path->local, path->remote, PROTO_UDP, udp, len + NET_UDP_LEN);
	put_u16(udp + 6, checksum == 0 ? 0xffff : checksum); /* RFC 768: 0 says "none" */
	return finish(&w);
}

static void write_arp(struct rk_writer *w, uint16_t operation, const uint8_t *sender_mac,
	const uint8_t *sender, const uint8_t *target_mac, const uint8_t *target)
{
	rk_write_u16(w, ARP_ETHERNET);
	rk_write_u16(w, ETHERTYPE_IPV4);
	rk_write_u16(w, NET_MAC_LEN << 8 | 4);
	rk_write_u16(w, operation);
	rk_write_bytes(w, sender_mac, NET_MAC_LEN);
	rk_write_bytes(w, sender, 4);
	rk_write_bytes(w, target_mac, NET_MAC_LEN);
	rk_write_bytes(w, target, 4);
}

/* A solicitation or advertisement with our link-layer address. */
static void write_nd(struct rk_writer *w, uint8_t type, uint32_t flags, const uint8_t *src,
	const uint8_t *dst, const uint8_t *target, const uint8_t *mac)
{
	const size_t len = ND_FIXED_LEN + 8;
	uint8_t *start;

	write_ip(w, 6, src, dst, PROTO_ICMPV6, ND_HOP_LIMIT, len);
	start = w->next;
	rk_write_u8(w, type);
	rk_write_u8(w, 0);
	rk_write_u16(w, 0);
	rk_write_u32(w, flags);
	rk_write_bytes(w, target, 16);
	rk_write_u8(w, type == ICMPV6_SOLICIT ? ND_OPTION_SOURCE : ND_OPTION_TARGET);
	rk_write_u8(w, 1);
	rk_write_bytes(w, mac, NET_MAC_LEN);
	if (!w->is_failed)
		put_u16(start + 2, net_transport_checksum(6, src, dst, PROTO_ICMPV6, start, len));
}

size_t net_build_question(uint8_t *buf, size_t size, const struct net_link *link, uint8_t family,
	const uint8_t *source, const uint8_t *target)
{
	static const uint8_t unknown_mac[NET_MAC_LEN];
	struct net_link to = *link;
	struct rk_writer w;

	rk_writer_init(&w, buf, size);
	if (family == 4) {
		memcpy(to.dst_mac, broadcast_mac, NET_MAC_LEN);
		write_ether(&w, &to, ETHERTYPE_ARP);
		write_arp(&w, ARP_OPERATION_ASK, link->src_mac, source, unknown_mac, target);
	} else {
		/* The solicited-node group: RFC 4291 2.7.1, RFC 2464 7. */
		uint8_t group[16] = {0xff, 0x02, [11] = 1, [12] = 0xff};

		memcpy(group + 13, target + 13, 3);
		memcpy(to.dst_mac, (const uint8_t[]){0x33, 0x33, 0xff}, 3);
		memcpy(to.dst_mac + 3, target + 13, 3);
		write_ether(&w, &to, ETHERTYPE_IPV6);
		write_nd(&w, ICMPV6_SOLICIT, 0, source, group, target, link->src_mac);
	}
	return finish(&w);
}

size_t net_build_answer(
	uint8_t *buf, size_t size, const struct net_link *link, const struct net_packet *question)
{
	static const uint8_t none[16];
	struct net_link to = *link;
	struct rk_writer w;

	rk_writer_init(&w, buf, size);
	if (question->kind == NET_ARP_REQUEST) {
		memcpy(to.dst_mac, question->link_mac, NET_MAC_LEN);
		write_ether(&w, &to, ETHERTYPE_ARP);
		write_arp(&w, ARP_OPERATION_ANSWER, link->src_mac, question->target,
			question->link_mac, question->src);
	} else if (memcmp(question->src, none, sizeof(none)) == 0) {
		memcpy(to.dst_mac, (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1}, NET_MAC_LEN);
		write_ether(&w, &to, ETHERTYPE_IPV6);
		write_nd(&w, ICMPV6_ADVERT, ND_FLAG_OVERRIDE, question->target, all_nodes,
			question->target, link->src_mac);
	} else {
		memcpy(to.dst_mac, question->has_link_mac ? question->link_mac : question->src_mac,
			NET_MAC_LEN);
		write_ether(&w, &to, ETHERTYPE_IPV6);
		write_nd(&w, ICMPV6_ADVERT, ND_FLAG_SOLICITED | ND_FLAG_OVERRIDE, question->target,
			question->src, question->target, link->src_mac);
	}
	return finish(&w);
}

size_t net_build_echo_reply(
	uint8_t *buf, size_t size, const struct net_link *link, const struct net_packet *request)
{
	const struct rk_span *message = &request->payload;
	struct net_link to = *link;
	struct rk_writer w;
	uint8_t *start;
	uint16_t checksum;

	memcpy(to.dst_mac, request->src_mac, NET_MAC_LEN);
	rk_writer_init(&w, buf, size);
	write_ether(&w, &to, request->family == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	write_ip(&w, request->family, request->dst, request->src,
		request->family == 4 ? PROTO_ICMP : PROTO_ICMPV6, HOP_LIMIT, message->len);
	start = w.next;
	rk_write_bytes(&w, message->data, message->len);
	if (w.is_failed)
		return 0;
	start[0] = request->family == 4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY;
	put_u16(start + 2, 0);
	if (request->family == 4)
		checksum = net_sum_finish(net_sum_add(0, start, message->len));
	else
		checksum = net_transport_checksum(
			6, request->dst, request->src, PROTO_ICMPV6, start, message->len);
	put_u16(start + 2, checksum);
	return finish(&w);
}
