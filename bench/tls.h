/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The peer that a user would take otherwise: libssl with mutual certificates of the same chain, the
 * same group and the same key type, both sides in one thread over memory BIOs, settings otherwise
 * libssl's own. Contexts are made once; what is counted is one handshake: two SSL objects, all
 * flights, both sides done.
 */
#pragma once

#include "bench/identity.h"
#include "bench/limit.h"

enum tls_kind {
	TLS_DTLS12,     /* full handshake, ECDHE suite of RFC 8422, AES-256-GCM */
	TLS_13,         /* full handshake, mutual certificates */
	TLS_13_PSK_DHE, /* psk_dhe_ke: each resumes by the ticket that the one before gave */
};

struct tls;
struct tls *tls_new(
	enum tls_kind kind, const struct bench_pki *pki, const struct limit_group *group);
void tls_free(struct tls *t); /* NULL is fine */
const char *tls_name(enum tls_kind kind);

/* cnt handshakes; arg: a tls. */
bool tls_run(void *arg, unsigned cnt);
