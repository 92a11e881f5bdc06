/* SPDX-License-Identifier: BSD-3-Clause */
/* What a verified list may do to the master list, and what not. */
#include <malloc.h>

#include "control/crl/proof.h"
#include "pki/x509/siphash.h"
#include "tests/unit/crl_ingest_fixture.h"

static void next_list_takes_the_place(void **state)
{
	const struct test_crl_entry west = {.cert = pki.leaf};
	struct test_crl crl = {
		.issuer = pki.ca, .issuer_key = pki.ca_key, .entry = &west, .entry_cnt = 1};

	(void)state;
	take(&crl, 1, 0);
	assert_true(is_revoked(pki.leaf));
	crl.number = 2;
	crl.entry_cnt = 0;
	take(&crl, 0, 1);
	assert_false(is_revoked(pki.leaf));
	assert_int_equal(master_list_source_cnt(list), 1);
	crl.number = 3;
	crl.entry_cnt = 1;
	take(&crl, 1, 0);
}

/* The loop compares two lists of millions without reading either. */
static void unchanged_list_is_the_one_in_force(void **state)
{
	const struct test_crl_entry west = {.cert = pki.leaf};
	const int64_t now = time(NULL);
	struct test_crl crl = {.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.entry = &west,
		.entry_cnt = 1,
		.this_update = now - 60,
		.next_update = now + 600};
	struct master_list *before;
	struct crl_ingest *in;

	(void)state;
	take(&crl, 1, 0);
	before = list;
	in = ingest(&crl, (struct crl_ingest_args){0});
	assert_ptr_equal(in->source[0], master_list_find_source(list, URL));
	assert_int_equal(in->entry_cnt, 1);
	assert_int_equal(in->added_cnt + in->removed_cnt, 0);
	put(in);
	assert_ptr_equal(list, before);
	/* One date is another list. */
	crl.next_update++;
	in = ingest(&crl, (struct crl_ingest_args){0});
	assert_ptr_not_equal(in->source[0], master_list_find_source(list, URL));
	put(in);
	assert_ptr_not_equal(list, before);
}

static unsigned walk_cnt;

int __real_pki_crl_read_entries(struct pki_crl *crl, struct pki_report *report,
	int (*visit)(void *ctx, const struct pki_crl_entry *entry, size_t cnt), void *ctx);
int __wrap_pki_crl_read_entries(struct pki_crl *crl, struct pki_report *report,
	int (*visit)(void *ctx, const struct pki_crl_entry *entry, size_t cnt), void *ctx);

int __wrap_pki_crl_read_entries(struct pki_crl *crl, struct pki_report *report,
	int (*visit)(void *ctx, const struct pki_crl_entry *entry, size_t cnt), void *ctx)
{
	walk_cnt++;
	return __real_pki_crl_read_entries(crl, report, visit, ctx);
}

static struct crl_ingest *ingest_bytes(const uint8_t *der, size_t len, const uint8_t *in_force)
{
	return ingest_der(der, len, (struct crl_ingest_args){.in_force = in_force});
}

/* A list of millions that a server sends again is verified, and not walked. */
static void same_list_again_is_not_walked(void **state)
{
	const struct test_crl_entry west = {.cert = pki.leaf};
	X509_CRL *made = test_crl_new(&(struct test_crl){
		.issuer = pki.ca, .issuer_key = pki.ca_key, .entry = &west, .entry_cnt = 1});
	uint8_t in_force[PKI_CRL_SIGNATURE_DIGEST_LEN];
	struct master_list *empty;
	struct crl_ingest *in;
	size_t len;
	uint8_t *der = test_crl_der(made, &len);

	(void)state;
	walk_cnt = 0;
	in = ingest_bytes(der, len, NULL);
	assert_int_equal(walk_cnt, 1);
	memcpy(in_force, in->signature_digest, sizeof(in_force));
	put(in);
	in = ingest_bytes(der, len, in_force);
	assert_int_equal(walk_cnt, 1);
	assert_ptr_equal(in->source[0], master_list_find_source(list, URL));
	assert_int_equal(in->entry_cnt, 1);
	assert_int_equal(in->added_cnt + in->removed_cnt, 0);
	put(in);
	/* It is that one because its CA says so, and not because it has the same signature. */
	der[len / 2] ^= 1;
	in = ingest_bytes(der, len, in_force);
	assert_true(in->error < 0);
	assert_null(in->source);
	crl_ingest_free(in);
	der[len / 2] ^= 1;
	/* What is not in the master list any more is read anew. */
	assert_int_equal(master_list_new(&empty), 0);
	master_list_put(list);
	list = empty;
	put(ingest_bytes(der, len, in_force));
	assert_int_equal(walk_cnt, 2);
	assert_true(is_revoked(pki.leaf));
	free(der);
	X509_CRL_free(made);
}

/* Fetched over plain HTTP, so anybody on the way may answer with any list a CA of ours signed. */
static void another_list_at_the_url_takes_nothing_back(void **state)
{
	const struct test_crl_entry west = {.cert = pki.leaf};
	struct test_crl crl = {
		.issuer = pki.ca, .issuer_key = pki.ca_key, .entry = &west, .entry_cnt = 1};

	(void)state;
	take(&crl, 1, 0);
	take(&(struct test_crl){.issuer = pki.root, .issuer_key = pki.root_key, .number = 9}, 0, 0);
	assert_true(is_revoked(pki.leaf));
	take(&(struct test_crl){.issuer = pki.ca,
		     .issuer_key = pki.ca_key,
		     .number = 9,
		     .idp = "critical,onlyCA:TRUE"},
		0, 0);
	assert_true(is_revoked(pki.leaf));
	assert_int_equal(master_list_source_cnt(list), 3);
	/* and the right one still finds its place */
	crl.number = 2;
	crl.entry_cnt = 0;
	take(&crl, 0, 1);
	assert_false(is_revoked(pki.leaf));
	assert_int_equal(master_list_source_cnt(list), 3);
}

static void unordered_lists_are_sorted_and_duplicates_refused(void **state)
{
	/* The second word on 01 is another one. */
	const struct test_crl_entry entry[] = {{.serial_hex = "0300"}, {.serial_hex = "01"},
		{.serial_hex = "0200"}, {.serial_hex = "01", .reason = 4}};
	struct test_crl crl = {
		.issuer = pki.ca, .issuer_key = pki.ca_key, .entry = entry, .entry_cnt = 3};
	struct master_entry e;

	(void)state;
	take(&crl, 3, 0);
	master_source_entry(master_list_source(list, 0), 0, &e);
	assert_true(e.serial_len == 1 && e.serial[0] == 1);
	master_source_entry(master_list_source(list, 0), 2, &e);
	assert_true(e.serial_len == 2 && e.serial[0] == 3);
	crl.number = 2;
	crl.entry_cnt = 4;
	expect_refused(
		&crl, (struct crl_ingest_args){0}, "crl-duplicate-serial", CRL_REFUSED_OTHER);
}

/* ---- the installation key --------------------------------------------------------------------- */

static uint8_t installation_key[INSTALLATION_KEY_LEN];
static struct pki_siphash key_start; /* what becomes of it before any message */
static bool is_watched;
static bool is_left; /* in memory that was given back */

void __real_free(void *p);
void __wrap_free(void *p);

void __wrap_free(void *p)
{
	size_t len = is_watched && p != NULL ? malloc_usable_size(p) : 0;

	is_left |= len > 0 && (memmem(p, len, installation_key, sizeof(installation_key)) != NULL ||
				      memmem(p, len, key_start.v, sizeof(key_start.v)) != NULL);
	__real_free(p);
}

/* Nor is what follows from it alone. */
static void key_is_in_no_memory_that_is_given_back(void **state)
{
	const struct test_crl_entry west = {.cert = pki.leaf};
	const struct test_crl crl = {
		.issuer = pki.ca, .issuer_key = pki.ca_key, .entry = &west, .entry_cnt = 1};

	(void)state;
	for (size_t i = 0; i < sizeof(installation_key); i++)
		installation_key[i] = (uint8_t)(0x5a + 37 * i);
	pki_siphash_init(&key_start, installation_key);
	is_watched = true;
	put(ingest(&crl, (struct crl_ingest_args){.installation_key = installation_key}));
	master_list_put(list);
	assert_int_equal(master_list_new(&list), 0);
	is_watched = false;
	assert_false(is_left);
}

/* So large that it is verified beside the walk: what the walk found counts only when it is proven. */
static void large_list_is_proven_while_it_is_walked(void **state)
{
	enum { CNT = 30000 };
	static char serial[CNT][33];
	static struct test_crl_entry entry[CNT];
	struct test_crl crl = {.issuer = pki.ca, .issuer_key = pki.ca_key, .entry = entry};
	struct crl_ingest *in;

	(void)state;
	for (int i = 0; i < CNT; i++) {
		snprintf(serial[i], sizeof(serial[i]), "%08X%024X", i + 0x1000000, i * 7);
		entry[i] = (struct test_crl_entry){.serial_hex = serial[i], .reason = i % 3};
	}
	crl.entry_cnt = CNT;
	crl.number = 5;
	in = ingest(&crl, (struct crl_ingest_args){0});
	assert_true(in->args.len > 1 << 20);
	assert_int_equal(in->added_cnt, CNT);
	put(in);
	crl.next_update = time(NULL) - 60;
	in = ingest(&crl, (struct crl_ingest_args){0});
	assert_true(pki_report_has(&in->report, "crl-stale"));
	crl_ingest_free(in);
	crl.next_update = 0;
	crl.number = 4;
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-rollback", CRL_REFUSED_ROLLBACK);
	crl.issuer_key = pki.root_key; /* whatever else is wrong with it */
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-bad-signature", CRL_REFUSED_OTHER);
	crl.number = 6;
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-bad-signature", CRL_REFUSED_OTHER);
	/* An indirect one, of which entries may become many, is not even walked before. */
	walk_cnt = 0;
	crl.idp = "critical,indirectCRL:TRUE";
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-bad-signature", CRL_REFUSED_OTHER);
	assert_int_equal(walk_cnt, 0);
	crl.idp = NULL;
	entry[1] = entry[0];
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-bad-signature", CRL_REFUSED_OTHER);
	crl.issuer_key = pki.ca_key;
	expect_refused(
		&crl, (struct crl_ingest_args){0}, "crl-duplicate-serial", CRL_REFUSED_OTHER);
	assert_int_equal(master_list_entry_cnt(list), CNT);
}

static bool is_proven;

bool __real_crl_proof_is_ready(const struct crl_proof *p);
bool __wrap_crl_proof_is_ready(const struct crl_proof *p);

bool __wrap_crl_proof_is_ready(const struct crl_proof *p)
{
	assert_true(__real_crl_proof_is_ready(p)); /* small lists are verified at once */
	return is_proven;
}

/* How many entries of the first source have some. */
static void expect_keys(const struct test_crl *crl, struct crl_ingest_args args, size_t cnt)
{
	struct crl_ingest *in;
	struct master_keys *keys;
	size_t keyed = 0;

	is_proven = cnt == 0;
	in = ingest(crl, args);
	assert_int_equal(in->error, 0);
	keys = master_source_take_keys(in->source[0]);
	if (keys != NULL)
		(void)master_keys_entries(keys, &keyed);
	assert_int_equal(keyed, cnt);
	assert_null(master_source_take_keys(in->source[0])); /* once */
	master_keys_free(keys);
	put(in);
}

static void expect_no_keys(const struct test_crl *crl, struct crl_ingest_args args)
{
	struct crl_ingest *in;

	is_proven = false;
	in = ingest(crl, args);
	assert_int_equal(in->error, 0);
	assert_null(master_source_take_keys(in->source[0]));
	put(in);
}

/* A set takes such a list whole; of others mostly what changed. Nothing waits for them. */
static void keys_come_with_a_list_without_predecessor(void **state)
{
	static const uint8_t secret[INSTALLATION_KEY_LEN] = {1};
	const struct test_crl_entry entry[] = {
		{.serial_hex = "0B"}, {.serial_hex = "0A"}, {.serial_hex = "0B"}};
	const struct crl_ingest_args args = {.installation_key = secret};
	struct crl_ingest_args other = args;
	struct test_crl crl = {.issuer = pki.ca, .issuer_key = pki.ca_key, .entry = entry};

	(void)state;
	crl.number = 1;
	crl.entry_cnt = 2;
	other.url = URL "1";
	expect_keys(&crl, other, 2);
	other.url = URL "2";
	expect_keys(&crl, other, 0); /* the proof is there */
	other.url = URL "3";
	other.installation_key = NULL;
	expect_no_keys(&crl, other); /* nobody wants them */
	expect_keys(&crl, args, 2);
	crl.number = 2;
	expect_no_keys(&crl, args); /* of a replacement */
	crl.delta_base = "2";
	crl.number = 3;
	other = args;
	other.is_delta = true;
	other.url = URL ".delta";
	expect_no_keys(&crl, other);
}

static unsigned copied_cnt;

int __real_spool_copy(int dir, int *fd, size_t len);
int __wrap_spool_copy(int dir, int *fd, size_t len);

int __wrap_spool_copy(int dir, int *fd, size_t len)
{
	copied_cnt++;
	return __real_spool_copy(dir, fd, len);
}

/* A file that others write is copied before it is read; one that we wrote is not. */
static void foreign_file_is_copied(void **state)
{
	struct test_crl crl = {.issuer = pki.ca, .issuer_key = pki.ca_key};

	(void)state;
	copied_cnt = 0;
	put(ingest(&crl, (struct crl_ingest_args){.is_foreign = true}));
	assert_int_equal(master_list_source_cnt(list), 1);
	assert_int_equal(copied_cnt, 1);
	crl.number = 2;
	put(ingest(&crl, (struct crl_ingest_args){0}));
	assert_int_equal(copied_cnt, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(next_list_takes_the_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			unchanged_list_is_the_one_in_force, set_up, tear_down),
		cmocka_unit_test_setup_teardown(same_list_again_is_not_walked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			another_list_at_the_url_takes_nothing_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			unordered_lists_are_sorted_and_duplicates_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			key_is_in_no_memory_that_is_given_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			large_list_is_proven_while_it_is_walked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			keys_come_with_a_list_without_predecessor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(foreign_file_is_copied, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
