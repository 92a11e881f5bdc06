/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trusted CA certificates: named bundles of PEM blocks with a validation mode, kept in the state
 * folder, in force at once. Every change makes a new trust generation; verdicts of an older one
 * are judged again and the view published.
 */
#pragma once

#include <stdint.h>

#include "control/answer.h"
#include "control/daemon.h"

struct pki_trust; /* pki/x509/trust.h */

int trust_open(struct daemon *d, struct trust **out) __attribute__((warn_unused_result));
void trust_close(struct trust *t);

/*
 * name, content, validation-mode (strict by default, or warn). Replaces a bundle of that name.
 * Answers when the workers run on it, or have not within some seconds, which "publication" tells
 * (publisher_result): {"name", "generation", "findings": [..], "publication"};
 * 422 with the findings when the bundle is refused, 409 while another change is under way.
 */
void trust_install(struct trust *t, const json_t *request, answer_cb cb, void *arg);
void trust_delete(struct trust *t, const char *name, answer_cb cb, void *arg);
/* A setting that decides what is trusted has changed: a new generation of the same bundles. */
void trust_rebuild(struct trust *t);
/* {"trusted_ca_certificates": [{"name", "validation_mode", "certificates": [{"subject", "issuer",
 * "not_after", "fingerprint", "is_anchor"}], "warnings": [..]}]} */
void trust_list(const struct trust *t, struct answer *out);
/* Immutable and counted: helper threads validate with the one they were given. */
struct pki_trust *trust_current(const struct trust *t);
uint64_t trust_generation(const struct trust *t);
