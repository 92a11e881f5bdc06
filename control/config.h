/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The running configuration, read from CONFIG/rekey.json. One table (config_schema.c) says for
 * each item: path, type, range, default, unit, help; reading, checking and documentation follow
 * it. A damaged file is refused with line and reason, and the last good one (STATE/rekey.last.json)
 * used.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/daemon.h"
#include "pki/view/snapshot.h"

struct config_address {
	uint8_t family; /* 4 or 6 */
	uint8_t prefix_len;
	uint8_t bytes[16];
};

struct config_port {
	const char *name; /* DPDK port name */
	unsigned vlan;
	unsigned mtu;
	struct config_address *address;
	size_t address_cnt;
	struct config_address gateway4; /* family 0 = none */
	struct config_address gateway6;
};

struct config_path {
	const char *port_name;
	size_t port; /* index of it */
	struct config_address local;
	struct config_address remote;
	uint16_t udp_port_local;
	uint16_t udp_port_remote;
};

struct config_peer {
	const char *name;
	const char *peering_common_name;
	struct config_path *path;
	size_t path_cnt;
	bool is_roaming;
};

struct config_crl_endpoint {
	const char *name;
	const char *uri;
	const char *delta_uri; /* NULL */
};

struct config_crl_source {
	const char *name;
	uint64_t polling_interval_ns;
	uint64_t backoff_interval_ns;
	bool is_local_address_allowed;
	enum rk_revocation_policy revocation_policy;
	uint64_t grace_time_ns;
	struct config_crl_endpoint *endpoint;
	size_t endpoint_cnt;
};

/* Which of our certificates peering uses. */
struct config_client_certificate {
	const char *name;
	const char *file; /* PKI/FILE.key and FILE.pem; NULL = name */
};

/* An alarm that fits is set aside: it stands, and is not listed with the others. */
struct config_shelf {
	const char *name;
	const char *category; /* these are NULL when any will do */
	const char *message_regex;
	const char *source;
	const char *router_name;
	const char *node_name;
	uint8_t severity; /* 0 = any, else enum alarm_severity + 1 */
	bool is_any;      /* one criterion is enough */
};

/* Everything is owned by the object; strings live as long as it. Immutable once read. */
struct config {
	const char *router;
	const char *node;
	const char *peering_common_name;
	bool is_enabled;             /* enhanced-security-key-management */
	bool is_self_signed_allowed; /* and only those that are configured as anchors */
	bool is_ed25519_allowed;
	enum rk_invalid_certificate_behavior invalid_certificate_behavior;
	uint64_t peer_key_rekey_interval_ns; /* 0 = never */
	uint64_t peer_key_retransmit_interval_ns;
	uint64_t peer_key_timeout_ns;
	uint64_t hold_ns;
	uint64_t reauth_interval_ns;
	uint64_t keep_alive_interval_ns;
	uint64_t rekey_packets;
	uint64_t rekey_bytes;
	uint16_t groups[8];            /* named curves in order of preference */
	uint64_t token_expiration_sec; /* 0 = never */
	struct config_port *port;
	size_t port_cnt;
	struct config_peer *peer;
	size_t peer_cnt;
	struct config_crl_source *crl;
	size_t crl_cnt;
	struct config_shelf *shelf;
	size_t shelf_cnt;
	struct config_client_certificate *client_certificate; /* at most one */
	size_t client_certificate_cnt;
	json_t *json;               /* as read; the strings above point into it */
	struct config_block *block; /* memory of the lists */
};

struct config_error {
	int line;       /* 0 = no position */
	char path[128]; /* "router.peer[2].path[0].address" */
	char text[256];
};

/* Parses and checks a whole document; *out untouched on failure. 0, -EINVAL with error, -errno. */
int config_parse(const char *text, size_t len, struct config **out, struct config_error *error)
	__attribute__((warn_unused_result));

#define CONFIG_FILE      "rekey.json"
#define CONFIG_FILE_LAST "rekey.last.json"
#define CONFIG_TEXT_MAX  ((size_t)256 << 20)

enum config_origin {
	CONFIG_CURRENT, /* CONFIG/rekey.json */
	CONFIG_LAST,    /* that one is missing or damaged (error says how): STATE/rekey.last.json */
};
/*
 * Reads CONFIG/rekey.json, and keeps a good one as the last good one. 0; -EINVAL or -errno with
 * error when neither can be used. With CONFIG_LAST error tells what is wrong with the current one.
 */
int config_load(int config_dir, int state_dir, struct config **out, enum config_origin *origin,
	struct config_error *error) __attribute__((warn_unused_result));
/* Only CONFIG/rekey.json, for a reload. */
int config_load_current(int config_dir, int state_dir, struct config **out,
	struct config_error *error) __attribute__((warn_unused_result));
void config_free(struct config *c); /* NULL is fine */
/* "rekey.json:12: router.peer[2].name: ..." */
void config_error_text(const struct config_error *error, char *out, size_t size);
