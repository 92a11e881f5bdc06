/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers of the network layer's formats, shared by parser and builders alone. */
#pragma once

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP  0x0806
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd

#define PROTO_ICMP   1
#define PROTO_UDP    17
#define PROTO_ICMPV6 58

#define IPV4_DONT_FRAGMENT 0x4000
#define IPV4_FRAGMENT_MASK 0x3fff /* more fragments, offset */
#define HOP_LIMIT          64
#define ND_HOP_LIMIT       255 /* RFC 4861: proof that it never crossed a router */

#define ICMP_ECHO_REQUEST   8
#define ICMP_ECHO_REPLY     0
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY   129
#define ICMPV6_SOLICIT      135
#define ICMPV6_ADVERT       136

#define ND_FIXED_LEN         24 /* type, code, checksum, flags, target */
#define ND_OPTION_SOURCE     1
#define ND_OPTION_TARGET     2
#define ND_FLAG_SOLICITED    0x40000000
#define ND_FLAG_OVERRIDE     0x20000000
#define ARP_ETHERNET         1
#define ARP_OPERATION_ASK    1
#define ARP_OPERATION_ANSWER 2
