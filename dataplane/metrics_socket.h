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
/* Serves who waits; called when epoll says so. */
void metrics_socket_run(struct metrics_socket *s);
/* The text itself, NUL-terminated; returns its length, or 0 when size is too small. */
size_t metrics_text_build(const struct shared *shared, char *out, size_t size);
