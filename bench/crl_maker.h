/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lists of millions of entries, signed by a certificate authority made for the run. An entry has a
 * serial number and a date; some have a reason. Serial numbers are as many public CAs draw them: 16 random
 * octets without the highest bit, and so one of 256 is shorter, because DER drops leading zeros.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRL_SERIAL_LEN 16

struct crl_maker {
	EVP_PKEY *key;
	X509 *ca;
	char *pem; /* of ca */
};
void crl_maker_init(struct crl_maker *m);
void crl_maker_fini(struct crl_maker *m);

/* What some CAs do, and many private ones; public ones have to give a reason always. */
#define CRL_REASONS_NONE  0u
#define CRL_REASONS_USUAL 25u
#define CRL_REASONS_ALL   100u

struct crl_order {
	unsigned number;
	unsigned delta_base; /* 0: a full list */
	unsigned partition;  /* > 0: names a distribution point of its own */
	uint64_t first;      /* of the certificates n = first .. first + cnt - 1 */
	size_t cnt;
	bool is_ordered;  /* by serial; else as they come */
	unsigned reasons; /* so many percent of the entries have one, whichever */
};
/* To be freed. Ends the program when memory is short. */
uint8_t *crl_make(const struct crl_maker *m, const struct crl_order *order, size_t *len);
/* The serial of certificate n, and its length. ordered: ascends with n; the first ones are shorter. */
size_t crl_serial(uint64_t n, bool is_ordered, uint8_t out[CRL_SERIAL_LEN]);
/* The same as OpenSSL has it; to be freed. */
ASN1_INTEGER *crl_serial_number(uint64_t n, bool is_ordered);
