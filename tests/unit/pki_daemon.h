/* SPDX-License-Identifier: BSD-3-Clause */
/* A daemon and a CA, new for each test: for files whose tests all begin so. */
#pragma once

#include "tests/unit/daemon_fixture.h"

static struct daemon_fixture f;
static struct test_pki pki;

static inline int set_up(void **state)
{
	(void)state;
	daemon_fixture_open(&f, NULL);
	test_pki_init(&pki, "leaf");
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	test_pki_fini(&pki);
	daemon_fixture_close(&f);
	return 0;
}
