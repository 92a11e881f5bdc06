/* SPDX-License-Identifier: BSD-3-Clause */
/* Every way to send a private key along is caught; certificates alone are not accused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>

#include "pki/x509/cert.h"
#include "pki/x509/pem.h"
#include "tests/unit/test_ca.h"

static struct test_pki pki;

static int setup(void **state)
{
	(void)state;
	test_pki_init(&pki, "west");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_pki_fini(&pki);
	return ERR_peek_error() == 0 ? 0 : -1;
}

static bool is_caught(const char *text, size_t len)
{
	static struct pki_report report;
	bool is_found;

	pki_report_init(&report);
	is_found = pki_text_find_private_key(text, len, &report);
	assert_int_equal(is_found, report.error_cnt == 1);
	return is_found;
}

/* DER as text in every disguise: after a certificate, alone, on one line, under a false label. */
static void expect_caught_in_every_form(const uint8_t *der, size_t len)
{
	static const char *const formats[] = {"%s%s", "%2$s", "%s\n%s\n", "%s  junk: %s",
		"%2$s%1$s", "{\"k\":\"%2$s\"}", "%s\\n%s"};
	char *cert = test_pem_one_line(pki.leaf);
	char *pem = malloc(pki_pem_size("CERTIFICATE", len));
	char *bare = malloc(2 * len + 1), *hex = malloc(2 * len + 1);
	char *text = malloc(strlen(cert) + 3 * len + 100);
	size_t i;

	must(pem != NULL && bare != NULL && hex != NULL && text != NULL);
	pki_pem_write("CERTIFICATE", der, len, pem, pki_pem_size("CERTIFICATE", len));
	assert_true(is_caught(pem, strlen(pem))); /* the label lies */
	EVP_EncodeBlock((unsigned char *)bare, der, (int)len);
	for (i = 0; i < len; i++)
		sprintf(hex + 2 * i, "%02x", der[i]);
	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		must(formats[i] != NULL); /* else gcc takes UBSan's null branch for a path */
		sprintf(text, formats[i], cert, bare);
		assert_true(is_caught(text, strlen(text)));
		sprintf(text, formats[i], cert, hex);
		assert_true(is_caught(text, strlen(text)));
#pragma GCC diagnostic pop
	}
	for (i = 0; bare[i] != '\0'; i++) /* URL-safe alphabet */
		bare[i] = bare[i] == '+' ? '-' : bare[i] == '/' ? '_' : bare[i];
	assert_true(is_caught(bare, strlen(bare)));
	assert_true(is_caught((const char *)der, len));
	free(cert);
	free(pem);
	free(bare);
	free(hex);
	free(text);
}

static void raw_keys_are_caught(void **state)
{
	static const enum test_key kinds[] = {TEST_RSA_2048, TEST_RSA_1024, TEST_P256, TEST_P384,
		TEST_P521, TEST_SECP256K1, TEST_P256_EXPLICIT, TEST_ED25519, TEST_RSA_PSS_SHA256};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		EVP_PKEY *key = test_key_shared(kinds[i], 0);
		PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
		unsigned char *der = NULL;
		int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);

		must(len > 0);
		expect_caught_in_every_form(der, (size_t)len); /* PKCS#8 */
		OPENSSL_free(der);
		der = NULL;
		len = kinds[i] == TEST_ED25519 ? 0 : i2d_PrivateKey(key, &der);
		if (len > 0)
			expect_caught_in_every_form(der, (size_t)len); /* PKCS#1, SEC1 */
		OPENSSL_free(der);
		PKCS8_PRIV_KEY_INFO_free(info);
	}
}

static void encrypted_keys_and_containers_are_caught(void **state)
{
	EVP_PKEY *key = test_key_shared(TEST_P256, 2);
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	X509_SIG *encrypted =
		PKCS8_encrypt(-1, EVP_aes_256_cbc(), "secret", 6, NULL, 0, 2048, info);
	PKCS12 *p12 = PKCS12_create("secret", "name", key, pki.leaf, NULL, 0, 0, 0, 0, 0);
	PKCS7 *p7 = PKCS7_new();
	unsigned char *der = NULL;
	int len = i2d_X509_SIG(encrypted, &der);

	(void)state;
	must(len > 0);
	expect_caught_in_every_form(der, (size_t)len);
	OPENSSL_free(der);
	der = NULL;
	len = i2d_PKCS12(p12, &der);
	must(len > 0);
	expect_caught_in_every_form(der, (size_t)len);
	OPENSSL_free(der);
	der = NULL;
	must(PKCS7_set_type(p7, NID_pkcs7_signed) == 1 &&
		PKCS7_content_new(p7, NID_pkcs7_data) == 1 &&
		PKCS7_add_certificate(p7, pki.leaf) == 1);
	len = i2d_PKCS7(p7, &der);
	must(len > 0);
	expect_caught_in_every_form(der, (size_t)len);
	OPENSSL_free(der);
	PKCS7_free(p7);
	PKCS12_free(p12);
	X509_SIG_free(encrypted);
	PKCS8_PRIV_KEY_INFO_free(info);
}

static void labels_and_other_formats_are_caught(void **state)
{
	static const char *const texts[] = {
		"-----BEGIN PRIVATE KEY-----",
		"-----BEGIN RSA PRIVATE KEY-----",
		"-----BEGIN EC PRIVATE KEY-----",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----",
		"-----BEGIN OPENSSH PRIVATE KEY-----",
		"-----BEGIN ANY PRIVATE KEY-----",
		"-----begin private key-----",
		"-----BEGIN PRIVATE  KEY-----",
		"-----BEGIN PRIVATE\r\nKEY-----",
		"-----BEGIN PRIVATE\\nKEY-----",
		"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
		"PuTTY-User-Key-File-3: ecdsa",
		"{\"kty\":\"EC\", \"d\" : \"abc\"}",
		"<RSAKeyValue><Modulus>",
		"-----BEGIN PKCS7-----",
		"-----BEGIN PKCS #7 SIGNED DATA-----",
		"-----BEGIN PKCS12-----",
		"-----BEGIN CMS-----",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_true(is_caught(texts[i], strlen(texts[i])));
}

/* Many certificates of every kind of key: none looks like a key, in PEM, on one line or in DER. */
static void certificates_alone_are_not_accused(void **state)
{
	static const enum test_key kinds[] = {TEST_RSA_2048, TEST_P256, TEST_P384, TEST_P521,
		TEST_SECP256K1, TEST_P256_EXPLICIT, TEST_ED25519, TEST_RSA_PSS_SHA256, TEST_DSA};
	size_t i;

	(void)state;
	for (i = 0; i < 20 * sizeof(kinds) / sizeof(kinds[0]); i++) {
		EVP_PKEY *key = test_key_shared(kinds[i % (sizeof(kinds) / sizeof(kinds[0]))], 0);
		X509 *cert = test_cert_new(&(struct test_cert){
			.key = key, .issuer = pki.ca, .issuer_key = pki.ca_key});
		char *pem = test_pem(cert), *line = test_pem_one_line(cert);
		size_t len;
		uint8_t *der = test_der(cert, &len);

		assert_false(is_caught(pem, strlen(pem)));
		assert_false(is_caught(line, strlen(line)));
		assert_false(is_caught((const char *)der, len));
		free(pem);
		free(line);
		free(der);
		X509_free(cert);
	}
	assert_false(is_caught(pki.bundle, strlen(pki.bundle)));
	assert_false(is_caught("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raw_keys_are_caught),
		cmocka_unit_test(encrypted_keys_and_containers_are_caught),
		cmocka_unit_test(labels_and_other_formats_are_caught),
		cmocka_unit_test(certificates_alone_are_not_accused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
