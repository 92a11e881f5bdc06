/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fetches one body from an http, https or file URL into a file without a name, inside the event loop:
 * the client of control/http.h, whose bounds hold, on libcurl's multi interface. At most 3
 * redirects and 10 minutes. The loop itself opens, writes and closes no file: a helper thread of the fetcher's does, and
 * a server waits while it has two buffers to write (control/crl/spooler.h). Loop thread only.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FETCH_SIZE_MAX_DEFAULT ((size_t)64 << 20)

struct fetcher;
struct fetch;

struct fetch_request {
	const char *url;
	size_t size_max;
	unsigned stall_sec;   /* under 128 bytes a second for so long ends it; 0 = 20 */
	int dir_fd;           /* of the folder whose file system takes the body */
	bool is_file_allowed; /* file:// URLs: configured sources only */
	/*
	 * Whether loopback, link-local, multicast and unspecified addresses may be connected to.
	 * The address checked is the address used: the check is at the socket.
	 */
	bool is_local_allowed;
	const char *etag; /* conditional GET; NULL = none */
	const char *last_modified;
};

struct fetch_result {
	int error;        /* 0, -EFBIG, -EPERM (address), -ETIMEDOUT, -ECONNREFUSED, -EIO, ... */
	char text[256];   /* what went wrong, for alarms */
	long http_status; /* 0 for file and when there was no answer */
	bool is_not_modified; /* 304 */
	int fd;          /* the body; owned by the result, taken by setting it to -1; -1: none */
	bool is_foreign; /* file URL: the file itself, which somebody may change while it is read */
	size_t len;
	char etag[256]; /* "" = none */
	char last_modified[64];
};

/* result is the callee's until it returns. Never called from within fetch_start. */
typedef void (*fetch_cb)(void *arg, struct fetch_result *result);

int fetcher_new(struct event_base *base, struct fetcher **out) __attribute__((warn_unused_result));
/* Running fetches are called back with -ECANCELED. NULL is fine. */
void fetcher_free(struct fetcher *f);
/* 0; -EINVAL for a URL of another scheme; -ENOMEM. Copies what it needs of request. */
int fetch_start(struct fetcher *f, const struct fetch_request *request, fetch_cb cb, void *arg)
	__attribute__((warn_unused_result));
