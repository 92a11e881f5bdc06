/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers say to main, and what of it goes to control and back. The channel is the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/clock.h"
#include "dataplane/dataplane.h"

#define SENT_MAX 128

static struct dataplane d;
static struct worker *worker; /* has no thread */
static struct rk_message sent[SENT_MAX];
static unsigned sent_cnt;
static bool is_connected, has_room;
static struct certificate_message *certificates; /* VALIDATION_MAX and one more */

void __wrap_channel_send(struct channel *c, const struct rk_message *m);
bool __wrap_channel_is_connected(const struct channel *c);
bool __wrap_channel_has_room(const struct channel *c);

void __wrap_channel_send(struct channel *c, const struct rk_message *m)
{
	(void)c;
	assert_true(sent_cnt < SENT_MAX);
	sent[sent_cnt++] = *m;
}

bool __wrap_channel_is_connected(const struct channel *c)
{
	(void)c;
	return is_connected;
}

bool __wrap_channel_has_room(const struct channel *c)
{
	(void)c;
	return has_room;
}

static size_t slots_size(unsigned session_cnt)
{
	return session_cnt;
}

static int set_up(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	sent_cnt = 0;
	is_connected = has_room = true;
	worker = calloc(1, sizeof(*worker));
	certificates = calloc(VALIDATION_MAX + 1, sizeof(*certificates));
	assert_true(worker != NULL && certificates != NULL);
	inbox_init(&worker->inbox);
	d.shared.worker[0] = worker;
	d.shared.worker_cnt = 1;
	d.shared.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	inbox_init(&d.shared.to_main);
	inbox_list_init(&d.reports);
	graveyard_init(&d.graveyard, d.shared.wake_fd);
	peer_pool_init(&d.pool[0], session_size(), slots_size);
	assert_int_equal(rk_rcu_start(), 0);
	assert_int_equal(peer_table_init(&d.shared.peers), 0);
	return certificate_table_init(&d.shared.certificates, &d.graveyard, 8);
}

static int tear_down(void **state)
{
	(void)state;
	peer_table_walk(&d.shared.peers, peer_forget, &d);
	certificate_table_clear(&d.shared.certificates);
	rk_rcu_barrier();
	while (graveyard_step(&d.graveyard, 8))
		;
	peer_table_fini(&d.shared.peers);
	certificate_table_fini(&d.shared.certificates);
	peer_pool_fini(&d.pool[0]);
	rk_rcu_stop();
	close(d.shared.wake_fd);
	free(certificates);
	free(worker);
	return 0;
}

/* As the worker would. */
static void say(struct message *m)
{
	inbox_push(&d.shared.to_main, &m->node);
	reports_take(&d);
}

/* The one message that the worker has got back, or NULL. */
static struct message *back(void)
{
	struct inbox_node *node = inbox_take(&worker->inbox);

	assert_true(node == NULL || node->next == NULL);
	return node == NULL ? NULL : message_of(node);
}

static struct certificate_message *ask(unsigned n)
{
	struct certificate_message *c = &certificates[n];

	c->head.type = MESSAGE_VALIDATE;
	c->request = 1000 + n;
	c->der_len = 3;
	memcpy(c->der, "der", 3);
	say(&c->head);
	return c;
}

/* ---- certificates ------------------------------------------------------------------------------ */

/* Under a number of main's own; an answer to another one is none, and each is answered once. */
static void answer_goes_to_its_question(void **state)
{
	struct certificate_message *first = ask(0), *second = ask(1);
	struct rk_msg_verdict m = {.verdict.fingerprint = {6}};

	(void)state;
	assert_int_equal(sent_cnt, 2);
	assert_int_equal(sent[1].type, RK_MSG_VALIDATE);
	assert_true(sent[0].validate.request != sent[1].validate.request);
	assert_memory_equal(sent[1].validate.der.data, "der", 3);
	assert_int_equal(sent[1].validate.der.len, 3);
	assert_null(back());
	m.request = sent[1].validate.request + 1;
	reports_verdict(&d, &m);
	assert_null(back());
	m.request = sent[1].validate.request;
	reports_verdict(&d, &m);
	assert_ptr_equal(back(), &second->head);
	assert_true(second->has_verdict);
	assert_int_equal(second->request, 1001);
	assert_int_equal(second->verdict.fingerprint[0], 6);
	reports_verdict(&d, &m);
	assert_null(back());
	assert_int_equal(d.validating_cnt, 1);
	m.request = sent[0].validate.request;
	reports_verdict(&d, &m);
	assert_ptr_equal(back(), &first->head);
	assert_int_equal(d.validating_cnt, 0);
}

static void control_has_its_time(void **state)
{
	uint64_t before = clock_monotonic_ns(), deadline;
	struct certificate_message *c;

	(void)state;
	assert_true(reports_deadline_ns(&d) == UINT64_MAX);
	c = ask(0);
	deadline = reports_deadline_ns(&d);
	assert_true(deadline >= before + VALIDATION_LIMIT_NS);
	assert_true(deadline <= clock_monotonic_ns() + VALIDATION_LIMIT_NS);
	reports_expire(&d, deadline - 1);
	assert_null(back());
	reports_expire(&d, deadline);
	assert_ptr_equal(back(), &c->head);
	assert_false(c->has_verdict);
	assert_true(reports_deadline_ns(&d) == UINT64_MAX);
}

static void too_many_questions_are_not_asked(void **state)
{
	struct certificate_message *c;

	(void)state;
	is_connected = false;
	c = ask(0);
	assert_ptr_equal(back(), &c->head);
	is_connected = true;
	for (unsigned i = 0; i < VALIDATION_MAX; i++)
		ask(i);
	assert_null(back());
	assert_int_equal(sent_cnt, VALIDATION_MAX);
	c = ask(VALIDATION_MAX);
	assert_ptr_equal(back(), &c->head);
	assert_int_equal(sent_cnt, VALIDATION_MAX);
	reports_expire(&d, UINT64_MAX); /* as when control goes away */
	assert_int_equal(d.validating_cnt, 0);
	assert_non_null(inbox_take(&worker->inbox));
}

static void confirmed_certificate_is_known_to_all(void **state)
{
	struct certificate_message *c = &certificates[0];

	(void)state;
	c->head.type = MESSAGE_CONFIRM;
	c->verdict.fingerprint[0] = 9;
	say(&c->head);
	assert_ptr_equal(back(), &c->head);
	assert_non_null(certificate_table_find(&d.shared.certificates, c->verdict.fingerprint));
	assert_int_equal(sent_cnt, 1);
	assert_int_equal(sent[0].type, RK_MSG_CONFIRMED);
	assert_memory_equal(
		sent[0].confirmed.fingerprint, c->verdict.fingerprint, RK_FINGERPRINT_LEN);
}

/* ---- events ------------------------------------------------------------------------------------ */

static void tell(struct message *m, uint8_t state, uint8_t fingerprint)
{
	memset(m, 0, sizeof(*m));
	m->type = MESSAGE_EVENT;
	strcpy(m->event.peer, "west");
	m->event.state = state;
	m->event.fingerprint[0] = fingerprint;
	strcpy(m->event.reason, "heard-again");
	say(m);
}

static void events_wait_for_room(void **state)
{
	struct message m[2];

	(void)state;
	has_room = false;
	tell(&m[0], RK_PEER_UP, 0);
	tell(&m[1], RK_PEER_DOWN, 0);
	assert_int_equal(sent_cnt, 0);
	assert_null(back());
	has_room = true;
	reports_take(&d);
	assert_int_equal(sent_cnt, 2);
	assert_int_equal(sent[0].type, RK_MSG_EVENT);
	assert_int_equal(sent[0].event.state, RK_PEER_UP);
	assert_int_equal(sent[1].event.state, RK_PEER_DOWN);
	assert_string_equal(sent[1].event.reason, "heard-again");
	assert_non_null(inbox_take(&worker->inbox));
	is_connected = has_room = false; /* nobody is there: they go back all the same */
	tell(&m[0], RK_PEER_UP, 0);
	assert_ptr_equal(back(), &m[0]);
}

/* The certificate under a standing peering stays, whatever else is put beside it. */
static void certificate_is_held_by_its_peering(void **state)
{
	struct peer *p = peer_new(&d.pool[0], "west", "west", 4);
	struct rk_verdict v = {.fingerprint = {3}}, other = {.fingerprint = {4}};
	struct message m;

	(void)state;
	assert_true(p != NULL && peer_table_add(&d.shared.peers, p));
	assert_int_equal(certificate_table_put(&d.shared.certificates, &v), 0);
	assert_int_equal(certificate_table_put(&d.shared.certificates, &other), 0);
	tell(&m, RK_PEER_INITIALIZING, 0);
	assert_int_equal(d.shared.certificates.held_cnt, 0);
	tell(&m, RK_PEER_UP, 3);
	assert_int_equal(d.shared.certificates.held_cnt, 1);
	tell(&m, RK_PEER_UP, 0); /* no news of it */
	assert_int_equal(d.shared.certificates.held_cnt, 1);
	tell(&m, RK_PEER_UP, 4);
	assert_int_equal(d.shared.certificates.held_cnt, 1);
	for (unsigned i = 0; i < 20; i++) {
		v.fingerprint[0] = (uint8_t)(100 + i);
		assert_int_equal(certificate_table_put(&d.shared.certificates, &v), 0);
	}
	assert_non_null(certificate_table_find(&d.shared.certificates, other.fingerprint));
	tell(&m, RK_PEER_DOWN, 0);
	assert_int_equal(d.shared.certificates.held_cnt, 0);
	(void)inbox_take(&worker->inbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answer_goes_to_its_question, set_up, tear_down),
		cmocka_unit_test_setup_teardown(control_has_its_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			too_many_questions_are_not_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			confirmed_certificate_is_known_to_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(events_wait_for_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			certificate_is_held_by_its_peering, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
