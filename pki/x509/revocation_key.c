/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/revocation_key.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "pki/view/secret.h"
#include "pki/x509/siphash.h"

#define CANONICAL_MAX 16384 /* a name comes out of a certificate, or a list's header */
#define RDN_MAX       64

/* One attribute in canonical form, lying in the writer's buffer. */
struct attribute {
	const uint8_t *start;
	size_t len;
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Trims, makes runs of blanks one, lower-cases ASCII. In place; the new length. */
static size_t fold(uint8_t *text, size_t len)
{
	size_t done = 0, i;

	for (i = 0; i < len; i++) {
		uint8_t c = text[i];

		if (is_blank(c)) {
			if (done > 0 && text[done - 1] != ' ')
				text[done++] = ' ';
			continue;
		}
		text[done++] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
	}
	return done > 0 && text[done - 1] == ' ' ? done - 1 : done;
}

/* The string types that OpenSSL's comparison folds too. */
static bool is_character_string(int type)
{
	switch (type) {
	case V_ASN1_UTF8STRING:
	case V_ASN1_BMPSTRING:
	case V_ASN1_UNIVERSALSTRING:
	case V_ASN1_PRINTABLESTRING:
	case V_ASN1_T61STRING:
	case V_ASN1_IA5STRING:
	case V_ASN1_VISIBLESTRING:
		return true;
	default:
		return false;
	}
}

static int write_value(struct rk_writer *w, const ASN1_STRING *value)
{
	unsigned char *text = NULL;
	size_t len;
	int text_len;

	if (!is_character_string(ASN1_STRING_type(value))) {
		len = (size_t)ASN1_STRING_length(value);
		rk_write_u32(w, (uint32_t)len + 2);
		rk_write_u8(w, 'd');
		rk_write_u8(w, (uint8_t)ASN1_STRING_type(value));
		rk_write_bytes(w, ASN1_STRING_get0_data(value), len);
		return 0;
	}
	text_len = ASN1_STRING_to_UTF8(&text, value);
	if (text_len < 0)
		return -EINVAL;
	len = fold(text, (size_t)text_len);
	rk_write_u32(w, (uint32_t)len + 1);
	rk_write_u8(w, 'u');
	rk_write_bytes(w, text, len);
	OPENSSL_free(text);
	return 0;
}

static int write_attribute(struct rk_writer *w, const X509_NAME_ENTRY *entry, struct attribute *out)
{
	const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(entry);
	size_t type_len = OBJ_length(type);
	size_t before = rk_writer_len(w);
	int ret;

	/* The content octets of the OID: its header follows from their number. */
	rk_write_u16(w, (uint16_t)type_len);
	rk_write_bytes(w, OBJ_get0_data(type), type_len);
	ret = write_value(w, X509_NAME_ENTRY_get_data(entry));
	if (ret < 0 || w->is_failed)
		return -EINVAL;
	out->start = w->start + before;
	out->len = rk_writer_len(w) - before;
	return 0;
}

static int compare_attributes(const void *a, const void *b)
{
	const struct attribute *x = a, *y = b;
	size_t common = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->start, y->start, common);

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* One RDN: entries first..first+cnt-1, sorted, into the digest. */
static int digest_rdn(
	const X509_NAME *name, int first, int cnt, EVP_MD_CTX *md, uint8_t *buf, size_t size)
{
	uint8_t head[3] = {0x31, (uint8_t)(cnt >> 8), (uint8_t)cnt};
	struct attribute attribute[RDN_MAX];
	struct rk_writer w;
	int i;

	if (cnt > RDN_MAX)
		return -EINVAL;
	rk_writer_init(&w, buf, size);
	for (i = 0; i < cnt; i++) {
		int ret = write_attribute(&w, X509_NAME_get_entry(name, first + i), &attribute[i]);

		if (ret < 0)
			return ret;
	}
	qsort(attribute, (size_t)cnt, sizeof(attribute[0]), compare_attributes);
	if (EVP_DigestUpdate(md, head, sizeof(head)) != 1)
		return -EIO;
	for (i = 0; i < cnt; i++) {
		if (EVP_DigestUpdate(md, attribute[i].start, attribute[i].len) != 1)
			return -EIO;
	}
	return 0;
}

static int rdn_size(const X509_NAME *name, int first)
{
	int set = X509_NAME_ENTRY_set(X509_NAME_get_entry(name, first));
	int cnt = 1;

	while (first + cnt < X509_NAME_entry_count(name) &&
		X509_NAME_ENTRY_set(X509_NAME_get_entry(name, first + cnt)) == set)
		cnt++;
	return cnt;
}

int pki_issuer_hash(const X509_NAME *issuer, uint8_t out[PKI_ISSUER_HASH_LEN])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t *buf = malloc(CANONICAL_MAX);
	uint8_t digest[EVP_MAX_MD_SIZE];
	int i, cnt, ret = -ENOMEM;

	if (md == NULL || buf == NULL)
		goto out;
	ret = -EIO;
	if (EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		goto out;
	for (i = 0; i < X509_NAME_entry_count(issuer); i += cnt) {
		cnt = rdn_size(issuer, i);
		ret = digest_rdn(issuer, i, cnt, md, buf, CANONICAL_MAX);
		if (ret < 0)
			goto out;
	}
	ret = EVP_DigestFinal_ex(md, digest, NULL) == 1 ? 0 : -EIO;
	if (ret == 0)
		memcpy(out, digest, PKI_ISSUER_HASH_LEN);
out:
	EVP_MD_CTX_free(md);
	free(buf);
	ERR_clear_error();
	return ret;
}

int pki_issuer_hash_der(struct rk_span der, uint8_t out[PKI_ISSUER_HASH_LEN])
{
	const unsigned char *next = der.data;
	X509_NAME *name = d2i_X509_NAME(NULL, &next, (long)der.len);
	int ret = -EBADMSG;

	if (name != NULL && next == der.data + der.len)
		ret = pki_issuer_hash(name, out);
	X509_NAME_free(name);
	ERR_clear_error();
	return ret;
}

int pki_serial_bytes(const ASN1_INTEGER *serial, uint8_t out[PKI_SERIAL_MAX])
{
	const uint8_t *data = ASN1_STRING_get0_data(serial);
	int len = ASN1_STRING_length(serial);
	int skip = 0;
	bool has_high_bit;

	if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
		return -EINVAL;
	while (skip < len && data[skip] == 0)
		skip++;
	if (skip == len) /* zero */
		return -EINVAL;
	has_high_bit = data[skip] >= 0x80;
	len -= skip;
	if (len + has_high_bit > PKI_SERIAL_MAX)
		return -EINVAL;
	out[0] = 0;
	memcpy(out + has_high_bit, data + skip, (size_t)len);
	return len + has_high_bit;
}

/* One issuer's millions of serials begin alike: its part of the message is taken in once. */
struct pki_revocation_keyer {
	struct pki_siphash start;
	struct pki_siphash issuer; /* start, and issuer_hash taken in */
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN];
};

static void take_issuer(
	struct pki_revocation_keyer *k, const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN])
{
	memcpy(k->issuer_hash, issuer_hash, PKI_ISSUER_HASH_LEN);
	k->issuer = k->start;
	pki_siphash_blocks(&k->issuer, issuer_hash, PKI_ISSUER_HASH_LEN);
}

int pki_revocation_keyer_new(
	const uint8_t installation_key[PKI_INSTALLATION_KEY_LEN], struct pki_revocation_keyer **out)
{
	static const uint8_t zeros[PKI_ISSUER_HASH_LEN];
	struct pki_revocation_keyer *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return -ENOMEM;
	pki_siphash_init(&k->start, installation_key);
	take_issuer(k, zeros);
	*out = k;
	return 0;
}

void pki_revocation_keyer_free(struct pki_revocation_keyer *k)
{
	if (k == NULL)
		return;
	rk_wipe(k, sizeof(*k));
	free(k);
}

void pki_revocation_key(struct pki_revocation_keyer *k,
	const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN], const uint8_t *serial, size_t serial_len,
	struct rk_revocation_key *out)
{
	if (memcmp(k->issuer_hash, issuer_hash, PKI_ISSUER_HASH_LEN) != 0)
		take_issuer(k, issuer_hash);
	pki_siphash_final(&k->issuer, serial, serial_len, out->bytes);
}

/* The next serials are as many as one turn takes, all of one length. */
static bool is_even(const struct rk_span *serial, size_t cnt)
{
	bool is_even = cnt >= PKI_SIPHASH_LANES && serial[0].len <= PKI_SIPHASH_LANE_MAX;

	for (unsigned i = 1; is_even && i < PKI_SIPHASH_LANES; i++)
		is_even = serial[i].len == serial[0].len;
	return is_even;
}

static void key_lanes(const struct pki_siphash *issuer, const struct rk_span *serial,
	const uint8_t *reason, struct rk_revocation_entry *out)
{
	const uint8_t *data[PKI_SIPHASH_LANES];
	uint64_t half[2][PKI_SIPHASH_LANES];

	for (unsigned i = 0; i < PKI_SIPHASH_LANES; i++)
		data[i] = serial[i].data;
	pki_siphash_final_lanes(issuer, data, serial[0].len, half);
	/* as rk_revocation_entry of a key that has these halves, its first octets the lowest */
	for (unsigned i = 0; i < PKI_SIPHASH_LANES; i++) {
		out[i].head =
			(__builtin_bswap64(half[0][i]) & ~RK_REVOCATION_STATE) | (1u + reason[i]);
		out[i].tail = __builtin_bswap64(half[1][i]);
	}
}

void pki_revocation_entries(struct pki_revocation_keyer *k,
	const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN], const struct rk_span *serial,
	const uint8_t *reason, size_t cnt, struct rk_revocation_entry *out)
{
	struct rk_revocation_key key;
	size_t i = 0;

	if (memcmp(k->issuer_hash, issuer_hash, PKI_ISSUER_HASH_LEN) != 0)
		take_issuer(k, issuer_hash);
	while (i < cnt) {
		if (is_even(serial + i, cnt - i)) {
			key_lanes(&k->issuer, serial + i, reason + i, out + i);
			i += PKI_SIPHASH_LANES;
			continue;
		}
		pki_siphash_final(&k->issuer, serial[i].data, serial[i].len, key.bytes);
		out[i] = rk_revocation_entry(&key, reason[i]);
		i++;
	}
}
