/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/name.h"

#include <string.h>
#include <strings.h>

#include <openssl/bio.h>
#include <openssl/err.h>

#include "pki/view/plain_text.h"
#include "pki/x509/der.h"

void pki_bytes_text(const char *bytes, size_t len, char *out, size_t size)
{
	if (len >= size) {
		len = size - 1;
		/* do not cut a UTF-8 character in two */
		while (len > 0 && ((unsigned char)bytes[len] & 0xc0) == 0x80)
			len--;
	}
	if (len > 0)
		memcpy(out, bytes, len);
	out[len] = '\0';
	rk_make_plain(out, len, "");
}

void pki_string_text(const ASN1_STRING *s, char *out, size_t size)
{
	unsigned char *utf8 = NULL;
	int len = ASN1_STRING_to_UTF8(&utf8, s);

	out[0] = '\0';
	if (len >= 0)
		pki_bytes_text((const char *)utf8, (size_t)len, out, size);
	OPENSSL_free(utf8);
	ERR_clear_error();
}

void pki_name_text(const X509_NAME *name, char *out, size_t size)
{
	const unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len;

	out[0] = '\0';
	if (bio != NULL && X509_NAME_print_ex(bio, name, 0, flags) >= 0) {
		len = BIO_get_mem_data(bio, &text);
		if (len > 0)
			pki_bytes_text(text, (size_t)len, out, size);
	}
	BIO_free(bio);
	ERR_clear_error();
}

bool pki_http_url(const GENERAL_NAME *name, char *out, size_t size)
{
	const char *text;
	int len, i;

	if (name->type != GEN_URI)
		return false;
	text = (const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
	len = ASN1_STRING_length(name->d.uniformResourceIdentifier);
	if (len < 8 || (size_t)len >= size)
		return false;
	if (strncasecmp(text, "http://", 7) != 0 && strncasecmp(text, "https://", 8) != 0)
		return false;
	for (i = 0; i < len; i++) {
		if (text[i] <= 0x20 || text[i] >= 0x7f)
			return false;
	}
	memcpy(out, text, (size_t)len);
	out[len] = '\0';
	return true;
}

bool pki_asn1_time(const ASN1_TIME *t, int64_t *out)
{
	struct pki_der e = {
		.tag = (uint8_t)ASN1_STRING_type(t),
		.content = {ASN1_STRING_get0_data(t), (size_t)ASN1_STRING_length(t)},
	};

	return pki_der_time(&e, out);
}
