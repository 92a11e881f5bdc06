/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CAs of one name with keys of their own, be it one that took a new key or two that know nothing of each
 * other: what the list of one can do to the other's.
 */
#include "control/crl/proof.h"
#include "control/revocations.h"
#include "tests/unit/crl_ingest_fixture.h"

#define DELTA_URL URL ".delta"

/* Has the issuing CA's name, and a key and a certificate of its own. */
static EVP_PKEY *other_key;
static X509 *other;
static X509 *other_leaf; /* the serial number of pki.leaf, and its signature */

static void trust_all(X509 *also)
{
	char *pem = also != NULL ? test_pem(also) : NULL;
	struct pki_bundle bundle[] = {{.name = "test", .mode = PKI_MODE_STRICT, .text = pki.bundle},
		{.name = "other", .mode = PKI_MODE_STRICT, .text = pem}};
	struct pki_trust_config config = {.bundle = bundle,
		.bundle_cnt = also != NULL ? 2 : 1,
		.generation = 1,
		.now = time(NULL)};

	bundle[0].len = strlen(pki.bundle);
	bundle[1].len = pem != NULL ? strlen(pem) : 0;
	pki_trust_put(trust);
	assert_int_equal(pki_trust_new(&config, NULL, &trust), 0);
	free(pem);
}

static int set_up_both(void **state)
{
	const ASN1_INTEGER *serial;
	char *hex;
	BIGNUM *n;

	set_up(state);
	serial = X509_get0_serialNumber(pki.leaf);
	n = ASN1_INTEGER_to_BN(serial, NULL);
	hex = BN_bn2hex(n);
	other_key = test_key_shared(TEST_P256, 3);
	other = test_cert_new(&(struct test_cert){.cn = "test issuing CA",
		.key = other_key,
		.issuer = pki.root,
		.issuer_key = pki.root_key,
		.is_ca = true});
	other_leaf = test_cert_new(&(struct test_cert){.cn = "other",
		.key = pki.leaf_key,
		.issuer = other,
		.issuer_key = other_key,
		.serial_hex = hex});
	OPENSSL_free(hex);
	BN_free(n);
	trust_all(other);
	return 0;
}

static int tear_down_both(void **state)
{
	X509_free(other_leaf);
	X509_free(other);
	return tear_down(state);
}

static struct test_crl by(X509 *issuer, long number)
{
	return (struct test_crl){.issuer = issuer,
		.issuer_key = issuer == other ? other_key : pki.ca_key,
		.number = number};
}

static struct crl_ingest_args delta_args(void)
{
	return (struct crl_ingest_args){.is_delta = true, .url = DELTA_URL};
}

/* What all lists together say: of a certificate of that CA. */
static enum pki_revocation_answer ask(X509 *leaf, X509 *issuer, struct pki_revoked *revoked)
{
	const struct revocations_args args = {.list = list};
	struct revocations_query q = {.now = time(NULL)};
	STACK_OF(X509) *chain = sk_X509_new_null();
	struct pki_revocation_query query = {.issuer = X509_get_issuer_name(leaf),
		.serial = X509_get0_serialNumber(leaf),
		.is_leaf = true,
		.chain = chain};
	enum pki_revocation_answer answer;
	struct revocations *r;

	assert_int_equal(pki_issuer_hash(query.issuer, query.issuer_hash), 0);
	sk_X509_push(chain, leaf);
	sk_X509_push(chain, issuer);
	sk_X509_push(chain, pki.root);
	assert_int_equal(revocations_new(&args, &r), 0);
	q.revocations = r;
	answer = revocations_find(&q, &query, revoked);
	revocations_put(r);
	sk_X509_free(chain);
	return answer;
}

static void expect_answer(enum pki_revocation_answer answer)
{
	struct pki_revoked revoked;

	assert_int_equal(ask(pki.leaf, pki.ca, &revoked), answer);
}

/* The new key's list covers certificates of both, whatever it numbers from, and is no rollback. */
static void rollover_goes_on(void **state)
{
	const struct test_crl_entry west = {.cert = pki.leaf, .reason = 1};
	struct test_crl crl = by(pki.ca, 50);
	struct pki_revoked revoked;

	(void)state;
	take(&crl, 0, 0);
	expect_answer(PKI_REVOCATION_GOOD);
	crl = by(other, 1);
	crl.entry = &west;
	crl.entry_cnt = 1;
	take(&crl, 1, 0);
	expect_answer(PKI_REVOCATION_REVOKED);
	/* One name and one number are one certificate, whichever key signed it. */
	assert_int_equal(ask(other_leaf, other, &revoked), PKI_REVOCATION_REVOKED);
	crl.number = 2;
	crl.entry_cnt = 0;
	take(&crl, 0, 1);
	expect_answer(PKI_REVOCATION_GOOD);
}

/* An old list of the old key, which is still trusted, is refused, and its last one takes nothing back. */
static void replay_of_the_old_key_takes_nothing_back(void **state)
{
	const struct test_crl_entry west = {.cert = pki.leaf, .reason = 1};
	const struct test_crl last = by(pki.ca, 50);
	struct test_crl crl = by(other, 51);

	(void)state;
	take(&last, 0, 0);
	crl.entry = &west;
	crl.entry_cnt = 1;
	take(&crl, 1, 0);
	crl = by(pki.ca, 49);
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-rollback", CRL_REFUSED_ROLLBACK);
	take(&last, 0, 0);
	expect_answer(PKI_REVOCATION_REVOKED);
	crl = by(other, 50);
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-rollback", CRL_REFUSED_ROLLBACK);
	expect_answer(PKI_REVOCATION_REVOKED);
}

/* However high one counts: the other's list is its own matter. */
static void marks_of_one_refuse_nothing_of_the_other(void **state)
{
	struct test_crl crl = by(other, 1000);

	(void)state;
	take(&crl, 0, 0);
	crl = by(pki.ca, 6);
	take(&crl, 0, 0);
	crl = by(pki.ca, 5);
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-rollback", CRL_REFUSED_ROLLBACK);
	crl = by(other, 999);
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-rollback", CRL_REFUSED_ROLLBACK);
}

/* RFC 5280 6.3.3 c 3: nor does a delta of one end what the other holds. */
static void delta_of_another_key_ends_no_hold(void **state)
{
	const struct test_crl_entry held = {.cert = pki.leaf, .reason = 6};
	const struct test_crl_entry back = {.cert = pki.leaf, .reason = 8};
	struct test_crl crl = by(pki.ca, 5);
	struct test_crl delta = by(other, 7);

	(void)state;
	crl.entry = delta.entry = &held;
	crl.entry_cnt = delta.entry_cnt = 1;
	take(&crl, 1, 0);
	delta.delta_base = "5";
	delta.entry = &back;
	expect_refused(&delta, delta_args(), "crl-delta-without-base", CRL_REFUSED_NO_BASE);
	/* With a full list of its own key it is good, for that one. */
	crl = by(other, 5);
	put(ingest(&crl, (struct crl_ingest_args){.url = URL ".other"}));
	put(ingest(&delta, delta_args()));
	expect_answer(PKI_REVOCATION_REVOKED);
	delta = by(pki.ca, 6);
	delta.delta_base = "5";
	delta.entry = &back;
	delta.entry_cnt = 1;
	put(ingest(&delta, delta_args()));
	expect_answer(PKI_REVOCATION_GOOD);
}

/* Nor does a full list of one end the other's delta, however new it is. */
static void full_list_of_another_key_ends_no_delta(void **state)
{
	const struct test_crl_entry west = {.cert = pki.leaf, .reason = 1};
	struct test_crl crl = by(pki.ca, 5), delta = by(pki.ca, 7);

	(void)state;
	take(&crl, 0, 0);
	delta.delta_base = "5";
	delta.entry = &west;
	delta.entry_cnt = 1;
	put(ingest(&delta, delta_args()));
	crl = by(other, 9);
	take(&crl, 0, 0);
	expect_answer(PKI_REVOCATION_REVOKED);
	crl = by(pki.ca, 7);
	take(&crl, 0, 0);
	expect_answer(PKI_REVOCATION_GOOD);
}

/* The list of a version that did not keep keys: what was in force is what the first one is held against. */
static void list_without_a_key_is_the_predecessor(void **state)
{
	struct test_crl_entry entry[CRL_SHRINK_RECENT_MIN];
	char serial[CRL_SHRINK_RECENT_MIN][8];
	struct test_crl crl = by(pki.ca, 5);
	struct master_source_info about;
	struct master_builder *b;
	struct master_source *source;
	struct master_list *changed;
	struct crl_ingest *in;

	(void)state;
	for (int i = 0; i < CRL_SHRINK_RECENT_MIN; i++) {
		snprintf(serial[i], sizeof(serial[i]), "%04X", 0x0100 + i);
		entry[i] = (struct test_crl_entry){.serial_hex = serial[i]};
	}
	crl.entry = entry;
	crl.entry_cnt = CRL_SHRINK_RECENT_MIN;
	in = ingest(&crl, (struct crl_ingest_args){0});
	about = *master_source_info(in->source[0]);
	about.key = (struct rk_span){0};
	assert_int_equal(master_builder_new(&about, &b), 0);
	for (size_t i = 0; i < CRL_SHRINK_RECENT_MIN; i++) {
		struct master_entry e;

		master_source_entry(in->source[0], i, &e);
		assert_int_equal(master_builder_add(b, (struct rk_span){e.serial, e.serial_len},
					 e.revoked_at, e.reason),
			0);
	}
	assert_int_equal(master_builder_finish(b, &source), 0);
	assert_int_equal(master_list_replace(list, source, &changed), 0);
	master_source_put(source);
	master_list_put(list);
	list = changed;
	crl_ingest_free(in);

	crl.number = 4;
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-rollback", CRL_REFUSED_ROLLBACK);
	crl.number = 5;
	crl.entry_cnt = 1;
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-shrunk", CRL_REFUSED_SHRUNK);
	crl.entry_cnt = CRL_SHRINK_RECENT_MIN;
	take(&crl, 0, 0);
	assert_int_equal(master_list_source_cnt(list), 1);
	assert_int_equal(master_source_info(master_list_source(list, 0))->key.len, MASTER_KEY_LEN);
}

/* ---- who it was, told while it is walked --------------------------------------------------------- */

static void expect_signer(const struct crl_ingest *in, const X509 *ca)
{
	const struct pki_ca *is;
	size_t i = 0;

	do {
		is = pki_trust_ca(trust, i++);
	} while (X509_cmp(is->cert, ca) != 0);
	assert_int_equal(in->error, 0);
	assert_memory_equal(in->signer_key, is->key_hash, sizeof(is->key_hash));
	assert_memory_equal(
		master_source_info(in->source[0])->key.data, is->key_hash, sizeof(is->key_hash));
}

#define LARGE_CNT 40000 /* so that it is verified beside the walk */

static struct test_crl_entry *make_entries(char (*serial)[12])
{
	struct test_crl_entry *entry = calloc(LARGE_CNT, sizeof(*entry));

	assert_non_null(entry);
	for (int i = 0; i < LARGE_CNT; i++) {
		snprintf(serial[i], sizeof(serial[i]), "%08X", 0x01000000 + i);
		entry[i] = (struct test_crl_entry){.serial_hex = serial[i]};
	}
	return entry;
}

static void large_list_is_of_who_signed_it(void **state)
{
	static char serial[LARGE_CNT][12];
	struct test_crl_entry *entry = make_entries(serial);
	X509 *issuer[] = {pki.ca, other};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct test_crl crl = by(issuer[i], 1);
		struct crl_ingest *in;

		crl.entry = entry;
		crl.entry_cnt = LARGE_CNT;
		in = ingest(&crl, (struct crl_ingest_args){0});
		expect_signer(in, issuer[i]);
		put(in);
	}
	assert_int_equal(master_list_source_cnt(list), 2);
	free(entry);
}

/* Two that chose one key identifier: the signature tells, before anything is walked. */
static void one_key_identifier_of_two_keys(void **state)
{
	static char serial[LARGE_CNT][12];
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(pki.ca);
	char hex[128];
	X509 *twin;
	struct test_crl_entry *entry = make_entries(serial);
	struct test_crl crl = by(pki.ca, 1);
	struct crl_ingest *in;

	(void)state;
	for (int i = 0; i < ASN1_STRING_length(id); i++)
		snprintf(hex + 2 * i, 3, "%02x", ASN1_STRING_get0_data(id)[i]);
	twin = test_cert_new(&(struct test_cert){.cn = "test issuing CA",
		.key = other_key,
		.key_id = hex,
		.issuer = pki.root,
		.issuer_key = pki.root_key,
		.is_ca = true});
	trust_all(twin);
	crl.entry = entry;
	crl.entry_cnt = LARGE_CNT;
	in = ingest(&crl, (struct crl_ingest_args){0});
	expect_signer(in, pki.ca);
	put(in);
	crl.issuer = twin;
	crl.issuer_key = other_key;
	in = ingest(&crl, (struct crl_ingest_args){0});
	expect_signer(in, twin);
	put(in);
	assert_int_equal(master_list_source_cnt(list), 2);
	free(entry);
	X509_free(twin);
}

/* A renewed certificate of the same key is the same signer. */
static void renewed_certificate_is_the_same_signer(void **state)
{
	struct test_crl crl = by(pki.ca, 50);
	X509 *renewed = test_cert_new(&(struct test_cert){.cn = "test issuing CA",
		.key = pki.ca_key,
		.issuer = pki.root,
		.issuer_key = pki.root_key,
		.is_ca = true});

	(void)state;
	trust_all(renewed);
	take(&crl, 0, 0);
	crl.issuer = renewed;
	crl.number = 49;
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-rollback", CRL_REFUSED_ROLLBACK);
	crl.number = 51;
	take(&crl, 0, 0);
	assert_int_equal(master_list_source_cnt(list), 1);
	X509_free(renewed);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up_both, tear_down_both)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rollover_goes_on),
		T(replay_of_the_old_key_takes_nothing_back),
		T(marks_of_one_refuse_nothing_of_the_other),
		T(delta_of_another_key_ends_no_hold),
		T(full_list_of_another_key_ends_no_delta),
		T(list_without_a_key_is_the_predecessor),
		T(large_list_is_of_who_signed_it),
		T(one_key_identifier_of_two_keys),
		T(renewed_certificate_is_the_same_signer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
