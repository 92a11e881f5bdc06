/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/token.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jose/b64.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define NOW 1800000000

static EVP_PKEY *key, *other_key;
static struct token_signer *signer;

static int make_keys(void **state)
{
	(void)state;
	key = EVP_RSA_gen(2048);
	other_key = EVP_RSA_gen(2048);
	return token_signer_new(key, "us", "api", &signer);
}

static int drop_keys(void **state)
{
	(void)state;
	token_signer_free(signer);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	return 0;
}

static char *issue(const struct token_signer *s, int64_t now)
{
	struct token_claims claims = {.name = "admin", .now = now, .lifetime = 60, .epoch = 7};
	char *token = NULL;

	claims.roles = json_pack("[s]", "admin");
	claims.scopes = json_pack("[s,s]", "configure", "show-commands");
	claims.capabilities = json_pack("[s]", "provisioning");
	assert_int_equal(token_issue(s, &claims, &token), 0);
	json_decref(claims.roles);
	json_decref(claims.scopes);
	json_decref(claims.capabilities);
	return token;
}

static void is_refused(const char *token, size_t len, int64_t now, const char *wanted)
{
	struct token_subject subject = {0};
	const char *why = NULL;
	char *copy = malloc(len + 1);

	assert_non_null(copy);
	memcpy(copy, token, len);
	assert_int_equal(token_verify(signer, copy, len, now, &subject, &why), -EACCES);
	assert_non_null(why);
	if (wanted != NULL)
		assert_string_equal(why, wanted);
	free(copy);
}

/* HEADER.PAYLOAD of two JSON texts. */
static void build_head(const char *header, const char *payload, char *out, size_t size)
{
	size_t len = jose_b64_enc_buf(header, strlen(header), out, size);

	out[len++] = '.';
	len += jose_b64_enc_buf(payload, strlen(payload), out + len, size - len);
	out[len] = '\0';
}

static void add_rsa(char *token, size_t size, EVP_PKEY *by)
{
	unsigned char signature[512];
	size_t signature_len = sizeof(signature), len = strlen(token);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, by), 1);
	assert_int_equal(
		EVP_DigestSign(ctx, signature, &signature_len, (const unsigned char *)token, len),
		1);
	EVP_MD_CTX_free(ctx);
	token[len++] = '.';
	len += jose_b64_enc_buf(signature, signature_len, token + len, size - len);
	token[len] = '\0';
}

#define HEADER "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"
#define GOOD                                                                                  \
	"{\"name\":\"admin\",\"iss\":\"us\",\"aud\":\"api\",\"nbf\":1,\"iat\":1,\"epoch\":7," \
	"\"exp\":1800000060,\"jti\":\"AAAAAAAAAAAAAAAAAAAAAA\"}"

static void issues_what_it_verifies(void **state)
{
	struct token_subject subject = {0};
	const char *why = NULL;
	char *token = issue(signer, NOW);

	(void)state;
	assert_int_equal(token_verify(signer, token, strlen(token), NOW, &subject, &why), 0);
	assert_string_equal(subject.name, "admin");
	assert_int_equal(subject.epoch, 7);
	assert_int_equal(subject.expires, NOW + 60);
	/* The seed's document shows these very characters. */
	assert_memory_equal(token, "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJuYW1lIjoi", 49);
	free(token);
}

static void payload_has_every_claim(void **state)
{
	static const char *const claims[] = {"name", "roles", "scopes", "capabilities", "iss",
		"aud", "iat", "nbf", "exp", "jti"};
	char *token = issue(signer, NOW), *other = issue(signer, NOW);
	char *payload = strchr(token, '.') + 1;
	char text[2048] = {0};
	json_t *json;

	(void)state;
	jose_b64_dec_buf(payload, strcspn(payload, "."), text, sizeof(text));
	json = json_loads(text, 0, NULL);
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		assert_non_null(json_object_get(json, claims[i]));
	assert_int_equal(json_string_length(json_object_get(json, "jti")), TOKEN_ID_LEN);
	assert_string_not_equal(token, other);
	json_decref(json);
	free(token);
	free(other);
}

static void refuses_outside_its_times(void **state)
{
	char *token = issue(signer, NOW);

	(void)state;
	is_refused(token, strlen(token), NOW + 60, "the token has expired");
	is_refused(token, strlen(token), NOW - 1, "the token is not valid yet");
	is_refused(token, strlen(token), 946684800, "the token is not valid yet");
	free(token);
}

static void refuses_any_changed_byte(void **state)
{
	char *token = issue(signer, NOW);
	size_t len = strlen(token);

	(void)state;
	for (size_t i = 0; i < len; i += 3) {
		char kept = token[i];

		token[i] = kept == 'A' ? 'B' : 'A';
		is_refused(token, len, NOW, NULL);
		token[i] = kept;
	}
	for (size_t i = 0; i < len; i += 7)
		is_refused(token, i, NOW, NULL);
	free(token);
}

static void refuses_other_spellings(void **state)
{
	char *token = issue(signer, NOW);
	size_t len = strlen(token);
	char longer[TOKEN_SIZE_MAX + 64];

	(void)state;
	memcpy(longer, token, len);
	memcpy(longer + len, "=", 2);
	is_refused(longer, len + 1, NOW, NULL);
	memcpy(longer + len, ".", 2);
	is_refused(longer, len + 1, NOW, NULL);
	memcpy(longer + len, " ", 2);
	is_refused(longer, len + 1, NOW, NULL);
	memcpy(longer + len, "\0", 2);
	is_refused(longer, len + 1, NOW, NULL);
	/* 256 bytes end in a character with two unused bits: another spelling of one value. */
	memcpy(longer, token, len);
	longer[len - 1]++;
	is_refused(longer, len, NOW, NULL);
	memset(longer, 'A', sizeof(longer));
	memcpy(longer, token, len);
	is_refused(longer, sizeof(longer), NOW, NULL);
	is_refused("", 0, NOW, NULL);
	is_refused("..", 2, NOW, NULL);
	free(token);
}

static void refuses_other_keys(void **state)
{
	char token[4096];

	(void)state;
	build_head(HEADER, GOOD, token, sizeof(token));
	add_rsa(token, sizeof(token), other_key);
	is_refused(token, strlen(token), NOW, NULL);
}

/* The control: the same construction with our key is taken, so the refusals below mean something. */
static void takes_the_hand_made_good_one(void **state)
{
	struct token_subject subject;
	const char *why = NULL;
	char token[4096];

	(void)state;
	build_head(HEADER, GOOD, token, sizeof(token));
	add_rsa(token, sizeof(token), key);
	assert_int_equal(token_verify(signer, token, strlen(token), NOW, &subject, &why), 0);
}

static void refuses_every_other_header(void **state)
{
	static const char *const headers[] = {
		"{\"alg\":\"none\",\"typ\":\"JWT\"}",
		"{\"alg\":\"RS256\"}",
		"{\"typ\":\"JWT\",\"alg\":\"RS256\"}",
		"{\"alg\":\"RS256\",\"typ\":\"JWT\" }",
		"{\"alg\":\"RS512\",\"typ\":\"JWT\"}",
		"{\"alg\":\"PS256\",\"typ\":\"JWT\"}",
		"{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"../../etc/passwd\"}",
		"{\"alg\":\"RS256\",\"typ\":\"JWT\",\"x5u\":\"https://example.net/k\"}",
		"{\"alg\":\"RS256\",\"typ\":\"JWT\",\"jwk\":{\"kty\":\"RSA\",\"n\":\"AQAB\"}}",
		"{\"alg\":\"RS256\",\"typ\":\"JWT\",\"crit\":[\"b64\"],\"b64\":false}",
	};
	char token[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		build_head(headers[i], GOOD, token, sizeof(token));
		add_rsa(token, sizeof(token), key);
		is_refused(token, strlen(token), NOW, NULL);
	}
}

static void refuses_none_without_signature(void **state)
{
	char token[4096];

	(void)state;
	build_head("{\"alg\":\"none\",\"typ\":\"JWT\"}", GOOD, token, sizeof(token) - 1);
	strcat(token, ".");
	is_refused(token, strlen(token), NOW, NULL);
	build_head(HEADER, GOOD, token, sizeof(token) - 1);
	strcat(token, ".");
	is_refused(token, strlen(token), NOW, NULL);
}

/* The classic: our public key, which everybody may know, used as an HMAC secret. */
static void refuses_hmac_with_our_public_key(void **state)
{
	static const char *const headers[] = {"{\"alg\":\"HS256\",\"typ\":\"JWT\"}", HEADER};
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int mac_len = 0;
	BIO *bio = BIO_new(BIO_s_mem());
	char token[4096];
	char *pem = NULL;
	long pem_len;
	size_t len;

	(void)state;
	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	pem_len = BIO_get_mem_data(bio, &pem);
	for (size_t i = 0; i < 2; i++) {
		build_head(headers[i], GOOD, token, sizeof(token));
		len = strlen(token);
		HMAC(EVP_sha256(), pem, (int)pem_len, (unsigned char *)token, len, mac, &mac_len);
		token[len++] = '.';
		len += jose_b64_enc_buf(mac, mac_len, token + len, sizeof(token) - len);
		is_refused(token, len, NOW, NULL);
	}
	BIO_free(bio);
}

/* GOOD with that claim as value says in JSON, NULL: without it; signed with our key. */
static void refuse_claim(const char *claim, const char *value, const char *why)
{
	json_t *payload = json_loads(GOOD, JSON_DECODE_ANY, NULL);
	char token[4096], *text;

	assert_non_null(payload);
	if (value == NULL)
		assert_int_equal(json_object_del(payload, claim), 0);
	else
		assert_int_equal(json_object_set_new(
					 payload, claim, json_loads(value, JSON_DECODE_ANY, NULL)),
			0);
	text = json_dumps(payload, JSON_COMPACT);
	build_head(HEADER, text, token, sizeof(token));
	add_rsa(token, sizeof(token), key);
	is_refused(token, strlen(token), NOW, why);
	free(text);
	json_decref(payload);
}

static void refuses_odd_claims(void **state)
{
	static const char other_issuer[] = "the token was issued by somebody else";
	static const char other_audience[] = "the token is for somebody else";
	static const char lacks[] = "the token lacks a claim";
	static const struct {
		const char *claim, *value, *why;
	} rows[] = {
		{"iss", "\"them\"", other_issuer},
		{"iss", "7", other_issuer},
		{"iss", NULL, other_issuer},
		{"aud", "\"them\"", other_audience},
		{"aud", "[\"api\"]", other_audience},
		{"aud", NULL, other_audience},
		{"exp", NULL, lacks},
		{"exp", "\"1800000060\"", lacks},
		{"exp", "1800000060.5", lacks},
		{"exp", "1800000000", "the token has expired"},
		{"nbf", NULL, lacks},
		{"nbf", "1800000001", "the token is not valid yet"},
		{"epoch", NULL, lacks},
		{"epoch", "true", lacks},
		{"name", NULL, lacks},
		{"name", "7", lacks},
		{"jti", NULL, lacks},
		{"jti", "\"short\"", lacks},
		{"jti", "\"this-is-longer-than-22-characters\"", lacks},
	};
	static const char *const payloads[] = {
		"{\"exp\":1800000060," /* and once more */, "[]", "not JSON"};
	char token[4096], text[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refuse_claim(rows[i].claim, rows[i].value, rows[i].why);
	for (size_t len = sizeof(((struct token_subject *)0)->name);
		len <= sizeof(((struct token_subject *)0)->name) + 1; len++) {
		snprintf(text, sizeof(text), "\"%0*d\"", (int)len, 0);
		refuse_claim("name", text, lacks);
	}
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		snprintf(text, sizeof(text), "%s%s", payloads[i], i == 0 ? GOOD + 1 : "");
		build_head(HEADER, text, token, sizeof(token));
		add_rsa(token, sizeof(token), key);
		is_refused(token, strlen(token), NOW, NULL);
	}
}

static void takes_no_weak_or_other_key(void **state)
{
	EVP_PKEY *weak = EVP_RSA_gen(1024), *ec = EVP_EC_gen("P-256");
	struct token_signer *s = NULL;

	(void)state;
	assert_int_equal(token_signer_new(weak, "us", "api", &s), -EINVAL);
	assert_int_equal(token_signer_new(ec, "us", "api", &s), -EINVAL);
	assert_null(s);
	EVP_PKEY_free(weak);
	EVP_PKEY_free(ec);
}

/* The group's RSA key as ours; NULL when it is none, or too short for us. */
static struct token_signer *group_signer(const json_t *group)
{
	const json_t *jwk = json_object_get(group, "private");
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *number[3] = {NULL};
	struct token_signer *s = NULL;
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params;

	for (int i = 0; i < 3; i++) {
		static const char *const name[] = {"n", "e", "d"};
		unsigned char bytes[1024];
		size_t len = jose_b64_dec(json_object_get(jwk, name[i]), bytes, sizeof(bytes));

		if (len == SIZE_MAX)
			goto out;
		number[i] = BN_bin2bn(bytes, (int)len, NULL);
		OSSL_PARAM_BLD_push_BN(bld, name[i], number[i]);
	}
	params = OSSL_PARAM_BLD_to_param(bld);
	if (EVP_PKEY_fromdata_init(ctx) == 1 &&
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) == 1 &&
		token_signer_new(pkey, "us", "api", &s) < 0)
		s = NULL;
	OSSL_PARAM_free(params);
out:
	for (int i = 0; i < 3; i++)
		BN_free(number[i]);
	EVP_PKEY_free(pkey);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_BLD_free(bld);
	return s;
}

/*
 * JOSE vectors: signatures good and bad, by keys that are ours for once. None is a token, because
 * none has the one header that we write; each is refused, by its own key and by another.
 */
static void refuses_other_peoples_vectors(void **state)
{
	const char *folder = getenv("REKEY_VECTORS");
	const json_t *group, *test;
	struct token_subject subject;
	char path[512];
	const char *why;
	json_t *root;
	size_t i, k, cnt = 0, own_cnt = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/wycheproof/json_web_signature_test.json",
		folder != NULL ? folder : "");
	root = json_load_file(path, 0, NULL);
	if (root == NULL) {
		print_message("skipped: no %s\n", path);
		skip();
	}
	json_array_foreach(json_object_get(root, "testGroups"), i, group)
	{
		struct token_signer *own = group_signer(group);

		json_array_foreach(json_object_get(group, "tests"), k, test)
		{
			const char *jws = json_string_value(json_object_get(test, "jws"));

			if (jws == NULL)
				continue;
			cnt++;
			is_refused(jws, strlen(jws), NOW, "the token is not one of ours");
			if (own == NULL)
				continue;
			own_cnt++;
			assert_int_equal(
				token_verify(own, jws, strlen(jws), NOW, &subject, &why), -EACCES);
		}
		token_signer_free(own);
	}
	assert_true(cnt > 300 && own_cnt > 200);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(issues_what_it_verifies),
		cmocka_unit_test(payload_has_every_claim),
		cmocka_unit_test(refuses_outside_its_times),
		cmocka_unit_test(refuses_any_changed_byte),
		cmocka_unit_test(refuses_other_spellings),
		cmocka_unit_test(refuses_other_keys),
		cmocka_unit_test(takes_the_hand_made_good_one),
		cmocka_unit_test(refuses_every_other_header),
		cmocka_unit_test(refuses_none_without_signature),
		cmocka_unit_test(refuses_hmac_with_our_public_key),
		cmocka_unit_test(refuses_odd_claims),
		cmocka_unit_test(takes_no_weak_or_other_key),
		cmocka_unit_test(refuses_other_peoples_vectors),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
