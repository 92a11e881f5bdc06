/* SPDX-License-Identifier: BSD-3-Clause */
/* Two workers: one gets HELLO, the other owns the peer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "dataplane/core/messages.h"
#include "tests/pair/host.h"
#include "tests/pair/identities.h"

static bool is_agreed(struct pair *p)
{
	struct rk_msg_status_peer a = pair_status(p, 2), b = pair_status(p, 1);

	return a.state == RK_PEER_UP && b.state == RK_PEER_UP &&
	       memcmp(a.exported, b.exported, sizeof(a.exported)) == 0;
}

static bool is_type(const struct pair_packet *packet, uint8_t type)
{
	return packet->payload[MSG_ENVELOPE_LEN + 5] == type;
}

/*
 * East's own HELLOs are lost, so that it answers; and as many ACKs as the test says. Until one
 * arrives the keep-alives, which would tell the same, are lost as well.
 */
static bool east_only_answers(struct pair *p, struct pair_packet *packet)
{
	unsigned *acks_to_lose = p->filter_arg;

	if (is_type(packet, MSG_ACK) && *acks_to_lose > 0) {
		(*acks_to_lose)--;
		return false;
	}
	if (is_type(packet, MSG_KEEP_ALIVE) && pair_status(p, 1).state != RK_PEER_UP)
		return false;
	return packet->from != 2 || !is_type(packet, MSG_HELLO);
}

static struct pair *dialled(const struct pair_options *o, unsigned *acks_to_lose)
{
	struct pair *p = pair_new(o, east, west);

	pair_add_worker(p);
	p->filter = east_only_answers;
	p->filter_arg = acks_to_lose;
	pair_start(p, 2);
	pair_start(p, 1);
	return p;
}

static void owner_gets_the_key_and_answers(void **state)
{
	unsigned none = 0;
	struct pair *p = dialled(
		&(struct pair_options){.seed = 1, .rekey_interval_ns = 2 * PAIR_SEC}, &none);

	(void)state;
	assert_true(pair_run_until(p, is_agreed, 5 * PAIR_SEC));
	assert_int_equal(pair_counter(p, 0, "exchanges-handed-over"), 1);
	assert_int_equal(pair_status(p, 0).state, RK_PEER_DISABLED); /* has no session at all */
	pair_run(p, 10 * PAIR_SEC);
	assert_true(pair_run_until(p, is_agreed, PAIR_SEC));
	assert_true(pair_status(p, 2).rekey_cnt >= 3);
	assert_int_equal(pair_status(p, 2).local_index >> 26, 1);
	pair_free(p);
}

static void lost_ack_comes_again_through_the_owner(void **state)
{
	unsigned acks_to_lose = 2;
	struct pair *p =
		dialled(&(struct pair_options){.seed = 2, .keep_alive_interval_ns = 60 * PAIR_SEC},
			&acks_to_lose);

	(void)state;
	assert_true(pair_run_until(p, is_agreed, 8 * PAIR_SEC));
	assert_int_equal(acks_to_lose, 0);
	assert_int_equal(pair_counter(p, 0, "exchanges-handed-over"), 3);
	assert_int_equal(pair_status(p, 2).full_exchange_cnt, 1);
	pair_free(p);
}

static void finish_that_found_no_room_comes_again(void **state)
{
	unsigned none = 0;
	struct pair *p =
		dialled(&(struct pair_options){.seed = 5, .are_verdicts_known = true}, &none);

	(void)state;
	p->node[0].handovers_to_refuse = 2;
	assert_true(pair_run_until(p, is_agreed, 5 * PAIR_SEC));
	assert_int_equal(pair_counter(p, 0, "busy"), 2);
	assert_int_equal(pair_counter(p, 0, "exchanges-handed-over"), 1);
	assert_int_equal(pair_counter(p, 1, "exchanges-started"), 1);
	pair_free(p);
}

static void owner_has_the_last_word(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 3}, east, west);

	(void)state;
	pair_add_worker(p);
	p->node[2].path[0][0].remote[3] = 55; /* configured elsewhere */
	pair_start(p, 2);
	pair_start(p, 1);
	pair_run(p, 5 * PAIR_SEC);
	assert_true(pair_counter(p, 2, "address-not-configured") > 0);
	assert_int_not_equal(pair_status(p, 2).state, RK_PEER_UP);
	pair_free(p);
}

/* The view allows the group, the peer's settings do not. */
static void owner_refuses_a_group_that_is_not_its_peers(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 3}, east, west);

	(void)state;
	pair_add_worker(p);
	memset(p->node[2].config[0].groups, 0, sizeof(p->node[2].config[0].groups));
	p->node[2].config[0].groups[0] = 24;
	pair_start(p, 2);
	pair_start(p, 1);
	pair_run(p, 5 * PAIR_SEC);
	assert_true(pair_counter(p, 2, "no-common-group") > 0);
	assert_int_not_equal(pair_status(p, 2).state, RK_PEER_UP);
	pair_free(p);
}

static bool renew_at_finish(struct pair *p, struct pair_packet *packet)
{
	const struct pair_identity *renewed = p->filter_arg;

	if (is_type(packet, MSG_FINISH) && p->node[2].identity != renewed)
		pair_set_identity(p, 2, renewed);
	return packet->from != 2 || !is_type(packet, MSG_HELLO);
}

/* E9: the owner has a new certificate already: no key comes of what was begun with the old one. */
static void old_certificate_gives_no_key(void **state)
{
	struct pair_identity *renewed = pair_identity_new("east", TEST_P256, NULL);
	struct pair *p = pair_new(&(struct pair_options){.seed = 6}, east, west);

	(void)state;
	pair_add_worker(p);
	p->filter = renew_at_finish;
	p->filter_arg = renewed;
	pair_start(p, 2);
	pair_start(p, 1);
	pair_run(p, 3 * PAIR_SEC);
	assert_int_not_equal(pair_status(p, 2).state, RK_PEER_UP);
	assert_int_equal(pair_counter(p, 2, "own-certificate-invalid"), 1);
	pair_set_identity(p, 0, renewed); /* the other worker follows */
	assert_true(pair_run_until(p, is_agreed, 20 * PAIR_SEC));
	assert_memory_equal(
		pair_status(p, 1).fingerprint, renewed->verdict.fingerprint, RK_FINGERPRINT_LEN);
	pair_free(p);
	pair_identity_free(renewed);
}

static void nothing_is_left_of_a_dropped_one(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 4}, east, west);

	(void)state;
	pair_add_worker(p);
	pair_start(p, 1); /* the owner has no such session (any more) */
	pair_run(p, 5 * PAIR_SEC);
	assert_true(pair_counter(p, 0, "identity-unknown") > 0);
	pair_free(p);
}

static bool has_job(struct pair *p)
{
	return p->node[0].jobs != NULL;
}

static bool has_question(struct pair *p)
{
	return p->answers != NULL;
}

static bool has_question_of_east(struct pair *p)
{
	return p->answers != NULL && p->answers->node == 0;
}

/* A node's own certificate is replaced: its exchanges end, with whatever they wait for. */
static void renew(struct pair *p, unsigned node, struct pair_identity **renewed)
{
	*renewed = pair_identity_new(p->node[node].identity->name, TEST_P256, NULL);
	pair_set_identity(p, node, *renewed);
}

static void work_that_outlives_its_exchange_is_left_over(void **state)
{
	struct pair *p =
		pair_new(&(struct pair_options){.seed = 6, .job_ns = 50 * PAIR_MS}, east, west);
	struct pair_identity *renewed;

	(void)state;
	pair_start(p, 0);
	assert_true(pair_run_until(p, has_job, PAIR_SEC));
	renew(p, 0, &renewed);
	pair_run(p, 100 * PAIR_MS);
	assert_int_equal(pair_counter(p, 0, "work-left-over"), 1);
	assert_int_equal(pair_counter(p, 0, "work-misdirected"), 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_free(p);
	pair_identity_free(renewed);
}

/* Its exchange is still there, and waits for something else by now. */
static void work_that_was_given_up_is_left_over(void **state)
{
	struct pair *p =
		pair_new(&(struct pair_options){.seed = 8, .job_ns = 50 * PAIR_MS}, east, west);
	struct exchange *x;

	(void)state;
	pair_start(p, 0);
	assert_true(pair_run_until(p, has_job, PAIR_SEC));
	x = exchange_find(p->node[0].engine, p->node[0].session[0]->own_exchange);
	x->job_number++;
	pair_run(p, 100 * PAIR_MS);
	assert_int_equal(pair_counter(p, 0, "work-left-over"), 1);
	assert_int_equal(x->state, EXCHANGE_AWAIT_SHARE);
	assert_int_equal(p->node[0].sent_cnt, 0);
	pair_free(p);
}

static void late_verdict_is_left_over(void **state)
{
	struct pair *p =
		pair_new(&(struct pair_options){.seed = 7, .control_ns = PAIR_SEC}, east, west);
	struct pair_identity *renewed;
	unsigned asker;

	(void)state;
	pair_start(p, 0);
	assert_true(pair_run_until(p, has_question, PAIR_SEC));
	asker = p->answers->node;
	renew(p, asker, &renewed);
	pair_run(p, 1100 * PAIR_MS);
	assert_int_equal(pair_counter(p, asker, "work-left-over"), 1);
	assert_int_equal(pair_counter(p, asker, "work-misdirected"), 0);
	pair_free(p);
	pair_identity_free(renewed);
}

/* Neither a job nor a verdict of another worker has any effect but to be counted. */
static void work_of_another_worker_is_misdirected(void **state)
{
	unsigned none = 0;
	struct pair *p = dialled(&(struct pair_options){.seed = 8, .job_ns = PAIR_MS}, &none);
	struct pair_node *owner = &p->node[2];

	(void)state;
	assert_true(pair_run_until(p, has_job, PAIR_SEC));
	pair_begin(owner);
	engine_job_done(owner->engine, p->node[0].jobs);
	owner->misdirected_cnt = 1;
	assert_true(pair_run_until(p, has_question_of_east, PAIR_SEC));
	pair_begin(owner);
	engine_verdict(owner->engine, p->answers->request, &p->answers->verdict);
	owner->misdirected_cnt = 2;
	assert_int_equal(pair_counter(p, 2, "work-misdirected"), 2);
	assert_true(pair_run_until(p, is_agreed, 5 * PAIR_SEC));
	assert_int_equal(pair_counter(p, 2, "work-left-over"), 0);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owner_gets_the_key_and_answers),
		cmocka_unit_test(lost_ack_comes_again_through_the_owner),
		cmocka_unit_test(finish_that_found_no_room_comes_again),
		cmocka_unit_test(owner_has_the_last_word),
		cmocka_unit_test(owner_refuses_a_group_that_is_not_its_peers),
		cmocka_unit_test(old_certificate_gives_no_key),
		cmocka_unit_test(nothing_is_left_of_a_dropped_one),
		cmocka_unit_test(work_that_outlives_its_exchange_is_left_over),
		cmocka_unit_test(work_that_was_given_up_is_left_over),
		cmocka_unit_test(late_verdict_is_left_over),
		cmocka_unit_test(work_of_another_worker_is_misdirected),
	};

	return cmocka_run_group_tests(tests, pair_make_identities, pair_free_identities);
}
