/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bundles of trusted CA certificates on disk, STATE/trusted-ca/NAME.pem: one comment line with
 * the validation mode, then the text as it was submitted; and STATE/trust.json, the generation and
 * the digest of the bundles it stands for. When they differ at start (a crash between the two, or
 * somebody's editor), the generation moves on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/x509/trust.h"

struct trust_store;

/* Loads everything; a bundle that cannot be read is an error, not silently left out. */
int trust_store_open(int state_fd, struct trust_store **out) RK_MUST_CHECK;
void trust_store_close(struct trust_store *s); /* NULL is fine */

size_t trust_store_cnt(const struct trust_store *s);
/* Borrowed until the next change; by name, ascending. */
struct pki_bundle trust_store_bundle(const struct trust_store *s, size_t i);
bool trust_store_has(const struct trust_store *s, const char *name);
uint64_t trust_store_generation(const struct trust_store *s);

/*
 * Change the disk, then memory; on failure both stand as they were. settle records a generation for
 * the bundles as they are: before a change, so that nothing is left to fail, and after it.
 */
int trust_store_put(struct trust_store *s, const char *name, const char *text, size_t len,
	enum pki_validation_mode mode) RK_MUST_CHECK;
int trust_store_remove(struct trust_store *s, const char *name) RK_MUST_CHECK;
int trust_store_settle(struct trust_store *s, uint64_t generation) RK_MUST_CHECK;
