/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/algorithm.h"

#include <errno.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "pki/x509/key.h"

static const struct pki_problem weak_signature = {"weak-signature-algorithm",
	"the signature algorithm is not RSA, RSA-PSS or ECDSA with SHA-256, SHA-384 or SHA-512"};
static const struct pki_problem bad_signature_parameters = {"bad-algorithm-parameters",
	"the signature algorithm carries parameters that its standard forbids"};
static const struct pki_problem ed25519_disabled = {
	"ed25519-not-allowed", "Ed25519 is not allowed by the configuration"};

static bool is_parameter_absent(const X509_ALGOR *alg)
{
	int type;

	X509_ALGOR_get0(NULL, &type, NULL, alg);
	return type == V_ASN1_UNDEF;
}

/* RFC 4055 5: parameters MUST be NULL, and absent ones MUST be accepted. */
static bool is_parameter_null(const X509_ALGOR *alg)
{
	int type;

	X509_ALGOR_get0(NULL, &type, NULL, alg);
	return type == V_ASN1_NULL || type == V_ASN1_UNDEF;
}

static int algorithm_nid(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *oid;

	X509_ALGOR_get0(&oid, NULL, NULL, alg);
	return OBJ_obj2nid(oid);
}

static unsigned sha2_octets(const X509_ALGOR *hash)
{
	if (hash == NULL || !is_parameter_null(hash))
		return 0;
	switch (algorithm_nid(hash)) {
	case NID_sha256:
		return 32;
	case NID_sha384:
		return 48;
	case NID_sha512:
		return 64;
	default: /* absent means SHA-1 */
		return 0;
	}
}

/* The hash of RSASSA-PSS-params (RFC 4055 3.1) when all of it is sound; else 0. */
static unsigned pss_params_hash(const X509_ALGOR *alg)
{
	const void *value;
	RSA_PSS_PARAMS *params;
	X509_ALGOR *mgf_hash = NULL;
	unsigned octets = 0;
	int type;

	X509_ALGOR_get0(NULL, &type, &value, alg);
	if (type != V_ASN1_SEQUENCE)
		return 0;
	params = ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
	if (params == NULL)
		goto out;
	if (params->maskGenAlgorithm == NULL || algorithm_nid(params->maskGenAlgorithm) != NID_mgf1)
		goto out;
	X509_ALGOR_get0(NULL, &type, &value, params->maskGenAlgorithm);
	if (type != V_ASN1_SEQUENCE)
		goto out;
	mgf_hash = ASN1_item_unpack(value, ASN1_ITEM_rptr(X509_ALGOR));
	octets = sha2_octets(params->hashAlgorithm);
	if (octets != sha2_octets(mgf_hash) ||
		(params->trailerField != NULL && ASN1_INTEGER_get(params->trailerField) != 1))
		octets = 0;
	/* A salt as long as the hash, or more: anything shorter weakens the proof. */
	if (params->saltLength == NULL || ASN1_INTEGER_get(params->saltLength) < (long)octets)
		octets = 0;
out:
	X509_ALGOR_free(mgf_hash);
	RSA_PSS_PARAMS_free(params);
	ERR_clear_error();
	return octets;
}

const struct pki_problem *pki_signature_problem(const X509_ALGOR *alg, bool is_ed25519_allowed)
{
	switch (algorithm_nid(alg)) {
	case NID_sha256WithRSAEncryption:
	case NID_sha384WithRSAEncryption:
	case NID_sha512WithRSAEncryption:
		return is_parameter_null(alg) ? NULL : &bad_signature_parameters;
	case NID_ecdsa_with_SHA256:
	case NID_ecdsa_with_SHA384:
	case NID_ecdsa_with_SHA512:
		return is_parameter_absent(alg) ? NULL : &bad_signature_parameters;
	case NID_rsassaPss:
		return pss_params_hash(alg) != 0 ? NULL : &weak_signature;
	case NID_ED25519:
		if (!is_ed25519_allowed)
			return &ed25519_disabled;
		return is_parameter_absent(alg) ? NULL : &bad_signature_parameters;
	default:
		return &weak_signature;
	}
}

static const X509_ALGOR *key_algorithm(const X509 *cert)
{
	X509_ALGOR *alg = NULL;

	X509_PUBKEY_get0_param(NULL, NULL, NULL, &alg, X509_get_X509_PUBKEY(cert));
	return alg;
}

int pki_pss_key_hash(const X509 *cert, uint8_t *out)
{
	const X509_ALGOR *alg = key_algorithm(cert);
	unsigned octets;

	if (is_parameter_absent(alg)) {
		*out = 0;
		return 0;
	}
	octets = pss_params_hash(alg);
	if (octets == 0)
		return -EINVAL;
	*out = (uint8_t)octets;
	return 0;
}

static bool is_sound_exponent(const EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	bool is_sound = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
			BN_is_odd(e) && BN_num_bits(e) > 16 && BN_num_bits(e) <= 32;

	BN_free(e);
	return is_sound;
}

static const struct pki_problem *rsa_problem(const EVP_PKEY *key, bool is_ca)
{
	static const struct pki_problem small = {
		"weak-key", "the RSA key has fewer than 2048 bits"};
	static const struct pki_problem large = {
		"key-too-large", "the RSA key has more bits than are taken (4096, of a CA 8192)"};
	static const struct pki_problem exponent = {"bad-rsa-exponent",
		"the RSA public exponent is even, smaller than 65537 or larger than 32 bits"};
	int bits = EVP_PKEY_get_bits(key);

	if (bits < PKI_RSA_BITS_MIN)
		return &small;
	if (bits > (is_ca ? PKI_CA_RSA_BITS_MAX : PKI_RSA_BITS_MAX))
		return &large;
	return is_sound_exponent(key) ? NULL : &exponent;
}

static const struct pki_problem *ec_problem(const X509 *cert, const EVP_PKEY *key)
{
	static const struct pki_problem explicit_curve = {"explicit-ec-parameters",
		"the elliptic curve is given by explicit parameters, not by name"};
	static const struct pki_problem other_curve = {
		"curve-not-allowed", "the elliptic curve is not P-256, P-384 or P-521"};
	static const struct pki_problem compressed = {
		"ec-point-not-uncompressed", "the public point is not in uncompressed form"};
	struct pki_key_spec spec;
	const unsigned char *point;
	int type, len;

	X509_ALGOR_get0(NULL, &type, NULL, key_algorithm(cert));
	if (type != V_ASN1_OBJECT)
		return &explicit_curve;
	if (pki_key_spec_of(key, &spec) < 0)
		return &other_curve;
	if (X509_PUBKEY_get0_param(NULL, &point, &len, NULL, X509_get_X509_PUBKEY(cert)) != 1 ||
		len < 1 || point[0] != 0x04)
		return &compressed;
	return NULL;
}

static const struct pki_problem *key_problem(
	const X509 *cert, const EVP_PKEY *key, bool is_ca, bool is_ed25519_allowed)
{
	static const struct pki_problem unreadable = {
		"unreadable-key", "the public key cannot be read, or lies outside its group"};
	static const struct pki_problem other = {"key-type-not-allowed",
		"the key is neither RSA nor an elliptic curve key that is taken"};
	static const struct pki_problem pss = {"bad-algorithm-parameters",
		"the RSA-PSS key's parameters do not name one SHA-2 hash with its own salt length"};
	uint8_t hash;

	if (key == NULL)
		return &unreadable;
	if (EVP_PKEY_is_a(key, "RSA"))
		return is_parameter_null(key_algorithm(cert)) ? rsa_problem(key, is_ca)
							      : &bad_signature_parameters;
	if (EVP_PKEY_is_a(key, "RSA-PSS"))
		return pki_pss_key_hash(cert, &hash) < 0 ? &pss : rsa_problem(key, is_ca);
	if (EVP_PKEY_is_a(key, "EC"))
		return ec_problem(cert, key);
	if (EVP_PKEY_is_a(key, "ED25519"))
		return is_ed25519_allowed ? NULL : &ed25519_disabled;
	return &other;
}

const struct pki_problem *pki_cert_key_problem(
	const X509 *cert, bool is_ca, bool is_ed25519_allowed)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);
	const struct pki_problem *problem = key_problem(cert, key, is_ca, is_ed25519_allowed);

	ERR_clear_error();
	return problem;
}
