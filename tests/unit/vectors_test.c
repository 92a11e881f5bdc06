/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Third-party vectors (Wycheproof's layout) through our own kex, sign, kdf and aead: every single
 * one agrees. Exits 77 with a word when the folder in $REKEY_VECTORS is not there.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "dataplane/core/aead.h"
#include "dataplane/core/hash.h"
#include "dataplane/core/kdf.h"
#include "dataplane/core/sign.h"
#include "tests/unit/kex_backends.h"

struct bytes {
	size_t len;
	uint8_t data[65536];
};

static struct kex_ctx *kex[KEX_BACKENDS_MAX];
static size_t kex_cnt;
static struct sign_ctx *sign;
static struct aead *aead;
static unsigned checked_cnt, wrong_cnt;

static struct bytes *hex(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));
	struct bytes *b = calloc(1, sizeof(*b));
	unsigned v;

	if (b == NULL || text == NULL || strlen(text) / 2 > sizeof(b->data))
		abort();
	for (b->len = 0; sscanf(text + 2 * b->len, "%2x", &v) == 1; b->len++)
		b->data[b->len] = (uint8_t)v;
	return b;
}

static struct rk_span span(const struct bytes *b)
{
	return (struct rk_span){b->data, b->len};
}

/* A number of exactly len bytes; false when it does not fit. */
static bool fit(const struct bytes *b, uint8_t *out, size_t len)
{
	size_t skip = 0;

	while (b->len - skip > len && b->data[skip] == 0)
		skip++;
	if (b->len - skip > len)
		return false;
	memset(out, 0, len);
	memcpy(out + len - (b->len - skip), b->data + skip, b->len - skip);
	return true;
}

static void expect(const char *file, const json_t *t, bool is_right)
{
	checked_cnt++;
	if (is_right)
		return;
	wrong_cnt++;
	fprintf(stderr, "%s: tcId %lld (%s)\n", file,
		(long long)json_integer_value(json_object_get(t, "tcId")),
		json_string_value(json_object_get(t, "comment")));
}

static bool is_result(const json_t *t, const char *result)
{
	return strcmp(json_string_value(json_object_get(t, "result")), result) == 0;
}

/* RFC 8422 5.4.1, 5.10, 5.11: "acceptable" shares in another form are refused by us. */
static void check_kex(const char *file, const json_t *group, const json_t *t, unsigned id)
{
	const struct kex_group *g = kex_find((uint16_t)id);
	struct bytes *peer = hex(t, "public"), *secret = hex(t, "private");
	struct bytes *shared = hex(t, "shared");
	static const uint8_t zeros[KEX_SECRET_MAX];
	bool is_zero = !g->is_point && memcmp(shared->data, zeros, g->shared_len) == 0;
	bool is_refused = is_result(t, "invalid") || is_zero || peer->len != g->share_len;
	const uint8_t *want = is_refused ? zeros : shared->data;

	(void)group;
	for (size_t i = 0; i < kex_cnt; i++) {
		struct kex_op op = {.is_done = false};

		if (i > 0 && kex_batch_cnt(kex[i], g) == 1)
			break; /* by libcrypto again */
		if (kex_share_is_plausible(g, span(peer)) &&
			fit(secret, op.secret, g->secret_len)) {
			memcpy(op.peer, peer->data, peer->len);
			kex_backends_derive(kex[i], g, &op);
		}
		expect(file, t,
			op.is_done != is_refused && memcmp(op.shared, want, g->shared_len) == 0);
	}
	free(peer);
	free(secret);
	free(shared);
}

static void check_hkdf(const char *file, const json_t *group, const json_t *t, unsigned hash)
{
	struct bytes *ikm = hex(t, "ikm"), *salt = hex(t, "salt"), *info = hex(t, "info");
	struct bytes *okm = hex(t, "okm");
	size_t len = (size_t)json_integer_value(json_object_get(t, "size"));
	uint8_t prk[MSG_HASH_MAX], *out = calloc(1, len + 1);
	bool is_done;

	(void)group;
	kdf_extract(hash, span(salt), span(ikm), prk);
	is_done = kdf_expand(hash, (struct rk_span){prk, hash_len(hash)}, span(info), out, len);
	if (is_result(t, "invalid"))
		expect(file, t, !is_done);
	else
		expect(file, t, is_done && len == okm->len && memcmp(out, okm->data, len) == 0);
	free(ikm);
	free(salt);
	free(info);
	free(okm);
	free(out);
}

static void read_key(const json_t *group, unsigned scheme, struct rk_public_key *key)
{
	const json_t *from = json_object_get(group, "publicKey");
	bool is_rsa = scheme >> 8 == 8;
	struct bytes *n = hex(from, is_rsa ? "modulus" : "uncompressed");
	size_t skip = is_rsa && n->data[0] == 0;

	memset(key, 0, sizeof(*key));
	key->type = is_rsa ? RK_KEY_RSA : (uint8_t)(RK_KEY_P256 + (scheme >> 8) - 4);
	key->rsa_exponent = is_rsa ? 65537 : 0;
	key->len = (uint16_t)(n->len - skip);
	memcpy(key->bytes, n->data + skip, key->len);
	free(n);
}

static void check_signature(const char *file, const json_t *group, const json_t *t, unsigned scheme)
{
	struct bytes *msg = hex(t, "msg"), *sig = hex(t, "sig");
	struct rk_public_key key;
	bool is_good;

	read_key(group, scheme, &key);
	is_good = sign_verify(sign, &key, (uint16_t)scheme, span(msg), span(sig));
	expect(file, t, is_good == is_result(t, "valid"));
	free(msg);
	free(sig);
}

/* PKCS#1 v1.5 is never on the wire: no scheme of ours takes it, however good. */
static void check_not_pss(const char *file, const json_t *group, const json_t *t, unsigned scheme)
{
	/* a few are PSS, not to be taken for PKCS#1: that one with our salt is good for us */
	bool is_pss = strcmp(json_string_value(json_object_get(t, "comment")),
			      "RSASSA-PSS signature") == 0;
	struct bytes *msg = hex(t, "msg"), *sig = hex(t, "sig");
	struct rk_public_key key;

	read_key(group, scheme, &key);
	expect(file, t, is_pss || !sign_verify(sign, &key, (uint16_t)scheme, span(msg), span(sig)));
	free(msg);
	free(sig);
}

static void check_ed25519(const char *file, const json_t *group, const json_t *t, unsigned scheme)
{
	struct bytes *pk = hex(json_object_get(group, "publicKey"), "pk");
	struct bytes *msg = hex(t, "msg"), *sig = hex(t, "sig");
	struct rk_public_key key = {.type = RK_KEY_ED25519, .len = 32};

	memcpy(key.bytes, pk->data, 32);
	expect(file, t,
		sign_verify(sign, &key, (uint16_t)scheme, span(msg), span(sig)) ==
			is_result(t, "valid"));
	free(pk);
	free(msg);
	free(sig);
}

/* Some tags are cut: HMAC's first bytes. */
static void check_hmac(const char *file, const json_t *group, const json_t *t, unsigned hash)
{
	struct bytes *key = hex(t, "key"), *msg = hex(t, "msg"), *tag = hex(t, "tag");
	const struct rk_span part = span(msg);
	struct hash_key k;
	uint8_t mac[MSG_HASH_MAX];

	(void)group;
	hash_set_key(&k, hash, span(key));
	hash_mac(&k, &part, 1, mac);
	expect(file, t,
		tag->len <= hash_len(hash) &&
			(memcmp(mac, tag->data, tag->len) == 0) == is_result(t, "valid"));
	free(key);
	free(msg);
	free(tag);
}

static void check_aead(const char *file, const json_t *group, const json_t *t, unsigned alg)
{
	struct bytes *key = hex(t, "key"), *iv = hex(t, "iv"), *aad = hex(t, "aad");
	struct bytes *msg = hex(t, "msg"), *ct = hex(t, "ct"), *tag = hex(t, "tag");
	uint8_t *out = calloc(1, msg->len + ct->len + MSG_TAG_LEN + 1);
	struct secret_aead k;
	bool is_open;

	if (json_integer_value(json_object_get(group, "ivSize")) != 96 ||
		json_integer_value(json_object_get(group, "keySize")) != 256 ||
		json_integer_value(json_object_get(group, "tagSize")) != 128)
		goto out; /* no such suite of ours */
	memcpy(k.key, key->data, sizeof(k.key));
	memcpy(k.iv, iv->data, sizeof(k.iv));
	memcpy(ct->data + ct->len, tag->data, MSG_TAG_LEN);
	ct->len += MSG_TAG_LEN;
	is_open = aead_open(aead, alg, &k, 0, span(aad), span(ct), out);
	if (is_result(t, "invalid")) {
		expect(file, t, !is_open);
		goto out;
	}
	expect(file, t, is_open && memcmp(out, msg->data, msg->len) == 0);
	expect(file, t,
		aead_seal(aead, alg, &k, 0, span(aad), span(msg), out) &&
			memcmp(out, ct->data, ct->len) == 0);
out:
	free(key);
	free(iv);
	free(aad);
	free(msg);
	free(ct);
	free(tag);
	free(out);
}

static const struct {
	const char *file;
	void (*check)(const char *file, const json_t *group, const json_t *t, unsigned which);
	unsigned which;
} files[] = {
	{"ecdh_secp256r1_ecpoint", check_kex, KEX_SECP256R1},
	{"ecdh_secp384r1_ecpoint", check_kex, KEX_SECP384R1},
	{"ecdh_secp521r1_ecpoint", check_kex, KEX_SECP521R1},
	{"x25519", check_kex, KEX_X25519},
	{"x448", check_kex, KEX_X448},
	{"hkdf_sha256", check_hkdf, SUITE_SHA256},
	{"hkdf_sha384", check_hkdf, SUITE_SHA384},
	{"ecdsa_secp256r1_sha256", check_signature, 0x0403},
	{"ecdsa_secp384r1_sha384", check_signature, 0x0503},
	{"ecdsa_secp521r1_sha512", check_signature, 0x0603},
	{"rsa_pss_2048_sha256_mgf1_32", check_signature, 0x0804},
	{"rsa_pss_3072_sha256_mgf1_32", check_signature, 0x0804},
	{"rsa_pss_4096_sha256_mgf1_32", check_signature, 0x0804},
	{"rsa_signature_2048_sha256", check_not_pss, 0x0804},
	{"rsa_signature_3072_sha256", check_not_pss, 0x0804},
	{"rsa_signature_4096_sha256", check_not_pss, 0x0804},
	{"rsa_signature_2048_sha384", check_not_pss, 0x0805},
	{"rsa_signature_3072_sha384", check_not_pss, 0x0805},
	{"rsa_signature_4096_sha384", check_not_pss, 0x0805},
	{"rsa_signature_2048_sha512", check_not_pss, 0x0806},
	{"rsa_signature_3072_sha512", check_not_pss, 0x0806},
	{"rsa_signature_4096_sha512", check_not_pss, 0x0806},
	{"ed25519", check_ed25519, 0x0807},
	{"hmac_sha256", check_hmac, SUITE_SHA256},
	{"hmac_sha384", check_hmac, SUITE_SHA384},
	{"aes_gcm", check_aead, SUITE_AES_256_GCM},
	{"chacha20_poly1305", check_aead, SUITE_CHACHA20_POLY1305},
};

static const struct {
	const char *file, *reason;
} left_out[] = {
	{"ecdh_secp256r1", "keys in X.509: a share of ours is the point alone, as in *_ecpoint"},
	{"ecdh_secp384r1", "likewise"},
	{"ecdh_secp521r1", "likewise"},
	{"hkdf_sha512", "no suite of ours has SHA-512"},
	{"hmac_sha512", "likewise"},
	{"ed448", "no scheme of ours"},
	{"mlkem_768", "no group of ours"},
	{"json_web_key", "tokens: the control plane's"},
	{"json_web_signature", "likewise"},
};

static bool is_accounted_for(const char *file, size_t len)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strlen(files[i].file) == len && memcmp(files[i].file, file, len) == 0)
			return true;
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (strlen(left_out[i].file) == len && memcmp(left_out[i].file, file, len) == 0) {
			printf("not used: %s: %s\n", left_out[i].file, left_out[i].reason);
			return true;
		}
	return false;
}

/* A file that nobody thought of is a mismatch. */
static void account_for_all(const char *folder)
{
	char path[4096];
	const struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/wycheproof", folder);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		const char *end = strstr(entry->d_name, "_test.json");

		if (end == NULL || is_accounted_for(entry->d_name, (size_t)(end - entry->d_name)))
			continue;
		fprintf(stderr, "%s: not looked at, and no reason given\n", entry->d_name);
		wrong_cnt++;
	}
	if (dir != NULL)
		closedir(dir);
}

static void check_file(const char *folder, size_t i)
{
	char path[4096];
	json_error_t error;
	json_t *doc, *group, *t;
	size_t g, n;

	snprintf(path, sizeof(path), "%s/wycheproof/%s_test.json", folder, files[i].file);
	doc = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (doc == NULL) {
		fprintf(stderr, "%s: %s\n", path, error.text);
		exit(1);
	}
	json_array_foreach(json_object_get(doc, "testGroups"), g, group)
		json_array_foreach(json_object_get(group, "tests"), n, t) files[i]
			.check(files[i].file, group, t, files[i].which);
	json_decref(doc);
}

int main(void)
{
	const char *folder = getenv("REKEY_VECTORS");
	const struct kex_backend *backends[KEX_BACKENDS_MAX];

	if (folder == NULL || access(folder, R_OK) < 0) {
		printf("skipped: no vectors at %s\n", folder == NULL ? "$REKEY_VECTORS" : folder);
		return 77;
	}
	kex_cnt = kex_backends(backends);
	for (size_t i = 0; i < kex_cnt; i++)
		kex[i] = kex_backends_open(backends[i]);
	if (sign_ctx_new(&sign) < 0 || aead_new(&aead) < 0)
		return 1;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		check_file(folder, i);
	account_for_all(folder);
	for (size_t i = 0; i < kex_cnt; i++)
		kex_ctx_free(kex[i]);
	sign_ctx_free(sign);
	aead_free(aead);
	printf("%u vectors, %u mismatches\n", checked_cnt, wrong_cnt);
	return wrong_cnt > 0;
}
