/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pair/identities.h"

struct pair_identity *east, *west;

int pair_make_identities(void **state)
{
	(void)state;
	east = pair_identity_new("east", TEST_P256, NULL);
	west = pair_identity_new("west", TEST_P256, NULL);
	return 0;
}

int pair_free_identities(void **state)
{
	(void)state;
	pair_identity_free(east);
	pair_identity_free(west);
	return 0;
}
