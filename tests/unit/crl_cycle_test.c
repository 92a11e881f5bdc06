/* SPDX-License-Identifier: BSD-3-Clause */
/* The CRL manager over several cycles: deltas, lists held back, lists that end. */
#include <sys/stat.h>

#include "control/crl/state.h"
#include "tests/unit/crl_fixture.h"

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

/* A refresh asks for all of it, whatever the server's validators; it is walked when it is another. */
static void same_list_again_is_not_walked(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf, .reason = 1};
	json_t *source;
	struct stat st;

	walk_cnt = 0;
	put_crl(b, 5, &west, 1);
	crl_manager_discover(b->d.crl);
	refresh(b);
	assert_int_equal(walk_cnt, 1);
	assert_non_null(strstr(seen.audit_text, "\"added_entries\": 1"));
	assert_non_null(strstr(seen.audit_text, "\"removed_entries\": 0"));
	source = refresh(b);
	assert_int_equal(walk_cnt, 1);
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(json_integer_value(json_object_get(source, "bytes")), st.st_size);
	assert_string_equal(text_of(source, "crl_number"), "05");
	assert_int_equal(json_integer_value(json_object_get(source, "entries")), 1);
	assert_int_equal(json_integer_value(json_object_get(source, "failures")), 0);
	put_crl(b, 6, NULL, 0);
	source = refresh(b);
	assert_int_equal(walk_cnt, 2);
	assert_false(is_revoked(b, b->pki.leaf));
}

/* Fetched from delta-uri; before its full list is there it waits, and comes right after it. */
static void delta_is_fetched_and_follows_its_full_list(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf, .reason = 1};
	char path[160], uri[192];
	json_t *delta;

	snprintf(path, sizeof(path), "%s/delta.crl", b->dir);
	snprintf(uri, sizeof(uri), "file://%s", path);
	b->endpoint.delta_uri = uri;
	test_crl_write(path, &(struct test_crl){.issuer = b->pki.ca,
				     .issuer_key = b->pki.ca_key,
				     .number = 6,
				     .delta_base = "5",
				     .entry = &west,
				     .entry_cnt = 1});
	crl_manager_discover(b->d.crl);
	refresh(b);
	delta = source_named(b, "lab/issuing/delta");
	assert_string_equal(text_of(delta, "kind"), "delta");
	assert_non_null(strstr(text_of(delta, "last_error"), "crl-delta-without-base"));
	put_crl(b, 5, NULL, 0);
	refresh(b);
	for (int turns = 0; turns < 1000 && !is_revoked(b, b->pki.leaf); turns++)
		event_base_loop(b->d.base, EVLOOP_ONCE);
	assert_true(is_revoked(b, b->pki.leaf));
	refresh(b);
	delta = source_named(b, "lab/issuing/delta");
	assert_string_equal(text_of(delta, "crl_number"), "06");
	assert_string_equal(text_of(delta, "base_crl_number"), "05");
	assert_string_equal(text_of(source_named(b, "lab/issuing"), "kind"), "full");
	assert_string_equal(seen.alarm_kind, "");
}

/* What is new in a delta does not wait for the millions of a full list; these wait for it, for a while. */
static void large_full_list_starts_after_the_delta(void **state)
{
	struct bench *b = *state;
	struct crl_manager *m;
	struct crl_source *full, *delta;
	char path[160], uri[192];

	snprintf(path, sizeof(path), "%s/delta.crl", b->dir);
	snprintf(uri, sizeof(uri), "file://%s", path);
	b->endpoint.delta_uri = uri;
	test_crl_write(path, &(struct test_crl){.issuer = b->pki.ca,
				     .issuer_key = b->pki.ca_key,
				     .number = 6,
				     .delta_base = "5"});
	put_crl(b, 5, NULL, 0);
	crl_manager_discover(b->d.crl);
	refresh(b);
	refresh(b);
	m = b->d.crl;
	assert_int_equal(m->source_cnt, 2);
	full = m->source[m->source[0]->is_delta];
	delta = m->source[!m->source[0]->is_delta];
	for (int turn = 0; turn < 3; turn++) {
		bool is_late = turn == 2;

		full->bytes = turn == 0 ? 1000 : 2 << 20;
		full->is_forced = delta->is_forced = true;
		crl_schedule(m);
		assert_true(delta->is_running);
		if (is_late) {
			m->delta_until_ns = 1;
			crl_schedule(m);
		}
		assert_int_equal(full->is_running, turn == 0 || is_late);
		while (delta->is_running)
			event_base_loop(b->d.base, EVLOOP_ONCE);
		assert_int_equal(m->delta_until_ns, 0);
		assert_false(full->is_forced); /* it is running, or has run */
		while (full->is_running)
			event_base_loop(b->d.base, EVLOOP_ONCE);
	}
	/* And when it is its time, and nobody asked. */
	delta->is_forced = true;
	full->due_ns = 0;
	full->bytes = 2 << 20;
	crl_schedule(m);
	m->pause_until_ns = 0;
	crl_schedule(m);
	assert_true(delta->is_running && !full->is_running);
	while (!full->is_running)
		event_base_loop(b->d.base, EVLOOP_ONCE);
	assert_false(delta->is_running);
	while (full->is_running)
		event_base_loop(b->d.base, EVLOOP_ONCE);
	b->endpoint.delta_uri = NULL;
}

/* One cycle: the list in force stays, with an alarm; then the CA has its way. */
static void shrunk_list_is_held_for_one_cycle(void **state)
{
	enum { CNT = 120 };
	struct bench *b = *state;
	struct test_crl_entry entry[CNT];
	char serial[CNT][8];
	json_t *source;

	for (int i = 0; i < CNT; i++) {
		snprintf(serial[i], sizeof(serial[i]), "%04X", 0x0100 + i);
		entry[i] = (struct test_crl_entry){.serial_hex = serial[i]};
	}
	put_crl(b, 1, entry, CNT);
	crl_manager_discover(b->d.crl);
	refresh(b);
	put_crl(b, 2, entry, 10);
	source = refresh(b);
	assert_string_equal(seen.alarm_kind, "crl-shrunk");
	assert_in_range(
		b->d.crl->source[0]->next_fetch - b->d.crl->source[0]->last_try, 3590, 3610);
	assert_non_null(strstr(text_of(source, "last_error"), "crl-shrunk"));
	assert_int_equal(json_integer_value(json_object_get(source, "entries")), CNT);
	source = refresh(b);
	assert_string_equal(seen.alarm_kind, "");
	assert_int_equal(json_integer_value(json_object_get(source, "entries")), 10);
	/* The next time it is held again. */
	put_crl(b, 3, entry, CNT);
	refresh(b);
	put_crl(b, 4, entry, 10);
	source = refresh(b);
	assert_string_equal(seen.alarm_kind, "crl-shrunk");
	assert_int_equal(json_integer_value(json_object_get(source, "entries")), CNT);
	/* And so it is when something else came between: that was no second word of the CA. */
	put_file(b, "x", 1);
	refresh(b);
	put_crl(b, 5, entry, 10);
	source = refresh(b);
	assert_non_null(strstr(text_of(source, "last_error"), "crl-shrunk"));
	assert_int_equal(json_integer_value(json_object_get(source, "entries")), CNT);
}

/* A full list by the CA, and a delta to it that revokes the leaf; "%u" of freshest is the port. */
static void put_pair(struct bench *b, const char *freshest)
{
	const struct test_crl_entry west = {.cert = b->pki.leaf, .reason = 1};
	char path[160], where[160] = "";

	if (freshest != NULL)
		snprintf(where, sizeof(where), "URI:http://127.0.0.1:%u/%s", b->port, freshest);
	test_crl_write(b->path, &(struct test_crl){.issuer = b->pki.ca,
					.issuer_key = b->pki.ca_key,
					.number = 5,
					.freshest = freshest != NULL ? where : NULL});
	snprintf(path, sizeof(path), "%s/delta.crl", b->dir);
	test_crl_write(path, &(struct test_crl){.issuer = b->pki.ca,
				     .issuer_key = b->pki.ca_key,
				     .number = 6,
				     .delta_base = "5",
				     .entry = &west,
				     .entry_cnt = 1});
}

static void wait_until_revoked(struct bench *b)
{
	for (int turns = 0; turns < 1000 && !is_revoked(b, b->pki.leaf); turns++)
		event_base_loop(b->d.base, EVLOOP_ONCE);
	assert_true(is_revoked(b, b->pki.leaf));
}

/* RFC 5280 5.2.6: the list says where its deltas are, again after a rediscovery. */
static void full_list_leads_to_its_delta(void **state)
{
	struct bench *b = *state;
	char file[160], name[160];

	strcpy(file, b->uri);
	start_server(b);
	strcpy(b->uri, file);
	put_pair(b, "delta.crl");
	crl_manager_discover(b->d.crl);
	wait_until_revoked(b);
	crl_manager_discover(b->d.crl);
	assert_int_equal(b->d.crl->source_cnt, 2);
	refresh(b);
	snprintf(name, sizeof(name), "http://127.0.0.1:%u/delta.crl", b->port);
	assert_string_equal(text_of(source_named(b, name), "kind"), "delta");
	assert_true(json_is_false(json_object_get(source_named(b, name), "configured")));
	assert_string_equal(text_of(source_named(b, name), "base_crl_number"), "05");
	assert_int_equal(
		json_integer_value(json_object_get(source_named(b, name), "http_status")), 200);
	assert_int_equal(b->unchanged_cnt, 0); /* a refresh asks for the list itself */
	assert_true(json_is_null(json_object_get(source_named(b, name), "scope")));
	assert_string_equal(seen.alarm_kind, "");
	/* They go together. */
	b->source.endpoint_cnt = 0;
	crl_manager_discover(b->d.crl);
	assert_int_equal(b->d.crl->source_cnt, 0);
}

/* 4.2.1.15: a certificate says it, too; the delta waits for its full list without an alarm. */
static void certificate_leads_to_a_delta(void **state)
{
	struct bench *b = *state;
	char full[96], delta[96], file[160];
	struct test_cert c = {.cn = "pointer",
		.key = b->pki.leaf_key,
		.issuer = b->pki.ca,
		.issuer_key = b->pki.ca_key,
		.crl_points = full,
		.extra_name = "freshestCRL",
		.extra_value = delta};
	X509 *cert;

	start_server(b);
	put_pair(b, NULL);
	snprintf(full, sizeof(full), "URI:http://127.0.0.1:%u/ca.crl", b->port);
	snprintf(delta, sizeof(delta), "URI:http://127.0.0.1:%u/delta.crl", b->port);
	snprintf(file, sizeof(file), "file://%s/other.crl", b->dir);
	strcpy(b->uri, file); /* some configuration that allows this machine's addresses */
	cert = test_cert_new(&c);
	b->source.endpoint_cnt = 0;
	crl_manager_discover(b->d.crl);
	crl_manager_note_certificate(b->d.crl, cert);
	refresh(b); /* a delta has nothing to change yet */
	assert_false(is_revoked(b, b->pki.leaf));
	assert_string_equal(seen.alarm_kind, "");
	refresh(b);
	assert_true(is_revoked(b, b->pki.leaf));
	assert_string_equal(text_of(source_named(b, delta + 4), "kind"), "delta");
	X509_free(cert);
}

/* revocation-check-interval is for lists that only certificates name. */
static void interval_of_learnt_lists_is_the_cas(void **state)
{
	struct config_ca_profile profiles[] = {{.revocation_check_interval_ns = 0},
		{.revocation_check_interval_ns = UINT64_C(7200000000000)},
		{.revocation_check_interval_ns = UINT64_C(172800000000000)}};
	/* The list's own nextUpdate comes in a day, and half a minute after it the next fetch. */
	static const int wanted_sec[] = {3600, 86430, 7200, 7200};
	struct bench *b = *state;
	char point[96];
	X509 *cert;

	start_server(b);
	put_crl(b, 1, NULL, 0);
	snprintf(point, sizeof(point), "URI:http://127.0.0.1:%u/ca.crl", b->port);
	cert = test_cert_new(&(struct test_cert){.cn = "pointer",
		.key = b->pki.leaf_key,
		.issuer = b->pki.ca,
		.issuer_key = b->pki.ca_key,
		.crl_points = point});
	b->source.endpoint_cnt = 0;
	b->config.ca_profile = profiles;
	for (size_t cnt = 0; cnt <= 3; cnt++) {
		const struct crl_source *s;

		b->config.ca_profile_cnt = cnt;
		crl_manager_discover(b->d.crl);
		crl_manager_note_certificate(b->d.crl, cert);
		refresh(b);
		s = b->d.crl->source[0];
		assert_in_range(s->next_fetch - s->last_success, (uint64_t)wanted_sec[cnt] - 10,
			(uint64_t)wanted_sec[cnt] + 10);
	}
	X509_free(cert);
}

/* What is configured goes before what is learnt: nobody asks there. */
static void configured_delta_goes_before_a_learnt_one(void **state)
{
	struct bench *b = *state;
	char full[160], uri[192], name[160];

	strcpy(full, b->uri);
	start_server(b);
	strcpy(b->uri, full);
	put_pair(b, "nobody-asks.crl"); /* the server fails on what it has not */
	snprintf(uri, sizeof(uri), "file://%s/delta.crl", b->dir);
	b->endpoint.delta_uri = uri;
	crl_manager_discover(b->d.crl);
	wait_until_revoked(b);
	refresh(b);
	refresh(b);
	snprintf(name, sizeof(name), "http://127.0.0.1:%u/nobody-asks.crl", b->port);
	assert_true(json_is_true(json_object_get(source_named(b, name), "overridden")));
	assert_null(text_of(source_named(b, name), "last_try"));
}

/* Nor is a list of another issuer, which a certificate may name (cRLIssuer), what is configured of its own. */
static void list_of_another_issuer_is_not_overridden(void **state)
{
	struct bench *b = *state;
	char file[160], path[160], url[2][96], points[104];
	const json_t *source;

	strcpy(file, b->uri);
	start_server(b);
	strcpy(b->uri, file);
	put_crl(b, 5, NULL, 0);
	snprintf(path, sizeof(path), "%s/delta.crl", b->dir);
	test_crl_write(path, &(struct test_crl){.issuer = b->pki.root,
				     .issuer_key = b->pki.root_key,
				     .number = 7,
				     .idp = "critical,indirectCRL:TRUE"});
	crl_manager_discover(b->d.crl);
	refresh(b);
	for (int is_other = 0; is_other < 2; is_other++) {
		X509 *cert;

		snprintf(url[is_other], sizeof(url[0]), "http://127.0.0.1:%u/%s", b->port,
			is_other ? "delta.crl" : "nobody-asks.crl");
		snprintf(points, sizeof(points), "URI:%s", url[is_other]);
		cert = test_cert_new(&(struct test_cert){.cn = "pointer",
			.key = b->pki.leaf_key,
			.issuer = b->pki.ca,
			.issuer_key = b->pki.ca_key,
			.crl_points = points,
			.crl_issuer = is_other ? b->pki.root : NULL});
		crl_manager_note_certificate(b->d.crl, cert);
		X509_free(cert);
	}
	refresh(b);
	source = source_named(b, url[0]);
	assert_true(json_is_true(json_object_get(source, "overridden")));
	assert_null(text_of(source, "last_try"));
	source = source_named(b, url[1]);
	assert_true(json_is_false(json_object_get(source, "overridden")));
	assert_string_equal(text_of(source, "crl_number"), "07");
	assert_string_equal(text_of(source, "scope"), "indirect");
	assert_string_equal(seen.alarm_kind, "");
}

/* An alarm before a list is stale, in the last tenth of its time. */
static void ending_list_is_an_alarm(void **state)
{
	struct bench *b = *state;

	test_crl_write(b->path, &(struct test_crl){.issuer = b->pki.ca,
					.issuer_key = b->pki.ca_key,
					.this_update = time(NULL) - 1000,
					.next_update = time(NULL) + 90});
	crl_manager_discover(b->d.crl);
	refresh(b);
	assert_string_equal(seen.alarm_kind, "crl-ending");
	put_crl(b, 2, NULL, 0);
	refresh(b);
	assert_string_equal(seen.alarm_kind, "");
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(same_list_again_is_not_walked, set_up, tear_down),
		WITH_BENCH(delta_is_fetched_and_follows_its_full_list),
		WITH_BENCH(full_list_leads_to_its_delta),
		WITH_BENCH(certificate_leads_to_a_delta),
		WITH_BENCH(interval_of_learnt_lists_is_the_cas),
		WITH_BENCH(configured_delta_goes_before_a_learnt_one),
		WITH_BENCH(list_of_another_issuer_is_not_overridden),
		WITH_BENCH(large_full_list_starts_after_the_delta),
		WITH_BENCH(shrunk_list_is_held_for_one_cycle),
		WITH_BENCH(ending_list_is_an_alarm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
