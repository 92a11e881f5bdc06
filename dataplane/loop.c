/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "dataplane/clock.h"
#include "dataplane/log.h"
#include "dataplane/metrics_socket.h"
#include "dataplane/state.h"
#include "dataplane/wake.h"
#include "pki/view/secret.h"
#include "pki/view/service.h"

#define EVENT_CNT        5
#define COUNTERS_EVERY   NS_PER_SEC
#define STATE_EVERY      NS_PER_SEC
#define COOKIE_EVERY     (120 * NS_PER_SEC)
#define READY_AFTER      (3 * NS_PER_SEC)
#define UNMAP_STEP_BYTES (16UL << 20)
#define RELEASE_STEP     1024

struct loop {
	struct dataplane *d;
	int epoll_fd;
	int signal_fd;
	int service_fd;                 /* to the service manager; -1: none */
	uint64_t watchdog_ns;           /* how often it wants to hear of us; 0: never */
	uint64_t told_ns;               /* when it last did */
	struct metrics_socket *metrics; /* NULL: none */
	uint64_t began_ns;
	bool is_ready;
	bool is_stopped;
};

/* The channel's callbacks. */

static void on_connected(void *ctx)
{
	struct dataplane *d = ctx;

	atomic_store_explicit(&d->shared.is_control_connected, true, memory_order_relaxed);
	activate_say_hello(d);
	d->counted = 0; /* tells the counters anew */
}

static void on_lost(void *ctx)
{
	struct dataplane *d = ctx;

	atomic_store_explicit(&d->shared.is_control_connected, false, memory_order_relaxed);
	reports_expire(d, UINT64_MAX);
}

static void on_key(void *ctx, struct rk_private_key *key)
{
	activate_key(ctx, key);
}

static void rotate(struct dataplane *d, const char *name)
{
	struct inbox_list all;
	struct message *m;
	struct peer *p;

	if (name[0] == '\0') {
		if (commands_new(d, MESSAGE_ROTATE, &all) == 0)
			commands_send(d, &all);
		return;
	}
	p = peer_table_find_name(&d->shared.peers, name);
	if (p == NULL)
		return; /* removed meanwhile */
	m = command_new(MESSAGE_ROTATE);
	if (m == NULL)
		return;
	m->peer = p;
	worker_command(d->shared.worker[p->owner], m);
}

static bool on_message(void *ctx, const struct rk_message *m, const int *fds, size_t fd_cnt)
{
	struct dataplane *d = ctx;

	if (fd_cnt > 0 && m->type != RK_MSG_VIEW)
		return false;
	switch (m->type) {
	case RK_MSG_VIEW:
		return activate_message(d, &m->view, fds, fd_cnt);
	case RK_MSG_VERDICT:
		reports_verdict(d, &m->verdict);
		return true;
	case RK_MSG_ROTATE:
		rotate(d, m->rotate.peer);
		return true;
	case RK_MSG_STATUS:
		reports_status(d);
		return true;
	case RK_MSG_LOG:
		log_line_set_levels(m->log.level);
		return true;
	default:
		return false;
	}
}

static const struct channel_ops channel_ops = {on_connected, on_lost, on_message, on_key};

static int watch(struct loop *l, int fd, void *tag)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};

	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int loop_new(struct dataplane *d, struct loop **out)
{
	struct loop *l = calloc(1, sizeof(*l));
	sigset_t signals;
	int ret;

	if (l == NULL)
		return -ENOMEM;
	*l = (struct loop){.d = d, .epoll_fd = -1, .signal_fd = -1};
	l->service_fd = rk_service_open(&l->watchdog_ns);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	ret = l->epoll_fd < 0 || l->signal_fd < 0 ? -errno : 0;
	if (ret == 0)
		ret = watch(l, l->signal_fd, &l->signal_fd);
	if (ret == 0)
		ret = watch(l, d->shared.wake_fd, &d->shared.wake_fd);
	if (ret == 0 && d->options.metrics_socket != NULL)
		ret = metrics_socket_new(
			l->epoll_fd, d->options.metrics_socket, &d->shared, &l->metrics);
	if (ret == 0)
		ret = channel_new(l->epoll_fd, d->options.run_dir, d->options.control_uid,
			&channel_ops, d, &d->channel);
	if (ret < 0) {
		loop_free(l);
		return ret;
	}
	*out = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	channel_free(l->d->channel);
	l->d->channel = NULL;
	metrics_socket_free(l->metrics);
	if (l->service_fd >= 0)
		close(l->service_fd);
	if (l->signal_fd >= 0)
		close(l->signal_fd);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	free(l);
}

static void renew_cookie(struct dataplane *d, uint64_t now)
{
	uint8_t secret[COOKIE_SECRET_LEN];
	struct inbox_list all;
	struct inbox_node *node;

	if (now - d->cookie_ns < COOKIE_EVERY)
		return;
	d->cookie_ns = now;
	if (RAND_priv_bytes(secret, sizeof(secret)) != 1 ||
		commands_new(d, MESSAGE_COOKIE, &all) < 0)
		return;
	for (node = all.first; node != NULL; node = node->next)
		memcpy(message_of(node)->cookie, secret, sizeof(secret));
	rk_wipe(secret, sizeof(secret));
	commands_send(d, &all);
}

static void tell_counters(struct dataplane *d, uint64_t now)
{
	bool is_hung;

	if (!channel_is_connected(d->channel) || now - d->counted_ns < COUNTERS_EVERY)
		return;
	d->counted_ns = now;
	is_hung = d->watchdog.hung_cnt > 0;
	/* Who hangs counts nothing; and who does no more is told once. */
	if (is_hung || d->was_hung || reports_counters_sum(d) != d->counted)
		reports_counters(d);
	d->was_hung = is_hung;
}

static void save_state(struct dataplane *d, uint64_t now)
{
	int ret;

	if (!d->is_state_old || now - d->state_ns < STATE_EVERY)
		return;
	d->state_ns = now;
	ret = state_save(d->state_dir, d->published);
	if (ret < 0)
		log_error("%s: state not saved: %s", d->options.state_dir, strerror(-ret));
	else
		d->is_state_old = false; /* after a failure: again in a second */
}

/* Everything that is due, and small steps of what takes long. True: more of that is left. */
static bool run_due(struct dataplane *d)
{
	uint64_t now = clock_monotonic_ns();
	bool is_more;

	channel_run(d->channel, now);
	reports_take(d);
	reports_expire(d, now);
	reports_note_depths(d);
	port_set_watch(d->ports, now);
	port_set_count(d->ports, now);
	watchdog_look(&d->watchdog, now);
	tell_counters(d, now);
	renew_cookie(d, now);
	save_state(d, now);
	is_more = graveyard_step(&d->graveyard, RELEASE_STEP);
	return part_close_step(&d->closing, UNMAP_STEP_BYTES) || is_more;
}

static void tell_manager(struct loop *l)
{
	uint64_t now = clock_monotonic_ns();

	/* Whoever starts us may ask control about us next: control comes first, within reason. */
	if (!l->is_ready &&
		(channel_is_connected(l->d->channel) || now - l->began_ns > READY_AFTER)) {
		l->is_ready = true;
		rk_service_tell(l->service_fd, "READY=1");
	}
	/* Who hangs ends the process, and a new one starts. */
	if (l->watchdog_ns == 0 || now - l->told_ns < l->watchdog_ns || l->d->watchdog.hung_cnt > 0)
		return;
	l->told_ns = now;
	rk_service_tell(l->service_fd, "WATCHDOG=1");
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How long there is nothing to do, in whole milliseconds rounded up. */
static int time_to_sleep(const struct loop *l)
{
	const struct dataplane *d = l->d;
	uint64_t next = earlier(channel_deadline_ns(d->channel), reports_deadline_ns(d));
	uint64_t now = clock_monotonic_ns();

	next = earlier(next, d->cookie_ns + COOKIE_EVERY);
	next = earlier(next, metrics_socket_deadline_ns(l->metrics));
	next = earlier(next, port_set_deadline_ns(d->ports));
	next = earlier(next, watchdog_deadline_ns(&d->watchdog));
	if (channel_is_connected(d->channel))
		next = earlier(next, d->counted_ns + COUNTERS_EVERY);
	if (d->is_state_old)
		next = earlier(next, d->state_ns + STATE_EVERY);
	if (!l->is_ready)
		next = earlier(next, l->began_ns + READY_AFTER + NS_PER_MS);
	if (l->watchdog_ns != 0)
		next = earlier(next, now + l->watchdog_ns / 2);
	return next <= now ? 0 : (int)((next - now) / NS_PER_MS + 1);
}

static void take_signal(struct loop *l)
{
	struct signalfd_siginfo info;

	if (read(l->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	log_info("stopping on signal %u", info.ssi_signo);
	l->is_stopped = true;
}

void loop_run(struct loop *l)
{
	struct dataplane *d = l->d;
	struct epoll_event event[EVENT_CNT];

	l->began_ns = clock_monotonic_ns();
	while (!l->is_stopped) {
		bool is_more = run_due(d);
		int cnt;
		int i;

		tell_manager(l);
		metrics_socket_resume(l->metrics, clock_monotonic_ns());
		rk_rcu_offline(); /* whoever may sleep holds nobody up */
		cnt = epoll_wait(l->epoll_fd, event, EVENT_CNT, is_more ? 0 : time_to_sleep(l));
		rk_rcu_online();
		for (i = 0; i < cnt; i++) {
			if (event[i].data.ptr == &l->signal_fd)
				take_signal(l);
			else if (event[i].data.ptr == &d->shared.wake_fd)
				wake_clear(d->shared.wake_fd);
			else if (l->metrics != NULL &&
				 event[i].data.ptr == metrics_socket_tag(l->metrics))
				metrics_socket_run(l->metrics, clock_monotonic_ns());
		}
	}
	rk_service_tell(l->service_fd, "STOPPING=1");
}
