/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The history's guarantees (control/config_history.h): a commit is killed at the entry of every
 * system call that it makes; whatever is left, rekey.json is whole, the newest entry is the one
 * that it stands for, its document can be read, numbers go on, and nothing is left lying about.
 */
#include "tests/unit/killed_child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "control/config_history.h"
#include "pki/view/file.h"

#define FILE_NAME "rekey.json"
#define CALLS_MAX 2000

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void remove_tree(const char *path)
{
	assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void make_entry(struct config_history *h, struct config_entry *e, const char *text)
{
	*e = (struct config_entry){.number = config_history_next(h),
		.time = 1000,
		.size = strlen(text),
		.origin = "commit",
		.user = "tester"};
	assert_int_equal(config_digest(text, strlen(text), e->digest), 0);
}

/* What a commit writes, as control/configuration_commit.c plans it. */
static int commit_text(int dir, const char *text)
{
	struct config_history *h = NULL;
	struct write_plan plan = {0};
	struct config_entry e;
	int ret = config_history_open(dir, &h);

	if (ret < 0)
		return ret;
	make_entry(h, &e, text);
	config_history_plan_before(h, &plan, &e, NULL, strdup(text));
	write_plan_add(&plan, dir, FILE_NAME, 0640, strdup(text), strlen(text));
	config_history_plan_after(h, &plan, &e, NULL);
	ret = write_plan_run(&plan);
	if (ret == 0)
		config_history_accept(h, NULL, &e, NULL);
	write_plan_fini(&plan);
	config_history_close(h);
	return ret;
}

static const char old_text[] = "{\"is\": \"old\"}", new_text[] = "{\"is\": \"new\"}";

static int commit_new(int dir)
{
	return commit_text(dir, new_text);
}

/* A document for each entry, and none besides: nobody would ever take it away. */
static void check_documents(int dir, const struct config_history *h)
{
	int fd = openat(dir, "config", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fdopendir(fd);
	size_t cnt = 0;

	assert_non_null(list);
	for (struct dirent *e; (e = readdir(list)) != NULL;)
		cnt += e->d_name[0] != '.' && strcmp(e->d_name, "index.json") != 0;
	closedir(list);
	assert_int_equal(cnt, config_history_cnt(h));
}

/* What a start finds; true when the new one is in force. */
static bool recover(int dir)
{
	char digest[CONFIG_DIGEST_LEN + 1];
	struct config_history *h = NULL;
	const struct config_entry *e;
	json_t *document = NULL;
	uint8_t *text = NULL;
	bool is_new;
	size_t len;

	assert_true(rk_file_clean(dir) >= 0);
	assert_int_equal(rk_file_read(dir, FILE_NAME, 4096, &text, &len), 0);
	is_new = strcmp((char *)text, new_text) == 0;
	assert_true(is_new || strcmp((char *)text, old_text) == 0);
	assert_int_equal(config_digest(text, len, digest), 0);
	assert_int_equal(config_history_open(dir, &h), 0);
	config_history_resolve(h, digest);
	e = config_history_at(h, 0);
	assert_string_equal(e->digest, digest);
	assert_string_equal(e->user, "tester");
	assert_int_equal(config_history_read(h, e->number, &document), 0);
	assert_string_equal(
		json_string_value(json_object_get(document, "is")), is_new ? "new" : "old");
	assert_true(config_history_next(h) > e->number);
	check_documents(dir, h);
	json_decref(document);
	config_history_close(h);
	free(text);
	return is_new;
}

static void test_killed_anywhere(void **state)
{
	unsigned nth = 1, new_cnt = 0, old_cnt = 0;
	bool is_killed;

	(void)state;
	do {
		char path[] = "/tmp/history-XXXXXX";
		int dir;

		assert_non_null(mkdtemp(path));
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_int_equal(commit_text(dir, old_text), 0);
		is_killed = run_and_kill(commit_new, dir, nth);
		if (recover(dir))
			new_cnt++;
		else
			old_cnt++;
		/* And it goes on. */
		assert_int_equal(commit_text(dir, new_text), 0);
		assert_true(recover(dir));
		remove_tree(path);
		close(dir);
	} while (is_killed && ++nth < CALLS_MAX);
	assert_true(nth < CALLS_MAX && old_cnt > 10 && new_cnt > 5);
}

/* What is unconfirmed survives with its entry, and a confirmation ends it for good. */
static void test_unconfirmed(void **state)
{
	char path[] = "/tmp/history-XXXXXX";
	struct config_unconfirmed u = {.number = 1, .previous = 7, .deadline = 99};
	struct config_history *h = NULL;
	struct write_plan plan = {0};
	struct config_entry e;
	int dir;

	(void)state;
	assert_non_null(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(config_history_open(dir, &h), 0);
	make_entry(h, &e, old_text);
	config_history_plan_before(h, &plan, &e, &u, strdup(old_text));
	/* Only the pending index was written, and rekey.json by whoever ended here. */
	assert_int_equal(write_plan_run(&plan), 0);
	write_plan_fini(&plan);
	config_history_close(h);
	assert_int_equal(config_history_open(dir, &h), 0);
	config_history_resolve(h, e.digest);
	assert_int_equal(config_history_unconfirmed(h)->previous, 7);
	config_history_close(h);
	assert_int_equal(config_history_open(dir, &h), 0);
	assert_int_equal(config_history_unconfirmed(h)->deadline, 99);
	config_history_plan_confirm(h, &plan);
	assert_int_equal(write_plan_run(&plan), 0);
	write_plan_fini(&plan);
	config_history_confirm(h);
	assert_int_equal(config_history_unconfirmed(h)->number, 0);
	config_history_close(h);
	assert_int_equal(config_history_open(dir, &h), 0);
	assert_int_equal(config_history_unconfirmed(h)->number, 0);
	config_history_close(h);
	remove_tree(path);
	close(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_anywhere),
		cmocka_unit_test(test_unconfirmed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
