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
	rk_large_free(k->entry, k->cnt * sizeof(*k->entry));
	free(k);
}

/* Of which memory is only used what is written. */
static int make_room(struct master_keys *k, size_t cnt)
{
	struct rk_revocation_entry *entry = reallocarray(k->entry, cnt, sizeof(*entry));

	if (entry == NULL)
		return -ENOMEM;
	rk_bytes_are_many(entry, cnt * sizeof(*entry));
	k->entry = entry;
	k->room = cnt;
	return 0;
}

void master_keys_expect(struct master_keys *k, size_t cnt)
{
	if (cnt > k->room)
		(void)make_room(k, cnt); /* else it grows, step by step */
}

static void add_some(struct master_keys *k, const struct pki_crl_entry *entry, size_t cnt)
{
	struct rk_span serial[PKI_CRL_VISIT_MAX];
	uint8_t reason[PKI_CRL_VISIT_MAX];

	for (size_t i = 0; i < cnt; i++) {
		serial[i] = (struct rk_span){entry[i].serial, entry[i].serial_len};
		reason[i] = (uint8_t)entry[i].reason;
	}
	pki_revocation_entries(k->keyer, k->issuer_hash, serial, reason, cnt, k->entry + k->cnt);
	k->cnt += cnt;
}

int master_keys_add(struct master_keys *k, const struct pki_crl_entry *entry, size_t cnt)
{
	if (cnt > k->room - k->cnt && make_room(k, k->room + k->room / 2 + cnt) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < cnt; i += PKI_CRL_VISIT_MAX)
		add_some(k, entry + i, cnt - i < PKI_CRL_VISIT_MAX ? cnt - i : PKI_CRL_VISIT_MAX);
	return 0;
}

int master_keys_begin(struct master_keys *k, size_t cnt)
{
	if (cnt > k->room && make_room(k, cnt) < 0)
		return -ENOMEM;
	k->cnt = cnt;
	return 0;
}

void master_keys_fill(const struct master_keys *k, size_t at, const struct rk_span *serial,
	const uint8_t *reason, size_t cnt)
{
	pki_revocation_entries(k->keyer, k->issuer_hash, serial, reason, cnt, k->entry + at);
}

void master_keys_end(struct master_keys *k)
{
	struct rk_revocation_entry *fitting = NULL;

	pki_revocation_keyer_free(k->keyer);
	k->keyer = NULL;
	if (k->cnt > 0)
		fitting = realloc(k->entry, k->cnt * sizeof(*k->entry));
	if (fitting != NULL)
		k->entry = fitting;
	k->room = k->cnt;
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
