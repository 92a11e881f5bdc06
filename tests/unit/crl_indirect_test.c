/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose lists count beside the issuer's own, and what the signer's own certificate must be. */
#include "tests/unit/crl_judge.h"

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

/* The subject's anchor must stand above the signer, too; that it is trusted for others is not enough. */
static void signer_is_below_the_same_anchor(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY *key = test_key_shared(TEST_P256, 6);
	X509 *other = test_cert_new(&(struct test_cert){.cn = "other", .key = key, .is_ca = true});
	char *pem = test_pem(other), *bundle = malloc(strlen(pem) + strlen(f->pki.bundle) + 1);
	const struct test_crl above = {.issuer = other, .issuer_key = key};
	struct indirect x;

	must(bundle != NULL);
	strcpy(bundle, f->pki.bundle);
	strcat(bundle, pem);
	pki_trust_put(f->trust);
	f->trust = f->args.trust = fixture_trust(bundle, PKI_MODE_STRICT);
	for (int is_other = 0; is_other < 2; is_other++) {
		indirect_init(f, &x,
			(struct test_cert){.issuer = is_other ? other : NULL,
				.issuer_key = is_other ? key : NULL});
		assert_int_equal(JUDGE(f, x.leaf, above,
					 {.issuer = x.signer,
						 .issuer_key = x.key,
						 .idp = "critical,indirectCRL:TRUE"}),
			is_other ? RK_VERDICT_UNKNOWN : RK_VERDICT_GOOD);
		indirect_fini(f, &x);
	}
	X509_free(other);
	free(pem);
	free(bundle);
}

/* A CA's new key, certified by the old one under the same name: its list is no word on that certificate. */
static void signer_does_not_vouch_for_itself(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY *key = test_key_shared(TEST_P256, 6);
	X509 *new_ca = test_cert_new(&(struct test_cert){.cn = "test issuing CA",
		.key = key,
		.issuer = f->pki.ca,
		.issuer_key = f->pki.ca_key,
		.is_ca = true});
	X509 *leaf = test_cert_new(&(struct test_cert){
		.cn = "west", .key = f->pki.leaf_key, .issuer = new_ca, .issuer_key = key});
	const struct test_crl own = {.issuer = new_ca, .issuer_key = key};

	f->args.untrusted = sk_X509_new_null();
	must(sk_X509_push(f->args.untrusted, new_ca) > 0);
	ERR_clear_error();
	assert_int_equal(JUDGE(f, leaf, own), RK_VERDICT_UNKNOWN);
	assert_int_equal(JUDGE(f, leaf, own, {0}), RK_VERDICT_GOOD); /* the old key's does */
	sk_X509_free(f->args.untrusted);
	f->args.untrusted = NULL;
	X509_free(new_ca);
	X509_free(leaf);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(indirect_list_speaks_for_whom_it_names),
		T(signer_must_be_good_itself),
		T(signer_must_not_be_revoked),
		T(signer_is_below_the_same_anchor),
		T(signer_does_not_vouch_for_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
