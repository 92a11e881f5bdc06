/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "dataplane/clock.h"
#include "dataplane/worker_parts.h"
#include "pki/view/secret.h"

#define TIMERS_PER_RUN 64
#define IDLE_POLLS     1000
#define IDLE_SLEEP_MIN 10
#define EXCHANGE_CNT   4096
#define SESSION_CNT    131072

int worker_new(struct shared *shared, struct crypto_service *crypto, struct worker **out)
{
	uint8_t cookie[COOKIE_SECRET_LEN];
	const struct engine_config config = {.worker_id = 0,
		.exchange_cnt = EXCHANGE_CNT,
		.session_cnt = SESSION_CNT,
		.cookie_secret = cookie};
	uint64_t now = clock_monotonic_ns();
	struct worker *w;
	size_t i;
	int ret;

	if (RAND_priv_bytes(cookie, sizeof(cookie)) != 1)
		return -EIO;
	w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);
	if (w == NULL)
		return -ENOMEM;
	memset(w, 0, sizeof(*w));
	w->shared = shared;
	w->crypto = crypto;
	w->echo_refill_ns = now;
	inbox_init(&w->inbox);
	inbox_list_init(&w->free_reports);
	inbox_list_init(&w->free_certificates);
	for (i = 0; i < REPORT_CNT; i++)
		inbox_list_append(&w->free_reports, &w->report[i].node);
	for (i = 0; i < CERTIFICATE_CNT; i++)
		inbox_list_append(&w->free_certificates, &w->certificate[i].head.node);
	timers_init(&w->timers, now);
	neighbour_init(&w->neighbours, &worker_neighbour_ops, w, now);
	ret = engine_new(&config, &worker_engine_ops, w, &w->engine);
	rk_wipe(cookie, sizeof(cookie));
	if (ret < 0) {
		free(w);
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
	free(w);
}

void worker_command(struct worker *w, struct message *m)
{
	inbox_push(&w->inbox, &m->node);
}

/* The iteration's view, clocks and credential; false: nothing is published yet. */
static bool begin(struct worker *w)
{
	struct engine_env env = {0};

	w->now_ns = clock_monotonic_ns();
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
	return w->published != NULL;
}

static void fire(void *ctx, struct core_timer *timer)
{
	engine_timer(((struct worker *)ctx)->engine, timer);
}

/* One round of work; true when there was any. */
static bool run_once(struct worker *w)
{
	struct crypto_job *job;
	/* Taken before the view is loaded: a command never meets an older view than it was sent
	 * after. */
	struct inbox_node *commands = inbox_take(&w->inbox);
	bool is_busy = commands != NULL;

	if (!begin(w)) {
		worker_execute(w, commands);
		return worker_walk_peers(w) || is_busy;
	}
	worker_execute(w, commands);
	is_busy |= timers_run(&w->timers, w->now_ns, TIMERS_PER_RUN, fire, w) > 0;
	is_busy |= worker_receive(w) > 0;
	neighbour_run(&w->neighbours, w->now_ns);
	/* One operation a round: the worker is quiescent and receives between any two. */
	job = crypto_next(w->crypto);
	if (job != NULL)
		engine_job_done(w->engine, job);
	is_busy |= worker_walk_peers(w);
	worker_flush(w);
	return is_busy || job != NULL || crypto_is_busy(w->crypto);
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
}

int worker_main(void *arg)
{
	struct worker *w = arg;

	rk_rcu_register();
	while (!atomic_load_explicit(&w->shared->is_stopping, memory_order_acquire)) {
		rk_rcu_quiescent(); /* no borrowed pointer lives past this line */
		if (run_once(w)) {
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
