/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What evhttp does not do for a TLS connection: a cap on how many there are, a deadline for
 * whoever sends a request or takes an answer byte by byte, and a body limit that answers in JSON.
 * A connection's object lives as long as its SSL object. Loop thread only.
 *
 * The deadline runs from the accept until the request is complete, and from the answer until it
 * is taken and the next request complete; it stands still while a service works.
 */
#pragma once

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <openssl/types.h>
#include <stdbool.h>

struct connections;

struct connections_spec {
	struct event_base *base;
	/* Asked to stop accepting (true) above max, to go on (false) at it. */
	void (*set_full)(void *arg, bool is_full);
	void *arg;
};

/* None is accepted before both of connections_use and connections_limit were called. */
int connections_new(const struct connections_spec *spec, struct connections **out)
	__attribute__((warn_unused_result));
/* For connections from now on: a counted reference is taken. */
void connections_use(struct connections *c, SSL_CTX *ctx);
/*
 * At most so many, and one more for a moment: then the oldest that asks for nothing, of those from
 * where most come, ends. A request has to be complete in time, and smaller than this, head included.
 */
void connections_limit(
	struct connections *c, unsigned max, unsigned deadline_ms, size_t request_max);
/* No connection is accepted any more; set_full is not called any more. */
void connections_close(struct connections *c);
/* For evhttp_set_bevcb; arg is the struct connections. */
struct bufferevent *connections_accept(struct event_base *base, void *arg);
bool connections_are_full(const struct connections *c);
unsigned connections_cnt(const struct connections *c);

/* A request is complete; the deadline stands still. Nothing for a connection without TLS. */
void connection_pause(struct bufferevent *bev);
/* The answer is handed over, or taken: the deadline starts anew. */
void connection_resume(struct bufferevent *bev);
