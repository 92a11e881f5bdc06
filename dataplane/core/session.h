/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One configured peer as the protocol sees it: settings, keyring, timers, running exchanges.
 * Embedded by value in the host's peer object, touched by the owner worker only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/view/channel.h"
#include "pki/view/snapshot.h"

/* Where a datagram came from or goes to. Addresses in network order, ports in host order. */
struct endpoint {
	uint16_t port_id; /* the host's number of the interface; opaque to the core */
	uint8_t family;   /* 4 or 6 */
	uint8_t pad;
	uint16_t local_port;
	uint16_t remote_port;
	uint8_t local[16];
	uint8_t remote[16];
};

/* Settings; with all that they point to they are the host's and do not change under a session. */
struct session_config {
	const char *name;
	const char *peering_common_name; /* not NUL-terminated */
	const struct endpoint *path;
	/* from here on compared as bytes: padding is zero */
	uint8_t peering_common_name_len;
	uint8_t path_cnt; /* 1..RK_PATH_MAX */
	uint8_t invalid_certificate_behavior;
	bool is_roaming;
	uint64_t rekey_interval_ns; /* 0 = never */
	uint64_t retransmit_interval_ns;
	uint64_t timeout_ns;
	uint64_t hold_ns;
	uint64_t reauth_interval_ns;
	uint64_t keep_alive_interval_ns;
	uint64_t rekey_packets;
	uint64_t rekey_bytes;
	uint16_t groups[8];
};
