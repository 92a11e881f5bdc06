/* SPDX-License-Identifier: BSD-3-Clause */
/* How fresh an issuer is of whom there are several lists, under several policies. */
#include "control/revocations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "tests/unit/test_ca.h"

#define NOW   INT64_C(1800000000)
#define STALE (NOW - 10)
#define FRESH (NOW + 1000)

struct list {
	const char *url, *scope;
	int64_t next_update;
};

struct row {
	const char *what;
	struct list list[3]; /* a url of NULL ends */
	struct revocation_setting setting[2];
	enum rk_revocation_policy missing;
	enum pki_revocation_answer answer;
};

#define HARD_A                         \
	{                              \
		"a", RK_POLICY_HARD, 0 \
	}
#define HARD_B                         \
	{                              \
		"b", RK_POLICY_HARD, 0 \
	}

static const struct row rows[] = {
	{"fresh", {{"a", "", FRESH}}, {HARD_A}, RK_POLICY_OFF, PKI_REVOCATION_GOOD},
	{"stale", {{"a", "", STALE}}, {HARD_A}, RK_POLICY_OFF, PKI_REVOCATION_UNKNOWN},
	{"stale, grace", {{"a", "", STALE}}, {{"a", RK_POLICY_HARD, 20}}, RK_POLICY_OFF,
		PKI_REVOCATION_GOOD},
	{"stale, soft", {{"a", "", STALE}}, {{"a", RK_POLICY_SOFT, 0}}, RK_POLICY_OFF,
		PKI_REVOCATION_GOOD},
	{"the same list from elsewhere", {{"a", "", STALE}, {"b", "", FRESH}}, {HARD_A},
		RK_POLICY_OFF, PKI_REVOCATION_GOOD},
	{"a partition hides none", {{"a", "", STALE}, {"b", "http://b", FRESH}}, {HARD_A, HARD_B},
		RK_POLICY_OFF, PKI_REVOCATION_UNKNOWN},
	{"nor a CA-only list", {{"a", "user", STALE}, {"b", "ca", FRESH}}, {HARD_A, HARD_B},
		RK_POLICY_OFF, PKI_REVOCATION_UNKNOWN},
	{"every partition", {{"a", "http://a", FRESH}, {"b", "http://b", FRESH}}, {HARD_A, HARD_B},
		RK_POLICY_OFF, PKI_REVOCATION_GOOD},
	{"a full list tells all", {{"a", "", FRESH}, {"b", "http://b", STALE}}, {HARD_A, HARD_B},
		RK_POLICY_OFF, PKI_REVOCATION_GOOD},
	{"the strictest policy", {{"a", "", STALE}, {"b", "http://b", FRESH}},
		{{"a", RK_POLICY_SOFT, 0}, HARD_B}, RK_POLICY_OFF, PKI_REVOCATION_UNKNOWN},
	{"none yet", {{NULL}}, {HARD_A}, RK_POLICY_HARD, PKI_REVOCATION_UNKNOWN},
	{"learnt, none configured yet", {{"b", "", FRESH}}, {HARD_A}, RK_POLICY_HARD,
		PKI_REVOCATION_UNKNOWN},
	{"another's is not there yet", {{"a", "", FRESH}}, {HARD_A, HARD_B}, RK_POLICY_HARD,
		PKI_REVOCATION_GOOD},
	{"learnt, soft not there yet", {{"b", "", STALE}}, {{"a", RK_POLICY_SOFT, 0}},
		RK_POLICY_SOFT, PKI_REVOCATION_GOOD},
};

static struct test_pki pki;
static struct pki_trust *trust;

static void add(struct master_list **list, const struct list *l)
{
	unsigned char *issuer = NULL;
	int len = i2d_X509_NAME(X509_get_subject_name(pki.ca), &issuer);
	const uint8_t one = 1;
	const struct master_source_info info = {.issuer = {issuer, (size_t)len},
		.ca_name = "CA",
		.url = l->url,
		.scope = l->scope,
		.number = {&one, 1},
		.this_update = NOW - 1000,
		.next_update = l->next_update,
		.fetched_at = NOW - 1000};
	struct master_builder *builder;
	struct master_source *source;
	struct master_list *next;

	assert_int_equal(master_builder_new(&info, &builder), 0);
	assert_int_equal(master_builder_finish(builder, &source), 0);
	assert_int_equal(master_list_replace(*list, source, &next), 0);
	master_source_put(source);
	master_list_put(*list);
	*list = next;
	OPENSSL_free(issuer);
}

static enum pki_revocation_answer answer_of(const struct row *row)
{
	struct revocations_args args = {
		.trust = trust, .setting = row->setting, .missing = row->missing};
	struct pki_revocation_query query = {.serial = X509_get0_serialNumber(pki.leaf)};
	struct revocations_query ctx = {.now = NOW};
	enum pki_revocation_answer answer;
	struct revocations *r;
	struct pki_revoked revoked;
	uint8_t hash[PKI_ISSUER_HASH_LEN];

	while (args.setting_cnt < 2 && row->setting[args.setting_cnt].url != NULL)
		args.setting_cnt++;
	assert_int_equal(pki_issuer_hash(X509_get_subject_name(pki.ca), hash), 0);
	memcpy(query.issuer_hash, hash, sizeof(hash));
	assert_int_equal(master_list_new(&args.list), 0);
	for (size_t i = 0; i < 3 && row->list[i].url != NULL; i++)
		add(&args.list, &row->list[i]);
	assert_int_equal(revocations_new(&args, &r), 0);
	ctx.revocations = r;
	answer = revocations_find(&ctx, &query, &revoked);
	revocations_put(r);
	master_list_put(args.list);
	return answer;
}

static void test_freshness(void **state)
{
	struct pki_bundle bundle = {.name = "test", .mode = PKI_MODE_STRICT};
	const struct pki_trust_config config = {
		.bundle = &bundle, .bundle_cnt = 1, .generation = 1, .now = time(NULL)};

	(void)state;
	test_pki_init(&pki, "leaf");
	bundle.text = pki.bundle;
	bundle.len = strlen(pki.bundle);
	assert_int_equal(pki_trust_new(&config, NULL, &trust), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (answer_of(&rows[i]) != rows[i].answer)
			fail_msg("%s: not %d", rows[i].what, (int)rows[i].answer);
	}
	pki_trust_put(trust);
	test_pki_fini(&pki);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_freshness)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
