/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/crl_maker.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/harness.h"
#include "tests/unit/test_ca.h"

#define ENTRY_MAX 64
#define HEAD_ROOM 4096

void crl_maker_init(struct crl_maker *m)
{
	m->key = test_key_shared(TEST_P256, 5);
	m->ca = test_cert_new(&(struct test_cert){.cn = "bench CA", .key = m->key, .is_ca = true});
	m->pem = test_pem(m->ca);
}

void crl_maker_fini(struct crl_maker *m)
{
	X509_free(m->ca);
	free(m->pem);
}

/* splitmix64 */
static uint64_t mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void put_u64(uint8_t *to, uint64_t n)
{
	for (int i = 7; i >= 0; i--, n >>= 8)
		to[i] = (uint8_t)n;
}

#define SHORTER 4096 /* of those in order: one of 256 in a million */

size_t crl_serial(uint64_t n, bool is_ordered, uint8_t out[CRL_SERIAL_LEN])
{
	size_t zeros = 0;

	put_u64(out, mix(n));
	put_u64(out + 8, n << 20 | (mix(~n) & 0xfffff)); /* keeps two from being equal */
	out[0] &= 0x7f;
	if (is_ordered) {
		put_u64(out, n << 20 | (mix(n) & 0xfffff));
		out[0] = n < SHORTER ? 0 : 0x40;
		out[1] |= n < SHORTER ? 0x40 : 0;
	}
	while (out[zeros] == 0 && out[zeros + 1] < 0x80)
		zeros++;
	memmove(out, out + zeros, CRL_SERIAL_LEN - zeros);
	return CRL_SERIAL_LEN - zeros;
}

ASN1_INTEGER *crl_serial_number(uint64_t n, bool is_ordered)
{
	uint8_t der[2 + CRL_SERIAL_LEN] = {0x02};
	const uint8_t *next = der;
	ASN1_INTEGER *serial;

	der[1] = (uint8_t)crl_serial(n, is_ordered, der + 2);
	serial = d2i_ASN1_INTEGER(NULL, &next, 2 + der[1]);
	bench_must(serial != NULL, "memory");
	return serial;
}

/* ---- DER, from the end to the front ----------------------------------------------------------- */

struct der {
	uint8_t *start;
	uint8_t *at; /* what is written stands from here to the end */
};

static void put_bytes(struct der *d, const void *data, size_t len)
{
	bench_must(len <= (size_t)(d->at - d->start), "room for a list");
	d->at -= len;
	memcpy(d->at, data, len);
}

/* Tag and length in front of what was written since end. */
static void wrap(struct der *d, uint8_t tag, const uint8_t *end)
{
	size_t len = (size_t)(end - d->at);
	uint8_t head[6] = {tag};
	size_t n = 1;

	if (len >= 0x80) {
		unsigned octets = len > 0xffffff ? 4 : len > 0xffff ? 3 : len > 0xff ? 2 : 1;

		head[n++] = (uint8_t)(0x80 | octets);
		while (octets-- > 0)
			head[n++] = (uint8_t)(len >> (8 * octets));
	} else {
		head[n++] = (uint8_t)len;
	}
	put_bytes(d, head, n);
}

static void put_integer(struct der *d, unsigned n)
{
	const uint8_t bytes[] = {
		0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
	const uint8_t *end = d->at;
	size_t skip = 0;

	while (skip < 4 && bytes[skip] == 0 && bytes[skip + 1] < 0x80)
		skip++;
	put_bytes(d, bytes + skip, sizeof(bytes) - skip);
	wrap(d, 0x02, end);
}

static void put_time(struct der *d, time_t t)
{
	const uint8_t *end = d->at;
	char text[16];
	struct tm tm;

	strftime(text, sizeof(text), "%y%m%d%H%M%SZ", gmtime_r(&t, &tm));
	put_bytes(d, text, 13);
	wrap(d, 0x17, end);
}

static void put_pair(uint8_t *to, uint64_t n)
{
	to[0] = (uint8_t)('0' + n / 10);
	to[1] = (uint8_t)('0' + n % 10);
}

static void put_entry(struct der *d, uint64_t n, const struct crl_order *o)
{
	static const uint8_t reason[] = {
		0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01, 0x01};
	uint8_t date[] = "\x17\x0d"
			 "YYMMDDHHMMSSZ";
	const uint8_t *end = d->at;
	uint64_t when = mix(n);
	uint8_t serial[2 + CRL_SERIAL_LEN] = {0x02};

	if (mix(when) % 100 < o->reasons)
		put_bytes(d, reason, sizeof(reason));
	/* any second of 2024 and 2025: a list is in order of serial or of nothing, not of date */
	put_pair(date + 2, 24 + when % 2);
	put_pair(date + 4, 1 + when / 2 % 12);
	put_pair(date + 6, 1 + when / 24 % 28);
	put_pair(date + 8, when / 672 % 24);
	put_pair(date + 10, when / 16128 % 60);
	put_pair(date + 12, when / 967680 % 60);
	put_bytes(d, date, 15);
	serial[1] = (uint8_t)crl_serial(n, o->is_ordered, serial + 2);
	put_bytes(d, serial, 2u + serial[1]);
	wrap(d, 0x30, end);
}

/* SEQUENCE { OID 2.5.29.arc, [TRUE], OCTET STRING { what was written since end } } */
static void wrap_extension(struct der *d, uint8_t arc, bool is_critical, const uint8_t *end)
{
	const uint8_t oid[] = {0x06, 0x03, 0x55, 0x1d, arc};
	static const uint8_t yes[] = {0x01, 0x01, 0xff};

	wrap(d, 0x04, end);
	if (is_critical)
		put_bytes(d, yes, sizeof(yes));
	put_bytes(d, oid, sizeof(oid));
	wrap(d, 0x30, end);
}

static void put_partition(struct der *d, unsigned partition)
{
	const uint8_t *end = d->at;
	char url[64];
	int len = snprintf(url, sizeof(url), "http://pki.example/%u.crl", partition);

	put_bytes(d, url, (size_t)len);
	wrap(d, 0x86, end);
	wrap(d, 0xa0, end);
	wrap(d, 0xa0, end);
	wrap(d, 0x30, end);
	wrap_extension(d, 28, true, end);
}

static void put_extensions(struct der *d, const struct crl_maker *m, const struct crl_order *o)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(m->ca);
	const uint8_t *all = d->at, *end = d->at;

	put_bytes(d, ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id));
	wrap(d, 0x80, end);
	wrap(d, 0x30, end);
	wrap_extension(d, 35, false, end);
	end = d->at;
	put_integer(d, o->number);
	wrap_extension(d, 20, false, end);
	if (o->delta_base > 0) {
		end = d->at;
		put_integer(d, o->delta_base);
		wrap_extension(d, 27, true, end);
	}
	if (o->partition > 0)
		put_partition(d, o->partition);
	wrap(d, 0x30, all);
	wrap(d, 0xa0, all);
}

/* ecdsa-with-SHA256 */
static const uint8_t algorithm[] = {
	0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};

static void put_tbs(struct der *d, const struct crl_maker *m, const struct crl_order *o)
{
	const uint8_t *end = d->at, *entries;
	unsigned char *issuer = NULL;
	int len = i2d_X509_NAME(X509_get_subject_name(m->ca), &issuer);
	time_t now = time(NULL);

	bench_must(len > 0, "the issuer's name");
	put_extensions(d, m, o);
	entries = d->at;
	for (size_t i = o->cnt; i-- > 0;)
		put_entry(d, o->first + i, o);
	if (o->cnt > 0)
		wrap(d, 0x30, entries);
	put_time(d, now + 86400);
	put_time(d, now - 60);
	put_bytes(d, issuer, (size_t)len);
	put_bytes(d, algorithm, sizeof(algorithm));
	put_integer(d, 1);
	wrap(d, 0x30, end);
	OPENSSL_free(issuer);
}

uint8_t *crl_make(const struct crl_maker *m, const struct crl_order *o, size_t *len)
{
	size_t room = o->cnt * ENTRY_MAX + HEAD_ROOM, tbs_len, signature_len = 128;
	uint8_t *buffer = malloc(room), signature[129] = {0};
	struct der d = {buffer, buffer + room - 256};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t *end = d.at;

	bench_must(buffer != NULL && ctx != NULL, "memory for a list");
	put_tbs(&d, m, o);
	tbs_len = (size_t)(end - d.at);
	bench_must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, m->key) == 1 &&
			   EVP_DigestSign(ctx, signature + 1, &signature_len, d.at, tbs_len) == 1,
		"signing a list");
	EVP_MD_CTX_free(ctx);
	/* algorithm and signature behind, the outer SEQUENCE in front */
	memcpy(end, algorithm, sizeof(algorithm));
	end += sizeof(algorithm);
	*end++ = 0x03;
	*end++ = (uint8_t)(signature_len + 1);
	memcpy(end, signature, signature_len + 1);
	end += signature_len + 1;
	wrap(&d, 0x30, end);
	*len = (size_t)(end - d.at);
	memmove(buffer, d.at, *len);
	return buffer;
}
