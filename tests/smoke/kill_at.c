/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kill_at PROGRAM ARGS...: runs it, all its threads traced. A number on standard input, followed by
 * SIGUSR1, arms it: the program is killed at the entry of its so-manieth system call from then on,
 * whichever thread makes it; 0 counts and does not kill. SIGTERM kills it at once. Prints "ready" when the program runs,
 * "armed" when it is, and at the end "killed" or "ended", with the calls counted. 77: no process may
 * be traced here.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

static volatile sig_atomic_t is_told, is_over;

static void on_signal(int number)
{
	if (number == SIGUSR1)
		is_told = 1;
	else
		is_over = 1;
}

struct count {
	bool is_armed;
	unsigned long limit; /* 0: none */
	unsigned long cnt;
};

static void arm(struct count *c)
{
	char line[32];

	is_told = 0;
	/* Told more than once: a signal just before waitpid is seen at the next stop. */
	if (c->is_armed || fgets(line, sizeof(line), stdin) == NULL)
		return;
	*c = (struct count){.is_armed = true, .limit = strtoul(line, NULL, 10)};
	puts("armed");
}

static bool is_entry(pid_t thread)
{
	struct __ptrace_syscall_info info;

	return ptrace(PTRACE_GET_SYSCALL_INFO, thread, (void *)sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

/* The signal to hand on: none of the tracer's own stops. */
static int signal_of(int status)
{
	int number = WSTOPSIG(status);

	if (number == (SIGTRAP | 0x80) || status >> 16 != 0 || number == SIGSTOP ||
		number == SIGTRAP)
		return 0;
	return number;
}

/* Until the program is gone; true: by our hand. */
static bool follow(pid_t program, struct count *c)
{
	int status;

	for (;;) {
		pid_t thread = waitpid(-1, &status, __WALL);

		if (is_told)
			arm(c);
		if (is_over)
			kill(program, SIGKILL);
		if (thread < 0 && errno == EINTR)
			continue;
		if (thread < 0)
			return false;
		if (!WIFSTOPPED(status)) {
			if (thread == program)
				return c->limit != 0 && c->cnt >= c->limit;
			continue;
		}
		if (c->is_armed && WSTOPSIG(status) == (SIGTRAP | 0x80) && is_entry(thread) &&
			++c->cnt == c->limit)
			kill(program, SIGKILL);
		/* A thread that was killed meanwhile is reported by waitpid. */
		(void)ptrace(PTRACE_SYSCALL, thread, NULL, signal_of(status));
	}
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct count count = {0};
	pid_t program;
	int status;
	bool is_killed;

	if (argc < 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	program = fork();
	if (program == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		raise(SIGSTOP);
		execv(argv[1], argv + 1);
		_exit(127);
	}
	if (program < 0 || waitpid(program, &status, 0) != program || !WIFSTOPPED(status) ||
		ptrace(PTRACE_SETOPTIONS, program, NULL, OPTIONS) < 0 ||
		ptrace(PTRACE_SYSCALL, program, NULL, 0) < 0)
		return 77;
	puts("ready");
	is_killed = follow(program, &count);
	printf("%s %lu\n", is_killed ? "killed" : "ended", count.cnt);
	return 0;
}
