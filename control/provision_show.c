/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/config.h"
#include "control/credential.h"
#include "control/revocations.h"
#include "control/time_text.h"
#include "control/trust.h"
#include "pki/x509/cert.h"
#include "pki/x509/validate.h"

/* At most max texts of a list of rows of this width. */
static json_t *texts_json(const char *text, size_t width, size_t cnt)
{
	json_t *list = json_array();

	for (size_t i = 0; i < cnt && i < PKI_NAMES_MAX; i++)
		json_array_append_new(list, json_string(text + i * width));
	return list;
}

static json_t *certificate_json(const struct pki_cert_info *info)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:s}", "subject", info->subject,
		"issuer", info->issuer, "serial", info->serial, "not_before",
		time_json(info->not_before), "not_after", time_json(info->not_after), "key_type",
		info->key_type, "signature_algorithm", info->signature_algorithm, "fingerprint",
		info->fingerprint_sha256, "fingerprint_sha1", info->fingerprint_sha1);
}

/* What only the detail of one certificate has: names, text, and what validation says now. */
static void add_detail(struct daemon *d, X509 *cert, const struct pki_cert_info *info, json_t *out)
{
	struct revocations_query query = {
		.revocations = revocations_current(d), .now = (int64_t)time(NULL)};
	const struct pki_validate_args args = {
		.trust = trust_current(d->trust),
		.installation_key = d->installation_key,
		.now = query.now,
		.is_ed25519_allowed = d->config->is_ed25519_allowed,
		.find = query.revocations != NULL ? revocations_find : NULL,
		.find_ctx = &query,
	};
	struct pki_report report;
	struct rk_verdict verdict;
	char *pem = NULL;

	json_object_set_new(out, "common_names",
		texts_json(
			info->common_name[0], sizeof(info->common_name[0]), info->common_name_cnt));
	json_object_set_new(out, "alt_names",
		texts_json(info->alt_name[0], sizeof(info->alt_name[0]), info->alt_name_cnt));
	json_object_set_new(out, "crl_urls",
		texts_json(info->crl_url[0], sizeof(info->crl_url[0]), info->crl_url_cnt));
	json_object_set_new(out, "purpose", json_string(info->purpose));
	if (pki_cert_to_pem(cert, &pem) == 0)
		json_object_set_new(out, "pem", json_string(pem));
	free(pem);
	pki_report_init(&report);
	if (pki_validate(&args, cert, &report, &verdict) < 0)
		return;
	json_object_set_new(out, "status",
		json_string(rk_verdict_status_name((enum rk_verdict_status)verdict.status)));
	json_object_set_new(out, "findings", answer_findings(&report));
}

json_t *provision_describe(struct daemon *d, X509 *cert, bool is_detailed)
{
	struct pki_cert_info info;
	json_t *out;

	if (pki_cert_info(cert, &info) < 0)
		return json_null();
	out = certificate_json(&info);
	if (is_detailed)
		add_detail(d, cert, &info, out);
	return out;
}

static json_t *credential_json(const struct provision *p, const char *name, bool is_detailed)
{
	int dir = p->daemon->pki_fd;
	json_t *certificate = json_null();
	X509 *cert = NULL;

	if (provision_read_certificate(dir, name, &cert) == 0)
		certificate = provision_describe(p->daemon, cert, is_detailed);
	X509_free(cert);
	return json_pack("{s:s, s:b, s:b, s:b, s:b, s:o}", "name", name, "is_for_peering",
		strcmp(name, credential_name(p->daemon)) == 0, "has_key",
		provision_has_key(dir, name, PROVISION_KEY_CURRENT), "has_replacement_key",
		provision_has_key(dir, name, PROVISION_KEY_NEXT), "has_request",
		provision_has_request(dir, name), "certificate", certificate);
}

void provision_list(const struct provision *p, struct answer *out)
{
	struct provision_names *names = malloc(sizeof(*names));
	json_t *list = json_array();
	int ret = names != NULL ? provision_list_names(p->daemon->pki_fd, names) : -ENOMEM;

	for (size_t i = 0; ret == 0 && i < names->cnt; i++)
		json_array_append_new(list, credential_json(p, names->name[i], false));
	free(names);
	if (ret == 0) {
		answer_ok(out, json_pack("{s:o}", "certificates", list));
		return;
	}
	json_decref(list);
	answer_error(
		out, 500, "not-read", NULL, "the PKI folder cannot be read: %s", strerror(-ret));
}

void provision_show(const struct provision *p, const char *name, struct answer *out)
{
	int dir = p->daemon->pki_fd;

	if (!provision_check_name(name, out))
		return;
	if (provision_has_key(dir, name, PROVISION_KEY_CURRENT) ||
		provision_has_certificate(dir, name))
		answer_ok(out, credential_json(p, name, true));
	else
		answer_error(out, 404, "no-certificate", NULL,
			"there is neither a key nor a certificate %s", name);
}
