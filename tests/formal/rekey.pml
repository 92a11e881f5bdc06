/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The protocol's keys as a model for spin: two peers, three slots each, full exchanges and fast
 * rekeys of both, on a network that loses, copies and reorders. P, E, F, S, C are the guarantees
 * of docs/protocol.md.
 *
 * Asserted in every state:
 *   P10, S1  what a peer sends under, the other one can receive (unless that one crashed since,
 *            or a revocation keeps it from installing a key);
 *   P11, E8  no full exchange installs a key with a peer known to be revoked;
 *   P6, P7   after the last loss, copy, crash or wish both agree on one key within CONVERGE
 *            ticks, everything else is over by then, and no state is stuck before;
 *   every step of an exchange stands in the table "Full exchange" (states.h is made from it).
 *
 * Abstractions. Cryptography is perfect: whoever lacks a key neither reads nor forges under it, and
 * a key is what one answer made: a number that is in no use when it is made. Timers fire together (a
 * tick) when nothing is under way: a packet takes less than an interval. EARLY lets single ones
 * fire before that. Losses in a row are fewer than TRIES, as lives of keys (10 s, hold) are longer
 * than 20 repetitions. There is no replay window: copies of everything are delivered. Certificates are
 * known, jobs take no time; pair tests have both.
 *
 * Budgets (-D): FULL, REKEY (wishes of each side), LOSS, COPY, EARLY, CRASH, REVOKE.
 * BREAK_name leaves out one rule; spin must then find a trail.
 */
#include "states.h"

#ifndef FULL
#define FULL 0
#endif
#ifndef REKEY
#define REKEY 0
#endif
#ifndef LOSS
#define LOSS 0
#endif
#ifndef COPY
#define COPY 0
#endif
#ifndef EARLY
#define EARLY 0
#endif
#ifndef CRASH
#define CRASH 0
#endif
#ifndef REVOKE
#define REVOKE 0
#endif

#define IDS        15 /* of messages' exchanges and of keys, used again when in no use */
#define WIRE       12 /* datagrams under way at once */
#define TRIES      4  /* repetitions before an exchange expires */
#define HOLD       4  /* ticks that a key is held */
#define SILENCE    3
#define PRECEDENCE 2 /* C2's 2 s */
#define CONVERGE   40
#define ANSWERS    2 /* full exchanges that a side answers at once */

#define OTHER(p) (1 - (p))

/* A datagram: receiver, type, and up to three numbers, packed so that the wire can be sorted. */
#define T_HELLO  0 /* a = exchange */
#define T_REPLY  1 /* a = exchange, b = key that comes of it */
#define T_FINISH 2 /* b = key */
#define T_ACK    3 /* a = key: first packet under it */
#define T_REFUSE 4 /* COLLISION; b = key */
#define T_ALIVE  5 /* a = key, b = 1: wants an answer */
#define T_RHELLO 6 /* a = base, b = exchange */
#define T_RREPLY 7 /* a = base, b = exchange, c = key */
#define PACK(to, t, a, b, c) (((((((to) * 8) + (t)) * 16 + (a)) * 16) + (b)) * 16 + (c))

typedef peer {
	byte prev, cur, next; /* slots; 0 = empty */
	bit next_full, next_loser, unproved, wants_full, silent, revoked;
	byte hold, next_left, heard_left;
	/* full exchange that we began */
	byte own, own_id, own_key, own_left, precedence;
	/* fast rekey that we began, and the one that we answered */
	byte rekey, rekey_id, rekey_base, rekey_left;
	byte answer, answer_id, answer_base, answer_key, answer_left, answered_last;
	/* full exchanges that we answer */
	byte resp[ANSWERS], resp_id[ANSWERS], resp_key[ANSWERS], resp_left[ANSWERS];
	bit resp_refused[ANSWERS], resp_late[ANSWERS];
	byte full_wishes, rekey_wishes
};

peer P[2];
int wire[WIRE];
byte wire_cnt;
byte loss_left = LOSS, copy_left = COPY, early_left = EARLY, crash_left = CRASH, revoke_left = REVOKE;
byte ticks;
unsigned stale : 16; /* keys and exchanges from before a crash */

hidden byte i, j, k;
hidden int m, n;
hidden unsigned used : 16;
hidden byte fresh, to, type, a, b, c, p, q;
hidden byte is_refused, is_known;

/* ---- the wire ---- */

inline put(value)
{
	assert(wire_cnt < WIRE);
	n = value;
	k = wire_cnt;
	do
	:: k > 0 && wire[k - 1] > n -> wire[k] = wire[k - 1]; k--
	:: else -> break
	od;
	wire[k] = n;
	wire_cnt++
}

inline take_off(at)
{
	k = at;
	do
	:: k + 1 < wire_cnt -> wire[k] = wire[k + 1]; k++
	:: else -> break
	od;
	wire_cnt--;
	wire[wire_cnt] = 0
}

/* ---- numbers ---- */

inline use_of(x)
{
	used = used | (1 << P[x].prev) | (1 << P[x].cur) | (1 << P[x].next) | (1 << P[x].own_id) |
		(1 << P[x].own_key) | (1 << P[x].rekey_id) | (1 << P[x].rekey_base) |
		(1 << P[x].answer_id) | (1 << P[x].answer_base) | (1 << P[x].answer_key) |
		(1 << P[x].answered_last) | (1 << P[x].resp_id[0]) | (1 << P[x].resp_key[0]) |
		(1 << P[x].resp_id[1]) | (1 << P[x].resp_key[1])
}

inline collect_used()
{
	used = 1;
	use_of(0);
	use_of(1);
	k = 0;
	do
	:: k < wire_cnt ->
		used = used | (1 << ((wire[k] >> 8) & 15)) | (1 << (wire[k] & 15));
		if
		:: ((wire[k] >> 12) & 7) != T_ALIVE -> used = used | (1 << ((wire[k] >> 4) & 15))
		:: else
		fi;
		k++
	:: else -> break
	od
}

inline make_fresh()
{
	collect_used();
	fresh = 1;
	do
	:: fresh <= IDS && ((used >> fresh) & 1) -> fresh++
	:: else -> break
	od;
	assert(fresh <= IDS);
	stale = stale & ~(1 << fresh)
}

/* ---- steps of an exchange ---- */

inline step(state, new)
{
	assert(LEGAL(state, new));
	state = new
}

inline end_own(x)
{
	step(P[x].own, S_FREE);
	P[x].own_id = 0;
	P[x].own_key = 0;
	P[x].own_left = 0;
	P[x].precedence = 0
}

inline end_rekey(x)
{
	if
	:: P[x].rekey != S_FREE -> step(P[x].rekey, S_FREE)
	:: else
	fi;
	P[x].rekey_id = 0;
	P[x].rekey_base = 0;
	P[x].rekey_left = 0
}

inline end_answer(x)
{
	if
	:: P[x].answer != S_FREE -> step(P[x].answer, S_FREE)
	:: else
	fi;
	P[x].answer_id = 0;
	P[x].answer_base = 0;
	P[x].answer_key = 0;
	P[x].answer_left = 0
}

inline drop_next(x)
{
	P[x].next = 0;
	P[x].next_full = 0;
	P[x].next_loser = 0;
	P[x].next_left = 0
}

/* What was current is previous: received under for the hold time. */
inline shift_slots(x)
{
#ifndef BREAK_PREVIOUS
	P[x].prev = P[x].cur;
#endif
	P[x].hold = HOLD
}

inline heard(x)
{
	P[x].heard_left = SILENCE;
	P[x].silent = 0
}

inline promote(x)
{
	end_answer(x);
	shift_slots(x);
	P[x].cur = P[x].next;
	drop_next(x);
	P[x].unproved = 0
}

/* A full exchange gave a key, or the wish for one is met. */
inline full_done(x)
{
	P[x].wants_full = 0;
	P[x].silent = 0;
	P[x].heard_left = SILENCE
}

inline send_alive(x, wants)
{
	put(PACK(OTHER(x), T_ALIVE, P[x].cur, wants, 0))
}

/* ---- full exchange ---- */

inline dial(x)
{
	make_fresh();
	step(P[x].own, S_AWAIT_SHARE);
	step(P[x].own, S_EXPECT_REPLY);
	P[x].own_id = fresh;
	P[x].own_left = TRIES;
	put(PACK(OTHER(x), T_HELLO, fresh, 0, 0))
}

inline take_hello()
{
	is_known = 0;
	j = ANSWERS;
	i = 0;
	do
	:: i < ANSWERS ->
		if
		:: P[p].resp[i] != S_FREE && P[p].resp_id[i] == a ->
			is_known = 1;
			if
			:: P[p].resp[i] == S_EXPECT_FINISH ->
				put(PACK(q, T_REPLY, a, P[p].resp_key[i], 0))
			:: else
			fi
		:: P[p].resp[i] == S_FREE -> j = i
		:: else
		fi;
		i++
	:: else -> break
	od;
	if
	:: !is_known && j < ANSWERS ->
		make_fresh();
		step(P[p].resp[j], S_AWAIT_SHARE);
		step(P[p].resp[j], S_AWAIT_SECRET);
		step(P[p].resp[j], S_AWAIT_SIGNATURE);
		step(P[p].resp[j], S_EXPECT_FINISH);
		P[p].resp_id[j] = a;
		P[p].resp_key[j] = fresh;
		P[p].resp_left[j] = TRIES;
		put(PACK(q, T_REPLY, a, fresh, 0))
	:: else
	fi
}

/* The key of FINISH is received under; I goes on sending under the old one (P5). */
inline take_reply()
{
	if
	:: P[p].own == S_EXPECT_REPLY && P[p].own_id == a && !P[p].revoked ->
		step(P[p].own, S_AWAIT_SECRET);
		step(P[p].own, S_AWAIT_VERIFIED);
		step(P[p].own, S_AWAIT_SIGNATURE);
		step(P[p].own, S_EXPECT_ACK);
		P[p].own_key = b;
		P[p].own_left = TRIES;
		P[p].precedence = PRECEDENCE;
		end_rekey(p);
		end_answer(p);
#ifdef BREAK_CONFIRMATION
		shift_slots(p);
		P[p].cur = b;
#else
		P[p].next = b;
		P[p].next_full = 1;
		P[p].next_loser = 0;
		P[p].next_left = TRIES + HOLD;
#endif
		put(PACK(q, T_FINISH, 0, b, 0))
	:: else
	fi
}

/* C2: whose exchange goes on. Peer 0 has the lower fingerprint. */
inline settle_full()
{
	is_refused = 0;
	if
#ifdef BREAK_TIE
	:: P[p].own == S_EXPECT_ACK && P[p].precedence > 0 -> is_refused = 1
#else
	:: P[p].own == S_EXPECT_ACK && P[p].precedence > 0 && p == 0 -> is_refused = 1
#endif
#ifndef BREAK_LATE
	:: P[p].resp_late[i] -> is_refused = 1
#endif
	:: else ->
		if
		:: P[p].own != S_FREE ->
			P[p].next_loser = !(p == 0 && P[p].own == S_EXPECT_ACK);
			end_own(p)
		:: else -> P[p].next_loser = 1
		fi;
		if
		:: P[p].next != 0 -> P[p].next_left = HOLD
		:: else -> drop_next(p)
		fi
	fi
}

inline install(x, at)
{
	assert(!P[x].revoked); /* P11 */
	step(P[x].resp[at], S_ANSWERED);
	P[x].resp_left[at] = TRIES;
	end_rekey(x);
	end_answer(x);
	shift_slots(x);
	P[x].cur = P[x].resp_key[at];
	P[x].unproved = 1; /* F4 */
	full_done(x);
	put(PACK(OTHER(x), T_ACK, P[x].cur, 0, 0))
}

inline take_finish()
{
	i = 0;
	do
	:: i < ANSWERS && !(P[p].resp[i] != S_FREE && P[p].resp_key[i] == b) -> i++
	:: else -> break
	od;
	if
	:: i < ANSWERS && P[p].resp[i] == S_ANSWERED ->
		if
		:: P[p].resp_refused[i] -> put(PACK(q, T_REFUSE, 0, b, 0))
		:: else -> put(PACK(q, T_ACK, b, 0, 0))
		fi
#ifdef BREAK_REVOCATION
	:: i < ANSWERS && P[p].resp[i] == S_EXPECT_FINISH ->
#else
	:: i < ANSWERS && P[p].resp[i] == S_EXPECT_FINISH && !P[p].revoked ->
#endif
		step(P[p].resp[i], S_AWAIT_VERIFIED);
		settle_full();
		if
		:: is_refused ->
			step(P[p].resp[i], S_ANSWERED);
			P[p].resp_refused[i] = 1;
			P[p].resp_left[i] = TRIES;
			put(PACK(q, T_REFUSE, 0, b, 0))
		:: else -> install(p, i)
		fi
	:: else
	fi
}

/* The peer's attempt takes precedence: ours ends, its key stays receivable. */
inline take_refusal()
{
	if
	:: P[p].own == S_EXPECT_ACK && P[p].own_key == b ->
		P[p].next_loser = 1;
		P[p].next_left = HOLD;
		end_own(p)
	:: else
	fi
}

/* ---- under a slot's key ---- */

/* Something valid under NEXT: the peer has it. */
inline confirm_next()
{
	if
	:: P[p].next_loser
	:: !P[p].next_loser && P[p].own == S_EXPECT_ACK && P[p].own_key == P[p].next ->
		end_own(p);
		if
#ifndef BREAK_REVOCATION
		:: P[p].revoked -> drop_next(p) /* E8 */
#endif
		:: else ->
			assert(!P[p].revoked); /* P11 */
			promote(p);
			full_done(p);
			send_alive(p, 0);
			/* C4: the peer dropped what it had begun before it accepted our FINISH */
			P[p].resp_late[0] = (P[p].resp[0] == S_EXPECT_FINISH);
			P[p].resp_late[1] = (P[p].resp[1] == S_EXPECT_FINISH)
		fi
	:: else -> promote(p)
	fi
}

inline take_traffic(wants)
{
	if
	:: P[p].next == a ->
		heard(p);
		confirm_next()
	:: P[p].next != a && (P[p].cur == a || P[p].prev == a) ->
		heard(p);
		if
		:: P[p].cur == a -> P[p].unproved = 0
		:: else
		fi
	:: else
	fi;
	if
	:: wants && P[p].cur == a -> send_alive(p, 0)
	:: else
	fi
}

/* ---- fast rekey ---- */

inline has_slot(x, key) { is_known = (P[x].prev == key || P[x].cur == key || P[x].next == key) }

/* F3, C3: never a fourth key. */
#define MAY_REKEY(x)                                                                              \
	(P[x].cur != 0 && P[x].rekey == S_FREE && P[x].answer == S_FREE && !P[x].unproved &&      \
		P[x].next == 0 && P[x].prev == 0)

/* The same for a full exchange beside keys; a silent peer, or no keys, waits for nothing. */
#ifdef BREAK_SLOTS
#define MAY_DIAL(x) (P[x].own == S_FREE)
#else
#define MAY_DIAL(x) (P[x].own == S_FREE && (MAY_REKEY(x) || P[x].silent || P[x].cur == 0))
#endif

inline start_rekey(x)
{
	make_fresh();
	step(P[x].rekey, S_AWAIT_SHARE);
	step(P[x].rekey, S_EXPECT_REPLY);
	P[x].rekey_id = fresh;
	P[x].rekey_base = P[x].cur;
	P[x].rekey_left = TRIES;
	put(PACK(OTHER(x), T_RHELLO, P[x].cur, fresh, 0))
}

inline answer_rekey()
{
	end_answer(p);
	make_fresh();
	step(P[p].answer, S_AWAIT_SHARE);
	step(P[p].answer, S_AWAIT_SECRET);
	step(P[p].answer, S_ANSWERED);
	P[p].answer_id = b;
	P[p].answer_base = a;
	P[p].answer_key = fresh;
	P[p].answer_left = TRIES;
	P[p].answered_last = b;
	P[p].next = fresh;
	P[p].next_full = 0;
	P[p].next_loser = 0;
	P[p].next_left = TRIES + HOLD;
	put(PACK(q, T_RREPLY, a, b, fresh))
}

inline take_rekey_hello()
{
	has_slot(p, a);
	if
	:: !is_known
#ifndef BREAK_ANSWER
	:: is_known && P[p].answered_last == b -> /* F2: never a second share */
		heard(p);
		if
		:: P[p].answer == S_ANSWERED && P[p].answer_base == a ->
			put(PACK(q, T_RREPLY, a, b, P[p].answer_key))
		:: else
		fi
#endif
	:: else ->
		heard(p);
		if
		:: P[p].next == a && !P[p].next_loser && !P[p].next_full -> promote(p)
		:: else
		fi;
		if
		:: P[p].own != S_FREE /* F3: its key needs the slot */
		:: P[p].own == S_FREE && P[p].rekey != S_FREE && p == 0 /* C1 */
		:: else ->
			end_rekey(p);
			answer_rekey()
		fi
	fi
}

/* I switches on the authenticated answer. */
inline take_rekey_reply()
{
	has_slot(p, a);
	if
	:: is_known -> heard(p)
	:: else
	fi;
	if
	:: is_known && P[p].rekey == S_EXPECT_REPLY && P[p].rekey_id == b && P[p].rekey_base == a ->
		step(P[p].rekey, S_AWAIT_SECRET);
		end_rekey(p);
		shift_slots(p);
		P[p].cur = c;
		P[p].next_loser = (P[p].next != 0);
		P[p].unproved = 1;
		send_alive(p, 1)
	:: else
	fi
}

/* ---- time ---- */

inline repeat_own(x)
{
	if
	:: P[x].own == S_EXPECT_REPLY -> put(PACK(OTHER(x), T_HELLO, P[x].own_id, 0, 0))
	:: P[x].own == S_EXPECT_ACK -> put(PACK(OTHER(x), T_FINISH, 0, P[x].own_key, 0))
	:: else
	fi
}

inline repeat_rekey(x)
{
	if
	:: P[x].rekey == S_EXPECT_REPLY ->
		put(PACK(OTHER(x), T_RHELLO, P[x].rekey_base, P[x].rekey_id, 0))
	:: else
	fi
}

inline count_down(counter)
{
	if
	:: counter > 0 -> counter--
	:: else
	fi
}

inline tick_own(x)
{
	count_down(P[x].precedence);
	if
	:: P[x].own != S_FREE && P[x].own_left == 0 ->
		if
		:: P[x].own == S_EXPECT_ACK -> drop_next(x)
		:: else
		fi;
		end_own(x)
	:: P[x].own != S_FREE && P[x].own_left > 0 ->
		P[x].own_left--;
		repeat_own(x)
	:: else
	fi
}

inline tick_rekey(x)
{
	if
	:: P[x].rekey != S_FREE && P[x].rekey_left == 0 -> end_rekey(x)
	:: P[x].rekey != S_FREE && P[x].rekey_left > 0 ->
		P[x].rekey_left--;
		repeat_rekey(x)
	:: else
	fi;
	count_down(P[x].answer_left);
	if
	:: P[x].answer != S_FREE && P[x].answer_left == 0 -> end_answer(x)
	:: else
	fi
}

inline tick_answers(x)
{
	i = 0;
	do
	:: i < ANSWERS ->
		count_down(P[x].resp_left[i]);
		if
		:: P[x].resp[i] != S_FREE && P[x].resp_left[i] == 0 ->
			step(P[x].resp[i], S_FREE);
			P[x].resp_id[i] = 0;
			P[x].resp_key[i] = 0;
			P[x].resp_refused[i] = 0;
			P[x].resp_late[i] = 0
		:: else
		fi;
		i++
	:: else -> break
	od
}

inline tick_slots(x)
{
	count_down(P[x].hold);
	if
	:: P[x].hold == 0 && !P[x].unproved -> P[x].prev = 0 /* F4 */
	:: else
	fi;
	count_down(P[x].next_left);
	if
	:: P[x].next_left == 0 -> drop_next(x)
	:: else
	fi
}

/* S3: keep-alives, silence, and a full exchange with the old key in force; S5: a restart dials. */
inline tick_silence(x)
{
	if
	:: P[x].cur != 0 ->
		count_down(P[x].heard_left);
		if
		:: P[x].heard_left == 0 -> P[x].silent = 1
		:: else
		fi;
		send_alive(x, P[x].unproved)
	:: else
	fi;
	if
#ifdef BREAK_RESTART
	:: MAY_DIAL(x) && P[x].wants_full -> dial(x)
#else
	:: MAY_DIAL(x) && (P[x].wants_full || P[x].silent || P[x].cur == 0) -> dial(x)
#endif
	:: else
	fi
}

#define IS_OVER(x)                                                                            \
	(P[x].own == S_FREE && P[x].rekey == S_FREE && P[x].answer == S_FREE &&               \
		P[x].resp[0] == S_FREE && P[x].resp[1] == S_FREE && P[x].prev == 0 &&         \
		P[x].next == 0 && !P[x].unproved && !P[x].silent && !P[x].wants_full)
#define IS_AGREED (wire_cnt == 0 && P[0].cur != 0 && P[0].cur == P[1].cur && IS_OVER(0) && IS_OVER(1))
#define IS_REFUSED (P[0].revoked || P[1].revoked)

inline tick()
{
	tick_own(0);
	tick_own(1);
	tick_rekey(0);
	tick_rekey(1);
	tick_answers(0);
	tick_answers(1);
	tick_slots(0);
	tick_slots(1);
	tick_silence(0);
	tick_silence(1);
	printf("tick\n");
	if
	:: IS_REFUSED -> ticks = 0
	:: else -> ticks++
	fi;
	assert(ticks < CONVERGE) /* P6, P7 */
}

inline crash(x)
{
	collect_used();
	stale = stale | used;
	P[x].prev = 0; P[x].cur = 0; P[x].hold = 0; P[x].unproved = 0;
	drop_next(x);
	if
	:: P[x].own != S_FREE -> end_own(x)
	:: else
	fi;
	end_rekey(x);
	end_answer(x);
	P[x].answered_last = 0;
	P[x].silent = 0;
	P[x].wants_full = 0;
	i = 0;
	do
	:: i < ANSWERS ->
		P[x].resp[i] = S_FREE; P[x].resp_id[i] = 0; P[x].resp_key[i] = 0;
		P[x].resp_left[i] = 0; P[x].resp_refused[i] = 0; P[x].resp_late[i] = 0;
		i++
	:: else -> break
	od;
	ticks = 0
}

/* P10, S1 */
inline check_receivable(x)
{
	printf("%d: previous %d current %d next %d\n", x, P[x].prev, P[x].cur, P[x].next);
	assert(P[x].cur == 0 || ((stale >> P[x].cur) & 1) || IS_REFUSED ||
		P[OTHER(x)].prev == P[x].cur || P[OTHER(x)].cur == P[x].cur ||
		P[OTHER(x)].next == P[x].cur)
}

inline deliver(value)
{
	m = value;
	p = (m >> 15) & 1;
	q = OTHER(p);
	type = (m >> 12) & 7;
	a = (m >> 8) & 15;
	b = (m >> 4) & 15;
	c = m & 15;
	printf("to %d: %d (0 HELLO 1 REPLY 2 FINISH 3 ACK 4 COLLISION 5 ALIVE 6 REKEY-HELLO 7 -REPLY) %d %d %d\n",
		p, type, a, b, c);
	if
	:: type == T_HELLO -> take_hello()
	:: type == T_REPLY -> take_reply()
	:: type == T_FINISH -> take_finish()
	:: type == T_ACK -> take_traffic(0)
	:: type == T_REFUSE -> take_refusal()
	:: type == T_ALIVE -> take_traffic(b)
	:: type == T_RHELLO -> take_rekey_hello()
	:: type == T_RREPLY -> take_rekey_reply()
	fi
}

active proctype world()
{
	byte at, x;

	d_step {
		x = 0;
		do
		:: x < 2 ->
			P[x].full_wishes = FULL;
			P[x].rekey_wishes = REKEY;
			P[x].heard_left = SILENCE;
#ifndef FIRST_CONTACT
			P[x].cur = 1;
#endif
			x++
		:: else -> break
		od;
		x = 0
	}
	do
	:: wire_cnt > 0 ->
		atomic {
			at = 0;
			do
			:: at + 1 < wire_cnt -> at++
			:: break
			od;
			if
			:: d_step {
				n = wire[at];
				m = n;
				take_off(at);
				at = 0;
				deliver(m);
				check_receivable(0);
				check_receivable(1)
			}
			:: d_step { copy_left > 0 ->
				copy_left--;
				ticks = 0;
				m = wire[at];
				at = 0;
				deliver(m);
				check_receivable(0);
				check_receivable(1)
			}
			:: d_step { loss_left > 0 -> loss_left--; ticks = 0; take_off(at); at = 0 }
			fi
		}
#ifndef BREAK_TIMERS
	:: wire_cnt == 0 && !IS_AGREED ->
		d_step { tick(); check_receivable(0); check_receivable(1) }
#endif
	:: IS_AGREED -> break
	:: atomic { IS_AGREED && (ticks != 0 || stale != 0) -> ticks = 0; stale = 0 }
	:: d_step { P[0].full_wishes > 0 && MAY_DIAL(0) && P[0].cur != 0 ->
			P[0].full_wishes--; P[0].wants_full = 1; ticks = 0; dial(0) }
	:: d_step { P[1].full_wishes > 0 && MAY_DIAL(1) && P[1].cur != 0 ->
			P[1].full_wishes--; P[1].wants_full = 1; ticks = 0; dial(1) }
	:: d_step { P[0].rekey_wishes > 0 && MAY_REKEY(0) ->
			P[0].rekey_wishes--; ticks = 0; start_rekey(0) }
	:: d_step { P[1].rekey_wishes > 0 && MAY_REKEY(1) ->
			P[1].rekey_wishes--; ticks = 0; start_rekey(1) }
	:: d_step { early_left > 0 && P[0].own != S_FREE -> early_left--; ticks = 0; repeat_own(0) }
	:: d_step { early_left > 0 && P[1].own != S_FREE -> early_left--; ticks = 0; repeat_own(1) }
	:: d_step { early_left > 0 && P[0].rekey != S_FREE -> early_left--; ticks = 0; repeat_rekey(0) }
	:: d_step { early_left > 0 && P[1].rekey != S_FREE -> early_left--; ticks = 0; repeat_rekey(1) }
	:: d_step { early_left > 0 && P[0].precedence > 0 -> early_left--; P[0].precedence = 0 }
	:: d_step { crash_left > 0 -> crash_left--; crash(0) }
	:: d_step { crash_left > 0 -> crash_left--; crash(1) }
	:: d_step { revoke_left > 0 && !P[0].revoked -> revoke_left--; P[0].revoked = 1 }
	:: d_step { revoke_left > 0 && !P[1].revoked -> revoke_left--; P[1].revoked = 1 }
	od
}
