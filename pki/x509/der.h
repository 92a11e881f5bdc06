/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strict DER (X.690 10, 11), read in place: definite minimal lengths, low tag numbers, minimal
 * integers, sets in order. OpenSSL's decoder takes BER too; whatever is signed is checked here first, so that one
 * object has one encoding. No allocation; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/view/bytes.h"

#define PKI_DER_DEPTH_MAX 24

/* The identifier octet: class, constructed bit, number. */
enum pki_der_tag {
	PKI_DER_BOOLEAN = 0x01,
	PKI_DER_INTEGER = 0x02,
	PKI_DER_BIT_STRING = 0x03,
	PKI_DER_OCTET_STRING = 0x04,
	PKI_DER_NULL = 0x05,
	PKI_DER_OID = 0x06,
	PKI_DER_ENUMERATED = 0x0a,
	PKI_DER_UTC_TIME = 0x17,
	PKI_DER_GENERALIZED_TIME = 0x18,
	PKI_DER_SEQUENCE = 0x30,
	PKI_DER_SET = 0x31,
	PKI_DER_CONTEXT = 0x80,             /* [n] primitive: | n */
	PKI_DER_CONTEXT_CONSTRUCTED = 0xa0, /* [n] constructed: | n */
};

/* One element: what it is, its content, and all of it. Borrowed. */
struct pki_der {
	uint8_t tag;
	struct rk_span content;
	struct rk_span whole;
};

/* Takes the next element off in. false: nothing left, or not DER; in is then unchanged. */
bool pki_der_next(struct rk_span *in, struct pki_der *out) RK_MUST_CHECK;
/* The same, and the tag is this one. */
bool pki_der_expect(struct rk_span *in, uint8_t tag, struct pki_der *out) RK_MUST_CHECK;
/* The tag of the next element, or 0 when nothing is left. */
uint8_t pki_der_peek(const struct rk_span *in);

/* data is exactly one element, DER all the way down, at most PKI_DER_DEPTH_MAX deep. */
bool pki_der_is_strict(const uint8_t *data, size_t len) RK_MUST_CHECK;

/*
 * Time as RFC 5280 4.1.2.5 writes it: UTCTime YYMMDDHHMMSSZ up to 2049, GeneralizedTime
 * YYYYMMDDHHMMSSZ from 2050 on, a date that exists. Seconds since 1970.
 */
bool pki_der_time(const struct pki_der *t, int64_t *out) RK_MUST_CHECK;
/* The same of the 13 octets of a UTCTime's content. */
bool pki_der_utc_time(const uint8_t text[13], int64_t *out) RK_MUST_CHECK;

#define PKI_DER_UTC_TEXTS 64

/* Dates of UTCTimes as little-endian numbers: YYMMDDHH, and MMSS. What follows was found to be a Z. */
struct pki_der_utc_texts {
	uint64_t date[PKI_DER_UTC_TEXTS];
	uint64_t time[PKI_DER_UTC_TEXTS];
};
/*
 * The same of cnt of them at once, for those who read millions. false: at least one is bad, and out is
 * of no use.
 */
bool pki_der_utc_times(
	const struct pki_der_utc_texts *texts, size_t cnt, int64_t *out) RK_MUST_CHECK;
/* GeneralizedTime of any year: invalidityDate (RFC 5280 5.3.2). */
bool pki_der_generalized_time(const struct pki_der *t, int64_t *out) RK_MUST_CHECK;
