/* SPDX-License-Identifier: BSD-3-Clause */
/* What a verified list may do to the master list, and what not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/crl/group.h"
#include "control/crl/ingest.h"
#include "tests/unit/test_ca.h"

#define URL "http://crl.example/ca.crl"

static struct test_pki pki;
static struct pki_trust *trust;
static struct master_list *list;
static int dir_fd;

static int set_up(void **state)
{
	struct pki_bundle bundle = {.name = "test", .mode = PKI_MODE_STRICT};
	struct pki_trust_config config = {
		.bundle = &bundle, .bundle_cnt = 1, .generation = 1, .now = time(NULL)};

	(void)state;
	test_pki_init(&pki, "west");
	bundle.text = pki.bundle;
	bundle.len = strlen(pki.bundle);
	assert_int_equal(pki_trust_new(&config, NULL, &trust), 0);
	assert_int_equal(master_list_new(&list), 0);
	dir_fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	master_list_put(list);
	pki_trust_put(trust);
	test_pki_fini(&pki);
	close(dir_fd);
	return 0;
}

/* As a fetch would; args: what is not by default. Freed by the caller. */
static struct crl_ingest *ingest(const struct test_crl *crl, struct crl_ingest_args args)
{
	X509_CRL *made = test_crl_new(crl);
	struct crl_ingest *in;
	uint8_t *der = test_crl_der(made, &args.len);

	args.fd = memfd_create("crl", MFD_CLOEXEC);
	assert_int_equal(write(args.fd, der, args.len), args.len);
	args.dir_fd = dir_fd;
	args.url = args.url != NULL ? args.url : URL;
	args.now = time(NULL);
	args.trust = trust;
	args.list = list;
	args.recent_sec = 825 * TEST_DAY;
	args.shrink_percent = args.shrink_percent > 0 ? args.shrink_percent : 25;
	in = crl_ingest_new(&args);
	assert_non_null(in);
	crl_ingest_work(in);
	free(der);
	X509_CRL_free(made);
	return in;
}

static void put(struct crl_ingest *in)
{
	struct master_list *changed;

	assert_int_equal(in->error, 0);
	assert_int_equal(master_list_replace_group(list, in->source, in->source_cnt, &changed), 0);
	master_list_put(list);
	list = changed;
	crl_ingest_free(in);
}

static void expect_refused(const struct test_crl *crl, struct crl_ingest_args args,
	const char *code, enum crl_refusal refusal)
{
	struct crl_ingest *in = ingest(crl, args);

	assert_true(in->error < 0);
	assert_int_equal(in->refusal, refusal);
	if (!pki_report_has(&in->report, code))
		fail_msg("%s, not %s", pki_report_first(&in->report)->code, code);
	assert_null(in->source);
	crl_ingest_free(in);
}

/* The entries it says came and went. */
static void take(const struct test_crl *crl, size_t added, size_t removed)
{
	struct crl_ingest *in = ingest(crl, (struct crl_ingest_args){0});

	assert_int_equal(in->added_cnt, added);
	assert_int_equal(in->removed_cnt, removed);
	put(in);
}

static bool is_revoked(const X509 *cert)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	unsigned char *issuer = NULL;
	int len = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer);
	uint8_t bytes[PKI_SERIAL_MAX];
	int serial_len = pki_serial_bytes(serial, bytes);
	struct master_entry entry;
	bool found = master_list_find(list, (struct rk_span){issuer, (size_t)len},
		(struct rk_span){bytes, (size_t)serial_len}, &entry, NULL);

	OPENSSL_free(issuer);
	return found;
}

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

/* Lists of other scopes have places and numbers of their own, whatever they are named by. */
static void scopes_stand_beside_the_full_list(void **state)
{
	const struct test_crl_entry west = {.cert = pki.leaf};
	struct test_crl crl = {.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.number = 9,
		.entry = &west,
		.entry_cnt = 1};
	static const char *const scopes[][2] = {
		{"critical,fullname:RID:1.2.3.4", "point "},
		{"critical,fullname:RID:1.2.3.5", "point "},
		{"critical,fullname:URI:http://b,onlyuser:TRUE", "http://b user"},
		{"critical,fullname:URI:http://b,onlyCA:TRUE", "http://b ca"},
		{"critical,indirectCRL:TRUE", "indirect"},
		{"critical,DER:30:04:83:02:05:60", "reasons 006"},
		{"critical,onlyuser:TRUE,indirectCRL:TRUE", "user indirect"},
	};
	const size_t cnt = sizeof(scopes) / sizeof(scopes[0]);

	(void)state;
	take(&crl, 1, 0);
	crl.number = 1;
	crl.entry_cnt = 0;
	for (size_t i = 0; i < cnt; i++) {
		struct crl_ingest *in;
		const char *scope;

		crl.idp = scopes[i][0];
		in = ingest(&crl, (struct crl_ingest_args){0});
		assert_int_equal(in->error, 0);
		scope = master_source_info(in->source[0])->scope;
		if (strncmp(scope, scopes[i][1], strlen(scopes[i][1])) != 0)
			fail_msg("%s: %s", scopes[i][0], scope);
		put(in);
	}
	assert_true(is_revoked(pki.leaf));
	assert_int_equal(master_list_source_cnt(list), 1 + cnt);
}

/* RFC 5280 5.3.3: an entry's issuer is the one that was named last. */
static void indirect_lists_name_other_issuers(void **state)
{
	/* certificateIssuer is the issuer of the certificate given: pki.ca's is the root. */
	const struct test_crl_entry entry[] = {{.cert = pki.leaf, .reason = 1},
		{.serial_hex = "0777", .issuer = pki.ca}, {.cert = pki.ca},
		{.serial_hex = "0778", .issuer = pki.leaf}, {.serial_hex = "0777"},
		{.serial_hex = "0777", .issuer = pki.ca}};
	struct test_crl crl = {.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.idp = "critical,indirectCRL:TRUE",
		.entry = entry,
		.entry_cnt = 5};
	struct master_source *foreign;

	(void)state;
	take(&crl, 5, 0);
	assert_int_equal(master_list_source_cnt(list), 2);
	assert_true(is_revoked(pki.leaf));
	assert_true(is_revoked(pki.ca));
	assert_int_equal(master_source_entry_cnt(master_list_source(list, 0)), 3);
	foreign = master_list_source(list, 1);
	assert_int_equal(master_source_entry_cnt(foreign), 2);
	assert_true(master_source_info(foreign)->subject.len > 0);
	/* One and the same certificate twice. */
	crl.number = 2;
	crl.entry_cnt = 6;
	expect_refused(
		&crl, (struct crl_ingest_args){0}, "crl-duplicate-serial", CRL_REFUSED_OTHER);
	/* The next one says nothing of the root's, and takes that back. */
	crl.entry_cnt = 1;
	take(&crl, 0, 4);
	assert_int_equal(master_list_source_cnt(list), 1);
	assert_false(is_revoked(pki.ca));
	/* What only an indirect list may say. */
	crl.idp = NULL;
	crl.entry_cnt = 2;
	expect_refused(
		&crl, (struct crl_ingest_args){0}, "crl-indirect-not-supported", CRL_REFUSED_OTHER);
}

/* GeneralNames with one directory name: CN=n, of four digits. */
static struct rk_span make_names(uint8_t der[32], unsigned n, uint8_t string_type)
{
	static const uint8_t head[] = {
		0x30, 19, 0xa4, 17, 0x30, 15, 0x31, 13, 0x30, 11, 6, 3, 0x55, 4, 3};

	memcpy(der, head, sizeof(head));
	der[sizeof(head)] = string_type;
	der[sizeof(head) + 1] = 4;
	snprintf((char *)der + sizeof(head) + 2, 5, "%04u", n % 10000);
	return (struct rk_span){der, sizeof(head) + 6};
}

/* Whoever makes up issuers takes a bounded amount of work and memory. */
static void issuers_of_one_list_are_bounded(void **state)
{
	static uint8_t der[CRL_SUBJECT_MAX + 2][32];
	static const uint8_t hash[PKI_ISSUER_HASH_LEN], serial = 5, no_names[] = {0x30, 0};
	const struct master_source_info about = {
		.issuer = {no_names, 2}, .ca_name = "CA", .url = URL, .scope = "indirect"};
	struct pki_crl_entry e = {.serial = &serial, .serial_len = 1, .issuer = {no_names, 2}};
	struct master_source **source;
	struct crl_group *g;
	size_t cnt;

	(void)state;
	assert_int_equal(crl_group_new(&about, hash, &g), 0);
	assert_int_equal(crl_group_add(g, &e, 1), -EBADMSG);
	/* Two spellings of one name are one issuer: a PrintableString and a UTF8String. */
	e.issuer = make_names(der[0], 0, 0x13);
	assert_int_equal(crl_group_add(g, &e, 1), 0);
	e.issuer = make_names(der[1], 0, 0x0c);
	assert_int_equal(crl_group_add(g, &e, 1), 0);
	assert_int_equal(crl_group_repeated(g), 1);
	for (unsigned i = 2; i < CRL_SUBJECT_MAX; i++) {
		e.issuer = make_names(der[i], i, 0x13);
		assert_int_equal(crl_group_add(g, &e, 1), 0);
	}
	e.issuer = make_names(der[CRL_SUBJECT_MAX], CRL_SUBJECT_MAX, 0x13);
	assert_int_equal(crl_group_add(g, &e, 1), -E2BIG);
	e.issuer = (struct rk_span){0};
	assert_int_equal(crl_group_add(g, &e, 1), 0);
	assert_int_equal(crl_group_finish(g, &source, &cnt), 0);
	assert_int_equal(cnt, CRL_SUBJECT_MAX); /* its own, and one less than the spellings */
	assert_int_equal(master_source_info(source[0])->subject.len, 0);
	for (size_t i = 0; i < cnt; i++) {
		assert_int_equal(master_source_entry_cnt(source[i]), 1);
		assert_true(i + 1 == cnt || master_source_order(source[i], source[i + 1]) < 0);
		master_source_put(source[i]);
	}
	free(source);
}

/* From a certificate's URL only the list of that very distribution point is taken. */
static void partition_of_another_point_is_refused(void **state)
{
	const struct test_crl crl = {.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.idp = "critical,fullname:URI:http://crl.example/7.crl"};

	(void)state;
	expect_refused(&crl, (struct crl_ingest_args){.is_learnt = true},
		"crl-other-distribution-point", CRL_REFUSED_OTHER);
	put(ingest(&crl,
		(struct crl_ingest_args){.is_learnt = true, .url = "http://crl.example/7.crl"}));
	put(ingest(&crl, (struct crl_ingest_args){0})); /* configured: the operator knows */
}

static void older_number_is_refused_before_it_is_walked(void **state)
{
	struct test_crl crl = {.issuer = pki.ca, .issuer_key = pki.ca_key, .number = 300};

	(void)state;
	take(&crl, 0, 0);
	crl.number = 299;
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-rollback", CRL_REFUSED_ROLLBACK);
}

static void unordered_lists_are_sorted_and_duplicates_refused(void **state)
{
	const struct test_crl_entry entry[] = {{.serial_hex = "0300"}, {.serial_hex = "01"},
		{.serial_hex = "0200"}, {.serial_hex = "01"}};
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

/* RFC 5280 5.2.4, and each kind where it belongs. */
static void deltas_need_their_base(void **state)
{
	const struct test_crl_entry west = {.cert = pki.leaf, .reason = 1};
	const struct test_crl_entry back = {.cert = pki.leaf, .reason = 8};
	struct test_crl full = {.issuer = pki.ca, .issuer_key = pki.ca_key, .number = 5};
	struct test_crl delta = {.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.number = 7,
		.delta_base = "5",
		.entry = &west,
		.entry_cnt = 1};
	const struct crl_ingest_args expected = {.is_delta = true, .url = URL ".delta"};

	(void)state;
	expect_refused(&delta, expected, "crl-delta-without-base", CRL_REFUSED_NO_BASE);
	take(&full, 0, 0);
	expect_refused(
		&delta, (struct crl_ingest_args){0}, "crl-delta-not-supported", CRL_REFUSED_OTHER);
	expect_refused(&full, expected, "crl-not-a-delta", CRL_REFUSED_OTHER);
	delta.delta_base = "6";
	expect_refused(&delta, expected, "crl-delta-without-base", CRL_REFUSED_NO_BASE);
	delta.delta_base = "4";
	put(ingest(&delta, expected));
	assert_true(is_revoked(pki.leaf));
	assert_int_equal(master_list_source_cnt(list), 2);
	delta.number = 6;
	expect_refused(&delta, expected, "crl-rollback", CRL_REFUSED_ROLLBACK);
	delta.number = 8;
	delta.entry = &back;
	put(ingest(&delta, expected));
	full.entry = &back; /* takes back what only a delta may take back */
	full.entry_cnt = 1;
	full.number = 9;
	expect_refused(&full, (struct crl_ingest_args){0}, "crl-bad-reason", CRL_REFUSED_OTHER);
}

/* Every certificate back at once is more often an accident than news. */
static void shrunk_list_is_refused_once(void **state)
{
	struct test_crl_entry entry[CRL_SHRINK_RECENT_MIN];
	char serial[CRL_SHRINK_RECENT_MIN][8];
	struct test_crl crl = {.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.entry = entry,
		.entry_cnt = CRL_SHRINK_RECENT_MIN};

	(void)state;
	for (int i = 0; i < CRL_SHRINK_RECENT_MIN; i++) {
		snprintf(serial[i], sizeof(serial[i]), "%04X", 0x0100 + i);
		entry[i] = (struct test_crl_entry){.serial_hex = serial[i]};
	}
	take(&crl, CRL_SHRINK_RECENT_MIN, 0);
	crl.number++;
	crl.entry_cnt = CRL_SHRINK_RECENT_MIN * 3 / 4; /* a quarter lost: the limit */
	put(ingest(&crl, (struct crl_ingest_args){0}));
	crl.number++;
	crl.entry_cnt = 1;
	put(ingest(&crl, (struct crl_ingest_args){0})); /* few: any number may go */
	crl.number++;
	crl.entry_cnt = CRL_SHRINK_RECENT_MIN;
	put(ingest(&crl, (struct crl_ingest_args){0}));
	crl.number++;
	crl.entry_cnt = CRL_SHRINK_RECENT_MIN * 3 / 4 - 1;
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-shrunk", CRL_REFUSED_SHRUNK);
	put(ingest(&crl, (struct crl_ingest_args){.shrink_percent = 100}));
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
	crl.number = 4;
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-rollback", CRL_REFUSED_ROLLBACK);
	crl.issuer_key = pki.root_key; /* whatever else is wrong with it */
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-bad-signature", CRL_REFUSED_OTHER);
	crl.number = 6;
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-bad-signature", CRL_REFUSED_OTHER);
	entry[1] = entry[0];
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-bad-signature", CRL_REFUSED_OTHER);
	crl.issuer_key = pki.ca_key;
	expect_refused(
		&crl, (struct crl_ingest_args){0}, "crl-duplicate-serial", CRL_REFUSED_OTHER);
	assert_int_equal(master_list_entry_cnt(list), CNT);
}

/* A file that others write is copied before it is read. */
static void foreign_file_is_copied(void **state)
{
	struct test_crl crl = {.issuer = pki.ca, .issuer_key = pki.ca_key};

	(void)state;
	put(ingest(&crl, (struct crl_ingest_args){.is_foreign = true}));
	assert_int_equal(master_list_source_cnt(list), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(next_list_takes_the_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			unchanged_list_is_the_one_in_force, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			another_list_at_the_url_takes_nothing_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			scopes_stand_beside_the_full_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			indirect_lists_name_other_issuers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(issuers_of_one_list_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			partition_of_another_point_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			older_number_is_refused_before_it_is_walked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			unordered_lists_are_sorted_and_duplicates_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(deltas_need_their_base, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shrunk_list_is_refused_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			large_list_is_proven_while_it_is_walked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(foreign_file_is_copied, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
