/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The full exchange against an attacker who is the network (Dolev-Yao), for spin. Three sessions:
 * A dials B or the attacker; B answers; A answers. The attacker M has a certificate of its own,
 * sees and changes every message, makes its own shares, and may hold the long-term key of A
 * (-DSTOLEN=1), B (2) or both (3) from the start. Cryptography is perfect.
 *
 * A view is what T1 of docs/protocol.md takes from HELLO and REPLY: both shares, what was offered,
 * what was chosen. Keys, signatures and confirmations are over the view, so a sealed message opens
 * where the views are one, and nowhere else. The secret of two shares is known to whoever made
 * either of them.
 *
 * Asserted whenever a session ends well:
 *   P1  an honest party that is not impersonated by its own stolen key was there, with the same
 *       view and, for the responder, with us in mind; the initiator got whom it dialled;
 *       unknown key share: two ends of one key name each other;
 *       key-compromise impersonation: holds where our own key is the stolen one;
 *   P2  the attacker does not know the key, now or after it has stolen every long-term key;
 *   P3  both had the strong group, so that is the one;
 *   P5  whoever ends well has seen the other's confirmation under this very key;
 *   self: nobody ends up with itself.
 * BREAK_name leaves out one rule of the protocol; spin must then find a trail.
 */
#ifndef STOLEN
#define STOLEN 0
#endif

#define A 1
#define B 2
#define M 3

/* Shares: of each session, and one of the attacker's. */
#define NONE   0
#define SHARE(s) ((s) + 1)
#define OWN_M  4

#define WEAK   1
#define BOTH   2 /* offered: weak and strong */
#define STRONG 2 /* chosen */

#define DIALLER 0 /* A */
#define BOB     1 /* B answers */
#define ALICE   2 /* A answers */

mtype = { IDLE, SENT, DONE };

typedef session {
	mtype state;
	byte self, dialled;
	byte share_i, share_r, offer, choice; /* the view */
	byte peer /* who it is, when DONE */
};
session S[3];

hidden byte k, id;
hidden byte can;

#define IS_STOLEN(p) ((p) == M || ((STOLEN >> ((p) - 1)) & 1))
/* The attacker has a hand in one of the two shares. */
#define KNOWS(i, r) ((i) == OWN_M || (r) == OWN_M)

#ifdef BREAK_OFFER
#define SAME_OFFER(x, y) true
#else
#define SAME_OFFER(x, y) (S[x].offer == S[y].offer)
#endif
#define SAME_VIEW(x, y)                                                                        \
	(S[x].share_i == S[y].share_i && S[x].share_r == S[y].share_r && SAME_OFFER(x, y) &&   \
		S[x].choice == S[y].choice)

/* A signature of another's has to be read out of what that one sealed. */
#ifdef BREAK_SEAL
#define CAN_READ(x) true
#else
#define CAN_READ(x) KNOWS(S[x].share_i, S[x].share_r)
#endif

/* A REPLY for the dialler: one that an honest responder sealed, or the attacker's own. */
inline reply_comes_from(x)
{
	can = false;
	if
	:: S[x].state != IDLE && SAME_VIEW(x, DIALLER) -> can = true; id = S[x].self
	:: else
	fi
}

inline reply_is_made()
{
	can = false;
	if
	:: id = M
	:: id = A
	:: id = B
	fi;
#ifdef BREAK_SEAL
	can = IS_STOLEN(id);
#else
	can = KNOWS(S[DIALLER].share_i, S[DIALLER].share_r) && IS_STOLEN(id);
#endif
	/* an honest responder's signature over the very same view, if it can be read */
	k = BOB;
	do
	:: k <= ALICE ->
		if
		:: S[k].state != IDLE && S[k].self == id && SAME_VIEW(k, DIALLER) && CAN_READ(k) ->
			can = true
		:: else
		fi;
		k++
	:: else -> break
	od
}

inline accept_reply()
{
	if
#ifdef BREAK_DIALLED
	:: can && id != S[DIALLER].self ->
#else
	:: can && id != S[DIALLER].self && id == S[DIALLER].dialled ->
#endif
		S[DIALLER].peer = id;
		S[DIALLER].state = DONE
	:: else -> S[DIALLER].share_r = NONE; S[DIALLER].choice = 0 /* E1: goes on waiting */
	fi
}

/* FINISH for responder x: the dialler's own, or the attacker's. */
inline finish_comes(x)
{
	/* T4 goes on from the responder's fingerprint */
	can = S[DIALLER].state == DONE && SAME_VIEW(x, DIALLER) &&
		S[DIALLER].peer == S[x].self;
	id = S[DIALLER].self
}

inline finish_is_made(x)
{
	if
	:: id = M
	:: id = A
	:: id = B
	fi;
#ifdef BREAK_SEAL
	can = IS_STOLEN(id)
#else
	can = KNOWS(S[x].share_i, S[x].share_r) && IS_STOLEN(id)
#endif
}

inline accept_finish(x)
{
	if
#ifdef BREAK_SELF
	:: can ->
#else
	:: can && id != S[x].self ->
#endif
		S[x].peer = id;
		S[x].state = DONE
	:: else
	fi
}

/* Somebody of that name, honest, with the same view. */
inline check_dialler()
{
	if
	:: S[DIALLER].state == DONE ->
		assert(S[DIALLER].peer == S[DIALLER].dialled); /* P1 */
		assert(S[DIALLER].peer != S[DIALLER].self);
		if
		:: !IS_STOLEN(S[DIALLER].peer) ->
			assert((S[BOB].self == S[DIALLER].peer && S[BOB].state != IDLE &&
				SAME_VIEW(BOB, DIALLER) && S[BOB].offer == S[DIALLER].offer)); /* P1, P3 */
			assert(!KNOWS(S[DIALLER].share_i, S[DIALLER].share_r)); /* P2, P5 */
			assert(S[DIALLER].choice == STRONG) /* P3 */
		:: else
		fi
	:: else
	fi
}

inline check_responder(x)
{
	if
	:: S[x].state == DONE ->
		assert(S[x].peer != S[x].self);
		if
		:: !IS_STOLEN(S[x].peer) ->
			assert(S[DIALLER].self == S[x].peer && S[DIALLER].state == DONE &&
				SAME_VIEW(x, DIALLER)); /* P1 */
			assert(S[DIALLER].peer == S[x].self); /* with us in mind */
			assert(!KNOWS(S[x].share_i, S[x].share_r)) /* P2, P5 */
		:: else
		fi;
		if
		:: S[DIALLER].state == DONE && SAME_VIEW(x, DIALLER) && !IS_STOLEN(S[DIALLER].peer) ->
			/* one key, two ends: they name each other */
			assert(S[x].peer == S[DIALLER].self && S[DIALLER].peer == S[x].self)
		:: else
		fi
	:: else
	fi
}

inline answer(x)
{
	/* the attacker hands on a HELLO, changed as it likes */
	if
	:: S[x].share_i = OWN_M
	:: S[DIALLER].state != IDLE -> S[x].share_i = SHARE(DIALLER)
	fi;
	if
	:: S[x].offer = BOTH
	:: S[x].offer = WEAK
	fi;
	S[x].share_r = SHARE(x);
	S[x].choice = (S[x].offer == BOTH -> STRONG : WEAK);
	S[x].state = SENT
}

active proctype world()
{
	d_step {
		S[DIALLER].state = IDLE; S[BOB].state = IDLE; S[ALICE].state = IDLE;
		S[DIALLER].self = A;
		S[BOB].self = B;
		S[ALICE].self = A
	}
	do
	:: atomic { S[DIALLER].state == IDLE ->
		if
		:: S[DIALLER].dialled = B
		:: S[DIALLER].dialled = M
		fi;
		S[DIALLER].share_i = SHARE(DIALLER);
		S[DIALLER].offer = BOTH;
		S[DIALLER].state = SENT }
	:: atomic { S[BOB].state == IDLE -> answer(BOB) }
	:: atomic { S[ALICE].state == IDLE -> answer(ALICE) }
	:: atomic { S[DIALLER].state == SENT ->
		if
		:: S[DIALLER].share_r = OWN_M
		:: S[BOB].state != IDLE -> S[DIALLER].share_r = SHARE(BOB)
		:: S[ALICE].state != IDLE -> S[DIALLER].share_r = SHARE(ALICE)
		fi;
		if
		:: S[DIALLER].choice = STRONG
		:: S[DIALLER].choice = WEAK
		fi;
		if
		:: reply_comes_from(BOB)
		:: reply_comes_from(ALICE)
		:: reply_is_made()
		fi;
		accept_reply();
		check_dialler(); check_responder(BOB); check_responder(ALICE) }
	:: atomic { S[BOB].state == SENT ->
		if
		:: finish_comes(BOB)
		:: finish_is_made(BOB)
		fi;
		accept_finish(BOB);
		check_dialler(); check_responder(BOB) }
	:: atomic { S[ALICE].state == SENT ->
		if
		:: finish_comes(ALICE)
		:: finish_is_made(ALICE)
		fi;
		accept_finish(ALICE);
		check_dialler(); check_responder(ALICE) }
	:: S[DIALLER].state == DONE && S[BOB].state == DONE && S[ALICE].state == DONE -> break
	:: break /* the attacker stops */
	od
}
