/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What control found out about one certificate, in a flat record that the data plane can act on
 * without parsing X.509: names, raw public key, and for every certificate of its chain below the
 * anchor the keys under which revocation is looked up. Fixed size, no pointers, host byte order:
 * it travels between two processes of one machine and lies in the published view.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/view/bytes.h"

#define RK_FINGERPRINT_LEN 32 /* SHA-256 of the certificate's DER */
#define RK_CHAIN_MAX       8  /* certificates below the anchor, leaf first */
#define RK_CN_MAX          64 /* RFC 5280 ub-common-name */
#define RK_URI_MAX         4  /* SAN URIs kept; a certificate with more is refused */
#define RK_URI_LEN_MAX     256
#define RK_KEY_BYTES_MAX   512 /* RSA-4096 modulus */
#define RK_CERT_DER_MAX    8192

/* Order and values are part of the snapshot format: append only. */
enum rk_key_type {
	RK_KEY_NONE = 0,
	RK_KEY_RSA = 1,     /* rsaEncryption: signs rsa_pss_rsae_* */
	RK_KEY_RSA_PSS = 2, /* id-RSASSA-PSS: signs rsa_pss_pss_* within its parameters */
	RK_KEY_P256 = 3,
	RK_KEY_P384 = 4,
	RK_KEY_P521 = 5,
	RK_KEY_ED25519 = 6,
	RK_KEY_TYPE_CNT
};

/*
 * A public key as raw numbers. RSA: bytes = modulus, big-endian, no leading zero; EC: the
 * uncompressed point 04||X||Y (RFC 8422 5.4.1); Ed25519: 32 bytes (RFC 8032).
 */
struct rk_public_key {
	uint8_t type;     /* enum rk_key_type */
	uint8_t pss_hash; /* RSA_PSS with parameters: bits/8 of the one hash allowed, else 0 */
	uint16_t len;
	uint32_t rsa_exponent; /* RSA: odd, >= 65537 */
	uint8_t bytes[RK_KEY_BYTES_MAX];
};

/* Keyed by a secret of the installation, so that nobody outside can aim for a collision. */
struct rk_revocation_key {
	uint8_t bytes[16]; /* of issuer and serial number */
};

struct rk_chain_entry {
	struct rk_revocation_key cert;
	struct rk_revocation_key issuer; /* of issuer and kind: finds policy and freshness */
	int64_t not_before;              /* seconds since 1970, UTC */
	int64_t not_after;
};

/* The word on a certificate. Anything but GOOD refuses; UNKNOWN is never good. */
enum rk_verdict_status {
	RK_VERDICT_UNKNOWN = 0,
	RK_VERDICT_GOOD = 1,
	RK_VERDICT_MALFORMED = 2,
	RK_VERDICT_UNTRUSTED = 3, /* no chain to a configured anchor */
	RK_VERDICT_EXPIRED = 4,
	RK_VERDICT_NOT_YET_VALID = 5,
	RK_VERDICT_REVOKED = 6,
	RK_VERDICT_NOT_ALLOWED = 7, /* algorithm, key size, usage, CA as leaf, ... */
	RK_VERDICT_STATUS_CNT
};
/* "expired", "revoked", ...: the words of alarms and counters. */
const char *rk_verdict_status_name(enum rk_verdict_status status);

struct rk_verdict {
	uint8_t fingerprint[RK_FINGERPRINT_LEN];
	uint64_t trust_generation; /* of the anchors it was judged under */
	int64_t not_before;        /* latest of the chain */
	int64_t not_after;         /* earliest of the chain */
	uint8_t status;            /* enum rk_verdict_status */
	uint8_t chain_cnt;         /* 1..RK_CHAIN_MAX when GOOD */
	uint8_t uri_cnt;
	uint8_t cn_cnt; /* CNs in the subject: only exactly one can be an identity */
	uint8_t cn_len; /* 0 when cn_cnt != 1, or the name is empty, too long or holds NUL */
	uint8_t pad[3];
	uint16_t uri_len[RK_URI_MAX];
	char cn[RK_CN_MAX];
	char uri[RK_URI_MAX][RK_URI_LEN_MAX]; /* not NUL-terminated */
	struct rk_chain_entry chain[RK_CHAIN_MAX];
	struct rk_public_key key;
};
static_assert(sizeof(struct rk_public_key) == 520, "no hidden padding");
static_assert(sizeof(struct rk_chain_entry) == 48, "no hidden padding");
static_assert(sizeof(struct rk_verdict) == 32 + 3 * 8 + 8 + 8 + 64 + 4 * 256 + 8 * 48 + 520,
	"no hidden padding: the record is copied and hashed as bytes");

/* A SAN URI that names a router: this, and its peering-common-name. */
#define RK_PEERING_URN "urn:ssr:peering:"

/* Every count, length and enum of a record from outside is in range, and unused bytes zero. */
bool rk_verdict_is_sound(const struct rk_verdict *v) RK_MUST_CHECK;
/* The key's length fits its type and the first bytes are plausible. */
bool rk_public_key_is_sound(const struct rk_public_key *k) RK_MUST_CHECK;
