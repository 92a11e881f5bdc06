/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/part_digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

bool rk_part_is_chunked(const struct rk_part_header *header)
{
	return memcmp(header->magic, RK_PART_MAGIC_CHUNKED, sizeof(header->magic)) == 0;
}

size_t rk_part_chunk_cnt(size_t part_len)
{
	return part_len / RK_PART_CHUNK + (part_len % RK_PART_CHUNK != 0);
}

int rk_part_chunk_tag(const uint8_t *part, size_t part_len, size_t i, uint8_t tag[RK_PART_TAG_LEN])
{
	static const uint8_t key[16] = "rekey part chunk"; /* no secret */
	uint8_t iv[12] = {0};
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, iv, sizeof(iv)),
		OSSL_PARAM_construct_end(),
	};
	size_t begin = i == 0 ? sizeof(struct rk_part_header) : i * RK_PART_CHUNK;
	size_t end = (i + 1) * RK_PART_CHUNK < part_len ? (i + 1) * RK_PART_CHUNK : part_len;
	size_t len = 0;

	return EVP_Q_mac(NULL, "GMAC", NULL, "AES-128-GCM", params, key, sizeof(key), part + begin,
		       end - begin, tag, RK_PART_TAG_LEN, &len) != NULL &&
			       len == RK_PART_TAG_LEN
		       ? 0
		       : -EIO;
}

int rk_part_digest_rest(const struct rk_part_header *header, const uint8_t *rest, size_t rest_len,
	uint8_t out[RK_DIGEST_LEN])
{
	struct rk_part_header plain = *header;
	uint8_t digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ret = 0;

	if (ctx == NULL)
		return -ENOMEM;
	memset(plain.digest, 0, sizeof(plain.digest));
	if (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 ||
		EVP_DigestUpdate(ctx, &plain, sizeof(plain)) != 1 ||
		EVP_DigestUpdate(ctx, rest, rest_len) != 1 ||
		EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
		ret = -EIO;
	if (ret == 0)
		memcpy(out, digest, RK_DIGEST_LEN);
	EVP_MD_CTX_free(ctx);
	return ret;
}

static int digest_chunks(const void *part, size_t len, uint8_t out[RK_DIGEST_LEN])
{
	size_t cnt = rk_part_chunk_cnt(len);
	uint8_t *tags = calloc(cnt, RK_PART_TAG_LEN);
	int ret = tags != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; i < cnt && ret == 0; i++)
		ret = rk_part_chunk_tag(part, len, i, tags + i * RK_PART_TAG_LEN);
	if (ret == 0)
		ret = rk_part_digest_rest(part, tags, cnt * RK_PART_TAG_LEN, out);
	free(tags);
	return ret;
}

int rk_part_compute_digest(const void *data, size_t len, uint8_t out[RK_DIGEST_LEN])
{
	const struct rk_part_header *header = data;

	if (len < sizeof(*header))
		return -EINVAL;
	if (rk_part_is_chunked(header))
		return digest_chunks(data, len, out);
	return rk_part_digest_rest(
		header, (const uint8_t *)(header + 1), len - sizeof(*header), out);
}
