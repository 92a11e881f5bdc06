/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/rest.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <openssl/ssl.h>

#include "control/log.h"
#include "control/rest/exchange.h"
#include "control/rest/json_body.h"
#include "control/rest/listen.h"
#include "control/rest/rest_private.h"
#include "control/rest/tls.h"

#define HEAD_MAX (32 * 1024)
#define IDLE_SEC 20 /* without a byte, in either direction */
#define ALL_METHODS                                                                                \
	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | \
		EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)

static void got_https(struct evhttp_request *req, void *arg)
{
	exchange_begin(arg, req, false);
}

static void got_local(struct evhttp_request *req, void *arg)
{
	exchange_begin(arg, req, true);
}

static void set_full(void *arg, bool is_full)
{
	struct rest *r = arg;

	for (size_t i = 0; i < LISTENER_MAX; i++) {
		if (r->listener[i] == NULL)
			continue;
		if (is_full)
			evconnlistener_disable(r->listener[i]);
		else
			evconnlistener_enable(r->listener[i]);
	}
	if (is_full)
		log_warning("%u connections are open: no more are taken until one ends",
			connections_cnt(r->connections));
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
	evhttp_set_max_headers_size(http, HEAD_MAX);
	evhttp_set_max_body_size(http, body_max);
	evhttp_set_timeout(http, IDLE_SEC);
	evhttp_set_gencb(http, got, r);
	return http;
}

/* Takes fd. */
static int add_listener(struct rest *r, struct evhttp *http, int fd, struct evconnlistener **out)
{
	struct evconnlistener *l = evconnlistener_new(
		r->daemon->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);

	if (l == NULL) {
		close(fd);
		return -ENOMEM;
	}
	if (evhttp_bind_listener(http, l) == NULL) {
		evconnlistener_free(l);
		return -ENOMEM;
	}
	if (out != NULL)
		*out = l;
	return 0;
}

static int open_port(struct rest *r, unsigned i)
{
	const char *text = r->daemon->options->listen[i];
	struct sockaddr_storage address;
	socklen_t len;
	int fd, ret;

	ret = listen_parse(text, &address, &len);
	if (ret < 0) {
		log_error("--listen %s: say ADDR:PORT, as in 0.0.0.0:443 or [::]:443", text);
		return ret;
	}
	fd = listen_tcp((const struct sockaddr *)&address, len, &r->port[i]);
	if (fd == -EAFNOSUPPORT && address.ss_family == AF_INET6 &&
		r->daemon->options->listen_cnt > 1) {
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
	return add_listener(r, r->https, fd, &r->listener[i]);
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
	return add_listener(r, r->local, fd, NULL);
}

static int open_all(struct rest *r, const struct rest_limits *limits)
{
	struct connections_spec spec = {
		.base = r->daemon->base,
		.max = limits->connection_max,
		.deadline_ms = limits->deadline_ms,
		.request_max = JSON_BODY_SIZE_MAX + HEAD_MAX,
		.set_full = set_full,
		.arg = r,
	};
	int ret;

	ret = tls_open(r->daemon->state_fd, &r->ctx);
	if (ret < 0)
		return ret;
	spec.ctx = r->ctx;
	ret = connections_new(&spec, &r->connections);
	if (ret < 0)
		return ret;
	/* The body limit over TLS is the connection's: it answers in JSON. */
	r->https = new_server(r, got_https, EV_SSIZE_MAX);
	r->local = new_server(r, got_local, JSON_BODY_SIZE_MAX);
	if (r->https == NULL || r->local == NULL)
		return -ENOMEM;
	evhttp_set_bevcb(r->https, connections_accept, r->connections);
	for (unsigned i = 0; i < r->daemon->options->listen_cnt && i < LISTENER_MAX; i++) {
		ret = open_port(r, i);
		if (ret < 0)
			return ret;
	}
	return open_socket(r);
}

int rest_open(struct daemon *d, struct rest **out)
{
	const struct rest_limits limits = REST_LIMITS_DEFAULT;

	return rest_open_limited(d, &limits, out);
}

int rest_open_limited(struct daemon *d, const struct rest_limits *limits, struct rest **out)
{
	struct rest *r = calloc(1, sizeof(*r));
	int ret;

	if (r == NULL)
		return -ENOMEM;
	r->daemon = d;
	/* OpenSSL writes with write(2): a client that went away must be an error, not a signal. */
	signal(SIGPIPE, SIG_IGN);
	ret = open_all(r, limits);
	if (ret < 0) {
		rest_close(r);
		return ret;
	}
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
	exchange_abandon_all(&r->exchanges);
	connections_close(r->connections);
	SSL_CTX_free(r->ctx);
	if (r->has_socket) {
		snprintf(path, sizeof(path), "%s/%s", r->daemon->options->run_dir, REST_SOCKET);
		unlink(path);
	}
	free(r);
}

unsigned rest_port(const struct rest *r, unsigned index)
{
	return index < LISTENER_MAX ? r->port[index] : 0;
}
