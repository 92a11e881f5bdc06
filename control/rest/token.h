/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bearer tokens: JWTs (RFC 7519) signed with RS256 by a key of this installation. The header has
 * one form only, byte for byte: {"alg":"RS256","typ":"JWT"}. So no token can choose an algorithm,
 * bring a key or name one, whatever the library behind would make of that. A signer may be made by any
 * thread; the rest is for the loop thread only.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#define TOKEN_SIZE_MAX 4096
#define TOKEN_ID_LEN   22 /* 128 random bits, base64url */

struct token_signer;

/* What a token says. Strings are borrowed for issuing. */
struct token_claims {
	const char *name;
	json_t *roles; /* arrays of strings, borrowed */
	json_t *scopes;
	json_t *capabilities;
	int64_t now;      /* iat and nbf */
	int64_t lifetime; /* seconds until exp */
	uint64_t epoch;   /* of the user: tokens of an older one have ended */
};

/* Who a verified token speaks for. */
struct token_subject {
	char name[64];
	char id[TOKEN_ID_LEN + 1]; /* jti */
	uint64_t epoch;
	int64_t expires;
};

/*
 * Takes a counted reference of an RSA key of at least 2048 bits; issuer and audience are copied.
 * Verifying asks for exactly them. 0, -EINVAL for another key, -ENOMEM.
 */
int token_signer_new(EVP_PKEY *key, const char *issuer, const char *audience,
	struct token_signer **out) __attribute__((warn_unused_result));
void token_signer_free(struct token_signer *s);

/* *out is NUL-terminated and the caller's to free. 0 or -errno. */
int token_issue(const struct token_signer *s, const struct token_claims *claims, char **out)
	__attribute__((warn_unused_result));
/*
 * -EACCES with a static reason in why: form, signature, issuer, audience, or times. now in seconds
 * since 1970.
 */
int token_verify(const struct token_signer *s, const char *token, size_t len, int64_t now,
	struct token_subject *out, const char **why) __attribute__((warn_unused_result));
