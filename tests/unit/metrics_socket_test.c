/* SPDX-License-Identifier: BSD-3-Clause */
/* Metrics by socket: the text, and what becomes of it when there is no descriptor left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/confine.h"
#include "dataplane/metrics_socket.h"

#define NOW (1000 * NS_PER_SEC)

static struct shared shared;
static char path[64];
static int epoll_fd;
static struct metrics_socket *served;

static int set_up(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/rekey-metrics-%d", (int)getpid());
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return metrics_socket_new(epoll_fd, path, &shared, &served);
}

static int tear_down(void **state)
{
	(void)state;
	metrics_socket_free(served);
	close(epoll_fd);
	return 0;
}

static int client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool is_ready(void)
{
	struct epoll_event event;

	return epoll_wait(epoll_fd, &event, 1, 0) == 1 &&
	       event.data.ptr == metrics_socket_tag(served);
}

static void assert_served(int fd)
{
	static char text[1 << 16];
	size_t len = 0;
	ssize_t got;

	while ((got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	assert_non_null(strstr(text, "rekey_dataplane_build_info{version="));
	assert_string_equal(text + len - strlen("# EOF\n"), "# EOF\n");
	close(fd);
}

static void whoever_connects_gets_the_text(void **state)
{
	int fd = client();

	(void)state;
	assert_true(is_ready());
	metrics_socket_run(served, NOW);
	assert_served(fd);
	assert_false(is_ready());
	assert_int_equal(metrics_socket_deadline_ns(served), UINT64_MAX);
}

/* Who waits would wake main again and again: it looks away for a while instead. */
static void without_a_descriptor_it_pauses(void **state)
{
	int fd = client();
	struct rlimit limit, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)fd, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_true(is_ready());
	metrics_socket_run(served, NOW);
	assert_false(is_ready());
	assert_int_equal(metrics_socket_deadline_ns(served), NOW + NS_PER_SEC);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	metrics_socket_resume(served, NOW + NS_PER_SEC - 1);
	assert_false(is_ready());
	metrics_socket_resume(served, NOW + NS_PER_SEC);
	assert_true(is_ready());
	metrics_socket_run(served, NOW + NS_PER_SEC);
	assert_served(fd);
	assert_int_equal(metrics_socket_deadline_ns(served), UINT64_MAX);
}

/* The socket of a confined process, whose name has a folder or has none; what it must not write. */
static int confined_claims(const char *name)
{
	const struct options o = {
		.state_dir = "/nonexistent", .metrics_socket = name, .is_sandboxed = true};
	struct metrics_socket *s;
	int fd;

	if (confine_files(&o) != 0)
		return 1;
	if (metrics_socket_new(epoll_fd, name, &shared, &s) != 0)
		return 2;
	metrics_socket_free(s);
	fd = open("../outside", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 && errno == EACCES ? 0 : 3;
}

static void test_confined(void **state)
{
	static const char *const names[] = {"m.sock", "./m.sock", "in/m.sock"};
	char folder[] = "/var/tmp/rekey-confined.XXXXXX";
	int status;

	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1) {
		print_message("SKIP: this kernel has no Landlock\n");
		skip();
	}
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			if (chdir(folder) < 0 || (mkdir("at", 0700) < 0 && errno != EEXIST) ||
				chdir("at") < 0 || (mkdir("in", 0700) < 0 && errno != EEXIST))
				_exit(9);
			_exit(confined_claims(names[i]));
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) != 0)
			fail_msg("%s: claim %d does not hold", names[i], WEXITSTATUS(status));
	}
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(rmdir("at/in") | rmdir("at") | rmdir(folder), 0);
	assert_int_equal(chdir("/"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_confined, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whoever_connects_gets_the_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_descriptor_it_pauses, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
