/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A secret of this installation, made once: the key under which (issuer, serial) becomes a
 * struct rk_revocation_key, so that nobody outside can aim for a collision.
 */
#pragma once

#include <stdint.h>

#include "pki/view/bytes.h"

#define INSTALLATION_KEY_LEN  16
#define INSTALLATION_KEY_FILE "installation.key"

/*
 * Reads the key from the state folder, or makes it (random, 0600, never overwrites an existing
 * file). 0; -EBADMSG when the file has another length; -EPERM when others may read it; -errno.
 */
int installation_key_load(int dir, uint8_t key[INSTALLATION_KEY_LEN]) RK_MUST_CHECK;
