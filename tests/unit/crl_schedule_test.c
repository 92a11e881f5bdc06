/* SPDX-License-Identifier: BSD-3-Clause */
/* When the CRL manager fetches what. */
#include "tests/unit/crl_time_fixture.h"

static void four_are_fetched_at_a_time(void **state)
{
	struct bench *b = *state;
	struct crl_manager *m = b->d.crl;
	char name[8];

	for (int i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), "%d.crl", i);
		add_source(b, name, true)->is_forced = true;
	}
	crl_schedule(m);
	assert_int_equal(m->running_cnt, 4);
	crl_schedule(m); /* each once */
	assert_int_equal(m->running_cnt, 4);
	run_until_idle(b);
	for (size_t i = 0; i < m->source_cnt; i++) {
		assert_false(m->source[i]->is_forced);
		assert_int_equal(m->source[i]->failure_cnt, 1);
	}
}

/* A certificate may not make us read our own files. */
static void learnt_source_is_no_file(void **state)
{
	struct bench *b = *state;
	struct crl_source *s = add_source(b, "ca.crl", false);

	put_crl(b, 1, NULL, 0);
	s->is_forced = true;
	crl_schedule(b->d.crl);
	run_until_idle(b);
	assert_string_equal(s->last_error, "not an http, https or file URL");
	assert_int_equal(s->this_update, 0);
}

/* Between two of one configuration the pause that it says; in a refresh none. */
static void sources_start_one_after_the_other(void **state)
{
	struct bench *b = *state;
	struct crl_manager *m = b->d.crl;
	struct crl_source *one = add_source(b, "1.crl", true), *two = add_source(b, "2.crl", true);

	one->backoff_ns = two->backoff_ns = 5 * SEC;
	crl_schedule(m);
	assert_true(one->is_running && !two->is_running);
	mono_ahead += 4 * SEC;
	crl_schedule(m);
	assert_false(two->is_running);
	mono_ahead += 2 * SEC;
	crl_schedule(m);
	assert_true(two->is_running);
	run_until_idle(b);
	one->is_forced = two->is_forced = true;
	crl_schedule(m);
	assert_true(one->is_running && two->is_running);
	run_until_idle(b);
}

/* Fetched again when its time has come, by the clock that nobody sets. */
static void polling_goes_by_the_monotonic_clock(void **state)
{
	struct bench *b = *state;
	struct crl_source *s;

	put_crl(b, 1, NULL, 0);
	crl_manager_discover(b->d.crl);
	run_until_idle(b);
	s = b->d.crl->source[0];
	assert_int_equal(s->failure_cnt, 0);
	put_crl(b, 2, NULL, 0);
	wall_step = 100 * TEST_DAY;
	crl_schedule(b->d.crl);
	assert_false(s->is_running);
	wall_step = 0;
	mono_ahead += 3590 * SEC;
	crl_schedule(b->d.crl);
	assert_false(s->is_running);
	mono_ahead += 20 * SEC;
	crl_schedule(b->d.crl);
	assert_true(s->is_running);
	run_until_idle(b);
	assert_string_equal(s->number, "02");
}

/* Not at its next polling: the delta says that there is a newer one. */
static void delta_without_its_base_asks_for_it(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf, .reason = 1};
	struct test_crl delta = {
		.issuer = b->pki.ca, .issuer_key = b->pki.ca_key, .number = 6, .delta_base = "5"};
	char path[160], uri[192];
	struct crl_source *s;

	snprintf(path, sizeof(path), "%s/delta.crl", b->dir);
	snprintf(uri, sizeof(uri), "file://%s", path);
	b->endpoint.delta_uri = uri;
	put_crl(b, 5, NULL, 0);
	test_crl_write(path, &delta);
	crl_manager_discover(b->d.crl);
	refresh(b);
	refresh(b);
	assert_string_equal(seen.alarm_kind, "");
	put_crl(b, 8, NULL, 0);
	delta.number = 9;
	delta.delta_base = "8";
	delta.entry = &west;
	delta.entry_cnt = 1;
	test_crl_write(path, &delta);
	s = b->d.crl->source[!b->d.crl->source[0]->is_delta];
	assert_true(s->is_delta);
	s->due_ns = 0;
	crl_schedule(b->d.crl);
	for (int turns = 0; turns < 1000 && !is_revoked(b, b->pki.leaf); turns++)
		event_base_loop(b->d.base, EVLOOP_ONCE);
	assert_true(is_revoked(b, b->pki.leaf));
	assert_string_equal(s->number, "09");
	b->endpoint.delta_uri = NULL;
}

/* What another stands in for, what has nothing to change yet, and all of it before the start is over. */
static void what_is_of_no_use_is_not_asked_for(void **state)
{
	struct bench *b = *state;
	struct crl_source *s = add_source(b, "ca.crl", false);

	s->is_delta = s->is_early = true;
	crl_schedule(b->d.crl);
	assert_false(s->is_running);
	s->is_early = false;
	s->is_overridden = true;
	crl_schedule(b->d.crl);
	assert_false(s->is_running);
	s->is_overridden = false;
	s->is_early = true;
	refresh(b); /* answered at once */
	assert_int_equal(s->last_try, 0);
	s->is_early = false;
	b->d.start.what = "something else";
	crl_schedule(b->d.crl);
	assert_int_equal(s->last_try, 0);
	b->d.start.what = NULL;
	crl_schedule(b->d.crl);
	assert_int_not_equal(s->last_try, 0);
	run_until_idle(b);
}

/* What the operator set counts for his sources, also for one that a certificate named before. */
static void settings_reach_their_sources(void **state)
{
	struct bench *b = *state;
	struct crl_source *s = crl_source_get(b->d.crl, b->uri, b->uri);

	assert_non_null(s);
	b->source.polling_interval_ns = 7200 * SEC;
	b->source.backoff_interval_ns = 7 * SEC;
	b->source.size_limit_mib = 3;
	b->source.shrink_limit_percent = 33;
	b->source.certificate_lifetime_ns = 10 * 86400 * SEC;
	b->source.is_local_address_allowed = true;
	crl_manager_discover(b->d.crl);
	assert_int_equal(b->d.crl->source_cnt, 1);
	assert_string_equal(s->name, "lab/issuing");
	assert_true(s->is_configured && s->is_local_allowed);
	assert_int_equal(s->polling_ns, 7200 * SEC);
	assert_int_equal(s->backoff_ns, 7 * SEC);
	assert_int_equal(s->size_max, 3 << 20);
	assert_int_equal(s->shrink_percent, 33);
	assert_int_equal(s->recent_sec, 10 * 86400);
	run_until_idle(b);
}

/* Whoever makes up URLs takes a bounded amount of work and memory. */
static void sources_are_bounded(void **state)
{
	struct bench *b = *state;
	char url[32];

	for (int i = 0; i <= CRL_SOURCE_MAX; i++) {
		snprintf(url, sizeof(url), "http://pki.invalid/%d", i);
		assert_int_equal(crl_source_get(b->d.crl, url, url) != NULL, i < CRL_SOURCE_MAX);
	}
	assert_non_null(crl_source_get(b->d.crl, "0", "http://pki.invalid/0"));
}

/* A full list that fails keeps to its own pauses, whatever a delta would need. */
static void delta_does_not_press_a_list_that_fails(void **state)
{
	struct bench *b = *state;
	struct crl_source *full = add_source(b, "ca.crl", true);
	struct crl_source *delta = add_source(b, "delta.crl", true);
	uint64_t due_ns;

	delta->is_delta = true;
	strcpy(full->name, "lab/issuing");
	strcpy(delta->name, "lab/issuing/delta");
	delta->due_ns = UINT64_MAX;
	crl_schedule(b->d.crl);
	run_until_idle(b);
	assert_int_equal(full->failure_cnt, 1);
	due_ns = full->due_ns;
	test_crl_write(delta->url + strlen("file://"), &(struct test_crl){.issuer = b->pki.ca,
							       .issuer_key = b->pki.ca_key,
							       .number = 6,
							       .delta_base = "5"});
	delta->is_forced = true;
	crl_schedule(b->d.crl);
	run_until_idle(b);
	assert_non_null(strstr(delta->last_error, "crl-delta-without-base"));
	assert_int_equal(full->due_ns, due_ns);
	assert_int_equal(full->failure_cnt, 1);
}

/* A server that is down for a week is one line, not thousands; another reason is news. */
static void same_failure_is_told_once(void **state)
{
	struct bench *b = *state;

	crl_manager_discover(b->d.crl);
	run_until_idle(b);
	assert_int_equal(seen.audit_cnt, 1);
	assert_non_null(strstr(seen.audit_text, "\"last_updated\": \"N/A\""));
	assert_non_null(strstr(seen.audit_text, "\"success\": false"));
	for (int i = 0; i < 3; i++) {
		mono_ahead += 4500 * SEC;
		crl_schedule(b->d.crl);
		run_until_idle(b);
	}
	assert_int_equal(b->d.crl->source[0]->failure_cnt, 4);
	assert_int_equal(seen.audit_cnt, 1);
	put_file(b, "x", 1);
	mono_ahead += 4500 * SEC;
	crl_schedule(b->d.crl);
	run_until_idle(b);
	assert_int_equal(seen.audit_cnt, 2);
}

/* Of a CA that says the same as a certificate; the caller's to put. */
static struct pki_trust *trust_naming(const struct test_cert *like)
{
	struct pki_bundle bundle = {.name = "pointing", .mode = PKI_MODE_STRICT};
	const struct pki_trust_config config = {
		.bundle = &bundle, .bundle_cnt = 1, .generation = 2, .now = time(NULL)};
	struct test_cert c = *like;
	struct pki_trust *trust;
	char *pem;
	X509 *ca;

	c.cn = "pointing";
	c.issuer = NULL;
	c.issuer_key = NULL;
	c.is_ca = true;
	ca = test_cert_new(&c);
	pem = test_pem(ca);
	bundle.text = pem;
	bundle.len = strlen(pem);
	assert_int_equal(pki_trust_new(&config, NULL, &trust), 0);
	free(pem);
	X509_free(ca);
	return trust;
}

/*
 * What a peer's certificate named is asked for as long as we run: its peering may stand. Also when a CA
 * named it for a while.
 */
static void noted_source_stays(void **state)
{
	struct bench *b = *state;
	struct crl_manager *m = b->d.crl;
	struct config_ca_profile profile = {.revocation_check_interval_ns = 7200 * SEC};
	const struct test_cert like = {.cn = "peer",
		.key = b->pki.leaf_key,
		.issuer = b->pki.ca,
		.issuer_key = b->pki.ca_key,
		.crl_points = "URI:http://pki.invalid/peer.crl",
		.extra_name = "freshestCRL",
		.extra_value = "URI:http://pki.invalid/delta.crl"};
	struct pki_trust *without = seen.trust;
	X509 *cert = test_cert_new(&like);

	b->source.endpoint_cnt = 0;
	crl_manager_note_certificate(m, cert);
	assert_int_equal(m->source_cnt, 2);
	run_until_idle(b);
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			seen.trust = trust_naming(&like);
		crl_manager_discover(m);
		run_until_idle(b);
		assert_int_equal(m->source_cnt, 2);
		if (i == 1) {
			pki_trust_put(seen.trust);
			seen.trust = without;
		}
	}
	assert_int_equal(m->source[0]->polling_ns, 3600 * SEC);
	b->config.ca_profile = &profile;
	b->config.ca_profile_cnt = 1;
	crl_manager_discover(m);
	run_until_idle(b);
	assert_int_equal(m->source[0]->polling_ns, 7200 * SEC);
	X509_free(cert);
}

/* Named by a certificate, too, it is the operator's; and the certificate's when he has it no more. */
static void configured_source_stays_as_it_is_set(void **state)
{
	struct bench *b = *state;
	struct crl_manager *m = b->d.crl;
	struct crl_source *s;
	X509 *cert = test_cert_new(&(struct test_cert){.cn = "peer",
		.key = b->pki.leaf_key,
		.issuer = b->pki.ca,
		.issuer_key = b->pki.ca_key,
		.crl_points = "URI:http://pki.invalid/peer.crl"});

	strcpy(b->uri, "http://pki.invalid/peer.crl");
	b->source.polling_interval_ns = 7200 * SEC;
	crl_manager_discover(m);
	crl_manager_note_certificate(m, cert);
	assert_int_equal(m->source_cnt, 1);
	s = m->source[0];
	assert_true(s->is_configured);
	assert_int_equal(s->polling_ns, 7200 * SEC);
	assert_string_equal(s->name, "lab/issuing");
	b->source.endpoint_cnt = 0;
	crl_manager_discover(m); /* it may still be running */
	assert_ptr_equal(m->source[0], s);
	assert_false(s->is_configured);
	run_until_idle(b);
	/* Whose lists come from there is what the list itself said. */
	s->has_issuer = true;
	memset(s->issuer_hash, 7, sizeof(s->issuer_hash));
	crl_manager_note_certificate(m, cert);
	assert_int_equal(s->issuer_hash[0], 7);
	X509_free(cert);
}

/* One that nobody names goes, but not while its fetch is on its way. */
static void source_goes_when_its_fetch_has_ended(void **state)
{
	struct bench *b = *state;
	struct crl_manager *m = b->d.crl;

	put_crl(b, 1, NULL, 0);
	crl_manager_discover(m);
	assert_int_equal(m->running_cnt, 1);
	b->source.endpoint_cnt = 0;
	crl_manager_discover(m);
	assert_int_equal(m->source_cnt, 1);
	run_until_idle(b);
	crl_manager_discover(m);
	assert_int_equal(m->source_cnt, 0);
}

/* A CA was installed, or a setting is another: what failed may be good now. */
static void what_failed_is_asked_for_after_a_change(void **state)
{
	struct bench *b = *state;

	crl_manager_discover(b->d.crl);
	run_until_idle(b);
	assert_int_equal(b->d.crl->source[0]->failure_cnt, 1);
	put_crl(b, 3, NULL, 0);
	crl_schedule(b->d.crl);
	assert_int_equal(b->d.crl->running_cnt, 0);
	b->d.crl->pause_until_ns = UINT64_MAX; /* after another one */
	crl_manager_discover(b->d.crl);
	run_until_idle(b);
	assert_string_equal(b->d.crl->source[0]->number, "03");
}

/* Whoever asks while another's list is on its way to the workers hears of his own. */
static void later_refresh_is_answered_for_itself(void **state)
{
	struct bench *b = *state;
	struct bench second = {0};
	struct answer a = {.status = 200};
	json_t *request = json_object();

	seen.is_wait_deferred = true;
	put_crl(b, 1, NULL, 0);
	crl_manager_discover(b->d.crl);
	run_until_idle(b);
	b->is_answered = false;
	crl_manager_refresh(b->d.crl, request, keep_answer, b);
	run_until_idle(b);
	assert_non_null(seen.wait_cb);
	put_crl(b, 2, NULL, 0);
	crl_manager_refresh(b->d.crl, request, keep_answer, &second);
	seen.wait_cb(seen.wait_arg, &a); /* of the first one's */
	assert_false(second.is_answered);
	run_until_idle(b);
	seen.wait_cb(seen.wait_arg, &a);
	assert_true(b->is_answered && second.is_answered);
	assert_string_equal(b->d.crl->source[0]->number, "02");
	json_decref(second.answer.body);
	json_decref(request);
}

/* What changed while the list was being written is written after, and not a minute later. */
static void list_is_written_again_when_it_changed(void **state)
{
	struct bench *b = *state;
	struct crl_manager *m = b->d.crl;

	crl_save(m);
	crl_save(m);
	assert_true(m->is_saving && m->is_save_due);
	for (int turns = 0; turns < 2000 && (m->is_saving || m->is_save_due); turns++) {
		event_base_loop(b->d.base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
	assert_false(m->is_saving || m->is_save_due);
}

/* A URL in a certificate answers for that distribution point, and for no other. */
static void learnt_url_is_not_another_partition(void **state)
{
	struct bench *b = *state;
	struct test_crl crl = {.issuer = b->pki.ca,
		.issuer_key = b->pki.ca_key,
		.idp = "critical,fullname:URI:http://pki.invalid/another.crl"};
	const struct crl_source *s;
	char point[192], own[192];
	X509 *cert;

	start_server(b);
	snprintf(point, sizeof(point), "URI:%s", b->uri);
	snprintf(own, sizeof(own), "critical,fullname:URI:%s", b->uri);
	cert = test_cert_new(&(struct test_cert){.cn = "pointer",
		.key = b->pki.leaf_key,
		.issuer = b->pki.ca,
		.issuer_key = b->pki.ca_key,
		.crl_points = point});
	test_crl_write(b->path, &crl);
	b->source.endpoint_cnt = 0;
	crl_manager_discover(b->d.crl);
	crl_manager_note_certificate(b->d.crl, cert);
	run_until_idle(b);
	s = b->d.crl->source[0];
	assert_non_null(strstr(s->last_error, "crl-other-distribution-point"));
	crl.idp = own;
	test_crl_write(b->path, &crl);
	refresh(b);
	assert_string_equal(s->last_error, "");
	assert_string_equal(s->scope, b->uri);
	X509_free(cert);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, tear_down)
	const struct CMUnitTest tests[] = {
		T(four_are_fetched_at_a_time),
		T(learnt_source_is_no_file),
		T(sources_start_one_after_the_other),
		T(polling_goes_by_the_monotonic_clock),
		T(delta_without_its_base_asks_for_it),
		T(what_is_of_no_use_is_not_asked_for),
		T(settings_reach_their_sources),
		T(sources_are_bounded),
		T(delta_does_not_press_a_list_that_fails),
		T(same_failure_is_told_once),
		T(noted_source_stays),
		T(configured_source_stays_as_it_is_set),
		T(source_goes_when_its_fetch_has_ended),
		T(what_failed_is_asked_for_after_a_change),
		T(later_refresh_is_answered_for_itself),
		T(list_is_written_again_when_it_changed),
		T(learnt_url_is_not_another_partition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
