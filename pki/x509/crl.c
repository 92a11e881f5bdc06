/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/crl.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "pki/x509/algorithm.h"
#include "pki/x509/crl_parts.h"
#include "pki/x509/name.h"
#include "pki/x509/pem.h"

#define EXTENSION_MAX 65536 /* octets of the list's own extensions, and of its issuer's name */

int pki_crl_refuse(struct pki_report *report, const char *code, const char *text)
{
	pki_report_add(report, PKI_ERROR, code,
		"Tell the CA: the list must follow RFC 5280. The last good list stays in force.",
		"The revocation list is refused: %s.", text);
	return -EBADMSG;
}

static int refuse_size(struct pki_report *report)
{
	pki_crl_refuse(report, "crl-too-large", "it is larger than the configured limit");
	return -EFBIG;
}

static int decode_pem(struct pki_crl *crl, const char *text, size_t len, size_t max_len,
	struct pki_report *report)
{
	const char *next = text, *end = text + len;
	struct pki_pem_block block;
	int ret;

	if (pki_pem_next(&next, end, &block) != PKI_PEM_BLOCK ||
		strcmp(block.label, "X509 CRL") != 0 ||
		!pki_text_is_blank(text, (size_t)(block.start - text)) ||
		!pki_text_is_blank(block.end, (size_t)(end - block.end)))
		return pki_crl_refuse(report, "crl-unreadable",
			"it is neither DER nor exactly one PEM block labelled X509 CRL");
	crl->der = crl->copy = malloc(block.body_len / 4 * 3 + 3);
	if (crl->copy == NULL)
		return -ENOMEM;
	ret = pki_base64_decode(
		block.body, block.body_len, crl->copy, block.body_len / 4 * 3 + 3, &crl->len);
	if (ret < 0)
		return pki_crl_refuse(report, "crl-unreadable", "its PEM block is not base64");
	return crl->len > max_len ? refuse_size(report) : 0;
}

/* A list begins with SEQUENCE; text never does. */
static bool is_der(const void *data, size_t len)
{
	return len > 0 && *(const uint8_t *)data == PKI_DER_SEQUENCE;
}

/* Takes a copy of the bytes, decoded. */
static int take_bytes(struct pki_crl *crl, const void *data, size_t len, size_t max_len,
	struct pki_report *report)
{
	if (len > INT_MAX ||
		len > max_len / 2 * 3 + 4096) /* PEM is a third larger, and has line breaks */
		return refuse_size(report);
	if (!is_der(data, len))
		return decode_pem(crl, data, len, max_len, report);
	if (len > max_len)
		return refuse_size(report);
	crl->der = crl->copy = malloc(len);
	if (crl->copy == NULL)
		return -ENOMEM;
	memcpy(crl->copy, data, len);
	crl->len = len;
	return 0;
}

static int read_algorithm(struct pki_crl *crl, struct rk_span whole, struct pki_report *report)
{
	const uint8_t *next = whole.data;
	const struct pki_problem *problem;

	if (pki_der_is_strict(whole.data, whole.len))
		crl->algorithm = d2i_X509_ALGOR(NULL, &next, (long)whole.len);
	if (crl->algorithm == NULL || next != whole.data + whole.len)
		return pki_crl_refuse(
			report, "crl-unreadable", "its signature algorithm cannot be read");
	/* Whether the signer's key may be Ed25519 is the trust's business. */
	problem = pki_signature_problem(crl->algorithm, true);
	return problem != NULL ? pki_crl_refuse(report, problem->code, problem->text) : 0;
}

static int read_issuer(struct pki_crl *crl, struct rk_span whole, struct pki_report *report)
{
	const uint8_t *next = whole.data;
	int ret;

	if (whole.len <= EXTENSION_MAX && pki_der_is_strict(whole.data, whole.len))
		crl->issuer = d2i_X509_NAME(NULL, &next, (long)whole.len);
	if (crl->issuer == NULL || next != whole.data + whole.len ||
		X509_NAME_entry_count(crl->issuer) == 0)
		return pki_crl_refuse(
			report, "crl-bad-issuer", "its issuer is empty or cannot be read");
	ret = pki_issuer_hash(crl->issuer, crl->info.issuer_hash);
	if (ret == -EINVAL)
		return pki_crl_refuse(report, "crl-bad-issuer", "its issuer cannot be read");
	crl->info.issuer = crl->issuer;
	pki_name_text(crl->issuer, crl->info.issuer_text, sizeof(crl->info.issuer_text));
	return ret;
}

static int read_dates(struct pki_crl *crl, struct rk_span *in, struct pki_report *report)
{
	struct pki_der e;
	uint8_t tag;

	if (!pki_der_next(in, &e) || !pki_der_time(&e, &crl->info.this_update))
		return pki_crl_refuse(
			report, "crl-bad-dates", "thisUpdate is missing or not in RFC 5280's form");
	tag = pki_der_peek(in);
	if (tag != PKI_DER_UTC_TIME && tag != PKI_DER_GENERALIZED_TIME)
		return pki_crl_refuse(report, "crl-without-next-update",
			"it does not say when the next one comes (nextUpdate)");
	if (!pki_der_next(in, &e) || !pki_der_time(&e, &crl->info.next_update) ||
		crl->info.next_update <= crl->info.this_update)
		return pki_crl_refuse(report, "crl-bad-dates",
			"nextUpdate is not in RFC 5280's form or not after thisUpdate");
	return 0;
}

/* revokedCertificates and crlExtensions: the end of TBSCertList. */
static int read_tail(struct pki_crl *crl, struct rk_span in, struct pki_report *report)
{
	struct pki_der e, list;

	if (pki_der_peek(&in) == PKI_DER_SEQUENCE) {
		if (!pki_der_next(&in, &e))
			return pki_crl_refuse(
				report, "crl-unreadable", "its entries cannot be read");
		if (e.content.len == 0)
			return pki_crl_refuse(report, "crl-bad-entry",
				"it has an empty list of entries, which must then be left out");
		crl->entries = e.content;
	}
	if (in.len == 0)
		return pki_crl_refuse(report, "crl-without-number",
			"it has no extensions, so no CRL number and no authority key identifier");
	if (!pki_der_expect(&in, PKI_DER_CONTEXT_CONSTRUCTED | 0, &e) || in.len != 0 ||
		!pki_der_expect(&e.content, PKI_DER_SEQUENCE, &list) || e.content.len != 0 ||
		list.whole.len > EXTENSION_MAX ||
		!pki_der_is_strict(list.whole.data, list.whole.len))
		return pki_crl_refuse(report, "crl-unreadable", "its extensions cannot be read");
	return pki_crl_read_extensions(crl, list.content, report);
}

static int read_tbs(
	struct pki_crl *crl, struct rk_span in, struct rk_span outer, struct pki_report *report)
{
	struct pki_der e;
	int ret;

	if (!pki_der_expect(&in, PKI_DER_INTEGER, &e) || e.content.len != 1 ||
		e.content.data[0] != 1)
		return pki_crl_refuse(report, "crl-not-version-2", "it is not a version 2 list");
	if (!pki_der_expect(&in, PKI_DER_SEQUENCE, &e))
		return pki_crl_refuse(
			report, "crl-unreadable", "its signature algorithm cannot be read");
	if (e.whole.len != outer.len || memcmp(e.whole.data, outer.data, outer.len) != 0)
		return pki_crl_refuse(report, "signature-algorithms-differ",
			"the signature algorithms inside and outside the signed part differ");
	ret = read_algorithm(crl, e.whole, report);
	if (ret < 0)
		return ret;
	if (!pki_der_expect(&in, PKI_DER_SEQUENCE, &e))
		return pki_crl_refuse(report, "crl-bad-issuer", "its issuer cannot be read");
	ret = read_issuer(crl, e.whole, report);
	if (ret < 0)
		return ret;
	ret = read_dates(crl, &in, report);
	if (ret < 0)
		return ret;
	return read_tail(crl, in, report);
}

static int read_list(struct pki_crl *crl, struct pki_report *report)
{
	struct rk_span in = {crl->der, crl->len};
	struct pki_der list, tbs, algorithm, signature;

	/* Element by element: strict all the way down, and the entries when they are read. */
	if (!pki_der_expect(&in, PKI_DER_SEQUENCE, &list) || in.len != 0 ||
		!pki_der_expect(&list.content, PKI_DER_SEQUENCE, &tbs) ||
		!pki_der_expect(&list.content, PKI_DER_SEQUENCE, &algorithm) ||
		!pki_der_expect(&list.content, PKI_DER_BIT_STRING, &signature) ||
		list.content.len != 0 || signature.content.len < 2 ||
		signature.content.data[0] != 0)
		return pki_crl_refuse(report, "crl-unreadable",
			"it is not the DER of one CertificateList, or something follows it");
	crl->tbs = tbs.whole;
	crl->signature.data = signature.content.data + 1;
	crl->signature.len = signature.content.len - 1;
	return read_tbs(crl, tbs.content, algorithm.whole, report);
}

static struct pki_crl *crl_new(unsigned kinds)
{
	struct pki_crl *crl = calloc(1, sizeof(*crl));

	if (crl == NULL)
		return NULL;
	atomic_init(&crl->ref_cnt, 1);
	crl->kinds = kinds;
	crl->info.scope.reasons = PKI_CRL_REASONS_ALL;
	return crl;
}

/* The end of parsing: *out on success, nothing left otherwise. */
static int give(struct pki_crl *crl, int ret, struct pki_crl **out)
{
	crl->info.size = crl->len;
	if (ret == 0)
		*out = crl;
	else
		pki_crl_free(crl);
	ERR_clear_error();
	return ret;
}

/* Serials ascend, so that none is there twice, as in most lists. */
struct order {
	struct rk_span last;
	bool is_ascending;
};

static int follow_order(void *ctx, const struct pki_crl_entry *entry, size_t cnt)
{
	struct order *o = ctx;

	for (size_t i = 0; i < cnt; i++) {
		const struct rk_span serial = {entry[i].serial, entry[i].serial_len};

		if (pki_crl_compare_serials(o->last, serial) >= 0)
			o->is_ascending = false;
		o->last = serial;
	}
	return 0;
}

static int check_entries(struct pki_crl *crl, struct pki_report *report)
{
	struct order order = {.is_ascending = true};
	bool is_found = false;
	int ret = pki_crl_read_entries(crl, report, follow_order, &order);

	if (ret == 0 && !order.is_ascending)
		ret = pki_crl_find_duplicate(crl, &is_found);
	if (ret == 0 && is_found)
		ret = pki_crl_refuse(
			report, "crl-duplicate-serial", "it names one serial number twice");
	return ret;
}

int pki_crl_parse(const void *data, size_t len, size_t max_len, struct pki_report *report,
	struct pki_crl **out)
{
	return pki_crl_parse_kinds(data, len, max_len, 0, report, out);
}

int pki_crl_parse_kinds(const void *data, size_t len, size_t max_len, unsigned kinds,
	struct pki_report *report, struct pki_crl **out)
{
	struct pki_crl *crl = crl_new(kinds);
	int ret;

	if (crl == NULL)
		return -ENOMEM;
	ret = take_bytes(crl, data, len, max_len, report);
	if (ret == 0)
		ret = read_list(crl, report);
	if (ret == 0)
		ret = check_entries(crl, report);
	return give(crl, ret, out);
}

int pki_crl_open(const void *data, size_t len, unsigned kinds, struct pki_report *report,
	struct pki_crl **out)
{
	struct pki_crl *crl = crl_new(kinds);
	int ret = 0;

	if (crl == NULL)
		return -ENOMEM;
	if (is_der(data, len)) {
		crl->der = data;
		crl->len = len;
	} else {
		ret = decode_pem(crl, data, len, len, report);
	}
	if (ret == 0)
		ret = read_list(crl, report);
	return give(crl, ret, out);
}

int pki_crl_open_scope(struct rk_span issuer, struct rk_span idp, struct pki_crl **out)
{
	struct pki_crl *crl = crl_new(PKI_CRL_TAKE_ALL);
	int ret;

	if (crl == NULL)
		return -ENOMEM;
	ret = read_issuer(crl, issuer, NULL);
	if (ret == 0 && idp.len > 0)
		ret = pki_der_is_strict(idp.data, idp.len) ? pki_crl_read_scope(crl, idp, NULL)
							   : -EBADMSG;
	return give(crl, ret, out);
}

struct pki_crl *pki_crl_get(struct pki_crl *crl)
{
	atomic_fetch_add_explicit(&crl->ref_cnt, 1, memory_order_relaxed);
	return crl;
}

void pki_crl_free(struct pki_crl *crl)
{
	if (crl == NULL || atomic_fetch_sub_explicit(&crl->ref_cnt, 1, memory_order_acq_rel) != 1)
		return;
	X509_ALGOR_free(crl->algorithm);
	ISSUING_DIST_POINT_free(crl->point);
	X509_NAME_free(crl->issuer);
	free(crl->copy);
	free(crl);
}

const struct pki_crl_info *pki_crl_info(const struct pki_crl *crl)
{
	return &crl->info;
}

int pki_crl_walk(const struct pki_crl *crl,
	int (*visit)(void *ctx, const struct pki_crl_entry *entry), void *ctx)
{
	struct rk_span in = crl->entries;
	struct pki_crl_entry entry = {0};
	const struct pki_problem *why;
	int ret = 0;

	while (ret == 0 && pki_crl_entry_next(crl, &in, &entry, &why))
		ret = visit(ctx, &entry);
	return ret;
}
