/* SPDX-License-Identifier: BSD-3-Clause */
/* Whatever parses has exactly one encoding: building it again gives the same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pki/view/channel.h"
#include "pki/view/secret.h"

static uint8_t again[RK_CHANNEL_MSG_MAX];

static void check_same(const uint8_t *data, size_t size, size_t len)
{
	if (len != size || memcmp(data, again, size) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rk_private_key key;
	static struct rk_message msg;

	if (size > RK_CHANNEL_MSG_MAX) /* the socket refuses it before the parser sees it */
		return 0;
	if (rk_message_parse(&msg, data, size) == 0) {
		if ((unsigned)msg.type != rk_message_type(data, size))
			abort();
		check_same(data, size, rk_message_build(&msg, again, sizeof(again)));
	}
	if (rk_private_key_parse(&key, data, size) == 0)
		check_same(data, size, rk_private_key_build(&key, again, sizeof(again)));
	else if (!rk_bytes_are_zero(&key, sizeof(key)))
		abort();
	return 0;
}
