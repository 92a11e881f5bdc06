/* SPDX-License-Identifier: BSD-3-Clause */
/* The listener's own private keys, one PEM file each (0600) in the state folder. Any thread. */
#pragma once

#include "pki/x509/key.h"

/* dir: an open folder. 0 with *out the caller's; -ENOENT; -EPERM; -EBADMSG; -errno. */
int key_file_load(int dir, const char *name, EVP_PKEY **out) RK_MUST_CHECK;
/* Makes one and stores it; never overwrites (-EEXIST). */
int key_file_make(
	int dir, const char *name, const struct pki_key_spec *spec, EVP_PKEY **out) RK_MUST_CHECK;
