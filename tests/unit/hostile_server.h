/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A web server that means no good, in the test's own loop: to every request it sends the bytes that it
 * was given, whatever they are, and then closes, goes on for ever, or takes its time.
 */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>

struct hostile_server {
	struct event_base *base;
	struct evconnlistener *listener;
	struct ev_token_bucket_cfg *drip;
	unsigned port;
	/* what it sends */
	char *bytes;
	size_t len;
	const char *again; /* repeated for ever behind it, or NULL */
	bool is_dripping;  /* forty bytes a second */
};

static inline void hostile_written(struct bufferevent *bev, void *arg)
{
	struct hostile_server *h = arg;

	if (h->again == NULL) {
		bufferevent_free(bev);
		return;
	}
	for (int i = 0; i < 256; i++)
		bufferevent_write(bev, h->again, strlen(h->again));
}

static inline void hostile_gone(struct bufferevent *bev, short what, void *arg)
{
	(void)what;
	(void)arg;
	bufferevent_free(bev);
}

static inline void hostile_asked(struct bufferevent *bev, void *arg)
{
	struct hostile_server *h = arg;
	struct evbuffer *in = bufferevent_get_input(bev);

	if (evbuffer_search(in, "\r\n\r\n", 4, NULL).pos < 0)
		return;
	evbuffer_drain(in, evbuffer_get_length(in));
	bufferevent_setcb(bev, NULL, hostile_written, hostile_gone, h);
	if (h->is_dripping)
		bufferevent_set_rate_limit(bev, h->drip);
	if (h->len > 0)
		bufferevent_write(bev, h->bytes, h->len);
	else
		bufferevent_free(bev);
}

static inline void hostile_connected(struct evconnlistener *listener, evutil_socket_t fd,
	struct sockaddr *address, int len, void *arg)
{
	struct hostile_server *h = arg;
	struct bufferevent *bev = bufferevent_socket_new(h->base, fd, BEV_OPT_CLOSE_ON_FREE);

	(void)listener;
	(void)address;
	(void)len;
	bufferevent_setcb(bev, hostile_asked, NULL, hostile_gone, h);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static inline void hostile_open(struct hostile_server *h, struct event_base *base)
{
	const struct timeval tick = {.tv_usec = 50000};
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(sin);

	*h = (struct hostile_server){.base = base};
	h->drip = ev_token_bucket_cfg_new(EV_RATE_LIMIT_MAX, EV_RATE_LIMIT_MAX, 2, 2, &tick);
	h->listener = evconnlistener_new_bind(base, hostile_connected, h,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 4, (struct sockaddr *)&sin, len);
	assert_non_null(h->listener);
	assert_int_equal(getsockname(evconnlistener_get_fd(h->listener), (void *)&sin, &len), 0);
	h->port = ntohs(sin.sin_port);
}

/* Nobody is connected any more. */
static inline void hostile_close(struct hostile_server *h)
{
	evconnlistener_free(h->listener);
	ev_token_bucket_cfg_free(h->drip);
	free(h->bytes);
}

/* head, and the first len bytes of body. */
static inline void hostile_say(
	struct hostile_server *h, const char *head, const uint8_t *body, size_t len)
{
	size_t head_len = strlen(head);

	free(h->bytes);
	h->bytes = malloc(head_len + len + 1);
	memcpy(h->bytes, head, head_len);
	memcpy(h->bytes + head_len, body, len);
	h->len = head_len + len;
}
