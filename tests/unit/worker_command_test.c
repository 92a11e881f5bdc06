/* SPDX-License-Identifier: BSD-3-Clause */
/* What main commands and other workers hand over: every message comes back, whatever peers do meanwhile. */
#include <errno.h>
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
#include "pki/view/bytes.h"

#define PEERS (3 * WORKER_ROTATE_STEP)

static struct shared shared;
static struct worker *worker[2]; /* the second one acts */
static struct peer_pool pool;
static struct peer *peer[PEERS];
static unsigned rotated[PEERS], removed_cnt, taken_cnt, told_cnt;
static int add_result;
static struct handover_message *handover;

int __wrap_session_add(struct engine *e, struct session *s, const struct session_config *config);
void __wrap_session_remove(struct engine *e, struct session *s);
void __wrap_session_rotate(struct engine *e, struct session *s, bool is_jittered);
void __wrap_session_status(
	const struct engine *e, const struct session *s, struct rk_msg_status_peer *out);
void __wrap_engine_take_over(struct engine *e, const struct handover *h);

static unsigned number_of(const struct session *s)
{
	unsigned n = 0;

	while (peer_session(peer[n]) != s)
		n++;
	return n;
}

int __wrap_session_add(struct engine *e, struct session *s, const struct session_config *config)
{
	(void)e;
	(void)s;
	(void)config;
	return add_result;
}

void __wrap_session_remove(struct engine *e, struct session *s)
{
	(void)e;
	(void)s;
	removed_cnt++;
}

void __wrap_session_rotate(struct engine *e, struct session *s, bool is_jittered)
{
	(void)e;
	(void)is_jittered;
	rotated[number_of(s)]++;
}

void __wrap_session_status(
	const struct engine *e, const struct session *s, struct rk_msg_status_peer *out)
{
	(void)e;
	(void)s;
	(void)out;
	told_cnt++;
}

void __wrap_engine_take_over(struct engine *e, const struct handover *h)
{
	(void)e;
	assert_int_equal(*(const uint8_t *)(const void *)h, 0x5a);
	taken_cnt++;
}

static size_t slots_size(unsigned session_cnt)
{
	return session_cnt;
}

static int set_up(void **state)
{
	(void)state;
	memset(&shared, 0, sizeof(shared));
	memset(rotated, 0, sizeof(rotated));
	removed_cnt = taken_cnt = told_cnt = 0;
	add_result = 0;
	shared.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	inbox_init(&shared.to_main);
	peer_pool_init(&pool, session_size(), slots_size);
	for (unsigned i = 0; i < 2; i++) {
		struct worker *w = worker[i] = calloc(1, sizeof(*w));

		assert_non_null(w);
		w->shared = &shared;
		w->id = i;
		inbox_init(&w->inbox);
		inbox_list_init(&w->commands);
		inbox_list_init(&w->free_reports);
		inbox_list_init(&w->free_handovers);
		shared.worker[i] = w;
	}
	for (unsigned i = 0; i < PEERS; i++) {
		peer[i] = peer_new(&pool, "west", "West", 4);
		assert_non_null(peer[i]);
	}
	handover = aligned_alloc(64, sizeof(*handover) + (handover_size() + 63) / 64 * 64);
	assert_non_null(handover);
	memset(handover, 0x5a, sizeof(*handover) + handover_size());
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PEERS; i++)
		peer_free(peer[i]);
	peer_pool_fini(&pool);
	close(shared.wake_fd);
	free(worker[0]);
	free(worker[1]);
	free(handover);
	return 0;
}

/* How many messages main has got, and the last one. */
static unsigned told(const struct message **last)
{
	struct inbox_node *node = inbox_take(&shared.to_main);
	unsigned cnt = 0;

	for (; node != NULL; node = node->next, cnt++)
		*last = message_of(node);
	return cnt;
}

static void command(struct message *m, uint8_t type, struct peer *p)
{
	const struct message *last = NULL;

	memset(m, 0, sizeof(*m));
	m->type = type;
	m->peer = p;
	assert_true(worker_execute(worker[1], &m->node));
	if (type == MESSAGE_ADD || type == MESSAGE_REMOVE) {
		assert_int_equal(told(&last), 1);
		assert_ptr_equal(last, m);
	}
}

static void add_all(void)
{
	struct message m;

	for (unsigned i = 0; i < PEERS; i++)
		command(&m, MESSAGE_ADD, peer[i]);
}

/* Keys of an exchange: they go as soon as they are taken, and their room goes back. */
static void handover_is_wiped(void **state)
{
	(void)state;
	handover->head = (struct message){.type = MESSAGE_HAND_OVER, .from = 0};
	assert_true(worker_execute(worker[1], &handover->head.node));
	assert_int_equal(taken_cnt, 1);
	assert_true(rk_bytes_are_zero(handover->handover, handover_size()));
	assert_ptr_equal(inbox_take(&worker[0]->inbox), &handover->head.node);
	/* Its own come back to be used again, and are not taken over. */
	handover->head.from = 1;
	assert_true(worker_execute(worker[1], &handover->head.node));
	assert_int_equal(taken_cnt, 1);
	assert_ptr_equal(inbox_list_pop(&worker[1]->free_handovers), &handover->head.node);
}

/* Known to main, and to nobody else: it is neither walked over nor removed. */
static void peer_without_a_session(void **state)
{
	const struct message *last = NULL;
	struct message add, one, all, remove;

	(void)state;
	add_result = -ENOSPC;
	command(&add, MESSAGE_ADD, peer[0]);
	assert_int_equal(add.result, -ENOSPC);
	assert_false(atomic_load(&peer[0]->is_ready));
	command(&one, MESSAGE_ROTATE, peer[0]);
	command(&all, MESSAGE_ROTATE, NULL);
	while (worker_walk_peers(worker[1]))
		;
	assert_int_equal(rotated[0], 0);
	assert_int_equal(told(&last), 2);
	command(&remove, MESSAGE_REMOVE, peer[0]);
	assert_int_equal(removed_cnt, 0);
}

/* Wherever the walk is: those that stay are met once, those that went are not, and main hears of its end. */
static void walk_goes_on_without_who_went(void **state)
{
	(void)state;
	for (unsigned gone = 0; gone < PEERS; gone += 7) {
		const struct message *last = NULL;
		struct message rotate, m;

		memset(rotated, 0, sizeof(rotated));
		add_all();
		command(&rotate, MESSAGE_ROTATE, NULL);
		assert_true(worker_walk_peers(worker[1]));
		for (unsigned i = gone; i < gone + 3 && i < PEERS; i++) {
			command(&m, MESSAGE_REMOVE, peer[i]);
			rotated[i] = 1;
		}
		while (worker_walk_peers(worker[1]))
			;
		assert_int_equal(told(&last), 1);
		assert_ptr_equal(last, &rotate);
		for (unsigned i = 0; i < PEERS; i++) {
			assert_int_equal(rotated[i], 1);
			command(&m, MESSAGE_REMOVE, peer[i]);
		}
	}
	assert_int_equal(removed_cnt % PEERS, 0);
}

static void overtaken_walk_is_told(void **state)
{
	const struct message *last = NULL;
	struct message first, second, m;

	(void)state;
	add_all();
	command(&first, MESSAGE_STATUS, NULL);
	command(&second, MESSAGE_STATUS, NULL);
	assert_int_equal(told(&last), 1);
	assert_ptr_equal(last, &first);
	for (unsigned i = 0; i < PEERS; i++)
		command(&m, MESSAGE_REMOVE, peer[i]);
	while (worker_walk_peers(worker[1]))
		;
	assert_int_equal(told(&last), 1);
	assert_ptr_equal(last, &second);
}

/* Of those alone whose event was lost; it waits for room to tell it in. */
static void lost_states_are_told(void **state)
{
	const struct message *last = NULL;
	struct message report, m;

	(void)state;
	add_all();
	peer[1]->needs_status = peer[PEERS - 1]->needs_status = true;
	worker[1]->is_resync_due = true;
	for (unsigned i = 0; i < 2 * PEERS; i++)
		worker_walk_peers(worker[1]);
	assert_int_equal(told_cnt, 0);
	for (unsigned cnt = 1; cnt <= 2; cnt++) {
		memset(&report, 0, sizeof(report));
		inbox_list_append(&worker[1]->free_reports, &report.node);
		for (unsigned i = 0; i < 2 * PEERS; i++)
			worker_walk_peers(worker[1]);
		assert_int_equal(told(&last), 1);
		assert_ptr_equal(last, &report);
		assert_int_equal(report.type, MESSAGE_STATUS_PEER);
		assert_int_equal(told_cnt, cnt);
	}
	assert_false(peer[1]->needs_status || peer[PEERS - 1]->needs_status);
	assert_false(worker_walk_peers(worker[1]));
	for (unsigned i = 0; i < PEERS; i++)
		command(&m, MESSAGE_REMOVE, peer[i]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(handover_is_wiped),
		T(peer_without_a_session),
		T(walk_goes_on_without_who_went),
		T(overtaken_walk_is_told),
		T(lost_states_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
