/* SPDX-License-Identifier: BSD-3-Clause */
/* Two issuers, and random lists of theirs: full ones, indirect ones and deltas. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/revocations.h"
#include "pki/x509/cert_kind.h"
#include "tests/unit/test_ca.h"

#define SERIALS 250

static const uint8_t secret[INSTALLATION_KEY_LEN] = {7, 7, 7};
static unsigned char *issuer_der[2];
static int issuer_len[2];
static uint8_t issuer_hash[2][PKI_ISSUER_HASH_LEN];
static X509 *leaf;                 /* one's, and it names two's indirect list */
static struct pki_kind_set *kinds; /* certificates of one that name two's indirect list */
static uint64_t seed = 5;

static inline uint32_t next_random(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1;
	return (uint32_t)(seed >> 33) % below;
}

static inline void make_issuers(void)
{
	EVP_PKEY *key = test_key_shared(TEST_P256, 0);
	X509 *ca[2];

	for (int i = 0; i < 2; i++) {
		const X509_NAME *name;

		ca[i] = test_cert_new(&(struct test_cert){
			.cn = i == 0 ? "one" : "two", .key = key, .is_ca = true});
		name = X509_get_subject_name(ca[i]);
		issuer_len[i] = i2d_X509_NAME(name, &issuer_der[i]);
		assert_int_equal(pki_issuer_hash(name, issuer_hash[i]), 0);
	}
	leaf = test_cert_new(&(struct test_cert){
		.key = key, .issuer = ca[0], .issuer_key = key, .crl_issuer = ca[1]});
	assert_int_equal(pki_kind_set_new(&kinds), 0);
	assert_int_equal(pki_kind_set_note(kinds, leaf), 0);
	X509_free(ca[0]);
	X509_free(ca[1]);
}

/* Now and then those of another router, or of another issuer. */
static inline void add_keys(struct master_builder *b, int issuer)
{
	static const uint8_t other[INSTALLATION_KEY_LEN] = {8};
	struct master_keys *keys;

	assert_int_equal(master_keys_new(next_random(8) > 0 ? secret : other,
				 issuer_hash[next_random(8) > 0 ? issuer : !issuer], &keys),
		0);
	master_builder_key(b, keys);
}

static inline bool is_enough(void *ctx)
{
	(void)ctx;
	return next_random(2) == 0;
}

/* Keys that an issuer signs with; none is known of older lists. */
static const uint8_t signer_key[2][MASTER_KEY_LEN] = {{1}, {2}};

/* base 0: a full list. signer: of signer_key, or 2. foreign: what an indirect list says about the other's certificates. */
static inline struct master_source *make_source(int issuer, const char *url, const char *scope,
	uint8_t number, uint8_t base, uint32_t signer, bool is_foreign)
{
	static const uint8_t reasons[] = {0, 1, 4, 6, 6, 6, RK_REASON_REMOVED, RK_REASON_REMOVED};
	const uint8_t indirect[] = {0x30, 3, 0x84, 1, 0xff};
	const struct master_source_info info = {
		.idp = {indirect, strcmp(scope, "indirect") == 0 ? sizeof(indirect) : 0},
		.subject = {issuer_der[!issuer], is_foreign ? (size_t)issuer_len[!issuer] : 0},
		.issuer = {issuer_der[issuer], (size_t)issuer_len[issuer]},
		.key = {signer_key[signer % 2], signer < 2 ? MASTER_KEY_LEN : 0},
		.ca_name = "CA",
		.url = url,
		.scope = scope,
		.number = {&number, 1},
		.base_number = {&base, base > 0},
		.this_update = 1000,
		.next_update = 2000};
	struct master_builder *b;
	struct master_source *s;

	assert_int_equal(master_builder_new(&info, &b), 0);
	if (next_random(4) > 0)
		add_keys(b, is_foreign ? !issuer : issuer);
	for (uint8_t serial = 1; serial <= SERIALS; serial++) {
		const struct pki_crl_entry entry = {.serial = &serial,
			.serial_len = 1,
			.date = 5,
			.reason = reasons[next_random(base > 0 ? 8 : 6)]};

		if (next_random(3) == 0)
			assert_int_equal(master_builder_add_entries(b, &entry, 1), 0);
	}
	assert_int_equal(master_builder_finish(b, &s), 0);
	master_source_make_keys(s, is_enough, NULL); /* of all, some or none */
	return s;
}

static inline void put_list(struct master_list **list, int issuer, const char *url,
	const char *scope, uint8_t number, uint8_t base)
{
	bool is_indirect = strcmp(scope, "indirect") == 0 && next_random(3) > 0;
	uint32_t signer = next_random(3);
	struct master_source *group[2] = {
		make_source(issuer, url, scope, number, base, signer, false),
		is_indirect ? make_source(issuer, url, scope, number, base, signer, true) : NULL};
	struct master_list *next;

	if (master_list_replace_group(*list, group, is_indirect ? 2 : 1, &next) == 0) {
		master_list_put(*list);
		*list = next;
	}
	master_source_put(group[0]);
	master_source_put(group[1]);
}

/* A group that is not random; foreign: of another issuer's certificates, or NULL. The entry is the last
 * source's; serial.len 0: there is none. */
static inline void put_group(struct master_list **list, const struct master_source_info *info,
	const struct master_source_info *foreign, struct rk_span serial, uint8_t reason)
{
	struct master_source *group[2] = {NULL, NULL};
	struct master_list *next;

	for (int i = 0; i < 2 && (i == 0 || foreign != NULL); i++) {
		struct master_builder *b;

		assert_int_equal(master_builder_new(i == 0 ? info : foreign, &b), 0);
		if (i == (foreign != NULL) && serial.len > 0)
			assert_int_equal(master_builder_add(b, serial, 5, reason), 0);
		assert_int_equal(master_builder_finish(b, &group[i]), 0);
	}
	assert_int_equal(
		master_list_replace_group(*list, group, foreign != NULL ? 2 : 1, &next), 0);
	master_list_put(*list);
	*list = next;
	master_source_put(group[0]);
	master_source_put(group[1]);
}

static inline void change(struct master_list **list)
{
	static const char *const urls[] = {"http://a", "http://b"};
	static const char *const scopes[] = {"", "p", "indirect"};
	const char *url = urls[next_random(2)], *scope = scopes[next_random(3)];
	uint8_t number = (uint8_t)(1 + next_random(100)), base = 0;
	int issuer = (int)next_random(2);
	struct master_list *next;

	if (next_random(2) == 0)
		base = (uint8_t)(number - next_random(number < 4 ? number : 4));
	if (next_random(8) > 0) {
		put_list(list, issuer, url, scope, number, base);
	} else {
		assert_int_equal(master_list_remove(*list, url, &next), 0);
		master_list_put(*list);
		*list = next;
	}
}

static inline struct revocations *revocations_of(struct master_list *list)
{
	const struct revocations_args args = {
		.list = list, .kinds = next_random(3) > 0 ? kinds : NULL};
	struct revocations *r;

	assert_int_equal(revocations_new(&args, &r), 0);
	return r;
}
