/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is connected to the local socket: one user has so many connections, and a further one ends that
 * user's oldest, so that no member of the group takes the descriptors that everybody needs. Root and
 * our own user are never held back. Loop thread only.
 */
#pragma once

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdbool.h>
#include <sys/types.h>

struct local_clients;

/* is_free: of this user there may be any number. */
int local_clients_new(struct event_base *base, bool (*is_free)(uid_t uid),
	struct local_clients **out) __attribute__((warn_unused_result));
void local_clients_limit(struct local_clients *c, unsigned max);
/* Connections stay as they are. NULL is fine. */
void local_clients_free(struct local_clients *c);
/* For evhttp_set_bevcb; arg is the struct local_clients. */
struct bufferevent *local_clients_accept(struct event_base *base, void *arg);
