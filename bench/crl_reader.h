/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A data plane that does nothing but revocation: its main thread takes views from control and maps
 * their parts, its one worker looks for one certificate in whatever view is in force, without a
 * pause, and notes when it finds it and how long it ever stood still. A process of its own.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "pki/view/verdict.h"

struct crl_shared; /* memory that both processes see */

struct crl_shared *crl_shared_new(void);
void crl_shared_free(struct crl_shared *s);
/* From now on this one; forgets when the one before was found. */
void crl_shared_watch(struct crl_shared *s, const struct rk_revocation_key *key);
/* When the worker first found it revoked (bench_wall_ns); 0 = not yet. */
uint64_t crl_shared_refused_ns(const struct crl_shared *s);
void crl_shared_reset_gap(struct crl_shared *s);
/* Longest time between two looks that the worker itself spent (its CPU time). */
uint64_t crl_shared_gap_ns(const struct crl_shared *s);

/* Returns once control has greeted it. Ended with SIGTERM. */
pid_t crl_reader_start(const char *run_dir, struct crl_shared *s);
