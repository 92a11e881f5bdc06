/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/crl_export.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/harness.h"

static _Noreturn void read_all(const char *run_dir, const char *format, int out)
{
	static char piece[1 << 16];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t sum = 0;
	ssize_t n;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", run_dir);
	n = snprintf(piece, sizeof(piece),
		"GET /api/v1/certificate-revocation/entry?format=%s HTTP/1.1\r\nHost: localhost\r\n"
		"Connection: close\r\n\r\n",
		format);
	if (sock < 0 || connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		write(sock, piece, (size_t)n) != n)
		_exit(1);
	while ((n = read(sock, piece, sizeof(piece))) > 0) {
		if (sum == 0 && strncmp(piece, "HTTP/1.1 200", 12) != 0)
			_exit(2);
		sum += (uint64_t)n;
	}
	_exit(write(out, &sum, sizeof(sum)) == sizeof(sum) ? 0 : 3);
}

pid_t crl_export_start(const char *run_dir, const char *format, int *out)
{
	int pipes[2];
	pid_t child;

	bench_must(pipe(pipes) == 0, "a pipe");
	fflush(stdout);
	child = fork();
	bench_must(child >= 0, "a process");
	if (child == 0)
		read_all(run_dir, format, pipes[1]);
	close(pipes[1]);
	*out = pipes[0];
	return child;
}

uint64_t crl_export_end(pid_t client, int out)
{
	uint64_t sum = 0;
	int status;

	bench_must(read(out, &sum, sizeof(sum)) == sizeof(sum) &&
			   waitpid(client, &status, 0) == client && status == 0,
		"every revoked certificate");
	close(out);
	return sum;
}
