/* SPDX-License-Identifier: BSD-3-Clause */
/* Password hashes: yescrypt by crypt(3), about 20 ms each. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PASSWORD_HASH_MAX 384 /* CRYPT_OUTPUT_SIZE */

/* With a new salt. 0 or -errno. */
int password_hash(const char *password, char out[PASSWORD_HASH_MAX])
	__attribute__((warn_unused_result));
/* Costs the same whether it matches or not. */
bool password_matches(const char *password, const char *hash) __attribute__((warn_unused_result));
/* A random one of at least 100 bits that a person can type; size >= 25. 0 or -errno. */
int password_make(char *out, size_t size) __attribute__((warn_unused_result));
