/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The HTTPS listener: TLS, framing checks, routes, authentication. Listens on every
 * options->listen address and, without TLS, on RUN/control.sock, where root and our own uid are
 * admin. All of it runs on the loop thread; answers may come later than the request, and later
 * than rest_close.
 */
#pragma once

#include "control/daemon.h"

#define REST_SOCKET "control.sock"

struct rest_limits {
	unsigned connection_max; /* over TLS */
	unsigned deadline_ms;    /* for a request to be complete, and for an answer to be taken */
};

#define REST_LIMITS_DEFAULT                                 \
	{                                                   \
		.connection_max = 128, .deadline_ms = 30000 \
	}

/*
 * Binds everything or nothing; the reason for a failure is logged. Needs d->base, options, config,
 * helpers, audit and users; the other services are used when a request asks for them. 0 or -errno.
 */
int rest_open(struct daemon *d, struct rest **out) __attribute__((warn_unused_result));
/* The same with limits other than REST_LIMITS_DEFAULT. */
int rest_open_limited(struct daemon *d, const struct rest_limits *limits, struct rest **out)
	__attribute__((warn_unused_result));
/* Pending requests are dropped; their answers are thrown away when they come. */
void rest_close(struct rest *r);
/* The port that options->listen[index] is bound to (ADDR:0 asks for a free one). */
unsigned rest_port(const struct rest *r, unsigned index);
