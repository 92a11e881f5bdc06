/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/connection.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>

#define SOURCE_LEN 8    /* an IPv4 address, or the half of an IPv6 one that says where */
#define LINGER_MS  2000 /* for reading on after a refusal, so that the client gets to see it */

struct connections {
	struct connections_spec spec;
	SSL_CTX *ctx;
	unsigned max;
	unsigned deadline_ms;
	size_t request_max;
	unsigned cnt;
	TAILQ_HEAD(, connection) list;
	uint64_t last_number;
	bool is_full;
	bool is_closed; /* freed with the last connection: libevent frees those later */
};

struct connection {
	TAILQ_ENTRY(connection) next;
	struct connections *all;
	struct bufferevent *bev;
	struct event *deadline;
	size_t received; /* of the request under way */
	bool is_too_large;
	bool is_refused;
	bool is_served; /* a request is complete, and not yet answered */
	bool is_ending;
	bool has_source;
	uint8_t source[SOURCE_LEN];
	uint64_t number; /* in the order of the accepts */
};

static pthread_once_t index_once = PTHREAD_ONCE_INIT;
static int ssl_index = -1;

static void free_all(struct connections *c)
{
	SSL_CTX_free(c->ctx);
	free(c);
}

/* The SSL object goes: so does what hangs on it. */
static void free_connection(
	void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
	struct connection *c = ptr;
	struct connections *all;

	(void)parent;
	(void)data;
	(void)index;
	(void)argl;
	(void)argp;
	if (c == NULL)
		return;
	all = c->all;
	TAILQ_REMOVE(&all->list, c, next);
	event_free(c->deadline);
	free(c);
	all->cnt--;
	if (all->is_closed && all->cnt == 0) {
		free_all(all);
	} else if (!all->is_closed && all->is_full && all->cnt <= all->max) {
		all->is_full = false;
		all->spec.set_full(all->spec.arg, false);
	}
}

static void make_index(void)
{
	ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_connection);
}

int connections_new(const struct connections_spec *spec, struct connections **out)
{
	struct connections *c;

	pthread_once(&index_once, make_index);
	if (ssl_index < 0)
		return -ENOMEM;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->spec = *spec;
	TAILQ_INIT(&c->list);
	*out = c;
	return 0;
}

void connections_use(struct connections *c, SSL_CTX *ctx)
{
	SSL_CTX_up_ref(ctx);
	SSL_CTX_free(c->ctx);
	c->ctx = ctx;
}

void connections_limit(
	struct connections *c, unsigned max, unsigned deadline_ms, size_t request_max)
{
	bool is_full = c->cnt > max;

	c->max = max;
	c->deadline_ms = deadline_ms;
	c->request_max = request_max;
	if (is_full != c->is_full)
		c->spec.set_full(c->spec.arg, is_full);
	c->is_full = is_full;
}

void connections_close(struct connections *c)
{
	if (c == NULL)
		return;
	c->is_closed = true;
	if (c->cnt == 0)
		free_all(c);
}

bool connections_are_full(const struct connections *c)
{
	return c->is_full;
}

unsigned connections_cnt(const struct connections *c)
{
	return c->cnt;
}

static void start_deadline(struct connection *c, unsigned ms)
{
	const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	c->received = 0;
	evtimer_add(c->deadline, &tv);
}

static void drain(struct bufferevent *bev, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(bev);

	(void)arg;
	evbuffer_drain(input, evbuffer_get_length(input));
}

/*
 * evhttp would answer in HTML, and only what it has parsed: so the refusal is written under its
 * feet, what still comes is thrown away, and the deadline ends it.
 */
static void refuse(struct connection *c)
{
	static const char body[] =
		"{\"error\":{\"code\":\"too-large\",\"message\":\"the request is larger than this "
		"server takes\",\"detail\":null}}\n";
	bufferevent_event_cb event_cb = NULL;
	void *arg = NULL;

	c->is_refused = true;
	bufferevent_getcb(c->bev, NULL, NULL, &event_cb, &arg);
	bufferevent_setcb(c->bev, drain, NULL, event_cb, arg);
	evbuffer_add_printf(bufferevent_get_output(c->bev),
		"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
		sizeof(body) - 1, body);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE); /* evhttp writes only when it means to */
	drain(c->bev, NULL);
	start_deadline(c, c->all->deadline_ms < LINGER_MS ? c->all->deadline_ms : LINGER_MS);
}

/* evhttp sees an end of file. */
static void end(struct connection *c)
{
	c->is_ending = true;
	shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
}

static void deadline_passed(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	(void)fd;
	(void)what;
	if (c->is_too_large && !c->is_refused)
		refuse(c);
	else
		end(c);
}

/* The address it comes from; of IPv6 the /64, all of which one client has. False: not known yet. */
static bool find_source(struct connection *c)
{
	struct sockaddr_storage peer = {0};
	socklen_t len = sizeof(peer);
	int fd = bufferevent_getfd(c->bev);

	if (c->has_source || fd < 0 || getpeername(fd, (struct sockaddr *)&peer, &len) < 0)
		return c->has_source;
	if (peer.ss_family == AF_INET6)
		memcpy(c->source, &((struct sockaddr_in6 *)&peer)->sin6_addr, SOURCE_LEN);
	else
		memcpy(c->source, &((struct sockaddr_in *)&peer)->sin_addr, sizeof(struct in_addr));
	c->has_source = true;
	return true;
}

static bool is_waiting(const struct connection *c)
{
	return !c->is_served && !c->is_ending &&
	       evbuffer_get_length(bufferevent_get_output(c->bev)) == 0;
}

/* By source, and the oldest first. */
static int compare(const void *a, const void *b)
{
	const struct connection *const *x = a, *const *y = b;
	int order = memcmp((*x)->source, (*y)->source, SOURCE_LEN);

	return order != 0 ? order : (*x)->number < (*y)->number ? -1 : 1;
}

/*
 * One too many: of those from where most come, the one that has been there for longest and asks for
 * nothing ends. Who alone opens all that there may be shuts out nobody else. When none is found the
 * others wait.
 */
static void make_room(struct connections *all)
{
	struct connection **list = calloc(all->cnt, sizeof(struct connection *)), *c;
	struct connection *victim = NULL, *waiting;
	size_t cnt = 0, most = 1, from, to;

	TAILQ_FOREACH(c, &all->list, next)
	if (list != NULL && find_source(c))
		list[cnt++] = c;
	if (cnt > 0)
		qsort(list, cnt, sizeof(struct connection *), compare);
	for (from = 0; from < cnt; from = to) {
		waiting = NULL;
		for (to = from;
			to < cnt && memcmp(list[to]->source, list[from]->source, SOURCE_LEN) == 0;
			to++)
			if (waiting == NULL && is_waiting(list[to]))
				waiting = list[to];
		if (to - from > most && waiting != NULL) {
			most = to - from;
			victim = waiting;
		}
	}
	free(list);
	if (victim != NULL)
		end(victim);
}

static void count_input(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	struct connection *c = arg;

	(void)buf;
	c->received += info->n_added;
	if (c->received > c->all->request_max && !c->is_too_large) {
		c->is_too_large = true;
		/* Not from inside the read that brought it. */
		event_active(c->deadline, EV_TIMEOUT, 0);
	}
}

static struct connection *new_connection(struct connections *all)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->all = all;
	c->number = ++all->last_number;
	c->deadline = evtimer_new(all->spec.base, deadline_passed, c);
	if (c->deadline == NULL) {
		free(c);
		return NULL;
	}
	return c;
}

struct bufferevent *connections_accept(struct event_base *base, void *arg)
{
	struct connections *all = arg;
	struct connection *c = new_connection(all);
	SSL *ssl = c != NULL ? SSL_new(all->ctx) : NULL;

	if (c == NULL)
		return NULL;
	all->cnt++;
	TAILQ_INSERT_TAIL(&all->list, c, next);
	if (ssl == NULL || SSL_set_ex_data(ssl, ssl_index, c) != 1) {
		free_connection(NULL, c, NULL, 0, 0, NULL);
		SSL_free(ssl);
		return NULL;
	}
	c->bev = bufferevent_openssl_socket_new(
		base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (c->bev == NULL ||
		evbuffer_add_cb(bufferevent_get_input(c->bev), count_input, c) == NULL) {
		if (c->bev != NULL)
			bufferevent_free(c->bev);
		return NULL;
	}
	bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	start_deadline(c, all->deadline_ms);
	if (all->cnt > all->max) {
		if (!all->is_full)
			all->spec.set_full(all->spec.arg, true);
		all->is_full = true;
		make_room(all);
	}
	return c->bev;
}

static struct connection *find(struct bufferevent *bev)
{
	SSL *ssl = bev != NULL ? bufferevent_openssl_get_ssl(bev) : NULL;

	return ssl != NULL ? SSL_get_ex_data(ssl, ssl_index) : NULL;
}

void connection_pause(struct bufferevent *bev)
{
	struct connection *c = find(bev);

	if (c == NULL)
		return;
	c->is_served = true;
	evtimer_del(c->deadline);
}

void connection_resume(struct bufferevent *bev)
{
	struct connection *c = find(bev);

	if (c == NULL)
		return;
	c->is_served = false;
	start_deadline(c, c->all->deadline_ms);
}
