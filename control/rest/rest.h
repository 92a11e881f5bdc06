/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The HTTPS listener: TLS, framing checks, routes, authentication. Listens on every
 * options->listen address, else on those of the configuration, and, without TLS, on
 * RUN/control.sock, where root and our own uid are
 * admin. All of it runs on the loop thread; answers may come later than the request, and later
 * than rest_close.
 */
#pragma once

#include "control/daemon.h"

#define REST_SOCKET "control.sock"

/*
 * Binds everything or nothing; the reason for a failure is logged. Needs d->base, options, config,
 * helpers, alarms and audit; the other services are used when a request asks for them, and that is not
 * before the start is over. 0 or -errno.
 */
int rest_open(struct daemon *d, struct rest **out) __attribute__((warn_unused_result));
/*
 * The configuration has changed, or the web certificate's files may have: what is new is bound
 * before what is not wanted any more is closed; open connections go on. What cannot be used leaves
 * the old in place, and an alarm.
 */
void rest_configure(struct rest *r);
/*
 * The start is over, or an edited configuration file was read: requests that came meanwhile and have not
 * been refused yet are answered.
 */
void rest_begin(struct rest *r); /* NULL is fine */
/* Pending requests are dropped; their answers are thrown away when they come. */
void rest_close(struct rest *r);
/* The port that the address of this index is bound to (ADDR:0 asks for a free one); 0 = none. */
unsigned rest_port(const struct rest *r, unsigned index);
