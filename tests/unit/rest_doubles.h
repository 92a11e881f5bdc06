/* SPDX-License-Identifier: BSD-3-Clause */
/* Test doubles of the daemon's services: they remember, and answer what they were told. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct daemon;
struct doubles;

struct doubles *doubles_new(void);
void doubles_free(struct doubles *s);
unsigned doubles_call_cnt(struct doubles *s);
char *doubles_last_body(struct doubles *s);
char *doubles_audit(struct doubles *s);
/* Calls that come while held wait; false answers them, on the calling (loop) thread. */
void doubles_hold(struct doubles *s, bool is_held);
/* What configuration_commit_item edits: a document with users, taken. d->config follows it. */
void doubles_configure_users(struct doubles *s, struct daemon *d, json_t *document);
struct configured;
struct configured **doubles_configured(struct doubles *s);
void configured_free(struct configured *c); /* NULL is fine */
/* Of exports of revocations: pieces that were made, and exports that ended. */
unsigned doubles_export_pieces(void);
unsigned doubles_export_ends(void);
#define DOUBLES_EXPORT_PIECES 1024 /* of 64 KiB, in text; in JSON one short one */
/* The audit log takes no more records. */
void doubles_fill_audit(struct doubles *s, bool is_full);
