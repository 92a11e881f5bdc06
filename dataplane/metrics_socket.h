/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A Unix socket for whoever collects metrics: it takes a connection, writes the OpenMetrics text of
 * this process, and closes. What the client says is not read. Main thread only.
 */
#pragma once

#include "dataplane/worker.h"

struct metrics_socket;

/*
 * Listens on path (mode 0660, replaced when it is left from before) and adds it to epoll_fd with
 * metrics_socket_tag. 0 or -errno.
 */
int metrics_socket_new(int epoll_fd, const char *path, const struct shared *shared,
	struct metrics_socket **out) RK_MUST_CHECK;
void metrics_socket_free(struct metrics_socket *s); /* NULL is fine */
/* What epoll says belongs to it. */
void *metrics_socket_tag(struct metrics_socket *s);
/* Serves who waits; called when epoll says so. Where it cannot, it pauses until its deadline. */
void metrics_socket_run(struct metrics_socket *s, uint64_t now_ns);
/* Listens again when a pause is over; NULL is fine, here and below. */
void metrics_socket_resume(struct metrics_socket *s, uint64_t now_ns);
uint64_t metrics_socket_deadline_ns(const struct metrics_socket *s); /* UINT64_MAX: no pause */
/* The text itself, NUL-terminated; returns its length, or 0 when size is too small. */
size_t metrics_text_build(const struct shared *shared, char *out, size_t size);
