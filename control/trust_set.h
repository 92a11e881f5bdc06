/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bundles of trusted CA certificates that a configuration names, with their texts; and
 * STATE/trust.json, which says under which generation which bundles stood. When the two differ at
 * start (a crash in between, or a file of the PKI folder that was edited), the generation moves on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config.h"
#include "control/config_history.h"
#include "pki/x509/trust.h"

#define TRUST_RECORD_FILE "trust.json"

/* Immutable; everything is owned by the set. */
struct trust_set {
	struct pki_bundle *bundle; /* by name, ascending */
	size_t cnt;
	char digest[CONFIG_DIGEST_LEN + 1]; /* of names, modes and texts */
};

/*
 * Reads what stands in files of the PKI folder. A file that cannot be read is an error, or, with
 * validation mode warn, a warning, and the bundle is left out; always a warning when is_settled:
 * what was accepted once must not keep the others from being trusted. 0, -EINVAL with errors in the
 * report, -ENOMEM, -EIO. Any thread.
 */
int trust_set_new(const struct config *config, int pki_fd, bool is_settled,
	struct config_report *report, struct trust_set **out) RK_MUST_CHECK;
void trust_set_free(struct trust_set *s); /* NULL is fine */
/* NULL when there is none of that name; s may be NULL. */
const struct pki_bundle *trust_set_find(const struct trust_set *s, const char *name);
/*
 * The same name and text stand in s, and passed at least as strict a look: not judged strictly
 * again. s may be NULL.
 */
bool trust_set_has(const struct trust_set *s, const struct pki_bundle *bundle);

/* The generation of the bundles with this digest; written when it has to move on. 0 or -errno. */
int trust_record_load(int state_fd, const char *digest, uint64_t *generation) RK_MUST_CHECK;
/* The record's text, the caller's; NULL = no memory. */
char *trust_record_print(uint64_t generation, const char *digest) RK_MUST_CHECK;

/*
 * What older versions kept in STATE/trusted-ca, as configuration items: an array, the caller's;
 * empty when there is nothing. 0 or -errno. forget removes it, once it stands in the history.
 */
int trust_legacy_read(int state_fd, json_t **out) RK_MUST_CHECK;
void trust_legacy_forget(int state_fd);
