/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine's way out of a worker: what it tells main and other workers, and what it is told of tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/worker_parts.h"
#include "pki/view/secret.h"

#define TRUST 7

static const struct engine_ops *ops = &worker_engine_ops;

struct fixture {
	struct shared shared;
	struct worker *worker[2]; /* of which the first one acts */
	struct graveyard graveyard;
	struct peer_pool pool;
	struct rk_global global;
	struct published published;
	struct peer *peer;
	struct message report;
	struct certificate_message certificate;
	struct handover_message *handover;
};

static size_t slots_size(unsigned session_cnt)
{
	return session_cnt;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(rk_rcu_start(), 0);
	f->shared.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	inbox_init(&f->shared.to_main);
	graveyard_init(&f->graveyard, f->shared.wake_fd);
	assert_int_equal(peer_table_init(&f->shared.peers), 0);
	assert_int_equal(certificate_table_init(&f->shared.certificates, &f->graveyard, 8), 0);
	peer_pool_init(&f->pool, session_size(), slots_size);
	f->global.trust_generation = TRUST;
	f->published.view.global = &f->global;
	for (unsigned i = 0; i < 2; i++) {
		struct worker *w = f->worker[i] = calloc(1, sizeof(*w));

		assert_non_null(w);
		w->shared = &f->shared;
		w->id = i;
		w->published = &f->published;
		inbox_init(&w->inbox);
		inbox_list_init(&w->free_reports);
		inbox_list_init(&w->free_certificates);
		inbox_list_init(&w->free_handovers);
		f->shared.worker[i] = w;
	}
	f->shared.worker_cnt = 2;
	f->handover = aligned_alloc(64, sizeof(*f->handover) + (handover_size() + 63) / 64 * 64);
	assert_non_null(f->handover);
	memset(f->handover, 0, sizeof(*f->handover));
	f->peer = peer_new(&f->pool, "west", "West", 4);
	assert_non_null(f->peer);
	f->peer->owner = 1;
	assert_true(peer_table_add(&f->shared.peers, f->peer));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	peer_table_remove(&f->shared.peers, f->peer);
	certificate_table_clear(&f->shared.certificates);
	rk_rcu_barrier();
	while (graveyard_step(&f->graveyard, 8))
		;
	peer_free(f->peer);
	peer_table_fini(&f->shared.peers);
	certificate_table_fini(&f->shared.certificates);
	peer_pool_fini(&f->pool);
	rk_rcu_stop();
	close(f->shared.wake_fd);
	free(f->worker[0]);
	free(f->worker[1]);
	free(f->handover);
	free(f);
	return 0;
}

/* The one message that main has got, or NULL. */
static struct message *told(struct fixture *f)
{
	struct inbox_node *node = inbox_take(&f->shared.to_main);

	assert_true(node == NULL || node->next == NULL);
	return node == NULL ? NULL : message_of(node);
}

static void certificate_goes_to_control(void **state)
{
	struct fixture *f = *state;
	struct worker *w = f->worker[0];
	static uint8_t der[RK_CERT_DER_MAX + 1] = {0x30, 0x82};

	assert_false(ops->validate(w, 9, der, 100)); /* control is away */
	atomic_store(&f->shared.is_control_connected, true);
	assert_false(ops->validate(w, 9, der, 100)); /* all are under way */
	f->certificate.has_verdict = true;           /* of the last time */
	inbox_list_append(&w->free_certificates, &f->certificate.head.node);
	assert_false(ops->validate(w, 9, der, sizeof(der)));
	assert_null(told(f));
	assert_true(ops->validate(w, 9, der, 100));
	assert_ptr_equal(told(f), &f->certificate.head);
	assert_int_equal(f->certificate.head.type, MESSAGE_VALIDATE);
	assert_int_equal(f->certificate.request, 9);
	assert_int_equal(f->certificate.der_len, 100);
	assert_memory_equal(f->certificate.der, der, 100);
	assert_false(f->certificate.has_verdict); /* silence is no verdict */
	assert_null(w->free_certificates.first);
}

static void confirmed_verdict_goes_to_main(void **state)
{
	struct fixture *f = *state;
	struct worker *w = f->worker[0];
	const struct rk_verdict v = {.fingerprint = {1, 2, 3}};

	ops->confirm(w, &v);
	assert_null(told(f));
	assert_int_equal(counters_get(&w->counters, NET_REPORT_LOST), 1);
	inbox_list_append(&w->free_certificates, &f->certificate.head.node);
	ops->confirm(w, &v);
	assert_ptr_equal(told(f), &f->certificate.head);
	assert_int_equal(f->certificate.head.type, MESSAGE_CONFIRM);
	assert_memory_equal(&f->certificate.verdict, &v, sizeof(v));
	assert_int_equal(counters_get(&w->counters, NET_REPORT_LOST), 1);
}

static void verdict_of_other_anchors_is_none(void **state)
{
	struct fixture *f = *state;
	struct rk_verdict v = {.fingerprint = {1, 2, 3}, .trust_generation = TRUST};

	assert_null(ops->find_verdict(f->worker[0], v.fingerprint));
	assert_int_equal(certificate_table_put(&f->shared.certificates, &v), 0);
	assert_non_null(ops->find_verdict(f->worker[0], v.fingerprint));
	f->global.trust_generation = TRUST + 1;
	assert_null(ops->find_verdict(f->worker[0], v.fingerprint));
}

static void peer_is_found_while_it_is_served(void **state)
{
	struct fixture *f = *state;
	unsigned owner = 99;

	assert_null(ops->find_peer(f->worker[0], "West", 4, &owner));
	atomic_store(&f->peer->is_ready, true);
	assert_null(ops->find_peer(f->worker[0], "west", 4, &owner));
	assert_int_equal(owner, 99);
	assert_ptr_equal(ops->find_peer(f->worker[0], "West", 4, &owner), peer_session(f->peer));
	assert_int_equal(owner, 1);
	atomic_store(&f->peer->is_dead, true);
	assert_null(ops->find_peer(f->worker[0], "West", 4, &owner));
}

/* What could not be told is made up for by the whole state of its peer. */
static void lost_event_is_made_up_for(void **state)
{
	struct fixture *f = *state;
	struct worker *w = f->worker[1], *other = f->worker[0];
	const uint8_t fingerprint[RK_FINGERPRINT_LEN] = {4};
	struct engine_event event = {.peer = "west",
		.state = RK_PEER_UP,
		.verdict = RK_VERDICT_GOOD,
		.fingerprint = fingerprint,
		.path_down = 6,
		.reason = "key-installed"};

	ops->event(other, &event); /* of one that it had, and whose name another one has got */
	assert_false(f->peer->needs_status || other->is_resync_due);
	ops->event(w, &event);
	assert_true(f->peer->needs_status && w->is_resync_due);
	assert_int_equal(counters_get(&w->counters, NET_REPORT_LOST), 1);
	event.peer = "nobody";
	ops->event(w, &event);
	inbox_list_append(&w->free_reports, &f->report.node);
	event.peer = "west";
	ops->event(w, &event);
	assert_ptr_equal(told(f), &f->report);
	assert_int_equal(f->report.type, MESSAGE_EVENT);
	assert_string_equal(f->report.event.peer, "west");
	assert_string_equal(f->report.event.reason, "key-installed");
	assert_int_equal(f->report.event.state, RK_PEER_UP);
	assert_int_equal(f->report.event.verdict, RK_VERDICT_GOOD);
	assert_int_equal(f->report.event.path_down, 6);
	assert_memory_equal(f->report.event.fingerprint, fingerprint, sizeof(fingerprint));
}

static void finished_exchange_goes_to_its_owner(void **state)
{
	struct fixture *f = *state;
	const size_t len = handover_size();
	uint8_t *h = aligned_alloc(64, (len + 63) / 64 * 64);

	assert_non_null(h);
	memset(h, 0x5a, len);
	assert_false(ops->hand_over(f->worker[0], 1, (const struct handover *)(void *)h));
	inbox_list_append(&f->worker[0]->free_handovers, &f->handover->head.node);
	assert_true(ops->hand_over(f->worker[0], 1, (const struct handover *)(void *)h));
	assert_null(inbox_take(&f->worker[0]->inbox));
	assert_ptr_equal(inbox_take(&f->worker[1]->inbox), &f->handover->head.node);
	assert_int_equal(f->handover->head.type, MESSAGE_HAND_OVER);
	assert_memory_equal(f->handover->handover, h, len);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(certificate_goes_to_control, set_up, tear_down),
		cmocka_unit_test_setup_teardown(confirmed_verdict_goes_to_main, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			verdict_of_other_anchors_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			peer_is_found_while_it_is_served, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lost_event_is_made_up_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			finished_exchange_goes_to_its_owner, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
