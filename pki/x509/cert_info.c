/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/cert.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "pki/x509/key.h"
#include "pki/x509/name.h"

static void hex_fingerprint(const X509 *cert, const EVP_MD *md, char *out)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0, i;

	out[0] = '\0';
	if (X509_digest(cert, md, digest, &len) != 1)
		return;
	for (i = 0; i < len; i++)
		sprintf(out + 3 * i, "%02X%s", digest[i], i + 1 < len ? ":" : "");
}

static void fill_serial(const X509 *cert, struct pki_cert_info *out)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	const uint8_t *data = ASN1_STRING_get0_data(serial);
	int len = ASN1_STRING_length(serial);
	size_t done = 0;
	int i;

	if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
		out->serial[done++] = '-';
	for (i = 0; i < len && done + 3 < sizeof(out->serial); i++)
		done += (size_t)sprintf(out->serial + done, "%02X", data[i]);
}

static void fill_common_names(const X509 *cert, struct pki_cert_info *out)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = -1;

	while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0) {
		const ASN1_STRING *value =
			X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));

		if (out->common_name_cnt < PKI_NAMES_MAX)
			pki_string_text(value, out->common_name[out->common_name_cnt],
				sizeof(out->common_name[0]));
		out->common_name_cnt++;
	}
}

static void ip_text(const ASN1_OCTET_STRING *ip, char *out, size_t size)
{
	char *text = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	GENERAL_NAME name = {.type = GEN_IPADD};
	long len;

	/* GENERAL_NAME_print only reads; the union's member is not const. */
	name.d.iPAddress = ASN1_STRING_dup(ip);
	out[0] = '\0';
	if (bio != NULL && name.d.iPAddress != NULL && GENERAL_NAME_print(bio, &name) == 1) {
		len = BIO_get_mem_data(bio, &text);
		pki_bytes_text(text, (size_t)len, out, size);
	}
	ASN1_STRING_free(name.d.iPAddress);
	BIO_free(bio);
}

static void fill_alt_names(const X509 *cert, struct pki_cert_info *out)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names) && out->alt_name_cnt < PKI_NAMES_MAX; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		char *text = out->alt_name[out->alt_name_cnt];
		size_t prefix;

		if (name->type == GEN_IPADD) {
			ip_text(name->d.iPAddress, text, PKI_URL_MAX);
			out->alt_name_cnt++;
			continue;
		}
		if (name->type != GEN_URI && name->type != GEN_DNS && name->type != GEN_EMAIL)
			continue;
		strcpy(text, name->type == GEN_URI   ? "URI:"
			     : name->type == GEN_DNS ? "DNS:"
						     : "email:");
		prefix = strlen(text);
		pki_string_text(name->d.ia5, text + prefix, PKI_URL_MAX - prefix);
		out->alt_name_cnt++;
	}
	GENERAL_NAMES_free(names);
}

/* At most PKI_NAMES_MAX; is_other may be NULL. How many. */
static size_t fill_urls(const X509 *cert, int nid, char url[PKI_NAMES_MAX][PKI_URL_MAX],
	bool is_other[PKI_NAMES_MAX])
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(cert, nid, NULL, NULL);
	size_t cnt = 0;
	int i, j;

	for (i = 0; i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT *point = sk_DIST_POINT_value(points, i);

		if (point->distpoint == NULL || point->distpoint->type != 0)
			continue;
		for (j = 0; j < sk_GENERAL_NAME_num(point->distpoint->name.fullname); j++) {
			const GENERAL_NAME *name =
				sk_GENERAL_NAME_value(point->distpoint->name.fullname, j);

			if (cnt == PKI_NAMES_MAX || !pki_http_url(name, url[cnt], PKI_URL_MAX))
				continue;
			if (is_other != NULL)
				is_other[cnt] = point->CRLissuer != NULL;
			cnt++;
		}
	}
	CRL_DIST_POINTS_free(points);
	return cnt;
}

/* The list of a point is the certificate's issuer's, or of whom it names as cRLIssuer. */
static bool hash_list_issuer(
	const X509 *cert, const DIST_POINT *point, uint8_t hash[PKI_ISSUER_HASH_LEN])
{
	for (int i = 0; i < sk_GENERAL_NAME_num(point->CRLissuer); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(point->CRLissuer, i);

		if (name->type == GEN_DIRNAME)
			return pki_issuer_hash(name->d.directoryName, hash) == 0;
	}
	return pki_issuer_hash(X509_get_issuer_name(cert), hash) == 0;
}

/* What stands there, when it can be told of; "" otherwise. */
static void url_text(const GENERAL_NAME *name, char out[PKI_URL_MAX])
{
	out[0] = '\0';
	if (name->type == GEN_URI)
		pki_string_text(name->d.uniformResourceIdentifier, out, PKI_URL_MAX);
}

bool pki_cert_unfetched_point(
	const X509 *cert, char url[PKI_URL_MAX], uint8_t issuer_hash[PKI_ISSUER_HASH_LEN])
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
	bool is_fetched = false, is_found = false;
	char http[PKI_URL_MAX];

	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT *point = sk_DIST_POINT_value(points, i);
		bool has_names = point->distpoint != NULL && point->distpoint->type == 0;
		int cnt = has_names ? sk_GENERAL_NAME_num(point->distpoint->name.fullname) : 0;

		for (int j = 0; j < cnt; j++) {
			const GENERAL_NAME *name =
				sk_GENERAL_NAME_value(point->distpoint->name.fullname, j);

			if (pki_http_url(name, http, sizeof(http)))
				is_fetched = true;
			if (is_fetched || is_found)
				continue;
			url_text(name, url);
			is_found = url[0] != '\0' && hash_list_issuer(cert, point, issuer_hash);
		}
	}
	CRL_DIST_POINTS_free(points);
	return is_found && !is_fetched;
}

static void fill_purpose(const X509 *cert, struct pki_cert_info *out)
{
	EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	size_t done = 0;
	int i;

	for (i = 0; i < sk_ASN1_OBJECT_num(usage); i++) {
		char one[80];
		int len = OBJ_obj2txt(one, sizeof(one), sk_ASN1_OBJECT_value(usage, i), 0);

		if (len <= 0 || done + strlen(one) + 3 > sizeof(out->purpose))
			break;
		done += (size_t)sprintf(out->purpose + done, "%s%s", done > 0 ? ", " : "", one);
	}
	if (done == 0)
		strcpy(out->purpose, "N/A");
	EXTENDED_KEY_USAGE_free(usage);
}

static void fill_key_type(const X509 *cert, struct pki_cert_info *out)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);
	struct rk_public_key raw;

	strcpy(out->key_type, "unknown");
	if (key == NULL)
		return;
	if (EVP_PKEY_is_a(key, "RSA"))
		snprintf(out->key_type, sizeof(out->key_type), "RSA %d", EVP_PKEY_get_bits(key));
	else if (EVP_PKEY_is_a(key, "RSA-PSS"))
		snprintf(
			out->key_type, sizeof(out->key_type), "RSA-PSS %d", EVP_PKEY_get_bits(key));
	else if (EVP_PKEY_is_a(key, "ED25519"))
		strcpy(out->key_type, "Ed25519");
	else if (pki_public_key(cert, &raw) == 0)
		snprintf(out->key_type, sizeof(out->key_type), "ECC %s",
			pki_curve_name((enum rk_key_type)raw.type));
	else if (EVP_PKEY_get0_type_name(key) != NULL)
		snprintf(out->key_type, sizeof(out->key_type), "%s", EVP_PKEY_get0_type_name(key));
}

int pki_cert_info(const X509 *cert, struct pki_cert_info *out)
{
	X509 *c = X509_dup(cert); /* reading flags fills caches, which const does not allow */

	if (c == NULL) {
		ERR_clear_error();
		return -EIO;
	}
	memset(out, 0, sizeof(*out));
	pki_name_text(X509_get_subject_name(c), out->subject, sizeof(out->subject));
	pki_name_text(X509_get_issuer_name(c), out->issuer, sizeof(out->issuer));
	fill_serial(c, out);
	if (!pki_asn1_time(X509_get0_notBefore(c), &out->not_before))
		out->not_before = INT64_MIN;
	if (!pki_asn1_time(X509_get0_notAfter(c), &out->not_after))
		out->not_after = INT64_MIN;
	hex_fingerprint(c, EVP_sha256(), out->fingerprint_sha256);
	hex_fingerprint(c, EVP_sha1(), out->fingerprint_sha1);
	fill_common_names(c, out);
	fill_alt_names(c, out);
	out->crl_url_cnt =
		fill_urls(c, NID_crl_distribution_points, out->crl_url, out->is_crl_of_other);
	out->delta_url_cnt = fill_urls(c, NID_freshest_crl, out->delta_url, NULL);
	fill_purpose(c, out);
	fill_key_type(c, out);
	OBJ_obj2txt(out->signature_algorithm, sizeof(out->signature_algorithm),
		OBJ_nid2obj(X509_get_signature_nid(c)), 0);
	out->is_ca = (X509_get_extension_flags(c) & EXFLAG_CA) != 0;
	out->is_self_signed = X509_NAME_cmp(X509_get_subject_name(c), X509_get_issuer_name(c)) == 0;
	X509_free(c);
	ERR_clear_error();
	return 0;
}
