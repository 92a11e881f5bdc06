/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A daemon and a CA, which has certified "west.peering", new for each test: for files whose tests all
 * begin so.
 */
#pragma once

#include "tests/unit/daemon_fixture.h"

static struct daemon_fixture f;
static struct test_pki pki;

static inline int set_up(void **state)
{
	(void)state;
	daemon_fixture_open(&f, NULL);
	test_pki_init(&pki, "west.peering");
	return 0;
}

/* With key, trust and certificate of its own. */
static inline int set_up_provisioned(void **state)
{
	set_up(state);
	fixture_provision(&f, &pki);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	test_pki_fini(&pki);
	daemon_fixture_close(&f);
	return 0;
}
