/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#include "control/address.h"
#include "pki/view/secret.h"

#define CONNECT_SEC  10L
#define STALL_SEC    20
#define BUFFER_BYTES 16384L /* libcurl takes up to a hundred before an event loop gets its turn */

struct http_transfer {
	struct http_request request; /* its strings are libcurl's copies by now */
	struct http_sink sink;
	CURL *curl;
	struct curl_slist *headers;
	bool is_refused_address; /* the socket was not opened because of its address */
	bool is_too_large;
	bool is_encoded; /* libcurl would undo it, unasked and without a limit of its own */
	int sink_error;
	char message[CURL_ERROR_SIZE];
	struct http_answer answer;
};

/* ---- while it runs ------------------------------------------------------------------------------ */

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_transfer *t = arg;

	if (purpose != CURLSOCKTYPE_IPCXN)
		return CURL_SOCKET_BAD;
	if (!t->request.is_local_allowed && address_is_local(address->family, &address->addr)) {
		t->is_refused_address = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_body(char *data, size_t size, size_t cnt, void *arg)
{
	struct http_transfer *t = arg;
	size_t len = size * cnt;
	int ret;

	if (len > t->request.size_max - t->answer.len) {
		t->is_too_large = true;
		return 0;
	}
	if (t->sink_error < 0)
		return 0;
	ret = t->sink.take(t->sink.arg, data, len);
	if (ret == -EAGAIN)
		return CURL_WRITEFUNC_PAUSE;
	t->sink_error = ret;
	if (ret < 0)
		return 0;
	t->answer.len += len;
	return len;
}

/* The value of "name: value\r\n", not ended by a NUL; NULL when the line is another header. */
static const char *find_value(const char *line, size_t len, const char *name, size_t *value_len)
{
	size_t name_len = strlen(name);

	if (len <= name_len || strncasecmp(line, name, name_len) != 0)
		return NULL;
	line += name_len;
	len -= name_len;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len > 0 && (unsigned char)line[len - 1] <= ' ')
		len--;
	*value_len = len;
	return line;
}

/* When the line is that header and the value fits. */
static void keep_header(const char *line, size_t len, const char *name, char *out, size_t size)
{
	size_t value_len;
	const char *value = find_value(line, len, name, &value_len);

	if (value == NULL || value_len >= size)
		return;
	memcpy(out, value, value_len);
	out[value_len] = '\0';
}

/* One buffer of what is undone may be a thousand, which are ours at once, pause or no pause. */
static bool is_encoding(const char *line, size_t len)
{
	size_t value_len;
	const char *value = find_value(line, len, "transfer-encoding:", &value_len);

	return value != NULL && (value_len != 7 || strncasecmp(value, "chunked", 7) != 0) &&
	       (value_len != 8 || strncasecmp(value, "identity", 8) != 0);
}

static size_t take_header(char *data, size_t size, size_t cnt, void *arg)
{
	struct http_transfer *t = arg;
	struct http_answer *a = &t->answer;
	size_t len = size * cnt;

	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0) {
		/* A redirect's headers and body are not those of the answer. */
		a->etag[0] = a->last_modified[0] = '\0';
		a->len = 0;
		t->sink_error = t->sink.restart(t->sink.arg);
		if (t->sink_error < 0)
			return 0;
	}
	t->is_encoded = t->is_encoded || is_encoding(data, len);
	if (t->is_encoded)
		return 0;
	keep_header(data, len, "etag:", a->etag, sizeof(a->etag));
	keep_header(data, len, "last-modified:", a->last_modified, sizeof(a->last_modified));
	return len;
}

static int watch_stop(
	void *arg, curl_off_t d_all, curl_off_t d_now, curl_off_t u_all, curl_off_t u_now)
{
	const struct http_transfer *t = arg;

	(void)d_all, (void)d_now, (void)u_all, (void)u_now;
	return atomic_load_explicit(t->request.is_stopping, memory_order_relaxed) ? 1 : 0;
}

/* The key goes into libcurl's context as it is: it is never a file. */
static CURLcode set_up_tls(CURL *curl, void *tls, void *arg)
{
	const struct http_request *r = &((struct http_transfer *)arg)->request;
	SSL_CTX *ctx = tls;

	(void)curl;
	if (r->tls_store != NULL)
		SSL_CTX_set1_cert_store(ctx, r->tls_store);
	if (r->tls_cert != NULL && (SSL_CTX_use_certificate(ctx, r->tls_cert) != 1 ||
					   SSL_CTX_use_PrivateKey(ctx, r->tls_key) != 1))
		return CURLE_SSL_CERTPROBLEM;
	return CURLE_OK;
}

/* ---- before ------------------------------------------------------------------------------------- */

static bool add_header(struct http_transfer *t, const char *name, const char *value)
{
	char line[384];
	struct curl_slist *grown;

	if (value == NULL ||
		(size_t)snprintf(line, sizeof(line), "%s: %s", name, value) >= sizeof(line))
		return true;
	grown = curl_slist_append(t->headers, line);
	if (grown == NULL)
		return false;
	t->headers = grown;
	return true;
}

static const char *unless_empty(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

static bool set_request(struct http_transfer *t)
{
	const struct http_request *r = &t->request;

	/* One request a connection: a server that hears so does not wait for another. */
	if (curl_easy_setopt(t->curl, CURLOPT_URL, r->url) != CURLE_OK ||
		!add_header(t, "Connection", "close") ||
		!add_header(t, "If-None-Match", unless_empty(r->etag)) ||
		!add_header(t, "If-Modified-Since", unless_empty(r->last_modified)))
		return false;
	if (r->content_type != NULL) {
		curl_easy_setopt(t->curl, CURLOPT_POST, 1L);
		curl_easy_setopt(t->curl, CURLOPT_POSTFIELDS, r->body);
		curl_easy_setopt(t->curl, CURLOPT_POSTFIELDSIZE, (long)r->body_len);
		if (!add_header(t, "Content-Type", r->content_type))
			return false;
		/* No "Expect: 100-continue": some CAs never answer it. */
		t->headers = curl_slist_append(t->headers, "Expect:");
	}
	return curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
}

/* libcurl keeps a copy of the password while the request runs. */
static bool set_password(struct http_transfer *t)
{
	const struct http_request *r = &t->request;
	size_t size = r->password_len + 1;
	CURLcode code;
	char *password;

	if (r->username == NULL || r->password == NULL || strncasecmp(r->url, "https://", 8) != 0)
		return true;
	password = rk_secret_new(size);
	if (password == NULL)
		return false;
	memcpy(password, r->password, r->password_len);
	curl_easy_setopt(t->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	curl_easy_setopt(t->curl, CURLOPT_USERNAME, r->username);
	code = curl_easy_setopt(t->curl, CURLOPT_PASSWORD, password);
	rk_secret_free(password, size);
	return code == CURLE_OK;
}

static void set_limits(CURL *c, const struct http_request *r)
{
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, r->redirect_max > 0 ? 1L : 0L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)r->redirect_max);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_SEC);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)r->stall_bytes);
	curl_easy_setopt(
		c, CURLOPT_LOW_SPEED_TIME, (long)(r->stall_sec > 0 ? r->stall_sec : STALL_SEC));
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)r->total_sec);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	/* One request a connection gains nothing from HTTP/2, which goes on receiving while a sink has no room. */
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	/* A length that says so ends it at once; what has none is counted as it arrives. */
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)r->size_max);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	/* A thread that waits for a silent name server is left to it, and not waited for. */
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(c, CURLOPT_PROXY, ""); /* the address checked is the address used */
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	/* A kept connection would skip the check of the next request's address. */
	curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
}

static void set_tls(struct http_transfer *t)
{
	CURL *c = t->curl;

	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	if (t->request.tls_store != NULL) { /* what the system trusts does not count then */
		curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, set_up_tls);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, t);
}

static void set_callbacks(struct http_transfer *t)
{
	CURL *c = t->curl;

	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->message);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	if (t->request.is_stopping == NULL)
		return;
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, watch_stop);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
}

int http_transfer_new(const struct http_request *request, const struct http_sink *sink,
	struct http_transfer **out)
{
	struct http_transfer *t;

	if (strncasecmp(request->url, "http://", 7) != 0 &&
		strncasecmp(request->url, "https://", 8) != 0)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->request = *request;
	t->sink = *sink;
	t->curl = curl_easy_init();
	if (t->curl == NULL || !set_request(t) || !set_password(t)) {
		http_transfer_free(t);
		return -ENOMEM;
	}
	set_limits(t->curl, request);
	set_tls(t);
	set_callbacks(t);
	*out = t;
	return 0;
}

void http_transfer_free(struct http_transfer *t)
{
	if (t == NULL)
		return;
	curl_easy_cleanup(t->curl);
	curl_slist_free_all(t->headers);
	free(t);
}

void *http_transfer_handle(struct http_transfer *t)
{
	return t->curl;
}

/* ---- after -------------------------------------------------------------------------------------- */

static int error_of(CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
		return -EHOSTUNREACH;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_TOO_MANY_REDIRECTS:
		return -ELOOP;
	case CURLE_PEER_FAILED_VERIFICATION:
		return -EACCES;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_ABORTED_BY_CALLBACK:
		return -ECANCELED;
	default:
		return -EIO;
	}
}

void http_describe_sink_error(int error, char *text, size_t size)
{
	snprintf(text, size, "the body cannot be kept: %s", strerror(-error));
}

static void note_failure(struct http_transfer *t, CURLcode code)
{
	struct http_answer *a = &t->answer;

	if (t->is_too_large || code == CURLE_FILESIZE_EXCEEDED) {
		a->error = -EFBIG;
		snprintf(a->text, sizeof(a->text), "larger than %zu bytes", t->request.size_max);
	} else if (t->is_encoded || code == CURLE_BAD_CONTENT_ENCODING) { /* libcurl 8 looks, too */
		a->error = -EPROTO;
		snprintf(a->text, sizeof(a->text),
			"the body has an encoding that was not asked for");
	} else if (t->sink_error < 0) {
		a->error = t->sink_error;
		http_describe_sink_error(a->error, a->text, sizeof(a->text));
	} else if (t->is_refused_address) {
		a->error = -EPERM;
		snprintf(a->text, sizeof(a->text),
			"leads to a loopback, link-local or multicast address");
	} else if (code != CURLE_OK) {
		a->error = error_of(code);
		snprintf(a->text, sizeof(a->text), "%s",
			t->message[0] != '\0' ? t->message : curl_easy_strerror(code));
	}
}

const struct http_answer *http_transfer_end(struct http_transfer *t, int code)
{
	struct http_answer *a = &t->answer;
	const char *type = NULL;
	curl_off_t wait = 0;

	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &a->status);
	curl_easy_getinfo(t->curl, CURLINFO_CONTENT_TYPE, &type);
	curl_easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &wait);
	snprintf(a->content_type, sizeof(a->content_type), "%s", type != NULL ? type : "");
	a->retry_after_sec = wait < 0 ? 0 : wait > UINT32_MAX ? UINT32_MAX : (unsigned)wait;
	note_failure(t, (CURLcode)code);
	return a;
}

/* ---- blocking ----------------------------------------------------------------------------------- */

struct memory {
	uint8_t *data;
	size_t len;
};

static int keep_in_memory(void *arg, const void *data, size_t len)
{
	struct memory *m = arg;
	uint8_t *grown = realloc(m->data, m->len + len + 1);

	if (grown == NULL)
		return -ENOMEM;
	memcpy(grown + m->len, data, len);
	m->data = grown;
	m->len += len;
	m->data[m->len] = '\0';
	return 0;
}

static int forget_memory(void *arg)
{
	struct memory *m = arg;

	m->len = 0;
	if (m->data != NULL)
		m->data[0] = '\0';
	return 0;
}

int http_exchange(const struct http_request *request, struct http_answer *answer, uint8_t **body)
{
	struct memory m = {0};
	const struct http_sink sink = {keep_in_memory, forget_memory, &m};
	struct http_transfer *t = NULL;
	int ret = http_transfer_new(request, &sink, &t);

	memset(answer, 0, sizeof(*answer));
	*body = NULL;
	if (ret < 0) {
		answer->error = ret;
		snprintf(answer->text, sizeof(answer->text), "%s",
			ret == -EINVAL ? "the URL is neither http nor https" : "no memory");
		return ret;
	}
	*answer = *http_transfer_end(t, curl_easy_perform(t->curl));
	http_transfer_free(t);
	if (answer->error == 0)
		*body = m.data;
	else
		free(m.data);
	return answer->error;
}
