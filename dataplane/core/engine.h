/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rekey protocol of one worker (docs/protocol.md): no I/O, no clock, no RNG, no locks, no
 * DPDK, no RCU; all of them come in through engine_ops and engine_env. One engine a worker, called
 * by that worker's thread alone. Two engines in one process with a fake network are the test.
 *
 * Per iteration the host calls engine_begin, then any of the calls below. Everything borrowed
 * from env or returned by find_* is dropped before engine_begin is called again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/credential.h"
#include "dataplane/core/job.h"
#include "dataplane/core/session.h"
#include "dataplane/core/timer.h"
#include "dataplane/core/wire.h"
#include "pki/view/channel.h"
#include "pki/view/snapshot.h"

#define ENGINE_PARKED_MAX 64

struct engine;
struct session;  /* opaque to the host, which embeds session_size() bytes */
struct handover; /* a verified FINISH on its way to the peer's owner. Secret */

/* What one iteration may look at. */
struct engine_env {
	const struct rk_view *view;    /* NULL: nothing published yet, everything is refused */
	struct credential *credential; /* NULL: none; borrowed, the engine takes references */
	uint64_t now_ns;               /* monotonic */
	int64_t wall_sec;              /* UTC, already not below the view's clock floor */
};

struct engine_event {
	const char *peer;           /* configured name, valid during the call */
	uint8_t state;              /* enum rk_peer_state */
	uint8_t verdict;            /* enum rk_verdict_status, 0 = no news of the certificate */
	const uint8_t *fingerprint; /* of the peer's certificate, or NULL */
	const char *reason;         /* static string */
	uint16_t path_down;         /* bit n: path n has no answer */
};

/* Called on the engine's thread, never re-entering the engine. ctx is the host's. */
struct engine_ops {
	/* Sends one UDP payload (copied before return). Loss is allowed. */
	void (*send)(void *ctx, const struct endpoint *to, const uint8_t *payload, size_t len);
	/* RAND_priv_bytes in production. false: nothing that needs it may go on. */
	bool (*random)(void *ctx, uint8_t *out, size_t len);
	/* The session configured for this peering-common-name, and which worker owns it; or NULL. */
	struct session *(*find_peer)(void *ctx, const char *name, size_t len, unsigned *owner);
	/* A verdict already known for this fingerprint (published or confirmed), or NULL. */
	const struct rk_verdict *(*find_verdict)(void *ctx, const uint8_t *fingerprint);
	/* Asks control to judge a certificate; the answer comes by engine_verdict. false: refused
	 * now (limits, control away). */
	bool (*validate)(void *ctx, uint64_t request, const uint8_t *der, size_t len);
	/* The transcript's signature verified with this verdict's key: it may enter the table. */
	void (*confirm)(void *ctx, const struct rk_verdict *v);
	void (*submit)(void *ctx, struct crypto_job *job);
	void (*arm)(void *ctx, struct core_timer *t, uint64_t deadline_ns); /* re-arms */
	void (*cancel)(void *ctx, struct core_timer *t);                    /* no-op if unarmed */
	void (*event)(void *ctx, const struct engine_event *event);
	/* owner != own worker: copies the handover_size() bytes of h into locked memory of its own,
	 * for that worker's engine_take_over. false: no room, the peer will repeat itself. */
	bool (*hand_over)(void *ctx, unsigned owner, const struct handover *h);
};

struct engine_config {
	unsigned worker_id;           /* travels in every index and exchange id */
	unsigned exchange_cnt;        /* half-open exchanges at most */
	unsigned session_cnt;         /* sessions at most */
	const uint8_t *cookie_secret; /* process-wide, 32 bytes, copied; renewed by the host */
};

/* Locked memory that an engine of exchange_cnt takes, to some pages. */
size_t engine_secret_size(unsigned exchange_cnt);
int engine_new(const struct engine_config *config, const struct engine_ops *ops, void *ctx,
	struct engine **out) RK_MUST_CHECK;
/* Wipes every key. Sessions are removed and lent jobs given back before. */
void engine_free(struct engine *e);

void engine_begin(struct engine *e, const struct engine_env *env);
/* Replaces the cookie secret; the old one is accepted until the next call (every 120 s). */
void engine_set_cookie_secret(struct engine *e, const uint8_t secret[32]);

/* One UDP payload from the network: the door for hostile bytes. Counts its own reason. */
void engine_receive(
	struct engine *e, const struct endpoint *from, const uint8_t *payload, size_t len);
void engine_timer(struct engine *e, struct core_timer *t);
void engine_job_done(struct engine *e, struct crypto_job *job);
/* Control's answer to validate; v NULL: no answer (timeout, control went away). */
void engine_verdict(struct engine *e, uint64_t request, const struct rk_verdict *v);
/* h is borrowed; the host wipes it afterwards. */
void engine_take_over(struct engine *e, const struct handover *h);
size_t handover_size(void); /* 64-byte aligned memory */

/* Sessions live in the host's memory: session_size() bytes, 64-byte aligned, zeroed. */
size_t session_size(void);
/*
 * Key slots lie in memory apart, because an idle session needs one of its three: locked and zeroed
 * memory of engine_slots_size(n) bytes for n sessions, the host's, never taken back.
 */
size_t engine_slots_size(unsigned session_cnt);
void engine_add_slots(struct engine *e, void *memory, unsigned session_cnt);
/*
 * c is borrowed until session_update or session_remove. -ENOSPC: no number or no slots for it;
 * -EINVAL: no path, or too many.
 */
int session_add(struct engine *e, struct session *s, const struct session_config *c) RK_MUST_CHECK;
/* New settings, which are compared with the old; running exchanges keep the endpoint they began with. */
void session_update(struct engine *e, struct session *s, const struct session_config *c);
/* Cancels timers and exchanges, wipes keys; no trace is left in the engine. */
void session_remove(struct engine *e, struct session *s);
/* Judges a standing peering again under the current env (dates, revocation, own certificate). */
void session_rejudge(struct engine *e, struct session *s);
/*
 * The same for cnt sessions from that number on: a new view is worked off in steps. Returns where to
 * go on, engine_session_end when all have been judged.
 */
uint32_t engine_rejudge(struct engine *e, uint32_t from, unsigned cnt) RK_MUST_CHECK;
uint32_t engine_session_end(const struct engine *e);
/* Starts a fast rekey now, a full exchange when no key stands (jittered when is_jittered). */
void session_rotate(struct engine *e, struct session *s, bool is_jittered);
/* Everything an operator may see; never a key. */
void session_status(
	const struct engine *e, const struct session *s, struct rk_msg_status_peer *out);

/* Which worker a packet belongs to by the index in it; -1: any (a HELLO, or garbage). */
int engine_packet_owner(const uint8_t *payload, size_t len);

/* What is under way, to be asked by the engine's own thread. */
struct engine_load {
	uint32_t exchange_cnt; /* of exchange_cnt at most: full exchanges and rekeys, either role */
	uint32_t parked_cnt;   /* of ENGINE_PARKED_MAX: certificates on their way to a verdict */
	uint32_t job_cnt;      /* of exchange_cnt: public-key operations */
};
void engine_load(const struct engine *e, struct engine_load *out);

/* Counters: the lists of dataplane/core/reason.h and latency.h. Names are static; values are written by
 * the worker and may be read by any thread (relaxed). */
size_t engine_counter_cnt(void);
const char *engine_counter_name(size_t i);
uint64_t engine_counter(const struct engine *e, size_t i);
