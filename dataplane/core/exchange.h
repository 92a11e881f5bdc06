/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Exchanges under way: a fixed pool, states, and the one setter. A full exchange of either role
 * and a fast rekey of either role use the same object. Engine's thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/aead.h"
#include "dataplane/core/credential.h"
#include "dataplane/core/engine.h"
#include "dataplane/core/job_fields.h"
#include "dataplane/core/kex.h"
#include "dataplane/core/messages.h"
#include "dataplane/core/suite.h"
#include "dataplane/core/wire.h"

/* States are what is waited for. docs/protocol.md draws them. */
#define EXCHANGE_STATES(X)                                                               \
	X(FREE, "free")                                                                  \
	X(AWAIT_SHARE, "await-share")               /* our key pair is being made */     \
	X(EXPECT_REPLY, "expect-reply")             /* HELLO is out */                   \
	X(AWAIT_SECRET, "await-secret")             /* Z is being computed */            \
	X(EXPECT_CERTIFICATE, "expect-certificate") /* NEED-CERT is out */               \
	X(EXPECT_VERDICT, "expect-verdict")         /* control was asked */              \
	X(AWAIT_VERIFIED, "await-verified")         /* the signature is being checked */ \
	X(AWAIT_SIGNATURE, "await-signature")       /* ours is being made */             \
	X(EXPECT_FINISH, "expect-finish")           /* REPLY is out */                   \
	X(EXPECT_ACK, "expect-ack")                 /* FINISH is out */                  \
	X(ANSWERED, "answered")                     /* done; the answer is kept for duplicates */

enum exchange_state {
#define X(id, name) EXCHANGE_##id,
	EXCHANGE_STATES(X)
#undef X
		EXCHANGE_STATE_CNT
};
const char *exchange_state_name(enum exchange_state state);
/* The table of legal transitions: bit n of [m] = from m to n. */
extern const uint16_t exchange_legal[EXCHANGE_STATE_CNT];

enum exchange_role {
	EXCHANGE_INITIATOR,
	EXCHANGE_RESPONDER,
	EXCHANGE_REKEY_INITIATOR,
	EXCHANGE_REKEY_RESPONDER,
};

#define EXCHANGE_WORK_MAX      4 /* public-key operations that the other side's messages cause */
#define EXCHANGE_COOKIE_MAX    2
#define EXCHANGE_NEED_CERT_MAX 3

struct parked;

/* Secrets; the pool lies in locked memory. */
struct exchange {
	uint64_t id;      /* ours */
	uint64_t peer_id; /* 0 = not known yet */
	uint8_t state;    /* enum exchange_state: exchange_set_state alone writes it */
	uint8_t role;     /* enum exchange_role */
	uint8_t work_cnt;
	uint8_t cookie_cnt;
	uint8_t need_cert_sent_cnt;
	uint8_t need_cert_answered_cnt;
	bool is_handed_over;     /* ANSWERED: the peer's owner answers */
	bool is_retry;           /* a RETRY was followed: once */
	uint32_t entry;          /* number in the pool */
	uint32_t next_entry;     /* free list, or chain of the HELLO table: entry + 1 */
	unsigned owner;          /* of the peer it was handed to */
	uint32_t job_number;     /* of the job whose result is waited for; 0 = none */
	uint32_t new_index;      /* our index of the slot to be */
	uint32_t peer_new_index; /* the peer's */
	uint32_t base_index;     /* rekey: our index of the base slot */
	uint64_t need_cert_next; /* NEED-CERTs below this counter are replays */
	uint64_t send_counter;   /* of the handshake key */
	uint64_t started_ns;
	uint64_t retransmit_ns;    /* present interval */
	uint64_t retransmit_at_ns; /* 0 = nothing to repeat */
	uint64_t expires_ns;
	uint64_t alive_ns;       /* FINISH went out, or R has said something about it */
	struct session *session; /* NULL: responder, not known yet */
	struct credential *credential;
	const struct kex_group *group;
	const struct suite *suite;
	struct parked *parked;
	struct core_timer timer;
	struct endpoint endpoint;
	uint16_t scheme;          /* that we sign with */
	struct wire_list schemes; /* the other side's */
	uint8_t random[MSG_RANDOM_LEN];
	uint8_t first_hello_hash[GUARD_HASH_LEN];
	uint8_t peer_fingerprint[RK_FINGERPRINT_LEN];
	uint8_t finish_tag[MSG_TAG_LEN]; /* of the FINISH that was opened last */
	uint8_t transcript[MSG_HASH_MAX];
	uint8_t base_transcript[MSG_HASH_MAX];   /* before the proof that is waited for */
	uint8_t signed_transcript[MSG_HASH_MAX]; /* what the peer's signature is over */
	uint8_t share[KEX_SHARE_MAX];
	uint8_t peer_share[KEX_SHARE_MAX];
	/* from here on wiped as soon as it is ANSWERED */
	uint8_t secret[MSG_HASH_MAX];
	uint8_t kex_secret[KEX_SECRET_MAX];
	struct secret_aead send;
	struct secret_aead receive;
	uint8_t confirm_initiator[MSG_HASH_MAX];
	uint8_t confirm_responder[MSG_HASH_MAX];
};

/* What is not secret of an exchange: messages to repeat and to hash. */
struct exchange_cache {
	uint16_t sent_len;
	uint16_t received_len;
	uint16_t core_len;
	uint16_t cookie_len;
	uint16_t plain_len;
	uint8_t sent[MSG_MAX];     /* the message that a duplicate gets again */
	uint8_t received[MSG_MAX]; /* the REPLY being worked on */
	uint8_t core[MSG_HELLO_CORE_MAX];
	uint8_t cookie[MSG_COOKIE_LEN];
	uint8_t plain[MSG_PROOF_MAX]; /* the proof being worked on */
};

/* NULL: the pool is used up, or nothing random is to be had. State AWAIT_SHARE; expires after lifetime. */
struct exchange *exchange_new(struct engine *e, enum exchange_role role);
bool exchange_is_pool_half_used(const struct engine *e) RK_MUST_CHECK;
/*
 * Gives up one that is answered and kept for duplicates alone: whom its ACK did not reach learns as
 * much from our keep-alives (F4). false: none was found in some steps.
 */
bool exchange_make_room(struct engine *e) RK_MUST_CHECK;
/* Cancels, wipes, gives back. A job still lent loses its owner. */
void exchange_free(struct engine *e, struct exchange *x);
/* The same, and a key that only this exchange could have put in force. */
void exchange_abandon(struct engine *e, struct exchange *x);
/* The same, and its session, if it has one, goes on without it. */
void exchange_end(struct engine *e, struct exchange *x);
struct exchange_cache *exchange_cache_of(struct engine *e, const struct exchange *x);
/* By our own id; NULL when it is gone. */
struct exchange *exchange_find(struct engine *e, uint64_t id);
/* Responder's exchange that answers this HELLO's sender; NULL = none. */
struct exchange *exchange_find_hello(
	struct engine *e, const struct endpoint *from, uint64_t peer_id);
void exchange_enter_hello(struct engine *e, struct exchange *x);
/* Asserts that the transition is legal. */
void exchange_set_state(struct exchange *x, enum exchange_state state);

/* A job with kind and exchange filled in; NULL = none free. */
struct crypto_job *exchange_new_job(struct engine *e, struct exchange *x, enum job_kind kind);
void exchange_submit(struct engine *e, struct exchange *x, struct crypto_job *job);
bool exchange_submit_keygen(struct engine *e, struct exchange *x) RK_MUST_CHECK;
bool exchange_submit_derive(struct engine *e, struct exchange *x) RK_MUST_CHECK;
void exchange_release_job(struct engine *e, struct crypto_job *job);

/* Keeps the message for repetition and sends it. */
void exchange_send(struct engine *e, struct exchange *x, size_t len);
void exchange_repeat(struct engine *e, struct exchange *x);
/* ANSWERED: what was sent last is kept for duplicates, what keys were made of is not. */
void exchange_keep_answer(struct engine *e, struct exchange *x, uint64_t for_ns);
/* Starts repeating with the first interval; the timer also ends the exchange at expires_ns. */
void exchange_start_retransmit(struct engine *e, struct exchange *x);
void exchange_stop_retransmit(struct engine *e, struct exchange *x);
void exchange_arm(struct engine *e, struct exchange *x);
void exchange_timer(struct engine *e, struct exchange *x);
/* Opens a sealed message under the handshake key; out: the plaintext within buf. */
enum reason exchange_open(struct engine *e, struct exchange *x, const struct wire_packet *p,
	uint8_t buf[MSG_MAX], struct rk_span *plain) RK_MUST_CHECK;
/* Builds and seals a message of the exchange under the handshake key; 0 = failed. */
size_t exchange_seal(struct engine *e, struct exchange *x, enum msg_type type, struct rk_span plain,
	uint8_t *buf, size_t size) RK_MUST_CHECK;
size_t exchange_seal_end(struct engine *e, struct exchange *x, struct rk_writer *w,
	struct rk_span plain) RK_MUST_CHECK;
/* Finds the exchange of a sealed message and checks its source. */
enum reason exchange_resolve(struct engine *e, const struct endpoint *from,
	const struct wire_packet *p, struct exchange **out) RK_MUST_CHECK;
