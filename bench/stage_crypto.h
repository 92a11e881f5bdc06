/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The crypto lcore of a stage. There is one thread, and the worker's clock is its CPU time: what the
 * lcore computes takes its time on that clock, not in that thread. A batch is computed at once and
 * goes back to the worker when the worker's clock says that one core, busy with one batch after the
 * other, would have done it.
 */
#pragma once

#include <stdint.h>

struct stage_crypto;

/* The rings of worker 0 are there already. */
struct stage_crypto *stage_crypto_new(unsigned job_cnt);
void stage_crypto_free(struct stage_crypto *c); /* NULL is fine */
/* Between two rounds of the worker. */
void stage_crypto_turn(struct stage_crypto *c, uint64_t now_ns);
