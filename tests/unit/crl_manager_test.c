/* SPDX-License-Identifier: BSD-3-Clause */
/* The CRL manager: what is fetched, taken, refused and kept. */
#include <sys/stat.h>

#include "control/crl/state.h"
#include "tests/unit/crl_fixture.h"

static void revocation_is_fetched_published_and_kept(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf, .reason = 1};
	json_t *source;

	put_crl(b, 1, NULL, 0);
	crl_manager_discover(b->d.crl);
	source = refresh(b);
	assert_string_equal(text_of(source, "name"), "lab/issuing");
	assert_int_equal(json_integer_value(json_object_get(source, "entries")), 0);
	assert_false(is_revoked(b, b->pki.leaf));

	put_crl(b, 2, &west, 1);
	source = refresh(b);
	assert_int_equal(json_integer_value(json_object_get(source, "entries")), 1);
	assert_null(text_of(source, "last_error"));
	assert_non_null(text_of(source, "next_update"));
	assert_true(is_revoked(b, b->pki.leaf));
	assert_int_equal(seen.marked_cnt, 2);
	assert_int_equal(seen.flushed_cnt, 2);
	assert_int_equal(seen.audit_cnt, 2);
	assert_string_equal(seen.alarm_kind, "");

	close_manager(b); /* as a restart finds it */
	unlink(b->path);
	open_manager(b);
	assert_true(is_revoked(b, b->pki.leaf));
}

static void same_list_is_no_news(void **state)
{
	struct bench *b = *state;

	put_crl(b, 1, NULL, 0);
	crl_manager_discover(b->d.crl);
	refresh(b);
	refresh(b);
	refresh(b);
	assert_int_equal(seen.marked_cnt, 1);
	assert_int_equal(seen.audit_cnt, 1);
}

static void older_number_is_refused(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf};
	json_t *source;

	put_crl(b, 7, &west, 1);
	crl_manager_discover(b->d.crl);
	refresh(b);
	put_crl(b, 6, NULL, 0);
	source = refresh(b);
	assert_non_null(strstr(text_of(source, "last_error"), "rollback"));
	assert_string_equal(seen.alarm_kind, "crl-rollback");
	assert_non_null(strstr(seen.alarm_text, "was rolled back"));
	assert_true(is_revoked(b, b->pki.leaf));

	put_crl(b, 8, NULL, 0);
	refresh(b);
	assert_string_equal(seen.alarm_kind, "");
	assert_false(is_revoked(b, b->pki.leaf));
}

/* Of two that are read at once: the words are those of one that comes later. */
static void older_number_beside_a_newer_one_is_refused(void **state)
{
	struct bench *b = *state;
	struct config_crl_endpoint endpoint[2] = {b->endpoint, b->endpoint};
	const char *error;
	char uri[192];
	json_t *source;
	size_t i;

	snprintf(uri, sizeof(uri), "file://%s/delta.crl", b->dir);
	endpoint[1].name = "mirror";
	endpoint[1].uri = uri;
	b->source.endpoint = endpoint;
	b->source.endpoint_cnt = 2;
	put_crl(b, 7, NULL, 0);
	test_crl_write(strstr(uri, "/tmp"),
		&(struct test_crl){.issuer = b->pki.ca, .issuer_key = b->pki.ca_key, .number = 6});
	crl_manager_discover(b->d.crl);
	for (int turns = 0; turns < 2; turns++) { /* at once, and the one after the other */
		refresh(b);
		json_array_foreach(json_object_get(b->answer.body, "sources"), i, source)
		{
			error = text_of(source, "last_error");
			if (strcmp(text_of(source, "name"), "lab/mirror") == 0)
				assert_string_equal(error,
					"The revocation list is refused: its CRL number 06 is "
					"lower "
					"than 07, which was accepted before. (crl-rollback)");
		}
	}
	assert_string_equal(seen.alarm_kind, "crl-rollback");
}

/* Who is revoked may not say that nobody is. */
static void list_of_a_revoked_ca_takes_nothing_back(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf};
	json_t *source;

	put_crl(b, 7, &west, 1);
	crl_manager_discover(b->d.crl);
	refresh(b);
	assert_true(is_revoked(b, b->pki.leaf));
	seen.is_signer_revoked = true;
	put_crl(b, 99, NULL, 0);
	source = refresh(b);
	assert_non_null(strstr(text_of(source, "last_error"), "crl-signer-revoked"));
	assert_string_equal(seen.alarm_kind, "crl-refused");
	assert_true(is_revoked(b, b->pki.leaf));
	/* Nor is its number one that others are held against. */
	seen.is_signer_revoked = false;
	put_crl(b, 8, &west, 1);
	source = refresh(b);
	assert_string_equal(text_of(source, "crl_number"), "08");
	assert_string_equal(seen.alarm_kind, "");
}

/* Of an indirect list what it says of everybody's certificates, also after a start. */
static void indirect_list_is_one_source(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry entry[] = {
		{.cert = b->pki.leaf}, {.cert = b->pki.ca, .issuer = b->pki.ca}};
	json_t *source;

	test_crl_write(b->path, &(struct test_crl){.issuer = b->pki.ca,
					.issuer_key = b->pki.ca_key,
					.idp = "critical,indirectCRL:TRUE",
					.entry = entry,
					.entry_cnt = 2});
	crl_manager_discover(b->d.crl);
	for (int start = 0; start < 2; start++) {
		source = refresh(b);
		assert_null(text_of(source, "last_error"));
		assert_string_equal(text_of(source, "scope"), "indirect");
		assert_int_equal(json_integer_value(json_object_get(source, "entries")), 2);
		assert_int_equal(json_array_size(json_object_get(b->answer.body, "sources")), 1);
		assert_true(is_revoked(b, b->pki.leaf) && is_revoked(b, b->pki.ca));
		close_manager(b);
		unlink(b->path);
		open_manager(b);
		crl_manager_discover(b->d.crl);
		assert_true(is_revoked(b, b->pki.leaf) && is_revoked(b, b->pki.ca));
		test_crl_write(b->path, &(struct test_crl){.issuer = b->pki.ca,
						.issuer_key = b->pki.ca_key,
						.number = 2,
						.idp = "critical,indirectCRL:TRUE",
						.entry = entry,
						.entry_cnt = 2});
	}
}

static void bad_body_keeps_the_last_good_list(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf};

	put_crl(b, 1, &west, 1);
	crl_manager_discover(b->d.crl);
	refresh(b);
	put_file(b, "<html>hello</html>", 18);
	assert_non_null(text_of(refresh(b), "last_error"));
	assert_string_equal(seen.alarm_kind, "crl-refused");
	put_file(b, "", 0);
	assert_non_null(text_of(refresh(b), "last_error"));
	assert_true(is_revoked(b, b->pki.leaf));
	assert_int_equal(seen.marked_cnt, 1);
}

static void stranger_cannot_revoke(void **state)
{
	struct bench *b = *state;
	EVP_PKEY *key = test_key_new(TEST_P256), *own = b->pki.ca_key;
	const struct test_crl_entry west = {.cert = b->pki.leaf};

	b->pki.ca_key = key;
	put_crl(b, 1, &west, 1);
	b->pki.ca_key = own;
	crl_manager_discover(b->d.crl);
	assert_non_null(text_of(refresh(b), "last_error"));
	assert_false(is_revoked(b, b->pki.leaf));
	EVP_PKEY_free(key);
}

/* Its answer is the operator's proof that every worker has the list. */
static void refresh_fails_when_the_workers_did_not_follow(void **state)
{
	struct bench *b = *state;

	put_crl(b, 1, NULL, 0);
	crl_manager_discover(b->d.crl);
	seen.publish_status = 503;
	refresh(b); /* looks at the status */
}

static void missing_list_is_an_alarm_until_it_is_there(void **state)
{
	struct bench *b = *state;
	json_t *source;

	crl_manager_discover(b->d.crl);
	source = refresh(b);
	assert_string_equal(seen.alarm_kind, "crl-fetch");
	assert_true(json_integer_value(json_object_get(source, "failures")) >= 1);
	put_crl(b, 1, NULL, 0);
	source = refresh(b);
	assert_string_equal(seen.alarm_kind, "");
	assert_int_equal(json_integer_value(json_object_get(source, "failures")), 0);
}

static void break_file(const struct bench *b, const char *name)
{
	int fd = openat(b->d.state_fd, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return; /* not every list has one before it */
	assert_int_equal(pwrite(fd, "damage", 6, 40), 6);
	close(fd);
}

static void damaged_list_is_an_alarm_until_all_is_fetched(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf};

	put_crl(b, 1, &west, 1);
	crl_manager_discover(b->d.crl);
	refresh(b);
	close_manager(b);
	break_file(b, MASTER_LIST_FILE);
	break_file(b, MASTER_LIST_FILE_PREVIOUS);
	open_manager(b);
	assert_string_equal(seen.alarm_kind, "crl-list-damaged");
	assert_false(is_revoked(b, b->pki.leaf));
	crl_manager_discover(b->d.crl);
	assert_string_equal(seen.alarm_kind, "crl-list-damaged");
	refresh(b);
	assert_string_equal(seen.alarm_kind, "");
	assert_true(is_revoked(b, b->pki.leaf));
}

/* It is in force all the same, and the next one that can be written ends the alarm. */
static void list_that_cannot_be_written_is_an_alarm(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf};
	int state_fd = b->d.state_fd;
	char gone[80];

	snprintf(gone, sizeof(gone), "%s/gone", b->dir);
	assert_int_equal(mkdir(gone, 0700), 0);
	b->d.state_fd = open(gone, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(rmdir(gone), 0);
	start_server(b);
	put_crl(b, 1, &west, 1);
	crl_manager_discover(b->d.crl);
	refresh(b);
	wait_for_alarm(b, "crl-save");
	assert_true(is_revoked(b, b->pki.leaf));
	close(b->d.state_fd);
	b->d.state_fd = state_fd;
	event_active(b->d.crl->timer, EV_TIMEOUT, 0); /* in a minute it is tried again */
	wait_for_alarm(b, "");
	seen.alarm_kind[0] = '\0';
	put_crl(b, 2, &west, 1);
	refresh(b);
	assert_string_equal(seen.alarm_kind, "");
}

/* Not damaged but out of reach: nobody may take that for an empty one. */
static void list_that_cannot_be_read_is_no_start(void **state)
{
	struct bench *b = *state;
	struct crl_manager *m = NULL;

	assert_int_equal(mkdirat(b->d.state_fd, MASTER_LIST_FILE, 0700), 0);
	assert_true(crl_manager_open(&b->d, &m) < 0);
	assert_null(m);
	assert_int_equal(unlinkat(b->d.state_fd, MASTER_LIST_FILE, AT_REMOVEDIR), 0);
}

/* Configured before its CA is installed: the list must be asked for anew, not for a change of it. */
static void list_refused_for_want_of_a_ca_is_taken_later(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf};
	struct pki_trust *trust = seen.trust;

	start_server(b);
	put_crl(b, 1, &west, 1);
	seen.trust = NULL;
	crl_manager_discover(b->d.crl);
	wait_for_alarm(b, "crl-refused");
	seen.trust = trust;
	crl_manager_discover(b->d.crl);
	wait_for_alarm(b, "");
	assert_true(is_revoked(b, b->pki.leaf));
	assert_int_equal(b->unchanged_cnt, 0);
}

/* A rollback stays refused while it is served: it is never "not modified". */
static void refused_list_is_not_taken_for_unchanged(void **state)
{
	struct bench *b = *state;

	start_server(b);
	put_crl(b, 7, NULL, 0);
	crl_manager_discover(b->d.crl);
	refresh(b);
	put_crl(b, 6, NULL, 0);
	refresh(b);
	seen.alarm_kind[0] = '\0';
	crl_manager_discover(b->d.crl); /* failed ones are due at once */
	wait_for_alarm(b, "crl-rollback");
	assert_int_equal(b->unchanged_cnt, 0);
}

static void certificates_may_not_lead_to_loopback(void **state)
{
	struct bench *b = *state;
	EVP_PKEY *key = test_key_shared(TEST_P256, 5);
	X509 *cert = test_cert_new(&(struct test_cert){.cn = "pointer",
		.key = key,
		.issuer = b->pki.ca,
		.issuer_key = b->pki.ca_key,
		.crl_points = "URI:http://127.0.0.1:9/ca.crl"});

	b->config.crl_cnt = 0;
	crl_manager_discover(b->d.crl);
	crl_manager_note_certificate(b->d.crl, cert);
	assert_non_null(strstr(text_of(refresh(b), "last_error"), "loopback"));
	X509_free(cert);
}

/* Under ASan: nothing of a fetch under way is left behind. */
static void stopping_ends_a_running_fetch(void **state)
{
	struct bench *b = *state;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(sin);

	assert_int_equal(bind(fd, (void *)&sin, len) | listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (void *)&sin, &len), 0);
	snprintf(b->uri, sizeof(b->uri), "http://127.0.0.1:%u/silent.crl", ntohs(sin.sin_port));
	b->source.is_local_address_allowed = true;
	crl_manager_discover(b->d.crl);
	event_base_loop(b->d.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	close_manager(b);
	open_manager(b);
	close(fd);
}

static void unknown_field_is_refused(void **state)
{
	struct bench *b = *state;
	json_t *request = json_pack("{s:b}", "force", 1);

	crl_manager_refresh(b->d.crl, request, keep_answer, b);
	json_decref(request);
	assert_true(b->is_answered);
	assert_int_equal(b->answer.status, 400);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BENCH(revocation_is_fetched_published_and_kept),
		WITH_BENCH(same_list_is_no_news),
		WITH_BENCH(older_number_is_refused),
		WITH_BENCH(older_number_beside_a_newer_one_is_refused),
		WITH_BENCH(list_of_a_revoked_ca_takes_nothing_back),
		WITH_BENCH(indirect_list_is_one_source),
		WITH_BENCH(bad_body_keeps_the_last_good_list),
		WITH_BENCH(stranger_cannot_revoke),
		WITH_BENCH(refresh_fails_when_the_workers_did_not_follow),
		WITH_BENCH(missing_list_is_an_alarm_until_it_is_there),
		WITH_BENCH(damaged_list_is_an_alarm_until_all_is_fetched),
		WITH_BENCH(list_that_cannot_be_written_is_an_alarm),
		WITH_BENCH(list_that_cannot_be_read_is_no_start),
		WITH_BENCH(list_refused_for_want_of_a_ca_is_taken_later),
		WITH_BENCH(refused_list_is_not_taken_for_unchanged),
		WITH_BENCH(certificates_may_not_lead_to_loopback),
		WITH_BENCH(stopping_ends_a_running_fetch),
		WITH_BENCH(unknown_field_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
