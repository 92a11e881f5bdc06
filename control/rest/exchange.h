/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One request and its answer. The answer may come when the client, or the whole listener, is
 * gone: an exchange outlives both and ends when it is answered, which happens exactly once.
 * Loop thread only.
 */
#pragma once

#include <event2/http.h>
#include <jansson.h>
#include <stdbool.h>

#include "control/answer.h"
#include "control/audit.h"
#include "control/rest/route.h"

struct rest;

struct exchange {
	struct rest *rest;          /* NULL after rest_close */
	struct daemon *daemon;      /* not to be touched when rest is NULL */
	struct evhttp_request *req; /* NULL when the client is gone */
	struct exchange *next;
	const struct route *route; /* NULL: refused before one was found */
	char param[ROUTE_PARAM_MAX + 1];
	char query[520];
	json_t *body;       /* an object; NULL = none was sent */
	bool is_body_large; /* giving it back takes a while */
	struct user_identity who;
	struct audit_actor actor;
	bool is_local; /* over the Unix socket */
	bool is_last;  /* the connection is not to be used again */
	bool has_bad_token;
	bool accepts_pem;
	char allowed[64];   /* for 405 */
	struct answer held; /* until its record is on disk, or it is printed */
	char *text;         /* printed by a helper */
	struct event *wait; /* came too early: looked at again then; NULL */
};

/* Takes on a request: checks it, finds its route and lets it be answered. */
void exchange_begin(struct rest *rest, struct evhttp_request *req, bool is_local);
/* Those of this list that came too early are taken on. */
void exchange_begin_waiting(struct exchange **list);
/* answer_cb: sends, audits and ends. arg is the exchange. */
void exchange_answer(void *arg, struct answer *a);
/* For a handler that answers at once: the same, and ends a. */
void exchange_answer_now(struct exchange *x, struct answer *a);
/*
 * For an answer that is sent in pieces: counts it as one of status 200, sets its headers, ends x and
 * hands over the request, whose connection stands.
 */
struct evhttp_request *exchange_take_request(struct exchange *x, const char *type);
/* The deadline of whoever takes the answer ends with the answer. */
void exchange_watch_taken(struct evhttp_request *req);
/* Who asked for which change of what, and what came of it. Never the body. */
void exchange_audit(const struct exchange *x, const struct answer *a);
/* The body; an empty object when it was left out. */
const json_t *exchange_body(struct exchange *x);
#define EXCHANGE_PEM_TYPE "application/x-pem-file"

/* Refuses, and ends x. */
void exchange_refuse(struct exchange *x, int status, const char *code, const char *message);
/* Has the body, if any: lets the route's service answer. */
void exchange_handle(struct exchange *x);

/* ---- exchange_body.c, for exchange.c ---- */

/* Reads the body and handles x, maybe later; or refuses. */
void exchange_read_body(struct exchange *x);

/* ---- exchange_reply.c, for exchange.c ---- */

/* JSON text, the caller's; NULL = no memory. Any thread. */
char *exchange_print(const json_t *body);
/* The listener ends: freed now, or with the last large answer. NULL is fine. */
struct large_answers;
void exchange_close_large(struct large_answers *large);
/* The memory for one more answer of this text; printed may be NULL. */
bool exchange_has_room(const struct exchange *x, const char *printed)
	__attribute__((warn_unused_result));
/* Sends and gives the request away. printed: the body as text, taken; NULL: print it now. */
void exchange_reply(struct exchange *x, const struct answer *a, char *printed);
struct bufferevent *exchange_bufferevent(struct evhttp_request *req);
/* Those that every answer has, and those of this status. */
void exchange_add_headers(const struct exchange *x, const struct answer *a, const char *type);

/* Drops the clients of all exchanges of this list. */
void exchange_abandon_all(struct exchange **list);
