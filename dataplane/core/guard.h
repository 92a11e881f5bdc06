/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands between the network and public-key work, cheapest first (the DoS ladder of
 * docs/protocol.md): mac1, the cookie under load, a token bucket a source. Fixed memory, no state
 * for a source that has proved nothing, no allocation after guard_new. One engine's thread.
 *
 * Guarantees: D1 without the responder's peering-common-name no HELLO passes mac1. D2 a cookie is
 * bound to both addresses, both ports, the exchange id and the HELLO, and lives two periods of its
 * secret at most. D3 a source (IPv4 address, IPv6 /64) gets at most burst + rate x time admissions,
 * and as many again for what shows a good cookie: who forges its address spends none of those.
 * Sources that share a slot of the table share its budgets, never exceed them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/session.h"
#include "pki/view/bytes.h"

#define GUARD_MAC_LEN    16
#define GUARD_COOKIE_LEN 16
#define GUARD_SECRET_LEN 32
#define GUARD_HASH_LEN   32

struct guard;

struct guard_config {
	unsigned source_rate; /* admissions a second and source */
	unsigned source_burst;
	unsigned load_rate;    /* HELLOs a second above which cookies are asked for */
	uint8_t table_key[16]; /* random: nobody outside can aim at a slot */
};

int guard_new(const struct guard_config *config, const uint8_t cookie_secret[GUARD_SECRET_LEN],
	struct guard **out) RK_MUST_CHECK;
void guard_free(struct guard *g); /* wipes; NULL is fine */

/* Our own peering-common-name: what mac1 of a HELLO to us is keyed by. */
bool guard_set_name(struct guard *g, const char *name, size_t len) RK_MUST_CHECK;
/* mac1 of a HELLO to the responder of that name. false: the name is too long. */
bool guard_make_mac1(const char *name, size_t name_len, const void *hello, size_t len,
	uint8_t out[GUARD_MAC_LEN]) RK_MUST_CHECK;
/* Constant time. false also before guard_set_name. */
bool guard_check_mac1(struct guard *g, const void *hello, size_t len,
	const uint8_t mac[GUARD_MAC_LEN]) RK_MUST_CHECK;

/* What a cookie is bound to. */
struct guard_cookie_input {
	const struct endpoint *from;
	uint64_t exchange_id;
	const uint8_t *hello_hash; /* GUARD_HASH_LEN bytes: of the HELLO without its cookie */
	uint16_t group;            /* 0, or the group that a RETRY asks for */
};
void guard_make_cookie(
	struct guard *g, const struct guard_cookie_input *in, uint8_t out[GUARD_COOKIE_LEN]);
/* Under the secret in force or the one before it; constant time. */
bool guard_check_cookie(struct guard *g, const struct guard_cookie_input *in,
	const uint8_t cookie[GUARD_COOKIE_LEN]) RK_MUST_CHECK;
void guard_set_cookie_secret(struct guard *g, const uint8_t secret[GUARD_SECRET_LEN]);

/* Counts a HELLO that passed mac1; true while more than load_rate a second arrive. */
bool guard_note_hello(struct guard *g, uint64_t now_ns);
/* One source: the same IPv4 address, or IPv6 /64. */
bool guard_is_same_source(const struct endpoint *a, const struct endpoint *b) RK_MUST_CHECK;
/* Takes a token of the source's bucket for those that showed a good cookie, or for the others. */
bool guard_admit(struct guard *g, const struct endpoint *from, bool has_cookie,
	uint64_t now_ns) RK_MUST_CHECK;
