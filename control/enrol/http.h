/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One request to a CA and its answer, over libcurl, blocking: for helper threads. No redirects (a
 * CA is where the operator said), no proxy, no content encoding; bounded in size and time, and cut
 * short when the daemon stops. TLS 1.2 or newer; whose certificate the server may have is said by
 * the store and nothing else. libcurl keeps a copy of the password while the request runs.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "pki/view/bytes.h"

#define HTTP_TEXT_MAX 256

struct http_request {
	const char *url;
	const char *content_type; /* NULL: GET; else POST of body */
	const uint8_t *body;
	size_t body_len;
	const char *username; /* basic authentication, over https alone; NULL */
	const uint8_t *password;
	size_t password_len;
	X509_STORE *tls_store;
	X509 *tls_cert; /* our own, and its key; NULL */
	EVP_PKEY *tls_key;
	size_t size_max;
	const atomic_bool *is_stopping;
};

struct http_answer {
	long status;
	char content_type[128];
	unsigned retry_after_sec; /* 0 = not said */
	uint8_t *body;            /* one NUL byte follows it; freed by http_answer_fini */
	size_t len;
	char text[HTTP_TEXT_MAX]; /* what went wrong */
};

/* 0 when there was an answer, whatever its status; -errno with text. */
int http_exchange(const struct http_request *request, struct http_answer *answer) RK_MUST_CHECK;
void http_answer_fini(struct http_answer *answer);
