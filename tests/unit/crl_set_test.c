/* SPDX-License-Identifier: BSD-3-Clause */
/* What lists say together: scope, partitions, reasons, deltas, indirect lists and their signers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "pki/x509/crl_cover.h"
#include "pki/x509/crl_set.h"
#include "tests/unit/validate_fixture.h"

#define LIMIT (1024 * 1024)
#define POINT "URI:http://ca.example/1.crl"
#define OTHER "URI:http://ca.example/2.crl"

static struct pki_crl_set *new_set(struct fixture *f)
{
	const struct pki_crl_set_args args = {
		.trust = f->args.trust, .untrusted = f->args.untrusted, .now = f->args.now};
	struct pki_crl_set *set = NULL;

	must(pki_crl_set_new(&args, &set) == 0);
	return set;
}

static struct pki_crl *parse(struct test_crl c)
{
	X509_CRL *made = test_crl_new(&c);
	struct pki_report report;
	struct pki_crl *crl = NULL;
	size_t len;
	uint8_t *der = test_crl_der(made, &len);

	ERR_clear_error();
	pki_report_init(&report);
	if (pki_crl_parse_kinds(der, len, LIMIT, PKI_CRL_TAKE_ALL, &report, &crl) != 0)
		print_message("refused: %s\n", pki_report_first(&report)->code);
	must(crl != NULL);
	free(der);
	X509_CRL_free(made);
	return crl;
}

/* By the test's issuing CA unless it says otherwise. */
static void add(struct fixture *f, struct pki_crl_set *set, struct test_crl c)
{
	if (c.issuer == NULL) {
		c.issuer = f->pki.ca;
		c.issuer_key = f->pki.ca_key;
	}
	must(pki_crl_set_add(set, parse(c)) == 0);
}

/* The root's list, which the issuing CA's certificate needs. */
static void add_root(struct fixture *f, struct pki_crl_set *set)
{
	add(f, set, (struct test_crl){.issuer = f->pki.root, .issuer_key = f->pki.root_key});
}

/* Frees the set. */
static enum rk_verdict_status judge(struct fixture *f, struct pki_crl_set *set, X509 *cert)
{
	f->args.find = pki_crl_set_find;
	f->args.find_ctx = set;
	f->args.is_revocation_required = true;
	pki_report_init(&f->report);
	must(pki_validate(&f->args, cert, &f->report, &f->v) == 0);
	pki_crl_set_free(set);
	return f->v.status;
}

/* The leaf under these lists of its issuer and the root's good one. */
static enum rk_verdict_status judge_with(
	struct fixture *f, X509 *leaf, const struct test_crl *lists, size_t cnt)
{
	struct pki_crl_set *set = new_set(f);
	size_t i;

	add_root(f, set);
	for (i = 0; i < cnt; i++)
		add(f, set, lists[i]);
	return judge(f, set, leaf);
}

#define JUDGE(f, leaf, ...)                                         \
	judge_with(f, leaf, (const struct test_crl[]){__VA_ARGS__}, \
		sizeof((const struct test_crl[]){__VA_ARGS__}) / sizeof(struct test_crl))

static X509 *new_leaf(struct fixture *f, const char *points)
{
	X509 *leaf = test_cert_new(&(struct test_cert){.cn = "west",
		.key = f->pki.leaf_key,
		.issuer = f->pki.ca,
		.issuer_key = f->pki.ca_key,
		.crl_points = points});

	ERR_clear_error();
	return leaf;
}

static void every_certificate_must_be_covered(void **state)
{
	struct fixture *f = *state;
	struct pki_crl_set *set = new_set(f);

	add_root(f, set);
	assert_int_equal(judge(f, set, f->pki.leaf), RK_VERDICT_UNKNOWN);
	assert_true(pki_report_has(&f->report, "revocation-not-covered"));
	set = new_set(f);
	add(f, set, (struct test_crl){0});
	assert_int_equal(judge(f, set, f->pki.leaf), RK_VERDICT_UNKNOWN);
	assert_int_equal(JUDGE(f, f->pki.leaf, {0}), RK_VERDICT_GOOD);
}

static void revoked_leaf_and_ca_are_revoked(void **state)
{
	struct fixture *f = *state;
	const struct test_crl_entry leaf = {.cert = f->pki.leaf, .reason = 1};
	const struct test_crl_entry ca = {.cert = f->pki.ca};
	struct pki_crl_set *set = new_set(f);

	assert_int_equal(
		JUDGE(f, f->pki.leaf, {.entry = &leaf, .entry_cnt = 1}), RK_VERDICT_REVOKED);
	/* also when another list of the same issuer does not name it */
	assert_int_equal(JUDGE(f, f->pki.leaf, {0}, {.entry = &leaf, .entry_cnt = 1, .number = 2}),
		RK_VERDICT_REVOKED);
	add(f, set, (struct test_crl){0});
	add(f, set,
		(struct test_crl){.issuer = f->pki.root,
			.issuer_key = f->pki.root_key,
			.entry = &ca,
			.entry_cnt = 1});
	assert_int_equal(judge(f, set, f->pki.leaf), RK_VERDICT_REVOKED);
}

static void lists_count_only_in_their_time(void **state)
{
	struct fixture *f = *state;
	int64_t now = f->args.now;

	assert_int_equal(JUDGE(f, f->pki.leaf, {.next_update = now - 1}), RK_VERDICT_UNKNOWN);
	assert_true(pki_report_has(&f->report, "revocation-unknown"));
	assert_int_equal(JUDGE(f, f->pki.leaf, {.this_update = now + 3600}), RK_VERDICT_UNKNOWN);
	assert_true(pki_report_has(&f->report, "revocation-not-covered"));
	assert_int_equal(
		JUDGE(f, f->pki.leaf, {.next_update = now - 1}, {.number = 2}), RK_VERDICT_GOOD);
}

static void foreign_signatures_do_not_count(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		JUDGE(f, f->pki.leaf,
			{.issuer = f->pki.ca, .issuer_key = test_key_shared(TEST_P256, 5)}),
		RK_VERDICT_UNKNOWN);
	/* the root may not speak for the CA */
	assert_int_equal(
		JUDGE(f, f->pki.leaf, {.issuer = f->pki.root, .issuer_key = f->pki.root_key}),
		RK_VERDICT_UNKNOWN);
}

static void scope_is_kept(void **state)
{
	static const struct {
		const char *points, *idp;
		bool is_covered;
	} want[] = {
		{NULL, "critical,onlyuser:TRUE", true},
		{NULL, "critical,onlyCA:TRUE", false},
		{NULL, "critical,fullname:" POINT, false},
		{POINT, "critical,fullname:" POINT, true},
		{POINT, "critical,fullname:" OTHER, false},
		{POINT, "critical,onlyuser:TRUE,fullname:" POINT, true},
		{POINT, "critical,onlyCA:TRUE,fullname:" POINT, false},
		{POINT "," OTHER, "critical,fullname:" OTHER, true},
		{POINT ",DNS:ca.example", "critical,onlyuser:TRUE", true},
		{NULL, "critical,indirectCRL:TRUE", true}, /* its own issuer's certificates too */
		{POINT, NULL, true},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		X509 *leaf = new_leaf(f, want[i].points);

		if (JUDGE(f, leaf, {.idp = want[i].idp}) !=
			(want[i].is_covered ? RK_VERDICT_GOOD : RK_VERDICT_UNKNOWN))
			print_message("%zu\n", i);
		assert_int_equal(
			f->v.status, want[i].is_covered ? RK_VERDICT_GOOD : RK_VERDICT_UNKNOWN);
		X509_free(leaf);
	}
}

static void users_list_does_not_cover_the_ca(void **state)
{
	struct fixture *f = *state;
	struct pki_crl_set *set = new_set(f);

	add(f, set, (struct test_crl){0});
	add(f, set,
		(struct test_crl){.issuer = f->pki.root,
			.issuer_key = f->pki.root_key,
			.idp = "critical,onlyuser:TRUE"});
	assert_int_equal(judge(f, set, f->pki.leaf), RK_VERDICT_UNKNOWN);
}

static void some_reasons_must_add_up(void **state)
{
	/* onlySomeReasons: the two compromises, and all the others */
	static const char some[] = "critical,DER:30:04:83:02:05:60";
	static const char others[] = "critical,DER:30:05:83:03:07:1f:80";
	struct fixture *f = *state;
	const struct test_crl_entry leaf = {.cert = f->pki.leaf, .reason = 4};

	assert_int_equal(JUDGE(f, f->pki.leaf, {.idp = some}), RK_VERDICT_UNKNOWN);
	assert_int_equal(JUDGE(f, f->pki.leaf, {.idp = others}), RK_VERDICT_UNKNOWN);
	assert_int_equal(JUDGE(f, f->pki.leaf, {.idp = some}, {.idp = others}), RK_VERDICT_GOOD);
	assert_int_equal(JUDGE(f, f->pki.leaf, {.idp = some},
				 {.idp = others, .entry = &leaf, .entry_cnt = 1}),
		RK_VERDICT_REVOKED);
}

static void delta_alone_covers_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		JUDGE(f, f->pki.leaf, {.number = 2, .delta_base = "1"}), RK_VERDICT_UNKNOWN);
}

static void delta_changes_its_base(void **state)
{
	struct fixture *f = *state;
	const struct test_crl_entry revoked = {.cert = f->pki.leaf, .reason = 1};
	const struct test_crl_entry held = {.cert = f->pki.leaf, .reason = 6};
	const struct test_crl_entry removed = {.cert = f->pki.leaf, .reason = 8};
	const struct {
		const struct test_crl_entry *base, *delta;
		const char *from;
		long number;
		int64_t next_update; /* of the delta, from now */
		enum rk_verdict_status status;
	} want[] = {
		{NULL, NULL, "5", 6, 0, RK_VERDICT_GOOD},
		{NULL, &revoked, "5", 6, 0, RK_VERDICT_REVOKED},
		{NULL, &revoked, "3", 6, 0, RK_VERDICT_REVOKED}, /* reaches further back */
		{&revoked, NULL, "5", 6, 0, RK_VERDICT_REVOKED},
		{&held, NULL, "5", 6, 0, RK_VERDICT_REVOKED},
		{&held, &removed, "5", 6, 0, RK_VERDICT_GOOD},
		{NULL, &removed, "5", 6, 0, RK_VERDICT_GOOD},
		{&revoked, &removed, "5", 6, 0, RK_VERDICT_REVOKED}, /* was no hold */
		{&held, &removed, "6", 7, 0, RK_VERDICT_REVOKED},    /* does not fit the base */
		{NULL, &revoked, "6", 7, 0, RK_VERDICT_REVOKED},     /* nor this, but it says so */
		{NULL, NULL, "6", 7, 0, RK_VERDICT_GOOD},            /* the base stands by itself */
		{&held, &removed, "3", 5, 0, RK_VERDICT_REVOKED},    /* not newer than the base */
		{NULL, NULL, "5", 6, -1, RK_VERDICT_UNKNOWN},        /* out of date */
		{&held, &removed, "5", 6, -1, RK_VERDICT_UNKNOWN},
	};
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct test_crl base = {
			.number = 5, .entry = want[i].base, .entry_cnt = want[i].base != NULL};
		const struct test_crl delta = {.number = want[i].number,
			.delta_base = want[i].from,
			.entry = want[i].delta,
			.entry_cnt = want[i].delta != NULL,
			.next_update =
				want[i].next_update != 0 ? f->args.now + want[i].next_update : 0};

		if (JUDGE(f, f->pki.leaf, base, delta) != want[i].status)
			print_message("%zu\n", i);
		assert_int_equal(f->v.status, want[i].status);
		assert_int_equal(JUDGE(f, f->pki.leaf, delta, base), want[i].status);
	}
}

/* The newest delta counts: an older one that is out of date does no harm. */
static void newest_delta_counts(void **state)
{
	struct fixture *f = *state;
	const struct test_crl_entry removed = {.cert = f->pki.leaf, .reason = 8};
	const struct test_crl_entry held = {.cert = f->pki.leaf, .reason = 6};

	assert_int_equal(JUDGE(f, f->pki.leaf, {.number = 5},
				 {.number = 6, .delta_base = "5", .next_update = f->args.now - 1},
				 {.number = 7, .delta_base = "5"}),
		RK_VERDICT_GOOD);
	assert_int_equal(
		JUDGE(f, f->pki.leaf, {.number = 5},
			{.number = 6, .delta_base = "5", .entry = &held, .entry_cnt = 1},
			{.number = 7, .delta_base = "5", .entry = &removed, .entry_cnt = 1}),
		RK_VERDICT_GOOD);
	assert_int_equal(
		JUDGE(f, f->pki.leaf, {.number = 5},
			{.number = 7, .delta_base = "5", .entry = &held, .entry_cnt = 1},
			{.number = 6, .delta_base = "5", .entry = &removed, .entry_cnt = 1}),
		RK_VERDICT_REVOKED);
}

/* A delta of another scope is no delta of this base. */
static void delta_of_another_scope_is_not_applied(void **state)
{
	struct fixture *f = *state;
	const struct test_crl_entry held = {.cert = f->pki.leaf, .reason = 6};
	const struct test_crl_entry removed = {.cert = f->pki.leaf, .reason = 8};

	assert_int_equal(JUDGE(f, f->pki.leaf, {.number = 5, .entry = &held, .entry_cnt = 1},
				 {.number = 6,
					 .delta_base = "5",
					 .idp = "critical,onlyuser:TRUE",
					 .entry = &removed,
					 .entry_cnt = 1}),
		RK_VERDICT_REVOKED);
}

/* A signer of lists that is no CA, and a leaf that names it. */
struct indirect {
	X509 *signer, *leaf;
	EVP_PKEY *key;
};

static void indirect_init(struct fixture *f, struct indirect *x, struct test_cert signer)
{
	x->key = test_key_shared(TEST_P256, 5);
	signer.cn = "list signer";
	signer.key = x->key;
	if (signer.key_usage == NULL)
		signer.key_usage = "critical,cRLSign";
	if (signer.issuer == NULL && signer.issuer_key == NULL) {
		signer.issuer = f->pki.root;
		signer.issuer_key = f->pki.root_key;
	}
	x->signer = test_cert_new(&signer);
	x->leaf = test_cert_new(&(struct test_cert){.cn = "west",
		.key = f->pki.leaf_key,
		.issuer = f->pki.ca,
		.issuer_key = f->pki.ca_key,
		.crl_issuer = x->signer});
	f->args.untrusted = sk_X509_new_null();
	must(sk_X509_push(f->args.untrusted, x->signer) > 0);
	ERR_clear_error();
}

static void indirect_fini(struct fixture *f, struct indirect *x)
{
	sk_X509_free(f->args.untrusted);
	f->args.untrusted = NULL;
	X509_free(x->signer);
	X509_free(x->leaf);
}

static enum rk_verdict_status judge_indirect(struct fixture *f, const struct indirect *x,
	const char *idp, const struct test_crl_entry *entry, unsigned cnt)
{
	return JUDGE(f, x->leaf,
		{.issuer = x->signer,
			.issuer_key = x->key,
			.idp = idp,
			.entry = entry,
			.entry_cnt = cnt});
}

static void indirect_list_speaks_for_whom_it_names(void **state)
{
	static const char idp[] = "critical,indirectCRL:TRUE";
	struct fixture *f = *state;
	struct indirect x;

	indirect_init(f, &x, (struct test_cert){0});
	const struct test_crl_entry named[] = {{.cert = x.leaf, .issuer = x.leaf}};
	const struct test_crl_entry unnamed[] = {{.cert = x.leaf}}; /* of the signer's own */
	const struct test_crl_entry other[] = {{.cert = x.leaf, .issuer = f->pki.root}};
	const struct test_crl_entry carried[] = {
		{.serial_hex = "77", .issuer = x.leaf}, {.cert = x.leaf}};
	const struct test_crl_entry ended[] = {{.serial_hex = "77", .issuer = x.leaf},
		{.serial_hex = "78", .issuer = f->pki.root}, {.cert = x.leaf}};

	assert_int_equal(judge_indirect(f, &x, idp, NULL, 0), RK_VERDICT_GOOD);
	assert_int_equal(judge_indirect(f, &x, idp, named, 1), RK_VERDICT_REVOKED);
	assert_int_equal(judge_indirect(f, &x, idp, unnamed, 1), RK_VERDICT_GOOD);
	assert_int_equal(judge_indirect(f, &x, idp, other, 1), RK_VERDICT_GOOD);
	assert_int_equal(judge_indirect(f, &x, idp, carried, 2), RK_VERDICT_REVOKED);
	assert_int_equal(judge_indirect(f, &x, idp, ended, 3), RK_VERDICT_GOOD);
	/* without the flag the list speaks for its own issuer alone */
	assert_int_equal(judge_indirect(f, &x, NULL, NULL, 0), RK_VERDICT_UNKNOWN);
	assert_int_equal(
		judge_indirect(f, &x, "critical,onlyuser:TRUE", NULL, 0), RK_VERDICT_UNKNOWN);
	X509_free(x.leaf); /* and nobody else's certificate asks it */
	x.leaf = new_leaf(f, NULL);
	assert_int_equal(judge_indirect(f, &x, idp, NULL, 0), RK_VERDICT_UNKNOWN);
	indirect_fini(f, &x);
}

static void signer_must_be_good_itself(void **state)
{
	static const char idp[] = "critical,indirectCRL:TRUE";
	struct fixture *f = *state;
	EVP_PKEY *stranger_key = test_key_shared(TEST_P256, 6);
	X509 *stranger = test_cert_new(
		&(struct test_cert){.cn = "stranger", .key = stranger_key, .is_ca = true});
	const struct test_cert bad[] = {
		{.key_usage = "critical,digitalSignature"},
		{.not_before = time(NULL) - 9 * TEST_DAY, .not_after = time(NULL) - TEST_DAY},
		{.unknown_critical = "1.3.6.1.4.1.55555.1"},
		{.issuer = stranger, .issuer_key = stranger_key},
		{.issuer = f->pki.ca, .issuer_key = f->pki.ca_key}, /* vouches for itself alone */
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct indirect x;

		indirect_init(f, &x, bad[i]);
		assert_int_equal(judge_indirect(f, &x, idp, NULL, 0), RK_VERDICT_UNKNOWN);
		indirect_fini(f, &x);
	}
	X509_free(stranger);
}

static void signer_must_not_be_revoked(void **state)
{
	struct fixture *f = *state;
	struct indirect x;
	struct test_crl_entry entry = {0};
	struct pki_crl_set *set;

	indirect_init(f, &x, (struct test_cert){0});
	entry.cert = x.signer;
	set = new_set(f);
	add(f, set,
		(struct test_crl){.issuer = f->pki.root,
			.issuer_key = f->pki.root_key,
			.entry = &entry,
			.entry_cnt = 1});
	add(f, set,
		(struct test_crl){.issuer = x.signer,
			.issuer_key = x.key,
			.idp = "critical,indirectCRL:TRUE"});
	assert_int_equal(judge(f, set, x.leaf), RK_VERDICT_UNKNOWN);
	indirect_fini(f, &x);
}

static void set_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct pki_crl_set *set = new_set(f);
	struct pki_crl *crl = NULL;
	int i;

	for (i = 0; i <= PKI_CRL_SET_MAX; i++) {
		crl = parse((struct test_crl){.issuer = f->pki.ca, .issuer_key = f->pki.ca_key});
		if (pki_crl_set_add(set, crl) != 0)
			break;
	}
	assert_int_equal(i, PKI_CRL_SET_MAX);
	assert_int_equal(pki_crl_set_cnt(set), PKI_CRL_SET_MAX);
	pki_crl_free(crl);
	pki_crl_set_free(set);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_certificate_must_be_covered),
		T(revoked_leaf_and_ca_are_revoked),
		T(lists_count_only_in_their_time),
		T(foreign_signatures_do_not_count),
		T(scope_is_kept),
		T(users_list_does_not_cover_the_ca),
		T(some_reasons_must_add_up),
		T(delta_alone_covers_nothing),
		T(delta_changes_its_base),
		T(newest_delta_counts),
		T(delta_of_another_scope_is_not_applied),
		T(indirect_list_speaks_for_whom_it_names),
		T(signer_must_be_good_itself),
		T(signer_must_not_be_revoked),
		T(set_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
