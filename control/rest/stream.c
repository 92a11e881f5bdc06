/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/stream.h"

#include <event2/buffer.h>
#include <stdlib.h>

#include "control/log.h"
#include "control/rest/rest_private.h"

struct stream {
	struct rest *rest; /* outlives its connections */
	struct evhttp_request *req;
	struct stream_source source;
	struct evbuffer *out;
	char piece[STREAM_PIECE_LEN];
};

static void free_stream(struct stream *s)
{
	s->source.end(s->source.arg);
	s->rest->stream_cnt--;
	evbuffer_free(s->out);
	free(s);
}

/* The client has gone; as for any exchange the request may be left to us. */
static void on_closed(struct evhttp_connection *evcon, void *arg)
{
	struct stream *s = arg;

	(void)evcon;
	if (evhttp_request_get_connection(s->req) == NULL)
		evhttp_request_free(s->req);
	free_stream(s);
}

static void end_stream(struct stream *s)
{
	evhttp_connection_set_closecb(evhttp_request_get_connection(s->req), NULL, NULL);
	exchange_watch_taken(s->req);
	evhttp_send_reply_end(s->req); /* gives the request away */
	free_stream(s);
}

/* Whoever reads an answer that stops in the middle sees that it did: its last chunk is missing. */
static void cut_off(struct stream *s)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(s->req);

	log_error("an answer is cut off: no memory for the rest of it");
	evhttp_connection_free(evcon); /* calls on_closed */
}

static void send_piece(struct evhttp_connection *evcon, void *arg)
{
	struct stream *s = arg;
	ssize_t n = s->source.next(s->source.arg, s->piece, sizeof(s->piece));

	connection_resume(evhttp_connection_get_bufferevent(evcon)); /* the deadline is a piece's */
	if (n > 0 && evbuffer_add(s->out, s->piece, (size_t)n) == 0)
		evhttp_send_reply_chunk_with_cb(s->req, s->out, send_piece, s);
	else if (n == 0)
		end_stream(s);
	else
		cut_off(s);
}

static struct stream *new_stream(struct exchange *x, const struct stream_source *source)
{
	struct stream *s;

	if (x->rest == NULL || x->req == NULL || x->rest->stream_cnt == STREAM_MAX)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->out = evbuffer_new();
	if (s->out == NULL) {
		free(s);
		return NULL;
	}
	s->rest = x->rest;
	s->source = *source;
	s->rest->stream_cnt++;
	return s;
}

void stream_answer(struct exchange *x, const char *type, const struct stream_source *source)
{
	struct stream *s = new_stream(x, source);
	struct evhttp_connection *evcon;
	struct answer a;

	if (s == NULL) {
		source->end(source->arg);
		answer_error(&a, 503, "busy", NULL,
			"%d long answers are being read already; try again", STREAM_MAX);
		a.retry_after_sec = 5;
		exchange_answer_now(x, &a);
		return;
	}
	s->req = exchange_take_request(x, type);
	evcon = evhttp_request_get_connection(s->req);
	evhttp_connection_set_closecb(evcon, on_closed, s);
	evhttp_send_reply_start(s->req, 200, NULL);
	send_piece(evcon, s);
}
