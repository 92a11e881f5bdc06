/* SPDX-License-Identifier: BSD-3-Clause */
/* A listener for all tests of a file, with an administrator and a viewer logged in. */
#pragma once

#include <stdlib.h>

#include "tests/unit/rest_fixture.h"

static struct fixture *f;
static char *admin, *viewer;

static inline int start(void **state)
{
	(void)state;
	f = fixture_start(NULL);
	admin = fixture_login(f, "admin", FIXTURE_ADMIN_PASSWORD);
	viewer = fixture_login(f, "viewer", FIXTURE_VIEWER_PASSWORD);
	return admin != NULL && viewer != NULL ? 0 : -1;
}

static inline int stop(void **state)
{
	(void)state;
	fixture_stop(f);
	free(admin);
	free(viewer);
	return 0;
}
