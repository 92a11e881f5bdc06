/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the lists mean for a kind of certificates: by the index the same as by every list, and of
 * thousands of partitions only those are looked at that the kind names.
 */
#include "control/revocations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/revocations_private.h"
#include "pki/x509/crl_cover.h"
#include "tests/unit/test_ca.h"

#define CAS         3
#define PLACES      6
#define ROUNDS      60
#define PARTITIONS  1000
#define SETTINGS    4
#define REASON_BITS 9

static X509 *ca[CAS];
static unsigned char *ca_der[CAS];
static int ca_len[CAS];
static EVP_PKEY *key;
static uint64_t seed = 11;
static size_t cover_cnt, opened_cnt;

unsigned __real_pki_crl_cover(const struct pki_crl *crl, const struct pki_kind *kind);
unsigned __wrap_pki_crl_cover(const struct pki_crl *crl, const struct pki_kind *kind);

unsigned __wrap_pki_crl_cover(const struct pki_crl *crl, const struct pki_kind *kind)
{
	cover_cnt++;
	return __real_pki_crl_cover(crl, kind);
}

int __real_pki_crl_open_scope(struct rk_span issuer, struct rk_span idp, struct pki_crl **out);
int __wrap_pki_crl_open_scope(struct rk_span issuer, struct rk_span idp, struct pki_crl **out);

int __wrap_pki_crl_open_scope(struct rk_span issuer, struct rk_span idp, struct pki_crl **out)
{
	opened_cnt++;
	return __real_pki_crl_open_scope(issuer, idp, out);
}

static unsigned next_random(unsigned below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1;
	return (unsigned)(seed >> 33) % below;
}

static int make_cas(void **state)
{
	char cn[16];

	(void)state;
	key = test_key_shared(TEST_P256, 0);
	for (int i = 0; i < CAS; i++) {
		snprintf(cn, sizeof(cn), "ca %d", i);
		ca[i] = test_cert_new(&(struct test_cert){.cn = cn, .key = key, .is_ca = true});
		ca_len[i] = i2d_X509_NAME(X509_get_subject_name(ca[i]), &ca_der[i]);
	}
	return 0;
}

static int free_cas(void **state)
{
	(void)state;
	for (int i = 0; i < CAS; i++) {
		X509_free(ca[i]);
		OPENSSL_free(ca_der[i]);
	}
	return 0;
}

/* ---- lists ------------------------------------------------------------------------------------ */

/* A list without entries; conf: its issuing distribution point, "" for none. */
static void put_list(struct master_list **list, int issuer, const char *url, const char *conf,
	uint8_t number, uint8_t base, int64_t next_update)
{
	X509_EXTENSION *idp =
		conf[0] != '\0' ? X509V3_EXT_conf(NULL, NULL, "issuingDistributionPoint", conf)
				: NULL;
	struct master_source_info info = {.issuer = {ca_der[issuer], (size_t)ca_len[issuer]},
		.ca_name = "CA",
		.url = url,
		.scope = conf,
		.number = {&number, 1},
		.base_number = {&base, base > 0},
		.this_update = 1000,
		.next_update = next_update};
	struct master_builder *b;
	struct master_source *s;
	struct master_list *next;

	assert_true(idp != NULL || conf[0] == '\0');
	if (idp != NULL) {
		const ASN1_OCTET_STRING *der = X509_EXTENSION_get_data(idp);

		info.idp = (struct rk_span){
			ASN1_STRING_get0_data(der), (size_t)ASN1_STRING_length(der)};
	}
	assert_int_equal(master_builder_new(&info, &b), 0);
	assert_int_equal(master_builder_finish(b, &s), 0);
	if (master_list_replace(*list, s, &next) == 0) {
		master_list_put(*list);
		*list = next;
	}
	master_source_put(s);
	X509_EXTENSION_free(idp);
}

static void put_random_list(struct master_list **list, unsigned n)
{
	static const char *const forms[] = {"", "fullname:URI:http://p/%u",
		"fullname:URI:http://p/%u,onlyuser:TRUE", "fullname:URI:http://p/%u,onlyCA:TRUE",
		"fullname:URI:http://p/%u,indirectCRL:TRUE", "indirectCRL:TRUE",
		"fullname:URI:http://p/%u,onlysomereasons:keyCompromise", "onlyuser:TRUE",
		"onlysomereasons:superseded,fullname:URI:http://p/%u"};
	char conf[128], url[32];
	uint8_t number = (uint8_t)(1 + next_random(9));

	snprintf(conf, sizeof(conf), forms[next_random(9)], next_random(PLACES));
	snprintf(url, sizeof(url), "http://l/%u", n);
	put_list(list, (int)next_random(CAS), url, conf, number, next_random(4) == 0 ? number : 0,
		2000 + next_random(1000));
}

/* ---- kinds ------------------------------------------------------------------------------------ */

static void note(
	struct pki_kind_set *kinds, int issuer, const char *points, int crl_issuer, bool is_ca)
{
	X509 *cert = test_cert_new(&(struct test_cert){.key = key,
		.issuer = ca[issuer],
		.issuer_key = key,
		.is_ca = is_ca,
		.crl_points = points,
		.crl_issuer = crl_issuer >= 0 ? ca[crl_issuer] : NULL});

	assert_int_equal(pki_kind_set_note(kinds, cert), 0);
	X509_free(cert);
}

/* Whose lists are its issuer's, and another's that it names as cRLIssuer and by that place. */
static void note_by_issuer_and_place(struct pki_kind_set *kinds, int issuer, int crl_issuer)
{
	static const uint8_t place[] = {0x86, 10, 'h', 't', 't', 'p', ':', '/', '/', 'p', '/', '2'};
	uint8_t name = (uint8_t)ca_len[crl_issuer], all = (uint8_t)(2 + name + sizeof(place));
	const uint8_t head[] = {0x30, all + 4, 0x30, all + 2, 0xa2, all, 0xa4, name};
	char points[512], *next = points + sprintf(points, "DER");

	assert_true(all + 4 < 0x80);
	for (size_t i = 0; i < sizeof(head); i++)
		next += sprintf(next, ":%02x", head[i]);
	for (int i = 0; i < ca_len[crl_issuer]; i++)
		next += sprintf(next, ":%02x", ca_der[crl_issuer][i]);
	for (size_t i = 0; i < sizeof(place); i++)
		next += sprintf(next, ":%02x", place[i]);
	note(kinds, issuer, points, -1, false);
}

static void note_all_sorts(struct pki_kind_set *kinds)
{
	char points[96];

	for (int issuer = 0; issuer < CAS; issuer++) {
		for (unsigned place = 0; place <= PLACES; place++) {
			snprintf(points, sizeof(points), "URI:http://p/%u", place);
			note(kinds, issuer, points, -1, place % 2 == 0);
		}
		note(kinds, issuer, "URI:http://p/1,URI:http://p/4", -1, false);
		note(kinds, issuer, NULL, -1, false);
		note(kinds, issuer, NULL, -1, true);
		note(kinds, issuer, NULL, (issuer + 1) % CAS, false);
		note_by_issuer_and_place(kinds, issuer, (issuer + 1) % CAS);
	}
}

/* ---- every list ------------------------------------------------------------------------------- */

/* The rule, list by list: docs/crl.md, "Freshness". */
static struct kind_ref judge_by_all(const struct revocations *r, const struct pki_kind *kind)
{
	struct kind_ref ref = {.policy = RK_POLICY_OFF, .fresh_until = INT64_MAX};
	bool is_seen = false, is_configured = false;
	int64_t until[REASON_BITS] = {0};

	for (size_t i = 0; i < r->list_cnt; i++) {
		const struct list_ref *l = &r->lists[i];
		unsigned reasons = __real_pki_crl_cover(l->scope, kind);

		if (l->is_superseded || (reasons == 0 && memcmp(l->issuer_hash, kind->issuer_hash,
								 PKI_ISSUER_HASH_LEN) != 0))
			continue;
		if (l->policy > ref.policy)
			ref.policy = l->policy;
		is_configured |= l->is_configured;
		is_seen |= !l->is_delta;
		for (unsigned bit = 1; bit < REASON_BITS && !l->is_delta; bit++) {
			if ((reasons >> bit & 1) != 0 && l->fresh_until > until[bit])
				until[bit] = l->fresh_until;
		}
	}
	for (unsigned bit = 1; bit < REASON_BITS; bit++) {
		if (until[bit] < ref.fresh_until)
			ref.fresh_until = until[bit];
	}
	if (!is_seen)
		ref.policy = r->missing;
	if (!is_configured && r->missing == RK_POLICY_HARD) {
		ref.policy = RK_POLICY_HARD;
		ref.fresh_until = 0;
	}
	return ref;
}

/* Each delta against each full list of its issuer and scope. */
static bool is_superseded_by_any(const struct revocations *r, const struct list_ref *delta)
{
	for (size_t i = 0; i < r->list_cnt; i++) {
		const struct list_ref *l = &r->lists[i];

		if (!l->is_delta && strcmp(l->info->scope, delta->info->scope) == 0 &&
			memcmp(l->issuer_hash, delta->issuer_hash, PKI_ISSUER_HASH_LEN) == 0 &&
			master_number_compare(l->info->number, delta->info->number) >= 0)
			return true;
	}
	return false;
}

static void compare_all(const struct revocations *r, struct pki_kind_set *kinds)
{
	for (size_t i = 0; i < r->list_cnt; i++)
		assert_int_equal(r->lists[i].is_superseded,
			r->lists[i].is_delta && is_superseded_by_any(r, &r->lists[i]));
	for (size_t i = 0; i < pki_kind_set_cnt(kinds); i++) {
		const struct pki_kind *kind = pki_kind_set_get(kinds, i);
		struct kind_ref expected = judge_by_all(r, kind);
		struct kind_ref found = revocations_judge_kind(r, kind);

		assert_int_equal(found.policy, expected.policy);
		assert_int_equal(found.fresh_until, expected.fresh_until);
	}
}

static void index_says_what_every_list_says(void **state)
{
	static const char *const urls[SETTINGS] = {
		"http://l/3", "http://l/1", "http://l/30", "http://l/3"};
	struct revocation_setting setting[SETTINGS];
	struct pki_kind_set *kinds;

	(void)state;
	assert_int_equal(pki_kind_set_new(&kinds), 0);
	note_all_sorts(kinds);
	for (int round = 0; round < ROUNDS; round++) {
		struct revocations_args args = {.kinds = kinds,
			.setting = setting,
			.setting_cnt = next_random(SETTINGS + 1),
			.missing = (enum rk_revocation_policy)next_random(3)};
		struct revocations *r;

		for (int i = 0; i < SETTINGS; i++)
			setting[i] = (struct revocation_setting){urls[i],
				(enum rk_revocation_policy)next_random(3), next_random(50)};
		assert_int_equal(master_list_new(&args.list), 0);
		for (unsigned i = next_random(40); i > 0; i--)
			put_random_list(&args.list, i);
		assert_int_equal(revocations_new(&args, &r), 0);
		compare_all(r, kinds);
		/* Of two settings for one URL the stricter. */
		if (args.setting_cnt == SETTINGS &&
			setting[SETTINGS - 1].policy > setting[0].policy)
			setting[0].policy = setting[SETTINGS - 1].policy;
		for (size_t i = 0; i < r->list_cnt && args.setting_cnt > 0; i++) {
			if (strcmp(r->lists[i].info->url, urls[0]) == 0)
				assert_int_equal(r->lists[i].policy, setting[0].policy);
		}
		revocations_put(r);
		master_list_put(args.list);
	}
	pki_kind_set_free(kinds);
}

/* Kinds times lists would be a million looks, all of them in the loop. */
static void partitions_are_looked_up(void **state)
{
	struct revocations_args args = {0};
	struct revocations *r, *next;
	char text[64], url[32];

	(void)state;
	assert_int_equal(pki_kind_set_new(&args.kinds), 0);
	assert_int_equal(master_list_new(&args.list), 0);
	for (unsigned i = 0; i < PARTITIONS; i++) {
		snprintf(text, sizeof(text), "URI:http://p/%u", i);
		note(args.kinds, 0, text, -1, false);
		snprintf(text, sizeof(text), "fullname:URI:http://p/%u", i);
		snprintf(url, sizeof(url), "http://l/%u", i);
		put_list(&args.list, 0, url, text, 1, 0, 2000 + i);
	}
	cover_cnt = 0;
	assert_int_equal(revocations_new(&args, &r), 0);
	assert_int_equal(cover_cnt, PARTITIONS);
	assert_int_equal(r->kind_cnt, PARTITIONS);
	for (unsigned i = 0; i < PARTITIONS; i++)
		assert_int_equal(r->kind[i].fresh_until, 2000 + i);
	/* One of them is another one: the others need not be read again. */
	put_list(&args.list, 0, "http://l/7", "fullname:URI:http://p/7", 2, 0, 9000);
	args.before = r;
	opened_cnt = 0;
	assert_int_equal(revocations_new(&args, &next), 0);
	assert_int_equal(opened_cnt, 1);
	revocations_put(r); /* what they share stays */
	for (unsigned i = 0; i < PARTITIONS; i++)
		assert_int_equal(next->kind[i].fresh_until, i == 7 ? 9000 : 2000 + i);
	revocations_put(next);
	master_list_put(args.list);
	pki_kind_set_free(args.kinds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_says_what_every_list_says),
		cmocka_unit_test(partitions_are_looked_up),
	};

	return cmocka_run_group_tests(tests, make_cas, free_cas);
}
