/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long somebody who keeps failing has to wait. A key (source and user name) has some failures
 * free; each further one doubles the wait (2 s at first), up to five minutes, and a quarter of an hour without
 * failures forgets it. Bounded: when full, the key that failed longest ago goes. Loop thread only;
 * the caller brings the clock (monotonic seconds).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct throttle;

struct throttle *throttle_new(size_t key_max);
void throttle_free(struct throttle *t);
/* Seconds to wait before the next try; 0 = go ahead. */
unsigned throttle_wait(const struct throttle *t, const char *key, int64_t now);
/* One more failure; returns how many there are now. */
unsigned throttle_fail(struct throttle *t, const char *key, unsigned free_cnt, int64_t now);
void throttle_forget(struct throttle *t, const char *key);
