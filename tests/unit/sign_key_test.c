/* SPDX-License-Identifier: BSD-3-Clause */
/* Our private key in libcrypto's memory: there while it is in force, and no longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "dataplane/core/sign.h"
#include "pki/view/secret.h"
#include "pki/x509/key.h"
#include "tests/unit/test_ca.h"

#define SCALAR_LEN 32

/* ---- every block that libcrypto has --------------------------------------------------------- */

struct block {
	struct block *next, **link;
	size_t size;
	_Alignas(16) uint8_t data[];
};

static struct block *blocks;

static void enter(struct block *b, size_t size)
{
	b->size = size;
	b->next = blocks;
	b->link = &blocks;
	if (b->next != NULL)
		b->next->link = &b->next;
	blocks = b;
}

static void leave(struct block *b)
{
	*b->link = b->next;
	if (b->next != NULL)
		b->next->link = b->link;
}

static struct block *block_of(void *data)
{
	return (struct block *)(void *)((uint8_t *)data - offsetof(struct block, data));
}

static void *on_malloc(size_t size, const char *file, int line)
{
	struct block *b = malloc(sizeof(*b) + size);

	(void)file;
	(void)line;
	if (b == NULL)
		return NULL;
	enter(b, size);
	return b->data;
}

static void on_free(void *data, const char *file, int line)
{
	(void)file;
	(void)line;
	if (data == NULL)
		return;
	leave(block_of(data));
	free(block_of(data));
}

static void *on_realloc(void *data, size_t size, const char *file, int line)
{
	void *copy = on_malloc(size, file, line);

	if (copy == NULL || data == NULL)
		return copy;
	memcpy(copy, data, block_of(data)->size < size ? block_of(data)->size : size);
	on_free(data, file, line);
	return copy;
}

/* ---- the key -------------------------------------------------------------------------------- */

static uint8_t scalar[SCALAR_LEN]; /* as a BIGNUM has it: least significant byte first */

static bool is_in_memory(void)
{
	for (const struct block *b = blocks; b != NULL; b = b->next)
		if (memmem(b->data, b->size, scalar, sizeof(scalar)) != NULL)
			return true;
	return false;
}

static struct credential *make_credential(void)
{
	static const uint8_t fingerprint[RK_FINGERPRINT_LEN];
	EVP_PKEY *pkey = test_key_new(TEST_P256);
	struct rk_private_key *numbers = rk_secret_new(sizeof(*numbers));
	struct credential *c = NULL;

	assert_non_null(numbers);
	assert_int_equal(pki_key_to_private(pkey, numbers), 0);
	for (unsigned i = 0; i < SCALAR_LEN; i++)
		scalar[i] = numbers->number[RK_NUM_SECRET][SCALAR_LEN - 1 - i];
	assert_true(is_in_memory()); /* of the key that was made: it is seen where it is */
	EVP_PKEY_free(pkey);
	assert_false(is_in_memory());
	assert_int_equal(
		credential_new(fingerprint, (struct rk_span){fingerprint, 1}, numbers, &c), 0);
	return c;
}

static void replaced_key_is_wiped(void **state)
{
	static const struct rk_span text = {(const uint8_t *)"what is signed", 14};
	struct credential *c = make_credential();
	uint8_t signature[MSG_SIGNATURE_MAX];
	size_t len = sizeof(signature);
	struct sign_ctx *ctx;

	(void)state;
	assert_int_equal(sign_ctx_new(&ctx), 0);
	assert_true(sign_make(ctx, c, 0x0403, text, signature, &len));
	assert_true(is_in_memory()); /* kept for the next one */
	sign_keep_key(ctx, c->id);
	assert_true(is_in_memory());
	sign_keep_key(ctx, c->id + 1);
	assert_false(is_in_memory());
	len = sizeof(signature);
	assert_true(sign_make(ctx, c, 0x0403, text, signature, &len)); /* one that was late */
	sign_keep_key(ctx, 0);
	assert_false(is_in_memory());
	sign_ctx_free(ctx);
	credential_put(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(replaced_key_is_wiped)};

	if (CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
