/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of an engine, shared by its .c files and by nothing else. Everything here belongs to
 * the engine's one thread; counters alone may be read by others.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>

#include "dataplane/core/aead.h"
#include "dataplane/core/engine.h"
#include "dataplane/core/exchange.h"
#include "dataplane/core/guard.h"
#include "dataplane/core/job_fields.h"
#include "dataplane/core/kdf.h"
#include "dataplane/core/latency.h"
#include "dataplane/core/keyring.h"
#include "dataplane/core/reason.h"
#include "dataplane/core/wire.h"

#define MS_NS  UINT64_C(1000000)
#define SEC_NS UINT64_C(1000000000)

#define RETRANSMIT_FIRST_NS (500 * MS_NS)
#define HALF_OPEN_NS        (10 * SEC_NS)
#define VERDICT_WAIT_NS     (5 * SEC_NS)
#define NEGATIVE_NS         (10 * SEC_NS)
#define PENDING_MAX_NS      (30 * SEC_NS) /* the longest that PENDING holds an exchange open */
#define SILENT_KEEP_ALIVES  3
#define REKEY_GAP_NS        (100 * MS_NS) /* a peer gets the work of a rekey no more often */
#define PRECEDENCE_NS       (2 * SEC_NS)  /* how long an unanswered FINISH wins a collision */
#define ANSWERED_SHORT_NS   (1 * SEC_NS) /* how long an answer is kept while others need the room */

/* Index of a slot: worker, session, serial. Exchange id: worker, entry, generation. */
#define INDEX_SERIAL_BITS  8
#define INDEX_SESSION_BITS 18
#define INDEX_WORKER_SHIFT (INDEX_SERIAL_BITS + INDEX_SESSION_BITS)
#define ID_WORKER_SHIFT    56
#define ID_ENTRY_SHIFT     32
#define ID_ENTRY_MASK      0xffffff

enum timer_kind { TIMER_SESSION = 1, TIMER_EXCHANGE = 2 };

/* A certificate on its way to a verdict. At most ENGINE_PARKED_MAX of them. */
struct parked {
	bool is_used;
	bool has_verdict;
	bool is_own;          /* of an exchange that we began */
	struct endpoint from; /* whose certificate it is to be */
	struct fragments fragments;
	struct rk_verdict verdict;
};
#define PARKED_PER_SOURCE_MAX 4                       /* of those that others began */
#define PARKED_OWN_MAX        (ENGINE_PARKED_MAX / 2) /* we dial many of one network */

struct negative {
	uint8_t fingerprint[RK_FINGERPRINT_LEN];
	uint8_t status; /* enum rk_verdict_status; 0 = empty */
	uint64_t until_ns;
};
#define NEGATIVE_CNT 64

struct engine {
	struct engine_ops ops;
	void *ctx;
	struct engine_env env;
	struct engine_config config;
	struct rk_generation generation; /* of the view looked at last */
	const struct rk_view *view_seen;
	uint64_t credential_id_seen;
	uint8_t own_status; /* enum rk_verdict_status of our certificate, in this view and second */
	bool has_name;
	uint8_t hello_left;      /* that are looked at in this iteration */
	struct wire_list groups; /* as responder, before the peer is known */
	struct wire_list suites; /* in order of preference */
	struct aead *aead;
	struct guard *guard;
	struct session **sessions; /* by number */
	uint32_t session_end;      /* above every number ever given */
	uint32_t *free_numbers;    /* a stack: free_number_cnt of them */
	uint32_t free_number_cnt;
	struct keyslot_pool slots;
	struct exchange *exchanges; /* locked memory */
	struct exchange_cache *caches;
	struct crypto_job *jobs; /* locked memory */
	struct crypto_job *free_job;
	uint32_t free_exchange; /* entry + 1 */
	uint32_t room_hand;     /* where room was looked for last */
	uint32_t used_cnt;      /* exchanges under way */
	uint32_t own_cnt;       /* of them, those that we began */
	uint32_t job_cnt;       /* out of the pool */
	uint32_t parked_cnt;    /* used of parked */
	uint32_t *hello_table;  /* chains of responder exchanges by the initiator's id: entry + 1 */
	uint64_t hello_key;
	uint32_t next_generation;
	uint32_t next_job;
	struct parked parked[ENGINE_PARKED_MAX];
	struct negative negative[NEGATIVE_CNT];
	size_t random_left;
	uint8_t random[512]; /* drawn ahead: each call of the generator costs more than its bytes */
	atomic_uint_fast64_t counter[REASON_CNT];
	struct latency latency;
};

struct session {
	const struct session_config *config; /* the host's */
	struct core_timer timer;
	struct endpoint endpoint; /* where we send */
	uint32_t number;
	uint32_t verdict_at;  /* where the view had the peer's verdict last */
	uint8_t told_failure; /* enum reason, since it last proved who it is; ACCEPTED = none */
	uint8_t serial;       /* of the last index given out */
	uint8_t state;        /* enum rk_peer_state */
	uint8_t verdict;      /* enum rk_verdict_status of the peer's certificate, last told */
	uint8_t path;         /* that we dial */
	bool is_down : 1;     /* timed out: dial at the timeout interval */
	bool is_silent : 1;
	bool has_peer : 1;      /* fingerprint is that of the standing keys */
	bool is_lower : 1;      /* they were agreed under the lower fingerprint of the two: ours */
	bool is_unproved : 1;   /* nothing has come under CURRENT yet: we switched first */
	bool is_reauth_due : 1; /* keys stand, but a full exchange is wanted */
	uint16_t path_down;     /* bit n: path n has no answer */
	uint64_t own_exchange;  /* ids; 0 = none: full exchange that we began */
	uint64_t own_rekey;
	uint64_t peer_rekey;
	uint64_t last_rekey_answered; /* exchange id of the peer's last answered rekey */
	uint64_t next_answer_ns;      /* another one is answered from then on */
	uint64_t dial_at_ns;          /* 0 = not due */
	uint64_t dialed_ns;           /* when the last attempt began */
	uint64_t rekey_at_ns;
	uint64_t reauth_at_ns;
	uint64_t keep_alive_at_ns;
	uint64_t hold_until_ns; /* PREVIOUS is dropped then */
	uint64_t next_until_ns; /* NEXT is dropped then */
	uint64_t heard_ns;
	uint64_t overtaken_ns;    /* exchanges that the peer began until then come late */
	uint64_t wanted_ns;       /* since when we have no success: for the timeout */
	uint64_t own_certificate; /* with which the keys were agreed: start of its fingerprint */
	uint8_t fingerprint[RK_FINGERPRINT_LEN]; /* of the peer's certificate last spoken of */
	int64_t not_after;
	uint32_t full_exchange_cnt;
	uint32_t unanswered; /* challenges, two bits a path: path.c */
	uint64_t rekey_cnt;
	uint64_t keep_alive_sent_cnt;
	uint64_t keep_alive_received_cnt;
	struct keyring keys;
};
/* With what the host keeps of a peer, eight cache lines: 1 KiB with keys and its part of the tables. */
static_assert(sizeof(struct session) <= 320, "a session takes five cache lines");
static_assert(REASON_CNT <= UINT8_MAX, "a reason fits told_failure");

/* ---- engine.c ---- */
void engine_count(struct engine *e, enum reason reason);
bool engine_random(struct engine *e, void *out, size_t len) RK_MUST_CHECK;
/* 0..bound-1, near enough to even for jitter. */
uint64_t engine_jitter(struct engine *e, uint64_t bound);
void engine_send(struct engine *e, const struct endpoint *to, const uint8_t *data, size_t len);
/* GOOD when our own certificate may be shown now; UNKNOWN also when there is none. */
enum rk_verdict_status engine_own_status(const struct engine *e);
bool endpoint_is_same(const struct endpoint *a, const struct endpoint *b) RK_MUST_CHECK;
struct rk_span engine_own_name(const struct engine *e);

/* ---- secrets.c: transcripts and what is derived from them ---- */
/* T = hash over label, HELLO's core and cookie, REPLY's clear part. */
void secrets_begin(struct exchange *x, struct rk_span hello_core, struct rk_span cookie,
	struct rk_span reply_clear);
/* T = hash(T || part) */
void secrets_add(struct exchange *x, struct rk_span part);
/* Handshake and confirmation keys from Z and T. */
void secrets_handshake(struct exchange *x, struct rk_span z);
void secrets_confirmation(const struct exchange *x, bool is_initiator, const uint8_t *fingerprint,
	uint8_t out[MSG_HASH_MAX]);
/* The keys of a new slot from the handshake's secret and T; indexes are the caller's. */
void secrets_slot(struct engine *e, const struct exchange *x, struct keyslot *out);
/* Fast rekey: secret from the base slot's chain and Z, T over both plaintexts. */
void secrets_rekey(struct exchange *x, const struct keyslot *base, struct rk_span z,
	struct rk_span hello, struct rk_span reply);
/* The key that seals rekey messages of this slot in one direction. */
void secrets_rekey_key(const struct keyslot *s, bool is_send, struct secret_aead *out);

/* ---- handshake_i.c ---- */
enum reason initiator_start(struct engine *e, struct session *s);
enum reason initiator_reply(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p);
enum reason initiator_cookie(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p);
enum reason initiator_collision(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p);
enum reason initiator_pending(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p);
void initiator_job_done(struct engine *e, struct exchange *x, struct crypto_job *job);
void initiator_verified(struct engine *e, struct exchange *x, const struct rk_verdict *v);
/* The key that FINISH made is confirmed: the exchange is over. */
void initiator_confirmed(struct engine *e, struct exchange *x);

/* ---- handshake_r.c ---- */
enum reason responder_hello(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p);
enum reason responder_finish(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p);
void responder_job_done(struct engine *e, struct exchange *x, struct crypto_job *job);

/* ---- answer.c ---- */
void responder_verified(struct engine *e, struct exchange *x, const struct rk_verdict *v);
/* A duplicate of the FINISH that was answered. */
void answer_repeat(struct engine *e, struct exchange *x);

/* ---- proof.c: fingerprint, signature, confirmation, in both directions ---- */
/* Seals our proof into the message being built; 0 = failed. Signature is that of the job. */
size_t proof_build(struct engine *e, struct exchange *x, struct rk_writer *w,
	const struct crypto_job *job, uint32_t index) RK_MUST_CHECK;
/* Asks for our signature; false: refused already. */
bool proof_sign(struct engine *e, struct exchange *x);
/* An opened REPLY or FINISH: checks it, then asks for its verification or its certificate. */
void proof_take(struct engine *e, struct exchange *x, struct rk_span plain);
void proof_job_done(struct engine *e, struct exchange *x, struct crypto_job *job);
/* The exchange goes on waiting for a valid message, unless its work is used up. */
void proof_refuse(struct engine *e, struct exchange *x, enum reason reason);
/* Goes on with the verdict that is known now. */
void proof_resolve(struct engine *e, struct exchange *x);
enum reason proof_reason_of(enum rk_verdict_status status);
/* Whose certificate it is: exactly one configured peer. */
struct identity {
	struct session *session; /* not to be touched unless owner is us */
	unsigned owner;
	struct rk_span name; /* the one that matched, within the verdict */
};
enum reason proof_identity(struct engine *e, const struct rk_verdict *v, struct identity *id);

/* ---- certificate.c ---- */
void certificate_ask(struct engine *e, struct exchange *x);
enum reason certificate_needed(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p);
enum reason certificate_fragment(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p);
void certificate_verdict(struct engine *e, struct exchange *x, const struct rk_verdict *v);
const struct rk_verdict *certificate_find(struct engine *e, const struct exchange *x);
enum rk_verdict_status certificate_negative(const struct engine *e, const uint8_t *fingerprint);
void certificate_forget(struct engine *e, struct exchange *x);

/* ---- traffic.c: messages under a slot's keys ---- */
enum reason traffic_receive(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p);
/* Seals under CURRENT's or the given slot's key; 0 = could not. */
size_t traffic_build(struct engine *e, struct keyslot *slot, enum msg_type type,
	struct rk_span plain, uint8_t *buf, size_t size) RK_MUST_CHECK;
void traffic_keep_alive(struct engine *e, struct session *s, bool is_answer_wanted);
struct session *session_of_index(struct engine *e, uint32_t index);

/* ---- path.c: the peer's address, where it may change; paths that are not in use ---- */
/* A valid KEEP_ALIVE, the newest under CURRENT: from where we do not send, it gets a challenge. */
void path_look(struct engine *e, struct session *s, const struct endpoint *from);
/* A valid PATH_CHALLENGE: it is answered, there. */
enum reason path_challenged(struct engine *e, struct session *s, const struct endpoint *from,
	const uint8_t challenge[MSG_CHALLENGE_LEN]);
/* A valid PATH_RESPONSE, the newest under CURRENT: the send address moves if it is right. */
enum reason path_answered(struct engine *e, struct session *s, const struct endpoint *from,
	const uint8_t said[MSG_CHALLENGE_LEN]);
/* Before each keep-alive: challenges the configured paths that are not in use. */
void path_watch(struct engine *e, struct session *s);
/* A valid PATH_RESPONSE, under any slot: true when path_watch asked for it, which is settled then. */
bool path_is_watched(struct engine *e, struct session *s, const struct endpoint *from,
	const uint8_t said[MSG_CHALLENGE_LEN]) RK_MUST_CHECK;
/* The path in use, as far as it is a configured one, is heard again, or no longer. */
void path_note_in_use(struct session *s, bool is_down);
void path_forget(struct session *s); /* that any was down */
/* Where to dial when the path in use fails: the next one, rather one that has answers. */
uint8_t path_after_failure(const struct session *s);

/* ---- rekey.c ---- */
enum reason rekey_start(struct engine *e, struct session *s);
enum reason rekey_receive(struct engine *e, const struct endpoint *from,
	const struct wire_packet *p, struct session *s, struct keyslot *slot);
void rekey_job_done(struct engine *e, struct exchange *x, struct crypto_job *job);
void rekey_retransmit(struct engine *e, struct exchange *x);

/* ---- session.c and session_keys.c ---- */
void session_timer(struct engine *e, struct session *s);
void session_schedule(struct engine *e, struct session *s); /* arms for what is due first */
void session_exchange_over(struct engine *e, struct session *s, bool is_success);
void session_dial_in(struct engine *e, struct session *s, uint64_t delay_ns);
void session_tell(struct engine *e, struct session *s, enum rk_peer_state state,
	enum rk_verdict_status verdict, const char *reason);
/* What is neither news of the state nor of the certificate. */
void session_tell_only(struct engine *e, struct session *s, const char *reason);
/* A certificate that proves to be this peer's was refused; says nothing against standing keys. */
void session_tell_refused(struct engine *e, struct session *s, const uint8_t *fingerprint,
	enum rk_verdict_status verdict);
/* A proof was refused: told once a reason, until the peer proves who it is. */
void session_tell_failed(struct engine *e, struct session *s, enum reason reason);
/* The same, with proof that the peer has its key: under fail-hard nothing may stand on it. */
void session_sever_refused(struct engine *e, struct session *s, const uint8_t *fingerprint,
	enum rk_verdict_status verdict);
uint32_t session_new_index(struct engine *e, struct session *s);
bool session_has_path(const struct session *s, const struct endpoint *from) RK_MUST_CHECK;
bool session_has_group(const struct session *s, uint16_t group) RK_MUST_CHECK;
uint64_t session_hold_ns(const struct session *s);
/* The key of a full exchange or rekey is in force for sending. */
void session_key_in_force(struct engine *e, struct session *s, bool is_initiator);
void session_heard(struct engine *e, struct session *s);
/* NEXT proved: becomes CURRENT. */
void session_promote(struct engine *e, struct session *s);
/* Between whom the standing keys were agreed. */
struct session_binding {
	const uint8_t *own_fingerprint;
	const uint8_t *peer_fingerprint;
	const struct rk_verdict *verdict;
	bool is_initiator;
};
void session_bind(struct engine *e, struct session *s, const struct session_binding *b);
void session_sever(
	struct engine *e, struct session *s, enum rk_verdict_status verdict, const char *reason);
/* Both certificates under the present view: GOOD, or the peer's fault, or ours in *is_own. */
enum rk_verdict_status session_judge(struct engine *e, struct session *s, bool *is_own);
void session_drop_rekeys(struct engine *e, struct session *s);
