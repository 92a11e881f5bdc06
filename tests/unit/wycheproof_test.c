/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Third-party vectors through our own entry points: key agreement as it lies on the wire, HKDF,
 * signatures, AEADs. Where a file says "acceptable" the rule is ours: an all-zero result and a
 * compressed point are refused (RFC 8422 5.1.2, 5.11), everything else has to agree.
 *
 * The folder is $REKEY_VECTORS; absent: exit 77.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "dataplane/core/aead.h"
#include "dataplane/core/kdf.h"
#include "dataplane/core/kex.h"
#include "dataplane/core/sign.h"

#define FIELD_MAX 16384

static unsigned done_cnt, wrong_cnt;

static void check(bool ok, const char *file, const json_t *test)
{
	done_cnt++;
	if (ok)
		return;
	wrong_cnt++;
	fprintf(stderr, "%s: test %lld (%s): disagrees with the vector\n", file,
		(long long)json_integer_value(json_object_get(test, "tcId")),
		json_string_value(json_object_get(test, "comment")));
}

struct field {
	uint8_t data[FIELD_MAX];
	size_t len;
};

static struct rk_span span(const struct field *f)
{
	return (struct rk_span){f->data, f->len};
}

static void read_hex(const json_t *object, const char *key, struct field *out)
{
	const char *hex = json_string_value(json_object_get(object, key));
	size_t len;

	out->len = 0;
	if (hex == NULL || hex[0] == '\0')
		return;
	if (OPENSSL_hexstr2buf_ex(out->data, sizeof(out->data), &len, hex, '\0') != 1) {
		fprintf(stderr, "unreadable hex in %s\n", key);
		exit(1);
	}
	out->len = len;
}

static bool is_result(const json_t *test, const char *word)
{
	return strcmp(json_string_value(json_object_get(test, "result")), word) == 0;
}

static bool has_flag(const json_t *test, const char *flag)
{
	json_t *f;
	size_t i;

	json_array_foreach(json_object_get(test, "flags"), i, f)
	{
		if (strcmp(json_string_value(f), flag) == 0)
			return true;
	}
	return false;
}

/* ---- key agreement --------------------------------------------------------------------------- */

/* Right-aligned, as the protocol keeps a scalar; the files strip or pad. */
static bool load_secret(const struct field *private, const struct kex_group *g, struct kex_op *op)
{
	const uint8_t *p = private->data;
	size_t len = private->len;

	while (len > g->secret_len && *p == 0) {
		p++;
		len--;
	}
	if (len > g->secret_len)
		return false;
	memset(op->secret, 0, sizeof(op->secret));
	memcpy(op->secret + g->secret_len - len, p, len);
	return true;
}

static void make_point(const struct kex_group *g, struct kex_op *op)
{
	static const int nids[] = {NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1};
	EC_GROUP *group = EC_GROUP_new_by_curve_name(nids[g->id - KEX_SECP256R1]);
	BIGNUM *scalar = BN_bin2bn(op->secret, g->secret_len, NULL);
	EC_POINT *point = EC_POINT_new(group);

	EC_POINT_mul(group, point, scalar, NULL, NULL, NULL);
	EC_POINT_point2oct(
		group, point, POINT_CONVERSION_UNCOMPRESSED, op->share, g->share_len, NULL);
	EC_POINT_free(point);
	BN_free(scalar);
	EC_GROUP_free(group);
}

static void make_share(const struct kex_group *g, struct kex_op *op)
{
	size_t len = g->share_len;
	EVP_PKEY *key;

	if (g->is_point) {
		make_point(g, op);
		return;
	}
	key = EVP_PKEY_new_raw_private_key(g->id == KEX_X25519 ? EVP_PKEY_X25519 : EVP_PKEY_X448,
		NULL, op->secret, g->secret_len);
	EVP_PKEY_get_raw_public_key(key, op->share, &len);
	EVP_PKEY_free(key);
}

static bool agree(struct kex_ctx *ctx, const struct kex_group *g, const json_t *test,
	const struct field *shared)
{
	static struct field private, public;
	struct kex_op op = {0}, *ops[] = {&op};
	bool must_agree = is_result(test, "valid") ||
			  (is_result(test, "acceptable") && !has_flag(test, "ZeroSharedSecret") &&
				  !has_flag(test, "CompressedPoint"));

	read_hex(test, "private", &private);
	read_hex(test, "public", &public);
	if (!kex_share_is_plausible(g, span(&public)))
		return !must_agree;
	if (!load_secret(&private, g, &op))
		return !must_agree;
	make_share(g, &op);
	memcpy(op.peer, public.data, public.len);
	kex_derive(ctx, g, ops, 1);
	if (!op.is_done)
		return !must_agree;
	return must_agree && shared->len == g->shared_len &&
	       memcmp(op.shared, shared->data, g->shared_len) == 0;
}

static void test_agreement(const char *file, const json_t *group, uint16_t id)
{
	static struct field shared;
	struct kex_ctx *ctx;
	json_t *test;
	size_t i;

	if (kex_ctx_new(&ctx) < 0)
		exit(1);
	json_array_foreach(json_object_get(group, "tests"), i, test)
	{
		read_hex(test, "shared", &shared);
		check(agree(ctx, kex_find(id), test, &shared), file, test);
	}
	kex_ctx_free(ctx);
}

/* ---- HKDF ------------------------------------------------------------------------------------ */

static void test_hkdf(const char *file, const json_t *group, uint16_t hash)
{
	static struct field ikm, salt, info, okm;
	uint8_t prk[64], out[255 * 64 + 64];
	struct kdf *kdf;
	json_t *test;
	size_t i;

	if (kdf_new(&kdf) < 0)
		exit(1);
	json_array_foreach(json_object_get(group, "tests"), i, test)
	{
		size_t size = (size_t)json_integer_value(json_object_get(test, "size"));
		bool ok;

		read_hex(test, "ikm", &ikm);
		read_hex(test, "salt", &salt);
		read_hex(test, "info", &info);
		read_hex(test, "okm", &okm);
		ok = size <= sizeof(out) && kdf_extract(kdf, hash, span(&salt), span(&ikm), prk) &&
		     kdf_expand(kdf, hash, (struct rk_span){prk, kdf_hash_len(hash)}, span(&info),
			     out, size);
		check(is_result(test, "valid") ? ok && memcmp(out, okm.data, size) == 0 : !ok, file,
			test);
	}
	kdf_free(kdf);
}

/* ---- signatures ------------------------------------------------------------------------------ */

static void read_public_key(const json_t *group, uint16_t scheme, struct rk_public_key *key)
{
	static struct field number;
	const json_t *public = json_object_get(group, "publicKey");
	size_t skip;

	*key = (struct rk_public_key){0};
	if (json_object_get(public, "modulus") != NULL) {
		read_hex(public, "modulus", &number);
		skip = number.data[0] == 0;
		key->type = RK_KEY_RSA;
		key->rsa_exponent = 65537;
		key->len = (uint16_t)(number.len - skip);
		memcpy(key->bytes, number.data + skip, key->len);
		return;
	}
	read_hex(public, "uncompressed", &number);
	key->type = scheme == 0x0403 ? RK_KEY_P256 : scheme == 0x0503 ? RK_KEY_P384 : RK_KEY_P521;
	key->len = (uint16_t)number.len;
	memcpy(key->bytes, number.data, number.len);
}

static void test_signature(const char *file, const json_t *group, uint16_t scheme)
{
	static struct field msg, sig;
	struct rk_public_key key;
	struct sign_ctx *ctx;
	json_t *test;
	size_t i;

	if (sign_ctx_new(&ctx) < 0)
		exit(1);
	read_public_key(group, scheme, &key);
	json_array_foreach(json_object_get(group, "tests"), i, test)
	{
		read_hex(test, "msg", &msg);
		read_hex(test, "sig", &sig);
		check(sign_verify(ctx, &key, scheme, span(&msg), span(&sig)) ==
				is_result(test, "valid"),
			file, test);
	}
	sign_ctx_free(ctx);
}

/* ---- AEADs ----------------------------------------------------------------------------------- */

static void test_aead(const char *file, const json_t *group, uint16_t alg)
{
	static struct field field, aad, msg, sealed, tag;
	static uint8_t out[FIELD_MAX + 16];
	struct secret_aead key;
	struct aead *aead;
	json_t *test;
	size_t i;

	if (json_integer_value(json_object_get(group, "ivSize")) != 96 ||
		json_integer_value(json_object_get(group, "keySize")) != 256 ||
		json_integer_value(json_object_get(group, "tagSize")) != 128)
		return; /* sizes that the protocol has no use for */
	if (aead_new(&aead) < 0)
		exit(1);
	json_array_foreach(json_object_get(group, "tests"), i, test)
	{
		bool ok;

		read_hex(test, "key", &field);
		memcpy(key.key, field.data, sizeof(key.key));
		read_hex(test, "iv", &field);
		memcpy(key.iv, field.data, sizeof(key.iv));
		read_hex(test, "aad", &aad);
		read_hex(test, "msg", &msg);
		read_hex(test, "ct", &sealed);
		read_hex(test, "tag", &tag);
		memcpy(sealed.data + sealed.len, tag.data, tag.len);
		sealed.len += tag.len;
		ok = aead_open(aead, alg, &key, 0, span(&aad), span(&sealed), out);
		if (is_result(test, "valid"))
			ok = ok && memcmp(out, msg.data, msg.len) == 0 &&
			     aead_seal(aead, alg, &key, 0, span(&aad), span(&msg), out) &&
			     memcmp(out, sealed.data, sealed.len) == 0;
		else
			ok = !ok;
		check(ok, file, test);
	}
	aead_free(aead);
}

/* ---- the files ------------------------------------------------------------------------------- */

static const struct {
	const char *file;
	void (*run)(const char *file, const json_t *group, uint16_t parameter);
	uint16_t parameter;
} files[] = {
	{"ecdh_secp256r1_ecpoint_test", test_agreement, KEX_SECP256R1},
	{"ecdh_secp384r1_ecpoint_test", test_agreement, KEX_SECP384R1},
	{"ecdh_secp521r1_ecpoint_test", test_agreement, KEX_SECP521R1},
	{"x25519_test", test_agreement, KEX_X25519},
	{"x448_test", test_agreement, KEX_X448},
	{"hkdf_sha256_test", test_hkdf, SUITE_SHA256},
	{"hkdf_sha384_test", test_hkdf, SUITE_SHA384},
	{"ecdsa_secp256r1_sha256_test", test_signature, 0x0403},
	{"ecdsa_secp384r1_sha384_test", test_signature, 0x0503},
	{"ecdsa_secp521r1_sha512_test", test_signature, 0x0603},
	{"rsa_pss_2048_sha256_mgf1_32_test", test_signature, 0x0804},
	{"rsa_pss_3072_sha256_mgf1_32_test", test_signature, 0x0804},
	{"rsa_pss_4096_sha256_mgf1_32_test", test_signature, 0x0804},
	{"aes_gcm_test", test_aead, SUITE_AES_256_GCM},
	{"chacha20_poly1305_test", test_aead, SUITE_CHACHA20_POLY1305},
};

int main(void)
{
	const char *folder = getenv("REKEY_VECTORS");
	char path[1024];
	json_t *root, *group;
	size_t i, n;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/wycheproof/%s.json", folder != NULL ? folder : ".",
			files[i].file);
		root = json_load_file(path, 0, NULL);
		if (root == NULL) {
			printf("skipped: no %s (see the meson option 'vectors')\n", path);
			return 77;
		}
		json_array_foreach(json_object_get(root, "testGroups"), n, group) files[i].run(
			files[i].file, group, files[i].parameter);
		json_decref(root);
	}
	printf("%u vectors, %u mismatches\n", done_cnt, wrong_cnt);
	return wrong_cnt > 0;
}
