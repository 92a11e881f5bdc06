/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Put before a program (LD_PRELOAD) it does, in each thread that gets SIGUSR2, what somebody would who
 * had taken the program over, and appends to the file REKEY_INTRUDER how each deed ended: lines
 * "THREAD DEED ERRNO", 0 where nothing refused it. Whatever it makes or changes would be the file
 * REKEY_VICTIM. Both are settled before the program confines itself (confined.py reads them).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define IN_FRONT __attribute__((visibility("default")))

static int report = -1;
static const char *victim;
static char beside[4096]; /* the victim's other name */
static char own[1];
static struct iovec here = {own, 1};
static char *const arguments[] = {(char *)"true", NULL};

/* Each is 0, or an id, where it was let through; else -1 and errno. */
#define DEEDS(X)                                                                           \
	X("write", open(victim, O_WRONLY | O_CLOEXEC))                                     \
	X("truncate", truncate(victim, 0))                                                 \
	X("remove", unlink(victim))                                                        \
	X("rename", rename(victim, beside))                                                \
	X("link", link(victim, beside))                                                    \
	X("create", open(beside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600))                    \
	X("symlink", symlink(victim, beside))                                              \
	X("folder", mkdir(beside, 0700))                                                   \
	X("pipe", mknod(beside, S_IFIFO | 0600, 0))                                        \
	X("passwords", open("/etc/shadow", O_RDWR | O_CLOEXEC))                            \
	X("execve", execve("/bin/true", arguments, NULL))                                  \
	X("execveat", syscall(SYS_execveat, AT_FDCWD, "/bin/true", arguments, NULL, 0))    \
	X("ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL))                                 \
	X("process-memory", process_vm_readv(getpid(), &here, 1, &here, 1, 0))             \
	X("unshare", unshare(CLONE_NEWUSER))                                               \
	X("namespace", setns(0, 0))                                                        \
	X("mount", syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL))                      \
	X("chroot", chroot("/"))                                                           \
	X("by-handle", syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0))                  \
	X("module", syscall(SYS_init_module, NULL, 0, ""))                                 \
	X("bpf", syscall(SYS_bpf, 0, NULL, 0))                                             \
	X("perf", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0))                        \
	X("userfaultfd", syscall(SYS_userfaultfd, 0))                                      \
	X("io_uring", syscall(SYS_io_uring_setup, 1, NULL))                                \
	X("keyring", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1)) \
	X("user", syscall(SYS_setuid, getuid()))                                           \
	X("clock", syscall(SYS_clock_settime, 0, NULL))                                    \
	X("packet-socket", socket(AF_PACKET, SOCK_RAW, 0))                                 \
	X("cipher-socket", socket(AF_ALG, SOCK_SEQPACKET, 0))                              \
	X("machine-socket", socket(AF_VSOCK, SOCK_STREAM, 0))                              \
	X("dumpable", prctl(PR_GET_DUMPABLE) == 0 ? (errno = EPERM, -1) : 0)

static void tell(const char *deed, long result)
{
	int error = result < 0 ? errno : 0;
	char line[128];
	int len = snprintf(line, sizeof(line), "%ld %s %d\n", syscall(SYS_gettid), deed, error);

	if (write(report, line, (size_t)len) != len)
		_exit(99);
}

/* Formats and writes; the interrupted program is one that a test owns. */
static void intrude(int number)
{
	int before = errno;

	(void)number;
#define TRY(name, deed) tell(name, deed);
	DEEDS(TRY)
#undef TRY
	tell("end", 0);
	errno = before;
}

/* Threads of the program that take no signal take this one. */
IN_FRONT int sigfillset(sigset_t *set)
{
	int (*real)(sigset_t *);
	void *found = dlsym(RTLD_NEXT, "sigfillset");

	memcpy(&real, &found, sizeof(real));
	return real(set) < 0 ? -1 : sigdelset(set, SIGUSR2);
}

__attribute__((constructor)) static void prepare(void)
{
	const char *path = getenv("REKEY_INTRUDER");
	struct sigaction action = {.sa_handler = intrude, .sa_flags = SA_RESTART};

	victim = getenv("REKEY_VICTIM");
	if (path == NULL || victim == NULL)
		return;
	snprintf(beside, sizeof(beside), "%s.new", victim);
	report = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (report < 0 || sigaction(SIGUSR2, &action, NULL) < 0)
		abort();
}
