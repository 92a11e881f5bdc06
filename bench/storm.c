/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All peers at once: each gets a fast rekey, or a full exchange that we begin, or begins one itself.
 * Until the last is done, how long each took from its first message, and what a packet that needs
 * no public-key work waits meanwhile: protected keep-alives from one more peer, at random times,
 * from arrival at the port to their answer on it. Time is the worker's own.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "bench/far.h"
#include "bench/harness.h"
#include "bench/limit.h"
#include "bench/operation.h"
#include "dataplane/core/engine_state.h"

#define PROBE_MAX    200000
#define PROBE_EVERY  UINT64_C(500000) /* mean, ns */
#define IDLE_NS      UINT64_C(200000000)
#define STORM_MAX_NS UINT64_C(600000000000)
#define SAMPLE_EVERY UINT64_C(10000000)

enum kind {
	REKEYS,
	EXCHANGES, /* that the near end begins: after its certificate was replaced */
	ANSWERS,   /* that the peers begin: after the near end was away */
};

/* Each row is of one of these. */
struct scene {
	const char *bench;
	enum kind kind;
	bool has_crypto_lcore;
	const struct limit_group *group;
	const char *cert;            /* NULL: of no matter */
	const struct bench_pki *pki; /* likewise */
	unsigned cert_number;
	struct operations *operations;
};

struct storm {
	const struct scene *scene;
	struct stage *stage;
	struct far *far;
	unsigned peers;    /* the last one is the probe */
	uint64_t *started; /* of each: when its first message came, or it was told to */
	double *took;      /* of those that are done */
	size_t took_cnt;
	uint64_t sample_at; /* an operation alone, beside */
	uint64_t probe_at;  /* next, or that is under way */
	bool is_probing;
	double *delay;
	size_t delay_cnt;
	double idle_p50, idle_p99, idle_longest; /* before the storm: what is not ours */
};

static uint64_t random_below(uint64_t bound)
{
	uint64_t r = 0;

	bench_must(RAND_bytes((uint8_t *)&r, sizeof(r)) == 1, "no random numbers");
	return r % bound;
}

/* The near end's last word: the peer has its new key. */
static uint8_t last_message(enum kind kind)
{
	return kind == ANSWERS ? MSG_ACK : MSG_KEEP_ALIVE;
}

static void on_heard(void *ctx, unsigned peer, uint8_t type, uint64_t now)
{
	struct storm *s = ctx;

	if (peer == s->peers - 1) {
		if (type != MSG_KEEP_ALIVE || !s->is_probing)
			return;
		if (s->delay_cnt < PROBE_MAX)
			s->delay[s->delay_cnt++] = (double)(now - s->probe_at);
		s->is_probing = false;
		s->probe_at = stage_now_ns() + 1 + random_below(2 * PROBE_EVERY);
		return;
	}
	if ((type == MSG_REKEY_HELLO || type == MSG_HELLO) && s->started[peer] == 0)
		s->started[peer] = now;
	else if (type == last_message(s->scene->kind) && s->started[peer] > 1) {
		s->took[s->took_cnt++] = (double)(now - s->started[peer]);
		s->started[peer] = 1; /* done */
	}
}

static void turn(struct storm *s)
{
	if (!s->is_probing && stage_now_ns() >= s->probe_at) {
		s->is_probing = true;
		far_probe(s->far, s->peers - 1);
	}
	(void)far_turn(s->far);
	stage_main(s->stage);
}

static void idle(struct storm *s)
{
	uint64_t until = stage_now_ns() + IDLE_NS;

	while (stage_now_ns() < until)
		turn(s);
}

static void begin(struct storm *s, unsigned peer)
{
	struct engine *e = s->stage->worker->engine;
	struct session *session = stage_session(s->stage, peer);

	switch (s->scene->kind) {
	case REKEYS:
		session_rotate(e, session, false);
		break;
	case EXCHANGES:
		session->reauth_at_ns = stage_now_ns();
		session_schedule(e, session);
		break;
	case ANSWERS:
		s->started[peer] = stage_now_ns();
		far_exchange(s->far, peer);
		break;
	}
}

/* How much a packet may be delayed. */
static double limit_us(const struct scene *scene)
{
	bool is_short = scene->group->id == KEX_SECP256R1 || scene->group->id == KEX_X25519;

	if (scene->has_crypto_lcore)
		return 50;
	if (is_short && (scene->cert == NULL || strcmp(scene->cert, "ecdsa-p256") == 0))
		return 200;
	return operations_longest_ns(scene->operations, 99) / 1e3 + 50;
}

static void report(const struct bench_options *o, const struct storm *s, double done_ns)
{
	static const char *const names[] = {"rekeys", "exchanges", "answers"};
	const struct scene *scene = s->scene;
	const struct stage_round *longest = &s->stage->longest;
	double p99 = bench_percentile(s->delay, s->delay_cnt, 99);

	bench_print(o,
		&(struct bench_row){.bench = scene->bench,
			.operation = names[scene->kind],
			.group = scene->group->name,
			.cert = scene->cert,
			.value = (s->peers - 1) / (done_ns / 1e9),
			.unit = "ops/s",
			.field = {{"peers", NULL, s->peers - 1}, {"done_s", NULL, done_ns / 1e9},
				{"p50_ms", NULL, bench_percentile(s->took, s->took_cnt, 50) / 1e6},
				{"p99_ms", NULL,
					bench_percentile(s->took, s->took_cnt, 99) / 1e6}}});
	bench_print(o, &(struct bench_row){.bench = scene->bench,
			       .operation = "delay",
			       .group = scene->group->name,
			       .cert = scene->cert,
			       .value = p99 > s->idle_p50 ? (p99 - s->idle_p50) / 1e3 : 0,
			       .unit = "us",
			       .field = {{"limit_us", NULL, limit_us(scene)},
				       {"longest_operation_us", NULL,
					       operations_longest_ns(scene->operations, 99) / 1e3},
				       {"probes", NULL, (double)s->delay_cnt},
				       {"idle_p50_us", NULL, s->idle_p50 / 1e3},
				       {"idle_p99_us", NULL, s->idle_p99 / 1e3},
				       {"p50_us", NULL,
					       bench_percentile(s->delay, s->delay_cnt, 50) / 1e3},
				       {"idle_longest_us", NULL, s->idle_longest / 1e3},
				       {"longest_round_us", NULL, longest->ns / 1e3},
				       {"its_switches", NULL, longest->switches},
				       {"its_faults", NULL, longest->faults},
				       {"its_events", NULL, longest->events},
				       {"machine_hole_us", NULL, s->stage->hole_ns / 1e3}}});
}

static void one(const struct bench_options *o, const struct scene *scene, unsigned peers)
{
	struct storm s = {.scene = scene, .peers = peers + 1};
	uint64_t began;
	unsigned i;

	s.stage = stage_open(&(struct stage_options){.peer_cnt = s.peers,
		.group = scene->group->id,
		.cert = scene->cert_number,
		.has_verdicts = true,
		.has_crypto_lcore = scene->has_crypto_lcore});
	s.started = calloc(s.peers, sizeof(*s.started));
	s.took = calloc(s.peers, sizeof(*s.took));
	s.delay = calloc(PROBE_MAX, sizeof(*s.delay));
	bench_must(s.started != NULL && s.took != NULL && s.delay != NULL, "out of memory");
	stage_publish(s.stage, 0, s.peers);
	s.far = far_new(s.stage, &(struct far_ops){on_heard, &s});
	idle(&s); /* the gateway's address is learnt, caches are warm */
	s.delay_cnt = 0;
	stage_forget_longest(s.stage);
	idle(&s);
	bench_must(s.delay_cnt > 0, "no probe comes back");
	s.idle_p50 = bench_percentile(s.delay, s.delay_cnt, 50);
	s.idle_longest = s.stage->longest.ns;
	s.idle_p99 = bench_percentile(s.delay, s.delay_cnt, 99);
	s.delay_cnt = 0;
	stage_forget_longest(s.stage);
	s.stage->is_compared = true;
	for (i = 0; i < peers; i++)
		begin(&s, i);
	began = stage_now_ns();
	while (s.took_cnt < peers) {
		bench_must(stage_now_ns() - began < STORM_MAX_NS, "the storm does not end");
		turn(&s);
		if (stage_now_ns() >= s.sample_at) {
			operations_sample(scene->operations);
			s.sample_at = stage_now_ns() + SAMPLE_EVERY;
		}
	}
	report(o, &s, (double)(stage_now_ns() - began));
	far_free(s.far);
	stage_close(s.stage);
	free(s.started);
	free(s.took);
	free(s.delay);
}

/* ---- scenes ---------------------------------------------------------------------------------- */

/* As many peers as are done in some two seconds: enough for some thousand probes. */
#define PEERS_MAX     100000
#define FILL_NS       2e9
#define FIRST_SAMPLES 31

static void stage_scene(const struct bench_options *o, struct scene *scene)
{
	double fit;
	unsigned i;

	scene->operations = operations_new(scene->group->id, scene->pki);
	for (i = 0; i < FIRST_SAMPLES; i++)
		operations_sample(scene->operations);
	fit = FILL_NS / operations_sum_ns(scene->operations);
	one(o, scene, bench_count(o->peers, fit < PEERS_MAX ? (unsigned)fit : PEERS_MAX));
	operations_free(scene->operations);
}

static void each_group(const struct bench_options *o, const char *bench, bool has_crypto_lcore)
{
	for (size_t i = 0; i < LIMIT_GROUP_CNT; i++) {
		struct scene scene = {.bench = bench,
			.kind = REKEYS,
			.has_crypto_lcore = has_crypto_lcore,
			.group = &limit_groups[i]};

		if (bench_is_wanted(o, scene.group->name, NULL))
			stage_scene(o, &scene);
	}
}

static void each_certificate(const struct bench_options *o, const struct scene *kind)
{
	for (size_t i = 0; i < LIMIT_GROUP_CNT; i++) {
		for (unsigned j = 0; j < BENCH_CERT_CNT; j++) {
			struct scene scene = *kind;

			scene.group = &limit_groups[i];
			scene.cert = bench_certs[j].name;
			scene.cert_number = j;
			if (!bench_is_wanted(o, scene.group->name, scene.cert))
				continue;
			scene.pki = bench_pki_get(j);
			stage_scene(o, &scene);
		}
	}
}

static void run(const struct bench_options *o)
{
	each_group(o, "storm", false);
}

static void run_crypto(const struct bench_options *o)
{
	each_group(o, "storm-crypto", true);
}

static void run_exchange(const struct bench_options *o)
{
	each_certificate(o, &(struct scene){.bench = "storm-exchange", .kind = EXCHANGES});
}

static void run_exchange_crypto(const struct bench_options *o)
{
	each_certificate(o, &(struct scene){.bench = "storm-exchange-crypto",
				    .kind = EXCHANGES,
				    .has_crypto_lcore = true});
}

static void run_answer(const struct bench_options *o)
{
	each_certificate(o, &(struct scene){.bench = "storm-answer", .kind = ANSWERS});
}

const struct bench_suite bench_storm = {
	"storm", "all peers rekey at once: time, latency, delay added to other packets", run};
const struct bench_suite bench_storm_crypto = {
	"storm-crypto", "the same with a crypto lcore", run_crypto};
const struct bench_suite bench_storm_exchange = {
	"storm-exchange", "a full exchange with all peers at once, likewise", run_exchange};
const struct bench_suite bench_storm_exchange_crypto = {
	"storm-exchange-crypto", "the same with a crypto lcore", run_exchange_crypto};
const struct bench_suite bench_storm_answer = {
	"storm-answer", "all peers begin a full exchange at once, likewise", run_answer};
