/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/test_ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dsa.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

_Noreturn void test_fail(const char *file, const char *what, int line)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	ERR_print_errors_fp(stderr);
	abort();
}

static EVP_PKEY *generate(const char *type, const OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	must(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1);
	must(params == NULL || EVP_PKEY_CTX_set_params(ctx, params) == 1);
	must(EVP_PKEY_generate(ctx, &key) == 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *generate_explicit(void)
{
	OSSL_PARAM params[3] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){"P-256"}, 0),
		OSSL_PARAM_construct_utf8_string(
			OSSL_PKEY_PARAM_EC_ENCODING, (char[]){"explicit"}, 0),
		OSSL_PARAM_construct_end(),
	};

	return generate("EC", params);
}

static EVP_PKEY *generate_pss(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY *key = NULL;

	must(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1);
	must(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) == 1);
	must(EVP_PKEY_CTX_set_rsa_pss_keygen_md(ctx, EVP_sha256()) == 1);
	must(EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md(ctx, EVP_sha256()) == 1);
	must(EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(ctx, 32) == 1);
	must(EVP_PKEY_generate(ctx, &key) == 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *generate_dsa(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
	EVP_PKEY *params = NULL, *key = NULL;

	must(ctx != NULL && EVP_PKEY_paramgen_init(ctx) == 1);
	must(EVP_PKEY_CTX_set_dsa_paramgen_bits(ctx, 1024) == 1);
	must(EVP_PKEY_paramgen(ctx, &params) == 1);
	EVP_PKEY_CTX_free(ctx);
	ctx = EVP_PKEY_CTX_new(params, NULL);
	must(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_generate(ctx, &key) == 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(params);
	return key;
}

EVP_PKEY *test_key_new(enum test_key kind)
{
	EVP_PKEY *key = NULL;

	switch (kind) {
	case TEST_RSA_2048:
		key = EVP_RSA_gen(2048);
		break;
	case TEST_RSA_3072:
		key = EVP_RSA_gen(3072);
		break;
	case TEST_RSA_4096:
		key = EVP_RSA_gen(4096);
		break;
	case TEST_RSA_1024:
		key = EVP_RSA_gen(1024);
		break;
	case TEST_P256:
		key = EVP_EC_gen("P-256");
		break;
	case TEST_P384:
		key = EVP_EC_gen("P-384");
		break;
	case TEST_P521:
		key = EVP_EC_gen("P-521");
		break;
	case TEST_SECP256K1:
		key = EVP_EC_gen("secp256k1");
		break;
	case TEST_P256_EXPLICIT:
		key = generate_explicit();
		break;
	case TEST_ED25519:
		key = generate("ED25519", NULL);
		break;
	case TEST_RSA_PSS_SHA256:
		key = generate_pss();
		break;
	case TEST_DSA:
		key = generate_dsa();
		break;
	}
	must(key != NULL);
	return key;
}

#define SHARED_MAX 8

static EVP_PKEY *shared_keys[TEST_DSA + 1][SHARED_MAX];

static void free_shared_keys(void)
{
	unsigned i, j;

	for (i = 0; i <= TEST_DSA; i++) {
		for (j = 0; j < SHARED_MAX; j++)
			EVP_PKEY_free(shared_keys[i][j]);
	}
}

EVP_PKEY *test_key_shared(enum test_key kind, unsigned number)
{
	static bool is_registered;

	must(number < SHARED_MAX);
	if (!is_registered) {
		/* After OpenSSL's own handler was registered, so that ours runs first. */
		must(OPENSSL_init_crypto(0, NULL) == 1);
		must(atexit(free_shared_keys) == 0);
		is_registered = true;
	}
	if (shared_keys[kind][number] == NULL)
		shared_keys[kind][number] = test_key_new(kind);
	return shared_keys[kind][number];
}

static void set_serial(ASN1_INTEGER *out, const char *hex)
{
	BIGNUM *n = NULL;
	uint8_t random[16];

	if (hex != NULL) {
		must(BN_hex2bn(&n, hex) > 0);
	} else {
		must(RAND_bytes(random, sizeof(random)) == 1);
		random[0] = (uint8_t)((random[0] & 0x7f) | 0x40);
		n = BN_bin2bn(random, sizeof(random), NULL);
	}
	must(BN_to_ASN1_INTEGER(n, out) != NULL);
	BN_free(n);
}

static X509_NAME *make_name(const char *cn, const char *second_cn)
{
	X509_NAME *name = X509_NAME_new();

	must(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
		     (const unsigned char *)"rekey test", -1, -1, 0) == 1);
	if (cn[0] != '\0')
		must(X509_NAME_add_entry_by_txt(
			     name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) == 1);
	if (second_cn != NULL)
		must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
			     (const unsigned char *)second_cn, -1, -1, 0) == 1);
	return name;
}

static void add_extension(X509 *cert, X509 *issuer, const char *name, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	if (value == NULL || value[0] == '\0')
		return;
	X509V3_set_ctx(&ctx, issuer != NULL ? issuer : cert, cert, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	e = X509V3_EXT_conf(NULL, &ctx, name, value);
	must(e != NULL && X509_add_ext(cert, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static X509_EXTENSION *unknown_extension(const char *oid)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	X509_EXTENSION *e;

	must(value != NULL && object != NULL);
	must(ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x05", 2) == 1);
	e = X509_EXTENSION_create_by_OBJ(NULL, object, 1, value);
	must(e != NULL);
	ASN1_OBJECT_free(object);
	ASN1_OCTET_STRING_free(value);
	return e;
}

static void add_basic_constraints(X509 *cert, const struct test_cert *c)
{
	char text[64];

	if (c->is_basic_constraints_absent)
		return;
	snprintf(text, sizeof(text), "%sCA:%s", c->is_basic_constraints_plain ? "" : "critical,",
		c->is_ca ? "TRUE" : "FALSE");
	if (c->is_ca && c->path_len > 0)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ",pathlen:%d",
			c->path_len - 1);
	add_extension(cert, c->issuer, "basicConstraints", text);
}

static GENERAL_NAMES *directory_names(const X509_NAME *name)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *general = GENERAL_NAME_new();

	must(names != NULL && general != NULL);
	GENERAL_NAME_set0_value(general, GEN_DIRNAME, X509_NAME_dup(name));
	must(sk_GENERAL_NAME_push(names, general) > 0);
	return names;
}

/* Of every distribution point that is there, or of one without a name. */
static void add_crl_issuer(X509 *cert, const X509 *crl_issuer)
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);

	if (points == NULL) {
		points = CRL_DIST_POINTS_new();
		must(points != NULL && sk_DIST_POINT_push(points, DIST_POINT_new()) > 0);
	}
	for (int i = 0; i < sk_DIST_POINT_num(points); i++)
		sk_DIST_POINT_value(points, i)->CRLissuer =
			directory_names(X509_get_subject_name(crl_issuer));
	must(X509_add1_ext_i2d(cert, NID_crl_distribution_points, points, 0, X509V3_ADD_REPLACE) ==
		1);
	CRL_DIST_POINTS_free(points);
}

static void add_extensions(X509 *cert, const struct test_cert *c)
{
	const char *usage = c->is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature";
	X509_EXTENSION *e;

	add_basic_constraints(cert, c);
	add_extension(cert, c->issuer, "keyUsage", c->key_usage != NULL ? c->key_usage : usage);
	add_extension(
		cert, c->issuer, "subjectKeyIdentifier", c->key_id != NULL ? c->key_id : "hash");
	if (c->issuer != NULL)
		add_extension(cert, c->issuer, "authorityKeyIdentifier", "keyid:always");
	add_extension(cert, c->issuer, "extendedKeyUsage", c->ext_key_usage);
	add_extension(cert, c->issuer, "subjectAltName", c->alt_name);
	add_extension(cert, c->issuer, "nameConstraints", c->name_constraints);
	add_extension(cert, c->issuer, "crlDistributionPoints", c->crl_points);
	if (c->crl_issuer != NULL)
		add_crl_issuer(cert, c->crl_issuer);
	if (c->extra_name != NULL)
		add_extension(cert, c->issuer, c->extra_name, c->extra_value);
	if (c->unknown_critical != NULL) {
		e = unknown_extension(c->unknown_critical);
		must(X509_add_ext(cert, e, -1) == 1);
		X509_EXTENSION_free(e);
	}
}

static const EVP_MD *digest_for(EVP_PKEY *key, const EVP_MD *md)
{
	if (EVP_PKEY_is_a(key, "ED25519"))
		return NULL;
	return md != NULL ? md : EVP_sha256();
}

static void set_issuer(X509 *cert, const struct test_cert *c)
{
	X509_NAME *name;

	if (c->issuer_cn != NULL) {
		name = make_name(c->issuer_cn, NULL);
		must(X509_set_issuer_name(cert, name) == 1);
		X509_NAME_free(name);
	} else if (c->issuer != NULL) {
		must(X509_set_issuer_name(cert, X509_get_subject_name(c->issuer)) == 1);
	} else {
		must(X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1);
	}
}

X509 *test_cert_new(const struct test_cert *c)
{
	EVP_PKEY *issuer_key = c->issuer_key != NULL ? c->issuer_key : c->key;
	time_t now = time(NULL);
	X509 *cert = X509_new();
	X509_NAME *name = make_name(c->cn != NULL ? c->cn : "test", c->second_cn);

	must(cert != NULL && X509_set_subject_name(cert, name) == 1);
	X509_NAME_free(name);
	must(X509_set_version(cert, c->version > 0 ? c->version - 1 : 2) == 1);
	set_serial(X509_get_serialNumber(cert), c->serial_hex);
	set_issuer(cert, c);
	must(ASN1_TIME_set(X509_getm_notBefore(cert),
		     c->not_before != 0 ? c->not_before : now - TEST_DAY) != NULL);
	must(ASN1_TIME_set(X509_getm_notAfter(cert),
		     c->not_after != 0 ? c->not_after : now + 90 * TEST_DAY) != NULL);
	must(X509_set_pubkey(cert, c->key) == 1);
	if (c->version == 0 || c->version == 3)
		add_extensions(cert, c);
	must(X509_sign(cert, issuer_key, digest_for(issuer_key, c->md)) > 0);
	return cert;
}

static void add_crl_extension(X509_CRL *crl, X509 *issuer, const char *name, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
	X509V3_set_ctx_nodb(&ctx);
	e = X509V3_EXT_conf(NULL, &ctx, name, value);
	must(e != NULL && X509_CRL_add_ext(crl, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static void add_entry_issuer(X509_REVOKED *revoked, const X509 *cert)
{
	GENERAL_NAMES *names = directory_names(X509_get_issuer_name(cert));

	must(X509_REVOKED_add1_ext_i2d(revoked, NID_certificate_issuer, names, 1, 0) == 1);
	GENERAL_NAMES_free(names);
}

static void add_crl_entry(X509_CRL *crl, const struct test_crl_entry *entry, time_t date)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, entry->date != 0 ? entry->date : date);
	ASN1_ENUMERATED *reason;

	if (entry->cert != NULL)
		must(ASN1_STRING_copy(serial, X509_get0_serialNumber(entry->cert)) == 1);
	else
		set_serial(serial, entry->serial_hex);
	must(X509_REVOKED_set_serialNumber(revoked, serial) == 1);
	must(X509_REVOKED_set_revocationDate(revoked, when) == 1);
	if (entry->reason != 0) {
		reason = ASN1_ENUMERATED_new();
		must(ASN1_ENUMERATED_set(reason, entry->reason) == 1);
		must(X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, reason, 0, 0) == 1);
		ASN1_ENUMERATED_free(reason);
	}
	if (entry->issuer != NULL)
		add_entry_issuer(revoked, entry->issuer);
	must(X509_CRL_add0_revoked(crl, revoked) == 1);
	ASN1_INTEGER_free(serial);
	ASN1_TIME_free(when);
}

static void add_crl_extensions(X509_CRL *crl, const struct test_crl *c)
{
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	X509_EXTENSION *e;

	if (!c->is_aki_absent)
		add_crl_extension(crl, c->issuer, "authorityKeyIdentifier", "keyid:always");
	if (c->number != -1) {
		must(ASN1_INTEGER_set(number, c->number != 0 ? c->number : 1) == 1);
		must(X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1);
	}
	if (c->idp != NULL)
		add_crl_extension(crl, c->issuer, "issuingDistributionPoint", c->idp);
	if (c->freshest != NULL)
		add_crl_extension(crl, c->issuer, "freshestCRL", c->freshest);
	if (c->delta_base != NULL) {
		must(ASN1_INTEGER_set(number, atol(c->delta_base)) == 1);
		must(X509_CRL_add1_ext_i2d(crl, NID_delta_crl, number, 1, 0) == 1);
	}
	if (c->unknown_critical != NULL) {
		e = unknown_extension(c->unknown_critical);
		must(X509_CRL_add_ext(crl, e, -1) == 1);
		X509_EXTENSION_free(e);
	}
	ASN1_INTEGER_free(number);
}

X509_CRL *test_crl_new(const struct test_crl *c)
{
	time_t now = time(NULL);
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t;
	unsigned i;

	must(crl != NULL && X509_CRL_set_version(crl, c->is_v1 ? 0 : 1) == 1);
	must(X509_CRL_set_issuer_name(crl, X509_get_subject_name(c->issuer)) == 1);
	t = ASN1_TIME_set(NULL, c->this_update != 0 ? c->this_update : now - 3600);
	must(X509_CRL_set1_lastUpdate(crl, t) == 1);
	ASN1_TIME_free(t);
	if (c->next_update != -1) {
		t = ASN1_TIME_set(NULL, c->next_update != 0 ? c->next_update : now + TEST_DAY);
		must(X509_CRL_set1_nextUpdate(crl, t) == 1);
		ASN1_TIME_free(t);
	}
	for (i = 0; i < c->entry_cnt; i++)
		add_crl_entry(crl, &c->entry[i], now - 7200);
	if (!c->is_v1)
		add_crl_extensions(crl, c);
	must(X509_CRL_sign(crl, c->issuer_key, digest_for(c->issuer_key, c->md)) > 0);
	return crl;
}

void test_pki_init(struct test_pki *p, const char *leaf_cn)
{
	char *ca, *root;

	p->root_key = test_key_shared(TEST_P256, 0);
	p->ca_key = test_key_shared(TEST_P256, 1);
	p->leaf_key = test_key_shared(TEST_P256, 2);
	p->root = test_cert_new(&(struct test_cert){.cn = "test root",
		.key = p->root_key,
		.is_ca = true,
		.not_after = time(NULL) + 3650 * TEST_DAY});
	p->ca = test_cert_new(&(struct test_cert){.cn = "test issuing CA",
		.key = p->ca_key,
		.issuer = p->root,
		.issuer_key = p->root_key,
		.is_ca = true,
		.not_after = time(NULL) + 1825 * TEST_DAY});
	p->leaf = test_cert_new(&(struct test_cert){
		.cn = leaf_cn, .key = p->leaf_key, .issuer = p->ca, .issuer_key = p->ca_key});
	ca = test_pem(p->ca);
	root = test_pem(p->root);
	p->bundle = malloc(strlen(ca) + strlen(root) + 1);
	must(p->bundle != NULL);
	strcpy(p->bundle, ca);
	strcat(p->bundle, root);
	free(ca);
	free(root);
}

void test_pki_fini(struct test_pki *p)
{
	X509_free(p->root);
	X509_free(p->ca);
	X509_free(p->leaf);
	free(p->bundle);
	memset(p, 0, sizeof(*p));
}
