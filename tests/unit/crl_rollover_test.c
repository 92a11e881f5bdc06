/* SPDX-License-Identifier: BSD-3-Clause */
/* A CA takes a new key and keeps its name and the address of its list: what the manager makes of it. */
#include "tests/unit/crl_fixture.h"

#include <errno.h>

#include "control/crl/state.h"
#include "pki/view/file.h"

/* The CA with its new key, and one certificate that it issued. */
static EVP_PKEY *new_key;
static X509 *new_ca, *new_leaf;

static void trust_bundle(const char *text)
{
	struct pki_bundle bundle = {
		.name = "test", .mode = PKI_MODE_STRICT, .text = text, .len = strlen(text)};
	struct pki_trust_config config = {
		.bundle = &bundle, .bundle_cnt = 1, .generation = 1, .now = time(NULL)};

	pki_trust_put(seen.trust);
	assert_int_equal(pki_trust_new(&config, NULL, &seen.trust), 0);
}

static void trust(struct bench *b, bool is_old_too)
{
	char *root = test_pem(b->pki.root), *ca = test_pem(b->pki.ca), *new = test_pem(new_ca);
	char text[16384];

	snprintf(text, sizeof(text), "%s%s%s", root, is_old_too ? ca : "", new);
	trust_bundle(text);
	free(root);
	free(ca);
	free(new);
}

static int set_up_new_key(void **state)
{
	struct bench *b;

	set_up(state);
	b = *state;
	new_key = test_key_shared(TEST_P256, 3);
	new_ca = test_cert_new(&(struct test_cert){.cn = "test issuing CA",
		.key = new_key,
		.issuer = b->pki.root,
		.issuer_key = b->pki.root_key,
		.is_ca = true});
	new_leaf = test_cert_new(&(struct test_cert){
		.cn = "east", .key = b->pki.leaf_key, .issuer = new_ca, .issuer_key = new_key});
	trust(b, true);
	return 0;
}

static int tear_down_new_key(void **state)
{
	X509_free(new_leaf);
	X509_free(new_ca);
	return tear_down(state);
}

static void put_new(struct bench *b, long number, const struct test_crl_entry *entry, unsigned cnt)
{
	test_crl_write(b->path, &(struct test_crl){.issuer = new_ca,
					.issuer_key = new_key,
					.this_update = time(NULL) - 60 + number,
					.number = number,
					.entry = entry,
					.entry_cnt = cnt});
}

static void restart(struct bench *b)
{
	close_manager(b);
	open_manager(b);
	crl_manager_discover(b->d.crl);
}

/* Of the CA whose certificate it is, as the source tells it. */
static void expect_signer(json_t *source, const X509 *ca)
{
	unsigned char *der = NULL, hash[32];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(ca), &der);
	char text[65];

	assert_int_equal(EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL), 1);
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	assert_string_equal(text_of(source, "signer_key"), text);
	OPENSSL_free(der);
}

/*
 * With the old key's certificate trusted nothing that it revoked is taken back, nor by a restart; without
 * it only the new key's list is in force. There is no alarm on the way.
 */
static void new_key_goes_on_where_the_old_one_was(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf, .reason = 1};
	const struct test_crl_entry east = {.cert = new_leaf, .reason = 1};
	json_t *source;

	put_crl(b, 50, &west, 1);
	crl_manager_discover(b->d.crl);
	expect_signer(refresh(b), b->pki.ca);
	put_new(b, 1, &east, 1);
	source = refresh(b);
	expect_signer(source, new_ca);
	assert_string_equal(text_of(source, "crl_number"), "01");
	assert_true(is_revoked(b, b->pki.leaf));
	assert_true(is_revoked(b, new_leaf));
	put_new(b, 2, &east, 1);
	restart(b);
	assert_true(is_revoked(b, b->pki.leaf));
	assert_true(is_revoked(b, new_leaf));
	/* It is told of the list made last, before anything was fetched. */
	assert_string_equal(b->d.crl->source[0]->number, "01");
	assert_string_equal(b->d.crl->source[0]->signer_key,
		text_of(json_array_get(json_object_get(b->answer.body, "sources"), 0),
			"signer_key"));
	expect_signer(refresh(b), new_ca);
	assert_int_equal(master_list_source_cnt(crl_manager_master_list(b->d.crl)), 2);
	trust(b, false);
	put_new(b, 3, &east, 1);
	crl_manager_discover(b->d.crl);
	refresh(b);
	assert_false(is_revoked(b, b->pki.leaf));
	assert_true(is_revoked(b, new_leaf));
	assert_int_equal(master_list_source_cnt(crl_manager_master_list(b->d.crl)), 1);
	assert_int_equal(seen.raised_cnt, 0);
}

/* What was served before the new key is refused after a restart, too, while the old key is trusted. */
static void old_list_is_refused_after_a_restart(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf, .reason = 1};
	json_t *source;

	put_crl(b, 50, NULL, 0);
	crl_manager_discover(b->d.crl);
	refresh(b);
	put_new(b, 51, &west, 1);
	refresh(b);
	put_crl(b, 49, NULL, 0);
	restart(b);
	source = refresh(b);
	assert_non_null(strstr(text_of(source, "last_error"), "crl-rollback"));
	assert_string_equal(text_of(source, "crl_number"), "33");
	assert_true(is_revoked(b, b->pki.leaf));
	put_crl(b, 50, NULL, 0);
	refresh(b);
	assert_true(is_revoked(b, b->pki.leaf));
}

/* The list on disk is of a later version: who is revoked is not known, and that is not "nobody". */
static void later_list_on_disk_is_no_empty_one(void **state)
{
	struct bench *b = *state;
	struct crl_manager *m = NULL;
	uint8_t digest[32], *data = NULL;
	size_t len = 0;

	put_crl(b, 50, NULL, 0);
	crl_manager_discover(b->d.crl);
	refresh(b);
	close_manager(b);
	assert_int_equal(rk_file_read(b->d.state_fd, MASTER_LIST_FILE, 1 << 20, &data, &len), 0);
	data[7]++;
	memset(data + 48, 0, sizeof(digest));
	assert_int_equal(EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL), 1);
	memcpy(data + 48, digest, sizeof(digest));
	assert_int_equal(rk_file_replace(b->d.state_fd, MASTER_LIST_FILE, 0600, data, len), 0);
	free(data);
	assert_int_equal(crl_manager_open(&b->d, &m), -EPROTONOSUPPORT);
	assert_null(m);
	unlinkat(b->d.state_fd, MASTER_LIST_FILE, 0);
	open_manager(b);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up_new_key, tear_down_new_key)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(new_key_goes_on_where_the_old_one_was),
		T(old_list_is_refused_after_a_restart),
		T(later_list_on_disk_is_no_empty_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
