/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A certificate authority for tests: keys, certificates and CRLs made at run time, correct by
 * default and wrong in exactly the way a test asks for. Every failure aborts the test program.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#define TEST_DAY INT64_C(86400)

_Noreturn void test_fail(const char *file, const char *what, int line);
#define must(what)                                            \
	do {                                                  \
		if (!(what))                                  \
			test_fail(__FILE__, #what, __LINE__); \
	} while (0)

enum test_key {
	TEST_RSA_2048,
	TEST_RSA_3072,
	TEST_RSA_4096,
	TEST_RSA_1024,
	TEST_P256,
	TEST_P384,
	TEST_P521,
	TEST_SECP256K1,
	TEST_P256_EXPLICIT, /* explicit EC parameters */
	TEST_ED25519,
	TEST_RSA_PSS_SHA256,
	TEST_DSA,
};
EVP_PKEY *test_key_new(enum test_key kind);
/* One key of each kind for the life of the program: for tests that do not care which. Borrowed. */
EVP_PKEY *test_key_shared(enum test_key kind, unsigned number);

/* What to make. Zero fields take the default in brackets. */
struct test_cert {
	const char *cn;        /* "test" */
	const char *second_cn; /* none */
	const char *issuer_cn; /* of the issuer certificate */
	EVP_PKEY *key;         /* required: whose public half it carries */
	X509 *issuer;          /* NULL: self-signed */
	EVP_PKEY *issuer_key;  /* NULL: key */
	int64_t not_before;    /* now - 1 day */
	int64_t not_after;     /* now + 90 days */
	const EVP_MD *md;      /* SHA-256; none for Ed25519 */
	bool is_ca;
	int path_len;                    /* CA: -1 and 0 = none; n > 0 means pathlen n - 1 */
	bool is_basic_constraints_plain; /* not critical */
	bool is_basic_constraints_absent;
	const char *key_usage; /* "critical,digitalSignature"; CA "critical,keyCertSign,cRLSign";
				   "" = none */
	const char *ext_key_usage;    /* none; OpenSSL configuration syntax, as all below */
	const char *alt_name;         /* none */
	const char *name_constraints; /* none */
	const char *key_id;           /* subjectKeyIdentifier: of its key; or hex digits */
	const char *crl_points;       /* none */
	const X509 *crl_issuer;       /* none; its name as cRLIssuer of crl_points, or of a point */
	const char *extra_name;       /* none; any other extension */
	const char *extra_value;
	const char *unknown_critical; /* none; an OID */
	long version;                 /* 3 */
	const char *serial_hex;       /* a random positive one; "-01" is possible */
};
X509 *test_cert_new(const struct test_cert *c);

struct test_crl_entry {
	const char *serial_hex; /* or */
	const X509 *cert;
	int reason;         /* 0 = none, else CRLReason */
	const X509 *issuer; /* none; certificateIssuer is this certificate's issuer name */
	int64_t date;       /* of revocation; 0 = thisUpdate */
};
struct test_crl {
	X509 *issuer;         /* required */
	EVP_PKEY *issuer_key; /* required */
	int64_t this_update;  /* now - 1 hour */
	int64_t next_update;  /* now + 1 day; -1 = none */
	long number;          /* 1; -1 = none */
	bool is_aki_absent;
	bool is_v1;
	const char *idp;        /* none; OpenSSL configuration syntax, "critical," included */
	const char *delta_base; /* none; decimal */
	const char *freshest;   /* none; where deltas are, as idp */
	const char *unknown_critical;
	const struct test_crl_entry *entry;
	unsigned entry_cnt;
	const EVP_MD *md;
};
X509_CRL *test_crl_new(const struct test_crl *c);
/* The file of that name is the list as DER from now on. */
void test_crl_write(const char *path, const struct test_crl *c);

/* PEM and DER; NUL-terminated / sized; freed with free(). */
char *test_pem(const X509 *cert);
char *test_pem_one_line(const X509 *cert); /* as curl -d @file leaves it */
uint8_t *test_der(const X509 *cert, size_t *len);
uint8_t *test_crl_der(X509_CRL *crl, size_t *len);
char *test_crl_pem(X509_CRL *crl);
char *test_key_pem(EVP_PKEY *key);

/* A root, an issuing CA under it and a leaf: what most tests begin with. P-256. */
struct test_pki {
	EVP_PKEY *root_key, *ca_key, *leaf_key; /* shared, borrowed */
	X509 *root, *ca, *leaf;
	char *bundle; /* PEM of ca and root */
};
void test_pki_init(struct test_pki *p, const char *leaf_cn);
void test_pki_fini(struct test_pki *p);
