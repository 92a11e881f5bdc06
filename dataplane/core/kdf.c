/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/kdf.h"

#include <assert.h>
#include <string.h>

#include "dataplane/core/hash.h"
#include "dataplane/core/messages.h"
#include "pki/view/secret.h"

void kdf_extract(enum suite_hash hash, struct rk_span salt, struct rk_span ikm, uint8_t *prk)
{
	struct hash_key key;

	hash_set_key(&key, hash, salt);
	hash_mac(&key, &ikm, 1, prk);
	rk_wipe(&key, sizeof(key));
}

/* RFC 5869 2.3: T(n) = HMAC(PRK, T(n - 1) || info || n) */
static void expand(const struct hash_key *prk, struct rk_span info, uint8_t *out, size_t len)
{
	uint8_t block[MSG_HASH_MAX], n = 0;
	size_t block_len = hash_len(prk->hash), done, step;

	for (done = 0; done < len; done += step) {
		size_t last_len = n == 0 ? 0 : block_len;

		n++;
		hash_mac(prk, (const struct rk_span[]){{block, last_len}, info, {&n, 1}}, 3, block);
		step = len - done < block_len ? len - done : block_len;
		memcpy(out + done, block, step);
	}
	rk_wipe(block, sizeof(block));
}

bool kdf_expand(
	enum suite_hash hash, struct rk_span prk, struct rk_span info, uint8_t *out, size_t len)
{
	struct hash_key key;

	if (len > 255 * hash_len(hash))
		return false;

	hash_set_key(&key, hash, prk);
	expand(&key, info, out, len);
	rk_wipe(&key, sizeof(key));
	return true;
}

void kdf_expand_labels(enum suite_hash hash, struct rk_span prk, struct rk_span context,
	const struct kdf_output *output, size_t output_cnt)
{
	uint8_t info[8 + KDF_LABEL_MAX + 1 + MSG_HASH_MAX];
	struct hash_key key;
	struct rk_writer w;

	hash_set_key(&key, hash, prk);
	for (size_t i = 0; i < output_cnt; i++) {
		rk_writer_init(&w, info, sizeof(info));
		rk_write_bytes(&w, "rekey/1 ", 8);
		rk_write_bytes(&w, output[i].label, strlen(output[i].label) + 1);
		rk_write_bytes(&w, context.data, context.len);
		assert(!w.is_failed);
		expand(&key, (struct rk_span){info, rk_writer_len(&w)}, output[i].out,
			output[i].len);
	}
	rk_wipe(&key, sizeof(key));
}
