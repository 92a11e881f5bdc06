/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/crl_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Arcs below id-ce, 2.5.29. */
enum {
	ARC_REASON = 21,
	ARC_HOLD_INSTRUCTION = 23,
	ARC_INVALIDITY_DATE = 24,
	ARC_CERTIFICATE_ISSUER = 29,
};

static const struct pki_problem bad_entry = {"crl-bad-entry", "an entry cannot be read"};
static const struct pki_problem bad_serial = {
	"crl-bad-serial", "an entry's serial number is not a positive number of at most 20 octets"};
static const struct pki_problem bad_date = {
	"crl-bad-dates", "an entry's date is not in RFC 5280's form"};
static const struct pki_problem bad_reason = {
	"crl-bad-reason", "an entry's reason is not one that a complete list may give"};
static const struct pki_problem indirect = {"crl-indirect-not-supported",
	"an entry names another issuer, as only an indirect list may"};
static const struct pki_problem bad_issuer = {"crl-bad-entry",
	"an entry's certificateIssuer is not critical or names no directory entry"};
static const struct pki_problem unknown = {"crl-unknown-critical-extension",
	"an entry has a critical extension that this program does not know"};
static const struct pki_problem critical = {"crl-extension-must-not-be-critical",
	"an entry's reason or date of invalidity is critical, which RFC 5280 forbids"};
static const struct pki_problem twice = {"duplicate-extension", "an entry has one extension twice"};

const struct pki_problem *pki_crl_take_reason(
	const struct pki_crl *crl, uint8_t reason, struct pki_crl_entry *out)
{
	if (!rk_revocation_reason_is_known(reason) ||
		(reason == RK_REASON_REMOVED && !crl->info.is_delta))
		return &bad_reason;
	out->reason = (enum rk_revocation_reason)reason;
	return NULL;
}

static const struct pki_problem *read_reason(
	const struct pki_crl *crl, const struct pki_extension *e, struct pki_crl_entry *out)
{
	struct rk_span in = e->value;
	struct pki_der reason;

	if (e->is_critical)
		return &critical;
	if (!pki_der_expect(&in, PKI_DER_ENUMERATED, &reason) || reason.content.len != 1)
		return &bad_reason;
	return pki_crl_take_reason(crl, reason.content.data[0], out);
}

static const struct pki_problem *read_invalidity_date(const struct pki_extension *e)
{
	struct rk_span in = e->value;
	struct pki_der date;
	int64_t t;

	if (e->is_critical)
		return &critical;
	return pki_der_next(&in, &date) && pki_der_generalized_time(&date, &t) ? NULL : &bad_date;
}

/* GeneralNames with a directory name in it: no other form is compared with an issuer. */
static const struct pki_problem *read_issuer(
	const struct pki_crl *crl, const struct pki_extension *e, struct pki_crl_entry *out)
{
	struct rk_span in = e->value;
	struct pki_der names, name;
	bool has_directory = false;

	if (!crl->info.scope.is_indirect)
		return &indirect;
	if (!e->is_critical || !pki_der_expect(&in, PKI_DER_SEQUENCE, &names))
		return &bad_issuer;
	while (pki_der_next(&names.content, &name))
		has_directory |= name.tag == (PKI_DER_CONTEXT_CONSTRUCTED | 4);
	if (!has_directory || names.content.len != 0)
		return &bad_issuer;
	out->issuer = e->value;
	return NULL;
}

static const struct pki_problem *read_entry_extensions(
	const struct pki_crl *crl, struct rk_span in, struct pki_crl_entry *out)
{
	struct pki_extension e;
	const struct pki_problem *bad = NULL;
	bool has_reason = false, has_date = false, has_issuer = false;

	if (in.len == 0)
		return &bad_entry;
	while (bad == NULL && pki_extension_next(&in, &e)) {
		if (pki_extension_is(&e, ARC_REASON)) {
			bad = has_reason ? &twice : read_reason(crl, &e, out);
			has_reason = true;
		} else if (pki_extension_is(&e, ARC_INVALIDITY_DATE)) {
			bad = has_date ? &twice : read_invalidity_date(&e);
			has_date = true;
		} else if (pki_extension_is(&e, ARC_CERTIFICATE_ISSUER)) {
			bad = has_issuer ? &twice : read_issuer(crl, &e, out);
			has_issuer = true;
		} else if (e.is_critical && !pki_extension_is(&e, ARC_HOLD_INSTRUCTION)) {
			bad = &unknown;
		}
	}
	if (bad == NULL && in.len != 0)
		bad = &bad_entry;
	return bad;
}

/* SEQUENCE { userCertificate, revocationDate, crlEntryExtensions OPTIONAL } */
static const struct pki_problem *read_entry(
	const struct pki_crl *crl, struct rk_span in, struct pki_crl_entry *out)
{
	struct pki_der serial, date, list;

	if (!pki_der_expect(&in, PKI_DER_INTEGER, &serial) || !pki_der_next(&in, &date))
		return &bad_entry;
	if (!pki_crl_serial_is_sound(serial.content))
		return &bad_serial;
	out->serial = serial.content.data;
	out->serial_len = serial.content.len;
	out->reason = RK_REASON_UNSPECIFIED;
	if (!pki_der_time(&date, &out->date))
		return &bad_date;
	if (in.len == 0)
		return NULL;
	if (pki_crl_is_reason_alone(in))
		return pki_crl_take_reason(crl, in.data[in.len - 1], out);
	if (!pki_der_expect(&in, PKI_DER_SEQUENCE, &list) || in.len != 0 ||
		!pki_der_is_strict(list.whole.data, list.whole.len))
		return &bad_entry;
	return read_entry_extensions(crl, list.content, out);
}

bool pki_crl_entry_next(const struct pki_crl *crl, struct rk_span *in, struct pki_crl_entry *out,
	const struct pki_problem **why)
{
	struct rk_span rest = *in;
	const struct pki_problem *bad = &bad_entry;
	struct pki_der e;

	if (in->len == 0)
		return false;
	if (pki_der_expect(&rest, PKI_DER_SEQUENCE, &e))
		bad = read_entry(crl, e.content, out);
	if (bad != NULL) {
		*why = bad;
		return false;
	}
	*in = rest;
	return true;
}

static int compare_spans(struct rk_span a, struct rk_span b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len == 0 ? 0 : memcmp(a.data, b.data, a.len);
}

/* What an entry is about. */
struct named {
	struct rk_span issuer;
	struct rk_span serial;
};

/* Of an indirect list each issuer's serials are their own. */
static int compare_named(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = compare_spans(x->issuer, y->issuer);

	return order != 0 ? order : pki_crl_compare_serials(x->serial, y->serial);
}

int pki_crl_find_duplicate(const struct pki_crl *crl, bool *is_found)
{
	struct rk_span in = crl->entries;
	struct named *all = calloc(crl->info.entry_cnt, sizeof(*all));
	struct pki_crl_entry entry = {0};
	const struct pki_problem *why;
	size_t cnt = 0, i;

	if (all == NULL)
		return -ENOMEM;
	while (cnt < crl->info.entry_cnt && pki_crl_entry_next(crl, &in, &entry, &why))
		all[cnt++] = (struct named){entry.issuer, {entry.serial, entry.serial_len}};
	qsort(all, cnt, sizeof(*all), compare_named);
	*is_found = false;
	for (i = 1; i < cnt && !*is_found; i++)
		*is_found = compare_named(&all[i - 1], &all[i]) == 0;
	free(all);
	return 0;
}
