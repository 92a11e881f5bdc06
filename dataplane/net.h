/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The minimal network layer, over bytes: Ethernet, one VLAN tag, IPv4, IPv6, UDP, ARP, neighbour
 * discovery, ICMP echo. Knows no mbuf, no port, no table. Every length is checked before it is
 * used; whatever is not listed here is refused with a reason. Any thread.
 *
 * Not supported, and refused: fragments and IPv4 options (our datagrams carry neither), IPv6
 * extension headers, stacked VLAN tags.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/session.h"
#include "pki/view/bytes.h"

#define NET_MAC_LEN      6
#define NET_ETHER_LEN    14
#define NET_VLAN_LEN     4
#define NET_IPV4_LEN     20
#define NET_IPV6_LEN     40
#define NET_UDP_LEN      8
#define NET_ARP_LEN      28
#define NET_ICMP_LEN     8
#define NET_HEADROOM_MAX (NET_ETHER_LEN + NET_VLAN_LEN + NET_IPV6_LEN + NET_UDP_LEN)
/* The largest frame that the control builders below write: a neighbour solicitation. */
#define NET_CONTROL_MAX (NET_ETHER_LEN + NET_VLAN_LEN + NET_IPV6_LEN + 32)

/* One list: enum, names of counters. The parser's own first; the worker's after NOT_OURS. */
#define NET_REASONS(X)                               \
	X(OK, "received")                            \
	X(SHORT_ETHER, "short-ethernet")             \
	X(ETHERTYPE, "ethertype")                    \
	X(SHORT_IP, "short-ip")                      \
	X(IP_VERSION, "ip-version")                  \
	X(IP_OPTIONS, "ip-options")                  \
	X(IP_LENGTH, "ip-length")                    \
	X(IP_CHECKSUM, "ip-checksum")                \
	X(IP_FRAGMENT, "ip-fragment")                \
	X(IP_SOURCE, "ip-source")                    \
	X(IP_TTL, "ip-ttl")                          \
	X(EXTENSION_HEADER, "ipv6-extension-header") \
	X(PROTOCOL, "ip-protocol")                   \
	X(UDP_LENGTH, "udp-length")                  \
	X(UDP_PORT, "udp-port-zero")                 \
	X(UDP_CHECKSUM, "udp-checksum")              \
	X(ICMP_CHECKSUM, "icmp-checksum")            \
	X(ICMP_TYPE, "icmp-type")                    \
	X(ARP_FORMAT, "arp-format")                  \
	X(ND_FORMAT, "nd-format")                    \
	X(NOT_OURS, "not-ours")                      \
	X(VLAN, "vlan")                              \
	X(UNUSED_PORT, "unused-port")                \
	X(SEGMENTED, "segmented")                    \
	X(TOO_BIG, "larger-than-mtu")                \
	X(NO_PORT, "no-port")                        \
	X(NO_SOURCE, "source-address-gone")          \
	X(NO_ROUTE, "no-route")                      \
	X(NO_BUFFER, "no-buffer")                    \
	X(UNRESOLVED, "neighbour-unresolved")        \
	X(TX_FULL, "transmit-queue-full")            \
	X(TX, "sent")                                \
	X(ECHO, "echo-answered")                     \
	X(ECHO_LIMIT, "echo-over-limit")             \
	X(NEIGHBOUR_ANSWERED, "neighbour-answered")  \
	X(NEIGHBOUR_UNASKED, "neighbour-unasked")    \
	X(PASSED, "passed-to-owner")                 \
	X(PASS_FULL, "owner-queue-full")             \
	X(GOSSIP, "neighbour-passed-on")             \
	X(REPORT_LOST, "report-lost")

enum net_reason {
#define X(name, text) NET_##name,
	NET_REASONS(X)
#undef X
		NET_REASON_CNT
};
const char *net_reason_name(enum net_reason reason);

enum net_kind {
	NET_UDP,
	NET_ECHO_REQUEST, /* payload = the ICMP message */
	NET_ARP_REQUEST,
	NET_ARP_REPLY,
	NET_ND_SOLICIT,
	NET_ND_ADVERT,
};

/* A parsed frame. Addresses in network order, IPv4 in the first four bytes; numbers in host order. */
struct net_packet {
	enum net_kind kind;
	uint8_t family;    /* 4 or 6 */
	bool is_multicast; /* destination of the frame */
	uint16_t vlan;
	uint16_t src_port;
	uint16_t dst_port;
	uint16_t ip_len; /* of the whole IP packet */
	uint8_t proven;  /* as handed in */
	uint8_t src_mac[NET_MAC_LEN];
	uint8_t dst_mac[NET_MAC_LEN];
	uint8_t src[16];
	uint8_t dst[16];
	uint8_t target[16];            /* ARP and ND: who is asked for, or who answers */
	uint8_t link_mac[NET_MAC_LEN]; /* ARP: sender; ND: the link-layer option */
	bool has_link_mac;
	struct rk_span payload; /* into the frame */
};

/*
 * NET_OK and *out, or the reason for which the frame is dropped. proven: checksums that the device
 * has found right, so that they are not summed again; a device that found one wrong, or did not look,
 * proves nothing.
 */
#define NET_PROVEN_IP  1u /* IPv4 header */
#define NET_PROVEN_UDP 2u
enum net_reason net_parse(
	const uint8_t *frame, size_t len, unsigned proven, struct net_packet *out) RK_MUST_CHECK;

/* Where a frame goes on the link. */
struct net_link {
	uint8_t dst_mac[NET_MAC_LEN];
	uint8_t src_mac[NET_MAC_LEN];
	uint16_t vlan; /* 0 = untagged */
};

/* All builders write a whole frame and return its length, 0 when it does not fit. */
size_t net_build_udp(uint8_t *buf, size_t size, const struct net_link *link,
	const struct endpoint *path, const uint8_t *payload, size_t len) RK_MUST_CHECK;
/* A question for target; ARP or solicitation by family. link->dst_mac is filled in. */
size_t net_build_question(uint8_t *buf, size_t size, const struct net_link *link, uint8_t family,
	const uint8_t *source, const uint8_t *target) RK_MUST_CHECK;
/* The answer to a question that named one of our addresses. */
size_t net_build_answer(uint8_t *buf, size_t size, const struct net_link *link,
	const struct net_packet *question) RK_MUST_CHECK;
size_t net_build_echo_reply(uint8_t *buf, size_t size, const struct net_link *link,
	const struct net_packet *request) RK_MUST_CHECK;

/* Equal up to prefix_len bits. */
bool net_prefix_equal(const uint8_t *a, const uint8_t *b, unsigned prefix_len);
static inline size_t net_address_len(uint8_t family)
{
	return family == 4 ? 4 : 16;
}
