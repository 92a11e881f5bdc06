/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/rest.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <openssl/ssl.h>

#include "control/alarms.h"
#include "control/config.h"
#include "control/endpoint.h"
#include "control/log.h"
#include "control/rest/exchange.h"
#include "control/rest/json_body.h"
#include "control/rest/listen.h"
#include "control/rest/rest_private.h"
#include "control/rest/tls.h"

#define ALL_METHODS                                                                                \
	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | \
		EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)

static const struct budget_rule full_log_rule = {.burst = 2, .refill_sec = 60};

bool rest_is_local_admin(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

static void got_https(struct evhttp_request *req, void *arg)
{
	exchange_begin(arg, req, false);
}

static void got_local(struct evhttp_request *req, void *arg)
{
	exchange_begin(arg, req, true);
}

static void enable(struct evhttp_bound_socket *socket, bool is_enabled)
{
	struct evconnlistener *l = socket != NULL ? evhttp_bound_socket_get_listener(socket) : NULL;

	if (l != NULL && is_enabled)
		evconnlistener_enable(l);
	else if (l != NULL)
		evconnlistener_disable(l);
}

static void set_full(void *arg, bool is_full)
{
	struct rest *r = arg;

	for (size_t i = 0; i < LISTENER_MAX; i++)
		enable(r->listener[i].socket, !is_full);
	if (is_full && budget_take(&r->full_log, &full_log_rule))
		log_warning(
			"%u connections are open: further ones wait, or end the oldest of those "
			"from where most come",
			connections_cnt(r->connections));
}

static void accept_again(void *arg)
{
	struct rest *r = arg;

	for (size_t i = 0; i < LISTENER_MAX; i++)
		enable(r->listener[i].socket, !connections_are_full(r->connections));
	enable(r->local_socket, true);
}

static struct evhttp *new_server(
	struct rest *r, void (*got)(struct evhttp_request *, void *), ev_ssize_t body_max)
{
	struct evhttp *http = evhttp_new(r->daemon->base);

	if (http == NULL)
		return NULL;
	/* A wrong method is answered by us, with Allow. */
	evhttp_set_allowed_methods(http, ALL_METHODS);
	evhttp_set_default_content_type(http, NULL);
	evhttp_set_max_body_size(http, body_max);
	evhttp_set_gencb(http, got, r);
	return http;
}

/* Takes fd. NULL = no memory. */
static struct evhttp_bound_socket *add_listener(struct rest *r, struct evhttp *http, int fd)
{
	struct evhttp_bound_socket *bound;
	struct evconnlistener *l = evconnlistener_new(
		r->daemon->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);

	if (l == NULL) {
		close(fd);
		return NULL;
	}
	bound = evhttp_bind_listener(http, l);
	if (bound == NULL)
		evconnlistener_free(l);
	else
		accept_pause_watch(l);
	return bound;
}

/* The addresses to listen on, and how many. */
static size_t wanted_addresses(const struct rest *r, const char *out[LISTENER_MAX])
{
	static const char *const usual[] = {"0.0.0.0:443", "[::]:443"};
	const struct daemon_options *o = r->daemon->options;
	const char *const *from = o->listen_cnt > 0 ? o->listen : r->daemon->config->rest.listen;
	size_t cnt = 0;

	while (cnt < LISTENER_MAX && from[cnt] != NULL) {
		out[cnt] = from[cnt];
		cnt++;
	}
	for (; cnt == 0 || (cnt == 1 && out[0] == usual[0]); cnt++)
		out[cnt] = usual[cnt];
	return cnt;
}

static int open_address(struct rest *r, const char *text, bool is_only, struct listener *out)
{
	struct sockaddr_storage address;
	socklen_t len;
	int fd, ret;

	snprintf(out->text, sizeof(out->text), "%s", text);
	ret = endpoint_parse(text, &address, &len);
	if (ret < 0) {
		log_error("--listen %s: say ADDR:PORT, as in 0.0.0.0:443 or [::]:443", text);
		return ret;
	}
	fd = listen_tcp((const struct sockaddr *)&address, len, &out->port);
	if (fd == -EAFNOSUPPORT && address.ss_family == AF_INET6 && !is_only) {
		log_warning("not listening on %s: this machine has no IPv6", text);
		return 0;
	}
	if (fd < 0) {
		log_error("cannot listen on %s: %s%s", text, strerror(-fd),
			fd == -EADDRINUSE ? "; another program has that port (ss -ltnp shows which)"
			: fd == -EACCES   ? "; ports below 1024 need CAP_NET_BIND_SERVICE"
					  : "");
		return fd;
	}
	out->socket = add_listener(r, r->https, fd);
	return out->socket != NULL ? 0 : -ENOMEM;
}

static const struct listener *find_listener(
	const struct listener list[LISTENER_MAX], const char *text)
{
	for (size_t i = 0; i < LISTENER_MAX; i++)
		if (strcmp(list[i].text, text) == 0)
			return &list[i];
	return NULL;
}

static void close_unless_in(struct rest *r, const struct listener list[LISTENER_MAX],
	const struct listener kept[LISTENER_MAX])
{
	for (size_t i = 0; i < LISTENER_MAX; i++)
		if (list[i].socket != NULL && find_listener(kept, list[i].text) == NULL)
			evhttp_del_accept_socket(r->https, list[i].socket);
}

/* All that are wanted, or those that are there. */
static int open_addresses(struct rest *r)
{
	struct listener next[LISTENER_MAX] = {0};
	const char *wanted[LISTENER_MAX];
	size_t cnt = wanted_addresses(r, wanted);
	int ret = 0;

	for (size_t i = 0; i < cnt && ret == 0; i++) {
		const struct listener *old = find_listener(r->listener, wanted[i]);

		if (old != NULL)
			next[i] = *old;
		else
			ret = open_address(r, wanted[i], cnt == 1, &next[i]);
	}
	if (ret < 0) {
		close_unless_in(r, next, r->listener);
		return ret;
	}
	close_unless_in(r, r->listener, next);
	memcpy(r->listener, next, sizeof(next));
	return 0;
}

static int open_socket(struct rest *r)
{
	const char *dir = r->daemon->options->run_dir;
	int fd = listen_unix(dir, REST_SOCKET);

	if (fd < 0) {
		log_error("cannot listen on %s/%s: %s%s", dir, REST_SOCKET, strerror(-fd),
			fd == -EADDRINUSE ? "; is another rekey-control running?" : "");
		return fd;
	}
	r->has_socket = true;
	r->local_socket = add_listener(r, r->local, fd);
	return r->local_socket != NULL ? 0 : -ENOMEM;
}

/* No more than half of the descriptors: without the others nothing could be written or published. */
static unsigned connection_max(const struct rest *r)
{
	unsigned wanted = r->daemon->config->rest.connection_max;
	unsigned long long all;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 >= wanted)
		return wanted;
	all = limit.rlim_cur;
	log_warning(
		"router.rest-api.connection-limit: %llu, not %u: half of the %llu descriptors that "
		"this process may have (ulimit -n)",
		all / 2, wanted, all);
	return all >= 2 ? (unsigned)(all / 2) : 1;
}

/* The limits of the configuration; those of open connections stay. */
static void use_limits(struct rest *r)
{
	const struct config_rest *c = &r->daemon->config->rest;
	size_t head_max = (size_t)c->head_max_kib * 1024, body_max = (size_t)c->body_max_kib * 1024;
	unsigned max = connection_max(r);

	evhttp_set_max_headers_size(r->https, (ev_ssize_t)head_max);
	evhttp_set_max_headers_size(r->local, (ev_ssize_t)head_max);
	evhttp_set_timeout(r->https, (int)c->idle_timeout_sec);
	evhttp_set_timeout(r->local, (int)c->idle_timeout_sec);
	connections_limit(r->connections, max, c->request_timeout_ms, head_max + body_max);
	local_clients_limit(r->local_clients, max);
}

static int use_certificate(struct rest *r)
{
	SSL_CTX *ctx = NULL;
	int ret = tls_open(r->daemon->state_fd, r->daemon->pki_fd, &r->daemon->config->rest, &ctx);

	if (ret < 0)
		return ret;
	connections_use(r->connections, ctx);
	SSL_CTX_free(ctx);
	return 0;
}

static void tell(struct rest *r, const char *source, int error)
{
	const struct alarm_spec spec = {
		.kind = "rest-listener", .source = source, .severity = ALARM_MAJOR};

	if (error < 0)
		alarm_raise(r->daemon->alarms, &spec,
			"REST API: %s cannot be used as configured, what was there goes on: %s",
			source, strerror(-error));
	else
		alarm_clear(r->daemon->alarms, spec.kind, source);
}

void rest_configure(struct rest *r)
{
	use_limits(r);
	tell(r, "certificate", use_certificate(r));
	tell(r, "addresses", open_addresses(r));
}

void rest_begin(struct rest *r)
{
	if (r != NULL)
		exchange_begin_waiting(&r->exchanges);
}

static int open_all(struct rest *r)
{
	const struct connections_spec spec = {
		.base = r->daemon->base, .set_full = set_full, .arg = r};
	int ret;

	ret = refusals_new(r->daemon, &r->refusals);
	if (ret == 0)
		ret = connections_new(&spec, &r->connections);
	if (ret == 0)
		ret = local_clients_new(r->daemon->base, rest_is_local_admin, &r->local_clients);
	if (ret == 0)
		ret = accept_pause_new(r->daemon->base, accept_again, r, &r->accept_pause);
	if (ret < 0)
		return ret;
	/* The body limit over TLS is the connection's: it answers in JSON. */
	r->https = new_server(r, got_https, EV_SSIZE_MAX);
	r->local = new_server(r, got_local, JSON_BODY_SIZE_MAX);
	if (r->https == NULL || r->local == NULL)
		return -ENOMEM;
	use_limits(r);
	evhttp_set_bevcb(r->https, connections_accept, r->connections);
	evhttp_set_bevcb(r->local, local_clients_accept, r->local_clients);
	ret = use_certificate(r);
	if (ret == 0)
		ret = open_addresses(r);
	return ret < 0 ? ret : open_socket(r);
}

int rest_open(struct daemon *d, struct rest **out)
{
	struct rest *r = calloc(1, sizeof(*r));
	int ret;

	if (r == NULL)
		return -ENOMEM;
	r->daemon = d;
	r->large = calloc(1, sizeof(*r->large));
	if (r->large == NULL) {
		free(r);
		return -ENOMEM;
	}
	/* OpenSSL writes with write(2): a client that went away must be an error, not a signal. */
	signal(SIGPIPE, SIG_IGN);
	ret = open_all(r);
	if (ret < 0) {
		rest_close(r);
		return ret;
	}
	tell(r, "certificate", 0);
	tell(r, "addresses", 0);
	*out = r;
	return 0;
}

void rest_close(struct rest *r)
{
	char path[4096];

	if (r == NULL)
		return;
	/* evhttp_free ends the connections, whose closing tells the exchanges. */
	memset(r->listener, 0, sizeof(r->listener));
	if (r->https != NULL)
		evhttp_free(r->https);
	if (r->local != NULL)
		evhttp_free(r->local);
	accept_pause_free(r->accept_pause);
	exchange_abandon_all(&r->exchanges);
	connections_close(r->connections);
	local_clients_free(r->local_clients);
	refusals_free(r->refusals);
	exchange_close_large(r->large);
	if (r->has_socket) {
		snprintf(path, sizeof(path), "%s/%s", r->daemon->options->run_dir, REST_SOCKET);
		unlink(path);
	}
	free(r);
}

unsigned rest_port(const struct rest *r, unsigned index)
{
	return index < LISTENER_MAX ? r->listener[index].port : 0;
}
