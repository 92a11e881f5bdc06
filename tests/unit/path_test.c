/* SPDX-License-Identifier: BSD-3-Clause */
/* Several ways up: cross-signed CAs, renewed ones, and tangles made to keep us busy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "pki/x509/path_walk.h"
#include "tests/unit/validate_fixture.h"

/* A leaf under "twice", a CA of one key with two certificates: one bad, one by the test's CA. */
struct crossed {
	X509 *stranger; /* a root that nobody trusts */
	X509 *bad, *good, *leaf;
};

static void crossed_init(struct fixture *f, struct crossed *c, struct test_cert bad)
{
	EVP_PKEY *stranger_key = test_key_shared(TEST_P256, 3);
	EVP_PKEY *key = test_key_shared(TEST_P256, 4);

	c->stranger = test_cert_new(
		&(struct test_cert){.cn = "stranger", .key = stranger_key, .is_ca = true});
	bad.cn = "twice";
	bad.key = key;
	bad.is_ca = true;
	if (bad.issuer == NULL) {
		bad.issuer = c->stranger;
		bad.issuer_key = stranger_key;
	}
	c->bad = test_cert_new(&bad);
	c->good = test_cert_new(&(struct test_cert){.cn = "twice",
		.key = key,
		.is_ca = true,
		.issuer = f->pki.ca,
		.issuer_key = f->pki.ca_key});
	c->leaf = test_cert_new(&(struct test_cert){.cn = "west",
		.key = f->pki.leaf_key,
		.issuer = c->good,
		.issuer_key = key,
		.alt_name = "DNS:west.example.com"});
	ERR_clear_error();
}

static void crossed_fini(struct crossed *c)
{
	X509_free(c->stranger);
	X509_free(c->bad);
	X509_free(c->good);
	X509_free(c->leaf);
}

/* With both certificates to hand, in either order. */
static enum rk_verdict_status judge_crossed(struct fixture *f, struct crossed *c, bool is_bad_first)
{
	f->args.untrusted = sk_X509_new_null();
	must(sk_X509_push(f->args.untrusted, is_bad_first ? c->bad : c->good) > 0);
	must(sk_X509_push(f->args.untrusted, is_bad_first ? c->good : c->bad) > 0);
	must(sk_X509_push(f->args.untrusted, c->stranger) > 0);
	pki_report_init(&f->report);
	must(pki_validate(&f->args, c->leaf, &f->report, &f->v) == 0);
	sk_X509_free(f->args.untrusted);
	f->args.untrusted = NULL;
	return f->v.status;
}

static void another_path_is_found(void **state)
{
	struct fixture *f = *state;
	const struct test_cert bad[] = {
		{0}, /* to a root that is not trusted */
		{.issuer = f->pki.ca,
			.issuer_key = f->pki.ca_key,
			.name_constraints = "critical,excluded;DNS:example.com"},
		{.issuer = f->pki.ca,
			.issuer_key = f->pki.ca_key,
			.not_before = time(NULL) - 9 * TEST_DAY,
			.not_after = time(NULL) - TEST_DAY},
		{.issuer = f->pki.ca,
			.issuer_key = f->pki.ca_key,
			.unknown_critical = "1.3.6.1.4.1.55555.1"},
		{.issuer = f->pki.ca, .issuer_key = f->pki.ca_key, .serial_hex = "-05"},
		{.issuer = f->pki.ca,
			.issuer_key = f->pki.ca_key,
			.is_basic_constraints_plain = true},
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct crossed c;
		int is_bad_first;

		crossed_init(f, &c, bad[i]);
		for (is_bad_first = 0; is_bad_first < 2; is_bad_first++) {
			assert_int_equal(judge_crossed(f, &c, is_bad_first), RK_VERDICT_GOOD);
			assert_int_equal(f->report.error_cnt, 0);
			assert_int_equal(f->v.chain_cnt, 3);
		}
		crossed_fini(&c);
	}
}

/* The good certificate gone, each of the bad ones refuses: the test above tests something. */
static void the_bad_path_alone_is_refused(void **state)
{
	struct fixture *f = *state;
	struct crossed c;

	crossed_init(f, &c,
		(struct test_cert){.issuer = f->pki.ca,
			.issuer_key = f->pki.ca_key,
			.name_constraints = "critical,excluded;DNS:example.com"});
	X509_free(c.good);
	c.good = c.bad;
	must(X509_up_ref(c.bad) == 1);
	assert_int_equal(judge_crossed(f, &c, true), RK_VERDICT_NOT_ALLOWED);
	assert_true(pki_report_has(&f->report, "name-excluded"));
	crossed_fini(&c);
}

static enum pki_revocation_answer revoke_one(
	void *ctx, const struct pki_revocation_query *q, struct pki_revoked *out)
{
	const X509 *cert = sk_X509_value(q->chain, q->depth);

	out->reason = RK_REASON_SUPERSEDED;
	return X509_cmp(cert, ctx) == 0 ? PKI_REVOCATION_REVOKED : PKI_REVOCATION_GOOD;
}

/* A CA's old certificate may be revoked while its new one, of the same key, is good. */
static void path_around_a_revoked_certificate_is_taken(void **state)
{
	struct fixture *f = *state;
	struct crossed c;
	int is_bad_first;

	crossed_init(f, &c, (struct test_cert){.issuer = f->pki.ca, .issuer_key = f->pki.ca_key});
	f->args.find = revoke_one;
	f->args.find_ctx = c.bad;
	for (is_bad_first = 0; is_bad_first < 2; is_bad_first++)
		assert_int_equal(judge_crossed(f, &c, is_bad_first), RK_VERDICT_GOOD);
	f->args.find_ctx = c.leaf; /* on every path */
	assert_int_equal(judge_crossed(f, &c, true), RK_VERDICT_REVOKED);
	assert_true(pki_report_has(&f->report, "revoked"));
	assert_int_equal(f->v.chain_cnt, 0);
	crossed_fini(&c);
}

/* Every CA signs every other, under one name: no anchor is near, and it ends soon. */
static void tangle_is_bounded(void **state)
{
	enum { CNT = 6 };
	struct fixture *f = *state;
	STACK_OF(X509) *tangle = sk_X509_new_null();
	X509 *self[CNT];
	clock_t start;
	int i, j;

	for (i = 0; i < CNT; i++)
		self[i] = test_cert_new(&(struct test_cert){.cn = "tangle",
			.key = test_key_shared(TEST_P256, (unsigned)i + 2),
			.is_ca = true});
	for (i = 0; i < CNT; i++) {
		for (j = 0; j < CNT; j++)
			must(sk_X509_push(tangle,
				     test_cert_new(&(struct test_cert){.cn = "tangle",
					     .key = test_key_shared(TEST_P256, (unsigned)i + 2),
					     .issuer = self[j],
					     .issuer_key =
						     test_key_shared(TEST_P256, (unsigned)j + 2),
					     .is_ca = true})) > 0);
	}
	f->args.untrusted = tangle;
	start = clock();
	assert_int_equal(judge_leaf(f, (struct test_cert){.issuer = self[0],
					       .issuer_key = test_key_shared(TEST_P256, 2)}),
		RK_VERDICT_UNTRUSTED);
	/* and where there is a way out, it is found */
	must(sk_X509_push(tangle, test_cert_new(&(struct test_cert){.cn = "tangle",
					  .key = test_key_shared(TEST_P256, CNT + 1),
					  .issuer = f->pki.ca,
					  .issuer_key = f->pki.ca_key,
					  .is_ca = true})) > 0);
	assert_int_equal(judge_leaf(f, (struct test_cert){.issuer = self[0],
					       .issuer_key = test_key_shared(TEST_P256, 2)}),
		RK_VERDICT_GOOD);
	assert_int_equal(f->v.chain_cnt, 4);
	assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
	f->args.untrusted = NULL;
	for (i = 0; i < CNT; i++)
		X509_free(self[i]);
	sk_X509_pop_free(tangle, X509_free);
}

static bool count_paths(void *ctx, X509 *const *path, int len)
{
	(void)path;
	assert_in_range(len, 2, RK_CHAIN_MAX + 1);
	++*(int *)ctx;
	return false;
}

static void paths_end_at_anchors_and_are_counted(void **state)
{
	struct fixture *f = *state;
	struct pki_path_args args = {.trust = f->trust, .now = time(NULL)};
	struct crossed c;
	int cnt = 0;

	assert_int_equal(pki_path_walk(&args, f->pki.leaf, count_paths, &cnt), PKI_WALK_EXHAUSTED);
	assert_int_equal(cnt, 1);
	crossed_init(f, &c, (struct test_cert){.issuer = f->pki.ca, .issuer_key = f->pki.ca_key});
	args.untrusted = sk_X509_new_null();
	must(sk_X509_push(args.untrusted, c.bad) > 0 && sk_X509_push(args.untrusted, c.good) > 0);
	cnt = 0;
	assert_int_equal(pki_path_walk(&args, c.leaf, count_paths, &cnt), PKI_WALK_EXHAUSTED);
	assert_int_equal(cnt, 2);
	sk_X509_free(args.untrusted);
	crossed_fini(&c);
}

/* Only where the caller says so is an intermediate an anchor. */
static void any_certificate_can_be_an_anchor(void **state)
{
	struct fixture *f = *state;
	char *ca = test_pem(f->pki.ca);
	const struct pki_bundle bundle = {"anchors", ca, strlen(ca), PKI_MODE_WARN};
	struct pki_trust_config config = {&bundle, 1, 1, time(NULL), false, true};
	struct pki_trust *trust = NULL;

	must(pki_trust_new(&config, NULL, &trust) == 0);
	f->args.trust = trust;
	must(pki_validate(&f->args, f->pki.leaf, &f->report, &f->v) == 0);
	assert_int_equal(f->v.status, RK_VERDICT_GOOD);
	assert_int_equal(f->v.chain_cnt, 1);
	pki_trust_put(trust);
	free(ca);
}

/* Not even where every certificate may be one does an anchor stand for itself. */
static void anchor_is_no_leaf(void **state)
{
	struct fixture *f = *state;
	char *leaf = test_pem(f->pki.leaf);
	const struct pki_bundle bundle = {"anchors", leaf, strlen(leaf), PKI_MODE_WARN};
	struct pki_trust_config config = {&bundle, 1, 1, time(NULL), false, true};

	f->args.trust = NULL;
	must(pki_trust_new(&config, NULL, &f->args.trust) == 0);
	pki_report_init(&f->report);
	must(pki_validate(&f->args, f->pki.leaf, &f->report, &f->v) == 0);
	assert_int_equal(f->v.status, RK_VERDICT_UNTRUSTED);
	assert_true(f->report.error_cnt > 0);
	pki_trust_put(f->args.trust);
	free(leaf);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(another_path_is_found),
		T(the_bad_path_alone_is_refused),
		T(path_around_a_revoked_certificate_is_taken),
		T(tangle_is_bounded),
		T(paths_end_at_anchors_and_are_counted),
		T(any_certificate_can_be_an_anchor),
		T(anchor_is_no_leaf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
