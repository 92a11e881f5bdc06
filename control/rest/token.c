/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jose/b64.h>
#include <jose/jws.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

/* base64url of {"alg":"RS256","typ":"JWT"} */
static const char header[] = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9";

#define HEADER_LEN    (sizeof(header) - 1)
#define RSA_BITS_MIN  2048
#define SIGNATURE_MAX 1024

struct token_signer {
	EVP_PKEY *key;
	json_t *public_jwk; /* what libjose verifies with: public numbers only */
	char *issuer;
	char *audience;
};

/* A number of the key, big-endian, as base64url text. */
static json_t *export_number(EVP_PKEY *key, const char *name)
{
	uint8_t bytes[SIGNATURE_MAX];
	BIGNUM *n = NULL;
	json_t *text = NULL;

	if (EVP_PKEY_get_bn_param(key, name, &n) == 1 && BN_num_bytes(n) <= SIGNATURE_MAX)
		text = jose_b64_enc(bytes, (size_t)BN_bn2bin(n, bytes));
	BN_free(n);
	return text;
}

/* libjose gets n and e, and nothing it could mistake for another kind of key. */
static json_t *export_public(EVP_PKEY *key)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "kty", "RSA", "alg", "RS256", "n",
		export_number(key, OSSL_PKEY_PARAM_RSA_N), "e",
		export_number(key, OSSL_PKEY_PARAM_RSA_E));
}

int token_signer_new(
	EVP_PKEY *key, const char *issuer, const char *audience, struct token_signer **out)
{
	struct token_signer *s;

	if (!EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) < RSA_BITS_MIN ||
		EVP_PKEY_get_size(key) > SIGNATURE_MAX)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->public_jwk = export_public(key);
	s->issuer = strdup(issuer);
	s->audience = strdup(audience);
	if (s->public_jwk == NULL || s->issuer == NULL || s->audience == NULL) {
		token_signer_free(s);
		return -ENOMEM;
	}
	EVP_PKEY_up_ref(key);
	s->key = key;
	*out = s;
	return 0;
}

void token_signer_free(struct token_signer *s)
{
	if (s == NULL)
		return;
	EVP_PKEY_free(s->key);
	json_decref(s->public_jwk);
	free(s->issuer);
	free(s->audience);
	free(s);
}

/* Appends base64url; the buffer has room, or -ENOSPC. */
static int append_b64(char *out, size_t size, size_t *len, const void *data, size_t data_len)
{
	size_t need = jose_b64_enc_buf(NULL, data_len, NULL, 0);

	if (need == SIZE_MAX || need >= size - *len)
		return -ENOSPC;
	if (jose_b64_enc_buf(data, data_len, out + *len, size - *len) != need)
		return -EIO;
	*len += need;
	return 0;
}

static char *print_payload(const struct token_signer *s, const struct token_claims *c)
{
	char id[TOKEN_ID_LEN + 1] = {0};
	unsigned char random[16];
	json_t *payload;
	char *text;

	if (RAND_bytes(random, sizeof(random)) != 1 ||
		jose_b64_enc_buf(random, sizeof(random), id, TOKEN_ID_LEN) == SIZE_MAX)
		return NULL;
	payload = json_pack("{s:s, s:O, s:O, s:O, s:s, s:s, s:I, s:I, s:I, s:I, s:s}", "name",
		c->name, "roles", c->roles, "scopes", c->scopes, "capabilities", c->capabilities,
		"iss", s->issuer, "aud", s->audience, "iat", (json_int_t)c->now, "nbf",
		(json_int_t)c->now, "exp", (json_int_t)(c->now + c->lifetime), "epoch",
		(json_int_t)c->epoch, "jti", id);
	text = json_dumps(payload, JSON_COMPACT);
	json_decref(payload);
	return text;
}

static int sign(EVP_PKEY *key, const char *data, size_t len, uint8_t *out, size_t *out_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ret = -EIO;

	if (ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		EVP_DigestSign(ctx, out, out_len, (const unsigned char *)data, len) == 1)
		ret = 0;
	EVP_MD_CTX_free(ctx);
	return ret;
}

int token_issue(const struct token_signer *s, const struct token_claims *claims, char **out)
{
	uint8_t signature[SIGNATURE_MAX];
	size_t signature_len = sizeof(signature), len = HEADER_LEN;
	char *payload = print_payload(s, claims);
	char *token = calloc(1, TOKEN_SIZE_MAX + 1);
	int ret = -ENOMEM;

	if (payload == NULL || token == NULL)
		goto out;
	memcpy(token, header, HEADER_LEN);
	token[len++] = '.';
	ret = append_b64(token, TOKEN_SIZE_MAX, &len, payload, strlen(payload));
	if (ret < 0)
		goto out;
	ret = sign(s->key, token, len, signature, &signature_len);
	if (ret < 0)
		goto out;
	token[len++] = '.';
	ret = append_b64(token, TOKEN_SIZE_MAX, &len, signature, signature_len);
	if (ret < 0)
		goto out;
	*out = token;
	token = NULL;
out:
	free(payload);
	free(token);
	return ret;
}

/*
 * Strict base64url without padding: decodes, and encodes to the same characters again, so that one
 * token has one spelling. The decoded bytes are malloc'ed and NUL-terminated.
 */
static uint8_t *decode_part(const char *part, size_t len, size_t *out_len)
{
	size_t size = jose_b64_dec_buf(NULL, len, NULL, 0);
	uint8_t *out;
	char *again;
	bool is_same;

	if (len == 0 || size == SIZE_MAX)
		return NULL;
	out = calloc(1, size + 1);
	again = calloc(1, len + 1);
	is_same = out != NULL && again != NULL && jose_b64_dec_buf(part, len, out, size) == size &&
		  jose_b64_enc_buf(out, size, again, len) == len && memcmp(again, part, len) == 0;
	free(again);
	if (!is_same) {
		free(out);
		return NULL;
	}
	*out_len = size;
	return out;
}

struct token_parts {
	const char *payload;
	size_t payload_len;
	const char *signature;
	size_t signature_len;
};

static bool split(const char *token, size_t len, struct token_parts *p)
{
	const char *end = token + len;
	const char *dot;

	if (len <= HEADER_LEN + 1 || len > TOKEN_SIZE_MAX || memchr(token, '\0', len) != NULL)
		return false;
	if (memcmp(token, header, HEADER_LEN) != 0 || token[HEADER_LEN] != '.')
		return false;
	p->payload = token + HEADER_LEN + 1;
	dot = memchr(p->payload, '.', (size_t)(end - p->payload));
	if (dot == NULL)
		return false;
	p->payload_len = (size_t)(dot - p->payload);
	p->signature = dot + 1;
	p->signature_len = (size_t)(end - p->signature);
	return memchr(p->signature, '.', p->signature_len) == NULL;
}

static bool is_signed(const struct token_signer *s, const struct token_parts *p)
{
	size_t len = 0;
	uint8_t *raw = decode_part(p->signature, p->signature_len, &len);
	bool is_good = false;
	json_t *jws;

	free(raw);
	if (raw == NULL || len != (size_t)EVP_PKEY_get_size(s->key))
		return false;
	jws = json_pack("{s:s, s:s%, s:s%}", "protected", header, "payload", p->payload,
		p->payload_len, "signature", p->signature, p->signature_len);
	if (jws != NULL)
		is_good = jose_jws_ver(NULL, jws, NULL, s->public_jwk, false);
	json_decref(jws);
	return is_good;
}

static bool is_text(const json_t *payload, const char *claim, const char *wanted)
{
	const char *text = json_string_value(json_object_get(payload, claim));

	return text != NULL && strcmp(text, wanted) == 0;
}

static const char *check_claims(
	const struct token_signer *s, const json_t *payload, int64_t now, struct token_subject *out)
{
	const json_t *exp = json_object_get(payload, "exp");
	const json_t *nbf = json_object_get(payload, "nbf");
	const json_t *epoch = json_object_get(payload, "epoch");
	const char *name = json_string_value(json_object_get(payload, "name"));
	const char *id = json_string_value(json_object_get(payload, "jti"));

	if (!is_text(payload, "iss", s->issuer))
		return "the token was issued by somebody else";
	if (!is_text(payload, "aud", s->audience))
		return "the token is for somebody else";
	if (!json_is_integer(exp) || !json_is_integer(nbf) || !json_is_integer(epoch) ||
		name == NULL || strlen(name) >= sizeof(out->name) || id == NULL ||
		strlen(id) != TOKEN_ID_LEN)
		return "the token lacks a claim";
	if (json_integer_value(exp) <= now)
		return "the token has expired";
	if (json_integer_value(nbf) > now)
		return "the token is not valid yet";
	memset(out, 0, sizeof(*out));
	memcpy(out->name, name, strlen(name));
	memcpy(out->id, id, TOKEN_ID_LEN);
	out->epoch = (uint64_t)json_integer_value(epoch);
	out->expires = json_integer_value(exp);
	return NULL;
}

int token_verify(const struct token_signer *s, const char *token, size_t len, int64_t now,
	struct token_subject *out, const char **why)
{
	struct token_parts parts;
	uint8_t *text = NULL;
	json_t *payload = NULL;
	size_t text_len = 0;

	*why = "the token is not one of ours";
	if (!split(token, len, &parts) || !is_signed(s, &parts))
		return -EACCES;
	text = decode_part(parts.payload, parts.payload_len, &text_len);
	if (text != NULL)
		payload = json_loadb((const char *)text, text_len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	if (payload != NULL)
		*why = check_claims(s, payload, now, out);
	json_decref(payload);
	return *why == NULL ? 0 : -EACCES;
}
