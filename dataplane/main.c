/* SPDX-License-Identifier: BSD-3-Clause */
/* rekey-dataplane: starts everything in order, runs the loop, takes everything down again. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/rand.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "dataplane/clock.h"
#include "dataplane/confine.h"
#include "dataplane/log.h"
#include "dataplane/loop.h"
#include "dataplane/state.h"
#include "dataplane/telemetry.h"
#include "pki/view/secret.h"

/* Half-open exchanges of a worker: what is aimed at, and without which it does not start. */
#define EXCHANGE_MAX 4096
#define EXCHANGE_MIN 64

#define STOP_NS      (10 * NS_PER_SEC) /* for lcores to end in */
#define STOP_POLL_US 1000

static_assert(WATCHDOG_THREAD_MAX >= WORKER_MAX + OPTIONS_LCORE_MAX, "each lcore is looked at");

struct lcores {
	unsigned worker_cnt;
	unsigned worker_id[WORKER_MAX];
	unsigned crypto_cnt;
	struct crypto_lcore crypto[OPTIONS_LCORE_MAX];
	unsigned crypto_id[OPTIONS_LCORE_MAX];
};

/* Threads inherit it, so signals wait for the loop. */
static void block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

/* Those of --crypto-lcores, and every other one is a worker. */
static bool assign_lcores(const struct options *o, struct lcores *l)
{
	unsigned id;

	RTE_LCORE_FOREACH_WORKER(id)
	{
		if (id < OPTIONS_LCORE_MAX && o->is_crypto_lcore[id]) {
			l->crypto_id[l->crypto_cnt++] = id;
		} else {
			if (l->worker_cnt < WORKER_MAX)
				l->worker_id[l->worker_cnt] = id;
			l->worker_cnt++;
		}
	}
	for (id = 0; id < OPTIONS_LCORE_MAX; id++)
		if (o->is_crypto_lcore[id] &&
			(!rte_lcore_is_enabled(id) || id == rte_get_main_lcore())) {
			log_error("--crypto-lcores: %u is the main lcore, or not one of EAL's", id);
			return false;
		}
	if (l->worker_cnt == 0)
		log_error("no lcore is left for a worker: give EAL two, as --lcores '(0,1)@0'");
	else if (l->worker_cnt > WORKER_MAX)
		log_error(
			"%u lcores would be workers, %d are supported", l->worker_cnt, WORKER_MAX);
	return l->worker_cnt > 0 && l->worker_cnt <= WORKER_MAX;
}

/*
 * Keys lie in locked memory, of which an ordinary user has little: half of it is for exchanges, the
 * rest for peers and their keys.
 */
static int size_exchanges(struct shared *s)
{
	size_t limit = rk_secret_limit();
	size_t fit = limit / 2 / s->worker_cnt / engine_secret_size(1);

	s->exchange_cnt = fit < EXCHANGE_MAX ? (unsigned)fit : EXCHANGE_MAX;
	if (fit >= EXCHANGE_MAX)
		return 0;
	if (fit < EXCHANGE_MIN) {
		log_error("locked memory is limited to %zu KiB, too little for %u workers: raise "
			  "LimitMEMLOCK= of the service, or ulimit -l",
			limit / 1024, s->worker_cnt);
		return -ENOMEM;
	}
	log_warning("locked memory is limited to %zu KiB: a worker has room for %u exchanges at a "
		    "time, not %u; LimitMEMLOCK= of the service, or ulimit -l, raises it",
		limit / 1024, s->exchange_cnt, EXCHANGE_MAX);
	return 0;
}

static int open_workers(struct dataplane *d, unsigned crypto_cnt)
{
	uint8_t cookie[COOKIE_SECRET_LEN]; /* one for all: a cookie may come back to another */
	unsigned i;
	int ret = RAND_priv_bytes(cookie, sizeof(cookie)) == 1 ? size_exchanges(&d->shared) : -EIO;

	/* An engine has a job for each of its exchanges. */
	struct crypto_config config = {.lcore_cnt = crypto_cnt, .job_cnt = d->shared.exchange_cnt};

	for (i = 0; ret == 0 && i < d->shared.worker_cnt; i++) {
		peer_pool_init(&d->pool[i], session_size(), engine_slots_size);
		config.worker = i;
		ret = crypto_service_new(&config, &d->crypto[i]);
		if (ret == 0)
			ret = worker_new(&d->shared, i, d->crypto[i], cookie, &d->shared.worker[i]);
	}
	rk_wipe(cookie, sizeof(cookie));
	d->cookie_ns = clock_monotonic_ns();
	return ret;
}

/* Aside from the lcores: what main needs. */
static int open_parts(struct dataplane *d, const struct lcores *l)
{
	int ret;

	d->shared.worker_cnt = l->worker_cnt;
	d->shared.clock_ns = clock_monotonic_ns;
	d->shared.idle_sleep_us = d->options.idle_sleep_us;
	kex_backend_use(d->options.kex);
	d->shared.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (d->shared.wake_fd < 0)
		return -errno;
	d->state_dir = state_open(d->options.state_dir);
	if (d->state_dir < 0) {
		log_error("%s: %s", d->options.state_dir,
			d->state_dir == -EBUSY ? "another rekey-dataplane runs on this state folder"
					       : strerror(-d->state_dir));
		return d->state_dir;
	}
	inbox_init(&d->shared.to_main);
	inbox_list_init(&d->reports);
	graveyard_init(&d->graveyard, d->shared.wake_fd);
	ret = peer_table_init(&d->shared.peers);
	if (ret == 0)
		ret = certificate_table_init(
			&d->shared.certificates, &d->graveyard, CERTIFICATE_TABLE_MAX);
	if (ret == 0)
		ret = port_set_new(&d->graveyard, l->worker_cnt, d->options.mtu_max, &d->ports);
	if (ret < 0)
		return ret;
	d->shared.ports = d->ports;
	d->shared.buffers = port_set_buffers(d->ports);
	return open_workers(d, l->crypto_cnt);
}

static int launch(struct dataplane *d, struct lcores *l)
{
	unsigned i;
	int ret = 0;

	for (i = 0; i < l->crypto_cnt; i++) {
		l->crypto[i] = (struct crypto_lcore){.service = d->crypto,
			.service_cnt = l->worker_cnt,
			.idle_sleep_us = d->options.idle_sleep_us,
			.is_stopping = &d->shared.is_stopping,
			.round_ns = clock_monotonic_ns()};
		watchdog_add(
			&d->watchdog, &l->crypto[i].round_ns, "crypto-lcore-%u", l->crypto_id[i]);
		ret = crypto_ctx_new(&l->crypto[i].ctx);
		if (ret == 0)
			ret = rte_eal_remote_launch(
				crypto_lcore_main, &l->crypto[i], l->crypto_id[i]);
		if (ret < 0)
			return ret;
	}
	for (i = 0; ret == 0 && i < l->worker_cnt; i++) {
		watchdog_add(&d->watchdog, &d->shared.worker[i]->round_ns, "worker-%u-lcore-%u", i,
			l->worker_id[i]);
		ret = rte_eal_remote_launch(worker_main, d->shared.worker[i], l->worker_id[i]);
	}
	return ret;
}

static bool is_any_running(unsigned *id)
{
	RTE_LCORE_FOREACH_WORKER(*id)
	{
		if (rte_eal_get_lcore_state(*id) == RUNNING)
			return true;
	}
	return false;
}

/*
 * Whoever does not end keeps what it uses, so nothing can be taken down: the process ends as it is,
 * and its memory, keys included, with it.
 */
static void stop_lcores(struct dataplane *d)
{
	uint64_t began = clock_monotonic_ns();
	unsigned id;

	atomic_store_explicit(&d->shared.is_stopping, true, memory_order_release);
	rk_rcu_offline();
	while (is_any_running(&id)) {
		if (clock_monotonic_ns() - began > STOP_NS) {
			log_error("lcore %u does not end: leaving without it", id);
			_exit(EXIT_FAILURE);
		}
		usleep(STOP_POLL_US);
	}
	rte_eal_mp_wait_lcore();
	rk_rcu_online();
}

/* After the workers: their last messages, every peer, every view, in that order. */
static void unpublish(struct dataplane *d)
{
	struct inbox_node *node;

	d->is_status_wanted = false;
	reports_take(d);
	activate_clear(d);
	certificate_table_clear(&d->shared.certificates);
	peer_table_walk(&d->shared.peers, peer_forget, d);
	rk_rcu_barrier();
	while (graveyard_step(&d->graveyard, UINT_MAX))
		;
	while (part_close_step(&d->closing, SIZE_MAX))
		;
	while ((node = inbox_list_pop(&d->reports)) != NULL)
		if (message_is_command(message_of(node)))
			command_free(message_of(node));
}

static void close_parts(struct dataplane *d)
{
	unsigned i;

	for (i = 0; i < d->shared.worker_cnt; i++) {
		worker_free(d->shared.worker[i]);
		peer_pool_fini(&d->pool[i]);
	}
	port_set_free(d->ports);
	certificate_table_fini(&d->shared.certificates);
	peer_table_fini(&d->shared.peers);
	if (d->state_dir >= 0)
		close(d->state_dir);
	if (d->shared.wake_fd >= 0)
		close(d->shared.wake_fd);
}

/* Keys lie in locked memory, of which an ordinary user may have a few MiB only. */
static const char *memory_hint(int ret)
{
	struct rlimit limit;

	if (ret == -ENOMEM && getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
		limit.rlim_cur != RLIM_INFINITY)
		return ": too little memory may be locked (ulimit -l unlimited, or "
		       "LimitMEMLOCK=infinity in the unit)";
	return "";
}

static int run(struct dataplane *d)
{
	struct lcores lcores = {0};
	struct loop *loop = NULL;
	int ret = -EINVAL;

	if (!assign_lcores(&d->options, &lcores))
		return ret;
	ret = rk_rcu_start();
	if (ret < 0)
		return ret;
	ret = open_parts(d, &lcores);
	if (ret == 0)
		ret = loop_new(d, &loop);
	if (ret == 0)
		activate_saved(d);
	if (ret == 0)
		ret = launch(d, &lcores);
	if (ret == 0) {
		log_info("running, %u worker%s, key agreement by %s", lcores.worker_cnt,
			lcores.worker_cnt == 1 ? "" : "s", kex_backend_name(d->options.kex));
		telemetry_open(&d->shared);
		loop_run(loop);
		telemetry_close();
	} else {
		log_error("start failed: %s%s", strerror(-ret), memory_hint(ret));
	}
	stop_lcores(d);
	if (loop != NULL)
		unpublish(d);
	loop_free(loop);
	close_parts(d);
	rk_rcu_stop();
	return ret;
}

int main(int argc, char **argv)
{
	static struct dataplane d = {.state_dir = -1, .shared.wake_fd = -1};
	char why[256] = "";
	int ret;

	switch (options_parse(&d.options, argc, argv, why, sizeof(why))) {
	case OPTIONS_HELP:
		options_help(stdout);
		return EXIT_SUCCESS;
	case OPTIONS_VERSION:
		printf("rekey-dataplane %s\n", REKEY_VERSION);
		return EXIT_SUCCESS;
	case OPTIONS_BAD:
		fprintf(stderr, "rekey-dataplane: %s\n", why);
		options_help(stderr);
		return EXIT_FAILURE;
	case OPTIONS_RUN:
		break;
	}
	log_line_open(d.options.log_format);
	umask(077);
	ret = rk_process_harden();
	if (ret < 0) {
		log_error("cannot keep secrets out of core dumps: %s", strerror(-ret));
		return EXIT_FAILURE;
	}
	rk_process_lock();
	block_signals();
	ret = confine_files(&d.options);
	if (ret < 0) {
		log_error("the process cannot be confined to its folders: %s", strerror(-ret));
		return EXIT_FAILURE;
	}
	if (rte_eal_init(d.options.eal_argc, argv) < 0) {
		log_error("EAL: %s", rte_strerror(rte_errno));
		return EXIT_FAILURE;
	}
	ret = confine_calls(&d.options);
	if (ret < 0)
		log_error("system calls cannot be given up: %s", strerror(-ret));
	else
		ret = run(&d);
	rte_eal_cleanup();
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
