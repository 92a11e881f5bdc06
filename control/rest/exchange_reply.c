/* SPDX-License-Identifier: BSD-3-Clause */
/* An answer on its way to the client: headers, text, and who owns which of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "control/rest/exchange.h"
#include "control/rest/rest_private.h"

struct bufferevent *exchange_bufferevent(struct evhttp_request *req)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);

	return evcon != NULL ? evhttp_connection_get_bufferevent(evcon) : NULL;
}

static void answer_taken(struct evhttp_request *req, void *arg)
{
	(void)arg;
	connection_resume(exchange_bufferevent(req));
}

void exchange_add_headers(const struct exchange *x, const struct answer *a, const char *type)
{
	struct evkeyvalq *out = evhttp_request_get_output_headers(x->req);
	char seconds[16];

	evhttp_add_header(out, "Content-Type", type);
	evhttp_add_header(out, "Cache-Control", "no-store");
	evhttp_add_header(out, "X-Content-Type-Options", "nosniff");
	if (x->actor.request_id[0] != '\0')
		evhttp_add_header(out, "X-Request-Id", x->actor.request_id);
	if (a->status == 401)
		evhttp_add_header(out, "WWW-Authenticate",
			x->has_bad_token ? "Bearer realm=\"rekey\", error=\"invalid_token\""
					 : "Bearer realm=\"rekey\"");
	if (a->status == 405)
		evhttp_add_header(out, "Allow", x->allowed);
	if (a->retry_after_sec > 0) {
		snprintf(seconds, sizeof(seconds), "%u", a->retry_after_sec);
		evhttp_add_header(out, "Retry-After", seconds);
	}
	if (x->is_last)
		evhttp_add_header(out, "Connection", "close");
}

/* The bare text of an answer when that is what the client or the service wants; else NULL. */
static const char *bare_text(const struct exchange *x, const struct answer *a, const char **type)
{
	if (a->text_type != NULL && json_is_string(a->body)) {
		*type = a->text_type;
		return json_string_value(a->body);
	}
	if (a->status == 200 && x->accepts_pem && x->route != NULL && x->route->pem_field != NULL) {
		*type = EXCHANGE_PEM_TYPE;
		return json_string_value(json_object_get(a->body, x->route->pem_field));
	}
	return NULL;
}

char *exchange_print(const json_t *body)
{
	return json_dumps(body != NULL ? body : json_null(), JSON_COMPACT | JSON_ENCODE_ANY);
}

/* Printed JSON that a client is being given. */
struct text {
	struct large_answers *large; /* that it is one of; or NULL */
	char *json;
};

static void free_text(const void *data, size_t len, void *arg)
{
	struct text *t = arg;

	(void)data;
	(void)len;
	if (t->large != NULL && --t->large->cnt == 0 && t->large->is_closed)
		free(t->large);
	free(t->json);
	free(t);
}

void exchange_close_large(struct large_answers *large)
{
	if (large == NULL)
		return;
	large->is_closed = true;
	if (large->cnt == 0)
		free(large);
}

/* Takes json, for the buffer: a large one is not copied. */
static void add_json(struct large_answers *large, struct evbuffer *out, char *json)
{
	size_t len = strlen(json);
	struct text *t = malloc(sizeof(*t));

	if (t == NULL) {
		free(json);
		return;
	}
	*t = (struct text){len > REST_LARGE_LEN ? large : NULL, json};
	if (t->large != NULL)
		t->large->cnt++;
	if (evbuffer_add_reference(out, json, len, free_text, t) == 0)
		evbuffer_add(out, "\n", 1);
	else
		free_text(NULL, 0, t);
}

bool exchange_has_room(const struct exchange *x, const char *printed)
{
	return printed == NULL || strlen(printed) <= REST_LARGE_LEN ||
	       x->rest->large->cnt < REST_LARGE_MAX;
}

void exchange_reply(struct exchange *x, const struct answer *a, char *printed)
{
	struct evbuffer *out = evbuffer_new();
	const char *type = "application/json";
	const char *text = bare_text(x, a, &type);
	bool is_bare = text != NULL, has_text;

	if (!is_bare)
		text = printed = printed != NULL ? printed : exchange_print(a->body);
	has_text = text != NULL;
	if (out != NULL && has_text)
		exchange_add_headers(x, a, is_bare ? type : "application/json");
	if (out != NULL && is_bare)
		evbuffer_add(out, text, strlen(text));
	if (out != NULL && !is_bare && printed != NULL)
		add_json(x->rest->large, out, printed);
	else
		free(printed);
	evhttp_connection_set_closecb(evhttp_request_get_connection(x->req), NULL, NULL);
	evhttp_request_set_on_complete_cb(x->req, answer_taken, NULL);
	connection_resume(exchange_bufferevent(x->req));
	/* The library would send it after the headers of HEAD, too: bytes of no answer. */
	if (out != NULL && evhttp_request_get_command(x->req) == EVHTTP_REQ_HEAD)
		evbuffer_drain(out, evbuffer_get_length(out));
	/* Gives the request away. */
	evhttp_send_reply(x->req, has_text ? a->status : 500, NULL, out);
	x->req = NULL;
	if (out != NULL)
		evbuffer_free(out);
}

void exchange_watch_taken(struct evhttp_request *req)
{
	evhttp_request_set_on_complete_cb(req, answer_taken, NULL);
}
