/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One HTTP request to rekey-control: over RUN/control.sock (the kernel says who we are), or over
 * https:// with a token. Single thread; one request at a time.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct client_options {
	const char *run_dir;    /* the socket's folder, when url is NULL */
	const char *url;        /* https://HOST[:PORT] */
	const char *token_file; /* bearer token, for url */
	const char *ca_file;    /* PEM of who may have signed the server's certificate */
	bool is_insecure;       /* do not verify the server */
};

enum client_result {
	CLIENT_OK,          /* 2xx */
	CLIENT_REFUSED,     /* the daemon said no; its error is in the answer */
	CLIENT_UNREACHABLE, /* no daemon, or not the one we trust */
};

struct client_answer {
	long status;     /* HTTP, 0 when unreachable */
	json_t *body;    /* owned; NULL when there was none */
	char error[512]; /* a sentence, when not CLIENT_OK */
};

/* body may be NULL (borrowed). Answers larger than 64 MiB are refused. */
enum client_result client_call(const struct client_options *o, const char *method, const char *path,
	const json_t *body, struct client_answer *answer) __attribute__((warn_unused_result));
void client_answer_fini(struct client_answer *answer);
