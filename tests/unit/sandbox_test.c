/* SPDX-License-Identifier: BSD-3-Clause */
/* What a process cannot do any more, in children that are given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pki/view/sandbox.h"

#define NOT_HERE 77

static char folder[64], file_in[96], file_other[96], file_out[96];

/* The number of the first claim that does not hold; 0: all do. */
static int run_child(int (*claims)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(claims());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void expect(int (*claims)(void))
{
	int ret = run_child(claims);

	if (ret == NOT_HERE) {
		print_message("SKIP: this kernel does not have it\n");
		skip();
	}
	if (ret != 0)
		fail_msg("claim %d does not hold", ret);
}

static bool can_make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int landlock_claims(void)
{
	const char *const folders[] = {folder, NULL, "/nonexistent"};
	char *const argv[] = {"true", NULL};
	int ret = rk_sandbox_write_below(folders, 3);

	if (ret == -ENOSYS || ret == -EOPNOTSUPP)
		return NOT_HERE;
	if (ret != 0)
		return 1;
	if (!can_make(file_in) || rename(file_in, file_other) != 0 || unlink(file_other) != 0)
		return 2;
	if (can_make(file_out) || unlink(file_out) == 0 || errno != EACCES)
		return 3;
	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0)
		return 4;
	execv("/bin/true", argv);
	return errno == EACCES ? 0 : 5;
}

static void test_landlock(void **state)
{
	(void)state;
	assert_true(can_make(file_out)); /* it is there, and must stay */
	expect(landlock_claims);
	assert_int_equal(access(file_out, F_OK), 0);
}

static void *try_exec(void *arg)
{
	char *const argv[] = {"true", NULL};

	execv("/bin/true", argv);
	return errno == EPERM ? NULL : arg;
}

/* Families that stay, and those that do not; what the kernel has not got is no matter here. */
static bool are_families_right(void)
{
	static const int stay[] = {AF_UNIX, AF_INET, AF_NETLINK},
			 go[] = {AF_PACKET, AF_ALG, AF_VSOCK, AF_KEY, AF_BLUETOOTH, AF_XDP};

	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++) {
		int fd = socket(stay[i], SOCK_DGRAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			return false;
		close(fd);
	}
	for (size_t i = 0; i < sizeof(go) / sizeof(go[0]); i++)
		if (socket(go[i], SOCK_DGRAM, 0) >= 0 || errno != EAFNOSUPPORT)
			return false;
	return true;
}

static int seccomp_claims(void)
{
	pthread_t thread;
	void *said = folder;
	int ret;

	ret = rk_sandbox_drop_calls();
	if (ret == -ENOSYS || ret == -EINVAL)
		return NOT_HERE;
	if (ret != 0)
		return 1;
	if (unshare(CLONE_NEWUSER) == 0 || errno != EPERM)
		return 2;
	if (mount("none", folder, "tmpfs", 0, NULL) == 0 || errno != EPERM)
		return 3;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 || errno != EPERM)
		return 4;
	if (setuid(getuid()) == 0 || errno != EPERM)
		return 5;
	if (pthread_create(&thread, NULL, try_exec, folder) != 0 ||
		pthread_join(thread, &said) != 0 || said != NULL)
		return 6;
	if (!are_families_right())
		return 7;
	return can_make(file_in) ? 0 : 8;
}

static void test_seccomp(void **state)
{
	(void)state;
	expect(seccomp_claims);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/rekey-sandbox.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(file_in, sizeof(file_in), "%s/in", folder);
	snprintf(file_other, sizeof(file_other), "%s/other", folder);
	snprintf(file_out, sizeof(file_out), "%s-out", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(file_in);
	unlink(file_out);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_landlock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_seccomp, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
