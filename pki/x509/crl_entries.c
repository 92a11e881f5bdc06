/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/crl_parts.h"

#include <endian.h>
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

static const struct pki_problem *take_reason(
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
	return take_reason(crl, reason.content.data[0], out);
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

/* Positive, and minimal as DER wants it. */
static bool is_sound_serial(struct rk_span s)
{
	return s.len > 0 && s.len <= PKI_SERIAL_MAX && s.data[0] < 0x80 &&
	       (s.data[0] != 0 || (s.len > 1 && s.data[1] >= 0x80));
}

static uint64_t load(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

/* What nearly every entry with extensions has: a reason alone. The octet behind these is it. */
static bool is_reason_alone(struct rk_span extensions)
{
	static const uint8_t head[] = {
		0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, ARC_REASON, 0x04, 0x03, 0x0a, 0x01};
	const uint8_t *p = extensions.data;

	/* the two halves overlap */
	return extensions.len == sizeof(head) + 1 && load(p) == load(head) &&
	       load(p + sizeof(head) - 8) == load(head + sizeof(head) - 8);
}

/* SEQUENCE { userCertificate, revocationDate, crlEntryExtensions OPTIONAL } */
static const struct pki_problem *read_entry(
	const struct pki_crl *crl, struct rk_span in, struct pki_crl_entry *out)
{
	struct pki_der serial, date, list;

	if (!pki_der_expect(&in, PKI_DER_INTEGER, &serial) || !pki_der_next(&in, &date))
		return &bad_entry;
	if (!is_sound_serial(serial.content))
		return &bad_serial;
	out->serial = serial.content.data;
	out->serial_len = serial.content.len;
	out->reason = RK_REASON_UNSPECIFIED;
	if (!pki_der_time(&date, &out->date))
		return &bad_date;
	if (in.len == 0)
		return NULL;
	if (is_reason_alone(in))
		return take_reason(crl, in.data[in.len - 1], out);
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

/* As numbers: serials are minimal and positive, so a longer one is a larger one. */
static int compare_serials(struct rk_span a, struct rk_span b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return memcmp(a.data, b.data, a.len);
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

	return order != 0 ? order : compare_serials(x->serial, y->serial);
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

#define COMMON_MAX (2 + 0x7f) /* octets of an entry with a short length */
#define DATE_LEN   15         /* of a UTCTime with its head */

/*
 * The form of nearly every entry: short lengths, a UTCTime, no extension or a reason alone. Takes it
 * off in; false: another form, or a bad one, or one near the end, for pki_crl_entry_next to say which.
 * Without the calls of the general way a list of millions is read in a quarter of the time.
 */
static inline bool take_common_entry(
	const struct pki_crl *crl, struct rk_span *in, struct pki_crl_entry *out)
{
	const uint8_t *p = in->data;
	struct rk_span serial, rest;
	size_t len;

	if (in->len < COMMON_MAX || p[0] != PKI_DER_SEQUENCE || p[1] >= 0x80 ||
		p[2] != PKI_DER_INTEGER)
		return false;
	len = p[1];
	serial = (struct rk_span){p + 4, p[3]};
	if (serial.len > PKI_SERIAL_MAX || len < 2 + serial.len + DATE_LEN ||
		!is_sound_serial(serial))
		return false;
	p = serial.data + serial.len;
	if (p[0] != PKI_DER_UTC_TIME || p[1] != DATE_LEN - 2 ||
		!pki_der_utc_time(p + 2, &out->date))
		return false;
	rest = (struct rk_span){p + DATE_LEN, len - 2 - serial.len - DATE_LEN};
	out->reason = RK_REASON_UNSPECIFIED;
	if (rest.len > 0 &&
		(!is_reason_alone(rest) || take_reason(crl, rest.data[rest.len - 1], out) != NULL))
		return false;
	out->serial = serial.data;
	out->serial_len = serial.len;
	in->data += 2 + len;
	in->len -= 2 + len;
	return true;
}

static bool next_entry(const struct pki_crl *crl, struct rk_span *in, struct pki_crl_entry *out,
	const struct pki_problem **why)
{
	return take_common_entry(crl, in, out) || pki_crl_entry_next(crl, in, out, why);
}

static bool is_ascending(const struct pki_crl_entry *a, const struct pki_crl_entry *b)
{
	uint64_t x, y;

	if (a->serial_len == b->serial_len && a->serial_len >= sizeof(x)) {
		x = be64toh(load(a->serial));
		y = be64toh(load(b->serial));
		if (x != y)
			return x < y;
	}
	return compare_serials((struct rk_span){a->serial, a->serial_len},
		       (struct rk_span){b->serial, b->serial_len}) < 0;
}

int pki_crl_read_entries(struct pki_crl *crl, struct pki_report *report,
	int (*visit)(void *ctx, const struct pki_crl_entry *entry, size_t cnt), void *ctx)
{
	struct rk_span in = crl->entries;
	struct pki_crl_entry entry[PKI_CRL_VISIT_MAX + 1]; /* the first is the one before these */
	const struct pki_problem *why = NULL;
	bool is_first = true;
	size_t cnt;
	int ret = 0;

	memset(&entry[0], 0, sizeof(entry[0]));
	crl->info.is_ordered = true;
	do {
		for (cnt = 0; cnt < PKI_CRL_VISIT_MAX; cnt++) {
			entry[cnt + 1].issuer = entry[cnt].issuer;
			if (!next_entry(crl, &in, &entry[cnt + 1], &why))
				break;
			if (!is_first && !is_ascending(&entry[cnt], &entry[cnt + 1]))
				crl->info.is_ordered = false;
			is_first = false;
		}
		crl->info.entry_cnt += cnt;
		if (cnt > 0)
			ret = visit(ctx, entry + 1, cnt);
		entry[0] = entry[cnt];
	} while (ret == 0 && cnt == PKI_CRL_VISIT_MAX);
	if (ret == 0 && in.len != 0)
		ret = pki_crl_refuse(report, why->code, why->text);
	return ret;
}
