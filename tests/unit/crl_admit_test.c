/* SPDX-License-Identifier: BSD-3-Clause */
/* Which list may take the place of another: numbers, dates, bases of deltas, lists that shrink. */
#include "tests/unit/crl_ingest_fixture.h"

static void older_number_is_refused_before_it_is_walked(void **state)
{
	struct test_crl crl = {.issuer = pki.ca, .issuer_key = pki.ca_key, .number = 300};

	(void)state;
	take(&crl, 0, 0);
	crl.number = 299;
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-rollback", CRL_REFUSED_ROLLBACK);
}

/* A CA that gives one number twice is taken at its later word. */
static void earlier_list_of_the_same_number_is_refused(void **state)
{
	const struct test_crl_entry west = {.cert = pki.leaf};
	const int64_t now = time(NULL);
	struct test_crl crl = {.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.number = 7,
		.this_update = now - 600,
		.entry = &west,
		.entry_cnt = 1};

	(void)state;
	take(&crl, 1, 0);
	crl.entry_cnt = 0;
	crl.this_update = now - 601;
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-rollback", CRL_REFUSED_ROLLBACK);
	/* Another one at that second, or with a number of its own whatever its clock says, is not older. */
	crl.this_update = now - 600;
	take(&crl, 0, 1);
	crl.number = 8;
	crl.this_update = now - 700;
	crl.entry_cnt = 1;
	take(&crl, 1, 0);
	/* What another URL serves is not what it would take the place of. */
	crl.this_update = now - 800;
	put(ingest(&crl, (struct crl_ingest_args){.url = URL ".mirror"}));
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
	struct crl_ingest *in;

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
	/* What was revoked before any certificate of today was made may go. */
	in = ingest(&crl, (struct crl_ingest_args){.recent_sec = 1});
	assert_int_equal(in->error, 0);
	crl_ingest_free(in);
	put(ingest(&crl, (struct crl_ingest_args){.shrink_percent = 100}));
	/* A delta says what is new, and that may be little. */
	crl.number++;
	crl.delta_base = "1";
	crl.entry_cnt = CRL_SHRINK_RECENT_MIN;
	put(ingest(&crl, (struct crl_ingest_args){.is_delta = true}));
	crl.number++;
	crl.entry_cnt = 1;
	put(ingest(&crl, (struct crl_ingest_args){.is_delta = true}));
}

/* Whoever was revoked longer ago than any certificate lives has expired: such entries are not missed. */
static void old_entries_may_go(void **state)
{
	enum { RECENT = 1000, CNT = 2 * CRL_SHRINK_RECENT_MIN };
	const struct crl_ingest_args args = {.recent_sec = RECENT};
	const int64_t now = time(NULL);
	struct test_crl_entry entry[CNT];
	char serial[CNT][8];
	struct test_crl crl = {
		.issuer = pki.ca, .issuer_key = pki.ca_key, .entry = entry, .entry_cnt = CNT};

	(void)state;
	for (int i = 0; i < CNT; i++) {
		snprintf(serial[i], sizeof(serial[i]), "%04X", 0x0100 + i);
		entry[i] = (struct test_crl_entry){.serial_hex = serial[i],
			.date = i < CNT / 2 ? now : now - RECENT}; /* that second is too old */
	}
	put(ingest(&crl, args));
	crl.number++;
	crl.entry_cnt = CNT / 2;
	put(ingest(&crl, args));
	crl.number++;
	crl.entry_cnt = CNT / 4;
	expect_refused(&crl, args, "crl-shrunk", CRL_REFUSED_SHRUNK);
}

/* An indirect list may have all of them about others' certificates. */
static void entries_of_other_issuers_are_missed_too(void **state)
{
	struct test_crl_entry entry[CRL_SHRINK_RECENT_MIN];
	char serial[CRL_SHRINK_RECENT_MIN][8];
	struct test_crl crl = {.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.idp = "critical,indirectCRL:TRUE",
		.entry = entry,
		.entry_cnt = CRL_SHRINK_RECENT_MIN};

	(void)state;
	for (int i = 0; i < CRL_SHRINK_RECENT_MIN; i++) {
		snprintf(serial[i], sizeof(serial[i]), "%04X", 0x0100 + i);
		entry[i] = (struct test_crl_entry){
			.serial_hex = serial[i], .issuer = i == 0 ? pki.ca : NULL};
	}
	take(&crl, CRL_SHRINK_RECENT_MIN, 0);
	crl.number++;
	crl.entry_cnt /= 2;
	expect_refused(&crl, (struct crl_ingest_args){0}, "crl-shrunk", CRL_REFUSED_SHRUNK);
}

/* The numbers of another scope are other numbers. */
static void delta_needs_a_base_of_its_scope(void **state)
{
	const struct crl_ingest_args expected = {.is_delta = true, .url = URL ".delta"};
	struct test_crl users = {.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.number = 5,
		.idp = "critical,onlyuser:TRUE"};
	struct test_crl delta = {
		.issuer = pki.ca, .issuer_key = pki.ca_key, .number = 6, .delta_base = "5"};

	(void)state;
	take(&users, 0, 0);
	expect_refused(&delta, expected, "crl-delta-without-base", CRL_REFUSED_NO_BASE);
	delta.idp = users.idp;
	put(ingest(&delta, expected));
}

/* As if another fetch had put it in: of that issuer and key, with these numbers; base 0: a full list. */
static void put_source(struct rk_span issuer, struct rk_span key, uint8_t number, uint8_t base)
{
	const struct master_source_info about = {.issuer = issuer,
		.key = key,
		.ca_name = "CA",
		.url = URL,
		.scope = "",
		.number = {&number, 1},
		.base_number = {&base, base != 0}};
	struct master_builder *b;
	struct master_source *source;
	struct master_list *changed;

	assert_int_equal(master_builder_new(&about, &b), 0);
	assert_int_equal(master_builder_finish(b, &source), 0);
	assert_int_equal(master_list_replace(list, source, &changed), 0);
	master_source_put(source);
	master_list_put(list);
	list = changed;
}

/* Another CA's full list is none, be it of the same name, nor is another delta. */
static void delta_needs_a_full_list_of_its_issuer(void **state)
{
	const struct crl_ingest_args expected = {.is_delta = true, .url = URL ".delta"};
	const struct test_crl delta = {
		.issuer = pki.ca, .issuer_key = pki.ca_key, .number = 6, .delta_base = "5"};
	size_t at = 0;
	const struct pki_ca *ca = pki_trust_find_ca(trust, X509_get_subject_name(pki.ca), &at);
	const struct rk_span key = {ca->key_hash, sizeof(ca->key_hash)};
	uint8_t other[MASTER_KEY_LEN];
	unsigned char *name = NULL;
	struct rk_span issuer;

	(void)state;
	memcpy(other, ca->key_hash, sizeof(other));
	other[MASTER_KEY_LEN - 1] ^= 1;
	issuer.len = (size_t)i2d_X509_NAME(X509_get_subject_name(pki.ca), &name);
	issuer.data = name;
	name[issuer.len - 1] ^= 1;
	put_source(issuer, key, 5, 0);
	name[issuer.len - 1] ^= 1;
	put_source(issuer, key, 5, 5);
	put_source(issuer, (struct rk_span){other, sizeof(other)}, 5, 0);
	expect_refused(&delta, expected, "crl-delta-without-base", CRL_REFUSED_NO_BASE);
	put_source(issuer, key, 5, 0);
	put(ingest(&delta, expected));
	OPENSSL_free(name);
}

/* Of a number the octets in its middle count, too. */
static void base_number_is_told_whole(void **state)
{
	struct test_crl crl = {.issuer = pki.ca, .issuer_key = pki.ca_key, .number = 0x10002};
	struct crl_ingest *in;

	(void)state;
	take(&crl, 0, 0);
	crl.number++;
	crl.delta_base = "65537";
	in = ingest(&crl, (struct crl_ingest_args){.is_delta = true, .url = URL ".delta"});
	assert_string_equal(in->number, "010003");
	assert_string_equal(in->base_number, "010001");
	put(in);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(older_number_is_refused_before_it_is_walked),
		T(earlier_list_of_the_same_number_is_refused),
		T(deltas_need_their_base),
		T(shrunk_list_is_refused_once),
		T(old_entries_may_go),
		T(entries_of_other_issuers_are_missed_too),
		T(delta_needs_a_base_of_its_scope),
		T(delta_needs_a_full_list_of_its_issuer),
		T(base_number_is_told_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
