/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/aead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "pki/view/secret.h"

static const char *const names[SUITE_AEAD_CNT] = {
	[SUITE_AES_256_GCM] = "AES-256-GCM",
	[SUITE_CHACHA20_POLY1305] = "ChaCha20-Poly1305",
};

struct aead {
	EVP_CIPHER_CTX *ctx[SUITE_AEAD_CNT]; /* its cipher set once: setting it again costs */
	bool has_key[SUITE_AEAD_CNT];        /* somebody's */
};

static EVP_CIPHER_CTX *open_ctx(const char *name)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (cipher == NULL || ctx == NULL ||
		EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, true, NULL) != 1) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_CIPHER_free(cipher); /* the context has its own reference */
	return ctx;
}

int aead_new(struct aead **out)
{
	struct aead *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < SUITE_AEAD_CNT; i++) {
		a->ctx[i] = open_ctx(names[i]);
		if (a->ctx[i] == NULL) {
			aead_free(a);
			return -ENOMEM;
		}
	}
	*out = a;
	return 0;
}

void aead_free(struct aead *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; i < SUITE_AEAD_CNT; i++)
		EVP_CIPHER_CTX_free(a->ctx[i]);
	free(a);
}

void aead_forget(struct aead *a)
{
	static const uint8_t nobodys[SUITE_KEY_LEN];

	for (size_t i = 0; i < SUITE_AEAD_CNT; i++)
		if (a->has_key[i])
			a->has_key[i] =
				EVP_CipherInit_ex2(a->ctx[i], NULL, nobodys, NULL, -1, NULL) != 1;
}

static void make_nonce(uint8_t nonce[SUITE_IV_LEN], const struct secret_aead *key, uint64_t counter)
{
	memcpy(nonce, key->iv, SUITE_IV_LEN);
	for (unsigned i = 0; i < 8; i++)
		nonce[SUITE_IV_LEN - 1 - i] ^= (uint8_t)(counter >> (8 * i));
}

/* Key, nonce, additional data and text through the cipher, in either direction. */
static bool run(struct aead *a, enum suite_aead alg, bool is_seal, const uint8_t *key,
	const uint8_t *nonce, struct rk_span aad, struct rk_span in, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = a->ctx[alg];
	int len = 0;

	a->has_key[alg] = true;
	return EVP_CipherInit_ex2(ctx, NULL, key, nonce, is_seal, NULL) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &len, aad.data, (int)aad.len) == 1 &&
	       EVP_CipherUpdate(ctx, out, &len, in.data, (int)in.len) == 1 && len == (int)in.len;
}

bool aead_seal(struct aead *a, enum suite_aead alg, const struct secret_aead *key, uint64_t counter,
	struct rk_span aad, struct rk_span plain, uint8_t *out)
{
	uint8_t nonce[SUITE_IV_LEN];
	int len = 0;
	bool is_done;

	make_nonce(nonce, key, counter);
	is_done = run(a, alg, true, key->key, nonce, aad, plain, out) &&
		  EVP_CipherFinal_ex(a->ctx[alg], out + plain.len, &len) == 1 &&
		  EVP_CIPHER_CTX_ctrl(
			  a->ctx[alg], EVP_CTRL_AEAD_GET_TAG, MSG_TAG_LEN, out + plain.len) == 1;
	if (!is_done)
		rk_wipe(out, plain.len + MSG_TAG_LEN);
	return is_done;
}

bool aead_open(struct aead *a, enum suite_aead alg, const struct secret_aead *key, uint64_t counter,
	struct rk_span aad, struct rk_span sealed, uint8_t *out)
{
	uint8_t nonce[SUITE_IV_LEN], tag[MSG_TAG_LEN];
	size_t plain_len;
	int len = 0;
	bool is_done;

	if (sealed.len < MSG_TAG_LEN)
		return false;
	plain_len = sealed.len - MSG_TAG_LEN;
	memcpy(tag, sealed.data + plain_len, MSG_TAG_LEN);
	make_nonce(nonce, key, counter);
	is_done = run(a, alg, false, key->key, nonce, aad, (struct rk_span){sealed.data, plain_len},
			  out) &&
		  EVP_CIPHER_CTX_ctrl(a->ctx[alg], EVP_CTRL_AEAD_SET_TAG, MSG_TAG_LEN, tag) == 1 &&
		  EVP_CipherFinal_ex(a->ctx[alg], out + plain_len, &len) == 1;
	if (!is_done)
		rk_wipe(out, plain_len);
	return is_done;
}
