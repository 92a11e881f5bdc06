/* SPDX-License-Identifier: BSD-3-Clause */
/* What rest.c and exchange.c share; nobody else includes it. */
#pragma once

#include <event2/http.h>
#include <event2/listener.h>
#include <openssl/types.h>

#include "control/daemon.h"
#include "control/rest/connection.h"

#define LISTENER_MAX 8 /* as daemon_options.listen */

struct rest {
	struct daemon *daemon;
	SSL_CTX *ctx;
	struct connections *connections;
	struct evhttp *https;
	struct evhttp *local;
	struct evconnlistener *listener[LISTENER_MAX]; /* owned by https; NULL = not bound */
	unsigned port[LISTENER_MAX];
	bool has_socket; /* RUN/control.sock is ours to remove */
	struct exchange *exchanges;
};
