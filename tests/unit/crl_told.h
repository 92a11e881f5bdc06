/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What people hear of a CRL's source, in a whole daemon: of its alarms, over REST, and from rekeyctl,
 * which is started as anybody starts it (REKEY_CTL names it).
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "control/crl/manager.h"
#include "pki/store/master_list.h"
#include "tests/unit/pki_daemon.h"

extern char **environ;

static struct told {
	char list[96]; /* a file for one */
	/* of rekeyctl */
	pid_t child;
	int out;
	size_t len;
	char text[65536];
} t;

static inline int set_up_told(void **state)
{
	set_up_provisioned(state);
	snprintf(t.list, sizeof(t.list), "%s/list.crl", f.root);
	return 0;
}

/* One endpoint, "lab/issuing"; delta: NULL, or where its deltas are. */
static inline void told_configure(const char *uri, const char *delta)
{
	char config[1024], more[160] = "";

	if (delta != NULL)
		snprintf(more, sizeof(more), ",\"delta-uri\":\"%s\"", delta);
	snprintf(config, sizeof(config),
		"{\"authority\":{\"enhanced-security-key-management\":true,"
		"\"certificate-revocation\":[{\"name\":\"lab\",\"size-limit\":1,"
		"\"allow-local-addresses\":true,\"crl-endpoint\":"
		"[{\"name\":\"issuing\",\"uri\":\"%s\"%s}]}]},%s}",
		uri, more, FIXTURE_ROUTER);
	daemon_fixture_config(&f, config);
	daemon_fixture_reload(&f);
}

static inline bool told_is_revoked(void)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(pki.leaf);
	unsigned char *issuer = NULL;
	int len = i2d_X509_NAME(X509_get_issuer_name(pki.leaf), &issuer);
	struct master_entry entry;
	bool found = master_list_find(crl_manager_master_list(f.d.crl),
		(struct rk_span){issuer, (size_t)len},
		(struct rk_span){ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)},
		&entry, NULL);

	OPENSSL_free(issuer);
	return found;
}

/* ---- rekeyctl --------------------------------------------------------------------------------- */

static inline bool told_is_read(void *arg)
{
	ssize_t n;

	(void)arg;
	while ((n = read(t.out, t.text + t.len, sizeof(t.text) - 1 - t.len)) > 0)
		t.len += (size_t)n;
	assert_true(n == 0 || errno == EAGAIN);
	t.text[t.len] = '\0';
	return n == 0;
}

/* What it prints of "show alarms" and "show certificate-revocation"; borrowed until the next. */
static inline const char *told_ask(bool is_json)
{
	static const char script[] = "show alarms\nshow certificate-revocation\n";
	char *argv[] = {"rekeyctl", "--run-dir", f.dir[2], is_json ? "-j" : NULL, NULL};
	posix_spawn_file_actions_t files;
	int in[2], out[2], status;

	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(write(in[1], script, sizeof(script) - 1), sizeof(script) - 1);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
	assert_int_equal(
		posix_spawn(&t.child, getenv("REKEY_CTL"), &files, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&files);
	close(in[0]);
	close(in[1]);
	close(out[1]);
	assert_int_equal(fcntl(out[0], F_SETFL, O_NONBLOCK), 0);
	t.out = out[0];
	t.len = 0;
	daemon_fixture_run(&f, told_is_read, NULL);
	close(out[0]);
	assert_int_equal(waitpid(t.child, &status, 0), t.child);
	assert_int_equal(status, 0);
	return t.text;
}

/* ---- expectations ----------------------------------------------------------------------------- */

/* Of the list's elements the one whose key has that value, and whose other key its; NULL: none has. */
static inline const json_t *told_find(
	const json_t *list, const char *key, const char *value, const char *other, const char *its)
{
	const json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
	{
		const char *is = json_string_value(json_object_get(element, key));
		const char *has = json_string_value(json_object_get(element, other));

		if (is != NULL && strcmp(is, value) == 0 && has != NULL && strcmp(has, its) == 0)
			return element;
	}
	return NULL;
}

/* What is to be heard of a source: the kind of its alarm, and part of the reason. */
struct told_words {
	const char *source;
	const char *kind;
	const char *reason;
};

/*
 * After a refresh at which the server or its list was bad: the alarm of that kind, the list of sources
 * over REST and rekeyctl all give the reason; and what was in force before is: one entry, the leaf.
 */
static inline void told_expect(const char *what, struct told_words words)
{
	json_t *alarms, *sources;
	const json_t *alarm, *source;
	json_error_t fault;
	const char *reason, *message, *text;

	fixture_refresh(&f);
	told_ask(true);
	alarms = json_loadb(t.text, t.len, JSON_DISABLE_EOF_CHECK, &fault);
	assert_non_null(alarms);
	sources = json_loads(t.text + fault.position, 0, NULL);
	assert_non_null(sources);
	source = told_find(json_object_get(sources, "sources"), "name", words.source, "kind",
		strstr(words.source, "/delta") != NULL ? "delta" : "full");
	alarm = told_find(
		json_object_get(alarms, "alarms"), "kind", words.kind, "source", words.source);
	reason = json_string_value(json_object_get(source, "last_error"));
	message = json_string_value(json_object_get(alarm, "message"));
	if (reason == NULL || strstr(reason, words.reason) == NULL)
		fail_msg("%s: last_error is %s", what, reason != NULL ? reason : "none");
	if (message == NULL || strstr(message, reason) == NULL)
		fail_msg("%s: the alarm says %s", what, message != NULL ? message : "nothing");
	if (!told_is_revoked() || json_integer_value(json_object_get(sources, "entries")) != 1)
		fail_msg("%s: the last good list is gone", what);
	text = strstr(told_ask(false), reason);
	if (text == NULL || strstr(text + 1, reason) == NULL)
		fail_msg("%s: rekeyctl does not say it twice: %s", what, t.text);
	json_decref(alarms);
	json_decref(sources);
}
