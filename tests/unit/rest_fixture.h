/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real listener, users and helpers in a thread of their own, on a free port of loopback and a
 * temporary folder, over services that are test doubles; and clients that send exact bytes.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "control/config.h"
#include "control/rest/rest.h"

#define FIXTURE_ADMIN_PASSWORD  "TheAdminPassword1234"
#define FIXTURE_VIEWER_PASSWORD "TheViewerPassword12"

struct fixture;

/* limits: NULL = the defaults. */
struct fixture *fixture_start(const struct config_rest *limits);
#define FIXTURE_LIMITS                                                              \
	.connection_max = 128, .request_timeout_ms = 30000, .idle_timeout_sec = 20, \
	.body_max_kib = 1024, .head_max_kib = 32, .login_free_cnt = 5
/* Closes the listener first when that was not done, then everything. */
void fixture_stop(struct fixture *f);
const char *fixture_folder(const struct fixture *f);
unsigned fixture_port(const struct fixture *f);

/* What the test doubles saw. */
unsigned fixture_call_cnt(struct fixture *f);
/* The last body a service was called with, as compact JSON; the caller's to free. */
char *fixture_last_body(struct fixture *f);
/* All audit records so far, as compact JSON; the caller's to free. */
char *fixture_audit(struct fixture *f);
/* Calls of POST /private-key wait until this, which lets them be answered. */
void fixture_hold(struct fixture *f, bool is_held);
/* The audit log takes no more records. */
void fixture_fill_audit(struct fixture *f, bool is_full);
/* Closes the listener on its own thread, requests pending or not. */
void fixture_close_rest(struct fixture *f);

/* An open TLS connection; NULL when it is refused. */
struct client;
struct client *client_open(const struct fixture *f);
/* With bounds of TLS version and ciphers (as for SSL_CTX_set_cipher_list; NULL = any). */
struct client *client_open_with(const struct fixture *f, int version_max, const char *ciphers);
/* False when the connection is gone. */
bool client_send(struct client *c, const void *data, size_t len);
/* Waits for an answer, reads until the end of the connection or silence of ms; the caller's to free. */
char *client_read(struct client *c, unsigned ms);
/* Something of an answer is there, or the end, within ms; it stays unread. */
bool client_is_answered(struct client *c, unsigned ms);
/* The server ended the connection within ms. */
bool client_is_ended(struct client *c, unsigned ms);
void client_close(struct client *c);

/* Sends text on a new connection, returns all that comes back until it ends or ms of silence. */
char *fixture_talk(const struct fixture *f, const char *text);
/*
 * A whole request: token, content type and body may be NULL. Returns the status; *answer (may be
 * NULL) is the whole response, the caller's to free.
 */
int fixture_call(const struct fixture *f, const char *method, const char *path, const char *token,
	const char *body, char **answer);
/* The same over the local socket, without token. */
int fixture_call_local(const struct fixture *f, const char *method, const char *path,
	const char *body, char **answer);
/* A token of that user, the caller's to free; NULL when the login failed. */
char *fixture_login(const struct fixture *f, const char *name, const char *password);
int response_status(const char *response);
/* The body of a response; NULL when there is none. Borrowed. */
const char *response_body(const char *response);
