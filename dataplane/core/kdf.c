/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/kdf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "pki/view/secret.h"

static const struct {
	const char *name;
	size_t len;
} hashes[SUITE_HASH_CNT] = {
	[SUITE_SHA256] = {"SHA256", 32},
	[SUITE_SHA384] = {"SHA384", 48},
};

struct kdf {
	EVP_MD *md[SUITE_HASH_CNT];
	EVP_MD_CTX *hash;
	EVP_MAC_CTX *mac[SUITE_HASH_CNT];
};

size_t kdf_hash_len(enum suite_hash hash)
{
	return hashes[hash].len;
}

static bool open_mac(struct kdf *k, EVP_MAC *hmac, size_t i)
{
	char name[16];
	OSSL_PARAM params[2];

	strcpy(name, hashes[i].name);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0);
	params[1] = OSSL_PARAM_construct_end();
	k->md[i] = EVP_MD_fetch(NULL, hashes[i].name, NULL);
	k->mac[i] = EVP_MAC_CTX_new(hmac);
	return k->md[i] != NULL && k->mac[i] != NULL &&
	       EVP_MAC_CTX_set_params(k->mac[i], params) == 1;
}

int kdf_new(struct kdf **out)
{
	struct kdf *k = calloc(1, sizeof(*k));
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	bool is_open = k != NULL && hmac != NULL;

	if (is_open) {
		k->hash = EVP_MD_CTX_new();
		is_open = k->hash != NULL;
	}
	for (size_t i = 0; is_open && i < SUITE_HASH_CNT; i++)
		is_open = open_mac(k, hmac, i);
	EVP_MAC_free(hmac);
	if (!is_open) {
		kdf_free(k);
		return -ENOMEM;
	}
	*out = k;
	return 0;
}

void kdf_free(struct kdf *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < SUITE_HASH_CNT; i++) {
		EVP_MD_free(k->md[i]);
		EVP_MAC_CTX_free(k->mac[i]);
	}
	EVP_MD_CTX_free(k->hash);
	free(k);
}

bool kdf_hash(struct kdf *k, enum suite_hash hash, const struct rk_span *part, size_t part_cnt,
	uint8_t *out)
{
	bool is_done = EVP_DigestInit_ex2(k->hash, k->md[hash], NULL) == 1;

	for (size_t i = 0; is_done && i < part_cnt; i++)
		is_done = EVP_DigestUpdate(k->hash, part[i].data, part[i].len) == 1;
	if (is_done && EVP_DigestFinal_ex(k->hash, out, NULL) == 1)
		return true;
	memset(out, 0, hashes[hash].len);
	return false;
}

bool kdf_hmac(struct kdf *k, enum suite_hash hash, struct rk_span key, const struct rk_span *part,
	size_t part_cnt, uint8_t *out)
{
	static const uint8_t none[1];
	size_t len = 0;
	bool is_done;

	/* a NULL key would mean "the last one" */
	if (key.data == NULL)
		key = (struct rk_span){none, 0};
	is_done = EVP_MAC_init(k->mac[hash], key.data, key.len, NULL) == 1;
	for (size_t i = 0; is_done && i < part_cnt; i++)
		is_done = EVP_MAC_update(k->mac[hash], part[i].data, part[i].len) == 1;
	if (is_done && EVP_MAC_final(k->mac[hash], out, &len, hashes[hash].len) == 1)
		return true;
	memset(out, 0, hashes[hash].len);
	return false;
}

bool kdf_extract(
	struct kdf *k, enum suite_hash hash, struct rk_span salt, struct rk_span ikm, uint8_t *prk)
{
	return kdf_hmac(k, hash, salt, &ikm, 1, prk);
}

bool kdf_expand(struct kdf *k, enum suite_hash hash, struct rk_span prk, struct rk_span info,
	uint8_t *out, size_t len)
{
	uint8_t block[MSG_HASH_MAX];
	size_t hash_len = hashes[hash].len, done = 0;
	uint8_t number = 0;

	if (len > 255 * hash_len)
		return false;
	while (done < len) {
		size_t step = len - done < hash_len ? len - done : hash_len;
		uint8_t n = (uint8_t)(number + 1);
		const struct rk_span part[3] = {{block, number == 0 ? 0 : hash_len}, info, {&n, 1}};

		if (!kdf_hmac(k, hash, prk, part, 3, block)) {
			rk_wipe(out, len);
			return false;
		}
		memcpy(out + done, block, step);
		done += step;
		number = n;
	}
	rk_wipe(block, sizeof(block));
	return true;
}

bool kdf_expand_labels(struct kdf *k, enum suite_hash hash, struct rk_span prk,
	struct rk_span context, const struct kdf_output *output, size_t output_cnt)
{
	uint8_t info[128];
	struct rk_writer w;

	for (size_t i = 0; i < output_cnt; i++) {
		rk_writer_init(&w, info, sizeof(info));
		rk_write_bytes(&w, "rekey/1 ", 8);
		rk_write_bytes(&w, output[i].label, strlen(output[i].label) + 1);
		rk_write_bytes(&w, context.data, context.len);
		if (w.is_failed ||
			!kdf_expand(k, hash, prk, (struct rk_span){info, rk_writer_len(&w)},
				output[i].out, output[i].len))
			return false;
	}
	return true;
}
