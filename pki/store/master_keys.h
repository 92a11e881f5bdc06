/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys under which a list's first entries are looked up, made while they are sorted, or afterwards, as
 * long as another core is busy with the list's hash: a list that has no predecessor goes into the next set
 * whole. One thread at a time, but for fill.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/x509/revocation_key.h"

struct master_keys;

/* Of entries about this issuer's certificates; cnt is 0. 0; -ENOMEM, here and below. */
int master_keys_new(const uint8_t installation_key[PKI_INSTALLATION_KEY_LEN],
	const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN], struct master_keys **out) RK_MUST_CHECK;
void master_keys_free(struct master_keys *k); /* NULL is fine */
/* Once: no more than cnt will come, 1 or more. */
int master_keys_begin(struct master_keys *k, size_t cnt) RK_MUST_CHECK;
/*
 * Whoever has PKI_CRL_VISIT_MAX serials or fewer fills in their keys, from at on; several threads at once,
 * each in places of its own.
 */
void master_keys_fill(const struct master_keys *k, size_t at, const struct rk_span *serial,
	const uint8_t *reason, size_t cnt);
/* The first cnt are filled in, and that is all: forgets the installation key, gives back what room is left. */
void master_keys_end(struct master_keys *k, size_t cnt);
bool master_keys_are_ended(const struct master_keys *k);

/* After the end. Are they what this keyer makes of that issuer's serials? */
bool master_keys_fit(const struct master_keys *k, struct pki_revocation_keyer *keyer,
	const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN]);
/* Of the first *cnt entries, in their order. */
const struct rk_revocation_entry *master_keys_entries(const struct master_keys *k, size_t *cnt);
