/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HTTP requests to rekey-control: over RUN/control.sock (the kernel says who we are), or over
 * https:// with a token. One connection is kept for all of them. Single thread.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "pki/view/bytes.h"

struct client_options {
	const char *run_dir; /* the socket's folder, when url is NULL */
	const char *url;     /* https://HOST[:PORT] */
	const char *ca_file; /* PEM of who may have signed the server's certificate */
	bool is_insecure;    /* do not verify the server */
};

enum client_result {
	CLIENT_OK,          /* 2xx */
	CLIENT_REFUSED,     /* the daemon said no; its error is in the answer */
	CLIENT_UNREACHABLE, /* no daemon, or not the one we trust */
	CLIENT_STOPPED,     /* the waiting function said so */
};

struct client_answer {
	long status;     /* HTTP, 0 when unreachable */
	bool is_sent;    /* the request may have reached the daemon, answer or no answer */
	json_t *body;    /* owned; NULL when there was none */
	char code[64];   /* the daemon's, when refused */
	char error[512]; /* a sentence, when not CLIENT_OK; "": it was told already */
};

struct client;

/* The options are borrowed for the client's life. NULL = no memory. */
struct client *client_new(const struct client_options *options);
void client_free(struct client *c);
/* For https:// only. A copy is kept, and wiped; NULL forgets it. 0 or -errno. */
int client_set_token(struct client *c, const char *token) RK_MUST_CHECK;
bool client_has_token(const struct client *c);
/*
 * Called many times a second while an answer is awaited, with the seconds since it was asked for and
 * the bytes of it that came; true ends the request.
 */
typedef bool (*client_waiting_cb)(void *arg, double sec, unsigned long long received);
void client_set_waiting(struct client *c, client_waiting_cb waiting, void *arg);

/*
 * body may be NULL (borrowed). Answers larger than 256 MiB are refused. A question waits two minutes
 * for its answer, a change ten: it may be long work.
 */
enum client_result client_call(struct client *c, const char *method, const char *path,
	const json_t *body, struct client_answer *answer) RK_MUST_CHECK;
/*
 * GETs an answer of any length into a file as it comes; only an error's body is in answer. It may
 * take as long as something comes.
 */
enum client_result client_save(
	struct client *c, const char *path, FILE *to, struct client_answer *answer) RK_MUST_CHECK;
void client_answer_fini(struct client_answer *answer);

/* "/api/v1/peer/%s" with the name percent-encoded, so that it cannot name another path. */
int client_path(char *out, size_t size, const char *format, const char *name) RK_MUST_CHECK;
