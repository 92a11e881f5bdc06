/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/enrol_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "control/config.h"
#include "control/enrol/enrol.h"

#define NAME     "custom_ssr_peering"
#define LIMIT_MS 20000

static bool has_program(const char *name)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", name);
	return system(command) == 0;
}

const char *enrol_fixture_path(const struct enrol_fixture *f, const char *name)
{
	static char path[4][160];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(path[at], sizeof(path[at]), "%s/%s", f->ca_dir, name);
	return path[at];
}

void enrol_fixture_write(const struct enrol_fixture *f, const char *name, const char *text)
{
	int fd = open(enrol_fixture_path(f, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

void enrol_fixture_write_cert(const struct enrol_fixture *f, const char *name, const X509 *cert)
{
	char *pem = test_pem(cert);

	enrol_fixture_write(f, name, pem);
	free(pem);
}

static void write_key(const struct enrol_fixture *f, const char *name, EVP_PKEY *key)
{
	char *pem = test_key_pem(key);

	enrol_fixture_write(f, name, pem);
	free(pem);
}

/* The server's own certificate, and a CA that nobody here trusts. */
static void write_ca(struct enrol_fixture *f)
{
	EVP_PKEY *tls_key = test_key_shared(TEST_P384, 0),
		 *foreign_key = test_key_shared(TEST_P384, 1);
	X509 *tls = test_cert_new(&(struct test_cert){.cn = "localhost",
		.key = tls_key,
		.issuer = f->pki.ca,
		.issuer_key = f->pki.ca_key,
		.alt_name = "IP:127.0.0.1,DNS:localhost",
		.ext_key_usage = "serverAuth"});
	X509 *foreign = test_cert_new(
		&(struct test_cert){.cn = "foreign", .key = foreign_key, .is_ca = true});
	char *tls_pem = test_pem(tls), *chain;

	assert_true(asprintf(&chain, "%s%s", tls_pem, f->pki.bundle) > 0);
	enrol_fixture_write(f, "tls.pem", chain);
	enrol_fixture_write(f, "chain.pem", f->pki.bundle);
	enrol_fixture_write_cert(f, "ca.pem", f->pki.ca);
	enrol_fixture_write_cert(f, "root.pem", f->pki.root);
	enrol_fixture_write_cert(f, "foreign.pem", foreign);
	write_key(f, "ca.key", f->pki.ca_key);
	write_key(f, "tls.key", tls_key);
	write_key(f, "foreign.key", foreign_key);
	free(tls_pem);
	free(chain);
	X509_free(tls);
	X509_free(foreign);
}

void enrol_fixture_open(struct enrol_fixture *f)
{
	if (!has_program("openssl") || !has_program("python3")) {
		print_message("SKIP: openssl or python3 is not installed\n");
		skip();
	}
	if (f->ca_dir[0] == '\0') {
		test_pki_init(&f->pki, "leaf");
		snprintf(f->ca_dir, sizeof(f->ca_dir), "/tmp/rekey-ca.XXXXXX");
		assert_non_null(mkdtemp(f->ca_dir));
		write_ca(f);
	}
	daemon_fixture_open(&f->daemon, NULL);
	fixture_install_trust(&f->daemon, f->pki.bundle);
}

void enrol_fixture_close(struct enrol_fixture *f)
{
	daemon_fixture_close(&f->daemon);
}

static void remove_folder(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	rmdir(path);
}

void enrol_fixture_end(struct enrol_fixture *f)
{
	enrol_fixture_stop(f);
	if (f->ca_dir[0] == '\0')
		return;
	remove_folder(f->ca_dir);
	test_pki_fini(&f->pki);
	f->ca_dir[0] = '\0';
}

/* "PORT" or "ADDRESS:PORT" behind the text, in what the server says first. */
static unsigned read_port(int fd, const char *before_port)
{
	char text[512];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text) - 1 && (n = read(fd, text + len, 1)) == 1) {
		char *at, *colon;

		text[++len] = '\0';
		at = text[len - 1] == '\n' ? strstr(text, before_port) : NULL;
		if (at == NULL)
			continue;
		at += strlen(before_port);
		at[strcspn(at, " \n")] = '\0';
		colon = strrchr(at, ':');
		return (unsigned)atoi(colon != NULL ? colon + 1 : at);
	}
	return 0;
}

void enrol_fixture_serve(struct enrol_fixture *f, const char *const *argv, const char *before_port)
{
	int ends[2];

	enrol_fixture_stop(f);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	f->server = fork();
	assert_true(f->server >= 0);
	if (f->server == 0) {
		union {
			const char *const *in;
			char *const *out;
		} args = {.in = argv};

		dup2(ends[1], STDOUT_FILENO);
		if (getenv("REKEY_TEST_VERBOSE") == NULL)
			dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		execvp(argv[0], args.out);
		_exit(127);
	}
	close(ends[1]);
	f->port = read_port(ends[0], before_port);
	/* Not closed: the server may go on talking. */
	assert_true(f->port > 0);
}

void enrol_fixture_stop(struct enrol_fixture *f)
{
	if (f->server == 0)
		return;
	kill(f->server, SIGKILL);
	waitpid(f->server, NULL, 0);
	f->server = 0;
}

void enrol_fixture_profile(struct enrol_fixture *f, const char *members)
{
	char config[2048];

	snprintf(config, sizeof(config),
		"{\"authority\":{\"enhanced-security-key-management\":true,"
		"\"security-key-management\":{\"ca-profile\":[{%s}]}},%s}",
		members, FIXTURE_ROUTER);
	daemon_fixture_config(&f->daemon, config);
	daemon_fixture_reload(&f->daemon);
	assert_int_equal(f->daemon.d.config->ca_profile_cnt, 1);
}

void enrol_fixture_start(struct enrol_fixture *f, json_t *body, int status, const char *code)
{
	struct call c = {0};

	enrol_start(f->daemon.d.enrol, body, call_answered, &c);
	call_wait(&f->daemon, &c, status);
	assert_string_equal(call_error(&c), code);
	call_fini(&c);
	json_decref(body);
}

const json_t *enrol_fixture_get(struct enrol_fixture *f, const char *member)
{
	static struct answer a;

	answer_fini(&a);
	enrol_show(f->daemon.d.enrol, NAME, &a);
	return json_object_get(a.body, member);
}

static bool is_in_state(struct enrol_fixture *f, const char *state)
{
	const char *now = json_string_value(enrol_fixture_get(f, "state"));

	return now != NULL && strcmp(now, state) == 0;
}

void enrol_fixture_wait(struct enrol_fixture *f, const char *state, const char *error_part)
{
	const char *error;
	bool is_there = false;

	for (int ms = 0; ms < LIMIT_MS && !is_there; ms += 5) {
		is_there = is_in_state(f, state);
		if (!is_there)
			daemon_fixture_idle(&f->daemon, 5);
	}
	error = json_string_value(enrol_fixture_get(f, "error"));
	if (!is_there)
		fail_msg("not %s: %s", state, error != NULL ? error : "no error");
	if (error_part != NULL && (error == NULL || strstr(error, error_part) == NULL))
		fail_msg("error \"%s\" does not say \"%s\"", error, error_part);
}
