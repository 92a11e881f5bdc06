/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_lcore.h>
#include <rte_ring.h>

#include "dataplane/clock.h"
#include "dataplane/worker_parts.h"
#include "pki/view/secret.h"

#define TIMERS_PER_RUN 2
#define IDLE_POLLS     1000
#define IDLE_SLEEP_MIN 10

unsigned shared_owner_of(const struct shared *s, const char *identity, size_t len)
{
	/* High bits: the tables use the low ones. */
	return (unsigned)((rk_rcu_hash(identity, len) >> 32) % s->worker_cnt);
}

static size_t handover_stride(void)
{
	return (sizeof(struct handover_message) + handover_size() + 63) / 64 * 64;
}

static struct rte_ring *new_ring(const char *what, unsigned id)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "worker%u-%s", id, what);
	return rte_ring_create(name, PORT_RING_LEN, (int)rte_socket_id(), RING_F_SC_DEQ);
}

static void put_in_pool(const struct worker *w, struct inbox_list *pool, struct message *m)
{
	m->from = (uint8_t)w->id;
	inbox_list_append(pool, &m->node);
}

static void fill_pools(struct worker *w)
{
	size_t i;

	inbox_list_init(&w->free_reports);
	inbox_list_init(&w->free_certificates);
	inbox_list_init(&w->free_handovers);
	for (i = 0; i < REPORT_CNT; i++)
		put_in_pool(w, &w->free_reports, &w->report[i]);
	for (i = 0; i < CERTIFICATE_CNT; i++)
		put_in_pool(w, &w->free_certificates, &w->certificate[i].head);
	for (i = 0; w->handovers != NULL && i < HANDOVER_CNT; i++)
		put_in_pool(w, &w->free_handovers,
			(struct message *)(void *)(w->handovers + i * handover_stride()));
}

/* Rings and hand-overs are for several workers only. */
static int open_parts(struct worker *w, const uint8_t *cookie_secret)
{
	const struct engine_config config = {.worker_id = w->id,
		.exchange_cnt = w->shared->exchange_cnt,
		.session_cnt = WORKER_SESSION_MAX,
		.cookie_secret = cookie_secret};

	if (w->shared->worker_cnt > 1) {
		w->passed = new_ring("passed", w->id);
		w->leaving = new_ring("leaving", w->id);
		w->handovers = rk_secret_new(HANDOVER_CNT * handover_stride());
		if (w->passed == NULL || w->leaving == NULL || w->handovers == NULL)
			return -ENOMEM;
	}
	fill_pools(w);
	return engine_new(&config, &worker_engine_ops, w, &w->engine);
}

int worker_new(struct shared *shared, unsigned id, struct crypto_service *crypto,
	const uint8_t *cookie_secret, struct worker **out)
{
	uint64_t now = shared->clock_ns();
	struct worker *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);
	int ret;

	if (w == NULL) {
		crypto_service_free(crypto);
		return -ENOMEM;
	}
	memset(w, 0, sizeof(*w));
	w->shared = shared;
	w->id = id;
	w->crypto = crypto;
	w->echo.refill_ns = now;
	w->gossip.refill_ns = now;
	atomic_init(&w->round_ns, now);
	inbox_init(&w->inbox);
	inbox_list_init(&w->commands);
	timers_init(&w->timers, now);
	neighbour_init(&w->neighbours, &worker_neighbour_ops, w, now);
	ret = open_parts(w, cookie_secret);
	if (ret < 0) {
		worker_free(w);
		return ret;
	}
	*out = w;
	return 0;
}

void worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	engine_free(w->engine);
	crypto_service_free(w->crypto);
	worker_drain(w->passed);
	worker_drain(w->leaving);
	rk_secret_free(w->handovers, HANDOVER_CNT * handover_stride());
	free(w);
}

void worker_command(struct worker *w, struct message *m)
{
	inbox_push(&w->inbox, &m->node);
}

/* How long the last round kept packets waiting; main may take the longest at any time. */
static void note_pause(struct worker *w)
{
	uint64_t took = w->began_ns != 0 ? w->now_ns - w->began_ns : 0;

	if (took > atomic_load_explicit(&w->longest_ns, memory_order_relaxed))
		atomic_store_explicit(&w->longest_ns, took, memory_order_relaxed);
	w->began_ns = w->now_ns;
	atomic_store_explicit(&w->round_ns, w->now_ns, memory_order_relaxed);
}

static void note_depths(struct worker *w)
{
	struct engine_load load;

	if (w->now_ns - w->depths_ns < QUEUE_NOTE_NS)
		return;
	w->depths_ns = w->now_ns;
	engine_load(w->engine, &load);
	queue_note(&w->depths, QUEUE_EXCHANGES, load.exchange_cnt);
	queue_note(&w->depths, QUEUE_PARKED, load.parked_cnt);
	queue_note(&w->depths, QUEUE_CRYPTO, load.job_cnt);
	queue_note(&w->depths, QUEUE_NEIGHBOURS, w->neighbours.open_cnt);
	if (w->passed == NULL)
		return;
	queue_note(&w->depths, QUEUE_PASSED, rte_ring_count(w->passed));
	queue_note(&w->depths, QUEUE_LEAVING, rte_ring_count(w->leaving));
}

/* The iteration's view, clocks and credential; false: nothing is published yet. */
static bool begin(struct worker *w)
{
	struct engine_env env = {0};

	w->now_ns = w->shared->clock_ns();
	note_pause(w);
	note_depths(w);
	w->published = rk_rcu_read(&w->shared->published);
	env.now_ns = w->now_ns;
	if (w->published == NULL) {
		env.wall_sec = clock_wall_sec(0);
	} else {
		env.view = &w->published->view;
		env.credential = w->published->credential;
		env.wall_sec = clock_wall_sec(env.view->global->clock_floor);
	}
	engine_begin(w->engine, &env);
	crypto_keep_key(w->crypto, env.credential == NULL ? 0 : env.credential->id);
	return w->published != NULL;
}

static void fire(void *ctx, struct core_timer *timer)
{
	engine_timer(((struct worker *)ctx)->engine, timer);
}

/* Public-key work and what follows from it, as much as a round may spend. */
static bool run_crypto(struct worker *w)
{
	uint64_t began = w->shared->clock_ns(), now = began;
	struct crypto_job *job;
	bool is_any = false;

	crypto_begin(w->crypto, now);
	while ((job = crypto_next(w->crypto, now)) != NULL) {
		engine_job_done(w->engine, job);
		is_any = true;
		now = w->shared->clock_ns();
	}
	w->crypto_ns = now - began;
	return is_any;
}

bool worker_run(struct worker *w)
{
	/* Taken before the view is loaded: a command never meets an older view than it was sent
	 * after. */
	struct inbox_node *news = inbox_take(&w->inbox);
	bool is_published = begin(w);
	bool is_busy = worker_execute(w, news);

	if (!is_published)
		return worker_walk_peers(w) || is_busy;
	worker_list_gateways(w);
	is_busy |= timers_run(&w->timers, w->now_ns, TIMERS_PER_RUN, fire, w) > 0;
	is_busy |= worker_receive(w) > 0;
	neighbour_run(&w->neighbours, w->now_ns);
	worker_flush(w); /* what needs no public-key work does not wait for any */
	is_busy |= run_crypto(w);
	is_busy |= worker_walk_peers(w);
	worker_flush(w);
	return is_busy || crypto_is_busy(w->crypto);
}

/* Sleeps a little when nothing has happened for a while; offline, so that nobody waits for us. */
static void rest(struct worker *w)
{
	uint64_t next = timers_next_ns(&w->timers);
	uint64_t now;
	uint64_t sleep_us;

	if (w->shared->idle_sleep_us == 0 || w->idle_cnt++ < IDLE_POLLS)
		return;
	w->sleep_us = w->sleep_us == 0 ? IDLE_SLEEP_MIN : w->sleep_us * 2;
	if (w->sleep_us > w->shared->idle_sleep_us)
		w->sleep_us = w->shared->idle_sleep_us;
	now = clock_monotonic_ns();
	if (next <= now)
		return;
	sleep_us = (next - now) / NS_PER_US < w->sleep_us ? (next - now) / NS_PER_US : w->sleep_us;
	rk_rcu_offline();
	usleep((useconds_t)sleep_us);
	rk_rcu_online();
	w->began_ns = 0;
}

int worker_main(void *arg)
{
	struct worker *w = arg;

	rk_rcu_register();
	while (!atomic_load_explicit(&w->shared->is_stopping, memory_order_acquire)) {
		rk_rcu_quiescent(); /* no borrowed pointer lives past this line */
		if (worker_run(w)) {
			w->idle_cnt = 0;
			w->sleep_us = 0;
		} else {
			rest(w);
		}
	}
	worker_close(w);
	neighbour_fini(&w->neighbours);
	rk_rcu_unregister();
	return 0;
}
