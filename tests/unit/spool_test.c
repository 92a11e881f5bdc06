/* SPDX-License-Identifier: BSD-3-Clause */
/* Files without a name where the disk is full, or its file system knows no such files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/crl/spool.h"

#define NAME "crl.fetch" /* where a name is needed for a moment */
#define LEN  100000

/* What the system says, where it is not 0. */
static struct {
	int no_tmpfile, named, memory;
	int write_after, write_error; /* that many calls are good, and of each half */
	int copy_error;
	unsigned memory_cnt;
} fails;

static int folder;
static char path[] = "/tmp/rekey-spool-XXXXXX";
static uint8_t data[LEN];

int __real_openat64(int dir, const char *name, int flags, ...);
int __wrap_openat64(int dir, const char *name, int flags, ...);
int __real_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags);
ssize_t __real_write(int fd, const void *from, size_t len);
ssize_t __wrap_write(int fd, const void *from, size_t len);
ssize_t __real_sendfile64(int to, int from, off_t *at, size_t len);
ssize_t __wrap_sendfile64(int to, int from, off_t *at, size_t len);

int __wrap_openat64(int dir, const char *name, int flags, ...)
{
	int error = (flags & O_TMPFILE) == O_TMPFILE ? fails.no_tmpfile : fails.named;

	if (error == 0)
		return __real_openat64(dir, name, flags, 0600);
	errno = error;
	return -1;
}

int __wrap_memfd_create(const char *name, unsigned flags)
{
	fails.memory_cnt++;
	if (fails.memory == 0)
		return __real_memfd_create(name, flags);
	errno = fails.memory;
	return -1;
}

static bool is_on_disk(int fd)
{
	struct stat file, dir;

	assert_int_equal(fstat(fd, &file) | fstat(folder, &dir), 0);
	return file.st_dev == dir.st_dev;
}

ssize_t __wrap_write(int fd, const void *from, size_t len)
{
	bool is_failing = fails.write_error != 0 && is_on_disk(fd);

	if (!is_failing)
		return __real_write(fd, from, len);
	if (fails.write_after-- > 0)
		return __real_write(fd, from, (len + 1) / 2);
	errno = fails.write_error;
	if (errno == EINTR)
		fails.write_error = 0;
	return -1;
}

ssize_t __wrap_sendfile64(int to, int from, off_t *at, size_t len)
{
	if (fails.copy_error == 0)
		return __real_sendfile64(to, from, at, len > 4711 ? 4711 : len);
	if (!is_on_disk(to))
		return __real_sendfile64(to, from, at, len);
	errno = fails.copy_error;
	if (errno == EINTR)
		fails.copy_error = 0;
	return -1;
}

static int make_folder(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(path));
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < LEN; i++)
		data[i] = (uint8_t)(i * 31 + i / 251);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	close(folder);
	return rmdir(path); /* nothing was left in it */
}

static int begin(void **state)
{
	(void)state;
	memset(&fails, 0, sizeof(fails));
	return 0;
}

static int open_spool(void)
{
	int fd = spool_open(folder);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	assert_int_equal(fstat(fd, &st), 0);
	if (is_on_disk(fd)) {
		assert_int_equal(st.st_nlink, 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
	}
	return fd;
}

static void expect_whole(int fd)
{
	uint8_t *is = malloc(LEN + 1);

	assert_int_equal(pread(fd, is, LEN + 1, 0), LEN);
	assert_memory_equal(is, data, LEN);
	free(is);
}

static void file_has_no_name(void **state)
{
	static const int errors[] = {0, EOPNOTSUPP, EISDIR, EINVAL};
	char victim[64];

	(void)state;
	snprintf(victim, sizeof(victim), "%s/victim", path);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		int fd;

		fails.no_tmpfile = errors[i];
		fd = open_spool();
		assert_true(is_on_disk(fd));
		close(fd);
		/* Of a process that was killed in between; and no link of somebody's is followed. */
		for (int is_link = 0; is_link < 2 && i > 0; is_link++) {
			if (is_link)
				assert_int_equal(symlinkat(victim, folder, NAME), 0);
			else
				close(__real_openat64(folder, NAME, O_CREAT | O_WRONLY, 0644));
			fd = open_spool();
			assert_true(is_on_disk(fd));
			close(fd);
			assert_int_equal(access(victim, F_OK), -1);
		}
	}
	assert_int_equal(fails.memory_cnt, 0);
}

static void no_room_for_a_file_is_memory(void **state)
{
	int fd;

	(void)state;
	fails.no_tmpfile = ENOSPC; /* no reason to try a name */
	fd = open_spool();
	assert_false(is_on_disk(fd));
	close(fd);
	fails.no_tmpfile = EOPNOTSUPP;
	fails.named = EROFS;
	fd = open_spool();
	assert_false(is_on_disk(fd));
	close(fd);
	fails.memory = ENFILE;
	assert_int_equal(spool_open(folder), -ENFILE);
}

/* What was written comes along, and what comes next is behind it. */
static void full_disk_moves_to_memory(void **state)
{
	static const int errors[] = {ENOSPC, EDQUOT, EIO};

	(void)state;
	for (int after = 0; after < 12; after++) {
		int fd = open_spool();

		fails.write_error = 0;
		assert_int_equal(spool_write(&fd, data, 1000), 0);
		fails.write_after = after;
		fails.write_error = errors[after % 3];
		assert_int_equal(spool_write(&fd, data + 1000, 50000), 0);
		assert_false(is_on_disk(fd));
		assert_int_equal(spool_write(&fd, data + 51000, LEN - 51000), 0);
		expect_whole(fd);
		close(fd);
	}
	assert_int_equal(fails.memory_cnt, 12);
}

/* And then the file is as it was, to be closed. */
static void other_failures_are_told(void **state)
{
	int fd = open_spool(), was = fd;
	uint8_t byte;

	(void)state;
	fails.write_error = EFBIG;
	assert_int_equal(spool_write(&fd, data, LEN), -EFBIG);
	fails.write_error = ENOSPC;
	fails.memory = ENOMEM;
	assert_int_equal(spool_write(&fd, data, LEN), -ENOMEM);
	fails.memory = 0;
	fails.copy_error = EPERM;
	assert_int_equal(fails.memory_cnt, 1);
	assert_int_equal(fd, was);
	fails.write_error = EINTR;
	fails.copy_error = 0;
	assert_int_equal(spool_write(&fd, data, LEN), 0);
	expect_whole(fd);
	/* What is on the disk cannot be read any more. */
	fails.copy_error = EPERM;
	assert_int_equal(spool_copy(folder, &fd, LEN), -EPERM);
	assert_int_equal(fd, was);
	fails.copy_error = 0;
	assert_int_equal(spool_copy(folder, &fd, LEN + 1), -EBADMSG);
	assert_int_equal(fd, was);
	fails.no_tmpfile = ENOSPC;
	fails.memory = ENOMEM;
	assert_int_equal(spool_copy(folder, &fd, LEN), -ENOMEM);
	assert_int_equal(fd, was);
	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	close(fd);
}

/* Whoever still holds the old one changes nothing in the new one. */
static void copy_is_a_file_of_its_own(void **state)
{
	static const int errors[] = {0, EINTR, ENOSPC, EDQUOT, EIO};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		int fd = open_spool(), old;

		assert_int_equal(spool_write(&fd, data, LEN), 0);
		assert_int_equal(spool_write(&fd, data, LEN), 0); /* more than is wanted */
		old = dup(fd);
		fails.copy_error = errors[i];
		assert_int_equal(spool_copy(folder, &fd, LEN), 0);
		fails.copy_error = 0;
		assert_int_equal(pwrite(old, "x", 1, 1), 1);
		expect_whole(fd);
		assert_int_equal(is_on_disk(fd), i < 2);
		close(old);
		close(fd);
	}
	assert_int_equal(fails.memory_cnt, 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest tests[] = {
		T(file_has_no_name),
		T(no_room_for_a_file_is_memory),
		T(full_disk_moves_to_memory),
		T(other_failures_are_told),
		T(copy_is_a_file_of_its_own),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
