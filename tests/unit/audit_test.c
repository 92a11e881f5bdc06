/* SPDX-License-Identifier: BSD-3-Clause */
/* The audit log: its chain, what breaks it, rotation, and what a crash costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>
#include <signal.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/alarms.h"
#include "control/audit.h"
#include "control/audit_chain.h"
#include "pki/view/file.h"
#include "tests/unit/daemon_fixture.h"

static struct daemon_fixture f;

static int set_up(void **state)
{
	(void)state;
	daemon_fixture_open(&f, "{" FIXTURE_ROUTER "}");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	daemon_fixture_close(&f);
	return 0;
}

static const char *field(const json_t *list, size_t i, const char *name)
{
	return json_string_value(json_object_get(json_array_get(list, i), name));
}

/* The answer of a verification; owned by the caller. */
static json_t *verified(void)
{
	struct call c = {0};

	audit_verify(f.d.audit, call_answered, &c);
	call_wait(&f, &c, 200);
	return c.body;
}

static void expect_intact(bool is_intact)
{
	json_t *v = verified();
	const char *problem = json_string_value(json_object_get(v, "problem"));

	if (json_is_true(json_object_get(v, "is_intact")) != is_intact)
		fail_msg("%s", problem != NULL ? problem : "is intact");
	assert_int_equal(alarm_is_standing(f.d.alarms, "audit-damaged", "audit.jsonl"), !is_intact);
	json_decref(v);
}

static char *read_log(size_t *len)
{
	int fd = openat(f.d.state_fd, "audit.jsonl", O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text;

	assert_int_equal(fstat(fd, &st), 0);
	text = malloc((size_t)st.st_size + 1);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	text[st.st_size] = '\0';
	close(fd);
	*len = (size_t)st.st_size;
	return text;
}

static void write_log(const char *text, size_t len)
{
	int fd = openat(f.d.state_fd, "audit.jsonl", O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
}

static void write_three(void)
{
	uint64_t before = audit_count(f.d.audit);

	audit_write(f.d.audit, "system.first", "First.", NULL);
	audit_write(f.d.audit, "system.second", "Second.", NULL);
	audit_write(f.d.audit, "system.third", "Third.", NULL);
	assert_int_equal(audit_count(f.d.audit), before + 3);
	audit_flush(f.d.audit);
}

static void test_records(void **state)
{
	const struct audit_actor actor = {"anna", "192.0.2.7", "req-1", false};
	json_t *events, *event;
	int fd;

	(void)state;
	audit_write(f.d.audit, "system.first", "First.", NULL);
	audit_set_actor(f.d.audit, &actor);
	audit_write(f.d.audit, "system.second", "Second.", json_pack("{s:i}", "n", 2));
	audit_set_actor(f.d.audit, NULL);
	events = audit_tail(f.d.audit, 2); /* not on disk yet, and told all the same */
	assert_string_equal(field(events, 0, "type"), "system.second");
	event = json_array_get(events, 0);
	assert_string_equal(field(events, 0, "user"), "anna");
	assert_string_equal(field(events, 0, "request_id"), "req-1");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(event, "detail"), "n")), 2);
	json_decref(events);
	/* A crash cut a line: it was confirmed to nobody, and the chain goes on without it. */
	audit_flush(f.d.audit);
	daemon_close(&f.d);
	fd = open(f.dir[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	{
		int log = openat(fd, "audit.jsonl", O_WRONLY | O_APPEND | O_CLOEXEC);

		assert_int_equal(write(log, "{\"seq\":99,\"prev\":\"cut", 19), 19);
		close(log);
	}
	close(fd);
	assert_int_equal(daemon_open(&f.d, &f.options), 0);
	write_three();
	expect_intact(true);
	events = audit_tail(f.d.audit, 1);
	assert_string_equal(field(events, 0, "type"), "system.third");
	assert_string_equal(field(events, 0, "user"), "system");
	json_decref(events);
}

/* The problem found in a text, "" when it is whole. */
static const char *problem_of(const char *text, size_t len, const struct audit_link *head)
{
	static struct audit_check c;

	memset(&c, 0, sizeof(c));
	audit_link_first(&c.at);
	audit_check_file(&c, head, "log", text, len);
	if (c.problem[0] == '\0' && head != NULL && !c.is_head_seen)
		return "the head is missing";
	return c.problem;
}

static char *line_with(char *text, const char *word)
{
	char *line = strstr(text, word);

	while (line > text && line[-1] != '\n')
		line--;
	return line;
}

/* A byte changed, a line taken out, put in or cut off, the end missing. */
static void test_tampering(void **state)
{
	char *text, *copy, *second, *third;
	struct audit_link head;
	uint8_t *head_text;
	size_t len, head_len;

	(void)state;
	write_three();
	text = read_log(&len);
	copy = malloc(2 * len + 1);
	assert_int_equal(rk_file_read(f.d.state_fd, "audit.head", 128, &head_text, &head_len), 0);
	assert_true(audit_head_parse((const char *)head_text, head_len, &head));
	free(head_text);
	assert_string_equal(problem_of(text, len, &head), "");

	memcpy(copy, text, len + 1);
	memcpy(strstr(copy, "Second"), "Zecond", 6);
	assert_string_not_equal(problem_of(copy, len, NULL), "");

	memcpy(copy, text, len + 1);
	second = line_with(copy, "system.second");
	third = line_with(copy, "system.third");
	assert_string_equal(problem_of(copy, (size_t)(third - copy), NULL), "");
	assert_string_equal(problem_of(copy, (size_t)(third - copy), &head), "the head is missing");
	assert_string_not_equal(problem_of(copy, len - 1, NULL), "");
	memmove(third, second, strlen(second) + 1); /* the second line twice */
	assert_string_not_equal(problem_of(copy, strlen(copy), NULL), "");
	memcpy(copy, text, len + 1);
	memmove(second, third, strlen(third) + 1);
	assert_string_not_equal(problem_of(copy, strlen(copy), NULL), "");
	free(copy);

	/* The daemon finds it, too, and says so. */
	expect_intact(true);
	memcpy(strstr(text, "Second"), "Zecond", 6);
	write_log(text, len);
	expect_intact(false);
	free(text);
}

/* The disk took part of a line: it is taken back, and written whole when there is room. */
static void test_part_of_a_line_is_taken_back(void **state)
{
	struct rlimit old, some;
	size_t len;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	write_three();
	free(read_log(&len));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	some = (struct rlimit){len + 10, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &some), 0);
	audit_write(f.d.audit, "system.fourth", "Fourth.", NULL);
	audit_flush(f.d.audit);
	assert_true(audit_waiting(f.d.audit) > 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	audit_flush(f.d.audit);
	assert_int_equal(audit_waiting(f.d.audit), 0);
	expect_intact(true);
}

static void test_cut_off_is_told_at_start(void **state)
{
	char *text, *line;
	size_t len;
	int fd;

	(void)state;
	write_three();
	daemon_close(&f.d);
	fd = f.d.state_fd = open(f.dir[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	text = read_log(&len);
	line = memrchr(text, '\n', len - 1); /* the last one is enough */
	write_log(text, (size_t)(line + 1 - text));
	close(fd);
	free(text);
	log_set_level(RK_LOG_ERROR);
	assert_int_equal(daemon_open(&f.d, &f.options), 0);
	assert_true(alarm_is_standing(f.d.alarms, "audit-damaged", "audit.jsonl"));
}

static int rename_in_state(const char *from, const char *to)
{
	char old[128], new[128];

	snprintf(old, sizeof(old), "%s/%s", f.dir[1], from);
	snprintf(new, sizeof(new), "%s/%s", f.dir[1], to);
	return rename(old, new);
}

static void test_rotation(void **state)
{
	char *big = malloc(100001), name[32];
	json_t *v;
	struct stat st;

	(void)state;
	memset(big, 'x', 100000);
	big[100000] = '\0';
	for (int i = 0; i < 400; i++) {
		audit_write(f.d.audit, "system.big", big, NULL);
		audit_flush(f.d.audit);
	}
	free(big);
	for (int age = 1; age <= 2; age++) {
		snprintf(name, sizeof(name), "audit.jsonl.%d", age);
		assert_int_equal(fstatat(f.d.state_fd, name, &st, 0), 0);
		assert_true(st.st_size < AUDIT_FILE_LIMIT + 200000);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	v = verified();
	assert_true(json_is_true(json_object_get(v, "is_intact")));
	assert_int_equal(json_integer_value(json_object_get(v, "files")), 3);
	assert_true(json_integer_value(json_object_get(v, "records")) >= 400);
	json_decref(v);
	/* A crash came between the change of files and the first line of the new one. */
	daemon_close(&f.d);
	assert_int_equal(rename_in_state("audit.jsonl", "audit.jsonl.0"), 0);
	assert_int_equal(rename_in_state("audit.jsonl.2", "audit.jsonl.3"), 0);
	assert_int_equal(rename_in_state("audit.jsonl.1", "audit.jsonl.2"), 0);
	assert_int_equal(rename_in_state("audit.jsonl.0", "audit.jsonl.1"), 0);
	assert_int_equal(daemon_open(&f.d, &f.options), 0);
	write_three();
	expect_intact(true);
	assert_int_equal(rename_in_state("audit.jsonl.3", "audit.jsonl.5"), 0);
	/* The oldest goes: what is left is a chain of its own. */
	assert_int_equal(unlinkat(f.d.state_fd, "audit.jsonl.5", 0), 0);
	expect_intact(true);
	/* One that is missing between others is noticed. */
	assert_int_equal(rename_in_state("audit.jsonl.1", "kept"), 0);
	expect_intact(false);
	assert_int_equal(rename_in_state("kept", "audit.jsonl.1"), 0);
	expect_intact(true);
	daemon_fixture_restart(&f);
	expect_intact(true);
}

struct told {
	unsigned cnt;
	off_t size[3]; /* of the file, when each was told */
};

static void tell(void *arg)
{
	struct told *t = arg;
	struct stat st;

	assert_int_equal(fstatat(f.d.state_fd, "audit.jsonl", &st, 0), 0);
	t->size[t->cnt++] = st.st_size;
}

/* Whoever waits is told when the file has its line, while others come; every line is told once. */
static void test_written_by_the_disk_thread(void **state)
{
	struct told t = {0};
	json_t *events;
	struct stat before;

	(void)state;
	audit_flush(f.d.audit);
	assert_int_equal(fstatat(f.d.state_fd, "audit.jsonl", &before, 0), 0);
	audit_when_written(f.d.audit, tell, &t);
	assert_int_equal(t.cnt, 1); /* nothing to wait for */
	audit_write(f.d.audit, "system.first", "First.", NULL);
	audit_when_written(f.d.audit, tell, &t);
	audit_write(f.d.audit, "system.second", "Second.", NULL);
	audit_when_written(f.d.audit, tell, &t);
	assert_int_equal(t.cnt, 1); /* the loop did not wait */
	assert_true(audit_waiting(f.d.audit) > 0);
	events = audit_tail(f.d.audit, 2); /* one is being written, the other waits */
	assert_string_equal(field(events, 0, "type"), "system.second");
	assert_string_equal(field(events, 1, "type"), "system.first");
	json_decref(events);
	while (t.cnt < 3)
		daemon_fixture_idle(&f, 1);
	assert_true(t.size[1] > before.st_size + 10);
	assert_true(t.size[2] > t.size[1] || t.size[1] > before.st_size + 400);
	assert_int_equal(audit_waiting(f.d.audit), 0);
	/* One that cannot wait takes over what the disk thread has. */
	audit_write(f.d.audit, "system.third", "Third.", NULL);
	audit_when_written(f.d.audit, tell, &(struct told){0});
	audit_write(f.d.audit, "system.fourth", "Fourth.", NULL);
	audit_flush(f.d.audit);
	assert_int_equal(audit_waiting(f.d.audit), 0);
	expect_intact(true);
	daemon_fixture_restart(&f);
	expect_intact(true);
}

/* A line whose head differs from a good one in one thing. */
static void test_chain_is_read_to_the_letter(void **state)
{
	static const char *const seqs[] = {"", "0", "-1", " 1", "01234567890123456789", "x", "1 "};
	static const char good[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct audit_link before;
	char line[256], hash[sizeof(good)];

	(void)state;
	snprintf(line, sizeof(line), "{\"seq\":5,\"prev\":\"%s\",", good);
	assert_true(audit_link_claim(line, strlen(line), &before));
	assert_int_equal(before.seq, 4);
	assert_string_equal(before.hash, good);
	for (size_t len = 0; len < strlen(line); len++)
		assert_false(audit_link_claim(line, len, &before));
	for (size_t i = 0; i < sizeof(seqs) / sizeof(seqs[0]); i++) {
		snprintf(line, sizeof(line), "{\"seq\":%s,\"prev\":\"%s\",", seqs[i], good);
		assert_false(audit_link_claim(line, strlen(line), &before));
	}
	for (const char *c = "gA \"/:`"; *c != '\0'; c++) {
		memcpy(hash, good, sizeof(hash));
		hash[63] = *c;
		snprintf(line, sizeof(line), "{\"seq\":5,\"prev\":\"%s\",", hash);
		assert_false(audit_link_claim(line, strlen(line), &before));
		snprintf(line, sizeof(line), "5 %s\n", hash);
		assert_false(audit_head_parse(line, strlen(line), &before));
	}
	snprintf(line, sizeof(line), "5 %s\n\n", good);
	assert_false(audit_head_parse(line, strlen(line), &before));
	assert_int_equal(before.seq, 4); /* what is refused changes nothing */
}

/* What a file of this one line, of number 1 or 5, behind that hash, is found to be. */
static struct audit_check check_line(unsigned seq, const char *hash, const char *end)
{
	struct audit_check c = {0};
	char line[256];

	audit_link_first(&c.at);
	snprintf(line, sizeof(line), "{\"seq\":%u,\"prev\":\"%s\",\"a\":1}%s", seq, hash, end);
	audit_check_file(&c, NULL, "audit.jsonl.3", line, strlen(line));
	return c;
}

/* The oldest file may begin anywhere, but the first line of all has none before it. */
static void test_where_the_chain_begins(void **state)
{
	struct audit_link first;
	struct audit_check c;
	char other[AUDIT_HASH_LEN];

	(void)state;
	audit_link_first(&first);
	memcpy(other, first.hash, sizeof(other));
	other[0] = 'a';
	c = check_line(1, first.hash, "\n");
	assert_string_equal(c.problem, "");
	assert_int_equal(c.first, 1);
	assert_int_equal(c.record_cnt, 1);
	c = check_line(5, other, "\n");
	assert_string_equal(c.problem, "");
	assert_int_equal(c.first, 5);
	assert_int_equal(c.at.seq, 5);
	c = check_line(1, other, "\n");
	assert_string_equal(c.problem, "audit.jsonl.3: line 1 does not follow record 0");
	c = check_line(1, first.hash, "");
	assert_string_equal(c.problem, "audit.jsonl.3: line 1 is cut off");
}

/* The line that audit.head names is there, and is that line; others may follow. */
static void test_head_is_met(void **state)
{
	struct audit_link first, head;
	struct audit_check c = {0};
	char text[512], *second = text;

	(void)state;
	audit_link_first(&first);
	audit_link_first(&head);
	second += sprintf(text, "{\"seq\":1,\"prev\":\"%s\",\"a\":1}\n", first.hash);
	assert_true(audit_link_step(&head, text, (size_t)(second - text - 1)));
	sprintf(second, "{\"seq\":2,\"prev\":\"%s\",\"a\":2}\n", head.hash);
	audit_check_file(&c, &head, "audit.jsonl", text, strlen(text));
	assert_string_equal(c.problem, "");
	assert_int_equal(c.at.seq, 2);
	assert_true(c.is_head_seen);
	/* Nobody follows the last line: that it was changed, its hash tells alone. */
	c = (struct audit_check){0};
	text[strlen(text) - 3] = '1';
	head = (struct audit_link){.seq = 2};
	memcpy(head.hash, first.hash, sizeof(head.hash));
	audit_check_file(&c, &head, "audit.jsonl", text, strlen(text));
	assert_string_equal(c.problem, "");
	assert_false(c.is_head_seen);
}

static void test_chain_form(void **state)
{
	static const char zeros[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	static const char *const bad[] = {"", "{}", "{\"seq\":0,\"prev\":\"",
		"{\"seq\":1,\"prev\":\"00\",", "{\"seq\":99999999999999999999,\"prev\":\"",
		"{\"seq\":1,\"prev\":\"Z"};
	struct audit_link link, head;
	char line[256];

	(void)state;
	audit_link_first(&link);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(audit_link_step(&link, bad[i], strlen(bad[i])));
	assert_int_equal(link.seq, 0);
	snprintf(line, sizeof(line), "{\"seq\":2,\"prev\":\"%s\",\"a\":1}", zeros);
	assert_false(audit_link_step(&link, line, strlen(line)));
	snprintf(line, sizeof(line), "{\"seq\":1,\"prev\":\"%s\",\"a\":1}", zeros);
	assert_true(audit_link_step(&link, line, strlen(line)));
	assert_int_equal(link.seq, 1);
	assert_false(audit_link_step(&link, line, strlen(line)));
	snprintf(line, sizeof(line), "7 %s\n", zeros);
	assert_true(audit_head_parse(line, strlen(line), &head));
	assert_int_equal(head.seq, 7);
	assert_false(audit_head_parse(line, strlen(line) - 1, &head));
	assert_false(audit_head_parse("7 \n", 3, &head));
	snprintf(line, sizeof(line), " %s\n", zeros);
	assert_false(audit_head_parse(line, strlen(line), &head));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_records),
		T(test_tampering),
		T(test_part_of_a_line_is_taken_back),
		T(test_cut_off_is_told_at_start),
		T(test_rotation),
		T(test_written_by_the_disk_thread),
		cmocka_unit_test(test_chain_is_read_to_the_letter),
		cmocka_unit_test(test_where_the_chain_begins),
		cmocka_unit_test(test_head_is_met),
		cmocka_unit_test(test_chain_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
