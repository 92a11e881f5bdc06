/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/suite.h"

#include <string.h>

static const struct suite suites[] = {
	{1, SUITE_SHA256, SUITE_AES_256_GCM, 32},
	{2, SUITE_SHA384, SUITE_AES_256_GCM, 48},
	{3, SUITE_SHA256, SUITE_CHACHA20_POLY1305, 32},
	{4, SUITE_SHA384, SUITE_CHACHA20_POLY1305, 48},
};
static const struct wire_list list = {4, {1, 2, 3, 4}};
static_assert(sizeof(suites) / sizeof(suites[0]) == 4, "as many as the list names");

const struct suite *suite_find(uint16_t id)
{
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		if (suites[i].id == id)
			return &suites[i];
	return NULL;
}

const struct wire_list *suite_list(void)
{
	return &list;
}

const struct suite *suite_choose(const struct wire_list *ours, const struct wire_list *offered)
{
	for (unsigned i = 0; i < ours->cnt; i++)
		if (wire_list_has(offered, ours->id[i]))
			return suite_find(ours->id[i]);
	return NULL;
}
