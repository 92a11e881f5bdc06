/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asymmetric work that is done once: the same question gets the answer that libcrypto gave the first
 * time, in every pair that runs by it. A key pair belongs to the exchange that asks for it. So, with
 * flat random bytes, what a pair does is a function of what is done to it, to the last bit.
 */
#pragma once

#include "tests/pair/pair.h"

struct recall;
struct recall *recall_new(void);
void recall_free(struct recall *r);
/* From here on the pair runs its jobs so. r outlives it. */
void recall_attach(struct recall *r, struct pair *p);
