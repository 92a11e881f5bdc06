/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Refused requests on their way to the audit log. Anybody who reaches the port can have as many
 * refused as the network carries, and the log keeps its newest 160 MiB: so refusals are recorded one
 * by one only as long as there are few of them, and the others are counted; once a minute a record
 * says how many. Whoever has not said who it is has a budget of its own: it hides nobody else's.
 * What an administrator asks for is never left out, and neither is anything that was done.
 * Loop thread only.
 */
#pragma once

#include <stdbool.h>

#include "control/daemon.h"

struct refusals;

int refusals_new(struct daemon *d, struct refusals **out) __attribute__((warn_unused_result));
/* Records what was still only counted. NULL is fine. */
void refusals_free(struct refusals *r);
/* True: this one is to be recorded. False: it is counted. */
bool refusals_admit(struct refusals *r, bool is_known) __attribute__((warn_unused_result));
