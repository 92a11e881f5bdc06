/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The published view: what control has decided, in the form the workers read. docs/snapshot.md is
 * the format byte by byte; this header is its only definition in code.
 *
 * A view = a generation and up to RK_PART_CNT parts. A part = header, section directory, sections;
 * flat, offsets from the start of the part, little-endian, 64-byte aligned sections, zero padding,
 * deterministic: equal input, equal bytes. A part is read in place from a sealed memfd or a file.
 *
 * Guarantees: S1 rk_part_open refuses a part of which any offset, count, index, length or enum is
 * out of range, so that readers need no check. S2 an open part never changes. S3 accessors do not
 * allocate, lock or fail but by saying "none". S4 a part read from a file has its digest checked.
 *
 * The builder of parts lives in pki/store/compile.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/view/bytes.h"
#include "pki/view/revocation.h"
#include "pki/view/verdict.h"

/*
 * The last byte is the format's version: 3 is 2 with another way to the digest, for REVOCATION_BASE
 * alone, which is written so; as version 2 it is still read.
 */
#define RK_PART_MAGIC         "RKPART\0\2"
#define RK_PART_MAGIC_CHUNKED "RKPART\0\3"
#define RK_PART_ALIGN         64
#define RK_PART_SIZE_MAX      (UINT64_C(1) << 40)
#define RK_DIGEST_LEN         32
#define RK_PORT_NAME_MAX      63 /* a DPDK device name */
#define RK_SUITE_CNT          4
#define RK_NAME_MAX           63 /* a configured name */
#define RK_ADDRESS_MAX        64 /* addresses a port */
#define RK_PATH_MAX           16 /* paths a peer */
#define RK_GROUP_MAX          5
#define RK_REFUSAL_MAX        160
/* Intervals: never so short that a timer spins, never so long that now + interval wraps. */
#define RK_INTERVAL_MIN_NS UINT64_C(10000000)
#define RK_INTERVAL_MAX_NS (UINT64_C(1) << 62)

/* Values are part of the format: append only. */
enum rk_part_kind {
	RK_PART_CONFIG = 0,             /* credential (without key), ports, peers, timers */
	RK_PART_VERDICTS = 1,           /* certificates already judged */
	RK_PART_REVOCATION_BASE = 2,    /* the revocation set, and each issuer's freshness */
	RK_PART_REVOCATION_OVERLAY = 3, /* asked before the base; its issuers replace the base's */
	RK_PART_CNT
};

enum rk_section_id {
	RK_SECTION_GLOBAL = 1,    /* exactly one struct rk_global */
	RK_SECTION_STRINGS = 2,   /* bytes; struct rk_str points here */
	RK_SECTION_PORTS = 3,     /* struct rk_port */
	RK_SECTION_ADDRESSES = 4, /* struct rk_address */
	RK_SECTION_PEERS = 5,     /* struct rk_peer, sorted by peering-common-name */
	RK_SECTION_PATHS = 6,     /* struct rk_path */
	RK_SECTION_VERDICTS = 7,  /* struct rk_verdict, sorted by fingerprint */
	RK_SECTION_LINES = 8,     /* struct rk_revocation_line */
	RK_SECTION_ISSUERS = 9,   /* struct rk_issuer, sorted by key */
};

/* (incarnation, counter), compared in that order; {0,0} = none. */
struct rk_generation {
	uint64_t incarnation;
	uint64_t counter;
};
int rk_generation_cmp(struct rk_generation a, struct rk_generation b);

struct rk_part_header {
	uint8_t magic[8];
	uint32_t kind; /* enum rk_part_kind */
	uint32_t section_cnt;
	uint64_t size;                 /* of the whole part, header included */
	uint8_t digest[RK_DIGEST_LEN]; /* as rk_part_compute_digest says */
	uint8_t zero[8];
};
static_assert(sizeof(struct rk_part_header) == 64, "layout");

struct rk_section {
	uint32_t id; /* ascending, each at most once */
	uint32_t stride;
	uint64_t offset; /* multiple of RK_PART_ALIGN */
	uint64_t count;
	uint64_t zero;
};
static_assert(sizeof(struct rk_section) == 32, "layout");

struct rk_str {
	uint32_t offset; /* into RK_SECTION_STRINGS */
	uint32_t len;
};

enum rk_invalid_certificate_behavior { RK_FAIL_SOFT = 0, RK_FAIL_HARD = 1 };
enum rk_revocation_policy { RK_POLICY_OFF = 0, RK_POLICY_SOFT = 1, RK_POLICY_HARD = 2 };

struct rk_global {
	struct rk_str router;
	struct rk_str node;
	struct rk_str peering_common_name; /* ours */
	struct rk_str certificate;         /* our DER; len 0 = no credential yet */
	uint8_t certificate_fingerprint[RK_FINGERPRINT_LEN];
	uint8_t public_key_hash[RK_DIGEST_LEN]; /* names the private key: SHA-256 of the SPKI */
	int64_t clock_floor;                    /* wall clock may not be believed below this */
	uint64_t trust_generation;              /* verdicts of another one are asked again */
	uint8_t is_enabled;                     /* enhanced-security-key-management */
	uint8_t is_ed25519_allowed;
	uint8_t credential_status; /* enum rk_verdict_status of our own certificate */
	uint8_t credential_chain_cnt;
	uint8_t suites[RK_SUITE_CNT]; /* in order of preference (docs/protocol.md), 0 = end */
	int64_t credential_not_before;
	int64_t credential_not_after;
	struct rk_chain_entry credential_chain[RK_CHAIN_MAX];
};

struct rk_address {
	uint8_t family; /* 4 or 6 */
	uint8_t prefix_len;
	uint8_t pad[6];
	uint8_t bytes[16]; /* IPv4: the first 4, rest zero */
};

struct rk_port {
	struct rk_str name; /* DPDK port name: what the data plane looks it up by */
	uint32_t first_address;
	uint32_t address_cnt;
	struct rk_address gateway4; /* family 0 = none */
	struct rk_address gateway6;
	uint16_t vlan; /* 0 = untagged */
	uint16_t mtu;  /* 1280..9000 */
	uint32_t pad;
};

struct rk_path {
	uint32_t port;           /* index into RK_SECTION_PORTS */
	uint16_t udp_port_local; /* default 1280 */
	uint16_t udp_port_remote;
	struct rk_address local; /* one of the port's addresses, same family as remote */
	struct rk_address remote;
};

struct rk_peer {
	struct rk_str name;
	struct rk_str peering_common_name; /* unique: the identity */
	uint32_t first_path;
	uint32_t path_cnt;          /* 1..RK_PATH_MAX */
	uint64_t rekey_interval_ns; /* 0 = never */
	uint64_t retransmit_interval_ns;
	uint64_t timeout_ns;
	uint64_t hold_ns;
	uint64_t reauth_interval_ns;
	uint64_t keep_alive_interval_ns;
	uint64_t rekey_packets; /* volume triggers; 0 = none */
	uint64_t rekey_bytes;
	uint16_t groups
		[8]; /* IANA named curves in order of preference, 0 = end; those of all peers */
	uint8_t invalid_certificate_behavior;
	uint8_t is_roaming;
	uint8_t pad[6];
};

/*
 * How fresh the revocation of one issuer's certificates of one kind is: CAs' or others', with the same
 * distribution points.
 */
struct rk_issuer {
	struct rk_revocation_key key; /* = rk_chain_entry.issuer; zero: whatever is not here */
	int64_t fresh_until;          /* nextUpdate and grace; 0 = no list ever told all */
	uint8_t policy;               /* enum rk_revocation_policy */
	uint8_t pad[7];
};

/* No hidden padding: parts are written as these structs and hashed as bytes. */
static_assert(sizeof(struct rk_global) == 520, "layout");
static_assert(sizeof(struct rk_address) == 24, "layout");
static_assert(sizeof(struct rk_port) == 72, "layout");
static_assert(sizeof(struct rk_path) == 56, "layout");
static_assert(sizeof(struct rk_peer) == 112, "layout");
static_assert(sizeof(struct rk_issuer) == 32, "layout");

/* An open part. Immutable; owned by whoever opened it. */
struct rk_part;

/* Why something was refused, for logs and answers; always NUL-terminated. */
struct rk_refusal {
	char text[RK_REFUSAL_MAX];
};

/*
 * Opens and checks a part; fd is borrowed. A memfd with F_SEAL_SHRINK, GROW and WRITE is mapped,
 * populated, in place. Anything else is taken only with check_digest (S4), and copied, so that a
 * file that changes later does not change the part (S2). 0; -EBADMSG with the reason in why; or
 * another -errno. Main thread only: this is the one call that allocates.
 */
int rk_part_open(int fd, enum rk_part_kind kind, bool check_digest, struct rk_part **out,
	struct rk_refusal *why) RK_MUST_CHECK;
/* The same checks over bytes in memory (copied): tests and fuzzing. */
int rk_part_open_bytes(const void *data, size_t len, enum rk_part_kind kind, bool check_digest,
	struct rk_part **out, struct rk_refusal *why) RK_MUST_CHECK;
void rk_part_close(struct rk_part *part);
/* Unmaps up to max_bytes from the end; true when all is gone and the object freed. */
bool rk_part_close_step(struct rk_part *part, size_t max_bytes) RK_MUST_CHECK;
struct rk_span rk_part_bytes(const struct rk_part *part);
const uint8_t *rk_part_digest(const struct rk_part *part);
/*
 * What rk_part_header.digest must be, whatever it is. Version 2: SHA-256 of the part with these 32
 * bytes zero. Version 3: SHA-256 of the header, so, and a GMAC tag of each 64 KiB (part_digest.h).
 */
int rk_part_compute_digest(const void *data, size_t len, uint8_t out[RK_DIGEST_LEN]) RK_MUST_CHECK;

/*
 * A view: borrowed parts, cheap to copy. Section pointers are resolved once, by rk_view_init, so
 * that accessors are plain loads. CONFIG is required; the others may be absent (NULL).
 */
struct rk_view {
	struct rk_generation generation;
	const struct rk_part *part[RK_PART_CNT];
	const struct rk_global *global;
	const char *strings;
	const struct rk_port *ports;
	const struct rk_address *addresses;
	const struct rk_peer *peers;
	const struct rk_path *paths;
	const struct rk_verdict *verdicts;
	const struct rk_revocation_line *base;
	const struct rk_revocation_line *overlay;
	const struct rk_issuer *issuers;
	size_t port_cnt, peer_cnt, verdict_cnt, base_line_cnt, overlay_line_cnt, issuer_cnt;
};

/* -EINVAL when CONFIG is missing or a part is of the wrong kind. */
int rk_view_init(struct rk_view *view, struct rk_generation generation,
	const struct rk_part *const part[RK_PART_CNT]) RK_MUST_CHECK;
/* The characters of a string of the CONFIG part. */
struct rk_span rk_view_str(const struct rk_view *view, struct rk_str s);
/* By peering-common-name; NULL = none. Binary search. */
const struct rk_peer *rk_view_find_peer(const struct rk_view *view, const char *name, size_t len);
const struct rk_verdict *rk_view_find_verdict(
	const struct rk_view *view, const uint8_t fingerprint[RK_FINGERPRINT_LEN]);
/* The same; looks first where it was the last time, and keeps where it is. 0 is a good start. */
const struct rk_verdict *rk_view_find_verdict_near(
	const struct rk_view *view, uint32_t *at, const uint8_t fingerprint[RK_FINGERPRINT_LEN]);
/* Says that it will be asked for at this place, so that nobody waits for memory then. */
void rk_view_prefetch_verdict(const struct rk_view *view, uint32_t at);
/* The entry of that key, else the one with the zero key, else NULL. */
const struct rk_issuer *rk_view_find_issuer(
	const struct rk_view *view, const struct rk_revocation_key *issuer);
/* Every key of the chain has an entry of its own, or none is asked for: there is no zero key. */
bool rk_view_knows_chain(
	const struct rk_view *view, const struct rk_chain_entry *chain, size_t chain_cnt);

/* 0 = not revoked, else 1 + reason. The overlay is asked first; REMOVED there means 0. */
uint8_t rk_view_revocation(const struct rk_view *view, const struct rk_revocation_key *key);

/*
 * The one place where a certificate that was judged GOOD is judged again, at every exchange and at
 * every new view: dates, revocation of every certificate of the chain, freshness of every issuer's
 * list under its policy (with no entry: OFF). now = seconds since 1970.
 */
enum rk_verdict_status rk_view_judge_chain(const struct rk_view *view,
	const struct rk_chain_entry *chain, size_t chain_cnt, int64_t now);
/* rk_view_judge_chain plus the verdict's own status and trust generation (other: UNKNOWN). */
enum rk_verdict_status rk_view_judge(
	const struct rk_view *view, const struct rk_verdict *v, int64_t now);
