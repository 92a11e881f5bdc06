/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/cert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "pki/x509/der.h"
#include "pki/x509/extension.h"
#include "pki/x509/pem.h"

static const char advice_pem[] = "Submit exactly one PEM block, from -----BEGIN CERTIFICATE----- "
				 "to -----END CERTIFICATE-----.";
static const char advice_reissue[] =
	"Have the certificate issued again by a CA that follows RFC 5280.";

/* OpenSSL decodes leniently; what it would write must be what was read. */
static bool is_same_when_encoded(const X509 *cert, const uint8_t *der, size_t len)
{
	uint8_t *again = NULL;
	int again_len = i2d_X509(cert, &again);
	bool is_same = again_len >= 0 && (size_t)again_len == len && memcmp(again, der, len) == 0;

	OPENSSL_free(again);
	return is_same;
}

int pki_cert_parse_der(const uint8_t *der, size_t len, struct pki_report *report, X509 **out)
{
	const uint8_t *next = der;
	X509 *cert = NULL;
	int ret = -EBADMSG;

	if (len > RK_CERT_DER_MAX) {
		pki_report_add(report, PKI_ERROR, "certificate-too-large", advice_reissue,
			"The certificate has %zu bytes; at most %d are taken.", len,
			RK_CERT_DER_MAX);
		return -EBADMSG;
	}
	if (!pki_der_is_strict(der, len)) {
		pki_report_add(report, PKI_ERROR, "certificate-not-der", advice_reissue,
			"The content is not one DER object, or something follows it.");
		return -EBADMSG;
	}
	if (!pki_cert_extensions_are_der(der, len)) {
		pki_report_add(report, PKI_ERROR, "certificate-not-der", advice_reissue,
			"An extension of the certificate is not written in DER.");
		return -EBADMSG;
	}
	cert = d2i_X509(NULL, &next, (long)len);
	if (cert == NULL || next != der + len || !is_same_when_encoded(cert, der, len)) {
		pki_report_add(report, PKI_ERROR, "certificate-unreadable", advice_reissue,
			"The content is not an X.509 certificate.");
		goto out;
	}
	*out = cert;
	cert = NULL;
	ret = 0;
out:
	X509_free(cert);
	ERR_clear_error();
	return ret;
}

static int refuse_text(struct pki_report *report, const char *code, const char *what)
{
	pki_report_add(report, PKI_ERROR, code, advice_pem, "%s", what);
	return -EBADMSG;
}

/* Finds the one block and sees that nothing but blanks is around it. */
static int find_single_block(
	const char *text, size_t len, struct pki_report *report, struct pki_pem_block *block)
{
	const char *next = text, *end = text + len;
	struct pki_pem_block second;

	switch (pki_pem_next(&next, end, block)) {
	case PKI_PEM_END:
		return refuse_text(report, "certificate-not-pem",
			"The text contains no PEM block; DER and other forms are not taken.");
	case PKI_PEM_DAMAGED:
		return refuse_text(report, "certificate-pem-damaged",
			"The PEM block has no matching END line, or text inside that does not "
			"belong there.");
	case PKI_PEM_BLOCK:
		break;
	}
	if (strcmp(block->label, "CERTIFICATE") != 0)
		return refuse_text(report, "certificate-wrong-label",
			"The PEM block is not labelled CERTIFICATE.");
	if (pki_pem_next(&next, end, &second) != PKI_PEM_END)
		return refuse_text(report, "certificate-not-alone",
			"The text contains more than one PEM block; CA certificates are installed "
			"as trusted CA certificates.");
	if (!pki_text_is_blank(text, (size_t)(block->start - text)) ||
		!pki_text_is_blank(block->end, (size_t)(end - block->end)))
		return refuse_text(report, "certificate-not-alone",
			"There is other text before or after the PEM block.");
	return 0;
}

int pki_cert_parse(const char *text, size_t len, struct pki_report *report, X509 **out)
{
	uint8_t der[RK_CERT_DER_MAX];
	struct pki_pem_block block;
	size_t der_len;
	int ret;

	if (len > PKI_CERT_TEXT_MAX)
		return refuse_text(report, "certificate-too-large", "The text is too long.");
	ret = find_single_block(text, len, report, &block);
	if (ret < 0)
		return ret;
	ret = pki_base64_decode(block.body, block.body_len, der, sizeof(der), &der_len);
	if (ret == -EFBIG)
		return refuse_text(report, "certificate-too-large",
			"The certificate has more than 8192 bytes.");
	if (ret < 0)
		return refuse_text(report, "certificate-pem-damaged",
			"The text between BEGIN and END is not base64.");
	return pki_cert_parse_der(der, der_len, report, out);
}

int pki_cert_to_der(const X509 *cert, uint8_t **out, size_t *len)
{
	uint8_t *der = NULL;
	int der_len = i2d_X509(cert, &der);

	ERR_clear_error();
	if (der_len <= 0)
		return -EIO;
	*out = der;
	*len = (size_t)der_len;
	return 0;
}

int pki_cert_to_pem(const X509 *cert, char **out)
{
	uint8_t *der = NULL;
	size_t len, size;
	char *pem;
	int ret = pki_cert_to_der(cert, &der, &len);

	if (ret < 0)
		return ret;
	size = pki_pem_size("CERTIFICATE", len);
	pem = malloc(size);
	if (pem != NULL) {
		pki_pem_write("CERTIFICATE", der, len, pem, size);
		*out = pem;
	}
	OPENSSL_free(der);
	return pem != NULL ? 0 : -ENOMEM;
}

int pki_cert_fingerprint(const X509 *cert, uint8_t out[RK_FINGERPRINT_LEN])
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int ok = X509_digest(cert, EVP_sha256(), md, &len);

	ERR_clear_error();
	if (ok != 1 || len != RK_FINGERPRINT_LEN)
		return -EIO;
	memcpy(out, md, RK_FINGERPRINT_LEN);
	return 0;
}
