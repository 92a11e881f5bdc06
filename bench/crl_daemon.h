/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole daemon in this process, its loop turned by whoever measures; a web server and
 * rekey-dataplane beside it, each a process. Whatever fails ends the program.
 */
#pragma once

#include "bench/crl_maker.h"
#include "bench/harness.h"
#include "bench/loop_pause.h"
#include "bench/machine_pause.h"
#include "control/daemon.h"
#include "pki/view/revocation.h"
#include "pki/view/snapshot.h"

struct crl_daemon {
	const struct bench_options *o;
	const struct crl_maker *maker;
	unsigned entries;
	char dir[32]; /* with the four folders of the daemon, and the lists */
	char path[4][64];
	char password[64];
	unsigned port;
	pid_t server, plane;
	size_t plane_own; /* the data plane's memory before there is any list: packets */
	struct rk_revocation_key wanted; /* the certificate that is to be refused */
	struct rk_generation before;     /* applied when its list was asked for */
	uint64_t refused_ns;             /* when every worker refused it; 0 = not yet */
	struct daemon_options options;
	struct daemon d;
	bool is_answered;
	int status;
	struct loop_pause *pause;
	struct machine_pause *machine; /* NULL: it cannot be told */
};

/* o and maker outlive it. */
void crl_daemon_open(struct crl_daemon *l, const struct bench_options *o,
	const struct crl_maker *maker, unsigned entries);
void crl_daemon_close(struct crl_daemon *l);

/* Once round the loop. */
void crl_daemon_turn(struct crl_daemon *l);
void crl_daemon_wait_ms(struct crl_daemon *l, unsigned ms);
/* The worker's longest round since this was asked last, in ms. */
double crl_daemon_ask_stall(struct crl_daemon *l);

/* On the server by that name: full.crl or delta.crl. */
void crl_daemon_put_list(struct crl_daemon *l, const char *name, const struct crl_order *order);
/* Has the lists fetched, and waits for an answer. */
void crl_daemon_refresh(struct crl_daemon *l);
/* The same; the ms until every worker refuses the certificate n, which it did not before. Its pauses are l->pause's. */
double crl_daemon_refuse(struct crl_daemon *l, uint64_t n);
