/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/password.h"

#include <assert.h>
#include <crypt.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "pki/view/secret.h"

#define PREFIX     "$y$" /* yescrypt, with libxcrypt's default cost */
#define GROUP_LEN  5
#define GROUP_CNT  4
#define MADE_LEN   (GROUP_LEN * GROUP_CNT)
#define MADE_CHARS (MADE_LEN + GROUP_CNT - 1)

static_assert(PASSWORD_HASH_MAX == CRYPT_OUTPUT_SIZE, "the header says what crypt.h says");

static int run_crypt(const char *password, const char *setting, char out[PASSWORD_HASH_MAX])
{
	struct crypt_data *data = calloc(1, sizeof(*data)); /* 32 kB: too much for a stack */
	const char *hash;
	int ret = 0;

	if (data == NULL)
		return -ENOMEM;
	hash = crypt_rn(password, setting, data, (int)sizeof(*data));
	if (hash == NULL)
		ret = -EINVAL;
	else
		memcpy(out, hash, strlen(hash) + 1);
	rk_wipe(data, sizeof(*data));
	free(data);
	return ret;
}

int password_hash(const char *password, char out[PASSWORD_HASH_MAX])
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];

	if (crypt_gensalt_rn(PREFIX, 0, NULL, 0, setting, sizeof(setting)) == NULL)
		return -errno;
	return run_crypt(password, setting, out);
}

bool password_matches(const char *password, const char *hash)
{
	char found[PASSWORD_HASH_MAX] = {0};
	size_t len = strlen(hash);
	bool is_same;

	if (len == 0 || len >= sizeof(found) || run_crypt(password, hash, found) < 0)
		return false;
	is_same = strlen(found) == len && rk_secret_equal(found, hash, len);
	rk_wipe(found, sizeof(found));
	return is_same;
}

int password_make(char *out, size_t size)
{
	/* 32 characters, so that a byte's low five bits choose fairly; none looks like another. */
	static const char alphabet[] = "abcdefghjkmnpqrstuvwxyz23456789A";
	uint8_t random[MADE_LEN];
	size_t n = 0;

	static_assert(sizeof(alphabet) - 1 == 32, "five bits each");
	if (size < MADE_CHARS + 1)
		return -EINVAL;
	if (RAND_bytes(random, sizeof(random)) != 1)
		return -EIO;
	for (size_t i = 0; i < MADE_LEN; i++) {
		if (i > 0 && i % GROUP_LEN == 0)
			out[n++] = '-';
		out[n++] = alphabet[random[i] & 31];
	}
	out[n] = '\0';
	rk_wipe(random, sizeof(random));
	return 0;
}
