/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two engines (or more) in one process: fake clock, fake network, fake control, real keys and
 * certificates. Everything that happens is an event at a time (a packet arrives, a timer fires, a
 * job is done, control answers); pair_step takes the earliest. Deterministic: the only randomness
 * is a seeded generator, which the engines use as well (the keys aside).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "dataplane/core/engine.h"
#include "tests/unit/test_ca.h"

#define PAIR_MS  UINT64_C(1000000)
#define PAIR_SEC UINT64_C(1000000000)

#define PAIR_NODE_MAX    3
#define PAIR_PEER_MAX    2
#define PAIR_VERDICT_MAX 16
#define PAIR_EVENT_MAX   64
#define PAIR_PACKET_MAX  1500
#define PAIR_WALL        INT64_C(1800000000) /* the wall clock at time 0 of the fake clock */

/* A certificate with its key and what control would say about it. */
struct pair_identity {
	char name[RK_CN_MAX + 1];
	EVP_PKEY *key;
	X509 *cert;
	uint8_t *der;
	size_t der_len;
	struct rk_verdict verdict;
};
/* Issued by the one CA of the process. c: more of what it is like, or NULL. */
struct pair_identity *pair_identity_new(
	const char *name, enum test_key kind, const struct test_cert *c);
void pair_identity_free(struct pair_identity *id);

struct pair_packet {
	struct pair_packet *next;
	uint64_t at_ns;
	unsigned from, to;      /* nodes */
	struct endpoint source; /* as the receiver sees it: local = its own */
	size_t len;
	uint8_t payload[PAIR_PACKET_MAX];
};

struct pair_event {
	uint64_t at_ns;
	uint8_t state;
	uint8_t verdict;
	char reason[64];
};

struct pair;

struct pair_node {
	struct pair *pair;
	unsigned number;
	unsigned worker;              /* the engine's */
	struct pair_node *owner;      /* of the sessions, where that is another worker */
	unsigned handovers_to_refuse; /* there is no room for that many */
	unsigned start_cnt;           /* of its engine */
	struct engine *engine;
	const struct pair_identity *identity;
	struct credential *credential; /* NULL: none */
	struct session *session[PAIR_PEER_MAX];
	struct session_config config[PAIR_PEER_MAX];
	struct endpoint path[PAIR_PEER_MAX][RK_PATH_MAX]; /* of config */
	void *slots;
	unsigned session_cnt;
	/* what is published to it */
	struct rk_view view;
	struct rk_global global;
	char strings[256];
	struct rk_peer peer; /* its groups alone are looked at */
	struct rk_revocation_line lines[16];
	struct rk_revocation_entry revoked[8];
	size_t revoked_cnt;
	struct rk_verdict known[PAIR_VERDICT_MAX]; /* confirmed certificates */
	size_t known_cnt;
	bool is_control_away;
	bool is_disabled; /* enhanced-security-key-management is off */
	uint64_t trust_generation;
	/* what it did */
	struct pair_event event[PAIR_EVENT_MAX];
	size_t event_cnt;
	uint64_t sent_cnt;
	uint64_t sent_bytes;
	uint64_t validate_cnt;
	uint64_t job_cnt;
	uint64_t misdirected_cnt;  /* that the test causes: any other is a fault */
	struct core_timer *timers; /* sorted by deadline */
	struct crypto_job *jobs;   /* first in, first out */
	uint64_t jobs_ready_ns;
};

struct pair_options {
	uint64_t seed;
	uint64_t latency_ns;        /* one way; default 1 ms */
	uint64_t latency_jitter_ns; /* reorders */
	unsigned loss_permille;
	unsigned duplicate_permille;
	uint64_t job_ns;     /* how long asymmetric work takes; default 0 */
	uint64_t control_ns; /* how long control takes to judge; default 2 ms */
	enum rk_invalid_certificate_behavior behavior; /* default fail-soft */
	uint64_t rekey_interval_ns;                    /* default 0 = never */
	uint64_t hold_ns;                              /* default 30 s */
	uint64_t keep_alive_interval_ns;               /* default 1 s */
	uint64_t retransmit_interval_ns;               /* default 1 s */
	uint64_t timeout_ns;                           /* default 60 s */
	uint64_t reauth_interval_ns;                   /* default 24 h */
	bool are_verdicts_known; /* both know the other's certificate from the start */
	uint16_t groups[8];      /* default secp256r1, x25519 */
	uint8_t suites[2][4];    /* of each node; default all */
	uint64_t rekey_packets;  /* default 0 = no limit */
	uint64_t rekey_bytes;
	uint8_t path_cnt; /* default 1: 192.0.2.NODE; then 192.0.3.NODE and so on */
	bool is_ipv6;     /* 2001:db8::NODE */
	bool is_roaming;
	bool is_ed25519_allowed;
	bool has_flat_random; /* a node draws one byte over and over, another one after a crash */
};

struct pair {
	struct pair_options options;
	uint64_t now_ns;
	uint64_t random;
	struct pair_node node[PAIR_NODE_MAX];
	unsigned node_cnt;
	struct pair_packet *packets; /* sorted by arrival */
	struct pair_answer *answers;
	struct crypto_ctx *crypto;
	/* May change, drop (false) or copy (pair_inject) what is sent. */
	bool (*filter)(struct pair *p, struct pair_packet *packet);
	void *filter_arg;
	/* Runs asymmetric work instead of libcrypto; NULL: nothing does. */
	void (*run_job)(struct pair *p, const struct pair_node *n, struct crypto_job *job);
	void *run_job_arg;
	uint64_t step_cnt;
};

/* Nodes 0 "east" and 1 "west", each the other's configured peer; nothing dialled yet. */
struct pair *pair_new(const struct pair_options *options, const struct pair_identity *east,
	const struct pair_identity *west);
void pair_free(struct pair *p);

/* The earliest event; false when there is none before limit_ns (the clock is then at limit_ns). */
bool pair_step(struct pair *p, uint64_t limit_ns);
void pair_run(struct pair *p, uint64_t for_ns);
/* Runs until done(p) or for_ns have passed; true when done. */
bool pair_run_until(struct pair *p, bool (*done)(struct pair *p), uint64_t for_ns);

/* Adds the sessions: each side dials. Without it a node only answers. */
void pair_start(struct pair *p, unsigned node);
/* Node 2 becomes a second worker of east, owner of its sessions; packets go by their owner. */
void pair_add_worker(struct pair *p);
/* Takes a node down without a word, as a crash does, and up again without sessions. */
void pair_crash(struct pair *p, unsigned node);
void pair_set_identity(struct pair *p, unsigned node, const struct pair_identity *id);
/* Publishes the revocation to that node and has it judge its sessions again. */
void pair_revoke(struct pair *p, unsigned node, const struct pair_identity *id);
void pair_unrevoke(struct pair *p, unsigned node);
void pair_rejudge(struct pair *p, unsigned node);
/* What that node is configured to take, in order of preference; 0 ends. */
void pair_set_groups(struct pair *p, unsigned node, const uint16_t groups[RK_GROUP_MAX]);
void pair_know(struct pair *p, unsigned node, const struct pair_identity *id);

/* Puts a datagram on the wire: from's address, to's engine, after delay. */
void pair_inject(struct pair *p, const struct pair_packet *packet, uint64_t delay_ns);
uint64_t pair_random(struct pair *p);

struct rk_msg_status_peer pair_status(struct pair *p, unsigned node);
uint64_t pair_counter(struct pair *p, unsigned node, const char *name);
/* P10: what either side sends under, the other one can receive; true also without keys. */
bool pair_is_receivable(struct pair *p);
/* Both up with the same exported value, which is not zero. */
bool pair_is_agreed(struct pair *p);
bool pair_has_event(struct pair *p, unsigned node, uint8_t state, const char *reason);
