/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/http_struct.h>

#include "control/config.h"
#include "control/configuration.h"
#include "control/helper.h"
#include "control/log.h"
#include "control/metrics.h"
#include "control/rest/head_check.h"
#include "control/rest/operate.h"
#include "control/rest/rest_private.h"
#include "control/rest/routes.h"
#include "control/startup.h"

#define METRICS_PATH "/metrics"
/* An ordinary start is over by then, and a file read: nobody sees that there was one. */
#define WAIT_SEC 2

static const char *header_of(const struct exchange *x, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(x->req), name);
}

/* evhttp ends the connection under a pending request: it keeps the request, or leaves it to us. */
static void connection_closed(struct evhttp_connection *evcon, void *arg)
{
	struct exchange *x = arg;

	(void)evcon;
	if (x->req != NULL && evhttp_request_get_connection(x->req) == NULL)
		evhttp_request_free(x->req);
	x->req = NULL;
}

/* evhttp answered a pending request with an error of its own. */
static void request_completed(struct evhttp_request *req, void *arg)
{
	struct exchange *x = arg;

	(void)req;
	x->req = NULL;
}

static void unlink_exchange(struct exchange *x)
{
	for (struct exchange **p = &x->rest->exchanges; *p != NULL; p = &(*p)->next) {
		if (*p == x) {
			*p = x->next;
			return;
		}
	}
}

static void put_body(void *body)
{
	json_decref(body);
}

static void free_exchange(struct exchange *x)
{
	bool is_aside = x->rest != NULL && x->is_body_large;

	if (x->rest != NULL)
		unlink_exchange(x);
	if (x->wait != NULL)
		event_free(x->wait);
	helper_release(is_aside ? x->daemon->helpers : NULL, put_body, x->body);
	free(x);
}

void exchange_abandon_all(struct exchange **list)
{
	struct exchange *x, *next;

	for (x = *list; x != NULL; x = next) {
		next = x->next;
		x->rest = NULL;
		x->req = NULL;
		x->next = NULL;
		if (x->wait != NULL)
			free_exchange(x); /* nobody would answer it */
	}
	*list = NULL;
}

struct evhttp_request *exchange_take_request(struct exchange *x, const char *type)
{
	const struct answer a = {.status = 200};
	struct evhttp_request *req = x->req;

	metrics_count_request(x->daemon->metrics, x->route->path, x->route->is_change, a.status);
	exchange_add_headers(x, &a, type);
	evhttp_request_set_on_complete_cb(req, NULL, NULL);
	x->req = NULL;
	free_exchange(x);
	return req;
}

static void drop_dead_request(struct exchange *x)
{
	if (x->req != NULL && evhttp_request_get_connection(x->req) == NULL) {
		evhttp_request_free(x->req);
		x->req = NULL;
	}
}

static void refuse_large(struct exchange *x, struct answer *a)
{
	free(x->text);
	x->text = NULL;
	answer_fini(a);
	answer_error(a, 503, "busy", NULL, "%d large answers are being read already; try again",
		REST_LARGE_MAX);
	a->retry_after_sec = 5;
}

/* A helper printed it; the client may be gone. */
static void printed(void *arg)
{
	struct exchange *x = arg;
	struct answer a = x->held;

	drop_dead_request(x);
	if (x->req != NULL && !exchange_has_room(x, x->text))
		refuse_large(x, &a);
	if (x->req != NULL)
		exchange_reply(x, &a, x->text);
	else
		free(x->text);
	helper_release(x->rest != NULL ? x->daemon->readers : NULL, put_body, a.body);
	free_exchange(x);
}

static void print_held(void *arg)
{
	struct exchange *x = arg;

	x->text = exchange_print(x->held.body);
}

static void finish(struct exchange *x, struct answer *a)
{
	drop_dead_request(x);
	if (x->req != NULL && x->rest != NULL && a->is_large) {
		x->held = *a;
		json_incref(x->held.body);
		if (helper_run(x->daemon->readers, print_held, printed, x) == 0)
			return;
		json_decref(x->held.body);
	}
	if (x->req != NULL)
		exchange_reply(x, a, NULL);
	free_exchange(x);
}

static void finish_held(void *arg)
{
	struct exchange *x = arg;
	struct answer a = x->held;

	finish(x, &a);
	answer_fini(&a);
}

void exchange_answer(void *arg, struct answer *a)
{
	struct exchange *x = arg;

	if (x->rest != NULL && x->route != NULL)
		metrics_count_request(
			x->daemon->metrics, x->route->path, x->route->is_change, a->status);
	if (x->rest == NULL || x->route == NULL || !x->route->is_change) {
		finish(x, a);
		return;
	}
	exchange_audit(x, a);
	x->held = *a;
	json_incref(x->held.body);
	/* Nobody is told that it is done before the record of it is on disk. */
	audit_when_written(x->daemon->audit, finish_held, x);
}

void exchange_answer_now(struct exchange *x, struct answer *a)
{
	exchange_answer(x, a);
	answer_fini(a);
}

const json_t *exchange_body(struct exchange *x)
{
	if (x->body == NULL)
		x->body = json_object();
	return x->body;
}

void exchange_refuse(struct exchange *x, int status, const char *code, const char *message)
{
	struct answer a;

	answer_error(&a, status, code, NULL, "%s", message);
	exchange_answer(x, &a);
	answer_fini(&a);
}

static bool identify_local(struct exchange *x)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(bufferevent_getfd(exchange_bufferevent(x->req)), SOL_SOCKET, SO_PEERCRED,
		    &cred, &len) < 0)
		return false;
	snprintf(x->actor.address, sizeof(x->actor.address), "local:uid=%u", (unsigned)cred.uid);
	if (!rest_is_local_admin(cred.uid))
		return false;
	snprintf(x->who.name, sizeof(x->who.name), "uid:%u", (unsigned)cred.uid);
	x->who.role = USER_ADMIN;
	return true;
}

static void note_source(struct exchange *x)
{
	char *address = NULL;
	ev_uint16_t port = 0;

	evhttp_connection_get_peer(evhttp_request_get_connection(x->req), &address, &port);
	snprintf(x->actor.address, sizeof(x->actor.address), "%s", address != NULL ? address : "");
	snprintf(x->actor.user, sizeof(x->actor.user), "anonymous");
}

/* Sets who; the sentence of a 401 in *why when nobody was recognised. */
static bool identify(struct exchange *x, bool is_local, const char **why)
{
	const char *value = header_of(x, "Authorization");
	int ret;

	if (is_local && identify_local(x) && value == NULL)
		return true;
	*why = "this call needs a token: Authorization: Bearer TOKEN";
	memset(&x->who, 0, sizeof(x->who));
	if (value == NULL || strncasecmp(value, "Bearer ", 7) != 0)
		return false;
	value += 7 + strspn(value + 7, " ");
	x->has_bad_token = true;
	ret = users_authenticate(x->daemon->users, value, strlen(value), &x->who, why);
	if (ret < 0)
		return false;
	x->has_bad_token = false;
	return true;
}

static bool find_route(struct exchange *x)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(x->req);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
	const char *query = uri != NULL ? evhttp_uri_get_query(uri) : NULL;
	const struct config *config = x->daemon->config;
	struct route_match match;
	struct answer a;
	enum route_scope scope;

	if (path != NULL && strcmp(path, METRICS_PATH) == 0)
		path = ROUTE_BASE METRICS_PATH; /* where its clients look for it */
	scope = route_take_scope(path != NULL ? path : "", config->router, config->node, &path);
	if (scope == ROUTE_SCOPE_OTHER) {
		answer_error(&a, 404, "not-this-node", NULL,
			"this is router %s, node %s: use /api/v1/router/%s/node/%s/ or /api/v1/",
			config->router, config->node, config->router, config->node);
		exchange_answer(x, &a);
		answer_fini(&a);
		return false;
	}
	memset(&match, 0, sizeof(match));
	if (scope == ROUTE_SCOPE_HERE)
		route_find(routes, route_cnt, evhttp_request_get_command(x->req), path, &match);
	if (match.allowed == 0) {
		exchange_refuse(x, 404, "no-such-resource",
			"there is no such resource; GET /api/v1/openapi.json lists them");
		return false;
	}
	if (match.route == NULL) {
		route_print_methods(match.allowed, x->allowed, sizeof(x->allowed));
		exchange_refuse(x, 405, "method-not-allowed",
			"the Allow header lists what can be done here");
		return false;
	}
	if (query != NULL && strlen(query) >= sizeof(x->query)) {
		exchange_refuse(x, 400, "bad-query",
			"the query is longer than any that is understood here");
		return false;
	}
	if (query != NULL && query[0] != '\0' && match.route->query == NULL) {
		exchange_refuse(x, 400, "bad-query", "this call takes no query");
		return false;
	}
	x->route = match.route;
	memcpy(x->param, match.param, sizeof(x->param));
	if (query != NULL)
		memcpy(x->query, query, strlen(query) + 1);
	return true;
}

static bool authorize(struct exchange *x, bool is_local)
{
	const char *why = "";

	if (x->route->role == USER_NOBODY ||
		(x->route->handle == operate_metrics && x->daemon->config->is_metrics_open))
		return true;
	if (!identify(x, is_local, &why)) {
		exchange_refuse(x, 401, "not-authenticated", why);
		return false;
	}
	snprintf(x->actor.user, sizeof(x->actor.user), "%s", x->who.name);
	if (x->who.role < x->route->role) {
		struct answer a;

		answer_error(&a, 403, "not-allowed", NULL, "this call needs the role %s, not %s",
			user_role_name(x->route->role), user_role_name(x->who.role));
		exchange_answer(x, &a);
		answer_fini(&a);
		return false;
	}
	return true;
}

void exchange_handle(struct exchange *x)
{
	struct audit *audit = x->daemon->audit;

	if (x->route->is_change && audit_is_full(audit)) {
		exchange_refuse(x, 503, "audit-unavailable",
			"the audit log cannot be written, so nothing may be changed: see the "
			"alarms");
		return;
	}
	audit_set_actor(audit, &x->actor);
	/* May answer, and end x, at once. */
	x->route->handle(x);
	audit_set_actor(audit, NULL);
}

static struct exchange *new_exchange(struct rest *rest, struct evhttp_request *req)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->rest = rest;
	x->daemon = rest->daemon;
	x->req = req;
	x->next = rest->exchanges;
	rest->exchanges = x;
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), connection_closed, x);
	evhttp_request_set_on_complete_cb(req, request_completed, x);
	connection_pause(exchange_bufferevent(req));
	return x;
}

/* Its head is in order. */
static void take_on(struct exchange *x)
{
	const char *accept = header_of(x, "Accept");

	x->accepts_pem = accept != NULL && strcasecmp(accept, EXCHANGE_PEM_TYPE) == 0;
	if (find_route(x) && authorize(x, x->is_local))
		exchange_read_body(x);
}

static void take_on_late(struct exchange *x)
{
	if (x->wait != NULL)
		event_free(x->wait);
	x->wait = NULL;
	drop_dead_request(x);
	if (x->req != NULL)
		take_on(x);
	else
		free_exchange(x);
}

static void has_waited(evutil_socket_t fd, short what, void *arg)
{
	struct exchange *x = arg;
	struct answer a;

	(void)fd;
	(void)what;
	if (startup_is_over(x->daemon)) { /* the disk is slow: by what was in force before */
		take_on_late(x);
		return;
	}
	startup_refuse(x->daemon, &a);
	exchange_answer_now(x, &a);
}

static void wait_a_while(struct exchange *x)
{
	const struct timeval tv = {.tv_sec = WAIT_SEC};

	x->wait = evtimer_new(x->daemon->base, has_waited, x);
	if (x->wait == NULL || evtimer_add(x->wait, &tv) < 0)
		has_waited(-1, 0, x);
}

/* Who sends SIGHUP and asks for something then means what the file says. */
static bool is_time(const struct daemon *d)
{
	return startup_is_over(d) && !configuration_is_reading(d->configuration);
}

void exchange_begin(struct rest *rest, struct evhttp_request *req, bool is_local)
{
	struct exchange *x = new_exchange(rest, req);
	const char *why;

	if (x == NULL) {
		evhttp_send_error(req, 503, NULL);
		return;
	}
	x->is_local = is_local;
	note_source(x);
	head_copy_request_id(header_of(x, "X-Request-Id"), x->actor.request_id);
	why = head_check(evhttp_request_get_input_headers(req), req->major, req->minor);
	if (why != NULL) {
		x->is_last = true;
		exchange_refuse(x, 400, "bad-request", why);
		return;
	}
	/*
	 * libevent takes chunk sizes that no other reader would ("0x2", "+2"), and we do not see them:
	 * what follows such a body is never taken for a request.
	 */
	x->is_last = header_of(x, "Transfer-Encoding") != NULL;
	if (is_time(x->daemon))
		take_on(x);
	else
		wait_a_while(x);
}

/* The list is newest first. */
static struct exchange *find_first_waiting(struct exchange *list)
{
	struct exchange *first = NULL;

	for (struct exchange *x = list; x != NULL; x = x->next)
		if (x->wait != NULL)
			first = x;
	return first;
}

/* What one of them does may end others. */
void exchange_begin_waiting(struct exchange **list)
{
	struct exchange *x;

	while ((x = find_first_waiting(*list)) != NULL)
		take_on_late(x);
}
