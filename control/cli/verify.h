/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rekeyctl pki verify: judges a certificate with pki/x509 and no daemon. It is the one command that
 * does anything by itself, so it has its own options.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pki/view/bytes.h"

/* Is this command line one of ours? */
bool verify_is_asked(int argc, char *const argv[]) RK_MUST_CHECK;
/* argv as main's; is_json: as with --json. 0 valid, 1 not valid, 2 wrong options or a file that cannot be read. */
int verify_run(int argc, char *argv[], bool is_json);

/* RFC 3339: 2026-11-23T10:00:00Z, 2026-11-23T11:00:00.5+01:00. Seconds since 1970. */
bool verify_parse_time(const char *text, int64_t *out) RK_MUST_CHECK;
