/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by the three calls: provision.c (key, open), provision_request.c, provision_ingest.c. */
#pragma once

#include "control/audit.h"
#include "control/provision.h"
#include "control/provision_files.h"

struct provision {
	struct daemon *daemon;
	bool is_busy; /* one key generation or ingest at a time: they write the same files */
	unsigned removing_cnt; /* files on their way out */
};

/* false, with 409 answered, while a key or certificate is being worked on, or removed. */
bool provision_is_free(const struct provision *p, struct answer *a);
/* 503: a helper or the disk has too much to do. */
void provision_answer_busy(struct answer *a);

/* Answers at once with what is in a. */
void provision_answer(answer_cb cb, void *arg, struct answer *a);
/* Adds "algorithm" and its parameter to body. */
void provision_spec_json(const struct pki_key_spec *spec, json_t *body);
/* The key that a request is signed with and a certificate is asked for: the next, else current. */
int provision_read_pending_key(int dir, const char *name, EVP_PKEY **out) RK_MUST_CHECK;
