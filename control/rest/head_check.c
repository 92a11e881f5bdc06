/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/head_check.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#define LENGTH_DIGITS_MAX 18

/* RFC 9110 section 5.6.2 */
static bool is_token(const char *text)
{
	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && strchr("!#$%&'*+-.^_`|~", *text) == NULL)
			return false;
	return true;
}

static bool is_value(const char *text)
{
	for (; *text != '\0'; text++)
		if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
			return false;
	return true;
}

static bool is_length(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits <= LENGTH_DIGITS_MAX && text[digits] == '\0';
}

/* Of most names two are one list (RFC 9110 5.3); of these a proxy takes the one and we the other. */
static bool is_there_twice(const struct evkeyvalq *headers, const char *name)
{
	const struct evkeyval *h;
	unsigned cnt = 0;

	TAILQ_FOREACH(h, headers, next)
	cnt += strcasecmp(h->key, name) == 0;
	return cnt > 1;
}

const char *head_check(const struct evkeyvalq *headers, int major, int minor)
{
	unsigned length_cnt = 0, encoding_cnt = 0, host_cnt = 0;
	const struct evkeyval *h;

	if (major != 1 || minor > 1)
		return "this server speaks HTTP/1.0 and HTTP/1.1";
	TAILQ_FOREACH(h, headers, next)
	{
		if (!is_token(h->key))
			return "a header's name holds a character that none may hold";
		if (!is_value(h->value))
			return "a header's value holds a control character";
		if (strcasecmp(h->key, "Content-Length") == 0) {
			length_cnt++;
			if (!is_length(h->value))
				return "Content-Length is not a number";
		} else if (strcasecmp(h->key, "Transfer-Encoding") == 0) {
			encoding_cnt++;
			if (strcasecmp(h->value, "chunked") != 0)
				return "the only Transfer-Encoding taken is chunked";
		} else if (strcasecmp(h->key, "Host") == 0) {
			host_cnt++;
		}
	}
	if (is_there_twice(headers, "Authorization") || is_there_twice(headers, "Content-Type"))
		return "Authorization or Content-Type is there twice";
	if (length_cnt > 1)
		return "there are two Content-Length headers";
	if (encoding_cnt > 1 || (encoding_cnt == 1 && minor == 0))
		return "Transfer-Encoding is there twice, or in an HTTP/1.0 request";
	if (length_cnt == 1 && encoding_cnt == 1)
		return "Content-Length and Transfer-Encoding exclude each other";
	if (host_cnt > 1 || (host_cnt == 0 && minor == 1))
		return "an HTTP/1.1 request has one Host header";
	return NULL;
}

/* The parameters of a media type, from the first ';' on: the one charset that JSON has, or none. */
static bool is_utf8(const char *parameters)
{
	static const char name[] = "charset=", value[] = "utf-8";

	while (*parameters == ';') {
		parameters += 1 + strspn(parameters + 1, " \t");
		if (strncasecmp(parameters, name, sizeof(name) - 1) == 0) {
			const char *said = parameters + sizeof(name) - 1;

			said += *said == '"';
			if (strncasecmp(said, value, sizeof(value) - 1) != 0 ||
				strchr("\" \t;", said[sizeof(value) - 1]) == NULL)
				return false;
		}
		parameters += strcspn(parameters, ";");
	}
	return true;
}

bool head_is_json(const char *content_type)
{
	static const char json[] = "application/json";
	size_t len = sizeof(json) - 1;

	if (strncasecmp(content_type, json, len) != 0)
		return false;
	content_type += len + strspn(content_type + len, " \t");
	return *content_type == '\0' || (*content_type == ';' && is_utf8(content_type));
}

void head_copy_request_id(const char *value, char out[REQUEST_ID_MAX + 1])
{
	size_t n = 0;

	for (; value != NULL && *value != '\0' && n < REQUEST_ID_MAX; value++)
		if (isalnum((unsigned char)*value) || strchr("-_.:+/=", *value) != NULL)
			out[n++] = *value;
	out[n] = '\0';
}
