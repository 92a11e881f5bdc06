/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/store/master_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pki/view/large_map.h"
#include "pki/view/large_pages.h"

struct master_keys {
	struct pki_revocation_keyer *keyer; /* NULL after the end */
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN];
	struct rk_revocation_key mark; /* tells installation key and issuer: of no serial */
	struct rk_revocation_entry *entry;
	size_t cnt;
	size_t room;
};

static void make_mark(struct pki_revocation_keyer *keyer,
	const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN], struct rk_revocation_key *mark)
{
	pki_revocation_key(keyer, issuer_hash, issuer_hash, 0, mark);
}

int master_keys_new(const uint8_t installation_key[PKI_INSTALLATION_KEY_LEN],
	const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN], struct master_keys **out)
{
	struct master_keys *k = calloc(1, sizeof(*k));
	int ret;

	if (k == NULL)
		return -ENOMEM;
	ret = pki_revocation_keyer_new(installation_key, &k->keyer);
	if (ret < 0) {
		free(k);
		return ret;
	}
	memcpy(k->issuer_hash, issuer_hash, sizeof(k->issuer_hash));
	make_mark(k->keyer, issuer_hash, &k->mark);
	*out = k;
	return 0;
}

void master_keys_free(struct master_keys *k)
{
	if (k == NULL)
		return;
	pki_revocation_keyer_free(k->keyer);
	rk_large_free(k->entry, k->room * sizeof(*k->entry));
	free(k);
}

int master_keys_begin(struct master_keys *k, size_t cnt)
{
	k->entry =
		reallocarray(NULL, cnt, sizeof(*k->entry)); /* of which is used what is written */
	if (k->entry == NULL)
		return -ENOMEM;
	rk_bytes_are_many(k->entry, cnt * sizeof(*k->entry));
	k->room = cnt;
	return 0;
}

void master_keys_fill(const struct master_keys *k, size_t at, const struct rk_span *serial,
	const uint8_t *reason, size_t cnt)
{
	pki_revocation_entries(k->keyer, k->issuer_hash, serial, reason, cnt, k->entry + at);
}

void master_keys_end(struct master_keys *k, size_t cnt)
{
	struct rk_revocation_entry *fitting = NULL;

	pki_revocation_keyer_free(k->keyer);
	k->keyer = NULL;
	k->cnt = cnt;
	if (cnt > 0)
		fitting = realloc(k->entry, cnt * sizeof(*k->entry));
	if (fitting != NULL) {
		k->entry = fitting;
		k->room = cnt;
	}
}

bool master_keys_are_ended(const struct master_keys *k)
{
	return k->keyer == NULL;
}

bool master_keys_fit(const struct master_keys *k, struct pki_revocation_keyer *keyer,
	const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN])
{
	struct rk_revocation_key mark;

	make_mark(keyer, issuer_hash, &mark);
	return memcmp(&mark, &k->mark, sizeof(mark)) == 0;
}

const struct rk_revocation_entry *master_keys_entries(const struct master_keys *k, size_t *cnt)
{
	*cnt = k->cnt;
	return k->entry;
}
