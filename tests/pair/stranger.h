/* SPDX-License-Identifier: BSD-3-Clause */
/* A stranger who knows a name (or not) and says HELLO to node 0. */
#pragma once

#include "tests/pair/pair.h"

struct stranger_hello {
	uint64_t id;
	uint16_t group;
	uint16_t suite;
	uint16_t scheme;
	uint8_t host; /* 192.0.2.HOST */
	const char *name;
	struct rk_span cookie;
	bool is_any_scheme;    /* all of ours are offered */
	uint16_t more_padding; /* than usual; at most 400 */
};
extern const struct stranger_hello stranger_usual; /* to "east", x25519 */
struct pair_packet stranger_hello(const struct stranger_hello *h);
