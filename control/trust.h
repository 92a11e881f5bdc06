/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trusted CA certificates in force: the bundles of the running configuration. Every change makes a
 * new trust generation; verdicts of an older one are judged again and the view published.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/answer.h"
#include "control/config.h"
#include "control/daemon.h"
#include "control/write_plan.h"

struct pki_report; /* pki/x509/report.h */
struct pki_trust;  /* pki/x509/trust.h */
struct trust_change;

/* Needs d->config. */
int trust_open(struct daemon *d, struct trust **out) __attribute__((warn_unused_result));
void trust_close(struct trust *t);

/*
 * name, content, validation-mode (strict by default, or warn): a commit of this one item of the
 * running configuration. Replaces a bundle of that name. Answers when the workers run on it, or
 * have not within some seconds, which "publication" tells (publisher_result): {"name", "number",
 * "generation", "findings": [..], "publication", ..}; 422 with the findings when the bundle is
 * refused, 409 while another change is under way.
 */
void trust_install(struct trust *t, const json_t *request, answer_cb cb, void *arg);
void trust_delete(struct trust *t, const char *name, answer_cb cb, void *arg);
/* {"trusted_ca_certificates": [{"name", "validation_mode", "certificates": [{"subject", "issuer",
 * "not_after", "fingerprint", "is_anchor"}], "warnings": [..]}]} */
void trust_list(const struct trust *t, struct answer *out);
/* Immutable and counted: helper threads validate with the one they were given. */
struct pki_trust *trust_current(const struct trust *t);
uint64_t trust_generation(const struct trust *t);

/*
 * What a configuration changes in what is trusted, for the commit of that configuration: begin on
 * the loop thread; build on any thread, while no other change is executed (errors and warnings go
 * into the report, 0 or -EINVAL or -errno); when is_needed, prepare judges every kept certificate
 * under it and calls ready on the loop thread; plan adds the generation's record to what the
 * commit writes; execute puts it in force and cannot fail; verdicts are adopted, the caller marks
 * what is to be published. free is due in every case.
 */
struct trust_change *trust_change_begin(const struct trust *t);
int trust_change_build(struct trust_change *c, const struct config *config, int pki_fd,
	struct config_report *report) __attribute__((warn_unused_result));
bool trust_change_is_needed(const struct trust_change *c);
int trust_change_prepare(struct trust *t, struct trust_change *c,
	void (*ready)(void *arg, int error), void *arg) __attribute__((warn_unused_result));
void trust_change_plan(struct trust *t, const struct trust_change *c, struct write_plan *plan);
void trust_change_execute(struct trust *t, struct trust_change *c);
/* The alarms about files that the running configuration names and the PKI folder has not. */
void trust_tell(const struct trust *t);
/* What the certificates were found to be; borrowed. */
const struct pki_report *trust_change_report(const struct trust_change *c);
void trust_change_free(struct trust_change *c); /* NULL is fine */
