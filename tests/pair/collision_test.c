/* SPDX-License-Identifier: BSD-3-Clause */
/* Exchanges that meet: who goes on, who waits, for how long, and what proves it over. East has the lower fingerprint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/host.h"
#include "tests/pair/identities.h"

enum { EAST, WEST };

static bool is_type(const struct pair_packet *packet, uint8_t type)
{
	return packet->payload[MSG_ENVELOPE_LEN + 5] == type;
}

/* Holds back the first of a type from each side, and drops what repeats it. */
struct hold {
	uint8_t type;
	bool is_over, has_it[2];
	struct pair_packet packet[2];
};

static bool hold_back(struct pair *p, struct pair_packet *packet)
{
	struct hold *h = p->filter_arg;

	if (h->is_over || !is_type(packet, h->type))
		return true;
	if (!h->has_it[packet->from])
		h->packet[packet->from] = *packet;
	h->has_it[packet->from] = true;
	return false;
}

static void let_go(struct pair *p, struct hold *h, unsigned from)
{
	h->is_over = true;
	assert_true(h->has_it[from]);
	pair_inject(p, &h->packet[from], 0);
	while (pair_step(p, p->now_ns))
		;
}

static struct pair *new_held(struct hold *h)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 1,
					  .are_verdicts_known = true,
					  .groups = {29},
					  .hold_ns = PAIR_SEC,
					  .keep_alive_interval_ns = 20 * PAIR_SEC},
		east, west);

	p->filter = hold_back;
	p->filter_arg = h;
	return p;
}

static struct pair *dial_at_once(struct hold *h)
{
	struct pair *p = new_held(h);

	for (unsigned i = 0; i < 2; i++) {
		pair_start(p, i);
		session_dial_in(p->node[i].engine, p->node[i].session[0], 0);
	}
	return p;
}

static void assert_agreed_for(struct pair *p, uint64_t for_ns)
{
	uint64_t end = p->now_ns + for_ns;

	while (pair_step(p, end)) {
		assert_true(pair_is_receivable(p));
		assert_true(pair_is_agreed(p));
	}
}

/* C2: both FINISHes cross; the lower one's is answered, the other one gets COLLISION. */
static void lower_fingerprint_alone_refuses(void **state)
{
	struct hold h = {.type = MSG_FINISH};
	struct pair *p = dial_at_once(&h);

	(void)state;
	pair_run(p, 50 * PAIR_MS);
	let_go(p, &h, EAST);
	pair_inject(p, &h.packet[WEST], 0);
	assert_true(pair_run_until(p, pair_is_agreed, 100 * PAIR_MS));
	assert_int_equal(pair_counter(p, EAST, "collision-refused") +
				 pair_counter(p, EAST, "unexpected-message"),
		pair_counter(p, EAST, "collision-refused"));
	assert_int_equal(pair_counter(p, WEST, "collision-refused"), 0);
	assert_int_equal(pair_counter(p, WEST, "collisions"), 1);
	assert_agreed_for(p, 5 * PAIR_SEC);
	pair_free(p);
}

/* C2: west's FINISH comes first, east's own is on its way: COLLISION, and west waits for east's. */
static void finish_under_way_wins(void **state)
{
	struct hold h = {.type = MSG_FINISH};
	struct pair *p = dial_at_once(&h);

	(void)state;
	pair_run(p, 50 * PAIR_MS);
	let_go(p, &h, WEST);
	assert_int_equal(pair_counter(p, EAST, "collision-refused"), 1);
	assert_int_equal(pair_counter(p, EAST, "exchanges-done"), 0);
	pair_run(p, 10 * PAIR_MS);
	assert_int_equal(pair_counter(p, WEST, "collisions"), 1);
	assert_true(p->node[WEST].session[0]->keys.slot[KEYRING_NEXT]->is_loser);
	pair_inject(p, &h.packet[EAST], 0);
	assert_true(pair_run_until(p, pair_is_agreed, 100 * PAIR_MS));
	assert_true(p->node[EAST].session[0]->keys.slot[KEYRING_CURRENT]->is_initiator);
	assert_agreed_for(p, 5 * PAIR_SEC);
	pair_free(p);
}

/* C2: after two seconds it wins no more. Each accepts the other's; the lower one's key comes out. */
static void late_finishes_cross(void **state)
{
	struct hold h = {.type = MSG_FINISH};
	struct pair *p = dial_at_once(&h);

	(void)state;
	pair_run(p, 2500 * PAIR_MS);
	let_go(p, &h, WEST);
	assert_int_equal(pair_counter(p, EAST, "collision-refused"), 0);
	assert_int_equal(pair_counter(p, EAST, "exchanges-done"), 1);
	pair_inject(p, &h.packet[EAST], 0);
	assert_true(pair_run_until(p, pair_is_agreed, 2 * PAIR_SEC));
	assert_true(p->node[EAST].session[0]->keys.slot[KEYRING_CURRENT]->is_initiator);
	assert_agreed_for(p, 5 * PAIR_SEC);
	pair_free(p);
}

/* West never dials by itself, and east's FINISH is held back. */
static struct pair *dial_from_east(struct hold *h)
{
	struct pair *p = new_held(h);

	pair_start(p, WEST);
	p->node[WEST].session[0]->dial_at_ns = 0;
	pair_start(p, EAST);
	session_dial_in(p->node[EAST].engine, p->node[EAST].session[0], 0);
	pair_run(p, 50 * PAIR_MS);
	return p;
}

/*
 * C4: FINISH from before a crash comes when the peer has long begun anew. Its key would be one that
 * nobody else has, and the peer be unheard until the silence is noticed.
 */
static void finish_from_before_a_crash_is_refused(void **state)
{
	struct hold h = {.type = MSG_FINISH};
	struct pair *p = dial_from_east(&h);

	(void)state;
	pair_crash(p, EAST);
	h.is_over = true;
	pair_start(p, EAST);
	session_dial_in(p->node[EAST].engine, p->node[EAST].session[0], 0);
	assert_true(pair_run_until(p, pair_is_agreed, PAIR_SEC));
	let_go(p, &h, EAST);
	assert_int_equal(pair_counter(p, WEST, "collision-refused"), 1);
	assert_int_equal(pair_counter(p, WEST, "exchanges-done"), 1);
	assert_agreed_for(p, 5 * PAIR_SEC);
	pair_free(p);
}

/* ---- fast rekeys ------------------------------------------------------------------------------ */

static bool is_idle(struct pair *p)
{
	bool is_idle = pair_is_agreed(p);

	for (unsigned i = 0; i < 2; i++)
		is_idle = is_idle &&
			  p->node[i].session[0]->keys.slot[KEYRING_PREVIOUS]->local_index == 0 &&
			  !p->node[i].session[0]->is_unproved;
	return is_idle;
}

static struct pair *stand(struct hold *h)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 2,
					  .are_verdicts_known = true,
					  .groups = {29},
					  .hold_ns = 2 * PAIR_SEC,
					  .keep_alive_interval_ns = 20 * PAIR_SEC},
		east, west);

	pair_start(p, EAST);
	pair_start(p, WEST);
	assert_true(pair_run_until(p, is_idle, 20 * PAIR_SEC));
	p->filter = hold_back;
	p->filter_arg = h;
	return p;
}

static void rotate(struct pair *p, unsigned node)
{
	session_rotate(p->node[node].engine, p->node[node].session[0], false);
}

/* F3: none begins while what went out of use is held; then it does by itself. */
static void rekey_waits_for_the_hold_time(void **state)
{
	struct hold h = {.is_over = true};
	struct pair *p = stand(&h);

	(void)state;
	rotate(p, EAST);
	pair_run(p, 100 * PAIR_MS);
	assert_int_equal(pair_counter(p, EAST, "rekeys-done"), 1);
	for (unsigned i = 0; i < 2; i++)
		rotate(p, i);
	pair_run(p, 1800 * PAIR_MS);
	assert_int_equal(pair_counter(p, EAST, "rekeys-started"), 1);
	assert_int_equal(pair_counter(p, WEST, "rekeys-started"), 0);
	pair_run(p, PAIR_SEC);
	assert_int_equal(pair_counter(p, EAST, "rekeys-done"), 2);
	assert_true(pair_is_agreed(p));
	pair_free(p);
}

/* F3: none begins while what comes next is not confirmed. */
static void rekey_waits_for_confirmation(void **state)
{
	struct hold h = {.type = MSG_KEEP_ALIVE};
	struct pair *p = stand(&h);

	(void)state;
	rotate(p, EAST);
	pair_run(p, 100 * PAIR_MS);
	assert_true(keyslot_is_used(p->node[WEST].session[0]->keys.slot[KEYRING_NEXT]));
	exchange_free(p->node[WEST].engine,
		exchange_find(p->node[WEST].engine, p->node[WEST].session[0]->peer_rekey));
	p->node[WEST].session[0]->peer_rekey = 0; /* its answer is kept no longer than that */
	rotate(p, WEST);
	pair_run(p, 3 * PAIR_SEC);
	assert_int_equal(pair_counter(p, WEST, "rekeys-started"), 0);
	let_go(p, &h, EAST);
	assert_true(pair_run_until(p, pair_is_agreed, 100 * PAIR_MS));
	pair_run(p, 5 * PAIR_SEC);
	assert_int_equal(pair_counter(p, WEST, "rekeys-started"), 0); /* there is a new key */
	pair_free(p);
}

/* F2: a repeated REKEY_HELLO costs no work; the answer is the one before, under a new counter. */
static void repeated_rekey_hello_gets_the_same_answer(void **state)
{
	struct hold h = {.type = MSG_REKEY_REPLY};
	struct pair *p = stand(&h);
	uint64_t jobs;

	(void)state;
	rotate(p, EAST);
	pair_run(p, 100 * PAIR_MS);
	jobs = p->node[WEST].job_cnt;
	pair_run(p, 2 * PAIR_SEC); /* each repetition's answer is lost */
	assert_true(pair_counter(p, EAST, "retransmits") >= 2);
	assert_true(pair_counter(p, WEST, "packets-duplicate") >= 2);
	assert_int_equal(p->node[WEST].job_cnt, jobs);
	let_go(p, &h, WEST);
	assert_true(pair_run_until(p, pair_is_agreed, 100 * PAIR_MS));
	assert_int_equal(pair_counter(p, EAST, "rekeys-done"), 1);
	pair_free(p);
}

/* F3, C3: a rekey is not answered while a full exchange of ours is under way, and costs no work. */
static void full_exchange_lets_no_rekey_in(void **state)
{
	struct hold h = {.type = MSG_REKEY_HELLO};
	struct pair *p = stand(&h);
	struct hold finish = {.type = MSG_FINISH};
	uint64_t jobs;

	(void)state;
	rotate(p, WEST);
	pair_run(p, 10 * PAIR_MS);
	p->filter_arg = &finish;
	p->node[EAST].session[0]->is_reauth_due = true;
	session_dial_in(p->node[EAST].engine, p->node[EAST].session[0], 0);
	pair_run(p, 50 * PAIR_MS);
	jobs = p->node[EAST].job_cnt;
	p->filter_arg = &h;
	let_go(p, &h, WEST);
	assert_int_equal(pair_counter(p, EAST, "no-base-slot"), 1);
	assert_int_equal(p->node[EAST].job_cnt, jobs);
	assert_int_not_equal(p->node[WEST].session[0]->own_rekey, 0);
	let_go(p, &finish, EAST);
	assert_int_equal(p->node[WEST].session[0]->own_rekey, 0);
	assert_true(pair_run_until(p, pair_is_agreed, PAIR_SEC));
	assert_true(p->node[EAST].session[0]->keys.slot[KEYRING_CURRENT]->is_full);
	pair_free(p);
}

/* C3: nor does a full exchange begin beside what is held, or it could push out a key in use. */
static void full_exchange_waits_for_the_hold_time(void **state)
{
	struct hold h = {.is_over = true};
	struct pair *p = stand(&h);
	uint64_t before = pair_counter(p, EAST, "exchanges-started");

	(void)state;
	rotate(p, EAST);
	pair_run(p, 100 * PAIR_MS);
	p->node[EAST].session[0]->is_reauth_due = true;
	session_dial_in(p->node[EAST].engine, p->node[EAST].session[0], 0);
	pair_run(p, 1800 * PAIR_MS);
	assert_int_equal(pair_counter(p, EAST, "exchanges-started"), before);
	pair_run(p, PAIR_SEC);
	assert_int_equal(pair_counter(p, EAST, "exchanges-started"), before + 1);
	assert_true(pair_is_agreed(p));
	pair_free(p);
}

/* ---- F4: who switched first wants to hear of it ------------------------------------------------- */

/* I of a rekey asks every half second, and the answer under the new key is the proof. */
static void keep_alive_is_repeated_until_it_is_answered(void **state)
{
	struct hold h = {.type = MSG_KEEP_ALIVE};
	struct pair *p = stand(&h);
	uint64_t sent = pair_counter(p, EAST, "keep-alives-sent");

	(void)state;
	rotate(p, EAST);
	pair_run(p, 2300 * PAIR_MS); /* what went out of use is kept as long, too */
	assert_int_equal(pair_counter(p, EAST, "keep-alives-sent"), sent + 5);
	assert_true(p->node[EAST].session[0]->is_unproved);
	assert_true(pair_is_receivable(p));
	let_go(p, &h, EAST);
	pair_run(p, 10 * PAIR_MS);
	assert_false(p->node[EAST].session[0]->is_unproved);
	assert_true(pair_is_agreed(p));
	pair_free(p);
}

/* I of a full exchange says at once that it goes on with the new key: R need not ask. */
static void full_exchange_is_proved_at_once(void **state)
{
	struct hold h = {.is_over = true};
	struct pair *p = stand(&h);
	uint64_t sent = pair_counter(p, WEST, "keep-alives-sent");

	(void)state;
	p->node[EAST].session[0]->is_reauth_due = true;
	session_dial_in(p->node[EAST].engine, p->node[EAST].session[0], 0);
	pair_run(p, 100 * PAIR_MS);
	assert_true(p->node[EAST].session[0]->keys.slot[KEYRING_CURRENT]->is_initiator);
	assert_true(p->node[EAST].session[0]->keys.slot[KEYRING_CURRENT]->is_full);
	assert_false(p->node[WEST].session[0]->is_unproved);
	assert_int_equal(pair_counter(p, WEST, "keep-alives-sent"), sent);
	pair_free(p);
}

/* E9: a new certificate of ours ends the exchange with the old one, and its key is not there to be used. */
static void renewal_takes_the_key_of_its_exchange_away(void **state)
{
	struct pair_identity *renewed = pair_identity_new("east", TEST_P256, NULL);
	struct hold h = {.type = MSG_ACK};
	struct pair *p = stand(&h);
	struct session *s = p->node[EAST].session[0];

	(void)state;
	s->is_reauth_due = true;
	session_dial_in(p->node[EAST].engine, s, 0);
	pair_run(p, 100 * PAIR_MS);
	assert_true(keyslot_is_used(s->keys.slot[KEYRING_NEXT]));
	p->node[EAST].identity = renewed;
	pair_set_credential(&p->node[EAST]);
	pair_publish(&p->node[EAST]); /* this peering has not been judged again yet */
	let_go(p, &h, WEST);
	assert_int_equal(pair_counter(p, EAST, "unknown-index"), 1);
	assert_int_equal(s->own_exchange, 0);
	assert_false(keyslot_is_used(s->keys.slot[KEYRING_NEXT]));
	pair_rejudge(p, EAST);
	assert_true(pair_run_until(p, pair_is_agreed, 20 * PAIR_SEC));
	assert_memory_equal(
		pair_status(p, WEST).fingerprint, renewed->verdict.fingerprint, RK_FINGERPRINT_LEN);
	pair_free(p);
	pair_identity_free(renewed);
}

/* E9: nor does one that a peer began wait any longer for its FINISH. */
static void renewal_ends_what_peers_began(void **state)
{
	struct pair_identity *renewed = pair_identity_new("east", TEST_P256, NULL);
	struct hold h = {.type = MSG_FINISH};
	struct pair *p =
		pair_new(&(struct pair_options){.seed = 3, .are_verdicts_known = true}, east, west);

	(void)state;
	p->filter = hold_back;
	p->filter_arg = &h;
	pair_start(p, WEST);
	assert_false(pair_run_until(p, pair_is_agreed, 3 * PAIR_SEC));
	assert_int_equal(p->node[EAST].engine->used_cnt, 1);
	pair_set_identity(p, EAST, renewed);
	assert_int_equal(p->node[EAST].engine->used_cnt, 0);
	pair_free(p);
	pair_identity_free(renewed);
}

static bool only_keep_alives(struct pair *p, struct pair_packet *packet)
{
	const bool *is_cut = p->filter_arg;

	return !*is_cut && is_type(packet, MSG_KEEP_ALIVE);
}

/* S3: anything valid ends the silence, without a full exchange. */
static void keep_alive_ends_the_silence(void **state)
{
	struct hold h = {.is_over = true};
	struct pair *p = stand(&h);
	uint64_t before[2];
	bool is_cut = true;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		p->node[i].config[0].keep_alive_interval_ns = PAIR_SEC;
		session_update(p->node[i].engine, p->node[i].session[0], &p->node[i].config[0]);
	}
	pair_run(p, 20 * PAIR_SEC);
	for (unsigned i = 0; i < 2; i++)
		before[i] = pair_counter(p, i, "exchanges-done");
	p->filter = only_keep_alives;
	p->filter_arg = &is_cut;
	pair_run(p, 5 * PAIR_SEC);
	assert_true(p->node[EAST].session[0]->is_silent);
	is_cut = false;
	pair_run(p, 2 * PAIR_SEC);
	for (unsigned i = 0; i < 2; i++) {
		assert_false(p->node[i].session[0]->is_silent);
		assert_int_equal(pair_status(p, i).state, RK_PEER_UP);
		assert_int_equal(pair_counter(p, i, "exchanges-done"), before[i]);
	}
	pair_free(p);
}

static int make_identities(void **state)
{
	(void)state;
	east = pair_identity_new("east", TEST_P256, NULL);
	do {
		pair_identity_free(west);
		west = pair_identity_new("west", TEST_P256, NULL);
	} while (memcmp(east->verdict.fingerprint, west->verdict.fingerprint, RK_FINGERPRINT_LEN) >=
		 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lower_fingerprint_alone_refuses),
		cmocka_unit_test(finish_under_way_wins),
		cmocka_unit_test(late_finishes_cross),
		cmocka_unit_test(finish_from_before_a_crash_is_refused),
		cmocka_unit_test(rekey_waits_for_the_hold_time),
		cmocka_unit_test(rekey_waits_for_confirmation),
		cmocka_unit_test(repeated_rekey_hello_gets_the_same_answer),
		cmocka_unit_test(full_exchange_lets_no_rekey_in),
		cmocka_unit_test(full_exchange_waits_for_the_hold_time),
		cmocka_unit_test(keep_alive_is_repeated_until_it_is_answered),
		cmocka_unit_test(full_exchange_is_proved_at_once),
		cmocka_unit_test(renewal_takes_the_key_of_its_exchange_away),
		cmocka_unit_test(renewal_ends_what_peers_began),
		cmocka_unit_test(keep_alive_ends_the_silence),
	};

	return cmocka_run_group_tests(tests, make_identities, pair_free_identities);
}
