/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The audit log's files: how many are kept, what is synced before a new one is written to, and who
 * waits while the disk takes nothing. fsync is taken at link time (-Wl,--wrap).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/alarms.h"
#include "control/audit_private.h"
#include "control/helper.h"
#include "tests/unit/daemon_fixture.h"

static struct daemon_fixture f;
static struct rlimit file_limit;

/* Of the folder, by the test's own thread, while the present file had no line yet. */
static __thread unsigned early_sync_cnt;
static __thread bool is_early_sync_refused;

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
	struct stat st;

	if (fd != f.d.state_fd || fstatat(fd, AUDIT_FILE, &st, 0) < 0 || st.st_size > 0)
		return __real_fsync(fd);
	early_sync_cnt++;
	if (!is_early_sync_refused)
		return __real_fsync(fd);
	errno = EIO;
	return -1;
}

static int set_up(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	is_early_sync_refused = false;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &file_limit), 0);
	daemon_fixture_open(&f, "{" FIXTURE_ROUTER "}");
	audit_flush(f.d.audit);
	helper_pool_drain(f.d.disk);
	early_sync_cnt = 0;
	return 0;
}

static void free_disk(void)
{
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &file_limit), 0);
}

static int tear_down(void **state)
{
	(void)state;
	free_disk(); /* a test may have failed before */
	daemon_fixture_close(&f);
	return 0;
}

static json_int_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static off_t size_of(const char *name)
{
	struct stat st;

	return fstatat(f.d.state_fd, name, &st, 0) == 0 ? st.st_size : -1;
}

static size_t file_cnt(void)
{
	DIR *dir = opendir(f.dir[1]);
	const struct dirent *entry;
	size_t cnt = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		cnt += strncmp(entry->d_name, AUDIT_FILE, strlen(AUDIT_FILE)) == 0;
	closedir(dir);
	return cnt;
}

/* The next record finds the present file full: its lines need not be written for that. */
static void write_to_a_new_file(void)
{
	f.d.audit->size = AUDIT_FILE_LIMIT + 1;
	audit_write(f.d.audit, "system.next", "Next.", NULL);
	audit_flush(f.d.audit);
}

static void expect_intact(json_int_t files, json_int_t records)
{
	struct call c = {0};

	audit_verify(f.d.audit, call_answered, &c);
	call_wait(&f, &c, 200);
	assert_true(json_is_true(json_object_get(c.body, "is_intact")));
	assert_int_equal(number(c.body, "files"), files);
	if (records > 0)
		assert_int_equal(number(c.body, "records"), records);
	assert_int_equal(number(c.body, "last"), f.d.audit->link.seq);
	call_fini(&c);
}

/* One record a file: the last ten files are kept, and read as one log. */
static void test_oldest_file_goes(void **state)
{
	json_t *events, *event;
	size_t i;

	(void)state;
	for (unsigned cnt = 2; cnt <= AUDIT_FILE_CNT + 5; cnt++) {
		write_to_a_new_file();
		assert_int_equal(file_cnt(), cnt < AUDIT_FILE_CNT ? cnt : AUDIT_FILE_CNT);
	}
	assert_true(size_of("audit.jsonl.9") > 0);
	assert_int_equal(size_of("audit.jsonl.10"), -1);
	expect_intact(AUDIT_FILE_CNT, AUDIT_FILE_CNT);
	events = audit_tail(f.d.audit, (size_t)2 * AUDIT_FILE_CNT);
	assert_int_equal(json_array_size(events), AUDIT_FILE_CNT);
	json_array_foreach(events, i, event)
		assert_int_equal(number(event, "seq"), f.d.audit->link.seq - i);
	json_decref(events);
	daemon_fixture_restart(&f);
	assert_int_equal(file_cnt(), AUDIT_FILE_CNT);
	expect_intact(AUDIT_FILE_CNT, 0);
}

/* A line in a file whose name a crash would take away is not on disk: the folder goes first. */
static void test_folder_is_synced_first(void **state)
{
	(void)state;
	write_to_a_new_file();
	assert_int_equal(early_sync_cnt, 1);

	is_early_sync_refused = true;
	write_to_a_new_file();
	assert_int_equal(size_of(AUDIT_FILE), 0);
	assert_true(audit_waiting(f.d.audit) > 0);
	assert_true(alarm_is_standing(f.d.alarms, "audit-write", AUDIT_FILE));
	audit_flush(f.d.audit); /* it is still due */
	assert_int_equal(early_sync_cnt, 3);
	assert_int_equal(size_of(AUDIT_FILE), 0);

	is_early_sync_refused = false;
	audit_flush(f.d.audit);
	assert_int_equal(early_sync_cnt, 4);
	assert_true(size_of(AUDIT_FILE) > 0);
	assert_int_equal(audit_waiting(f.d.audit), 0);
	assert_false(alarm_is_standing(f.d.alarms, "audit-write", AUDIT_FILE));
	expect_intact(3, 0);
}

/* So it is with the very first file. */
static void test_first_file_is_synced_first(void **state)
{
	(void)state;
	audit_close(f.d.audit);
	f.d.audit = NULL;
	assert_int_equal(unlinkat(f.d.state_fd, AUDIT_FILE, 0), 0);
	assert_int_equal(unlinkat(f.d.state_fd, AUDIT_HEAD_FILE, 0), 0);
	assert_int_equal(audit_open(&f.d, &f.d.audit), 0);
	early_sync_cnt = 0;
	audit_write(f.d.audit, "system.first", "First.", NULL);
	audit_flush(f.d.audit);
	assert_int_equal(early_sync_cnt, 1);
	expect_intact(1, 1);
}

/* ---- a disk that takes nothing more ------------------------------------------------------------ */

static void fill_disk(void)
{
	struct rlimit some = {(rlim_t)size_of(AUDIT_FILE) + 10, file_limit.rlim_max};

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &some), 0);
}

static void count(void *cnt)
{
	++*(unsigned *)cnt;
}

static bool is_counted(void *cnt)
{
	return *(unsigned *)cnt > 0;
}

/* Nobody waits for ever: who does is told once, also one whose line came behind the batch. */
static void test_failure_is_told(void **state)
{
	unsigned first = 0, second = 0;

	(void)state;
	fill_disk();
	audit_write(f.d.audit, "system.first", "First.", NULL);
	audit_when_written(f.d.audit, count, &first);
	audit_write(f.d.audit, "system.second", "Second.", NULL);
	audit_when_written(f.d.audit, count, &second);
	assert_int_equal(first + second, 0); /* the disk thread has it */
	daemon_fixture_run(&f, is_counted, &first);
	daemon_fixture_run(&f, is_counted, &second);
	assert_true(alarm_is_standing(f.d.alarms, "audit-write", AUDIT_FILE));
	assert_true(audit_waiting(f.d.audit) > 0);

	free_disk();
	audit_flush(f.d.audit);
	audit_flush(f.d.audit); /* the alarm's end */
	assert_int_equal(audit_waiting(f.d.audit), 0);
	assert_int_equal(first, 1);
	assert_int_equal(second, 1);
	expect_intact(1, 0);
}

static void write_long(size_t len)
{
	char *text = malloc(len + 1);

	assert_non_null(text);
	memset(text, 'x', len);
	text[len] = '\0';
	audit_write(f.d.audit, "system.long", text, NULL);
	free(text);
}

/* What the disk did not take waits like all that comes behind it, and both make it full. */
static void test_batch_counts_as_waiting(void **state)
{
	(void)state;
	fill_disk();
	write_long(200 << 10);
	audit_flush(f.d.audit);
	assert_true(audit_waiting(f.d.audit) > 200 << 10);
	assert_false(audit_is_full(f.d.audit));
	write_long(100 << 10);
	assert_true(audit_waiting(f.d.audit) > 300 << 10);
	assert_true(audit_is_full(f.d.audit));

	free_disk();
	audit_flush(f.d.audit);
	audit_flush(f.d.audit);
	assert_int_equal(audit_waiting(f.d.audit), 0);
	assert_false(audit_is_full(f.d.audit));
	expect_intact(1, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_oldest_file_goes),
		T(test_folder_is_synced_first),
		T(test_first_file_is_synced_first),
		T(test_failure_is_told),
		T(test_batch_counts_as_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
