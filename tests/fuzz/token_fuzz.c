/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/token.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct token_signer *make_signer(void)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	struct token_signer *s = NULL;

	if (key == NULL || token_signer_new(key, "us", "api", &s) < 0)
		abort();
	EVP_PKEY_free(key);
	return s;
}

/* The key is new in every run: nothing in a corpus can be signed with it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct token_signer *signer;
	struct token_subject subject;
	const char *why = NULL;

	if (signer == NULL)
		signer = make_signer();
	if (token_verify(signer, (const char *)data, size, 1800000000, &subject, &why) == 0 ||
		why == NULL)
		abort();
	return 0;
}
