/* SPDX-License-Identifier: BSD-3-Clause */
/* A data plane that somebody has taken over: what it says costs control little, and hides nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "control/alarms.h"
#include "control/audit.h"
#include "control/peers.h"
#include "control/publish_private.h"
#include "tests/unit/daemon_fixture.h"

#define MANY 400

static struct daemon_fixture f;
static struct fake_dataplane p;
static const struct rk_generation nothing;
static struct rk_generation applied;

static int set_up(void **state)
{
	(void)state;
	daemon_fixture_open(&f, NULL);
	fake_connect(&f, &p);
	fake_hello(&p, nothing);
	applied = fake_apply(&f, &p).generation;
	fake_receive(&f, &p, RK_MSG_STATUS);
	daemon_fixture_idle(&f, 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_close(&p);
	daemon_fixture_close(&f);
	return 0;
}

static void send_some(const struct rk_message *msg, unsigned i)
{
	fake_send(&p, msg);
	if (i % 16 == 0)
		daemon_fixture_idle(&f, 1);
}

/* What is sent MANY times leaves so many records at most. */
static void flood(struct rk_message *msg, void (*vary)(struct rk_message *, unsigned), unsigned max)
{
	uint64_t before = audit_count(f.d.audit);

	for (unsigned i = 0; i < MANY; i++) {
		vary(msg, i);
		send_some(msg, i);
	}
	daemon_fixture_idle(&f, 20);
	assert_in_range(audit_count(f.d.audit) - before, 0, max);
}

static void other_state(struct rk_message *m, unsigned i)
{
	m->event.state = i % 2 != 0 ? RK_PEER_UP : RK_PEER_DOWN;
}

static void other_verdict(struct rk_message *m, unsigned i)
{
	m->event.verdict = i % 2 != 0 ? RK_VERDICT_REVOKED : RK_VERDICT_EXPIRED;
}

static void other_status(struct rk_message *m, unsigned i)
{
	m->status_peer.state = i % 2 != 0 ? RK_PEER_UP : RK_PEER_DOWN;
}

static bool has_alarm_text(const char *word)
{
	struct answer a;
	char *text;
	bool is_there;

	alarms_list(f.d.alarms, true, &a);
	text = json_dumps(a.body, 0);
	is_there = strstr(text, word) != NULL;
	free(text);
	answer_fini(&a);
	return is_there;
}

static void peer_that_changes_all_the_time_leaves_few_records(void **state)
{
	struct rk_message event = {.type = RK_MSG_EVENT}, status = {.type = RK_MSG_STATUS_PEER};

	(void)state;
	strcpy(event.event.peer, "west");
	strcpy(event.event.reason, "silence");
	flood(&event, other_state, 100);
	flood(&event, other_verdict, 100);
	strcpy(status.status_peer.peer, "west");
	flood(&status, other_status, 100);
}

/* What was left out of events is told by the next answer. */
static void answers_are_taken_all_the_same(void **state)
{
	struct rk_message event = {.type = RK_MSG_EVENT}, status = {.type = RK_MSG_STATUS_PEER};
	const struct rk_message end = {.type = RK_MSG_STATUS_END};
	struct call c = {0};

	(void)state;
	fake_send(&p, &end); /* to the question at connecting */
	strcpy(event.event.peer, "west");
	strcpy(event.event.reason, "heard-again");
	flood(&event, other_state, 100);
	for (unsigned i = 0; i < 2; i++) {
		peers_show(f.d.peers, "west", call_answered, &c);
		fake_receive(&f, &p, RK_MSG_STATUS);
		strcpy(status.status_peer.peer, "west");
		status.status_peer.state = i == 0 ? RK_PEER_DOWN : RK_PEER_UP;
		fake_send(&p, &status);
		fake_send(&p, &end);
		call_wait(&f, &c, 200);
		call_fini(&c);
		assert_int_equal(alarm_is_standing(f.d.alarms, "peer-unreachable", "west"), i == 0);
	}
}

static void other_counter(struct rk_message *m, unsigned i)
{
	m->counters.cnt = RK_COUNTERS_PER_MSG;
	for (unsigned k = 0; k < RK_COUNTERS_PER_MSG; k++)
		snprintf(m->counters.counter[k].name, sizeof(m->counters.counter[k].name), "c-%u",
			i * RK_COUNTERS_PER_MSG + k);
}

static void counters_have_an_end(void **state)
{
	static struct rk_message counters = {.type = RK_MSG_COUNTERS};

	(void)state;
	flood(&counters, other_counter, 0);
	assert_in_range(json_object_size(peers_counters_json(f.d.peers)), 1000, 1100);
}

static void nothing_else(struct rk_message *m, unsigned i)
{
	(void)m;
	(void)i;
}

static void publication_is_recorded_once(void **state)
{
	struct rk_message msg = {.type = RK_MSG_APPLIED, .generation.generation = applied};

	(void)state;
	flood(&msg, nothing_else, 0);
	msg.generation.generation.counter--;
	fake_send(&p, &msg);
	fake_expect_closed(&f, &p);
}

/* One that is applied cannot be refused, and one that was never published neither. */
static void refusals_are_of_what_was_published(void **state)
{
	struct rk_message msg = {.type = RK_MSG_REFUSED, .generation.generation = applied};

	(void)state;
	fake_send(&p, &msg);
	fake_expect_closed(&f, &p);
	fake_close(&p);
	fake_connect(&f, &p);
	fake_hello(&p, applied);
	msg.generation.generation.counter += 7;
	fake_send(&p, &msg);
	fake_expect_closed(&f, &p);
	assert_false(alarm_is_standing(f.d.alarms, "publication-refused", "dataplane"));
}

static void connections_without_end_have_to_wait(void **state)
{
	unsigned taken = 0;

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		fake_close(&p);
		fake_connect(&f, &p);
		daemon_fixture_idle(&f, 1);
		taken += recv(p.fd, p.buffer, sizeof(p.buffer), MSG_DONTWAIT) < 0;
	}
	assert_in_range(taken, 50, 100);
}

static time_t absent_at(void)
{
	struct timeval when = {0};

	event_pending(f.d.publisher->absent_timer, EV_TIMEOUT, &when);
	return when.tv_sec;
}

/* Of another release: it comes again and again, and is not there. */
static void other_version_is_named(void **state)
{
	struct rk_message hello = {.type = RK_MSG_HELLO, .hello.version = RK_CHANNEL_VERSION + 1};
	time_t first = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		fake_close(&p);
		fake_connect(&f, &p);
		fake_send(&p, &hello);
		fake_expect_closed(&f, &p);
		first = i == 0 ? absent_at() : first;
		daemon_fixture_idle(&f, 1100);
	}
	assert_int_not_equal(first, 0);
	assert_int_equal(absent_at(), first); /* no later for its trying */
	event_active(f.d.publisher->absent_timer, EV_TIMEOUT, 0);
	daemon_fixture_idle(&f, 20);
	assert_true(has_alarm_text("speaks version 3 of the channel, rekey-control version 2"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(peer_that_changes_all_the_time_leaves_few_records),
		T(answers_are_taken_all_the_same),
		T(counters_have_an_end),
		T(publication_is_recorded_once),
		T(refusals_are_of_what_was_published),
		T(connections_without_end_have_to_wait),
		T(other_version_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
