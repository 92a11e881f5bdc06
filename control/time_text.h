/* SPDX-License-Identifier: BSD-3-Clause */
/* Times as the REST API and the logs print them: RFC 3339, UTC, whole seconds. Any thread. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#define TIME_TEXT_LEN 32

/* "2026-01-02T03:04:05Z"; "" for a time that cannot be printed. */
void time_text(int64_t sec, char out[TIME_TEXT_LEN]);
/* The same as a JSON string; null for 0 (never). */
json_t *time_json(int64_t sec);
