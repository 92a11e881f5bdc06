/* SPDX-License-Identifier: BSD-3-Clause */
/* A request's body, from the wire to JSON: a large one is parsed by a helper. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "control/config.h"
#include "control/helper.h"
#include "control/rest/exchange.h"
#include "control/rest/head_check.h"
#include "control/rest/json_body.h"

#define AT_ONCE_MAX  65536
#define STRANGER_MAX 16384 /* the longest name and password, each character escaped, are a fifth */

/* A body on its way through a helper. */
struct parsing {
	struct exchange *exchange;
	struct json_body_error error;
	json_t *body;
	int ret;
	size_t len;
	char data[];
};

/* It may have held a password, whatever became of it. */
static void wipe(void *data, size_t len)
{
	explicit_bzero(data, len);
}

/* Takes body. false with the error answered. */
static bool take_body(struct exchange *x, int ret, json_t *body, bool is_large,
	const struct json_body_error *error)
{
	struct answer a;

	x->body = body;
	x->is_body_large = is_large;
	if (ret == -ECANCELED || ret == -ENOMEM) {
		exchange_refuse(x, 503, "busy", "no memory is left for the body; try again");
		return false;
	}
	if (ret < 0) {
		answer_error(&a, 400, "bad-json",
			json_pack("{s:i, s:i}", "line", (int)error->line, "column",
				(int)error->column),
			"the body is not the JSON this server takes: %s", error->text);
		exchange_answer_now(x, &a);
		return false;
	}
	if (!json_is_object(x->body)) {
		exchange_refuse(x, 400, "bad-json", "the body must be a JSON object");
		return false;
	}
	return true;
}

static void parse_aside(void *arg)
{
	struct parsing *p = arg;

	p->ret = json_body_parse(p->data, p->len, &p->body, &p->error);
	wipe(p->data, p->len);
}

static void parsed_aside(void *arg)
{
	struct parsing *p = arg;
	struct exchange *x = p->exchange;

	wipe(p->data, p->len); /* the helper may never have run */
	if (x->rest == NULL) {
		json_decref(p->body);
		exchange_refuse(x, 503, "shutting-down", "rekey-control is stopping");
	} else if (take_body(x, p->ret, p->body, true, &p->error)) {
		exchange_handle(x);
	}
	free(p);
}

/* Chunk by chunk, and wiped where they were. */
static void move_out(struct evbuffer *in, char *to)
{
	size_t len;

	while ((len = evbuffer_get_contiguous_space(in)) > 0) {
		unsigned char *chunk = evbuffer_pullup(in, (ev_ssize_t)len);

		memcpy(to, chunk, len);
		wipe(chunk, len);
		evbuffer_drain(in, len);
		to += len;
	}
}

static void begin_aside(struct exchange *x, struct evbuffer *in, size_t len)
{
	struct parsing *p = malloc(sizeof(*p) + len);

	if (p != NULL) {
		*p = (struct parsing){.exchange = x, .ret = -ECANCELED, .len = len};
		move_out(in, p->data);
		if (helper_run(x->daemon->helpers, parse_aside, parsed_aside, p) == 0)
			return;
		wipe(p->data, len);
		free(p);
	}
	exchange_refuse(x, 503, "busy", "too much is under way; try again");
}

static void parse_at_once(struct exchange *x, struct evbuffer *in, size_t len)
{
	struct json_body_error error = {0};
	unsigned char *data = evbuffer_pullup(in, -1);
	json_t *body = NULL;
	int ret = data != NULL ? json_body_parse(data, len, &body, &error) : -ENOMEM;

	if (data != NULL)
		wipe(data, len);
	if (take_body(x, ret, body, false, &error))
		exchange_handle(x);
}

/* Who may read every file of this machine may send a large configuration; a stranger, a login. */
static size_t body_max(const struct exchange *x)
{
	if (x->route->role == USER_NOBODY)
		return STRANGER_MAX;
	return x->is_local ? JSON_BODY_SIZE_MAX
			   : (size_t)x->daemon->config->rest.body_max_kib * 1024;
}

void exchange_read_body(struct exchange *x)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(x->req);
	const char *type =
		evhttp_find_header(evhttp_request_get_input_headers(x->req), "Content-Type");
	size_t len = evbuffer_get_length(in);

	if (len > body_max(x)) {
		x->is_last = true;
		exchange_refuse(x, 413, "too-large", "the body is larger than this server takes");
	} else if (len == 0 && x->route->body == ROUTE_BODY_REQUIRED) {
		exchange_refuse(x, 400, "no-body", "this call needs a JSON body");
	} else if (len == 0) {
		exchange_handle(x);
	} else if (x->route->body == ROUTE_BODY_NONE) {
		exchange_refuse(x, 400, "unexpected-body", "this call takes no body");
	} else if (type != NULL && !head_is_json(type)) {
		exchange_refuse(
			x, 415, "not-json", "send the body with Content-Type: application/json");
	} else if (len > AT_ONCE_MAX) {
		begin_aside(x, in, len);
	} else {
		parse_at_once(x, in, len);
	}
}
