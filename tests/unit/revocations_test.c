/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How fresh the revocation of a certificate is of whose issuer, or about whom, there are several lists,
 * under several policies: as control says it, and as the workers do by what is published.
 */
#include "control/revocations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "tests/unit/test_ca.h"
#include "tests/unit/view_fixture.h"

#define NOW   INT64_C(1800000000)
#define STALE (NOW - 10)
#define FRESH (NOW + 1000)

struct list {
	const char *url, *scope;
	int64_t next_update;
	uint8_t base;   /* 0: a full list of number 1, else a delta of number 2 */
	bool is_others; /* of another CA */
	uint8_t number; /* 0: as above */
};

enum leaf { PLAIN, AT_A, AT_BOTH, BY_OTHER, LEAF_CNT };

struct row {
	const char *what;
	struct list list[3]; /* a url of NULL ends */
	struct revocation_setting setting[2];
	enum rk_revocation_policy missing;
	enum pki_revocation_answer answer;
	enum leaf leaf;
};

#define HARD_A                         \
	{                              \
		"a", RK_POLICY_HARD, 0 \
	}
#define HARD_B                         \
	{                              \
		"b", RK_POLICY_HARD, 0 \
	}
#define SOME      "reasons 006"
#define REST      "reasons 1f8"
#define NOT_FIRST "reasons 1fc"
#define NOT_LAST  "reasons 0fe"

static const struct row rows[] = {
	{"fresh", {{"a", "", FRESH}}, {HARD_A}, RK_POLICY_OFF, PKI_REVOCATION_GOOD},
	{"in its last second", {{"a", "", NOW}}, {HARD_A}, RK_POLICY_OFF, PKI_REVOCATION_GOOD},
	{"stale", {{"a", "", STALE}}, {HARD_A}, RK_POLICY_OFF, PKI_REVOCATION_UNKNOWN},
	{"stale, grace", {{"a", "", STALE}}, {{"a", RK_POLICY_HARD, 20}}, RK_POLICY_OFF,
		PKI_REVOCATION_GOOD},
	{"stale, grace for ever", {{"a", "", STALE}}, {{"a", RK_POLICY_HARD, INT64_MAX}},
		RK_POLICY_OFF, PKI_REVOCATION_GOOD},
	{"stale, soft", {{"a", "", STALE}}, {{"a", RK_POLICY_SOFT, 0}}, RK_POLICY_OFF,
		PKI_REVOCATION_GOOD},
	{"the same list from elsewhere", {{"a", "", STALE}, {"b", "", FRESH}}, {HARD_A},
		RK_POLICY_OFF, PKI_REVOCATION_GOOD},
	{"a partition hides none", {{"a", "", STALE}, {"b", "http://b", FRESH}}, {HARD_A, HARD_B},
		RK_POLICY_OFF, PKI_REVOCATION_UNKNOWN},
	{"nor a CA-only list", {{"a", "user", STALE}, {"b", "ca", FRESH}}, {HARD_A, HARD_B},
		RK_POLICY_OFF, PKI_REVOCATION_UNKNOWN},
	{"which may be stale", {{"a", "user", FRESH}, {"b", "ca", STALE}}, {HARD_A, HARD_B},
		RK_POLICY_OFF, PKI_REVOCATION_GOOD},
	{"and alone tells nothing", {{"b", "ca", FRESH}}, {HARD_B}, RK_POLICY_OFF,
		PKI_REVOCATION_UNKNOWN},
	{"but under soft", {{"b", "ca", FRESH}}, {{NULL}}, RK_POLICY_OFF,
		PKI_REVOCATION_NOT_COVERED},
	{"its partition", {{"a", "http://a", FRESH}, {"b", "http://b", STALE}}, {HARD_A, HARD_B},
		RK_POLICY_OFF, PKI_REVOCATION_GOOD, AT_A},
	{"its stale partition", {{"a", "http://a", STALE}, {"b", "http://b", FRESH}},
		{HARD_A, HARD_B}, RK_POLICY_OFF, PKI_REVOCATION_UNKNOWN, AT_A},
	{"either of its partitions", {{"a", "http://a", STALE}, {"b", "http://b", FRESH}},
		{HARD_A, HARD_B}, RK_POLICY_OFF, PKI_REVOCATION_GOOD, AT_BOTH},
	{"no partition of its", {{"a", "http://a", FRESH}, {"b", "http://b", FRESH}},
		{HARD_A, HARD_B}, RK_POLICY_OFF, PKI_REVOCATION_UNKNOWN},
	{"a full list tells all", {{"a", "", FRESH}, {"b", "http://b", STALE}}, {HARD_A, HARD_B},
		RK_POLICY_OFF, PKI_REVOCATION_GOOD},
	{"some reasons", {{"a", SOME, FRESH}}, {HARD_A}, RK_POLICY_OFF, PKI_REVOCATION_UNKNOWN},
	{"and the others", {{"a", SOME, FRESH}, {"b", REST, FRESH}}, {HARD_A, HARD_B},
		RK_POLICY_OFF, PKI_REVOCATION_GOOD},
	{"of which one is stale", {{"a", SOME, FRESH}, {"b", REST, STALE}}, {HARD_A, HARD_B},
		RK_POLICY_OFF, PKI_REVOCATION_UNKNOWN},
	{"all but the first", {{"a", NOT_FIRST, FRESH}}, {HARD_A}, RK_POLICY_OFF,
		PKI_REVOCATION_UNKNOWN},
	{"all but the last", {{"a", NOT_LAST, FRESH}}, {HARD_A}, RK_POLICY_OFF,
		PKI_REVOCATION_UNKNOWN},
	{"some reasons, soft", {{"a", SOME, FRESH}}, {{NULL}}, RK_POLICY_OFF,
		PKI_REVOCATION_NOT_COVERED},
	{"indirect", {{"a", "indirect", FRESH, 0, true}}, {HARD_A}, RK_POLICY_OFF,
		PKI_REVOCATION_GOOD, BY_OTHER},
	{"indirect, another is not there yet", {{"a", "indirect", FRESH, 0, true}},
		{HARD_A, HARD_B}, RK_POLICY_HARD, PKI_REVOCATION_GOOD, BY_OTHER},
	{"indirect, stale", {{"a", "indirect", STALE, 0, true}}, {HARD_A}, RK_POLICY_OFF,
		PKI_REVOCATION_UNKNOWN, BY_OTHER},
	{"of another, not indirect", {{"a", "", FRESH, 0, true}}, {HARD_A}, RK_POLICY_OFF,
		PKI_REVOCATION_NOT_COVERED, BY_OTHER},
	{"indirect, not asked for", {{"a", "indirect", FRESH, 0, true}}, {HARD_A}, RK_POLICY_OFF,
		PKI_REVOCATION_NOT_COVERED, PLAIN},
	{"unreadable scope", {{"a", "damaged", FRESH}}, {HARD_A}, RK_POLICY_OFF,
		PKI_REVOCATION_UNKNOWN},
	{"delta", {{"a", "", FRESH}, {"b", "", FRESH, 1}}, {HARD_A}, RK_POLICY_OFF,
		PKI_REVOCATION_GOOD},
	{"stale delta", {{"a", "", FRESH}, {"b", "", STALE, 1}}, {HARD_A}, RK_POLICY_OFF,
		PKI_REVOCATION_UNKNOWN},
	{"stale copy of a delta", {{"a", "", FRESH}, {"b", "", FRESH, 1}, {"c", "", STALE, 1}},
		{HARD_A}, RK_POLICY_OFF, PKI_REVOCATION_GOOD},
	{"copy of a stale delta", {{"a", "", FRESH}, {"b", "", STALE, 1}, {"c", "", FRESH, 1}},
		{HARD_A}, RK_POLICY_OFF, PKI_REVOCATION_GOOD},
	{"stale delta, nothing new", {{"a", "", FRESH, .number = 2}, {"b", "", STALE, 1}}, {HARD_A},
		RK_POLICY_OFF, PKI_REVOCATION_GOOD},
	{"stale delta of another scope", {{"a", "", FRESH}, {"b", "ca", STALE, 1}}, {HARD_A},
		RK_POLICY_OFF, PKI_REVOCATION_GOOD},
	{"delta alone", {{"b", "", FRESH, 1}}, {HARD_B}, RK_POLICY_HARD, PKI_REVOCATION_UNKNOWN},
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
static X509 *leaves[LEAF_CNT];

/* Its issuing distribution point as a CA would write it. */
static struct rk_span idp_of(const char *scope, uint8_t buf[64])
{
	static const struct {
		const char *scope;
		uint8_t len, der[8];
	} known[] = {
		{"user", 5, {0x30, 3, 0x81, 1, 0xff}},
		{"ca", 5, {0x30, 3, 0x82, 1, 0xff}},
		{"indirect", 5, {0x30, 3, 0x84, 1, 0xff}},
		{SOME, 6, {0x30, 4, 0x83, 2, 5, 0x60}},
		{REST, 7, {0x30, 5, 0x83, 3, 7, 0x1f, 0x80}},
		{NOT_FIRST, 7, {0x30, 5, 0x83, 3, 7, 0x3f, 0x80}},
		{NOT_LAST, 6, {0x30, 4, 0x83, 2, 0, 0x7f}},
		{"damaged", 2, {0x30, 0}},
	};
	uint8_t len = (uint8_t)strlen(scope);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].scope, scope) == 0)
			return (struct rk_span){known[i].der, known[i].len};
	}
	if (len == 0)
		return (struct rk_span){0};
	for (uint8_t i = 0; i < 3; i++) { /* SEQUENCE { [0] { [0] { [6] the URI } } } */
		buf[2 * i] = i == 0 ? 0x30 : 0xa0;
		buf[2 * i + 1] = (uint8_t)(len + 6 - 2 * i);
	}
	buf[6] = 0x86;
	buf[7] = len;
	memcpy(buf + 8, scope, len);
	return (struct rk_span){buf, (size_t)len + 8};
}

static void add(struct master_list **list, const struct list *l)
{
	unsigned char *issuer = NULL;
	int len = i2d_X509_NAME(X509_get_subject_name(l->is_others ? pki.root : pki.ca), &issuer);
	const uint8_t number = l->number > 0 ? l->number : l->base > 0 ? 2 : 1;
	uint8_t idp[64];
	const struct master_source_info info = {.issuer = {issuer, (size_t)len},
		.ca_name = "CA",
		.url = l->url,
		.scope = l->scope,
		.idp = idp_of(l->scope, idp),
		.number = {&number, 1},
		.base_number = {&l->base, l->base > 0},
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

static void make_list(const struct row *row, struct master_list **list)
{
	assert_int_equal(master_list_new(list), 0);
	for (size_t i = 0; i < 3 && row->list[i].url != NULL; i++)
		add(list, &row->list[i]);
}

static struct revocations *make_revocations(
	const struct row *row, struct master_list *list, struct pki_kind_set *kinds)
{
	struct revocations_args args = {
		.list = list, .kinds = kinds, .setting = row->setting, .missing = row->missing};
	struct revocations *r;

	while (args.setting_cnt < 2 && row->setting[args.setting_cnt].url != NULL)
		args.setting_cnt++;
	assert_int_equal(revocations_new(&args, &r), 0);
	return r;
}

static enum pki_revocation_answer ask_control(const struct revocations *r, X509 *leaf)
{
	struct revocations_query ctx = {.revocations = r, .now = NOW};
	struct pki_revocation_query query = {.serial = X509_get0_serialNumber(leaf)};
	enum pki_revocation_answer answer;
	STACK_OF(X509) *chain = sk_X509_new_null();
	struct pki_revoked revoked;

	assert_true(sk_X509_push(chain, leaf) > 0);
	query.chain = chain;
	answer = revocations_find(&ctx, &query, &revoked);
	sk_X509_free(chain);
	return answer;
}

/* By what is published, as a worker would. */
static enum rk_verdict_status ask_view(const struct revocations *r, X509 *leaf)
{
	static const uint8_t secret[INSTALLATION_KEY_LEN] = {7};
	struct compile_part compiled = {.fd = -1}, config = {.fd = -1};
	const struct rk_part *parts[RK_PART_CNT] = {NULL};
	struct rk_chain_entry entry = {.not_after = FRESH};
	struct pki_revocation_keyer *keyer;
	struct rk_part *part, *config_part;
	struct pki_kind *kind;
	struct rk_refusal why = {""};
	enum rk_verdict_status status;
	struct rk_view view;
	struct fixture f;

	fixture_init(&f);
	assert_int_equal(compile_config(&f.config, &config, &why), 0);
	assert_int_equal(
		revocations_compile(r, secret, COMPILE_PAGES_ORDINARY, &compiled, &why), 0);
	assert_int_equal(rk_part_open(config.fd, RK_PART_CONFIG, true, &config_part, &why), 0);
	assert_int_equal(rk_part_open(compiled.fd, RK_PART_REVOCATION_BASE, true, &part, &why), 0);
	parts[RK_PART_CONFIG] = config_part;
	parts[RK_PART_REVOCATION_BASE] = part;
	assert_int_equal(rk_view_init(&view, (struct rk_generation){1, 1}, parts), 0);
	assert_int_equal(pki_kind_new(leaf, &kind), 0);
	assert_int_equal(pki_revocation_keyer_new(secret, &keyer), 0);
	pki_revocation_key(
		keyer, kind->issuer_hash, kind->digest, sizeof(kind->digest), &entry.issuer);
	status = rk_view_judge_chain(&view, &entry, 1, NOW);
	pki_revocation_keyer_free(keyer);
	pki_kind_free(kind);
	rk_part_close(part);
	rk_part_close(config_part);
	compile_part_close(&compiled);
	compile_part_close(&config);
	return status;
}

static bool is_hard(const struct row *row)
{
	return row->missing == RK_POLICY_HARD || row->setting[0].policy == RK_POLICY_HARD ||
	       row->setting[1].policy == RK_POLICY_HARD;
}

static void judge_row(const struct row *row)
{
	bool is_unknown = row->answer == PKI_REVOCATION_UNKNOWN;
	X509 *leaf = leaves[row->leaf];
	struct pki_kind_set *kinds;
	struct master_list *list;
	struct revocations *r;

	make_list(row, &list);
	assert_int_equal(pki_kind_set_new(&kinds), 0);
	r = make_revocations(row, list, kinds);
	if (ask_control(r, leaf) != row->answer)
		fail_msg("%s: not %d", row->what, (int)row->answer);
	/* Nobody has told the workers about such certificates. */
	if (ask_view(r, leaf) != (is_hard(row) ? RK_VERDICT_UNKNOWN : RK_VERDICT_GOOD))
		fail_msg("%s: an unknown kind in the view", row->what);
	revocations_put(r);
	assert_int_equal(pki_kind_set_note(kinds, leaf), 0);
	r = make_revocations(row, list, kinds);
	assert_int_equal(ask_control(r, leaf), row->answer);
	if (ask_view(r, leaf) != (is_unknown ? RK_VERDICT_UNKNOWN : RK_VERDICT_GOOD))
		fail_msg("%s: the view says otherwise", row->what);
	revocations_put(r);
	pki_kind_set_free(kinds);
	master_list_put(list);
}

static void test_freshness(void **state)
{
	struct test_cert c = {.cn = "leaf"};

	(void)state;
	test_pki_init(&pki, "leaf");
	c.key = pki.leaf_key;
	c.issuer = pki.ca;
	c.issuer_key = pki.ca_key;
	leaves[PLAIN] = test_cert_new(&c);
	c.crl_points = "URI:http://a";
	leaves[AT_A] = test_cert_new(&c);
	c.crl_points = "URI:http://a,URI:http://b";
	leaves[AT_BOTH] = test_cert_new(&c);
	c.crl_points = NULL;
	c.crl_issuer = pki.root;
	leaves[BY_OTHER] = test_cert_new(&c);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		judge_row(&rows[i]);
	for (size_t i = 0; i < LEAF_CNT; i++)
		X509_free(leaves[i]);
	test_pki_fini(&pki);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_freshness)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
