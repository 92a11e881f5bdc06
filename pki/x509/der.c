/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/der.h"

#include <endian.h>
#include <string.h>

/* The length octets after the identifier: definite, minimal, at most four. */
static bool read_length(struct rk_reader *r, size_t *out)
{
	uint8_t first = rk_read_u8(r);
	unsigned octet_cnt = first & 0x7f;
	size_t len = 0;
	unsigned i;

	if (first < 0x80) {
		*out = first;
		return !r->is_failed;
	}
	if (octet_cnt == 0 || octet_cnt > 4) /* indefinite, or larger than anything we take */
		return false;
	for (i = 0; i < octet_cnt; i++)
		len = len << 8 | rk_read_u8(r);
	if (len < 0x80 || len >> (8 * (octet_cnt - 1)) == 0) /* fewer octets would have done */
		return false;
	*out = len;
	return !r->is_failed;
}

bool pki_der_next(struct rk_span *in, struct pki_der *out)
{
	struct rk_reader r;
	struct pki_der e;

	rk_reader_init(&r, in->data, in->len);
	e.tag = rk_read_u8(&r);
	if (r.is_failed || (e.tag & 0x1f) == 0x1f || !read_length(&r, &e.content.len))
		return false;
	e.content.data = rk_read_bytes(&r, e.content.len);
	if (r.is_failed)
		return false;
	e.whole.data = in->data;
	e.whole.len = in->len - rk_reader_left(&r);
	in->data += e.whole.len;
	in->len -= e.whole.len;
	*out = e;
	return true;
}

bool pki_der_expect(struct rk_span *in, uint8_t tag, struct pki_der *out)
{
	return pki_der_peek(in) == tag && pki_der_next(in, out);
}

uint8_t pki_der_peek(const struct rk_span *in)
{
	return in->len > 0 ? in->data[0] : 0;
}

static bool is_minimal_integer(struct rk_span c)
{
	if (c.len == 0)
		return false;
	if (c.len == 1)
		return true;
	return !(c.data[0] == 0x00 && c.data[1] < 0x80) &&
	       !(c.data[0] == 0xff && c.data[1] >= 0x80);
}

/* Base-128 arcs: each minimal, the last one finished. */
static bool is_sound_oid(struct rk_span c)
{
	bool is_start = true;
	size_t i;

	for (i = 0; i < c.len; i++) {
		if (is_start && c.data[i] == 0x80)
			return false;
		is_start = c.data[i] < 0x80;
	}
	return c.len > 0 && is_start;
}

static bool is_sound_bit_string(struct rk_span c)
{
	uint8_t unused;

	if (c.len == 0 || c.data[0] > 7 || (c.len == 1 && c.data[0] != 0))
		return false;
	unused = (uint8_t)((1u << c.data[0]) - 1);
	return c.len == 1 || (c.data[c.len - 1] & unused) == 0;
}

static bool is_sound_primitive(const struct pki_der *e)
{
	switch (e->tag) {
	case PKI_DER_BOOLEAN:
		return e->content.len == 1 &&
		       (e->content.data[0] == 0x00 || e->content.data[0] == 0xff);
	case PKI_DER_INTEGER:
	case PKI_DER_ENUMERATED:
		return is_minimal_integer(e->content);
	case PKI_DER_BIT_STRING:
		return is_sound_bit_string(e->content);
	case PKI_DER_NULL:
		return e->content.len == 0;
	case PKI_DER_OID:
		return is_sound_oid(e->content);
	case 0: /* end-of-contents belongs to the indefinite form */
		return false;
	default: /* sequences and sets are constructed */
		return e->tag != (PKI_DER_SEQUENCE & ~0x20) && e->tag != (PKI_DER_SET & ~0x20);
	}
}

static bool is_constructed(uint8_t tag)
{
	return (tag & 0x20) != 0;
}

/* Of the universal types only sequences and sets may be constructed (X.690 10.2). */
static bool may_be_constructed(uint8_t tag)
{
	return (tag & 0xc0) != 0 || tag == PKI_DER_SEQUENCE || tag == PKI_DER_SET;
}

/* The shorter one padded with zeros (X.690 11.6): no element is the other's beginning and more. */
static int compare_elements(struct rk_span a, struct rk_span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = memcmp(a.data, b.data, len);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Elements of a SET ascend: every one of certificates and lists is a SET OF. */
static bool is_strict_content(struct rk_span in, unsigned depth, bool is_set)
{
	struct rk_span last = {0};
	struct pki_der e;

	while (in.len > 0) {
		if (!pki_der_next(&in, &e) ||
			(is_set && last.len > 0 && compare_elements(last, e.whole) > 0))
			return false;
		last = e.whole;
		if (!is_constructed(e.tag)) {
			if (!is_sound_primitive(&e))
				return false;
			continue;
		}
		if (depth == 0 || !may_be_constructed(e.tag) ||
			!is_strict_content(e.content, depth - 1, e.tag == PKI_DER_SET))
			return false;
	}
	return true;
}

bool pki_der_is_strict(const uint8_t *data, size_t len)
{
	struct rk_span in = {data, len};
	struct rk_span rest = in;
	struct pki_der e;

	return pki_der_next(&rest, &e) && rest.len == 0 &&
	       is_strict_content(in, PKI_DER_DEPTH_MAX, false);
}

/* Two digits, or -1000 so that every range check fails. */
static int two_digits(const uint8_t *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1000;
	return (p[0] - '0') * 10 + (p[1] - '0');
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the first of a month; years from 0 on. */
static int64_t days_before(int year, int month)
{
	static const int before_month[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	int64_t y = year - 1;

	return 365 * (int64_t)year + (year > 0 ? y / 4 - y / 100 + y / 400 + 1 : 0) +
	       before_month[month - 1] + (month > 2 && is_leap(year)) - 719528;
}

static int days_in(int year, int month)
{
	if (month == 2)
		return is_leap(year) ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* MMDDHHMMSSZ. Not timegm: it takes a lock, and a list may have a million dates. */
static bool time_after_year(int year, const uint8_t *p, int64_t *out)
{
	int month = two_digits(p), day = two_digits(p + 2);
	int hour = two_digits(p + 4), minute = two_digits(p + 6), second = two_digits(p + 8);

	if (year < 0 || p[10] != 'Z' || month < 1 || month > 12 || day < 1 ||
		day > days_in(year, month) || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
		second < 0 || second > 59)
		return false;
	*out = (days_before(year, month) + day - 1) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}

bool pki_der_generalized_time(const struct pki_der *t, int64_t *out)
{
	const uint8_t *p = t->content.data;

	if (t->tag != PKI_DER_GENERALIZED_TIME || t->content.len != 15)
		return false;
	return time_after_year(two_digits(p) * 100 + two_digits(p + 2), p + 4, out);
}

/* Of eight (or fewer) digits in each second byte the number that it makes with the next one. */
static bool pairs_of(uint64_t text, uint64_t *out)
{
	uint64_t digits = text ^ UINT64_C(0x3030303030303030);

	*out = digits * 10 + (digits >> 8);
	/* what is above 9 carries into the high bit, or has it */
	return (((digits + UINT64_C(0x7676767676767676)) | digits) &
		       UINT64_C(0x8080808080808080)) == 0;
}

static unsigned pair(uint64_t pairs, unsigned i)
{
	return pairs >> (16 * i) & 0xff;
}

/* By year of four: the leap year is the first; its February has one more. Months from 1 on. */
#define MONTHS(february) 0, 31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0
#define BEFORE(leap)                                                                    \
	0, 0, 31, 59 + leap, 90 + leap, 120 + leap, 151 + leap, 181 + leap, 212 + leap, \
		243 + leap, 273 + leap, 304 + leap, 334 + leap, 0, 0, 0

/* Every fourth year of 1950..2049 is a leap year. No branch but for what is wrong: dates differ. */
bool pki_der_utc_time(const uint8_t text[13], int64_t *out)
{
	static const uint8_t month_len[4][16] = {
		{MONTHS(29)}, {MONTHS(28)}, {MONTHS(28)}, {MONTHS(28)}};
	static const uint16_t before_month[4][16] = {
		{BEFORE(1)}, {BEFORE(0)}, {BEFORE(0)}, {BEFORE(0)}};
	unsigned year, month, day, hour, minute, second;
	uint64_t date, time;
	uint32_t last;

	memcpy(&date, text, sizeof(date));
	memcpy(&last, text + sizeof(date), sizeof(last));
	if (!pairs_of(le64toh(date), &date) ||
		!pairs_of(le32toh(last) | UINT64_C(0x3030303000000000), &time) || text[12] != 'Z')
		return false;
	year = pair(date, 0) + (pair(date, 0) < 50 ? 100 : 0) - 48; /* since 1948 */
	month = pair(date, 1);
	day = pair(date, 2);
	hour = pair(date, 3);
	minute = pair(time, 0);
	second = pair(time, 1);
	if (month > 12 || hour > 23 || minute > 59 || second > 59 || day < 1 ||
		day > month_len[year % 4][month])
		return false;
	day += before_month[year % 4][month] - 1u;
	*out = ((int64_t)year * 365 + (year + 3) / 4 + day - 8036) * 86400 + hour * 3600 +
	       minute * 60 + second;
	return true;
}

bool pki_der_time(const struct pki_der *t, int64_t *out)
{
	const int64_t year_2050 = INT64_C(2524608000);

	if (t->tag == PKI_DER_UTC_TIME && t->content.len == 13)
		return pki_der_utc_time(t->content.data, out);
	return pki_der_generalized_time(t, out) && *out >= year_2050;
}
