/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/crl_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pki/x509/name.h"

/* Arcs below id-ce, 2.5.29. */
enum {
	ARC_ISSUER_ALT_NAME = 18,
	ARC_CRL_NUMBER = 20,
	ARC_DELTA_INDICATOR = 27,
	ARC_ISSUING_POINT = 28,
	ARC_AUTHORITY_KEY_ID = 35,
	ARC_FRESHEST_CRL = 46,
};

static int read_number(
	struct pki_crl *crl, const struct pki_extension *e, struct pki_report *report)
{
	struct rk_span in = e->value;
	struct pki_der n;
	size_t i;

	if (e->is_critical || !pki_der_expect(&in, PKI_DER_INTEGER, &n) || n.content.len == 0 ||
		n.content.data[0] >= 0x80 || n.content.len > PKI_CRL_NUMBER_MAX)
		return pki_crl_refuse(report, "crl-bad-number",
			"its CRL number is critical, negative or longer than 20 octets");
	memcpy(crl->info.number + PKI_CRL_NUMBER_MAX - n.content.len, n.content.data,
		n.content.len);
	for (i = 0; i < n.content.len; i++)
		sprintf(crl->info.number_text + 2 * i, "%02X", n.content.data[i]);
	return 0;
}

/* BaseCRLNumber (RFC 5280 5.2.4) */
static int read_base_number(
	struct pki_crl *crl, const struct pki_extension *e, struct pki_report *report)
{
	struct rk_span in = e->value;
	struct pki_der n;

	if ((crl->kinds & PKI_CRL_TAKE_DELTA) == 0)
		return pki_crl_refuse(report, "crl-delta-not-supported",
			"it is a delta list where a complete one is needed");
	if (!e->is_critical || !pki_der_expect(&in, PKI_DER_INTEGER, &n) || n.content.len == 0 ||
		n.content.data[0] >= 0x80 || n.content.len > PKI_CRL_NUMBER_MAX)
		return pki_crl_refuse(report, "crl-bad-number",
			"its base CRL number is not critical, negative or longer than 20 octets");
	memcpy(crl->info.base_number + PKI_CRL_NUMBER_MAX - n.content.len, n.content.data,
		n.content.len);
	crl->info.is_delta = true;
	return 0;
}

/* authorityCertIssuer and authorityCertSerialNumber: both or none (RFC 5280 4.2.1.1). */
static bool is_pair_or_nothing(struct rk_span in)
{
	struct pki_der issuer, serial;

	return in.len == 0 ||
	       (pki_der_expect(&in, PKI_DER_CONTEXT_CONSTRUCTED | 1, &issuer) &&
		       pki_der_expect(&in, PKI_DER_CONTEXT | 2, &serial) && in.len == 0);
}

/* AuthorityKeyIdentifier ::= SEQUENCE { [0] keyIdentifier, [1] issuer, [2] serial } */
static int read_key_id(
	struct pki_crl *crl, const struct pki_extension *e, struct pki_report *report)
{
	struct rk_span in = e->value;
	struct pki_der list, id;

	if (e->is_critical || !pki_der_expect(&in, PKI_DER_SEQUENCE, &list) || in.len != 0 ||
		!pki_der_expect(&list.content, PKI_DER_CONTEXT | 0, &id) || id.content.len == 0 ||
		id.content.len > PKI_CRL_KEY_ID_MAX || !is_pair_or_nothing(list.content))
		return pki_crl_refuse(report, "crl-bad-authority-key-identifier",
			"its authority key identifier is critical, has no key identifier or cannot "
			"be "
			"read");
	memcpy(crl->info.key_id, id.content.data, id.content.len);
	crl->info.key_id_len = id.content.len;
	return 0;
}

/* fullName: the URIs are kept, so that a list can be matched to the certificates that name it. */
static int read_point_name(struct pki_crl *crl, struct rk_span in, struct pki_report *report)
{
	struct pki_crl_scope *scope = &crl->info.scope;
	struct pki_der names, name;

	scope->is_partition = true;
	if ((crl->kinds & PKI_CRL_TAKE_RELATIVE_NAME) != 0 &&
		pki_der_expect(&in, PKI_DER_CONTEXT_CONSTRUCTED | 1, &names) && in.len == 0 &&
		names.content.len > 0)
		return 0; /* decoded with the whole */
	if (pki_der_peek(&in) == (PKI_DER_CONTEXT_CONSTRUCTED | 1))
		return pki_crl_refuse(report, "crl-relative-name-not-supported",
			"its distribution point is named relative to the issuer, which is not "
			"supported");
	if (!pki_der_expect(&in, PKI_DER_CONTEXT_CONSTRUCTED | 0, &names) || in.len != 0 ||
		names.content.len == 0)
		return pki_crl_refuse(
			report, "crl-bad-scope", "its distribution point cannot be read");
	while (pki_der_next(&names.content, &name)) {
		size_t i;

		if (name.tag != (PKI_DER_CONTEXT | 6) || scope->url_cnt == 4 ||
			name.content.len >= PKI_URL_MAX)
			continue;
		for (i = 0; i < name.content.len; i++) {
			if (name.content.data[i] <= 0x20 || name.content.data[i] >= 0x7f)
				return pki_crl_refuse(report, "crl-bad-scope",
					"a URI of its distribution point is not a URI");
		}
		memcpy(scope->url[scope->url_cnt++], name.content.data, name.content.len);
	}
	return 0;
}

/* ReasonFlags ::= BIT STRING; the first bit is the highest. */
static int read_reasons(struct pki_crl *crl, struct rk_span bits, struct pki_report *report)
{
	unsigned mask = 0, bit;

	if ((crl->kinds & PKI_CRL_TAKE_SOME_REASONS) == 0)
		return pki_crl_refuse(report, "crl-some-reasons-not-supported",
			"it covers only some reasons of revocation, which is not supported");
	for (bit = 0; bit <= 8 && 1 + bit / 8 < bits.len; bit++) {
		if ((bits.data[1 + bit / 8] & (0x80u >> bit % 8)) != 0)
			mask |= 1u << bit;
	}
	if (bits.len < 2 || bits.len > 3 || bits.data[0] > 7 || (mask & PKI_CRL_REASONS_ALL) == 0)
		return pki_crl_refuse(
			report, "crl-bad-scope", "its reasons are none or cannot be read");
	crl->info.scope.reasons = mask & PKI_CRL_REASONS_ALL;
	return 0;
}

/* One of IssuingDistributionPoint's fields after the first. */
static int read_scope_flag(struct pki_crl *crl, const struct pki_der *e, struct pki_report *report)
{
	struct pki_crl_scope *scope = &crl->info.scope;

	if (e->tag == (PKI_DER_CONTEXT | 3))
		return read_reasons(crl, e->content, report);
	/* the flags are DEFAULT FALSE, so DER writes only TRUE */
	if (e->content.len != 1 || e->content.data[0] != 0xff)
		return pki_crl_refuse(
			report, "crl-bad-scope", "its issuing distribution point cannot be read");
	switch (e->tag) {
	case PKI_DER_CONTEXT | 1:
		scope->is_user_only = true;
		return 0;
	case PKI_DER_CONTEXT | 2:
		scope->is_ca_only = true;
		return 0;
	case PKI_DER_CONTEXT | 4:
		if ((crl->kinds & PKI_CRL_TAKE_INDIRECT) == 0)
			return pki_crl_refuse(report, "crl-indirect-not-supported",
				"it is an indirect list, which is not supported");
		scope->is_indirect = true;
		return 0;
	case PKI_DER_CONTEXT | 5:
		return pki_crl_refuse(report, "crl-attribute-certificates",
			"it covers attribute certificates only");
	default:
		return pki_crl_refuse(
			report, "crl-bad-scope", "its issuing distribution point cannot be read");
	}
}

/* The names, for comparison with certificates; a relative one continues the list's issuer. */
static int decode_point(struct pki_crl *crl, struct rk_span der, struct pki_report *report)
{
	const uint8_t *next = der.data;

	crl->point = d2i_ISSUING_DIST_POINT(NULL, &next, (long)der.len);
	crl->info.idp = der;
	if (crl->point == NULL || next != der.data + der.len)
		return pki_crl_refuse(
			report, "crl-bad-scope", "its issuing distribution point cannot be read");
	if (crl->point->distpoint != NULL && crl->point->distpoint->type == 1 &&
		DIST_POINT_set_dpname(crl->point->distpoint, crl->issuer) != 1)
		return pki_crl_refuse(
			report, "crl-bad-scope", "its distribution point cannot be read");
	return 0;
}

int pki_crl_read_scope(struct pki_crl *crl, struct rk_span idp, struct pki_report *report)
{
	struct pki_crl_scope *scope = &crl->info.scope;
	struct rk_span in = idp;
	struct pki_der list, field;
	uint8_t last = 0;
	int ret = 0;

	if (!pki_der_expect(&in, PKI_DER_SEQUENCE, &list) || in.len != 0 || list.content.len == 0)
		return pki_crl_refuse(report, "crl-bad-scope",
			"its issuing distribution point is empty or cannot be read");
	scope->has_idp = true;
	while (ret == 0 && list.content.len > 0) {
		if (!pki_der_next(&list.content, &field) || (field.tag & 0x1f) + 1 <= last)
			return pki_crl_refuse(report, "crl-bad-scope",
				"its issuing distribution point cannot be read");
		last = (uint8_t)((field.tag & 0x1f) + 1); /* fields stand in order, each once */
		if (field.tag == (PKI_DER_CONTEXT_CONSTRUCTED | 0))
			ret = read_point_name(crl, field.content, report);
		else
			ret = read_scope_flag(crl, &field, report);
	}
	if (ret == 0 && scope->is_user_only && scope->is_ca_only)
		return pki_crl_refuse(
			report, "crl-bad-scope", "it claims to cover only users and only CAs");
	return ret == 0 ? decode_point(crl, idp, report) : ret;
}

/* The http and https URLs of a freshestCRL; more than are kept are let go. false: not readable. */
static bool read_delta_urls(struct pki_crl_info *info, struct rk_span der)
{
	const uint8_t *next = der.data;
	CRL_DIST_POINTS *points = d2i_CRL_DIST_POINTS(NULL, &next, (long)der.len);
	bool is_good = points != NULL && next == der.data + der.len;

	for (int i = 0; is_good && i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT_NAME *name = sk_DIST_POINT_value(points, i)->distpoint;
		int cnt = name != NULL && name->type == 0 ? sk_GENERAL_NAME_num(name->name.fullname)
							  : 0;

		for (int j = 0; j < cnt && info->delta_url_cnt < PKI_CRL_DELTA_URL_MAX; j++)
			info->delta_url_cnt +=
				pki_http_url(sk_GENERAL_NAME_value(name->name.fullname, j),
					info->delta_url[info->delta_url_cnt], PKI_URL_MAX);
	}
	CRL_DIST_POINTS_free(points);
	return is_good;
}

/* RFC 5280 5.2.6: where the deltas of a full list are. */
static int read_freshest(
	struct pki_crl *crl, const struct pki_extension *e, struct pki_report *report)
{
	crl->has_freshest = true;
	if (e->is_critical)
		return pki_crl_refuse(report, "crl-extension-must-not-be-critical",
			"its freshestCRL is critical, which RFC 5280 forbids");
	return read_delta_urls(&crl->info, e->value) ? 0
						     : pki_crl_refuse(report, "crl-bad-freshest",
							       "its freshestCRL cannot be read");
}

static int read_extension(
	struct pki_crl *crl, const struct pki_extension *e, struct pki_report *report)
{
	if (pki_extension_is(e, ARC_CRL_NUMBER))
		return read_number(crl, e, report);
	if (pki_extension_is(e, ARC_AUTHORITY_KEY_ID))
		return read_key_id(crl, e, report);
	if (pki_extension_is(e, ARC_ISSUING_POINT))
		return e->is_critical ? pki_crl_read_scope(crl, e->value, report)
				      : pki_crl_refuse(report, "crl-bad-scope",
						"its issuing distribution point is not critical");
	if (pki_extension_is(e, ARC_DELTA_INDICATOR))
		return read_base_number(crl, e, report);
	if (pki_extension_is(e, ARC_FRESHEST_CRL))
		return read_freshest(crl, e, report);
	if (e->is_critical && !pki_extension_is(e, ARC_ISSUER_ALT_NAME))
		return pki_crl_refuse(report, "crl-unknown-critical-extension",
			"it has a critical extension that this program does not know");
	return 0;
}

static bool is_seen_before(struct rk_span extensions, const struct pki_extension *e)
{
	struct pki_extension other;

	while (pki_extension_next(&extensions, &other) && other.oid.data != e->oid.data) {
		if (other.oid.len == e->oid.len &&
			memcmp(other.oid.data, e->oid.data, e->oid.len) == 0)
			return true;
	}
	return false;
}

#define EXTENSION_CNT_MAX 32 /* keeps the search for duplicates short */

int pki_crl_read_extensions(
	struct pki_crl *crl, struct rk_span extensions, struct pki_report *report)
{
	struct rk_span in = extensions;
	struct pki_extension e;
	unsigned cnt = 0;
	int ret;

	while (pki_extension_next(&in, &e)) {
		if (++cnt > EXTENSION_CNT_MAX || is_seen_before(extensions, &e))
			return pki_crl_refuse(report, "duplicate-extension",
				"it has an extension twice, or too many");
		ret = read_extension(crl, &e, report);
		if (ret < 0)
			return ret;
	}
	if (in.len != 0 || cnt == 0)
		return pki_crl_refuse(report, "crl-unreadable", "its extensions cannot be read");
	if (crl->info.number_text[0] == '\0')
		return pki_crl_refuse(report, "crl-without-number", "it has no CRL number");
	if (crl->info.key_id_len == 0)
		return pki_crl_refuse(report, "crl-without-authority-key-identifier",
			"it has no authority key identifier");
	if (crl->info.is_delta && crl->has_freshest)
		return pki_crl_refuse(report, "crl-delta-with-freshest",
			"it is a delta list and says where its own deltas are");
	if (crl->info.is_delta &&
		memcmp(crl->info.number, crl->info.base_number, PKI_CRL_NUMBER_MAX) < 0)
		return pki_crl_refuse(
			report, "crl-bad-number", "it is a delta to a list that is newer than it");
	return 0;
}
