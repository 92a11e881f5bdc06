/* SPDX-License-Identifier: BSD-3-Clause */
/* What the operator sets for each endpoint, and what holds where no list was ever seen. */
#include "control/crl/state.h"
#include "control/revocations_private.h"
#include "tests/unit/crl_told.h"

static void write_list(const char *name, long number, const char *delta_base)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", f.root, name);
	test_crl_write(path, &(struct test_crl){.issuer = pki.ca,
				     .issuer_key = pki.ca_key,
				     .number = number,
				     .delta_base = delta_base});
}

/* The strictest of those that are missing counts for what is missing: not of those that are there. */
static void settings_are_each_endpoints_own(void **state)
{
	struct revocations_args nothing_set = {0};
	struct revocations *learnt = NULL;
	const struct revocations *r;
	char config[2048];

	(void)state;
	snprintf(config, sizeof(config),
		"{\"authority\":{\"enhanced-security-key-management\":true,"
		"\"certificate-revocation\":["
		"{\"name\":\"a\",\"revocation-policy\":\"hard\",\"grace-time\":10,"
		"\"crl-endpoint\":[{\"name\":\"seen\",\"uri\":\"file://%s/seen.crl\","
		"\"delta-uri\":\"file://%s/delta.crl\"}]},"
		"{\"name\":\"b\",\"revocation-policy\":\"soft\","
		"\"crl-endpoint\":[{\"name\":\"absent\",\"uri\":\"file://%s/b.crl\"}]},"
		"{\"name\":\"c\",\"revocation-policy\":\"off\","
		"\"crl-endpoint\":[{\"name\":\"absent\",\"uri\":\"file://%s/c.crl\"}]}]},%s}",
		f.root, f.root, f.root, f.root, FIXTURE_ROUTER);
	write_list("seen.crl", 5, NULL);
	write_list("delta.crl", 6, "5");
	daemon_fixture_config(&f, config);
	daemon_fixture_reload(&f);
	fixture_refresh(&f);
	fixture_refresh(&f); /* a delta may have come before its full list */
	r = revocations_current(&f.d);
	assert_non_null(r);
	assert_int_equal(r->missing, RK_POLICY_SOFT);
	assert_true(r->has_hard_policy);
	assert_int_equal(r->list_cnt, 2);
	for (size_t i = 0; i < r->list_cnt; i++) {
		const struct list_ref *l = &r->lists[i];

		assert_true(l->is_configured);
		assert_int_equal(l->policy, RK_POLICY_HARD);
		assert_int_equal(l->fresh_until, l->info->next_update + 600);
	}
	/* The same lists, when nobody set anything of them. */
	nothing_set.list = r->list;
	assert_int_equal(revocations_new(&nothing_set, &learnt), 0);
	for (size_t i = 0; i < learnt->list_cnt; i++) {
		assert_false(learnt->lists[i].is_configured);
		assert_int_equal(learnt->lists[i].policy, RK_POLICY_SOFT);
	}
	revocations_put(learnt);
}

/* Two that name one URL: whichever stands first, the strictest of each setting counts. */
static void strictest_of_two_counts(void **state)
{
	static const char *const setting[] = {
		"\"revocation-policy\":\"hard\",\"grace-time\":20,\"polling-interval\":7,"
		"\"backoff-interval\":3,\"size-limit\":2,\"shrink-limit\":30,"
		"\"max-certificate-lifetime\":40,\"allow-local-addresses\":false",
		"\"revocation-policy\":\"off\",\"grace-time\":10,\"polling-interval\":9,"
		"\"backoff-interval\":4,\"size-limit\":1,\"shrink-limit\":20,"
		"\"max-certificate-lifetime\":50,\"allow-local-addresses\":true"};
	const uint64_t second_ns = UINT64_C(1000000000);

	(void)state;
	write_list("twice.crl", 5, NULL);
	for (size_t first = 0; first < 2; first++) {
		const struct crl_source *s;
		const struct revocations *r;
		char config[2048];

		snprintf(config, sizeof(config),
			"{\"authority\":{\"enhanced-security-key-management\":true,"
			"\"certificate-revocation\":["
			"{\"name\":\"a\",%s,\"crl-endpoint\":"
			"[{\"name\":\"x\",\"uri\":\"file://%s/twice.crl\"}]},"
			"{\"name\":\"b\",%s,\"crl-endpoint\":"
			"[{\"name\":\"y\",\"uri\":\"file://%s/twice.crl\"}]}]},%s}",
			setting[first], f.root, setting[!first], f.root, FIXTURE_ROUTER);
		daemon_fixture_config(&f, config);
		daemon_fixture_reload(&f);
		fixture_refresh(&f);
		r = revocations_current(&f.d);
		assert_int_equal(r->list_cnt, 1);
		assert_int_equal(r->lists[0].policy, RK_POLICY_HARD);
		assert_int_equal(r->lists[0].fresh_until, r->lists[0].info->next_update + 10 * 60);
		assert_int_equal(f.d.crl->source_cnt, 1);
		s = f.d.crl->source[0];
		assert_int_equal(s->polling_ns, 7 * 60 * second_ns);
		assert_int_equal(s->backoff_ns, 4 * second_ns);
		assert_int_equal(s->size_max, 1 << 20);
		assert_int_equal(s->shrink_percent, 20);
		assert_int_equal(s->recent_sec, 50 * 86400);
		assert_false(s->is_local_allowed);
		assert_false(s->is_age_ignored);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			settings_are_each_endpoints_own, set_up_provisioned, tear_down),
		cmocka_unit_test_setup_teardown(
			strictest_of_two_counts, set_up_provisioned, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
