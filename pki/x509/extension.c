/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/extension.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "pki/x509/der.h"

/* Arcs below id-ce. */
enum {
	ARC_KEY_USAGE = 15,
	ARC_BASIC_CONSTRAINTS = 19,
};

static bool begins_with(struct rk_span s, const uint8_t *prefix, size_t len)
{
	return s.len > len && memcmp(s.data, prefix, len) == 0;
}

/* id-ce or id-pe: the RFC's and its successors', whose values are DER. */
static bool is_defined(struct rk_span oid)
{
	static const uint8_t id_ce[] = {0x55, 0x1d};
	static const uint8_t id_pe[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01};

	return begins_with(oid, id_ce, sizeof(id_ce)) || begins_with(oid, id_pe, sizeof(id_pe));
}

bool pki_extension_next(struct rk_span *in, struct pki_extension *out)
{
	struct rk_span rest = *in;
	struct pki_der e, oid, critical, octets;

	memset(out, 0, sizeof(*out));
	if (!pki_der_expect(&rest, PKI_DER_SEQUENCE, &e) ||
		!pki_der_expect(&e.content, PKI_DER_OID, &oid))
		return false;
	if (pki_der_peek(&e.content) == PKI_DER_BOOLEAN) {
		/* DEFAULT FALSE is not written in DER */
		if (!pki_der_next(&e.content, &critical) || critical.content.len != 1 ||
			critical.content.data[0] != 0xff)
			return false;
		out->is_critical = true;
	}
	if (!pki_der_expect(&e.content, PKI_DER_OCTET_STRING, &octets) || e.content.len != 0 ||
		(is_defined(oid.content) &&
			!pki_der_is_strict(octets.content.data, octets.content.len)))
		return false;
	out->oid = oid.content;
	out->value = octets.content;
	*in = rest;
	return true;
}

bool pki_extension_is(const struct pki_extension *e, uint8_t arc)
{
	const uint8_t id[] = {0x55, 0x1d, arc};

	return e->oid.len == sizeof(id) && memcmp(e->oid.data, id, sizeof(id)) == 0;
}

/* A named bit list ends in a one (X.690 11.2.2). */
static bool is_named_bit_list(struct rk_span value)
{
	struct pki_der bits;
	uint8_t unused;

	if (!pki_der_expect(&value, PKI_DER_BIT_STRING, &bits))
		return false;
	unused = bits.content.data[0];
	return bits.content.len == 1 ||
	       (bits.content.data[bits.content.len - 1] & (1u << unused)) != 0;
}

/* BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, ... } */
static bool is_default_left_out(struct rk_span value)
{
	struct pki_der list, ca;

	if (!pki_der_expect(&value, PKI_DER_SEQUENCE, &list))
		return false;
	return pki_der_peek(&list.content) != PKI_DER_BOOLEAN ||
	       (pki_der_next(&list.content, &ca) && ca.content.data[0] == 0xff);
}

static bool are_well_written(struct rk_span in)
{
	struct pki_extension e;

	while (pki_extension_next(&in, &e)) {
		if (pki_extension_is(&e, ARC_KEY_USAGE) && !is_named_bit_list(e.value))
			return false;
		if (pki_extension_is(&e, ARC_BASIC_CONSTRAINTS) && !is_default_left_out(e.value))
			return false;
	}
	return in.len == 0;
}

bool pki_cert_extensions_are_der(const uint8_t *der, size_t len)
{
	struct rk_span in = {der, len};
	struct pki_der cert, tbs, e, list;

	if (!pki_der_expect(&in, PKI_DER_SEQUENCE, &cert) ||
		!pki_der_expect(&cert.content, PKI_DER_SEQUENCE, &tbs))
		return true; /* no certificate: that is said elsewhere */
	while (pki_der_next(&tbs.content, &e))
		if (e.tag == (PKI_DER_CONTEXT_CONSTRUCTED | 3) &&
			!(pki_der_expect(&e.content, PKI_DER_SEQUENCE, &list) &&
				are_well_written(list.content)))
			return false;
	return true;
}

/* What is acted on here, or by OpenSSL in the checks of a path. */
static bool is_acted_on(int nid)
{
	switch (nid) {
	case NID_basic_constraints:
	case NID_key_usage:
	case NID_ext_key_usage:
	case NID_subject_alt_name:
	case NID_name_constraints:
	case NID_certificate_policies:
	case NID_policy_mappings:
	case NID_policy_constraints:
	case NID_inhibit_any_policy:
	case NID_crl_distribution_points:
		return true;
	default:
		return false;
	}
}

/* RFC 5280 4.2.1.1: both or none; the key's identifier is what a path is built with. */
static bool is_sound_key_id(const AUTHORITY_KEYID *id)
{
	return (id->issuer == NULL) == (id->serial == NULL) &&
	       (id->keyid == NULL || ASN1_STRING_length(id->keyid) > 0);
}

/* The decoded value of one that OpenSSL knows. */
static bool is_sound_value(int nid, const void *value)
{
	switch (nid) {
	case NID_ext_key_usage:
	case NID_subject_alt_name:
	case NID_issuer_alt_name:
	case NID_certificate_policies:
	case NID_policy_mappings:
	case NID_crl_distribution_points:
	case NID_freshest_crl:
	case NID_info_access:
	case NID_sinfo_access:
		return OPENSSL_sk_num(value) > 0; /* SIZE (1..MAX), all of them */
	case NID_subject_key_identifier:
		return ASN1_STRING_length(value) > 0;
	case NID_authority_key_identifier:
		return is_sound_key_id(value);
	case NID_inhibit_any_policy:
		return ASN1_STRING_type(value) != V_ASN1_NEG_INTEGER;
	default:
		return true;
	}
}

const struct pki_problem *pki_extension_problem(X509_EXTENSION *extension)
{
	static const struct pki_problem unknown = {"unknown-critical-extension",
		"it has a critical extension that this program does not know"};
	static const struct pki_problem bad = {
		"bad-extension", "an extension cannot be read, is empty, or lacks a part"};
	const ASN1_OBJECT *oid = X509_EXTENSION_get_object(extension);
	const struct rk_span id = {OBJ_get0_data(oid), OBJ_length(oid)};
	const X509V3_EXT_METHOD *method = X509V3_EXT_get(extension);
	int nid = OBJ_obj2nid(oid);
	const struct pki_problem *problem = NULL;
	void *value;

	if (X509_EXTENSION_get_critical(extension) != 0 && !is_acted_on(nid))
		return &unknown;
	if (!is_defined(id) || method == NULL || method->it == NULL)
		return NULL;
	value = X509V3_EXT_d2i(extension);
	if (value == NULL || !is_sound_value(nid, value))
		problem = &bad;
	ASN1_item_free(value, ASN1_ITEM_ptr(method->it));
	ERR_clear_error();
	return problem;
}
