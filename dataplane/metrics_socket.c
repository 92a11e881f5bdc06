/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/metrics_socket.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/core/kex.h"
#include "dataplane/core/latency.h"
#include "dataplane/core/reason.h"

#define TEXT_MAX 65536 /* a Unix socket takes it at once */
#define BACKLOG  8
#define PAUSE_NS NS_PER_SEC

struct metrics_socket {
	const struct shared *shared;
	int epoll_fd;             /* borrowed */
	uint64_t paused_until_ns; /* 0: it listens */
	int fd;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char text[TEXT_MAX];
};

/* ---- the text ----------------------------------------------------------------------------------- */

struct text {
	char *out;
	size_t size;
	size_t len; /* size: it does not fit */
};

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(t->out + t->len, t->size - t->len, format, args);
	va_end(args);
	t->len = len >= 0 && (size_t)len < t->size - t->len ? t->len + (size_t)len : t->size - 1;
}

static void add_family(struct text *t, const char *name, const char *type, const char *help)
{
	add(t, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

static uint64_t sum_of(const struct shared *shared, size_t i)
{
	uint64_t sum = 0;

	for (unsigned n = 0; n < shared->worker_cnt; n++)
		sum += engine_counter(shared->worker[n]->engine, i);
	return sum;
}

static void add_frames(struct text *t, const struct shared *shared)
{
	add_family(t, "rekey_dataplane_frames", "counter",
		"Frames that the data plane saw, by what became of them.");
	for (unsigned r = 0; r < NET_REASON_CNT; r++) {
		uint64_t sum = 0;

		for (unsigned n = 0; n < shared->worker_cnt; n++)
			sum += counters_get(&shared->worker[n]->counters, (enum net_reason)r);
		add(t, "rekey_dataplane_frames_total{reason=\"%s\"} %" PRIu64 "\n",
			net_reason_name((enum net_reason)r), sum);
	}
}

static void add_ports(struct text *t, const struct shared *shared)
{
	const struct port_stats *port;
	unsigned id;

	add_family(t, "rekey_dataplane_port_frames", "counter",
		"Frames that a port's device counted, by what became of them.");
	for (id = 0; (port = port_set_next(shared->ports, &id)) != NULL;)
		for (unsigned n = 0; n < PORT_STAT_CNT; n++)
			add(t,
				"rekey_dataplane_port_frames_total{port=\"%s\",result=\"%s\"} "
				"%" PRIu64 "\n",
				port->name, port_stat_name((enum port_stat)n),
				port_stats_get(port, (enum port_stat)n));
	add_family(t, "rekey_dataplane_port_up", "gauge", "Whether a port has a link.");
	for (id = 0; (port = port_set_next(shared->ports, &id)) != NULL;)
		add(t, "rekey_dataplane_port_up{port=\"%s\"} %d\n", port->name,
			port_stats_is_up(port));
}

static void add_events(struct text *t, const struct shared *shared)
{
	add_family(t, "rekey_dataplane_events", "counter",
		"Messages of the protocol and what followed from them, by reason.");
	for (size_t i = 0; i < REASON_CNT; i++)
		add(t, "rekey_dataplane_events_total{reason=\"%s\"} %" PRIu64 "\n",
			engine_counter_name(i), sum_of(shared, i));
}

static void add_latency(struct text *t, const struct shared *shared, enum latency_kind kind,
	const char *name, const char *help)
{
	static const char *const bounds[] = {"0.00025", "0.0005", "0.001", "0.0025", "0.005",
		"0.01", "0.025", "0.05", "0.1", "0.25", "1", "+Inf"};
	size_t first = REASON_CNT + (size_t)kind * LATENCY_ROW_CNT;
	uint64_t below = 0;

	static_assert(sizeof(bounds) / sizeof(bounds[0]) == LATENCY_BOUND_CNT + 1,
		"the bounds of core/latency.h in seconds");
	add_family(t, name, "histogram", help);
	for (size_t i = 0; i <= LATENCY_BOUND_CNT; i++) {
		below += sum_of(shared, first + i);
		add(t, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name, bounds[i], below);
	}
	add(t, "%s_sum %.9g\n%s_count %" PRIu64 "\n", name,
		(double)sum_of(shared, first + LATENCY_SUM) / 1e6, name, below);
}

static void add_workers(struct text *t, const struct shared *shared)
{
	add_family(t, "rekey_dataplane_round_age_seconds", "gauge",
		"How long ago each worker began a round of its loop.");
	for (unsigned n = 0; n < shared->worker_cnt; n++)
		add(t, "rekey_dataplane_round_age_seconds{worker=\"%u\"} %.9g\n", n,
			(double)worker_round_age_ns(shared->worker[n]) / 1e9);
}

static void add_queues(struct text *t, const struct shared *shared)
{
	add_family(t, "rekey_dataplane_queue_depth", "gauge",
		"How much is in each queue of the data plane, over all workers.");
	for (unsigned i = 0; i < QUEUE_CNT; i++)
		add(t, "rekey_dataplane_queue_depth{queue=\"%s\"} %" PRIu64 "\n",
			queue_name((enum queue)i), queues_depth(shared, (enum queue)i));
	add_family(t, "rekey_dataplane_queue_limit", "gauge",
		"What each queue holds before something is refused or dropped.");
	for (unsigned i = 0; i < QUEUE_CNT; i++)
		add(t, "rekey_dataplane_queue_limit{queue=\"%s\"} %" PRIu64 "\n",
			queue_name((enum queue)i), queues_limit(shared, (enum queue)i));
}

size_t metrics_text_build(const struct shared *shared, char *out, size_t size)
{
	struct text t = {.out = out, .size = size};

	add_family(&t, "rekey_dataplane_build", "info",
		"The version that runs, and what agrees on keys in it.");
	add(&t, "rekey_dataplane_build_info{version=\"%s\",kex=\"%s\"} 1\n", REKEY_VERSION,
		kex_backend_name(kex_backend_used()));
	add_frames(&t, shared);
	add_ports(&t, shared);
	add_events(&t, shared);
	add_latency(&t, shared, LATENCY_EXCHANGE, "rekey_dataplane_exchange_seconds",
		"From the first message of a full exchange to its key.");
	add_latency(&t, shared, LATENCY_REKEY, "rekey_dataplane_rekey_seconds",
		"From the first message of a fast rekey to its key.");
	add_workers(&t, shared);
	add_queues(&t, shared);
	add(&t, "# EOF\n");
	return t.len < size - 1 ? t.len : 0;
}

/* ---- the socket --------------------------------------------------------------------------------- */

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	int fd, ret;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && chmod(path, 0660) == 0 &&
		listen(fd, BACKLOG) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

int metrics_socket_new(
	int epoll_fd, const char *path, const struct shared *shared, struct metrics_socket **out)
{
	struct metrics_socket *s;
	struct epoll_event event = {.events = EPOLLIN};
	int ret;

	if (strlen(path) >= sizeof(s->path))
		return -ENAMETOOLONG;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->shared = shared;
	s->epoll_fd = epoll_fd;
	strcpy(s->path, path);
	s->fd = ret = listen_at(path);
	event.data.ptr = s;
	if (ret >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, s->fd, &event) < 0)
		ret = -errno;
	if (ret < 0) {
		metrics_socket_free(s);
		return ret;
	}
	*out = s;
	return 0;
}

void metrics_socket_free(struct metrics_socket *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0) {
		close(s->fd);
		unlink(s->path);
	}
	free(s);
}

void *metrics_socket_tag(struct metrics_socket *s)
{
	return s;
}

static void listen_for(struct metrics_socket *s, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = s};

	(void)epoll_ctl(
		s->epoll_fd, EPOLL_CTL_MOD, s->fd, &event); /* it is there: it cannot fail */
}

void metrics_socket_run(struct metrics_socket *s, uint64_t now_ns)
{
	size_t len;
	int fd;

	for (unsigned i = 0; i < BACKLOG; i++) {
		fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			/* No descriptor: whoever waits would wake us without end. */
			listen_for(s, 0);
			s->paused_until_ns = now_ns + PAUSE_NS;
		}
		if (fd < 0)
			return;
		len = metrics_text_build(s->shared, s->text, sizeof(s->text));
		/* What it does not take at once it does not get: nobody waits here. */
		if (send(fd, s->text, len, MSG_NOSIGNAL) < (ssize_t)len)
			shutdown(fd, SHUT_RDWR);
		close(fd);
	}
}

void metrics_socket_resume(struct metrics_socket *s, uint64_t now_ns)
{
	if (now_ns < metrics_socket_deadline_ns(s))
		return;
	s->paused_until_ns = 0;
	listen_for(s, EPOLLIN);
}

uint64_t metrics_socket_deadline_ns(const struct metrics_socket *s)
{
	return s == NULL || s->paused_until_ns == 0 ? UINT64_MAX : s->paused_until_ns;
}
