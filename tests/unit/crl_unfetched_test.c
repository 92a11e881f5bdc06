/* SPDX-License-Identifier: BSD-3-Clause */
/* Certificates that say where their list is in a way that nobody asks by: that leaves a trace. */
#include "tests/unit/crl_time_fixture.h"

#define LDAP "ldap:///CN=lab?certificateRevocationList"

static X509 *cert_at(struct bench *b, const char *points)
{
	return test_cert_new(&(struct test_cert){.cn = "east",
		.key = b->pki.leaf_key,
		.issuer = b->pki.ca,
		.issuer_key = b->pki.ca_key,
		.crl_points = points});
}

static void note(struct bench *b, const char *points)
{
	X509 *cert = cert_at(b, points);

	crl_manager_note_certificate(b->d.crl, cert);
	X509_free(cert);
}

static const struct crl_source *source_at(struct bench *b, const char *url)
{
	for (size_t i = 0; i < b->d.crl->source_cnt; i++) {
		if (strcmp(b->d.crl->source[i]->url, url) == 0)
			return b->d.crl->source[i];
	}
	fail_msg("no source %s", url);
	return NULL;
}

static void pass_a_minute(struct bench *b)
{
	mono_ahead += 61 * SEC;
	crl_schedule(b->d.crl);
	run_until_idle(b);
}

/* Nobody has the list: an alarm that says where it would be, and what to do. */
static void unfetched_list_is_an_alarm(void **state)
{
	struct bench *b = *state;
	json_t *source;

	b->source.endpoint_cnt = 0;
	crl_manager_discover(b->d.crl);
	note(b, "URI:" LDAP);
	assert_string_equal(seen.alarm_kind, "");
	pass_a_minute(b);
	assert_string_equal(seen.alarm_kind, "crl-fetch");
	assert_non_null(strstr(seen.alarm_text, LDAP));
	assert_non_null(strstr(seen.alarm_text, "crl-endpoint"));
	source = refresh(b);
	assert_string_equal(text_of(source, "url"), LDAP);
	assert_non_null(strstr(text_of(source, "last_error"), "crl-endpoint"));
	assert_int_equal(seen.audit_cnt, 2); /* when it was news, and when somebody asked */
	/* The next certificate that names it is no other source. */
	note(b, "URI:" LDAP);
	assert_int_equal(b->d.crl->source_cnt, 1);
}

/* The endpoint that the alarm asks for ends it, and a restart does not begin it anew. */
static void endpoint_ends_the_alarm(void **state)
{
	struct bench *b = *state;

	b->source.endpoint_cnt = 0;
	crl_manager_discover(b->d.crl);
	note(b, "URI:" LDAP);
	pass_a_minute(b);
	assert_string_equal(seen.alarm_kind, "crl-fetch");
	b->source.endpoint_cnt = 1;
	put_crl(b, 1, NULL, 0);
	crl_manager_discover(b->d.crl);
	refresh(b);
	assert_string_equal(seen.alarm_kind, "");
	assert_true(source_at(b, LDAP)->is_overridden);
	assert_int_equal(source_at(b, LDAP)->failure_cnt, 0);
	assert_string_equal(source_at(b, LDAP)->last_error, "");
	seen.raised_cnt = 0;
	close_manager(b);
	open_manager(b);
	crl_manager_discover(b->d.crl);
	run_until_idle(b);
	note(b, "URI:" LDAP);
	assert_true(source_at(b, LDAP)->is_overridden);
	pass_a_minute(b);
	assert_int_equal(seen.raised_cnt, 0);
}

/* One that can be asked stands beside it, or comes later: as if the other were not there. */
static void what_can_be_fetched_is_enough(void **state)
{
	struct bench *b = *state;
	struct crl_source *s;

	b->source.endpoint_cnt = 0;
	note(b, "URI:" LDAP ",URI:http://192.0.2.1/ca.crl");
	assert_int_equal(b->d.crl->source_cnt, 1);
	assert_false(source_at(b, "http://192.0.2.1/ca.crl")->is_unfetched);
	s = crl_source_get(b->d.crl, "cut", "http://192.0.2.1/cut");
	s->is_unfetched = true; /* the rest of it did not fit */
	note(b, "URI:http://192.0.2.1/cut");
	assert_false(s->is_unfetched);
}

/* Where a list failed that another one stands in for now, the alarm ends with that. */
static void alarm_of_an_overridden_list_ends(void **state)
{
	struct bench *b = *state;
	struct crl_source *s;

	put_crl(b, 1, NULL, 0);
	crl_manager_discover(b->d.crl);
	refresh(b);
	s = add_source(b, "gone.crl", false);
	s->is_wanted = s->is_noted = s->has_issuer = true;
	memcpy(s->issuer_hash, b->d.crl->source[0]->issuer_hash, sizeof(s->issuer_hash));
	pass_a_minute(b);
	assert_string_equal(seen.alarm_kind, "crl-fetch");
	assert_int_equal(s->failure_cnt, 1);
	crl_relate(b->d.crl);
	crl_watch(b->d.crl);
	assert_true(s->is_overridden);
	assert_string_equal(seen.alarm_kind, "");
	assert_int_equal(s->failure_cnt, 0);
	/* And when it fails after that, having been under way. */
	crl_fail(b->d.crl, (s->is_running = true, b->d.crl->running_cnt++, s), "crl-fetch", "late");
	assert_string_equal(seen.alarm_kind, "");
}

#define T(test) cmocka_unit_test_setup_teardown(test, begin, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(unfetched_list_is_an_alarm),
		T(endpoint_ends_the_alarm),
		T(what_can_be_fetched_is_enough),
		T(alarm_of_an_overridden_list_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
