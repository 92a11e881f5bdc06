/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/crl_server.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/harness.h"

static void serve(struct evhttp_request *req, void *arg)
{
	const char *dir = arg;
	struct evbuffer *body = evbuffer_new();
	char path[128];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s%s", dir, evhttp_request_get_uri(req));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || evbuffer_add_file(body, fd, 0, st.st_size) < 0)
		evhttp_send_reply(req, 404, "Not Found", NULL);
	else
		evhttp_send_reply(req, 200, "OK", body);
	evbuffer_free(body);
}

static _Noreturn void run_server(const char *dir, int port_pipe)
{
	struct event_base *base = event_base_new();
	struct evhttp *http = evhttp_new(base);
	struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	unsigned port;

	evhttp_set_gencb(http, serve, (void *)(uintptr_t)dir);
	if (bound == NULL ||
		getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&sin, &len) < 0)
		_exit(1);
	port = ntohs(sin.sin_port);
	if (write(port_pipe, &port, sizeof(port)) != sizeof(port))
		_exit(1);
	event_base_dispatch(base);
	_exit(0);
}

pid_t crl_server_start(const char *dir, unsigned *port)
{
	int pipes[2];
	pid_t child;

	bench_must(pipe(pipes) == 0, "a pipe");
	fflush(stdout);
	child = fork();
	bench_must(child >= 0, "a process");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run_server(dir, pipes[1]);
	}
	bench_must(read(pipes[0], port, sizeof(*port)) == sizeof(*port), "a web server");
	close(pipes[0]);
	close(pipes[1]);
	return child;
}
