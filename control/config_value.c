/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/config_read.h"

#include <arpa/inet.h>
#include <string.h>

bool config_duration_parse(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} unit[] = {{"ms", UINT64_C(1000000)}, {"s", UINT64_C(1000000000)},
		{"m", UINT64_C(60000000000)}, {"h", UINT64_C(3600000000000)},
		{"d", UINT64_C(86400000000000)}};
	uint64_t value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (p - text >= 12)
			return false;
		value = value * 10 + (uint64_t)(*p - '0');
	}
	if (p == text)
		return false;
	for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++)
		if (strcmp(p, unit[i].name) == 0)
			return !__builtin_mul_overflow(value, unit[i].ns, ns);
	return false;
}

bool config_address_parse(const char *text, struct config_address *out)
{
	struct config_address a = {0};

	if (inet_pton(AF_INET, text, a.bytes) == 1) {
		a.family = 4;
		a.prefix_len = 32;
	} else if (inet_pton(AF_INET6, text, a.bytes) == 1) {
		a.family = 6;
		a.prefix_len = 128;
	} else {
		return false;
	}
	*out = a;
	return true;
}

/* Unspecified, multicast, loopback and the broadcast address are nobody's own address. */
static bool is_host_address(const struct config_address *a)
{
	static const uint8_t zero[16];

	if (a->family == 4)
		return a->bytes[0] != 0 && a->bytes[0] != 127 && a->bytes[0] < 224;
	if (memcmp(a->bytes, zero, 15) == 0 && a->bytes[15] <= 1)
		return false;
	return a->bytes[0] != 0xff;
}

bool config_prefix_parse(const char *text, struct config_address *out)
{
	const char *slash = strchr(text, '/');
	char address[INET6_ADDRSTRLEN];
	struct config_address a;
	unsigned prefix_len = 0;
	const char *p;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(address))
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	for (p = slash + 1; *p >= '0' && *p <= '9' && p - slash <= 3; p++)
		prefix_len = prefix_len * 10 + (unsigned)(*p - '0');
	if (p == slash + 1 || *p != '\0' || !config_address_parse(address, &a))
		return false;
	if (prefix_len == 0 || prefix_len > a.prefix_len || !is_host_address(&a))
		return false;
	a.prefix_len = (uint8_t)prefix_len;
	*out = a;
	return true;
}
