/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/net.h"

#include <string.h>

#include "dataplane/net_checksum.h"
#include "dataplane/net_format.h"

const char *net_reason_name(enum net_reason reason)
{
	static const char *const name[NET_REASON_CNT] = {
#define X(id, text) [NET_##id] = text,
		NET_REASONS(X)
#undef X
	};

	return reason < NET_REASON_CNT ? name[reason] : "unknown";
}

bool net_prefix_equal(const uint8_t *a, const uint8_t *b, unsigned prefix_len)
{
	unsigned whole = prefix_len / 8;
	unsigned rest = prefix_len % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	while (len > 0)
		if (p[--len] != 0)
			return false;
	return true;
}

/* A source that no answer may be sent to. */
static bool is_bad_source4(const uint8_t *a)
{
	return a[0] == 0 || a[0] == 127 || a[0] >= 224;
}

static bool is_bad_source6(const uint8_t *a)
{
	return a[0] == 0xff || (is_zero(a, 15) && a[15] <= 1);
}

/* A group or zero address is nobody's own: it would turn our packets into floods. */
static bool is_bad_mac(const uint8_t *mac)
{
	return (mac[0] & 1) != 0 || is_zero(mac, NET_MAC_LEN);
}

static enum net_reason parse_udp(struct rk_span ip_payload, struct net_packet *p)
{
	struct rk_reader r;
	uint16_t len;
	uint16_t checksum;

	rk_reader_init(&r, ip_payload.data, ip_payload.len);
	p->src_port = rk_read_u16(&r);
	p->dst_port = rk_read_u16(&r);
	len = rk_read_u16(&r);
	checksum = rk_read_u16(&r);
	if (r.is_failed || len != ip_payload.len)
		return NET_UDP_LENGTH;
	if (p->src_port == 0 || p->dst_port == 0)
		return NET_UDP_PORT;
	/* Zero = not computed: allowed by RFC 768, forbidden by RFC 8200 8.1. */
	if (checksum == 0 && p->family == 6)
		return NET_UDP_CHECKSUM;
	if (checksum != 0 && (p->proven & NET_PROVEN_UDP) == 0 &&
		net_transport_checksum(
			p->family, p->src, p->dst, PROTO_UDP, ip_payload.data, ip_payload.len) != 0)
		return NET_UDP_CHECKSUM;
	p->kind = NET_UDP;
	p->payload = (struct rk_span){ip_payload.data + NET_UDP_LEN, ip_payload.len - NET_UDP_LEN};
	return NET_OK;
}

static enum net_reason parse_icmp4(struct rk_span message, struct net_packet *p)
{
	if (message.len < NET_ICMP_LEN)
		return NET_SHORT_IP;
	if (net_sum_finish(net_sum_add(0, message.data, message.len)) != 0)
		return NET_ICMP_CHECKSUM;
	if (message.data[0] != ICMP_ECHO_REQUEST || message.data[1] != 0)
		return NET_ICMP_TYPE;
	p->kind = NET_ECHO_REQUEST;
	p->payload = message;
	return NET_OK;
}

static enum net_reason parse_nd(struct rk_span message, struct net_packet *p)
{
	bool is_solicit = message.data[0] == ICMPV6_SOLICIT;
	uint8_t wanted = is_solicit ? ND_OPTION_SOURCE : ND_OPTION_TARGET;
	struct rk_reader r;

	if (message.len < ND_FIXED_LEN || message.data[1] != 0)
		return NET_ND_FORMAT;
	rk_reader_init(&r, message.data + 8, message.len - 8);
	rk_read_copy(&r, p->target, sizeof(p->target));
	while (rk_reader_left(&r) > 0) {
		uint8_t type = rk_read_u8(&r);
		size_t len = (size_t)rk_read_u8(&r) * 8;
		const uint8_t *body;

		if (len == 0)
			return NET_ND_FORMAT;
		body = rk_read_bytes(&r, len - 2);
		if (body == NULL)
			return NET_ND_FORMAT;
		if (type == wanted && len == 8) {
			memcpy(p->link_mac, body, NET_MAC_LEN);
			p->has_link_mac = true;
		}
	}
	if (p->target[0] == 0xff || (p->has_link_mac && is_bad_mac(p->link_mac)))
		return NET_ND_FORMAT;
	/* RFC 4861 7.1.1: a probe for duplicates has neither source nor option. */
	if (is_solicit && is_zero(p->src, 16) && p->has_link_mac)
		return NET_ND_FORMAT;
	p->kind = is_solicit ? NET_ND_SOLICIT : NET_ND_ADVERT;
	return NET_OK;
}

static enum net_reason parse_icmp6(struct rk_span message, uint8_t hop_limit, struct net_packet *p)
{
	bool is_bad_source = is_bad_source6(p->src);

	if (message.len < NET_ICMP_LEN)
		return NET_SHORT_IP;
	if (net_transport_checksum(6, p->src, p->dst, PROTO_ICMPV6, message.data, message.len) != 0)
		return NET_ICMP_CHECKSUM;
	switch (message.data[0]) {
	case ICMPV6_ECHO_REQUEST:
		if (message.data[1] != 0)
			return NET_ICMP_TYPE;
		if (is_bad_source)
			return NET_IP_SOURCE;
		p->kind = NET_ECHO_REQUEST;
		p->payload = message;
		return NET_OK;
	case ICMPV6_SOLICIT:
	case ICMPV6_ADVERT:
		if (hop_limit != ND_HOP_LIMIT)
			return NET_ND_FORMAT;
		if (is_bad_source &&
			!(message.data[0] == ICMPV6_SOLICIT && is_zero(p->src, sizeof(p->src))))
			return NET_IP_SOURCE;
		return parse_nd(message, p);
	default:
		return NET_ICMP_TYPE;
	}
}

static enum net_reason parse_ipv4(struct rk_span data, struct net_packet *p)
{
	struct rk_reader r;
	struct rk_span payload;
	uint16_t fragment;
	uint8_t first;
	uint8_t ttl;
	uint8_t protocol;

	if (data.len < NET_IPV4_LEN)
		return NET_SHORT_IP;
	rk_reader_init(&r, data.data, NET_IPV4_LEN);
	first = rk_read_u8(&r);
	rk_read_u8(&r);
	p->ip_len = rk_read_u16(&r);
	rk_read_u16(&r);
	fragment = rk_read_u16(&r);
	ttl = rk_read_u8(&r);
	protocol = rk_read_u8(&r);
	rk_read_u16(&r);
	rk_read_copy(&r, p->src, 4);
	rk_read_copy(&r, p->dst, 4);
	if (first >> 4 != 4)
		return NET_IP_VERSION;
	if (first != 0x45)
		return NET_IP_OPTIONS;
	if (p->ip_len < NET_IPV4_LEN || p->ip_len > data.len)
		return NET_IP_LENGTH;
	if ((p->proven & NET_PROVEN_IP) == 0 &&
		net_sum_finish(net_sum_add(0, data.data, NET_IPV4_LEN)) != 0)
		return NET_IP_CHECKSUM;
	if ((fragment & IPV4_FRAGMENT_MASK) != 0)
		return NET_IP_FRAGMENT;
	if (ttl == 0)
		return NET_IP_TTL;
	if (is_bad_source4(p->src))
		return NET_IP_SOURCE;
	p->family = 4;
	payload = (struct rk_span){data.data + NET_IPV4_LEN, p->ip_len - (size_t)NET_IPV4_LEN};
	if (protocol == PROTO_UDP)
		return parse_udp(payload, p);
	return protocol == PROTO_ICMP ? parse_icmp4(payload, p) : NET_PROTOCOL;
}

static enum net_reason parse_ipv6(struct rk_span data, struct net_packet *p)
{
	struct rk_reader r;
	struct rk_span payload;
	uint32_t first;
	uint16_t payload_len;
	uint8_t next;
	uint8_t hop_limit;

	if (data.len < NET_IPV6_LEN)
		return NET_SHORT_IP;
	rk_reader_init(&r, data.data, NET_IPV6_LEN);
	first = rk_read_u32(&r);
	payload_len = rk_read_u16(&r);
	next = rk_read_u8(&r);
	hop_limit = rk_read_u8(&r);
	rk_read_copy(&r, p->src, 16);
	rk_read_copy(&r, p->dst, 16);
	if (first >> 28 != 6)
		return NET_IP_VERSION;
	if (payload_len > data.len - NET_IPV6_LEN || payload_len > UINT16_MAX - NET_IPV6_LEN)
		return NET_IP_LENGTH;
	if (hop_limit == 0)
		return NET_IP_TTL;
	p->family = 6;
	p->ip_len = (uint16_t)(payload_len + NET_IPV6_LEN);
	payload = (struct rk_span){data.data + NET_IPV6_LEN, payload_len};
	switch (next) {
	case PROTO_UDP:
		return is_bad_source6(p->src) ? NET_IP_SOURCE : parse_udp(payload, p);
	case PROTO_ICMPV6:
		return parse_icmp6(payload, hop_limit, p);
	case 0:  /* hop-by-hop */
	case 43: /* routing */
	case 44: /* fragment */
	case 60: /* destination options */
		return NET_EXTENSION_HEADER;
	default:
		return NET_PROTOCOL;
	}
}

static enum net_reason parse_arp(struct rk_span data, struct net_packet *p)
{
	struct rk_reader r;
	uint16_t hardware;
	uint16_t protocol;
	uint16_t lengths;
	uint16_t operation;

	rk_reader_init(&r, data.data, data.len); /* padding may follow */
	hardware = rk_read_u16(&r);
	protocol = rk_read_u16(&r);
	lengths = rk_read_u16(&r);
	operation = rk_read_u16(&r);
	rk_read_copy(&r, p->link_mac, NET_MAC_LEN);
	rk_read_copy(&r, p->src, 4);
	rk_read_bytes(&r, NET_MAC_LEN);
	rk_read_copy(&r, p->dst, 4);
	if (r.is_failed || hardware != ARP_ETHERNET || protocol != ETHERTYPE_IPV4 ||
		lengths != (NET_MAC_LEN << 8 | 4))
		return NET_ARP_FORMAT;
	if (operation != ARP_OPERATION_ASK && operation != ARP_OPERATION_ANSWER)
		return NET_ARP_FORMAT;
	if (is_bad_mac(p->link_mac))
		return NET_ARP_FORMAT;
	p->family = 4;
	p->has_link_mac = true;
	p->kind = operation == ARP_OPERATION_ASK ? NET_ARP_REQUEST : NET_ARP_REPLY;
	memcpy(p->target, operation == ARP_OPERATION_ASK ? p->dst : p->src, 4);
	/* An answer's sender is learnt; a question's (0.0.0.0 for a probe) is only answered. */
	if (operation == ARP_OPERATION_ANSWER && is_bad_source4(p->src))
		return NET_IP_SOURCE;
	return NET_OK;
}

enum net_reason net_parse(const uint8_t *frame, size_t len, unsigned proven, struct net_packet *out)
{
	struct net_packet p = {.proven = (uint8_t)proven};
	enum net_reason reason;
	struct rk_reader r;
	struct rk_span rest;
	uint16_t type;

	rk_reader_init(&r, frame, len);
	rk_read_copy(&r, p.dst_mac, NET_MAC_LEN);
	rk_read_copy(&r, p.src_mac, NET_MAC_LEN);
	type = rk_read_u16(&r);
	if (type == ETHERTYPE_VLAN) {
		p.vlan = rk_read_u16(&r) & 0xfff;
		type = rk_read_u16(&r);
	}
	if (r.is_failed)
		return NET_SHORT_ETHER;
	if (is_bad_mac(p.src_mac))
		return NET_IP_SOURCE;
	p.is_multicast = (p.dst_mac[0] & 1) != 0;
	rest.len = rk_reader_left(&r);
	rest.data = frame + (len - rest.len);
	switch (type) {
	case ETHERTYPE_IPV4:
		reason = parse_ipv4(rest, &p);
		break;
	case ETHERTYPE_IPV6:
		reason = parse_ipv6(rest, &p);
		break;
	case ETHERTYPE_ARP:
		reason = parse_arp(rest, &p);
		break;
	default:
		return NET_ETHERTYPE;
	}
	if (reason == NET_OK)
		*out = p;
	return reason;
}
