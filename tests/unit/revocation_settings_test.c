/* SPDX-License-Identifier: BSD-3-Clause */
/* What the operator sets for each endpoint, and what holds where no list was ever seen. */
#include "control/revocations_private.h"
#include "tests/unit/crl_told.h"

static void write_list(const char *name, long number, const char *delta_base)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", f.root, name);
	told_write_list(path, &(struct test_crl){.issuer = pki.ca,
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
	daemon_reload(&f.d);
	told_refresh();
	told_refresh(); /* a delta may have come before its full list */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			settings_are_each_endpoints_own, set_up_provisioned, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
