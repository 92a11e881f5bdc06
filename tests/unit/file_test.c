/* SPDX-License-Identifier: BSD-3-Clause */
/* Files replaced whole or not at all, and the installation key that lives in one. */
#include "pki/view/file.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "pki/store/installation_key.h"
#include "pki/view/secret.h"
#include "tests/unit/folder_fixture.h"

static int setup(void **state)
{
	struct folder *f = malloc(sizeof(*f));

	folder_init(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	folder_fini(*state);
	free(*state);
	return 0;
}

static void assert_holds(int dir, const char *name, const char *text)
{
	uint8_t *data = NULL;
	size_t len = 99;

	assert_int_equal(rk_file_read(dir, name, 1 << 20, &data, &len), 0);
	assert_int_equal(len, strlen(text));
	assert_string_equal((char *)data, text);
	free(data);
}

static mode_t mode_of(int dir, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir, name, &st, 0), 0);
	return st.st_mode & 07777;
}

static void replace_makes_and_replaces(void **state)
{
	struct folder *f = *state;
	const struct iovec runs[] = {{(char[]){"one "}, 4}, {NULL, 0}, {(char[]){"two"}, 3}};
	mode_t old = umask(077);

	assert_int_equal(rk_file_replace(f->fd, "a.pem", 0644, "first", 5), 0);
	assert_holds(f->fd, "a.pem", "first");
	assert_int_equal(mode_of(f->fd, "a.pem"), 0644); /* whatever the umask */
	assert_int_equal(rk_file_replace(f->fd, "a.pem", 0600, "", 0), 0);
	assert_holds(f->fd, "a.pem", "");
	assert_int_equal(mode_of(f->fd, "a.pem"), 0600);
	assert_int_equal(rk_file_replace_v(f->fd, "a.pem", 0600, runs, 3), 0);
	assert_holds(f->fd, "a.pem", "one two");
	assert_int_equal(folder_scan(f, 0), 1);
	umask(old);
}

static void create_never_overwrites(void **state)
{
	struct folder *f = *state;

	assert_int_equal(rk_file_create(f->fd, "k", 0600, "mine", 4), 0);
	assert_int_equal(rk_file_create(f->fd, "k", 0600, "other", 5), -EEXIST);
	assert_holds(f->fd, "k", "mine");
	assert_int_equal(symlinkat("nowhere", f->fd, "link"), 0);
	assert_int_equal(rk_file_create(f->fd, "link", 0600, "other", 5), -EEXIST);
	assert_int_equal(folder_scan(f, 0), 2);
}

static void bad_names_are_refused(void **state)
{
	struct folder *f = *state;
	char longest[RK_FILE_NAME_MAX + 2];
	uint8_t *data = NULL;
	size_t len = 0;
	const char *bad[] = {"", ".", "..", ".hidden", "a/b", "/a", "../a", longest};

	memset(longest, 'n', sizeof(longest));
	longest[RK_FILE_NAME_MAX + 1] = 0;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(rk_file_replace(f->fd, bad[i], 0600, "x", 1), -EINVAL);
		assert_int_equal(rk_file_create(f->fd, bad[i], 0600, "x", 1), -EINVAL);
		assert_int_equal(rk_file_read(f->fd, bad[i], 9, &data, &len), -EINVAL);
		assert_int_equal(rk_file_keep(f->fd, bad[i], "a"), -EINVAL);
		assert_int_equal(rk_file_keep(f->fd, "a", bad[i]), -EINVAL);
		assert_int_equal(rk_file_remove(f->fd, bad[i]), -EINVAL);
	}
	assert_int_equal(folder_scan(f, 0), 0);
	longest[RK_FILE_NAME_MAX] = 0;
	assert_int_equal(rk_file_replace(f->fd, longest, 0600, "x", 1), 0);
}

static void reading_is_bounded_and_of_files_only(void **state)
{
	struct folder *f = *state;
	uint8_t *data = NULL;
	size_t len = 7;

	assert_int_equal(rk_file_replace(f->fd, "a", 0600, "12345", 5), 0);
	assert_int_equal(rk_file_read(f->fd, "a", 4, &data, &len), -EFBIG);
	assert_int_equal(rk_file_read(f->fd, "none", 4, &data, &len), -ENOENT);
	assert_int_equal(mkdirat(f->fd, "folder", 0700), 0);
	assert_int_equal(rk_file_read(f->fd, "folder", 4, &data, &len), -EINVAL);
	assert_int_equal(unlinkat(f->fd, "folder", AT_REMOVEDIR), 0);
	assert_int_equal(mkfifoat(f->fd, "fifo", 0600), 0);
	assert_int_equal(rk_file_read(f->fd, "fifo", 4, &data, &len), -EINVAL);
	assert_int_equal(symlinkat("a", f->fd, "link"), 0);
	assert_int_equal(rk_file_read(f->fd, "link", 9, &data, &len), -ELOOP);
	assert_null(data);
	assert_int_equal(len, 7);
}

static void secrets_must_be_private(void **state)
{
	struct folder *f = *state;
	uint8_t *data = NULL;
	size_t len = 0, size = 0;

	assert_int_equal(rk_file_replace(f->fd, "k", 0640, "secret", 6), 0);
	assert_int_equal(rk_file_read_secret(f->fd, "k", 99, &data, &len, &size), -EPERM);
	assert_null(data);
	assert_int_equal(rk_file_replace(f->fd, "k", 0600, "secret", 6), 0);
	assert_int_equal(rk_file_read_secret(f->fd, "k", 5, &data, &len, &size), -EFBIG);
	assert_int_equal(rk_file_read_secret(f->fd, "k", 6, &data, &len, &size), 0);
	assert_int_equal(len, 6);
	assert_string_equal((char *)data, "secret");
	rk_secret_free(data, size);
}

static void keep_gives_the_old_one_a_second_name(void **state)
{
	struct folder *f = *state;

	assert_int_equal(rk_file_keep(f->fd, "a", "a.previous"), -ENOENT);
	assert_int_equal(rk_file_replace(f->fd, "a", 0600, "1", 1), 0);
	assert_int_equal(rk_file_keep(f->fd, "a", "a.previous"), 0);
	assert_int_equal(rk_file_keep(f->fd, "a", "a.previous"), 0); /* the same file again */
	assert_int_equal(rk_file_replace(f->fd, "a", 0600, "2", 1), 0);
	assert_holds(f->fd, "a", "2");
	assert_holds(f->fd, "a.previous", "1");
	assert_int_equal(rk_file_keep(f->fd, "a", "a.previous"), 0);
	assert_holds(f->fd, "a.previous", "2");
	assert_int_equal(folder_scan(f, 0), 2);
	assert_int_equal(rk_file_remove(f->fd, "a.previous"), 0);
	assert_int_equal(rk_file_remove(f->fd, "a.previous"), -ENOENT);
}

static void clean_removes_temporaries_only(void **state)
{
	struct folder *f = *state;
	const char *stay[] = {"a", ".a.tmp", ".a.0123456789abcde.tmp", ".a.0123456789abcdeG.tmp",
		"b.0123456789abcdef.tmp", ".0123456789abcdef.tmp", ".a.0123456789abcdef.tmp2"};
	const char *go[] = {".a.0123456789abcdef.tmp", ".custom.pem.ffffffffffffffff.tmp"};
	const size_t stay_cnt = sizeof(stay) / sizeof(stay[0]);

	for (size_t i = 0; i < stay_cnt; i++)
		close(openat(f->fd, stay[i], O_CREAT | O_WRONLY, 0600));
	for (size_t i = 0; i < 2; i++)
		close(openat(f->fd, go[i], O_CREAT | O_WRONLY, 0600));
	assert_int_equal(rk_file_clean(f->fd), 2);
	assert_int_equal(folder_scan(f, 0), (int)stay_cnt);
	assert_int_equal(rk_file_clean(f->fd), 0);
	assert_int_equal(rk_file_clean(-1), -EBADF);
}

/* What a file that was open before holds after it lost its name. */
static void expect_erased(int fd, bool is_expected)
{
	char text[7] = "";

	assert_int_equal(pread(fd, text, 6, 0), 6);
	if (is_expected)
		assert_memory_equal(text, "\0\0\0\0\0\0", 6);
	else
		assert_string_equal(text, "secret");
	close(fd);
}

static int write_secret(struct folder *f, const char *name)
{
	int fd = openat(f->fd, name, O_CREAT | O_RDWR, 0600);

	assert_int_equal(write(fd, "secret", 6), 6);
	return fd;
}

static void secrets_are_overwritten_when_their_name_goes(void **state)
{
	struct folder *f = *state;
	int temporary = write_secret(f, ".a.key.0123456789abcdef.tmp");
	int removed = write_secret(f, "b.key"), linked = write_secret(f, "c.key"), held;

	assert_int_equal(rk_file_clean(f->fd), 1);
	expect_erased(temporary, true);
	held = rk_file_hold(f->fd, "b.key");
	assert_int_equal(rk_file_remove(f->fd, "b.key"), 0);
	assert_int_equal(rk_file_erase(held), 0);
	expect_erased(removed, true);
	assert_int_equal(linkat(f->fd, "c.key", f->fd, "d.key", 0), 0);
	held = rk_file_hold(f->fd, "c.key");
	assert_int_equal(rk_file_remove(f->fd, "c.key"), 0);
	assert_int_equal(rk_file_erase(held), 0);
	expect_erased(linked, false);
	assert_int_equal(rk_file_erase(rk_file_hold(f->fd, "none")), 0);
}

/* A write that ends early, as on a full disk: in a child, because the limit is the process's. */
static void full_disk_leaves_the_old_file(void **state)
{
	struct folder *f = *state;
	static const char big[65536] = {1};
	const struct rlimit limit = {4096, 4096};
	int status = -1;
	pid_t child;

	assert_int_equal(rk_file_replace(f->fd, "a", 0600, "old", 3), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
			_exit(3);
		if (rk_file_replace(f->fd, "a", 0600, big, sizeof(big)) != -EFBIG ||
			rk_file_create(f->fd, "b", 0600, big, sizeof(big)) != -EFBIG)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_holds(f->fd, "a", "old");
	assert_int_equal(folder_scan(f, 0), 1);
}

/* Killed at any instant: the name always holds one whole generation. */
static void kill_leaves_a_whole_file(void **state)
{
	struct folder *f = *state;
	static char content[30000];
	int status;

	memset(content, '0', sizeof(content));
	assert_int_equal(rk_file_replace(f->fd, "a", 0600, content, sizeof(content)), 0);
	for (int round = 0; round < 20; round++) {
		uint8_t *data = NULL;
		size_t len = 0;
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			for (int i = 1;; i++) {
				memset(content, '0' + i % 10, sizeof(content));
				if (rk_file_replace(f->fd, "a", 0600, content, sizeof(content)) < 0)
					_exit(1);
			}
		}
		usleep(1000 + 700 * (useconds_t)round);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(rk_file_read(f->fd, "a", 1 << 20, &data, &len), 0);
		assert_int_equal(len, sizeof(content));
		for (size_t i = 1; i < len; i++)
			assert_int_equal(data[i], data[0]);
		free(data);
	}
	assert_true(rk_file_clean(f->fd) >= 0);
	assert_int_equal(folder_scan(f, 0), 1);
}

static void installation_key_is_made_once(void **state)
{
	struct folder *f = *state;
	uint8_t first[INSTALLATION_KEY_LEN] = {0}, again[INSTALLATION_KEY_LEN] = {0};

	assert_int_equal(installation_key_load(f->fd, first), 0);
	assert_false(rk_bytes_are_zero(first, sizeof(first)));
	assert_int_equal(mode_of(f->fd, INSTALLATION_KEY_FILE), 0600);
	assert_int_equal(installation_key_load(f->fd, again), 0);
	assert_memory_equal(first, again, sizeof(first));
	assert_int_equal(rk_file_replace(f->fd, INSTALLATION_KEY_FILE, 0644, first, 16), 0);
	assert_int_equal(installation_key_load(f->fd, again), -EPERM);
	assert_int_equal(rk_file_replace(f->fd, INSTALLATION_KEY_FILE, 0600, first, 15), 0);
	assert_int_equal(installation_key_load(f->fd, again), -EBADMSG);
	assert_int_equal(
		rk_file_replace(f->fd, INSTALLATION_KEY_FILE, 0600, "0123456789abcdefg", 17), 0);
	assert_int_equal(installation_key_load(f->fd, again), -EBADMSG);
	assert_memory_equal(first, again, sizeof(first)); /* untouched */
	assert_int_equal(rk_file_remove(f->fd, INSTALLATION_KEY_FILE), 0);
	assert_int_equal(installation_key_load(f->fd, again), 0);
	assert_memory_not_equal(first, again, sizeof(first));
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		IN_FOLDER(replace_makes_and_replaces),
		IN_FOLDER(create_never_overwrites),
		IN_FOLDER(bad_names_are_refused),
		IN_FOLDER(reading_is_bounded_and_of_files_only),
		IN_FOLDER(secrets_must_be_private),
		IN_FOLDER(keep_gives_the_old_one_a_second_name),
		IN_FOLDER(clean_removes_temporaries_only),
		IN_FOLDER(secrets_are_overwritten_when_their_name_goes),
		IN_FOLDER(full_disk_leaves_the_old_file),
		IN_FOLDER(kill_leaves_a_whole_file),
		IN_FOLDER(installation_key_is_made_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
