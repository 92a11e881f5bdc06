/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision_check.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/answer.h"
#include "control/config.h"
#include "control/revocations.h"
#include "control/trust.h"
#include "pki/view/secret.h"
#include "pki/x509/validate.h"

static const char *const check_names[] = {[PROVISION_CHECK_PRIVATE_KEY] = "private-key",
	[PROVISION_CHECK_VALIDATION] = "validation",
	[PROVISION_CHECK_REVOCATION] = "revocation"};
static const char *const result_names[] = {[PROVISION_NOT_REACHED] = "not-reached",
	[PROVISION_PASSED] = "passed",
	[PROVISION_FAILED] = "failed"};

struct provision_check *provision_check_new(struct daemon *d, const char *name, const char *text)
{
	struct revocations *revocations = revocations_current(d);
	struct provision_check *c = calloc(1, sizeof(*c));

	if (c == NULL || revocations == NULL) {
		free(c);
		return NULL;
	}
	c->pki_fd = d->pki_fd;
	c->trust = pki_trust_get(trust_current(d->trust));
	c->revocations = revocations_get(revocations);
	memcpy(c->installation_key, d->installation_key, sizeof(c->installation_key));
	c->is_ed25519_allowed = d->config->is_ed25519_allowed;
	c->now = time(NULL);
	c->error = -ECANCELED;
	c->failed = PROVISION_CHECK_CNT;
	snprintf(c->name, sizeof(c->name), "%s", name);
	if (text != NULL && (c->text = strdup(text)) == NULL) {
		provision_check_free(c);
		return NULL;
	}
	return c;
}

void provision_check_free(struct provision_check *c)
{
	if (c == NULL)
		return;
	free(c->text);
	free(c->pem);
	X509_free(c->cert);
	pki_trust_put(c->trust);
	revocations_put(c->revocations);
	rk_wipe(c->installation_key, sizeof(c->installation_key));
	free(c);
}

static void fail(
	struct provision_check *c, enum provision_check_kind kind, int status, const char *code)
{
	c->result[kind] = PROVISION_FAILED;
	if (c->failed != PROVISION_CHECK_CNT)
		return;
	c->failed = kind;
	c->status = status;
	c->code = code;
}

/* The next key first: a certificate for it is what a replacement waits for. */
static bool find_own_key(struct provision_check *c)
{
	static const enum provision_key order[] = {PROVISION_KEY_NEXT, PROVISION_KEY_CURRENT};
	EVP_PKEY *key;
	bool is_ours;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		key = NULL;
		if (provision_read_key(c->pki_fd, c->name, order[i], &key) < 0)
			continue;
		is_ours = pki_key_matches_cert(key, c->cert);
		EVP_PKEY_free(key);
		c->which = order[i];
		if (is_ours)
			return true;
	}
	pki_report_add(&c->report[PROVISION_CHECK_PRIVATE_KEY], PKI_ERROR, "key-mismatch",
		"Have the CA sign the request that GET certificate-request returned last.",
		"The certificate is for another key than %s has.", c->name);
	return false;
}

static bool validate(struct provision_check *c, enum provision_check_kind kind,
	pki_revocation_fn find, void *ctx)
{
	const struct pki_validate_args args = {
		.trust = c->trust,
		.installation_key = c->installation_key,
		.now = c->now,
		.is_ed25519_allowed = c->is_ed25519_allowed,
		.find = find,
		.find_ctx = ctx,
	};

	c->error = pki_validate(&args, c->cert, &c->report[kind], &c->verdict);
	return c->error == 0 && c->verdict.status == RK_VERDICT_GOOD;
}

static void check_parsed(struct provision_check *c)
{
	struct revocations_query query = {.revocations = c->revocations, .now = c->now};

	if (!find_own_key(c))
		fail(c, PROVISION_CHECK_PRIVATE_KEY, 409, "key-mismatch");
	if (!validate(c, PROVISION_CHECK_VALIDATION, NULL, NULL)) {
		fail(c, PROVISION_CHECK_VALIDATION, 422, "certificate-refused");
		return;
	}
	c->result[PROVISION_CHECK_VALIDATION] = PROVISION_PASSED;
	if (!validate(c, PROVISION_CHECK_REVOCATION, revocations_find, &query))
		fail(c, PROVISION_CHECK_REVOCATION, 422,
			c->verdict.status == RK_VERDICT_REVOKED ? "certificate-revoked"
								: "revocation-unknown");
	else
		c->result[PROVISION_CHECK_REVOCATION] = PROVISION_PASSED;
}

/*
 * The three checks in order, as far as each makes sense after what the others found: whoever must
 * go back to the CA is told everything at once. In a helper thread.
 */
void provision_check_run(struct provision_check *c)
{
	c->error = 0;
	for (unsigned i = 0; i < PROVISION_CHECK_CNT; i++)
		pki_report_init(&c->report[i]);
	if (pki_text_find_private_key(
		    c->text, strlen(c->text), &c->report[PROVISION_CHECK_PRIVATE_KEY])) {
		fail(c, PROVISION_CHECK_PRIVATE_KEY, 400, "private-key-in-submission");
		return;
	}
	c->result[PROVISION_CHECK_PRIVATE_KEY] = PROVISION_PASSED;
	c->error = pki_cert_parse(
		c->text, strlen(c->text), &c->report[PROVISION_CHECK_VALIDATION], &c->cert);
	if (c->error == -EBADMSG) {
		c->error = 0;
		fail(c, PROVISION_CHECK_VALIDATION, 400, "certificate-unreadable");
		return;
	}
	if (c->error == 0)
		c->error = pki_cert_info(c->cert, &c->info);
	if (c->error == 0)
		check_parsed(c);
	if (c->error == 0 && c->failed == PROVISION_CHECK_CNT)
		c->error = pki_cert_to_pem(c->cert, &c->pem);
}

bool provision_check_is_passed(const struct provision_check *c)
{
	return c->error == 0 && c->failed == PROVISION_CHECK_CNT;
}

const char *provision_check_kind_name(enum provision_check_kind kind)
{
	return check_names[kind];
}

const struct pki_finding *provision_check_finding(const struct provision_check *c)
{
	if (c->error < 0 || c->failed == PROVISION_CHECK_CNT)
		return NULL;
	return pki_report_first(&c->report[c->failed]);
}

json_t *provision_check_json(const struct provision_check *c)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < PROVISION_CHECK_CNT; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "check", check_names[i],
						    "result", result_names[c->result[i]],
						    "findings", answer_findings(&c->report[i])));
	return list;
}
