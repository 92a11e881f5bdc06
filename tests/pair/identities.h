/* SPDX-License-Identifier: BSD-3-Clause */
/* The two identities that most tests begin with, P-256 both: a group's set-up and its end. */
#pragma once

#include "tests/pair/pair.h"

extern struct pair_identity *east, *west;
int pair_make_identities(void **state);
int pair_free_identities(void **state);
