/* SPDX-License-Identifier: BSD-3-Clause */
/* One truth for trusted CA certificates; what a start finds after whatever happened. */
#include "tests/unit/configuration_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "control/alarms.h"
#include "control/trust.h"
#include "pki/x509/trust.h"

#define ABSENT "certificate-file-absent"

static void write_pem(const char *name, const char *pem)
{
	int fd = openat(f.d.pki_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, pem, strlen(pem)), (ssize_t)strlen(pem));
	close(fd);
}

/* Bundles are items: one truth, whichever way they come. */
static void test_trusted_ca(void **state)
{
	const char *const path[] = {"authority", "trusted-ca-certificate", "root"};
	char *root = test_pem(pki.root);
	struct call c = {0};
	json_t *warnings;

	(void)state;
	fixture_install_trust(&f, pki.bundle);
	assert_non_null(config_tree_find(f.d.config->json, path, 3));
	assert_int_equal(pki_trust_ca_cnt(trust_current(f.d.trust)), 2);
	/* A file that says nothing of them leaves them in force, now and after a restart. */
	daemon_fixture_config(&f, FIXTURE_CONFIG);
	daemon_fixture_reload(&f);
	daemon_fixture_idle(&f, 200);
	assert_int_equal(pki_trust_ca_cnt(trust_current(f.d.trust)), 2);
	daemon_fixture_restart(&f);
	assert_int_equal(pki_trust_ca_cnt(trust_current(f.d.trust)), 2);
	edit(json_pack("[{s:s, s:[s,s,s]}]", "op", "delete", "path", path[0], path[1], path[2]),
		200);
	commit(json_object(), &c, 200);
	call_fini(&c);
	assert_int_equal(pki_trust_ca_cnt(trust_current(f.d.trust)), 0);
	/* strict refuses, warn warns. */
	c = (struct call){0};
	edit(json_pack("[{s:s, s:[s,s,s,s], s:s}]", "op", "set", "path", path[0], path[1], "pasted",
		     "content", "value", root),
		200);
	edit(json_pack("[{s:s, s:[s,s,s,s], s:s}]", "op", "set", "path", path[0], path[1], "bad",
		     "content", "value", "no certificate"),
		200);
	commit(json_object(), &c, 422);
	call_fini(&c);
	assert_int_equal(pki_trust_ca_cnt(trust_current(f.d.trust)), 0);
	c = (struct call){0};
	edit(json_pack("[{s:s, s:[s,s,s]}, {s:s, s:[s,s,s,s], s:s}, {s:s, s:[s,s,s,s], s:s}]", "op",
		     "delete", "path", path[0], path[1], "bad", "op", "set", "path", path[0],
		     path[1], "other", "file", "value", "absent", "op", "set", "path", path[0],
		     path[1], "other", "validation-mode", "value", "warn"),
		200);
	commit(json_object(), &c, 200);
	warnings = json_object_get(c.body, "warnings");
	assert_int_equal(json_array_size(warnings), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(warnings, 0), "path")),
		"authority.trusted-ca-certificate[other].file");
	call_fini(&c);
	assert_int_equal(pki_trust_ca_cnt(trust_current(f.d.trust)), 1);
	/* The file that is missing stands as an alarm until it is there and read. */
	assert_true(alarm_is_standing(f.d.alarms, ABSENT, "trusted-ca-certificate other"));
	daemon_fixture_restart(&f);
	assert_true(alarm_is_standing(f.d.alarms, ABSENT, "trusted-ca-certificate other"));
	write_pem("absent.pem", pki.bundle);
	daemon_fixture_reload(&f);
	daemon_fixture_idle(&f, 200);
	assert_false(alarm_is_standing(f.d.alarms, ABSENT, "trusted-ca-certificate other"));
	assert_int_equal(pki_trust_ca_cnt(trust_current(f.d.trust)), 2);
	free(root);
}

/* What was committed meanwhile is carried into a candidate, and not undone by its commit. */
static void test_two_editors(void **state)
{
	struct call c = {0};

	(void)state;
	edit(set_mtu(1400), 200);
	fixture_install_trust(&f, pki.bundle);
	assert_int_equal(diff_cnt(), 1);
	commit(json_object(), &c, 200);
	call_fini(&c);
	assert_int_equal(f.d.config->port[0].mtu, 1400);
	assert_int_equal(pki_trust_ca_cnt(trust_current(f.d.trust)), 2);
}

/* A state folder that cannot be written: nothing changes, the next try succeeds. */
static void test_full_disk(void **state)
{
	struct call c = {0};

	(void)state;
	edit(set_mtu(1400), 200);
	assert_int_equal(renameat(f.d.state_fd, "config/index.json", f.d.state_fd, "kept"), 0);
	assert_int_equal(mkdirat(f.d.state_fd, "config/index.json", 0700), 0);
	commit(json_object(), &c, 500);
	assert_string_equal(call_error(&c), "not-written");
	call_fini(&c);
	assert_int_equal(f.d.config->port[0].mtu, 1500);
	assert_true(candidate_is_changed());
	assert_int_equal(unlinkat(f.d.state_fd, "config/index.json", AT_REMOVEDIR), 0);
	assert_int_equal(renameat(f.d.state_fd, "kept", f.d.state_fd, "config/index.json"), 0);
	c = (struct call){0};
	/* rekey.json itself cannot be replaced: the same. */
	assert_int_equal(renameat(f.d.config_fd, CONFIG_FILE, f.d.config_fd, "kept"), 0);
	assert_int_equal(mkdirat(f.d.config_fd, CONFIG_FILE, 0700), 0);
	commit(json_object(), &c, 500);
	call_fini(&c);
	assert_int_equal(f.d.config->port[0].mtu, 1500);
	assert_int_equal(unlinkat(f.d.config_fd, CONFIG_FILE, AT_REMOVEDIR), 0);
	assert_int_equal(renameat(f.d.config_fd, "kept", f.d.config_fd, CONFIG_FILE), 0);
	c = (struct call){0};
	commit(json_object(), &c, 200);
	call_fini(&c);
	assert_int_equal(f.d.config->port[0].mtu, 1400);
	daemon_fixture_restart(&f);
	assert_int_equal(f.d.config->port[0].mtu, 1400);
}

/* A crash between any two writes of a commit: the index says pending, rekey.json which it is. */
static void test_crash_in_between(void **state)
{
	static const char cut[] = "." CONFIG_FILE ".0123456789abcdef.tmp";
	uint64_t number;
	char *index, *file;
	int fd;

	(void)state;
	file = read_text(f.d.config_fd, CONFIG_FILE);
	commit_mtu(1400);
	index = read_text(f.d.state_fd, "config/index.json");
	number = commit_mtu(1300);
	/* Before the index was written for good: the older one with the new file. */
	fd = openat(f.d.state_fd, "config/index.json", O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, index, strlen(index)), (ssize_t)strlen(index));
	close(fd);
	daemon_fixture_restart(&f);
	assert_int_equal(f.d.config->port[0].mtu, 1300);
	assert_int_equal(commit_mtu(1301), number + 1);
	/* The file as somebody restored it: that is what counts. One that a kill cut goes. */
	daemon_fixture_config(&f, file);
	close(openat(f.d.config_fd, cut, O_WRONLY | O_CREAT | O_CLOEXEC, 0640));
	daemon_fixture_restart(&f);
	assert_int_equal(faccessat(f.d.config_fd, cut, F_OK, 0), -1);
	assert_int_equal(f.d.config->port[0].mtu, 1500);
	free(index);
	free(file);
}

/* The newest of the history stands in for a damaged or missing file; without any there is no start. */
static void test_last_good(void **state)
{
	struct daemon d;

	(void)state;
	commit_mtu(1400);
	daemon_fixture_config(&f, "{\"router\":{},\n \"x\":1}");
	daemon_fixture_restart(&f);
	assert_int_equal(f.d.config->port[0].mtu, 1400);
	assert_true(alarm_is_standing(f.d.alarms, "configuration-damaged", CONFIG_FILE));
	assert_int_equal(unlinkat(f.d.config_fd, CONFIG_FILE, 0), 0);
	daemon_fixture_restart(&f);
	assert_int_equal(f.d.config->port[0].mtu, 1400);
	assert_int_equal(commit_mtu(1300) > 0, true);
	assert_false(alarm_is_standing(f.d.alarms, "configuration-damaged", CONFIG_FILE));
	daemon_fixture_restart(&f);
	assert_int_equal(f.d.config->port[0].mtu, 1300);
	/* A damaged index: the file counts, the numbers go on. */
	daemon_close(&f.d);
	assert_int_equal(
		truncate(strcat(strcpy((char[256]){0}, f.dir[1]), "/config/index.json"), 9), 0);
	assert_int_equal(daemon_open(&f.d, &f.options), 0);
	assert_int_equal(f.d.config->port[0].mtu, 1300);
	assert_int_equal(faccessat(f.d.state_fd, "config/index.damaged", F_OK, 0), 0);
	/* Neither a good file nor a history. */
	daemon_close(&f.d);
	assert_int_equal(
		truncate(strcat(strcpy((char[256]){0}, f.dir[1]), "/config/index.json"), 9), 0);
	daemon_fixture_config(&f, "{}");
	assert_int_equal(daemon_open(&d, &f.options), -EINVAL);
	daemon_fixture_config(&f, FIXTURE_CONFIG);
	assert_int_equal(daemon_open(&f.d, &f.options), 0);
}

/* The history's copy is damaged, and rekey.json is not: what is in force stays. */
static void test_damaged_document(void **state)
{
	uint64_t number;
	char path[128];

	(void)state;
	commit_mtu(1400);
	number = commit_mtu(1300);
	snprintf(path, sizeof(path), "%s/config/%llu.json", f.dir[1], (unsigned long long)number);
	assert_int_equal(truncate(path, 7), 0);
	daemon_fixture_restart(&f);
	assert_int_equal(f.d.config->port[0].mtu, 1300);
	assert_false(alarm_is_standing(f.d.alarms, "configuration-damaged", CONFIG_FILE));
	assert_true(commit_mtu(1301) > number);
}

/* What older versions kept beside the configuration comes into it, once. */
static void test_legacy_bundles(void **state)
{
	static const char head[] = "# validation-mode: warn\n";
	int fd;

	(void)state;
	daemon_close(&f.d);
	f.d.state_fd = open(f.dir[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unlinkat(f.d.state_fd, "config/1.json", 0);
	unlinkat(f.d.state_fd, "config/index.json", 0);
	assert_int_equal(mkdirat(f.d.state_fd, "trusted-ca", 0700), 0);
	fd = openat(f.d.state_fd, "trusted-ca/root.pem", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, head, strlen(head)), (ssize_t)strlen(head));
	assert_int_equal(write(fd, pki.bundle, strlen(pki.bundle)), (ssize_t)strlen(pki.bundle));
	close(fd);
	close(f.d.state_fd);
	assert_int_equal(daemon_open(&f.d, &f.options), 0);
	assert_int_equal(pki_trust_ca_cnt(trust_current(f.d.trust)), 2);
	assert_int_equal(f.d.config->trusted_ca[0].mode, CONFIG_MODE_WARN);
	assert_int_equal(faccessat(f.d.state_fd, "trusted-ca", F_OK, 0), -1);
	daemon_fixture_restart(&f);
	assert_int_equal(pki_trust_ca_cnt(trust_current(f.d.trust)), 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_trusted_ca),
		T(test_two_editors),
		T(test_full_disk),
		T(test_crash_in_between),
		T(test_last_good),
		T(test_damaged_document),
		T(test_legacy_bundles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
