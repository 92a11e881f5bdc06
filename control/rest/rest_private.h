/* SPDX-License-Identifier: BSD-3-Clause */
/* What rest.c and exchange.c share; nobody else includes it. */
#pragma once

#include <event2/http.h>
#include <event2/listener.h>
#include <openssl/types.h>
#include <sys/types.h>

#include "control/budget.h"
#include "control/daemon.h"
#include "control/rest/accept_pause.h"
#include "control/rest/connection.h"
#include "control/rest/local_clients.h"
#include "control/rest/refusals.h"

#define LISTENER_MAX 8 /* as daemon_options.listen */

#define REST_LARGE_LEN ((size_t)1 << 20)
#define REST_LARGE_MAX 8 /* at a time: whoever does not read them holds no more memory */

struct listener {
	char text[80];                      /* as it was asked for; empty = none */
	struct evhttp_bound_socket *socket; /* owned by https; NULL = the machine has no IPv6 */
	unsigned port;
};

/* How many large answers are held; freed with the last of them, for libevent frees those later. */
struct large_answers {
	unsigned cnt;
	bool is_closed;
};

/* On the local socket, root and our own user are admin, whatever else there is. */
bool rest_is_local_admin(uid_t uid);

struct rest {
	struct daemon *daemon;
	struct connections *connections;
	struct evhttp *https;
	struct evhttp *local;
	struct local_clients *local_clients;
	struct listener listener[LISTENER_MAX];
	struct evhttp_bound_socket *local_socket; /* owned by local */
	struct accept_pause *accept_pause;
	struct budget full_log;
	bool has_socket; /* RUN/control.sock is ours to remove */
	struct exchange *exchanges;
	struct refusals *refusals;
	unsigned stream_cnt;         /* long answers that are being read */
	struct large_answers *large; /* of more than REST_LARGE_LEN: whole in memory until read */
};
