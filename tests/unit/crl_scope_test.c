/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists that speak of some certificates only, or of other issuers'. */
#include "control/crl/group.h"
#include "tests/unit/crl_ingest_fixture.h"

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
		if (strcmp(scopes[i][1], "point ") == 0) /* half of a SHA-256 */
			assert_int_equal(strlen(scope), strlen("point ") + 32);
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
		e.issuer = make_names(der[i], 9999 - i, 0x13); /* in an order that is not theirs */
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

/* GeneralNames with so many directory names, of which the first is of the number n. */
static struct rk_span make_several(uint8_t der[128], unsigned n, unsigned cnt)
{
	uint8_t one[32], *to = der + 2;

	for (unsigned i = 0; i < cnt; i++) {
		struct rk_span names = make_names(one, n + i, 0x13);

		memcpy(to, names.data + 2, names.len - 2);
		to += names.len - 2;
	}
	der[0] = 0x30;
	der[1] = (uint8_t)(to - der - 2);
	return (struct rk_span){der, (size_t)(to - der)};
}

static const uint8_t no_hash[PKI_ISSUER_HASH_LEN], no_names[] = {0x30, 0};
static const struct master_source_info indirect = {
	.issuer = {no_names, 2}, .ca_name = "CA", .url = URL, .scope = "indirect"};

/* One certificateIssuer may name several: these count, and not how they are written. */
static void names_of_one_entry_are_bounded_too(void **state)
{
	static uint8_t der[CRL_SUBJECT_MAX / 4 + 2][128];
	static const uint8_t serial = 5;
	struct pki_crl_entry e = {.serial = &serial, .serial_len = 1};
	struct master_source **source;
	struct crl_group *g;
	size_t cnt;
	unsigned i;

	(void)state;
	assert_int_equal(crl_group_new(&indirect, no_hash, &g), 0);
	for (i = 0; i < CRL_SUBJECT_MAX / 4; i++) {
		e.issuer = make_several(der[i], 4 * i, 4);
		assert_int_equal(crl_group_add(g, &e, 1), 0);
	}
	e.issuer = make_several(der[i], 4 * i, 1);
	assert_int_equal(crl_group_add(g, &e, 1), -E2BIG);
	e.issuer = make_several(der[i + 1], 0, 5); /* known ones */
	assert_int_equal(crl_group_add(g, &e, 1), -E2BIG);
	assert_int_equal(crl_group_finish(g, &source, &cnt), 0);
	assert_int_equal(cnt, 1 + CRL_SUBJECT_MAX);
	for (size_t k = 0; k < cnt; k++) {
		/* each that was named has it */
		assert_int_equal(master_source_entry_cnt(source[k]), k > 0);
		master_source_put(source[k]);
	}
	free(source);
}

/* Names that cannot be told from others: nobody's entries are guessed to be somebody's. */
static void names_that_cannot_be_read_are_refused(void **state)
{
	static const uint8_t no_name[] = {0x30, 4, 0xa4, 2, 0x30, 0};
	static const uint8_t trailing[] = {0x30, 21, 0xa4, 19, 0x30, 15, 0x31, 13, 0x30, 11, 6, 3,
		0x55, 4, 3, 0x13, 4, 'n', 'a', 'm', 'e', 5, 0};
	/* a name of 4,097 octets: CN is a UTF8String of the rest */
	static uint8_t large[4105] = {0x30, 0x82, 0x10, 0x05, 0xa4, 0x82, 0x10, 0x01, 0x30, 0x82,
		0x0f, 0xfd, 0x31, 0x82, 0x0f, 0xf9, 0x30, 0x82, 0x0f, 0xf5, 6, 3, 0x55, 4, 3, 0x0c,
		0x82, 0x0f, 0xec};
	const struct rk_span names[] = {
		{no_name, sizeof(no_name)}, {trailing, sizeof(trailing)}, {large, sizeof(large)}};
	static const uint8_t serial = 5;
	struct pki_crl_entry e = {.serial = &serial, .serial_len = 1};
	struct crl_group *g;

	(void)state;
	memset(large + 29, 'n', sizeof(large) - 29);
	assert_int_equal(crl_group_new(&indirect, no_hash, &g), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		e.issuer = names[i];
		assert_int_equal(crl_group_add(g, &e, 1), -EBADMSG);
	}
	crl_group_free(g);
}

/* From a certificate's URL only the list of that very distribution point is taken. */
static void partition_of_another_point_is_refused(void **state)
{
	const struct test_crl crl = {.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.idp = "critical,fullname:URI:http://crl.example/7.crl"};
	struct test_crl delta = crl;

	(void)state;
	delta.number = 2;
	delta.delta_base = "1";
	expect_refused(&crl, (struct crl_ingest_args){.is_learnt = true},
		"crl-other-distribution-point", CRL_REFUSED_OTHER);
	put(ingest(&crl,
		(struct crl_ingest_args){.is_learnt = true, .url = "http://crl.example/7.crl"}));
	put(ingest(&crl, (struct crl_ingest_args){0})); /* configured: the operator knows */
	/* One that no URI names: which certificates it is about is told by other names. */
	put(ingest(&(struct test_crl){.issuer = pki.ca,
			   .issuer_key = pki.ca_key,
			   .idp = "critical,fullname:RID:1.2.3.4"},
		(struct crl_ingest_args){.is_learnt = true}));
	/* A delta has the scope of its full list, and lies elsewhere. */
	put(ingest(&delta, (struct crl_ingest_args){.is_learnt = true,
				   .is_delta = true,
				   .url = "http://crl.example/7-delta.crl"}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			scopes_stand_beside_the_full_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			indirect_lists_name_other_issuers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(issuers_of_one_list_are_bounded, set_up, tear_down),
		cmocka_unit_test(names_of_one_entry_are_bounded_too),
		cmocka_unit_test(names_that_cannot_be_read_are_refused),
		cmocka_unit_test_setup_teardown(
			partition_of_another_point_is_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
