/* SPDX-License-Identifier: BSD-3-Clause */
/* Who we are to another router: a token from a file, or one for a name and a password. */
#pragma once

#include <stdbool.h>

#include "control/cli/client.h"

struct cli;

/*
 * Gives the client a token: the token file's, else after asking for name and password. is_again: the
 * token that was there does not count any more. But for CLIENT_OK it was told why not.
 */
enum client_result login_open(struct cli *c, bool is_again) RK_MUST_CHECK;
/* Writes the client's new token to the token file, 0600. 0 or -errno. */
int login_save(const char *path, const char *token) RK_MUST_CHECK;
