/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANSWER_MAX  ((size_t)256 << 20)
#define URL_MAX     4096
#define CONNECT_SEC 10L
#define ASK_SEC     120L /* also without a byte of an answer of any length */
#define CHANGE_SEC  600L

struct client {
	const struct client_options *options;
	CURL *curl;
	char *token; /* wiped */
	client_waiting_cb waiting;
	void *waiting_arg;
	char detail[CURL_ERROR_SIZE]; /* libcurl's, of the request that is under way */
	struct timespec begun;        /* the request that is under way */
};

struct body_buffer {
	char *data;
	size_t len;
	size_t size;
	FILE *to; /* NULL, or where the body of a good answer goes instead */
	CURL *curl;
	int error; /* of that file */
};

struct client *client_new(const struct client_options *options)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->options = options;
	c->curl = curl_easy_init();
	if (c->curl == NULL) {
		free(c);
		return NULL;
	}
	return c;
}

void client_free(struct client *c)
{
	if (c == NULL)
		return;
	if (client_set_token(c, NULL) < 0)
		abort(); /* forgetting cannot fail */
	curl_easy_cleanup(c->curl);
	free(c);
}

int client_set_token(struct client *c, const char *token)
{
	char *copy = token != NULL ? strdup(token) : NULL;

	if (token != NULL && copy == NULL)
		return -ENOMEM;
	if (c->token != NULL)
		explicit_bzero(c->token, strlen(c->token));
	free(c->token);
	c->token = copy;
	return 0;
}

bool client_has_token(const struct client *c)
{
	return c->token != NULL;
}

void client_set_waiting(struct client *c, client_waiting_cb waiting, void *arg)
{
	c->waiting = waiting;
	c->waiting_arg = arg;
}

static bool is_good(CURL *curl)
{
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 && status < 300;
}

static size_t save(struct body_buffer *b, const char *data, size_t len)
{
	if (fwrite(data, 1, len, b->to) == len)
		return len;
	b->error = errno != 0 ? errno : EIO;
	return 0;
}

static size_t collect(char *data, size_t size, size_t cnt, void *arg)
{
	struct body_buffer *b = arg;
	size_t len = size * cnt;

	if (b->to != NULL && is_good(b->curl))
		return save(b, data, len);
	if (len > ANSWER_MAX - b->len)
		return 0;
	if (b->len + len >= b->size) {
		size_t wanted = 2 * b->size + len + 4096;
		char *grown = realloc(b->data, wanted);

		if (grown == NULL)
			return 0;
		b->data = grown;
		b->size = wanted;
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return len;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up, curl_off_t sent)
{
	struct client *c = arg;
	struct timespec t;

	(void)total;
	(void)up;
	(void)sent;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return c->waiting != NULL && c->waiting(c->waiting_arg,
					     (double)(t.tv_sec - c->begun.tv_sec) +
						     (double)(t.tv_nsec - c->begun.tv_nsec) / 1e9,
					     (unsigned long long)now);
}

static bool set_target(struct client *c, const char *path, char *url)
{
	const struct client_options *o = c->options;
	char socket_path[256];
	size_t len;
	int n;

	if (o->url != NULL) {
		len = strlen(o->url);
		while (len > 0 && o->url[len - 1] == '/')
			len--;
		n = snprintf(url, URL_MAX, "%.*s%s", (int)len, o->url, path);
		curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYPEER, o->is_insecure ? 0L : 1L);
		curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYHOST, o->is_insecure ? 0L : 2L);
		curl_easy_setopt(c->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
		if (o->ca_file != NULL)
			curl_easy_setopt(c->curl, CURLOPT_CAINFO, o->ca_file);
	} else {
		n = snprintf(socket_path, sizeof(socket_path), "%s/control.sock", o->run_dir);
		if (n < 0 || (size_t)n >= sizeof(socket_path))
			return false;
		curl_easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
		n = snprintf(url, URL_MAX, "http://localhost%s", path);
	}
	curl_easy_setopt(c->curl, CURLOPT_URL, url);
	curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, o->url != NULL ? "https" : "http");
	return n > 0 && n < URL_MAX;
}

static long patience(const char *method)
{
	return strcmp(method, "GET") == 0 ? ASK_SEC : CHANGE_SEC;
}

static void set_options(struct client *c, const char *method, struct body_buffer *buffer)
{
	c->detail[0] = '\0';
	curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->detail);
	curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SEC);
	if (buffer->to == NULL) {
		curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, patience(method));
	} else {
		curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, ASK_SEC);
	}
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, buffer);
	curl_easy_setopt(c->curl, CURLOPT_NOPROGRESS, c->waiting == NULL ? 1L : 0L);
	curl_easy_setopt(c->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c->curl, CURLOPT_XFERINFODATA, c);
}

/* The line with the token is the list's copy, which the caller wipes. */
static struct curl_slist *build_headers(const struct client *c)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	struct curl_slist *grown = headers;
	char *line = NULL;

	if (grown != NULL)
		grown = curl_slist_append(headers, "Expect:");
	if (grown != NULL && c->options->url != NULL && c->token != NULL) {
		if (asprintf(&line, "Authorization: Bearer %s", c->token) < 0)
			line = NULL;
		grown = line != NULL ? curl_slist_append(headers, line) : NULL;
	}
	if (line != NULL)
		explicit_bzero(line, strlen(line));
	free(line);
	if (grown == NULL) {
		curl_slist_free_all(headers);
		return NULL;
	}
	return headers;
}

static void free_headers(struct curl_slist *headers)
{
	for (struct curl_slist *h = headers; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(headers);
}

/* The daemon's own words, from {"error": {"code", "message", "detail"}}. */
static void describe_refusal(struct client_answer *answer)
{
	json_t *error = json_object_get(answer->body, "error");
	const char *message = json_string_value(json_object_get(error, "message"));
	const char *code = json_string_value(json_object_get(error, "code"));

	if (code != NULL)
		snprintf(answer->code, sizeof(answer->code), "%s", code);
	if (message != NULL)
		snprintf(answer->error, sizeof(answer->error), "%s", message);
	else
		snprintf(answer->error, sizeof(answer->error), "HTTP status %ld", answer->status);
}

/* Why nobody, or not the right one, answered; what helps is in it. */
static void describe_failure(
	const struct client *c, CURLcode code, const char *method, struct client_answer *answer)
{
	const char *detail = c->detail[0] != '\0' ? c->detail : curl_easy_strerror(code);
	const char *advice = "";
	long size = 0;

	curl_easy_getinfo(c->curl, CURLINFO_REQUEST_SIZE, &size);
	answer->is_sent = size > 0;
	/* "target host name", "target hostname", "target ipv4 address": whichever libcurl it is. */
	if (code == CURLE_PEER_FAILED_VERIFICATION && strstr(detail, " target ") != NULL)
		advice = " (ask by a name that stands in it, if it is the right router)";
	else if (code == CURLE_PEER_FAILED_VERIFICATION)
		advice = " (--cacert names who may have signed it)";
	if (code == CURLE_OPERATION_TIMEDOUT && answer->is_sent)
		snprintf(answer->error, sizeof(answer->error), "no answer within %ld seconds",
			patience(method));
	else
		snprintf(answer->error, sizeof(answer->error), "%s%s", detail, advice);
}

static enum client_result judge(struct client *c, CURLcode code, const char *method,
	const struct body_buffer *b, struct client_answer *answer)
{
	if (code == CURLE_ABORTED_BY_CALLBACK) {
		snprintf(answer->error, sizeof(answer->error), "stopped");
		return CLIENT_STOPPED;
	}
	if (b->error != 0) {
		snprintf(answer->error, sizeof(answer->error), "cannot write: %s",
			strerror(b->error));
		return CLIENT_STOPPED;
	}
	if (code != CURLE_OK) {
		describe_failure(c, code, method, answer);
		return CLIENT_UNREACHABLE;
	}
	answer->is_sent = true;
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &answer->status);
	if (b->len > 0)
		answer->body = json_loadb(b->data, b->len, JSON_REJECT_DUPLICATES, NULL);
	if (answer->status >= 200 && answer->status < 300 && (answer->body != NULL || b->len == 0))
		return CLIENT_OK;
	if (answer->status >= 200 && answer->status < 300) {
		snprintf(answer->error, sizeof(answer->error), "the answer is not JSON");
		return CLIENT_UNREACHABLE;
	}
	describe_refusal(answer);
	return CLIENT_REFUSED;
}

static enum client_result perform(struct client *c, const char *method, const char *path,
	const json_t *body, FILE *to, struct client_answer *answer)
{
	enum client_result result = CLIENT_UNREACHABLE;
	struct curl_slist *headers = build_headers(c);
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	struct body_buffer buffer = {.to = to, .curl = c->curl};
	char url[URL_MAX];

	*answer = (struct client_answer){0};
	curl_easy_reset(c->curl); /* keeps the connection */
	if (headers == NULL || (body != NULL && text == NULL)) {
		snprintf(answer->error, sizeof(answer->error), "out of memory");
		goto out;
	}
	if (!set_target(c, path, url)) {
		snprintf(answer->error, sizeof(answer->error), "the address is too long");
		goto out;
	}
	set_options(c, method, &buffer);
	if (text != NULL) {
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(text));
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, text);
	}
	curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
	clock_gettime(CLOCK_MONOTONIC, &c->begun);
	result = judge(c, curl_easy_perform(c->curl), method, &buffer, answer);
out:
	if (text != NULL)
		explicit_bzero(text, strlen(text)); /* may hold a password */
	free(text);
	if (buffer.data != NULL)
		explicit_bzero(buffer.data, buffer.len); /* may hold a token */
	free(buffer.data);
	free_headers(headers);
	return result;
}

enum client_result client_call(struct client *c, const char *method, const char *path,
	const json_t *body, struct client_answer *answer)
{
	return perform(c, method, path, body, NULL, answer);
}

enum client_result client_save(
	struct client *c, const char *path, FILE *to, struct client_answer *answer)
{
	return perform(c, "GET", path, NULL, to, answer);
}

void client_answer_fini(struct client_answer *answer)
{
	json_decref(answer->body);
	*answer = (struct client_answer){0};
}

int client_path(char *out, size_t size, const char *format, const char *name)
{
	const char *mark = name != NULL ? strstr(format, "%s") : NULL;
	char *escaped = mark != NULL ? curl_easy_escape(NULL, name, 0) : NULL;
	int len;

	if (mark == NULL)
		len = snprintf(out, size, "%s", format);
	else if (escaped == NULL)
		return -ENOMEM;
	else
		len = snprintf(
			out, size, "%.*s%s%s", (int)(mark - format), format, escaped, mark + 2);
	curl_free(escaped);
	return len > 0 && (size_t)len < size ? 0 : -ENAMETOOLONG;
}
