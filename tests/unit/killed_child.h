/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A process that is killed at a system call of one's choice, or whose call fails: what a crash at any
 * instant leaves, and what a bad disk does.
 */
#pragma once

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A child that stops before it runs; skips the test where no process may be traced. */
static inline pid_t start_traced(int (*run)(int dir), int dir)
{
	pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		raise(SIGSTOP);
		_exit(run(dir) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("SKIP: no process may be traced here\n");
		skip();
	}
	assert_true(WIFSTOPPED(status));
	ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	return child;
}

/* On to the next entry or exit of a system call. False: it ended, with *status. */
static inline bool next_stop(pid_t child, int *status)
{
	do {
		assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
		assert_int_equal(waitpid(child, status, 0), child);
		if (WIFEXITED(*status))
			return false;
		assert_true(WIFSTOPPED(*status));
	} while (WSTOPSIG(*status) != (SIGTRAP | 0x80));
	return true;
}

/* Runs in a child that dies at the entry of its nth system call. False: it ended before. */
static inline bool run_and_kill(int (*run)(int dir), int dir, unsigned nth)
{
	pid_t child = start_traced(run, dir);
	unsigned stops = 0;
	int status = 0;

	while (next_stop(child, &status)) {
		/* Entries and exits take turns. */
		if (stops++ == 2 * (nth - 1)) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return true;
		}
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

#if defined(__x86_64__)
typedef struct user_regs_struct call_regs;
#define CALL_NUMBER(r) ((long)(r)->orig_rax)
#define CALL_RESULT(r) ((r)->rax)
#elif defined(__aarch64__)
typedef struct user_regs_struct call_regs;
#define CALL_NUMBER(r) ((long)(r)->regs[8])
#define CALL_RESULT(r) ((r)->regs[0])
#endif

/* What changes a file or a folder, or opens one. */
static inline bool is_file_call(long number)
{
	static const long calls[] = {
		SYS_openat,
		SYS_write,
		SYS_writev,
		SYS_pwrite64,
		SYS_fsync,
		SYS_fdatasync,
		SYS_ftruncate,
		SYS_fchmod,
		SYS_linkat,
		SYS_unlinkat,
		SYS_renameat2,
#ifdef SYS_renameat
		SYS_renameat,
#endif
#ifdef SYS_rename
		SYS_rename,
		SYS_unlink,
		SYS_link,
#endif
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i] == number)
			return true;
	return false;
}

#ifdef CALL_NUMBER
static inline void get_regs(pid_t child, call_regs *regs)
{
	struct iovec iov = {regs, sizeof(*regs)};

	assert_int_equal(ptrace(PTRACE_GETREGSET, child, (void *)NT_PRSTATUS, &iov), 0);
}

/* The call has been done when it ends: EIO though it was, as a disk does that half works. */
static inline void spoil_result(pid_t child)
{
	call_regs regs;
	struct iovec iov = {&regs, sizeof(regs)};

	get_regs(child, &regs);
	CALL_RESULT(&regs) = (unsigned long)-EIO;
	assert_int_equal(ptrace(PTRACE_SETREGSET, child, (void *)NT_PRSTATUS, &iov), 0);
}

/* At its entry: another call, which does nothing, takes its place. */
static inline void spoil_call(pid_t child)
{
	call_regs regs;
	struct iovec iov = {&regs, sizeof(regs)};

	get_regs(child, &regs);
#if defined(__x86_64__)
	regs.orig_rax = (unsigned long)-1;
	assert_int_equal(ptrace(PTRACE_SETREGSET, child, (void *)NT_PRSTATUS, &iov), 0);
#else
	int none = -1;

	iov = (struct iovec){&none, sizeof(none)};
	assert_int_equal(ptrace(PTRACE_SETREGSET, child, (void *)NT_ARM_SYSTEM_CALL, &iov), 0);
#endif
}

/*
 * Runs in a child whose nth file call fails with EIO, not done at all or (is_done) done all the
 * same. *is_ok: what run said. False: there is no nth.
 */
static inline bool run_and_fail(
	int (*run)(int dir), int dir, unsigned nth, bool is_done, bool *is_ok)
{
	pid_t child = start_traced(run, dir);
	unsigned seen = 0;
	int status = 0;

	while (next_stop(child, &status)) {
		call_regs regs;

		get_regs(child, &regs);
		if (!is_file_call(CALL_NUMBER(&regs)) || ++seen != nth) {
			if (!next_stop(child, &status))
				break;
			continue;
		}
		if (!is_done)
			spoil_call(child);
		assert_true(next_stop(child, &status));
		spoil_result(child);
	}
	*is_ok = WEXITSTATUS(status) == 0;
	return seen >= nth;
}
#endif
