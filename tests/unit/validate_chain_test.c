/* SPDX-License-Identifier: BSD-3-Clause */
/* Validation of what stands above the leaf: CAs, path, revocation of the whole chain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/err.h>

#include "pki/x509/validate.h"
#include "tests/unit/validate_fixture.h"

/* A CA below the test's CA, made as asked; the leaf below that is judged with it as untrusted. */
static enum rk_verdict_status judge_below(struct fixture *f, struct test_cert ca)
{
	EVP_PKEY *key = ca.key != NULL ? ca.key : test_key_shared(TEST_P256, 4);
	enum rk_verdict_status status;
	X509 *sub;

	ca.cn = "sub CA";
	ca.key = key;
	ca.issuer = ca.issuer != NULL ? ca.issuer : f->pki.ca;
	ca.issuer_key = ca.issuer_key != NULL ? ca.issuer_key : f->pki.ca_key;
	sub = test_cert_new(&ca);
	ERR_clear_error();
	f->args.untrusted = sk_X509_new_null();
	must(sk_X509_push(f->args.untrusted, sub) > 0);
	pki_report_init(&f->report);
	status = judge_leaf(f, (struct test_cert){.cn = "west",
				       .issuer = sub,
				       .issuer_key = key,
				       .alt_name = "DNS:west.example.com"});
	sk_X509_pop_free(f->args.untrusted, X509_free);
	f->args.untrusted = NULL;
	return status;
}

static void intermediate_from_the_caller_is_used(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(judge_below(f, (struct test_cert){.is_ca = true}), RK_VERDICT_GOOD);
	assert_int_equal(f->v.chain_cnt, 3);
}

static void bad_intermediates_are_refused(void **state)
{
	static const struct {
		struct test_cert ca;
		const char *code;
	} want[] = {
		{{.is_ca = true, .is_basic_constraints_plain = true},
			"basic-constraints-not-critical"},
		{{.is_ca = true, .key_usage = "critical,cRLSign"},
			"key-usage-without-certificate-signing"},
		{{.is_ca = true, .key_usage = ""}, "key-usage-without-certificate-signing"},
		{{.is_ca = false, .key_usage = "critical,keyCertSign"}, "not-a-ca"},
		{{.is_ca = true, .is_basic_constraints_absent = true}, "not-a-ca"},
		{{.is_ca = true, .unknown_critical = "1.3.6.1.4.1.55555.1"},
			"unknown-critical-extension"},
		{{.is_ca = true, .name_constraints = "critical,permitted;DNS:example.org"},
			"name-not-permitted"},
		{{.is_ca = true, .name_constraints = "critical,excluded;DNS:example.com"},
			"name-excluded"},
		{{.is_ca = true, .name_constraints = "permitted;DNS:example.com"},
			"constraints-not-critical"},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_int_not_equal(judge_below(f, want[i].ca), RK_VERDICT_GOOD);
		if (!pki_report_has(&f->report, want[i].code))
			print_message("%zu: %s\n", i, pki_report_first(&f->report)->code);
		assert_true(pki_report_has(&f->report, want[i].code));
	}
}

static void permitted_names_are_taken(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		judge_below(f, (struct test_cert){.is_ca = true,
				       .name_constraints = "critical,permitted;DNS:example.com"}),
		RK_VERDICT_GOOD);
}

static void weak_intermediates_are_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_not_equal(judge_below(f, (struct test_cert){.is_ca = true,
						    .key = test_key_shared(TEST_RSA_1024, 0)}),
		RK_VERDICT_GOOD);
	assert_true(pki_report_has(&f->report, "weak-key"));
	assert_int_not_equal(judge_below(f, (struct test_cert){.is_ca = true, .md = EVP_sha1()}),
		RK_VERDICT_GOOD);
	assert_true(pki_report_has(&f->report, "weak-signature-algorithm"));
	assert_int_not_equal(judge_below(f, (struct test_cert){.is_ca = true,
						    .key = test_key_shared(TEST_P256_EXPLICIT, 0)}),
		RK_VERDICT_GOOD);
	assert_true(pki_report_has(&f->report, "explicit-ec-parameters"));
	assert_int_not_equal(judge_below(f, (struct test_cert){.is_ca = true,
						    .key = test_key_shared(TEST_SECP256K1, 0)}),
		RK_VERDICT_GOOD);
	assert_true(pki_report_has(&f->report, "curve-not-allowed"));
}

static void expired_intermediate_is_expired(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(judge_below(f, (struct test_cert){.is_ca = true,
						.not_before = time(NULL) - 9 * TEST_DAY,
						.not_after = time(NULL) - TEST_DAY}),
		RK_VERDICT_EXPIRED);
}

static void leaf_cannot_issue(void **state)
{
	struct fixture *f = *state;

	assert_int_not_equal(judge_below(f, (struct test_cert){.is_ca = false}), RK_VERDICT_GOOD);
}

static void path_length_is_kept(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY *key = test_key_shared(TEST_P256, 5);
	X509 *short_ca = test_cert_new(&(struct test_cert){.cn = "short",
		.key = key,
		.is_ca = true,
		.path_len = 1,
		.issuer = f->pki.root,
		.issuer_key = f->pki.root_key});
	char *pem = test_pem(short_ca);
	char *bundle = malloc(strlen(pem) + strlen(f->pki.bundle) + 1);

	must(bundle != NULL);
	strcpy(bundle, pem);
	strcat(bundle, f->pki.bundle);
	pki_trust_put(f->trust);
	f->trust = f->args.trust = fixture_trust(bundle, PKI_MODE_STRICT);
	assert_int_equal(judge_leaf(f, (struct test_cert){.issuer = short_ca, .issuer_key = key}),
		RK_VERDICT_GOOD);
	assert_int_equal(
		judge_below(f,
			(struct test_cert){.is_ca = true, .issuer = short_ca, .issuer_key = key}),
		RK_VERDICT_NOT_ALLOWED);
	assert_true(pki_report_has(&f->report, "path-length-exceeded"));
	free(pem);
	free(bundle);
	X509_free(short_ca);
}

/* Nine certificates below the anchor are one too many. */
static void chain_too_long_is_refused(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY *key = test_key_shared(TEST_P256, 4);
	X509 *issuer = f->pki.ca, *leaf;
	EVP_PKEY *issuer_key = f->pki.ca_key;
	char cn[16];
	int i;

	f->args.untrusted = sk_X509_new_null();
	for (i = 0; i < 7; i++) {
		X509 *sub;

		snprintf(cn, sizeof(cn), "CA %d", i);
		sub = test_cert_new(&(struct test_cert){.cn = cn,
			.key = key,
			.issuer = issuer,
			.issuer_key = issuer_key,
			.is_ca = true});
		must(sk_X509_push(f->args.untrusted, sub) > 0);
		leaf = test_cert_new(&(struct test_cert){
			.key = f->pki.leaf_key, .issuer = sub, .issuer_key = key});
		must(pki_validate(&f->args, leaf, &f->report, &f->v) == 0);
		/* leaf, i + 1 of these, and the test's CA */
		assert_int_equal(f->v.status,
			i + 3 <= RK_CHAIN_MAX ? RK_VERDICT_GOOD : RK_VERDICT_NOT_ALLOWED);
		X509_free(leaf);
		issuer = sub;
		issuer_key = key;
	}
	assert_true(pki_report_has(&f->report, "chain-too-long"));
	sk_X509_pop_free(f->args.untrusted, X509_free);
}

static void missing_intermediate_is_untrusted(void **state)
{
	struct fixture *f = *state;
	char *root = test_pem(f->pki.root);

	pki_trust_put(f->trust);
	f->trust = f->args.trust = fixture_trust(root, PKI_MODE_STRICT);
	must(pki_validate(&f->args, f->pki.leaf, &f->report, &f->v) == 0);
	assert_int_equal(f->v.status, RK_VERDICT_UNTRUSTED);
	free(root);
}

/* Partial chains are off: an intermediate alone anchors nothing. */
static void intermediate_alone_is_no_anchor(void **state)
{
	struct fixture *f = *state;
	char *ca = test_pem(f->pki.ca);

	pki_trust_put(f->trust);
	f->trust = f->args.trust = fixture_trust(ca, PKI_MODE_WARN);
	must(pki_validate(&f->args, f->pki.leaf, &f->report, &f->v) == 0);
	assert_int_equal(f->v.status, RK_VERDICT_UNTRUSTED);
	free(ca);
}

struct fake_list {
	enum pki_revocation_answer leaf, ca;
	unsigned asked_cnt;
};

static enum pki_revocation_answer ask_fake_list(
	void *ctx, const struct pki_revocation_query *q, struct pki_revoked *out)
{
	struct fake_list *list = ctx;

	assert_int_equal(q->is_leaf, list->asked_cnt == 0);
	list->asked_cnt++;
	out->reason = RK_REASON_KEY_COMPROMISE;
	return q->is_leaf ? list->leaf : list->ca;
}

static void revocation_is_asked_for_the_whole_chain(void **state)
{
	static const struct {
		struct fake_list list;
		bool is_required;
		enum rk_verdict_status status;
		const char *code;
	} want[] = {
		{{PKI_REVOCATION_GOOD, PKI_REVOCATION_GOOD, 0}, true, RK_VERDICT_GOOD, NULL},
		{{PKI_REVOCATION_REVOKED, PKI_REVOCATION_GOOD, 0}, false, RK_VERDICT_REVOKED,
			"revoked"},
		{{PKI_REVOCATION_GOOD, PKI_REVOCATION_REVOKED, 0}, false, RK_VERDICT_REVOKED,
			"revoked"},
		{{PKI_REVOCATION_UNKNOWN, PKI_REVOCATION_REVOKED, 0}, false, RK_VERDICT_REVOKED,
			"revoked"},
		{{PKI_REVOCATION_UNKNOWN, PKI_REVOCATION_GOOD, 0}, false, RK_VERDICT_UNKNOWN,
			"revocation-unknown"},
		{{PKI_REVOCATION_NOT_COVERED, PKI_REVOCATION_GOOD, 0}, false, RK_VERDICT_GOOD,
			NULL},
		{{PKI_REVOCATION_NOT_COVERED, PKI_REVOCATION_GOOD, 0}, true, RK_VERDICT_UNKNOWN,
			"revocation-not-covered"},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct fake_list list = want[i].list;

		pki_report_init(&f->report);
		f->args.find = ask_fake_list;
		f->args.find_ctx = &list;
		f->args.is_revocation_required = want[i].is_required;
		must(pki_validate(&f->args, f->pki.leaf, &f->report, &f->v) == 0);
		assert_int_equal(list.asked_cnt, 2);
		assert_int_equal(f->v.status, want[i].status);
		assert_true(want[i].code == NULL || pki_report_has(&f->report, want[i].code));
	}
	f->args.find = NULL;
	must(pki_validate(&f->args, f->pki.leaf, &f->report, &f->v) == 0);
	assert_int_equal(f->v.status, RK_VERDICT_UNKNOWN); /* required, and nobody to ask */
}

/* The verdict on a self-signed certificate under trust in a bundle of others. */
static enum rk_verdict_status judge_self_signed(
	struct fixture *f, X509 *cert, const char *bundle, bool is_allowed)
{
	const struct pki_bundle b = {"test", bundle, strlen(bundle), PKI_MODE_WARN};
	const struct pki_trust_config config = {.bundle = &b,
		.bundle_cnt = 1,
		.generation = 8,
		.now = f->args.now,
		.is_self_signed_allowed = is_allowed};
	struct pki_validate_args args = f->args;

	must(pki_trust_new(&config, NULL, &args.trust) == 0);
	pki_report_init(&f->report);
	must(pki_validate(&args, cert, &f->report, &f->v) == 0);
	pki_trust_put(args.trust);
	return f->v.status;
}

static X509 *self_signed(struct test_cert like, EVP_PKEY *key)
{
	like.cn = "west";
	like.key = key;
	return test_cert_new(&like);
}

/* Only where it is allowed, and only the very certificate that is an anchor. */
static void self_signed_counts_as_its_own_anchor(void **state)
{
	struct fake_list revoked = {.leaf = PKI_REVOCATION_REVOKED};
	struct fixture *f = *state;
	EVP_PKEY *key = f->pki.leaf_key, *other = test_key_shared(TEST_P256, 7);
	X509 *cert = self_signed((struct test_cert){0}, key);
	X509 *again = self_signed((struct test_cert){0}, key);
	X509 *ca = self_signed((struct test_cert){.is_ca = true}, key);
	X509 *forged = self_signed((struct test_cert){.issuer_key = other}, key);
	X509 *issued = test_cert_new(
		&(struct test_cert){.cn = "east", .key = other, .issuer = cert, .issuer_key = key});
	char *pem = test_pem(cert), *ca_pem = test_pem(ca), *forged_pem = test_pem(forged);

	assert_int_equal(judge_self_signed(f, cert, pem, false), RK_VERDICT_UNTRUSTED);
	assert_int_equal(judge_self_signed(f, cert, pem, true), RK_VERDICT_GOOD);
	assert_int_equal(f->v.chain_cnt, 1);
	assert_int_equal(judge_self_signed(f, again, pem, true), RK_VERDICT_UNTRUSTED);
	assert_int_equal(judge_self_signed(f, cert, f->pki.bundle, true), RK_VERDICT_UNTRUSTED);
	assert_int_equal(judge_self_signed(f, issued, pem, true), RK_VERDICT_UNTRUSTED);
	assert_int_not_equal(judge_self_signed(f, ca, ca_pem, true), RK_VERDICT_GOOD);
	assert_int_not_equal(judge_self_signed(f, forged, forged_pem, true), RK_VERDICT_GOOD);
	f->args.now += 400 * TEST_DAY;
	assert_int_equal(judge_self_signed(f, cert, pem, true), RK_VERDICT_EXPIRED);
	f->args.now -= 400 * TEST_DAY;
	f->args.find = ask_fake_list;
	f->args.find_ctx = &revoked;
	assert_int_equal(judge_self_signed(f, cert, pem, true), RK_VERDICT_REVOKED);
	free(pem);
	free(ca_pem);
	free(forged_pem);
	X509_free(cert);
	X509_free(again);
	X509_free(ca);
	X509_free(forged);
	X509_free(issued);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(intermediate_from_the_caller_is_used),
		T(bad_intermediates_are_refused),
		T(permitted_names_are_taken),
		T(weak_intermediates_are_refused),
		T(expired_intermediate_is_expired),
		T(leaf_cannot_issue),
		T(path_length_is_kept),
		T(chain_too_long_is_refused),
		T(missing_intermediate_is_untrusted),
		T(intermediate_alone_is_no_anchor),
		T(self_signed_counts_as_its_own_anchor),
		T(revocation_is_asked_for_the_whole_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
