/* SPDX-License-Identifier: BSD-3-Clause */
/* A daemon and a CA of its own that other people's programs serve: what enrolment tests need. */
#pragma once

#include <sys/types.h>

#include "tests/unit/daemon_fixture.h"

struct enrol_fixture {
	struct daemon_fixture daemon;
	struct test_pki pki;
	char ca_dir[64]; /* ca.pem, ca.key, chain.pem, tls.pem, tls.key, foreign.pem, foreign.key */
	pid_t server;    /* 0 = none */
	unsigned port;
};

/*
 * A new daemon; the first one also makes the CA, which stays, as its server does, for the tests that
 * follow. f is zeroed before the first. Skips the test (cmocka) when one of the programs is missing.
 */
void enrol_fixture_open(struct enrol_fixture *f);
void enrol_fixture_close(struct enrol_fixture *f);
/* After the last: the CA and its server. */
void enrol_fixture_end(struct enrol_fixture *f);
/* Starts argv and reads the port that it prints behind this text ("" = at the line's start). */
void enrol_fixture_serve(struct enrol_fixture *f, const char *const *argv, const char *before_port);
void enrol_fixture_stop(struct enrol_fixture *f);
/* A file of the CA's folder; the path stays valid until the next but three calls. */
const char *enrol_fixture_path(const struct enrol_fixture *f, const char *name);
void enrol_fixture_write(const struct enrol_fixture *f, const char *name, const char *text);
void enrol_fixture_write_cert(const struct enrol_fixture *f, const char *name, const X509 *cert);
/* The daemon gets one ca-profile with these members (JSON, without braces). */
void enrol_fixture_profile(struct enrol_fixture *f, const char *members);
/* POST enrolment; takes body. The error code is checked when status is none of success. */
void enrol_fixture_start(struct enrol_fixture *f, json_t *body, int status, const char *code);
/* Runs until the enrolment of custom_ssr_peering is in this state, and checks its error text. */
void enrol_fixture_wait(struct enrol_fixture *f, const char *state, const char *error_part);
/* One member of that enrolment; borrowed until the next call. */
const json_t *enrol_fixture_get(struct enrol_fixture *f, const char *member);
