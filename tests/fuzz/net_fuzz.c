/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames as they come from a port: parsed, and whatever asks for an answer is answered. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "dataplane/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct net_link link = {{0}, {2, 0, 0, 0, 0, 1}, 5};
	uint8_t out[2048];
	struct net_packet p;
	size_t len = 1;

	if (net_parse(data, size, 0, &p) != NET_OK)
		return 0;
	/* What was accepted lies inside the frame. */
	if (p.payload.len > 0 &&
		(p.payload.data < data || p.payload.data + p.payload.len > data + size))
		abort();
	if (p.kind == NET_ECHO_REQUEST && p.payload.len < 1024)
		len = net_build_echo_reply(out, sizeof(out), &link, &p);
	else if (p.kind == NET_ARP_REQUEST || p.kind == NET_ND_SOLICIT)
		len = net_build_answer(out, sizeof(out), &link, &p);
	if (len == 0)
		abort();
	return 0;
}
