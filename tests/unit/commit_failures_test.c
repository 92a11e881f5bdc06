/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A commit whose every single system call fails in turn, each as on a full disk: it happened whole
 * or not at all, it says which, a restart agrees, and nothing of it is left over. The calls are
 * taken at link time (-Wl,--wrap): those on the files of a commit are counted.
 */
#include "tests/unit/configuration_fixture.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "control/alarms.h"

static _Atomic int fail_at; /* the call to fail, from 1 on; 0 = none */
static _Atomic int call_cnt;
static __thread bool is_counting;   /* this thread writes a file of a commit */
static __thread int temporary = -1; /* it, until it is renamed */

int __real_openat64(int dir, const char *name, int flags, ...);
int __wrap_openat64(int dir, const char *name, int flags, ...);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);

static bool fails(void)
{
	if (!is_counting || ++call_cnt != fail_at)
		return false;
	errno = ENOSPC;
	return true;
}

/* ".12.json.XXXX.tmp", ".index.json.XXXX.tmp", ".rekey.json.XXXX.tmp" */
static bool is_of_commit(const char *name)
{
	return name[0] == '.' &&
	       (isdigit((unsigned char)name[1]) || strncmp(name + 1, "index.json.", 11) == 0 ||
		       strncmp(name + 1, "rekey.json.", 11) == 0);
}

int __wrap_openat64(int dir, const char *name, int flags, ...)
{
	int fd;

	if ((flags & O_CREAT) != 0)
		is_counting = is_of_commit(name);
	fd = (flags & O_CREAT) != 0 && fails() ? -1 : __real_openat64(dir, name, flags, 0600);
	if ((flags & O_CREAT) != 0)
		temporary = fd;
	return fd;
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	return fd == temporary && fails() ? -1 : __real_write(fd, data, len);
}

int __wrap_fchmod(int fd, mode_t mode)
{
	return fd == temporary && fails() ? -1 : __real_fchmod(fd, mode);
}

int __wrap_fsync(int fd)
{
	return fails() ? -1 : __real_fsync(fd);
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	temporary = -1;
	return fails() ? -1 : __real_renameat(from_dir, from, to_dir, to);
}

static size_t file_cnt(void)
{
	int fd = openat(f.d.state_fd, "config", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(fd);
	size_t cnt = 0;

	assert_non_null(dir);
	for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
		cnt += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(dir);
	return cnt;
}

static int try_commit(int mtu)
{
	json_t *request = json_object();
	struct call c = {0};

	configuration_commit(f.d.configuration, request, call_answered, &c);
	json_decref(request);
	while (!c.is_done)
		daemon_fixture_idle(&f, 1);
	if (c.status != 200)
		assert_string_equal(call_error(&c), "not-written");
	assert_true(c.status == 200 || c.status == 500);
	assert_int_equal(f.d.config->port[0].mtu == (unsigned)mtu, c.status == 200);
	json_decref(c.body);
	return c.status;
}

static void test_every_call_of_a_commit(void **state)
{
	unsigned refused_cnt = 0, done_cnt = 0;
	size_t files = file_cnt();
	int mtu = 1300;

	(void)state;
	for (int nth = 1;; nth++) {
		unsigned before = f.d.config->port[0].mtu;
		int status;

		edit(set_mtu(++mtu), 200);
		call_cnt = 0;
		fail_at = nth;
		status = try_commit(mtu);
		fail_at = 0;
		if (call_cnt < nth)
			break; /* none failed: every one has been tried */
		if (status == 200) {
			done_cnt++;
			files++;
		} else {
			refused_cnt++;
			assert_true(candidate_is_changed());
			assert_int_equal(f.d.config->port[0].mtu, before);
		}
		assert_int_equal(file_cnt(), files);
		daemon_fixture_restart(&f);
		assert_int_equal(f.d.config->port[0].mtu, status == 200 ? (unsigned)mtu : before);
		assert_false(alarm_is_standing(f.d.alarms, "configuration-damaged", CONFIG_FILE));
	}
	/* Document, index, rekey.json, index: open, write, mode, sync, rename, sync of the folder. */
	assert_true(refused_cnt >= 3 * 6 - 1);
	assert_true(done_cnt >= 6);
}

/* An edited file on a full disk: good, waiting, and taken when there is room, by itself. */
static void test_edited_file_waits_for_the_disk(void **state)
{
	static const char edited[] =
		"{" FIXTURE_AUTHORITY ",\"router\":{\"name\":\"east\",\"node\":\"node0\","
		"\"peering-common-name\":\"east.peering\"}}";

	(void)state;
	daemon_fixture_config(&f, edited);
	call_cnt = 0;
	fail_at = 2;
	daemon_fixture_reload(&f);
	daemon_fixture_idle(&f, 50);
	fail_at = 0;
	assert_int_equal(f.d.config->port_cnt, 1);
	assert_true(alarm_is_standing(f.d.alarms, "configuration-not-written", CONFIG_FILE));
	assert_false(alarm_is_standing(f.d.alarms, "configuration-damaged", CONFIG_FILE));
	daemon_fixture_reload(&f);
	daemon_fixture_idle(&f, 50);
	assert_int_equal(f.d.config->port_cnt, 0);
	assert_false(alarm_is_standing(f.d.alarms, "configuration-not-written", CONFIG_FILE));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_every_call_of_a_commit),
		T(test_edited_file_waits_for_the_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
