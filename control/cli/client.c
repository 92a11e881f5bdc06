/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX  (64u << 20)
#define TOKEN_MAX   8192
#define TIMEOUT_SEC 120L

struct body_buffer {
	char *data;
	size_t len;
};

static size_t collect(char *data, size_t size, size_t cnt, void *arg)
{
	struct body_buffer *b = arg;
	size_t len = size * cnt;
	char *grown;

	if (len > ANSWER_MAX - b->len)
		return 0;
	grown = realloc(b->data, b->len + len + 1);
	if (grown == NULL)
		return 0;
	b->data = grown;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return len;
}

/* "Authorization: Bearer TOKEN", trailing newline of the file trimmed. */
static bool add_token(struct curl_slist **headers, const char *path, struct client_answer *answer)
{
	char line[TOKEN_MAX + 32] = "Authorization: Bearer ";
	size_t head = strlen(line), len;
	struct curl_slist *grown;
	FILE *f = fopen(path, "re");

	if (f == NULL) {
		snprintf(answer->error, sizeof(answer->error), "cannot read the token in %s: %m",
			path);
		return false;
	}
	len = fread(line + head, 1, TOKEN_MAX, f);
	fclose(f);
	line[head + len] = '\0';
	line[head + strcspn(line + head, " \r\n\t")] = '\0';
	grown = curl_slist_append(*headers, line);
	explicit_bzero(line, sizeof(line));
	if (grown == NULL)
		return false;
	*headers = grown;
	return true;
}

static void set_target(
	CURL *curl, const struct client_options *o, const char *path, char *url, size_t size)
{
	char socket_path[256];

	if (o->url != NULL) {
		size_t len = strlen(o->url);

		while (len > 0 && o->url[len - 1] == '/')
			len--;
		snprintf(url, size, "%.*s%s", (int)len, o->url, path);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, o->is_insecure ? 0L : 1L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, o->is_insecure ? 0L : 2L);
		if (o->ca_file != NULL)
			curl_easy_setopt(curl, CURLOPT_CAINFO, o->ca_file);
	} else {
		snprintf(socket_path, sizeof(socket_path), "%s/control.sock", o->run_dir);
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
		snprintf(url, size, "http://localhost%s", path);
	}
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, o->url != NULL ? "https" : "http");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_SEC);
}

/* The daemon's own words, from {"error": {"message", "detail"}}. */
static void describe_refusal(struct client_answer *answer)
{
	json_t *error = json_object_get(answer->body, "error");
	const char *message = json_string_value(json_object_get(error, "message"));

	if (message != NULL)
		snprintf(answer->error, sizeof(answer->error), "%s", message);
	else
		snprintf(answer->error, sizeof(answer->error), "HTTP status %ld", answer->status);
}

static enum client_result judge(
	CURL *curl, CURLcode code, const struct body_buffer *b, struct client_answer *answer)
{
	if (code != CURLE_OK) {
		snprintf(answer->error, sizeof(answer->error), "%s", curl_easy_strerror(code));
		return CLIENT_UNREACHABLE;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
	if (b->len > 0)
		answer->body = json_loadb(b->data, b->len, JSON_REJECT_DUPLICATES, NULL);
	if (answer->status >= 200 && answer->status < 300)
		return CLIENT_OK;
	describe_refusal(answer);
	return CLIENT_REFUSED;
}

enum client_result client_call(const struct client_options *o, const char *method, const char *path,
	const json_t *body, struct client_answer *answer)
{
	enum client_result result = CLIENT_UNREACHABLE;
	struct curl_slist *headers = NULL;
	struct body_buffer buffer = {0};
	char *text = NULL;
	char url[2048];
	CURL *curl;

	*answer = (struct client_answer){0};
	curl = curl_easy_init();
	headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (curl == NULL || headers == NULL) {
		snprintf(answer->error, sizeof(answer->error), "out of memory");
		goto out;
	}
	if (o->url != NULL && o->token_file != NULL && !add_token(&headers, o->token_file, answer))
		goto out;
	set_target(curl, o, path, url, sizeof(url));
	if (body != NULL) {
		text = json_dumps(body, JSON_COMPACT);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &buffer);
	result = judge(curl, curl_easy_perform(curl), &buffer, answer);
out:
	if (text != NULL)
		explicit_bzero(text, strlen(text)); /* may hold a password */
	free(text);
	free(buffer.data);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return result;
}

void client_answer_fini(struct client_answer *answer)
{
	json_decref(answer->body);
	*answer = (struct client_answer){0};
}
