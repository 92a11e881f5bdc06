/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The messages between rekey-control and rekey-dataplane: RUN/publish.sock, SOCK_SEQPACKET, one
 * message a datagram. Control listens, the data plane connects and reconnects. Each side checks
 * SO_PEERCRED before it says a word. docs/snapshot.md lists every byte.
 *
 *   data plane -> control                      control -> data plane
 *   HELLO     who I am, what I hold            VIEW      all parts named, descriptors for changed
 *   APPLIED   generation, after all workers    KEY       the private key, raw numbers
 *   REFUSED   generation, reason               VERDICT   answer to VALIDATE
 *   NEED_ALL  a named part is not held         ROTATE    rekey one peer or all now
 *   KEY_HELD  key with this hash is held       STATUS    ask for STATUS_PEER of all peers
 *   VALIDATE  DER, please judge                LOG       what each module logs from now on
 *   EVENT     a peer changed state, or a path
 *   STATUS_PEER / STATUS_END / COUNTERS
 *
 * Whatever is not in the receiver's column is refused and closes the connection.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pki/view/bytes.h"
#include "pki/view/log_level.h"
#include "pki/view/snapshot.h"
#include "pki/view/verdict.h"

#define RK_CHANNEL_SOCKET     "publish.sock"
#define RK_CHANNEL_VERSION    2
#define RK_CHANNEL_MSG_MAX    32768
#define RK_PRIVATE_NUMBER_MAX 512
#define RK_COUNTERS_PER_MSG   128

enum rk_channel_type {
	RK_MSG_HELLO = 1,
	RK_MSG_APPLIED = 2,
	RK_MSG_REFUSED = 3,
	RK_MSG_NEED_ALL = 4,
	RK_MSG_KEY_HELD = 5,
	RK_MSG_VALIDATE = 6,
	RK_MSG_EVENT = 7,
	RK_MSG_STATUS_PEER = 8,
	RK_MSG_STATUS_END = 9,
	RK_MSG_COUNTERS = 10,
	RK_MSG_CONFIRMED = 11, /* the transcript's signature verified with this verdict's key */
	RK_MSG_VIEW = 64,
	RK_MSG_KEY = 65,
	RK_MSG_VERDICT = 66,
	RK_MSG_ROTATE = 67,
	RK_MSG_STATUS = 68,
	RK_MSG_LOG = 69,
};

struct rk_part_ref {
	uint8_t is_present;
	uint8_t has_fd; /* VIEW: its descriptor is attached, in order of kind */
	uint64_t size;
	uint8_t digest[RK_DIGEST_LEN];
};

struct rk_msg_hello {
	uint32_t version;
	struct rk_generation active; /* highest ever activated: control continues above it */
	struct rk_part_ref held[RK_PART_CNT];
	uint8_t key_held[RK_DIGEST_LEN]; /* zeros = none */
};

struct rk_msg_view {
	struct rk_generation generation;
	struct rk_part_ref part[RK_PART_CNT];
};

struct rk_msg_generation { /* APPLIED, NEED_ALL; REFUSED with reason */
	struct rk_generation generation;
	char reason[RK_REFUSAL_MAX]; /* NUL-terminated; REFUSED only */
};

/*
 * A private key as raw big-endian numbers, the EVP_PKEY_fromdata parameters: RSA n e d p q dp dq
 * qinv; EC: public point, scalar; Ed25519: public, seed. Wiped by whoever held it last. Parsed into
 * and built from memory of rk_secret_new only.
 */
enum rk_private_number {
	RK_NUM_RSA_N = 0,
	RK_NUM_RSA_E,
	RK_NUM_RSA_D,
	RK_NUM_RSA_P,
	RK_NUM_RSA_Q,
	RK_NUM_RSA_DP,
	RK_NUM_RSA_DQ,
	RK_NUM_RSA_QINV,
	RK_NUM_PUBLIC = 0,
	RK_NUM_SECRET = 1, /* EC, Ed25519 */
	RK_NUM_CNT = 8
};
struct rk_private_key {
	uint8_t public_key_hash[RK_DIGEST_LEN];
	uint8_t type; /* enum rk_key_type */
	uint8_t number_cnt;
	uint16_t len[RK_NUM_CNT];
	uint8_t number[RK_NUM_CNT][RK_PRIVATE_NUMBER_MAX];
};

struct rk_msg_validate {
	uint64_t request;   /* echoed in VERDICT */
	struct rk_span der; /* borrowed from the message's buffer */
};

struct rk_msg_verdict {
	uint64_t request;
	struct rk_verdict verdict; /* status says whether it is good */
};

/* Values are shown to operators and kept in the audit log: append only. */
enum rk_peer_state {
	RK_PEER_DISABLED = 0,
	RK_PEER_INITIALIZING = 1, /* no key yet */
	RK_PEER_UP = 2,
	RK_PEER_DOWN = 3, /* had a key; silent, severed or timed out */
};

struct rk_msg_event {
	char peer[RK_NAME_MAX + 1]; /* configured name */
	uint8_t state;              /* enum rk_peer_state after the event */
	uint8_t verdict; /* enum rk_verdict_status of the peer's certificate, 0 = no news */
	uint8_t fingerprint[RK_FINGERPRINT_LEN];
	uint16_t path_down; /* bit i: its path i, as configured, has no answer */
	char reason[64];    /* e.g. "key-installed", "severed", "silence" */
};

static_assert(RK_PATH_MAX <= 16, "each path has its bit");

struct rk_msg_status_peer {
	char peer[RK_NAME_MAX + 1];
	uint8_t state;   /* enum rk_peer_state */
	uint8_t verdict; /* enum rk_verdict_status of its certificate now */
	uint16_t group;  /* named curve of the current key, 0 = none */
	uint16_t suite;
	uint16_t path_down;   /* as in an event */
	uint32_t local_index; /* of the current slot */
	uint32_t peer_index;
	uint64_t full_exchange_cnt;
	uint64_t rekey_cnt;
	uint64_t key_age_ms;
	uint64_t next_rekey_ms;
	uint64_t keep_alive_sent_cnt;
	uint64_t keep_alive_received_cnt; /* authenticated and decrypted */
	uint8_t exported[16]; /* exporter of the current key: equal on both sides, not secret */
	uint8_t fingerprint[RK_FINGERPRINT_LEN]; /* peer's certificate */
	int64_t not_after;
};

struct rk_counter {
	char name[48];
	uint64_t value;
};
struct rk_msg_counters {
	uint32_t cnt;
	struct rk_counter counter[RK_COUNTERS_PER_MSG];
};

struct rk_msg_rotate {
	char peer[RK_NAME_MAX + 1]; /* empty = all */
};

struct rk_msg_log {
	uint8_t level[RK_LOG_MODULE_CNT]; /* enum rk_log_level of each enum rk_log_module */
};

/* A parsed message; the union member follows from type. */
struct rk_message {
	enum rk_channel_type type;
	union {
		struct rk_msg_hello hello;
		struct rk_msg_view view;
		struct rk_msg_generation generation;
		struct {
			uint8_t hash[RK_DIGEST_LEN];
		} key_held;
		struct rk_msg_validate validate;
		struct rk_msg_event event;
		struct rk_msg_status_peer status_peer;
		struct rk_msg_counters counters;
		struct {
			uint8_t fingerprint[RK_FINGERPRINT_LEN];
		} confirmed;
		struct rk_msg_verdict verdict;
		struct rk_msg_rotate rotate;
		struct rk_msg_log log;
	};
};

/*
 * Parses every type but KEY; refuses short, long, unknown, out-of-range and not NUL-terminated.
 * 0 or -EBADMSG. validate.der points into data.
 */
int rk_message_parse(struct rk_message *msg, const void *data, size_t len) RK_MUST_CHECK;
/* KEY has its own pair, so that key bytes never lie in a struct rk_message. */
int rk_private_key_parse(struct rk_private_key *key, const void *data, size_t len) RK_MUST_CHECK;
size_t rk_private_key_build(const struct rk_private_key *key, void *buf, size_t size);
/*
 * The version that a HELLO was sent under, which comes first in all of them: of another one the rest
 * cannot be read. 0: no HELLO, or too short.
 */
uint32_t rk_message_hello_version(const void *data, size_t len);
/* Which type a datagram claims to be; 0 when too short. */
unsigned rk_message_type(const void *data, size_t len);
/* Length written, or 0 when it does not fit (RK_CHANNEL_MSG_MAX always fits). */
size_t rk_message_build(const struct rk_message *msg, void *buf, size_t size);

/*
 * One datagram with up to RK_PART_CNT descriptors (close-on-exec). Non-blocking: -EAGAIN. Receive
 * closes what it cannot return: a truncated datagram or control message is -EBADMSG; an orderly
 * end is -ECONNRESET. Received fds belong to the caller.
 */
int rk_channel_send(
	int sock, const void *data, size_t len, const int *fds, size_t fd_cnt) RK_MUST_CHECK;
ssize_t rk_channel_receive(
	int sock, void *buf, size_t size, int fds[RK_PART_CNT], size_t *fd_cnt) RK_MUST_CHECK;
/* The other end runs as uid; -EPERM when not. */
int rk_channel_check_peer(int sock, uid_t uid) RK_MUST_CHECK;
