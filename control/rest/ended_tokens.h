/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tokens that were logged out before they expired, by their id, in STATE/ended-tokens.json (0600).
 * One is forgotten when the clock says that it has expired and the time that it had left has really
 * passed while this process ran: a clock that jumps ahead and back, or a restart in between, makes
 * none good again. Bounded. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/rest/token.h"

#define ENDED_TOKENS_FILE "ended-tokens.json"
#define ENDED_TOKENS_MAX  1024

struct ended_tokens;

struct ended_clock {
	int64_t wall; /* seconds since 1970, as somebody has set them */
	int64_t up;   /* seconds of CLOCK_BOOTTIME, which nobody sets */
};
struct ended_clock ended_clock_now(void);

/* A damaged file is no reason not to start: it is an error all the same (-EINVAL), and logged. */
int ended_tokens_open(int state_fd, struct ended_clock now, struct ended_tokens **out)
	__attribute__((warn_unused_result));
void ended_tokens_close(struct ended_tokens *e);
/* The file's text with one more: free(). 0, -ENOSPC when too many stand, -ENOMEM. */
int ended_tokens_print(struct ended_tokens *e, const char id[TOKEN_ID_LEN + 1], int64_t expires,
	struct ended_clock now, char **out) __attribute__((warn_unused_result));
/* That text is on disk: now it counts. Nothing was taken in between. */
void ended_tokens_take(struct ended_tokens *e, const char id[TOKEN_ID_LEN + 1], int64_t expires,
	struct ended_clock now);
bool ended_tokens_has(const struct ended_tokens *e, const char id[TOKEN_ID_LEN + 1]);
