/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys under which a list's entries are looked up, made while it is walked, or sorted. A list that
 * has no predecessor goes into the next set whole; then its serials are at hand, and the core has time,
 * because another one is busy with the list's hash. One thread at a time, but for fill.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/x509/crl.h"
#include "pki/x509/revocation_key.h"

struct master_keys;

/* Of entries about this issuer's certificates. 0; -ENOMEM, here and below. */
int master_keys_new(const uint8_t installation_key[PKI_INSTALLATION_KEY_LEN],
	const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN], struct master_keys **out) RK_MUST_CHECK;
void master_keys_free(struct master_keys *k); /* NULL is fine */
/* No more than cnt will come: room for them all at once. Does nothing when there is none. */
void master_keys_expect(struct master_keys *k, size_t cnt);
int master_keys_add(
	struct master_keys *k, const struct pki_crl_entry *entry, size_t cnt) RK_MUST_CHECK;
/*
 * Instead of add: cnt is known, and whoever has PKI_CRL_VISIT_MAX serials or fewer fills in their keys, from
 * at on; several threads at once, each in places of its own.
 */
int master_keys_begin(struct master_keys *k, size_t cnt) RK_MUST_CHECK;
void master_keys_fill(const struct master_keys *k, size_t at, const struct rk_span *serial,
	const uint8_t *reason, size_t cnt);
/* No more come: forgets the installation key, and gives back the room that is left. */
void master_keys_end(struct master_keys *k);

/* After the end. Are they what this keyer makes of that issuer's serials? */
bool master_keys_fit(const struct master_keys *k, struct pki_revocation_keyer *keyer,
	const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN]);
/* In no order that counts; as many as were added. */
const struct rk_revocation_entry *master_keys_entries(const struct master_keys *k, size_t *cnt);
