/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/key.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "pki/view/secret.h"
#include "pki/x509/pem.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *name;
	enum rk_key_type curve;
} curve_names[] = {
	/* the first of each curve is the name we print */
	{"SECP256R1", RK_KEY_P256},
	{"SECP384R1", RK_KEY_P384},
	{"SECP521R1", RK_KEY_P521},
	{"SECP256R", RK_KEY_P256}, /* the vendor's text spells it so */
	{"PRIME256V1", RK_KEY_P256},
	{"P-256", RK_KEY_P256},
	{"P-384", RK_KEY_P384},
	{"P-521", RK_KEY_P521},
};

int pki_algorithm_parse(const char *name, enum pki_algorithm *out)
{
	if (strcasecmp(name, "RSA") == 0)
		*out = PKI_ALGORITHM_RSA;
	else if (strcasecmp(name, "ECC") == 0)
		*out = PKI_ALGORITHM_ECC;
	else
		return -EINVAL;
	return 0;
}

int pki_curve_parse(const char *name, enum rk_key_type *out)
{
	size_t i;

	for (i = 0; i < COUNT(curve_names); i++) {
		if (strcasecmp(name, curve_names[i].name) == 0) {
			*out = curve_names[i].curve;
			return 0;
		}
	}
	return -EINVAL;
}

const char *pki_curve_name(enum rk_key_type curve)
{
	size_t i;

	for (i = 0; i < COUNT(curve_names); i++) {
		if (curve_names[i].curve == curve)
			return curve_names[i].name;
	}
	return NULL;
}

bool pki_key_spec_is_valid(const struct pki_key_spec *spec)
{
	switch (spec->algorithm) {
	case PKI_ALGORITHM_RSA:
		return spec->curve == RK_KEY_NONE && spec->rsa_bits >= PKI_RSA_BITS_MIN &&
		       spec->rsa_bits <= PKI_RSA_BITS_MAX &&
		       spec->rsa_bits % PKI_RSA_BITS_STEP == 0;
	case PKI_ALGORITHM_ECC:
		return spec->rsa_bits == 0 && pki_curve_name(spec->curve) != NULL;
	}
	return false;
}

bool pki_key_spec_equal(const struct pki_key_spec *a, const struct pki_key_spec *b)
{
	return a->algorithm == b->algorithm && a->rsa_bits == b->rsa_bits && a->curve == b->curve;
}

static const char *openssl_curve(enum rk_key_type curve)
{
	return curve == RK_KEY_P256 ? "P-256" : curve == RK_KEY_P384 ? "P-384" : "P-521";
}

int pki_key_generate(const struct pki_key_spec *spec, EVP_PKEY **out)
{
	EVP_PKEY *key;

	if (!pki_key_spec_is_valid(spec))
		return -EINVAL;
	if (spec->algorithm == PKI_ALGORITHM_RSA)
		key = EVP_RSA_gen((size_t)spec->rsa_bits);
	else
		key = EVP_EC_gen(openssl_curve(spec->curve));
	ERR_clear_error();
	if (key == NULL)
		return -EIO;
	*out = key;
	return 0;
}

int pki_key_spec_of(const EVP_PKEY *key, struct pki_key_spec *out)
{
	struct pki_key_spec spec = {0};
	char group[64];
	size_t len;

	if (EVP_PKEY_is_a(key, "RSA")) {
		spec.algorithm = PKI_ALGORITHM_RSA;
		spec.rsa_bits = (unsigned)EVP_PKEY_get_bits(key);
	} else if (EVP_PKEY_is_a(key, "EC")) {
		spec.algorithm = PKI_ALGORITHM_ECC;
		if (EVP_PKEY_get_group_name(key, group, sizeof(group), &len) != 1 ||
			pki_curve_parse(group, &spec.curve) < 0)
			spec.curve = RK_KEY_NONE;
	}
	ERR_clear_error();
	if (!pki_key_spec_is_valid(&spec))
		return -EINVAL;
	*out = spec;
	return 0;
}

void pki_secret_text_free(struct pki_secret_text *t)
{
	rk_secret_free(t->data, t->size);
	memset(t, 0, sizeof(*t));
}

int pki_key_to_pem(const EVP_PKEY *key, struct pki_secret_text *out)
{
	static const char label[] = "PRIVATE KEY";
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key); /* wipes what it holds when freed */
	struct pki_secret_text text = {0};
	unsigned char *der = NULL, *next;
	int ret = -EIO;
	int der_len;

	der_len = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;
	if (der_len <= 0 || pki_pem_size(label, (size_t)der_len) > PKI_KEY_PEM_MAX)
		goto out;
	ret = -ENOMEM;
	text.size = pki_pem_size(label, (size_t)der_len);
	text.data = rk_secret_new(text.size);
	der = rk_secret_new((size_t)der_len);
	if (text.data == NULL || der == NULL)
		goto out;
	ret = -EIO;
	next = der;
	if (i2d_PKCS8_PRIV_KEY_INFO(info, &next) != der_len)
		goto out;
	pki_pem_write(label, der, (size_t)der_len, text.data, text.size);
	text.len = strlen(text.data);
	*out = text;
	memset(&text, 0, sizeof(text));
	ret = 0;
out:
	pki_secret_text_free(&text);
	rk_secret_free(der, der_len > 0 ? (size_t)der_len : 0);
	PKCS8_PRIV_KEY_INFO_free(info);
	ERR_clear_error();
	return ret;
}

static bool is_key_label(const char *label)
{
	return strcmp(label, "PRIVATE KEY") == 0 || strcmp(label, "RSA PRIVATE KEY") == 0 ||
	       strcmp(label, "EC PRIVATE KEY") == 0;
}

/* A key of ours: a known kind, a named curve, and both halves belong together. */
static bool is_own_kind(EVP_PKEY *key)
{
	struct pki_key_spec spec;
	EVP_PKEY_CTX *ctx;
	char encoding[16] = "";
	size_t len;
	bool is_fine;

	if (pki_key_spec_of(key, &spec) < 0)
		return false;
	if (spec.algorithm == PKI_ALGORITHM_ECC &&
		(EVP_PKEY_get_utf8_string_param(
			 key, OSSL_PKEY_PARAM_EC_ENCODING, encoding, sizeof(encoding), &len) != 1 ||
			strcmp(encoding, OSSL_PKEY_EC_ENCODING_GROUP) != 0))
		return false;
	ctx = EVP_PKEY_CTX_new(key, NULL);
	is_fine = ctx != NULL && EVP_PKEY_pairwise_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	return is_fine;
}

int pki_key_from_pem(const char *text, size_t len, EVP_PKEY **out)
{
	const char *next = text;
	struct pki_pem_block block;
	EVP_PKEY *key = NULL;
	uint8_t *der = NULL;
	const uint8_t *at;
	size_t der_len;
	int ret = -EBADMSG;

	if (len > PKI_KEY_PEM_MAX || pki_pem_next(&next, text + len, &block) != PKI_PEM_BLOCK ||
		!is_key_label(block.label) ||
		!pki_text_is_blank(text, (size_t)(block.start - text)) ||
		!pki_text_is_blank(block.end, (size_t)(text + len - block.end)))
		return -EBADMSG;
	der = rk_secret_new(PKI_KEY_PEM_MAX);
	if (der == NULL)
		return -ENOMEM;
	if (pki_base64_decode(block.body, block.body_len, der, PKI_KEY_PEM_MAX, &der_len) < 0)
		goto out;
	at = der;
	key = d2i_AutoPrivateKey(NULL, &at, (long)der_len);
	if (key == NULL || at != der + der_len || !is_own_kind(key))
		goto out;
	*out = key;
	key = NULL;
	ret = 0;
out:
	EVP_PKEY_free(key);
	rk_secret_free(der, PKI_KEY_PEM_MAX);
	ERR_clear_error();
	return ret;
}
