/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/cert.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pki/view/secret.h"
#include "pki/x509/pem.h"

#define HEAD_LEN 32 /* enough of a DER object to tell what it is */

enum key_form {
	FORM_NONE = 0,
	FORM_KEY,
	FORM_CONTAINER,
};

static bool starts_with(struct rk_reader *r, const uint8_t *want, size_t len)
{
	const uint8_t *got = rk_read_bytes(r, len);

	return got != NULL && memcmp(got, want, len) == 0;
}

/* The length octets of an element whose content need not be there; false when not DER or short. */
static bool skip_header(struct rk_reader *r, uint8_t tag, size_t len_min)
{
	size_t len = 0;
	uint8_t first;
	unsigned i;

	if (rk_read_u8(r) != tag)
		return false;
	first = rk_read_u8(r);
	if (first < 0x80)
		len = first;
	else if (first > 0x84)
		return false;
	else if (first == 0x80)
		len = len_min; /* indefinite: BER is a way to smuggle too */
	for (i = 0; first > 0x80 && i < first - 0x80u; i++)
		len = len << 8 | rk_read_u8(r);
	return !r->is_failed && len >= len_min;
}

/* What follows the version number of the structures that begin with one. */
static enum key_form classify_versioned(struct rk_reader *r, uint8_t version)
{
	static const uint8_t ec_field[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x01};
	struct rk_reader rsa = *r, sec1 = *r;

	if (version == 3) /* PFX: a ContentInfo */
		return skip_header(r, 0x30, 11) && rk_read_u8(r) == 0x06 ? FORM_CONTAINER
									 : FORM_NONE;
	if (version > 1)
		return FORM_NONE;
	/* RSAPrivateKey and DSA: a long INTEGER */
	if (skip_header(&rsa, 0x02, 32))
		return FORM_KEY;
	/* ECPrivateKey: the scalar */
	if (version == 1 && skip_header(&sec1, 0x04, 14))
		return FORM_KEY;
	/* PKCS#8: AlgorithmIdentifier. Explicit curve parameters begin alike, with a field's OID. */
	if (!skip_header(r, 0x30, 5) || !skip_header(r, 0x06, 3))
		return FORM_NONE;
	return starts_with(r, ec_field, sizeof(ec_field)) ? FORM_NONE : FORM_KEY;
}

/* Does DER that begins like this hold a private key? */
static enum key_form classify_head(const uint8_t *head, size_t len)
{
	static const uint8_t pkcs[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01};
	struct rk_reader r, after;
	uint8_t arc;

	rk_reader_init(&r, head, len);
	if (!skip_header(&r, 0x30, 40))
		return FORM_NONE;
	after = r;
	if (rk_read_u8(&after) == 0x02) {
		if (rk_read_u8(&after) != 1)
			return FORM_NONE;
		arc = rk_read_u8(&after);
		return after.is_failed ? FORM_NONE : classify_versioned(&after, arc);
	}
	after = r;
	/* EncryptedPrivateKeyInfo: AlgorithmIdentifier of PKCS#5 or PKCS#12 */
	if (skip_header(&after, 0x30, 11) && skip_header(&after, 0x06, 9) &&
		starts_with(&after, pkcs, sizeof(pkcs))) {
		arc = rk_read_u8(&after);
		return arc == 5 || arc == 12 ? FORM_KEY : FORM_NONE;
	}
	after = r;
	/* ContentInfo of PKCS#7 and CMS */
	if (skip_header(&after, 0x06, 9) && starts_with(&after, pkcs, sizeof(pkcs)))
		return rk_read_u8(&after) == 7 ? FORM_CONTAINER : FORM_NONE;
	return FORM_NONE;
}

/* The first bytes of whatever base64 starts here. */
static size_t decode_head(const char *text, size_t len, uint8_t out[HEAD_LEN])
{
	size_t done = 0, i;
	uint32_t bits = 0;

	for (i = 0; i < len && i < HEAD_LEN / 3 * 4; i++) {
		int value = pki_base64_value(text[i]);

		if (value < 0)
			break;
		bits = bits << 6 | (uint32_t)value;
		if (i % 4 != 3)
			continue;
		out[done++] = (uint8_t)(bits >> 16);
		out[done++] = (uint8_t)(bits >> 8);
		out[done++] = (uint8_t)bits;
	}
	return done;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t decode_hex_head(const char *text, size_t len, uint8_t out[HEAD_LEN])
{
	size_t done;

	for (done = 0; done < HEAD_LEN && 2 * done + 1 < len; done++) {
		int high = hex_value(text[2 * done]);
		int low = hex_value(text[2 * done + 1]);

		if (high < 0 || low < 0)
			break;
		out[done] = (uint8_t)(high << 4 | low);
	}
	return done;
}

/* Every place where DER, base64 of DER or hex of DER may begin: all start with 0x30. */
static enum key_form scan_bytes(const char *text, size_t len)
{
	uint8_t head[HEAD_LEN];
	enum key_form form = FORM_NONE;
	size_t i;

	for (i = 0; i < len && form == FORM_NONE; i++) {
		if (text[i] == 'M')
			form = classify_head(head, decode_head(text + i, len - i, head));
		else if (text[i] == 0x30)
			form = classify_head((const uint8_t *)text + i, len - i);
		else if (text[i] == '3')
			form = classify_head(head, decode_hex_head(text + i, len - i, head));
	}
	rk_wipe(head, sizeof(head));
	return form;
}

/* The text without white space, real or as the two characters of an escape. */
static size_t squeeze(const char *text, size_t len, char *out)
{
	size_t done = 0, i;

	for (i = 0; i < len; i++) {
		if (strchr(" \t\r\n\v\f", text[i]) != NULL && text[i] != '\0')
			continue;
		if (text[i] == '\\' && i + 1 < len && strchr("nrt", text[i + 1]) != NULL) {
			i++;
			continue;
		}
		out[done++] = text[i];
	}
	return done;
}

static bool contains(const char *text, size_t len, const char *word)
{
	size_t word_len = strlen(word);
	size_t i;

	for (i = 0; i + word_len <= len; i++) {
		if (strncasecmp(text + i, word, word_len) == 0)
			return true;
	}
	return false;
}

static enum key_form scan_words(const char *text, size_t len)
{
	static const char *const key_word[] = {"PRIVATEKEY", "PUTTY-USER-KEY-FILE",
		"PRIVATE-LINES:", "<RSAKEYVALUE>", "<ECKEYVALUE>", "\"d\":\""};
	static const char *const container_word[] = {
		"-----BEGINPKCS", "-----BEGINCMS", "-----BEGINPFX"};
	size_t i;

	for (i = 0; i < sizeof(key_word) / sizeof(key_word[0]); i++) {
		if (contains(text, len, key_word[i]))
			return FORM_KEY;
	}
	for (i = 0; i < sizeof(container_word) / sizeof(container_word[0]); i++) {
		if (contains(text, len, container_word[i]))
			return FORM_CONTAINER;
	}
	return FORM_NONE;
}

bool pki_text_find_private_key(const char *text, size_t len, struct pki_report *report)
{
	char *squeezed = malloc(len + 1);
	enum key_form form = FORM_KEY; /* what cannot be searched is not let through */
	size_t squeezed_len;

	if (squeezed != NULL) {
		squeezed_len = squeeze(text, len, squeezed);
		form = scan_words(squeezed, squeezed_len);
		if (form == FORM_NONE)
			form = scan_bytes(squeezed, squeezed_len);
		if (form == FORM_NONE)
			form = scan_bytes(text, len);
		rk_wipe(squeezed, len + 1);
		free(squeezed);
	}
	if (form == FORM_KEY)
		pki_report_add(report, PKI_ERROR, "private-key-in-submission",
			"Submit the certificate alone. The key that was sent must be considered "
			"compromised: make a new one on the router.",
			"The submitted text contains a private key.");
	if (form == FORM_CONTAINER)
		pki_report_add(report, PKI_ERROR, "key-container-in-submission",
			"Extract the certificate and submit it alone, as one PEM CERTIFICATE "
			"block.",
			"The submitted text contains a PKCS#7 or PKCS#12 object, which may carry a "
			"private key.");
	return form != FORM_NONE;
}
