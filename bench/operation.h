/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What single asymmetric operations take through our own kex and sign: sampled now and then while
 * something else is measured, so that both meet the same clock speed, caches and neighbours.
 */
#pragma once

#include <stdint.h>

#include "bench/identity.h"

struct operations;

/* Of an exchange of that group with such keys; pki NULL: of a rekey, which signs nothing. */
struct operations *operations_new(uint16_t group, const struct bench_pki *pki);
void operations_free(struct operations *o);
/* Each of them once, not on the worker's clock. */
void operations_sample(struct operations *o);
/* Of all samples: of the operation that takes longest. */
double operations_longest_ns(const struct operations *o, double percent);
/* Of one side, all operations one after the other: medians. */
double operations_sum_ns(const struct operations *o);
