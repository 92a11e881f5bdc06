/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What changes the candidate while something else changes it, or what runs. All but one of the
 * helpers are kept busy, and the last one is held: so the order is the test's.
 */
#include "tests/unit/configuration_fixture.h"

#include <semaphore.h>

#include "control/config_tree.h"
#include "control/helper.h"

#define OTHERS_CNT 3 /* helpers of the daemon, but one */

static sem_t others, last;

/* So many jobs are done when they are asked for. */
static unsigned at_once_cnt;

int __real_helper_run(
	struct helper_pool *pool, void (*work)(void *arg), void (*done)(void *arg), void *arg);
int __wrap_helper_run(
	struct helper_pool *pool, void (*work)(void *arg), void (*done)(void *arg), void *arg);

int __wrap_helper_run(
	struct helper_pool *pool, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
	if (pool != f.d.helpers || at_once_cnt == 0)
		return __real_helper_run(pool, work, done, arg);
	at_once_cnt--;
	work(arg);
	done(arg);
	return 0;
}

static void hold_other(void *arg)
{
	(void)arg;
	sem_wait(&others);
}

static void hold_last(void *arg)
{
	(void)arg;
	sem_wait(&last);
}

static void released(void *arg)
{
	(void)arg;
	f.held_cnt--;
}

static void hold(void)
{
	f.held_cnt++;
	assert_int_equal(helper_run(f.d.helpers, hold_last, released, NULL), 0);
}

static void let_go(void)
{
	assert_int_equal(sem_post(&last), 0);
}

static bool is_nothing_held(void *arg)
{
	(void)arg;
	return f.held_cnt == 0;
}

static int begin(void **state)
{
	int ret = set_up(state);

	assert_int_equal(sem_init(&others, 0, 0), 0);
	assert_int_equal(sem_init(&last, 0, 0), 0);
	for (int i = 0; i < OTHERS_CNT; i++) {
		f.held_cnt++;
		assert_int_equal(helper_run(f.d.helpers, hold_other, released, NULL), 0);
	}
	return ret;
}

static int end(void **state)
{
	for (int i = 0; i < OTHERS_CNT; i++)
		sem_post(&others);
	daemon_fixture_run(&f, is_nothing_held, NULL);
	sem_destroy(&others);
	sem_destroy(&last);
	return tear_down(state);
}

static void begin_edit(json_t *operations, struct call *c)
{
	json_t *request = json_pack("{s:o}", "operations", operations);

	*c = (struct call){0};
	configuration_edit(f.d.configuration, request, "tester", call_answered, c);
	json_decref(request);
}

static json_t *set_node(const char *node)
{
	return json_pack(
		"[{s:s, s:[s,s], s:s}]", "op", "set", "path", "router", "node", "value", node);
}

static json_t *delete_peer(void)
{
	return json_pack("[{s:s, s:[s,s,s]}]", "op", "delete", "path", "router", "peer", "west");
}

/* The caller's. */
static json_t *candidate(void)
{
	struct answer a;
	json_t *document;

	configuration_show_candidate(f.d.configuration, "", &a);
	assert_int_equal(a.status, 200);
	document = json_incref(json_object_get(a.body, "configuration"));
	assert_non_null(document);
	answer_fini(&a);
	return document;
}

static json_int_t candidate_mtu(void)
{
	static const char *const path[] = {"router", "port", "net_ring0", "mtu"};
	json_t *document = candidate();
	json_int_t mtu = json_integer_value(config_tree_find(document, path, 4));

	json_decref(document);
	return mtu;
}

static void discard(void)
{
	struct answer a;

	configuration_discard(f.d.configuration, &a);
	assert_int_equal(a.status, 200);
	answer_fini(&a);
}

static void wait_done(struct call *c)
{
	call_wait(&f, c, 200);
	call_fini(c);
}

/* What runs, by an edited file: its two steps are done at once, whatever the helpers do. */
static void edit_file(int mtu, bool has_peer)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"{\"router\":{\"name\":\"east\",\"node\":\"node0\",\"peering-common-name\":"
		"\"east.peering\",\"port\":[{\"name\":\"net_ring0\",\"address\":[\"192.0.2.1/24\"],"
		"\"mtu\":%d}]%s}}",
		mtu,
		has_peer ? ",\"peer\":[{\"name\":\"west\",\"peering-common-name\":\"west.peering\","
			   "\"path\":[{\"port\":\"net_ring0\",\"address\":\"192.0.2.2\"}]}]"
			 : "");
	daemon_fixture_config(&f, text);
	at_once_cnt = 2;
	daemon_reload(&f.d);
	assert_int_equal(f.d.config->port[0].mtu, mtu);
	assert_int_equal(f.d.config->peer_cnt, has_peer);
}

static void try_commit(int status)
{
	struct call c = {0};

	commit(json_object(), &c, status);
	if (status == 409)
		assert_string_equal(call_error(&c), "running-changed");
	call_fini(&c);
}

/* The edit is made on what is left, not on what it was begun on. */
static void discard_meets_edit(void **state)
{
	struct call c;

	(void)state;
	edit(set_mtu(1400), 200);
	hold();
	begin_edit(set_node("node1"), &c);
	discard();
	let_go();
	wait_done(&c);
	assert_int_equal(diff_cnt(), 1);
	assert_int_not_equal(candidate_mtu(), 1400);
}

/* Each on the one before, also when the first has to be made again. */
static void edits_stay_in_order(void **state)
{
	struct call first, second;

	(void)state;
	edit(set_mtu(1400), 200);
	hold();
	begin_edit(set_mtu(1401), &first);
	begin_edit(set_mtu(1402), &second);
	discard();
	let_go();
	wait_done(&first);
	wait_done(&second);
	assert_int_equal(candidate_mtu(), 1402);
}

/* What runs changes under an edit: its answer is about what runs then. */
static void running_meets_edit(void **state)
{
	struct call c;

	(void)state;
	edit(set_mtu(1400), 200);
	hold();
	begin_edit(set_mtu(1450), &c);
	edit_file(1450, true);
	let_go();
	call_wait(&f, &c, 200);
	assert_true(json_is_false(json_object_get(c.body, "is_changed")));
	call_fini(&c);
	assert_false(candidate_is_changed());
}

/* Edits are carried over to what runs then, before those that wait. */
static void running_meets_candidate(void **state)
{
	struct call c;

	(void)state;
	edit(set_node("node1"), 200);
	hold();
	edit_file(1450, true);
	begin_edit(set_mtu(1300), &c);
	let_go();
	wait_done(&c);
	assert_int_equal(diff_cnt(), 2);
	assert_int_equal(candidate_mtu(), 1300);
	try_commit(200);
	assert_string_equal(f.d.config->node, "node1");
}

/* Where both have changed the same, nobody commits by mistake; a whole new candidate is no mistake. */
static void both_took_the_peer_away(void **state)
{
	struct call c = {0};
	json_t *document;

	(void)state;
	edit(delete_peer(), 200);
	edit_file(1450, false);
	daemon_fixture_idle(&f, 50);
	try_commit(409);
	edit(set_mtu(1300), 200);
	try_commit(409);
	document = candidate();
	configuration_replace(f.d.configuration, document, "tester", call_answered, &c);
	wait_done(&c);
	json_decref(document);
	try_commit(200);
	assert_int_equal(f.d.config->port[0].mtu, 1300);
}

/* Nothing is left to be carried over, and nothing is held against the next candidate. */
static void discard_meets_carrying(void **state)
{
	(void)state;
	edit(delete_peer(), 200);
	hold();
	edit_file(1450, false);
	discard();
	let_go();
	daemon_fixture_idle(&f, 50);
	assert_false(candidate_is_changed());
	edit(set_mtu(1300), 200);
	try_commit(200);
	assert_int_equal(f.d.config->port[0].mtu, 1300);
}

/* A candidate in force is none any more: its edits are not made again on itself. */
static void committed_is_forgotten(void **state)
{
	(void)state;
	edit(delete_peer(), 200);
	try_commit(200);
	daemon_fixture_idle(&f, 50);
	assert_false(candidate_is_changed());
	edit(set_mtu(1300), 200);
	try_commit(200);
}

/* An edit that comes during the commit stays, for the next one. */
static void edit_meets_commit(void **state)
{
	json_t *request = json_object();
	struct call committed = {0}, edited;

	(void)state;
	edit(set_mtu(1400), 200);
	hold();
	configuration_commit(f.d.configuration, request, call_answered, &committed);
	begin_edit(set_node("node1"), &edited);
	let_go();
	wait_done(&committed);
	wait_done(&edited);
	json_decref(request);
	assert_int_equal(f.d.config->port[0].mtu, 1400);
	assert_string_equal(f.d.config->node, "node0");
	assert_int_equal(diff_cnt(), 1);
	try_commit(200);
	assert_string_equal(f.d.config->node, "node1");
}

#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(discard_meets_edit),
		T(edits_stay_in_order),
		T(running_meets_edit),
		T(running_meets_candidate),
		T(both_took_the_peer_away),
		T(discard_meets_carrying),
		T(committed_is_forgotten),
		T(edit_meets_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
