/* SPDX-License-Identifier: BSD-3-Clause */
/* The master list for people and other programs: every revoked certificate, one a line. */
#pragma once

#include <stdio.h>

/*
 * What the state folder holds, as JSON ({"generation", "origin", "entries": [...]}) or as text with
 * tabs between issuer, serial, date, reason and source. Reads the file alone: the daemon may be
 * running. 0, or -errno with a message on stderr.
 */
int revocations_print(const char *state_dir, const char *format, FILE *to)
	__attribute__((warn_unused_result));
