/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One request over http or https and its answer, on libcurl: what revocation lists are fetched with
 * and CAs are spoken to. Bounded in size (counted as bytes arrive: libcurl's own limit misses
 * chunked bodies), in time (connect, stall, total) and in redirects, which go to http and https
 * alone; no proxy, no encoding of content or transfer, so that there is no bomb to unpack; a
 * connection of its own for each request, so that the address that was checked is the address that
 * is used. TLS 1.2 or newer, and the server's certificate is always verified. Nobody waits for a
 * name server longer than for a connection.
 *
 * A transfer is run by its owner: inside an event loop by libcurl's multi interface
 * (control/crl/fetch.c), or by http_exchange, which blocks, in a helper thread. One thread at a time.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
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
	const char *etag; /* conditional GET; NULL or "" = none */
	const char *last_modified;
	const char *username; /* basic authentication, over https alone; NULL */
	const uint8_t *password;
	size_t password_len;
	X509_STORE
	*tls_store;     /* who may have signed the server's certificate; NULL: the system's */
	X509 *tls_cert; /* our own, and its key; NULL */
	EVP_PKEY *tls_key;
	/* Whether loopback, link-local, multicast and unspecified addresses may be connected to. */
	bool is_local_allowed;
	unsigned redirect_max;
	size_t size_max;
	unsigned total_sec;
	unsigned stall_sec; /* under stall_bytes a second for so long ends it; 0 = 20 */
	unsigned stall_bytes;
	const atomic_bool *is_stopping; /* true cuts it short; NULL */
};

struct http_answer {
	int error; /* 0 whatever the status; -EFBIG, -EPERM (address), -ETIMEDOUT, -ECANCELED, -EPROTO
		    (encoded), ... */
	char text[HTTP_TEXT_MAX]; /* what went wrong */
	long status;              /* 0 when there was none */
	size_t len;
	char content_type[128];
	char etag[256]; /* "" = none */
	char last_modified[64];
	unsigned retry_after_sec; /* 0 = not said */
};

/* Where the body goes. */
struct http_sink {
	/*
	 * 0, or -errno, which ends the transfer; -EAGAIN: nothing was taken, and it is paused until its owner
	 * calls curl_easy_pause, which gives the same again. No more than 16 KiB at once.
	 */
	int (*take)(void *arg, const void *data, size_t len);
	/* A redirect: what came so far does not count. 0 or -errno. */
	int (*restart)(void *arg);
	void *arg;
};

struct http_transfer;

/* All but strings stays the caller's and must outlive the transfer. 0; -EINVAL (URL); -ENOMEM. */
int http_transfer_new(const struct http_request *request, const struct http_sink *sink,
	struct http_transfer **out) RK_MUST_CHECK;
void http_transfer_free(struct http_transfer *t); /* NULL is fine */
/* The CURL handle; its CURLOPT_PRIVATE is the caller's. */
void *http_transfer_handle(struct http_transfer *t);
/* After it ran: code is libcurl's. Borrowed until the transfer is freed. */
const struct http_answer *http_transfer_end(struct http_transfer *t, int code);

/* What an answer says of a sink that ended it. */
void http_describe_sink_error(int error, char *text, size_t size);

/*
 * Runs one, blocking, with the body in memory (one NUL byte behind it, freed with free; may be NULL).
 * answer->error, which is returned.
 */
int http_exchange(const struct http_request *request, struct http_answer *answer,
	uint8_t **body) RK_MUST_CHECK;
