/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A configuration, read from CONFIG/rekey.json or from a JSON document. One table (config_schema.c)
 * says for each item: path, type, range, default, unit, help; reading, checking, editing and
 * documentation follow it. What is wrong is reported whole, with code, path and line.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/daemon.h"
#include "pki/view/snapshot.h"

/* Documents are immutable and shared with helpers, each thread with references of its own. */
#if !JSON_HAVE_ATOMIC_BUILTINS && !JSON_HAVE_SYNC_BUILTINS
#error "this jansson does not count references atomically"
#endif

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

/* URLs of all endpoints together: so many are fetched. */
#define CONFIG_CRL_URL_MAX 4096

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
	unsigned size_limit_mib;
	unsigned shrink_limit_percent;
	uint64_t certificate_lifetime_ns;
	struct config_crl_endpoint *endpoint;
	size_t endpoint_cnt;
};

/* Which of our certificates peering uses. */
struct config_client_certificate {
	const char *name;
	const char *file; /* PKI/FILE.key and FILE.pem; NULL = name */
};

enum config_ca_protocol { CONFIG_CA_EST, CONFIG_CA_CMP };
#define CONFIG_CA_URL_MAX 512

/* A CA that signs our certificates. Secrets and certificates are files of the PKI directory. */
struct config_ca_profile {
	const char *url;
	enum config_ca_protocol protocol;
	const char *username;          /* NULL, as all below */
	const char *secret_file;       /* 0600 */
	const char *client_credential; /* authenticates the first enrolment */
	const char *tls_ca_file;       /* PEM; without it, the trusted CA certificates */
	const char *recipient;         /* CMP: the CA's name */
	bool is_renewal_on;
	uint64_t revocation_check_interval_ns; /* of lists that certificates name; 0 = nextUpdate */
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

#define CONFIG_USER_MAX 256

/* Who may use the API; what a user logs in with is not configuration. */
struct config_user {
	const char *name;
	const char *full_name; /* NULL */
	enum config_role { CONFIG_ROLE_VIEWER, CONFIG_ROLE_OPERATOR, CONFIG_ROLE_ADMIN } role;
	bool is_enabled;
};

struct config_trusted_ca {
	const char *name;
	const char *content; /* NULL: in file */
	const char *file;    /* NULL; PKI/FILE.pem */
	enum config_validation_mode { CONFIG_MODE_STRICT, CONFIG_MODE_WARN } mode;
};

#define CONFIG_LISTEN_MAX 8

/* The REST API's listener. */
struct config_rest {
	const char
		*listen[CONFIG_LISTEN_MAX]; /* as endpoint_parse takes them; all NULL = default */
	const char *client_ca;              /* PKI/NAME.pem; NULL = none is asked for */
	bool is_client_required;
	unsigned connection_max;
	unsigned request_timeout_ms;
	unsigned idle_timeout_sec;
	unsigned body_max_kib;
	unsigned head_max_kib;
	unsigned login_free_cnt; /* failures of one user and source before it has to wait */
};

/* Everything is owned by the object; strings live as long as it. Immutable once read. */
struct config {
	unsigned version;
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
	uint16_t groups[8]; /* named curves in order of preference */
	uint16_t suites[8]; /* likewise */
	struct config_rest rest;
	uint64_t token_expiration_sec;   /* 0 = never */
	uint64_t token_key_interval_sec; /* 0 = never */
	bool is_metrics_open;            /* no token needed for them */
	struct config_user *user;
	size_t user_cnt; /* 0: no list, users stay as they are */
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
	struct config_trusted_ca *trusted_ca;
	size_t trusted_ca_cnt;
	struct config_ca_profile *ca_profile;
	size_t ca_profile_cnt;
	json_t *json;               /* as read; the strings above point into it */
	struct config_block *block; /* memory of the lists */
};

#define CONFIG_REPORT_MAX 32

struct config_finding {
	bool is_warning;
	int line;         /* 0 = no position */
	const char *code; /* kebab-case, stable, static */
	char path
		[160]; /* of a text "router.peer[2].path[0].address", else "router.peer[west]..." */
	char text[256];
};

struct config_report {
	size_t error_cnt; /* kept or not */
	size_t warning_cnt;
	size_t cnt; /* kept */
	struct config_finding finding[CONFIG_REPORT_MAX];
};

#define CONFIG_FILE     "rekey.json"
#define CONFIG_TEXT_MAX ((size_t)256 << 20)
#define CONFIG_VERSION  2 /* of the format; a file without "version" has version 1 */

/*
 * Parses and checks a whole text; an older version is brought up to date first. *out untouched on
 * failure. 0; -EINVAL with at least one error in the report; -ENOMEM. report is set in any case.
 */
int config_parse(const char *text, size_t len, struct config **out, struct config_report *report)
	__attribute__((warn_unused_result));
/* The same for a document, which is not changed: a counted reference is kept. Any thread. */
int config_build(json_t *document, struct config **out, struct config_report *report)
	__attribute__((warn_unused_result));
/*
 * Only what single items tell: known names, types, ranges; what is missing is no error. For a
 * document that is still being edited.
 */
int config_check_shape(json_t *document, struct config_report *report)
	__attribute__((warn_unused_result));
/* A shallow copy of the present version, the caller's; -EINVAL with the reason for a later one. */
int config_upgrade(json_t *document, json_t **out, struct config_report *report)
	__attribute__((warn_unused_result));
void config_report_init(struct config_report *report);
/* Adds a finding without position. */
void config_report_add(struct config_report *report, bool is_warning, const char *code,
	const char *path, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The first error, else NULL. */
const struct config_finding *config_report_error(const struct config_report *report);
void config_free(struct config *c); /* NULL is fine */
/* "rekey.json:12: router.peer[2].name: ... (and 2 more)" of the first error. */
void config_report_text(const struct config_report *report, char *out, size_t size);
