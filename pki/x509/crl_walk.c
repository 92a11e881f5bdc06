/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The walk over millions of entries. Nearly all have one form, which is taken apart without a call,
 * many at once; whatever has another goes the general way (crl_entries.c), which gives the same.
 */
#include <endian.h>

#include "pki/x509/crl_parts.h"

#define COMMON_MAX (2 + 0x7f) /* octets of an entry with a short length */
#define HEAD_LEN   4          /* of an entry and its serial number */
#define DATE_LEN   15         /* of a UTCTime with its head */

#define PREFETCH_BYTES 1024 /* ahead, into the next page, too; past the end it does no harm */

static inline uint32_t load32(const uint8_t *p)
{
	uint32_t x;

	memcpy(&x, p, sizeof(x));
	return le32toh(x);
}

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return le64toh(x);
}

/*
 * The form of nearly every entry: short lengths, a UTCTime, no extension or a reason alone. Takes it
 * off in, but for what its date says; false: another form, or a bad one, or one near the end, for
 * pki_crl_entry_next to say which.
 */
static inline bool take_common(const struct pki_crl *crl, struct rk_span *in,
	struct pki_crl_entry *out, struct pki_der_utc_texts *dates, size_t i)
{
	const uint8_t *p = in->data, *date;
	struct rk_span serial, rest;
	size_t len;

	/* SEQUENCE with a short length, INTEGER */
	if (in->len < COMMON_MAX ||
		(load32(p) & 0xff80ff) != (PKI_DER_SEQUENCE | PKI_DER_INTEGER << 16))
		return false;
	len = p[1];
	serial = (struct rk_span){p + HEAD_LEN, p[3]};
	if (len < 2 + serial.len + DATE_LEN || !pki_crl_serial_is_sound(serial))
		return false;
	date = serial.data + serial.len;
	if (date[0] != PKI_DER_UTC_TIME || date[1] != DATE_LEN - 2 || date[DATE_LEN - 1] != 'Z')
		return false;
	rest = (struct rk_span){date + DATE_LEN, len - 2 - serial.len - DATE_LEN};
	out->reason = RK_REASON_UNSPECIFIED;
	if (rest.len > 0 && (!pki_crl_is_reason_alone(rest) ||
				    pki_crl_take_reason(crl, rest.data[rest.len - 1], out) != NULL))
		return false;
	__builtin_prefetch(p + PREFETCH_BYTES);
	out->serial = serial.data;
	out->serial_len = serial.len;
	dates->date[i] = load64(date + 2);
	dates->time[i] = load32(date + 10);
	in->data += 2 + len;
	in->len -= 2 + len;
	return true;
}

static_assert(PKI_CRL_VISIT_MAX == PKI_DER_UTC_TEXTS, "as many dates as entries");

/* So many in a row; of one with a bad date, or after it, none was taken. */
static size_t take_all_common(
	const struct pki_crl *crl, struct rk_span *in, struct pki_crl_entry *out, size_t max)
{
	const struct rk_span begin = *in;
	struct pki_der_utc_texts dates;
	int64_t seconds[PKI_DER_UTC_TEXTS];
	size_t cnt = 0;

	while (cnt < max && take_common(crl, in, &out[cnt], &dates, cnt))
		cnt++;
	if (!pki_der_utc_times(&dates, cnt, seconds)) {
		*in = begin;
		return 0;
	}
	for (size_t i = 0; i < cnt; i++)
		out[i].date = seconds[i];
	return cnt;
}

/* Up to PKI_CRL_VISIT_MAX, all after an entry of this issuer. Fewer: none left, or *why. */
static size_t take_entries(const struct pki_crl *crl, struct rk_span *in, struct rk_span issuer,
	struct pki_crl_entry *out, const struct pki_problem **why)
{
	size_t cnt = 0;

	while (cnt < PKI_CRL_VISIT_MAX) {
		size_t common = take_all_common(crl, in, out + cnt, PKI_CRL_VISIT_MAX - cnt);

		for (size_t i = cnt; i < cnt + common; i++)
			out[i].issuer = issuer;
		cnt += common;
		if (cnt == PKI_CRL_VISIT_MAX)
			break;
		out[cnt].issuer = issuer;
		if (!pki_crl_entry_next(crl, in, &out[cnt], why))
			break;
		issuer = out[cnt++].issuer;
	}
	return cnt;
}

int pki_crl_read_entries(struct pki_crl *crl, struct pki_report *report,
	int (*visit)(void *ctx, const struct pki_crl_entry *entry, size_t cnt), void *ctx)
{
	struct rk_span in = crl->entries, issuer = {0};
	struct pki_crl_entry entry[PKI_CRL_VISIT_MAX];
	const struct pki_problem *why = NULL;
	size_t cnt;
	int ret = 0;

	do {
		cnt = take_entries(crl, &in, issuer, entry, &why);
		crl->info.entry_cnt += cnt;
		if (cnt == 0)
			break;
		issuer = entry[cnt - 1].issuer;
		ret = visit(ctx, entry, cnt);
	} while (ret == 0 && cnt == PKI_CRL_VISIT_MAX);
	if (ret == 0 && in.len != 0)
		ret = pki_crl_refuse(report, why->code, why->text);
	return ret;
}
