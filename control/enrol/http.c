/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/enrol/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/ssl.h>

#include "pki/view/secret.h"

#define CONNECT_SEC     10L
#define TOTAL_SEC       60L
#define STALL_SEC       20L
#define STALL_BYTES_SEC 16L

struct exchange {
	const struct http_request *request;
	struct http_answer *answer;
	CURL *curl;
	struct curl_slist *headers;
	bool is_too_large;
	char message[CURL_ERROR_SIZE];
};

static size_t take_body(char *data, size_t size, size_t cnt, void *arg)
{
	struct exchange *x = arg;
	struct http_answer *a = x->answer;
	size_t len = size * cnt;
	uint8_t *grown;

	if (len > x->request->size_max - a->len) {
		x->is_too_large = true;
		return 0;
	}
	grown = realloc(a->body, a->len + len + 1);
	if (grown == NULL)
		return 0;
	memcpy(grown + a->len, data, len);
	a->body = grown;
	a->len += len;
	a->body[a->len] = '\0';
	return len;
}

static int watch_stop(
	void *arg, curl_off_t d_all, curl_off_t d_now, curl_off_t u_all, curl_off_t u_now)
{
	const struct exchange *x = arg;

	(void)d_all, (void)d_now, (void)u_all, (void)u_now;
	return atomic_load_explicit(x->request->is_stopping, memory_order_relaxed) ? 1 : 0;
}

/* The key goes into libcurl's context as it is: it is never a file. */
static CURLcode set_up_tls(CURL *curl, void *tls, void *arg)
{
	const struct http_request *r = ((struct exchange *)arg)->request;
	SSL_CTX *ctx = tls;

	(void)curl;
	SSL_CTX_set1_cert_store(ctx, r->tls_store);
	if (r->tls_cert != NULL && (SSL_CTX_use_certificate(ctx, r->tls_cert) != 1 ||
					   SSL_CTX_use_PrivateKey(ctx, r->tls_key) != 1))
		return CURLE_SSL_CERTPROBLEM;
	return CURLE_OK;
}

static bool add_header(struct exchange *x, const char *line)
{
	struct curl_slist *grown = curl_slist_append(x->headers, line);

	if (grown == NULL)
		return false;
	x->headers = grown;
	return true;
}

static bool set_request(struct exchange *x)
{
	const struct http_request *r = x->request;
	char type[160];

	/* One request a connection: a server that hears so does not wait for another. */
	if (curl_easy_setopt(x->curl, CURLOPT_URL, r->url) != CURLE_OK ||
		!add_header(x, "Connection: close"))
		return false;
	if (r->content_type == NULL)
		return true;
	snprintf(type, sizeof(type), "Content-Type: %s", r->content_type);
	curl_easy_setopt(x->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(x->curl, CURLOPT_POSTFIELDS, r->body);
	curl_easy_setopt(x->curl, CURLOPT_POSTFIELDSIZE, (long)r->body_len);
	/* No "Expect: 100-continue": some CAs never answer it. */
	return add_header(x, type) && add_header(x, "Expect:");
}

static bool set_password(struct exchange *x)
{
	const struct http_request *r = x->request;
	size_t size = r->password_len + 1;
	CURLcode code;
	char *password;

	if (r->username == NULL || r->password == NULL || strncasecmp(r->url, "https://", 8) != 0)
		return true;
	password = rk_secret_new(size);
	if (password == NULL)
		return false;
	memcpy(password, r->password, r->password_len);
	curl_easy_setopt(x->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	curl_easy_setopt(x->curl, CURLOPT_USERNAME, r->username);
	code = curl_easy_setopt(x->curl, CURLOPT_PASSWORD, password);
	rk_secret_free(password, size);
	return code == CURLE_OK;
}

static void set_limits(struct exchange *x)
{
	CURL *c = x->curl;

	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_SEC);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, TOTAL_SEC);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_SEC);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, STALL_SEC);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->message);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, watch_stop);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, x);
}

static void set_tls(struct exchange *x)
{
	CURL *c = x->curl;

	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	/* What the system trusts does not count here. */
	curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, set_up_tls);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, x);
}

static int perform(struct exchange *x)
{
	struct http_answer *a = x->answer;
	const char *type = NULL;
	curl_off_t wait = 0;
	CURLcode code;

	curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, x->headers);
	code = curl_easy_perform(x->curl);
	if (x->is_too_large) {
		snprintf(a->text, sizeof(a->text), "the answer is larger than %zu bytes",
			x->request->size_max);
		return -EFBIG;
	}
	if (code != CURLE_OK) {
		snprintf(a->text, sizeof(a->text), "%s",
			x->message[0] != '\0' ? x->message : curl_easy_strerror(code));
		return code == CURLE_ABORTED_BY_CALLBACK ? -ECANCELED : -EIO;
	}
	curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &a->status);
	curl_easy_getinfo(x->curl, CURLINFO_CONTENT_TYPE, &type);
	curl_easy_getinfo(x->curl, CURLINFO_RETRY_AFTER, &wait);
	snprintf(a->content_type, sizeof(a->content_type), "%s", type != NULL ? type : "");
	a->retry_after_sec = wait < 0 ? 0 : wait > UINT32_MAX ? UINT32_MAX : (unsigned)wait;
	return 0;
}

int http_exchange(const struct http_request *request, struct http_answer *answer)
{
	struct exchange x = {.request = request, .answer = answer, .curl = curl_easy_init()};
	int ret = -ENOMEM;

	memset(answer, 0, sizeof(*answer));
	if (x.curl != NULL && set_request(&x) && set_password(&x)) {
		set_limits(&x);
		set_tls(&x);
		ret = perform(&x);
	} else {
		snprintf(answer->text, sizeof(answer->text), "no memory");
	}
	curl_easy_cleanup(x.curl);
	curl_slist_free_all(x.headers);
	return ret;
}

void http_answer_fini(struct http_answer *answer)
{
	free(answer->body);
	memset(answer, 0, sizeof(*answer));
}
