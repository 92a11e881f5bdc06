/* SPDX-License-Identifier: BSD-3-Clause */
/* What time and restarts do to lists in force: clocks that jump, lists that end, files that broke. */
#include "tests/unit/crl_time_fixture.h"

/* Against the clock that nobody sets, and against the newest list. */
static void clock_is_held_against_lists_and_itself(void **state)
{
	struct crl_clock c = {0};

	(void)state;
	assert_int_equal(crl_clock_look(&c, 0, 5000, 0), CRL_CLOCK_GOOD);
	assert_int_equal(crl_clock_look(&c, 10 * SEC, 5010, 5000), CRL_CLOCK_GOOD);
	assert_int_equal(crl_clock_look(&c, 20 * SEC, 9000, 5000), CRL_CLOCK_GOOD);
	assert_int_equal(crl_clock_look(&c, 30 * SEC, 8710, 5000), CRL_CLOCK_GOOD);
	assert_int_equal(crl_clock_look(&c, 40 * SEC, 8400, 5000), CRL_CLOCK_WENT_BACK);
	assert_int_equal(crl_clock_look(&c, 50 * SEC, 8410, 5000), CRL_CLOCK_WENT_BACK);
	crl_clock_confirm(&c);
	assert_int_equal(crl_clock_look(&c, 60 * SEC, 8420, 5000), CRL_CLOCK_GOOD);
	/* Or it comes back to where it would be. */
	assert_int_equal(crl_clock_look(&c, 70 * SEC, 7000, 5000), CRL_CLOCK_WENT_BACK);
	assert_int_equal(crl_clock_look(&c, 80 * SEC, 8000, 5000), CRL_CLOCK_WENT_BACK);
	assert_int_equal(crl_clock_look(&c, 90 * SEC, 8450, 5000), CRL_CLOCK_GOOD);
	/* The year 2000: worse than a step, and it stays so until the clock is right. */
	assert_int_equal(crl_clock_look(&c, 100 * SEC, 100, 5000), CRL_CLOCK_BEFORE_LISTS);
	crl_clock_confirm(&c);
	assert_int_equal(crl_clock_look(&c, 110 * SEC, 110, 5000), CRL_CLOCK_BEFORE_LISTS);
	assert_int_equal(crl_clock_look(&c, 120 * SEC, 4700, 5000), CRL_CLOCK_GOOD);
}

/* The clock of a router without a battery, or one that somebody set: what stands, stands. */
static void clock_that_jumps_back_takes_nothing(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf, .reason = 1};
	const struct test_crl_entry other = {.serial_hex = "0102"};
	struct crl_source *s;

	test_crl_write(b->path, &(struct test_crl){.issuer = b->pki.ca,
					.issuer_key = b->pki.ca_key,
					.number = 5,
					.this_update = time(NULL) - 7200,
					.next_update = time(NULL) + 3600,
					.entry = &west,
					.entry_cnt = 1});
	crl_manager_discover(b->d.crl);
	run_until_idle(b);
	s = b->d.crl->source[0];
	assert_true(is_revoked(b, b->pki.leaf));
	assert_string_equal(seen.alarm_kind, "");
	wall_step = -200; /* that much is nobody's business */
	crl_watch(b->d.crl);
	assert_string_equal(seen.alarm_kind, "");
	wall_step = -3600;
	crl_watch(b->d.crl);
	assert_string_equal(seen.alarm_kind, "crl-clock");
	assert_true(is_revoked(b, b->pki.leaf));
	/* A list of now is one of the future by such a clock. */
	test_crl_write(b->path, &(struct test_crl){.issuer = b->pki.ca,
					.issuer_key = b->pki.ca_key,
					.number = 6,
					.this_update = time(NULL) - 60,
					.entry = &other,
					.entry_cnt = 1});
	refresh(b);
	assert_non_null(strstr(s->last_error, "crl-not-yet-valid"));
	assert_string_equal(s->number, "05");
	assert_true(is_revoked(b, b->pki.leaf));
	/* The year 2000: as before, and no list is older or younger by it. */
	wall_step = 946684800 - (int64_t)time(NULL);
	seen.alarm_kind[0] = '\0';
	crl_watch(b->d.crl);
	assert_string_equal(seen.alarm_kind, "crl-clock");
	assert_non_null(strstr(seen.alarm_text, "before the newest revocation list"));
	refresh(b);
	assert_true(is_revoked(b, b->pki.leaf));
	/* Right again: one list that is good by it is the proof. */
	wall_step = 0;
	refresh(b);
	assert_string_equal(s->number, "06");
	assert_string_equal(s->last_error, "");
	crl_watch(b->d.crl);
	assert_string_equal(seen.alarm_kind, "");
	assert_false(is_revoked(b, b->pki.leaf));
}

/* Set back on purpose, and so it stays: a list that is good by the new time is the proof of it. */
static void good_list_confirms_a_clock(void **state)
{
	struct bench *b = *state;
	struct test_crl crl = {.issuer = b->pki.ca,
		.issuer_key = b->pki.ca_key,
		.number = 5,
		.this_update = time(NULL) - 7200,
		.next_update = time(NULL) + 3600};

	test_crl_write(b->path, &crl);
	crl_manager_discover(b->d.crl);
	run_until_idle(b);
	wall_step = -3600;
	crl_watch(b->d.crl);
	assert_string_equal(seen.alarm_kind, "crl-clock");
	crl.number = 6;
	crl.this_update = time(NULL) - 5400;
	test_crl_write(b->path, &crl);
	refresh(b);
	assert_string_equal(seen.alarm_kind, "");
	crl_watch(b->d.crl);
	assert_string_equal(seen.alarm_kind, "");
}

/* By a clock that is doubted nothing is called stale. */
static void doubted_clock_makes_no_list_stale(void **state)
{
	struct bench *b = *state;

	test_crl_write(b->path, &(struct test_crl){.issuer = b->pki.ca,
					.issuer_key = b->pki.ca_key,
					.this_update = time(NULL) - 100000,
					.next_update = time(NULL) + 3600});
	crl_manager_discover(b->d.crl);
	run_until_idle(b);
	mono_ahead += 3 * 3600 * SEC;
	crl_watch(b->d.crl);
	assert_string_equal(seen.alarm_kind, "crl-stale");
	seen.alarm_kind[0] = '\0';
	wall_step = -1800; /* back half an hour, and stale even so */
	crl_watch(b->d.crl);
	assert_string_equal(seen.alarm_kind, "crl-clock");
}

/* Nobody fetches it: another list says what it would. */
static void overridden_list_is_not_called_stale(void **state)
{
	struct bench *b = *state;

	put_crl(b, 1, NULL, 0);
	crl_manager_discover(b->d.crl);
	run_until_idle(b);
	mono_ahead += 2 * 86400 * SEC;
	crl_watch(b->d.crl);
	assert_string_equal(seen.alarm_kind, "crl-stale");
	b->d.crl->source[0]->is_overridden = true;
	crl_watch(b->d.crl);
	assert_string_equal(seen.alarm_kind, "");
}

/* The newest of several lists is what the clock is held against. */
static void clock_is_held_against_the_newest_list(void **state)
{
	struct bench *b = *state;
	struct crl_source *new = add_source(b, "a.crl", true), *old = add_source(b, "b.crl", true);

	/* The list's order is that of the URLs: it is not the last one's word that counts. */
	for (int i = 0; i < 2; i++)
		test_crl_write((i == 0 ? old : new)->url + strlen("file://"),
			&(struct test_crl){.issuer = i == 0 ? b->pki.ca : b->pki.root,
				.issuer_key = i == 0 ? b->pki.ca_key : b->pki.root_key,
				.this_update = time(NULL) - (i == 0 ? 30 * TEST_DAY : 60)});
	old->is_forced = new->is_forced = true;
	crl_schedule(b->d.crl);
	run_until_idle(b);
	assert_true(old->this_update != 0 && new->this_update != 0);
	b->d.crl->clock = (struct crl_clock){0}; /* as after a start */
	wall_step = -10 * TEST_DAY;
	crl_watch(b->d.crl);
	assert_string_equal(seen.alarm_kind, "crl-clock");
	unlink(old->url + strlen("file://"));
	unlink(new->url + strlen("file://"));
}

static void put_file_in(const struct bench *b, const char *name, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	put_file_at(path, text, strlen(text));
}

/* The list before the newest is better than none, and not the same: it is said until all is fetched. */
static void list_before_a_damaged_one_is_used(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf, .reason = 1};
	int fd;

	put_crl(b, 1, &west, 1);
	crl_manager_discover(b->d.crl);
	refresh(b);
	put_crl(b, 2, NULL, 0);
	refresh(b);
	assert_false(is_revoked(b, b->pki.leaf));
	close_manager(b);
	fd = openat(b->d.state_fd, MASTER_LIST_FILE, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 40), 1);
	close(fd);
	open_manager(b);
	assert_string_equal(seen.alarm_kind, "crl-list-damaged");
	assert_non_null(strstr(seen.alarm_text, "an older one is in force"));
	assert_true(is_revoked(b, b->pki.leaf));
	put_file(b, "x", 1); /* asked for, and not got */
	crl_manager_discover(b->d.crl);
	refresh(b);
	assert_true(b->d.crl->is_list_damaged);
	put_crl(b, 2, NULL, 0);
	refresh(b);
	assert_false(b->d.crl->is_list_damaged);
	assert_string_equal(seen.alarm_kind, "");
	assert_false(is_revoked(b, b->pki.leaf));
}

/* Nobody can fetch anything again: it is said, until a list is there that was. */
static void damage_without_a_source_is_told(void **state)
{
	struct bench *b = *state;
	struct config_crl_source *configured = b->config.crl;

	close_manager(b);
	put_file_in(b, MASTER_LIST_FILE, "x");
	open_manager(b);
	b->config.crl_cnt = 0;
	for (int turn = 0; turn < 2; turn++) {
		crl_manager_discover(b->d.crl);
		crl_watch(b->d.crl);
		assert_string_equal(seen.alarm_kind, "crl-list-damaged");
		assert_non_null(strstr(seen.alarm_text, "none is in force"));
	}
	b->config.crl = configured;
	b->config.crl_cnt = 1;
	put_crl(b, 1, NULL, 0);
	crl_manager_discover(b->d.crl);
	run_until_idle(b);
	assert_string_equal(seen.alarm_kind, "");
	assert_false(b->d.crl->is_list_damaged);
}

/* Nor does it wait for what is not asked for: a source that another stands in for, a delta of no list. */
static void damage_ends_without_what_is_not_fetched(void **state)
{
	struct bench *b = *state;
	struct crl_source *idle;

	for (int is_early = 0; is_early < 2; is_early++) {
		close_manager(b);
		put_file_in(b, MASTER_LIST_FILE, "x");
		unlinkat(b->d.state_fd, MASTER_LIST_FILE_PREVIOUS, 0);
		open_manager(b);
		assert_string_equal(seen.alarm_kind, "crl-list-damaged");
		idle = add_source(b, "idle.crl", false);
		idle->is_delta = is_early;
		idle->is_noted = true;
		put_crl(b, 1, NULL, 0);
		crl_manager_discover(b->d.crl);
		refresh(b);
		assert_int_equal(b->d.crl->source_cnt, 2);
		assert_int_equal(idle->last_try == 0, is_early);
		if (!is_early) {
			assert_true(b->d.crl->is_list_damaged);
			idle->is_overridden = true;
			crl_watch(b->d.crl);
		}
		assert_false(b->d.crl->is_list_damaged);
	}
}

/* What was in force before a restart is, and is told. */
static void list_is_known_after_a_restart(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf, .reason = 1};
	struct crl_source before;
	const struct crl_source *s;

	put_crl(b, 0x1234, &west, 1);
	crl_manager_discover(b->d.crl);
	run_until_idle(b);
	before = *b->d.crl->source[0];
	close_manager(b);
	unlink(b->path);
	open_manager(b);
	crl_manager_discover(b->d.crl);
	run_until_idle(b);
	s = b->d.crl->source[0];
	assert_int_equal(s->last_success, before.last_success);
	assert_int_equal(s->this_update, before.this_update);
	assert_int_equal(s->next_update, before.next_update);
	assert_string_equal(s->number, "1234");
	assert_string_equal(s->issuer, before.issuer);
	assert_int_equal(s->entry_cnt, 1);
	assert_int_equal(s->failure_cnt, 1);
}

/* And so is a delta, and a list that speaks of others' certificates. */
static void scopes_are_known_after_a_restart(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry entry[] = {
		{.cert = b->pki.leaf}, {.cert = b->pki.ca, .issuer = b->pki.ca}};
	struct test_crl crl = {.issuer = b->pki.ca,
		.issuer_key = b->pki.ca_key,
		.number = 5,
		.idp = "critical,onlyuser:TRUE,indirectCRL:TRUE",
		.entry = entry,
		.entry_cnt = 2};
	const struct crl_source *full, *delta;
	char path[160], uri[192];

	snprintf(path, sizeof(path), "%s/delta.crl", b->dir);
	snprintf(uri, sizeof(uri), "file://%s", path);
	b->endpoint.delta_uri = uri;
	test_crl_write(b->path, &crl);
	crl.number = 6;
	crl.delta_base = "5";
	crl.entry_cnt = 1;
	test_crl_write(path, &crl);
	crl_manager_discover(b->d.crl);
	refresh(b);
	refresh(b); /* when its full list is there */
	close_manager(b);
	unlink(b->path);
	unlink(path);
	open_manager(b);
	crl_manager_discover(b->d.crl);
	run_until_idle(b);
	full = crl_source_get(b->d.crl, "", b->uri);
	delta = crl_source_get(b->d.crl, "", uri);
	assert_int_equal(full->entry_cnt, 2);
	assert_string_equal(full->scope, "user indirect");
	assert_int_equal(delta->entry_cnt, 1);
	assert_string_equal(delta->scope, "user indirect");
	assert_string_equal(delta->number, "06");
	assert_string_equal(delta->base_number, "05");
	b->endpoint.delta_uri = NULL;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock_is_held_against_lists_and_itself),
		T(clock_that_jumps_back_takes_nothing),
		T(good_list_confirms_a_clock),
		T(doubted_clock_makes_no_list_stale),
		T(overridden_list_is_not_called_stale),
		T(clock_is_held_against_the_newest_list),
		T(list_before_a_damaged_one_is_used),
		T(damage_without_a_source_is_told),
		T(damage_ends_without_what_is_not_fetched),
		T(list_is_known_after_a_restart),
		T(scopes_are_known_after_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
