/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "control/log.h"
#include "control/rest/key_file.h"
#include "pki/view/file.h"
#include "pki/x509/cert_list.h"

#define KEY_FILE     "web.key"
#define CERT_FILE    "web.pem"
#define FILE_MAX     65536
#define CERT_MAX     64
#define EXPLAIN_MAX  (PKI_SUBJECT_MAX + PKI_TEXT_MAX + 2)
#define YEARS        10
#define SERIAL_BITS  127
#define BACKDATE_SEC 3600 /* a client's clock may be behind ours */

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool is_added = e != NULL && X509_add_ext(cert, e, -1) == 1;

	X509_EXTENSION_free(e);
	return is_added;
}

/* Only what is a host name by its characters: it goes into OpenSSL's extension syntax. */
static void host_name(char *out, size_t size)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

	if (gethostname(out, size) < 0 || memchr(out, '\0', size) == NULL || out[0] == '\0' ||
		out[strspn(out, allowed)] != '\0')
		snprintf(out, size, "localhost");
}

static bool fill_cert(X509 *cert, EVP_PKEY *key)
{
	char host[65] = "", names[160];
	X509_NAME *name = X509_get_subject_name(cert);
	BIGNUM *serial = BN_new();
	bool is_filled;

	host_name(host, sizeof(host));
	snprintf(names, sizeof(names), "DNS:%s,DNS:localhost,IP:127.0.0.1,IP:::1", host);
	is_filled = serial != NULL && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, 0) == 1 &&
		    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)) != NULL &&
		    X509_set_version(cert, X509_VERSION_3) == 1 &&
		    X509_gmtime_adj(X509_getm_notBefore(cert), -BACKDATE_SEC) != NULL &&
		    X509_time_adj_ex(X509_getm_notAfter(cert), YEARS * 365, 0, NULL) != NULL &&
		    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
			    (const unsigned char *)host, -1, -1, 0) == 1 &&
		    X509_set_issuer_name(cert, name) == 1 && X509_set_pubkey(cert, key) == 1 &&
		    add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
		    add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
		    add_extension(cert, NID_ext_key_usage, "serverAuth") &&
		    add_extension(cert, NID_subject_alt_name, names) &&
		    X509_sign(cert, key, EVP_sha256()) > 0;
	BN_free(serial);
	return is_filled;
}

static int make_cert(int dir, EVP_PKEY *key)
{
	X509 *cert = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len;
	int ret = -EIO;

	if (cert != NULL && bio != NULL && fill_cert(cert, key) &&
		PEM_write_bio_X509(bio, cert) == 1) {
		len = BIO_get_mem_data(bio, &text);
		ret = rk_file_create(dir, CERT_FILE, 0644, text, (size_t)len);
	}
	BIO_free(bio);
	X509_free(cert);
	return ret;
}

/* The certificates of a file, all of it or nothing. */
static int read_certs(int dir, const char *name, struct pki_report *report, STACK_OF(X509) * *out)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	uint8_t *text = NULL;
	size_t len = 0;
	int ret = list != NULL ? rk_file_read(dir, name, FILE_MAX, &text, &len) : -ENOMEM;

	if (ret == 0)
		ret = pki_cert_list_parse((const char *)text, len, CERT_MAX, report, list);
	free(text);
	if (ret < 0)
		sk_X509_pop_free(list, X509_free);
	else
		*out = list;
	return ret;
}

/* Why a file is no good: what stands in it, else what the system says. */
static void explain(const struct pki_report *report, int error, char *text, size_t size)
{
	const struct pki_finding *f = pki_report_first(report);

	if (f != NULL)
		snprintf(text, size, "%s%s%s", f->subject, f->subject[0] != '\0' ? ": " : "",
			f->text);
	else
		snprintf(text, size, "%s", strerror(-error));
}

/* The certificate, and any further ones of its chain, into ctx. */
static int use_certs(int dir, SSL_CTX *ctx, struct pki_report *report)
{
	STACK_OF(X509) *list = NULL;
	int ret = read_certs(dir, CERT_FILE, report, &list);

	if (ret < 0)
		return ret;
	if (SSL_CTX_use_certificate(ctx, sk_X509_value(list, 0)) != 1)
		ret = -EINVAL;
	for (int i = 1; ret == 0 && i < sk_X509_num(list); i++)
		if (SSL_CTX_add1_chain_cert(ctx, sk_X509_value(list, i)) != 1)
			ret = -EINVAL;
	ERR_clear_error();
	sk_X509_pop_free(list, X509_free);
	return ret;
}

static int use_files(int dir, SSL_CTX *ctx)
{
	const struct pki_key_spec spec = {.algorithm = PKI_ALGORITHM_ECC, .curve = RK_KEY_P256};
	struct pki_report report;
	EVP_PKEY *key = NULL;
	char why[EXPLAIN_MAX];
	int ret;

	pki_report_init(&report);
	ret = key_file_load(dir, KEY_FILE, &key);
	if (ret == -ENOENT)
		ret = key_file_make(dir, KEY_FILE, &spec, &key);
	if (ret < 0) {
		log_error("the web key %s cannot be used: %s; remove it and %s, and new ones are "
			  "made",
			KEY_FILE, ret == -EBADMSG ? "it is damaged" : strerror(-ret), CERT_FILE);
		goto out;
	}
	ret = use_certs(dir, ctx, &report);
	if (ret == -ENOENT) {
		ret = make_cert(dir, key);
		if (ret == 0)
			ret = use_certs(dir, ctx, &report);
	}
	if (ret == 0 &&
		(SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1))
		ret = -EINVAL;
	if (ret < 0) {
		explain(&report, ret, why, sizeof(why));
		log_error("the web certificate %s cannot be used with %s: %s; remove it, and a new "
			  "one is made",
			CERT_FILE, KEY_FILE, why);
	}
out:
	EVP_PKEY_free(key);
	return ret;
}

int tls_read_client_ca(int pki, const char *name, char *why, size_t size, STACK_OF(X509) * *out)
{
	struct pki_report report;
	char file[80];
	int ret;

	pki_report_init(&report);
	snprintf(file, sizeof(file), "%s.pem", name);
	ret = read_certs(pki, file, &report, out);
	if (ret < 0)
		explain(&report, ret, why, size);
	return ret;
}

/* Client certificates count when a CA of that file issued them. */
static int use_client_ca(int dir, const struct config_rest *config, SSL_CTX *ctx)
{
	int mode = SSL_VERIFY_PEER;
	STACK_OF(X509) *list = NULL;
	char why[EXPLAIN_MAX];
	int ret = tls_read_client_ca(dir, config->client_ca, why, sizeof(why), &list);

	if (ret < 0) {
		log_error("the CA of client certificates, %s.pem in the PKI folder, cannot be "
			  "used: %s",
			config->client_ca, why);
		return ret;
	}
	for (int i = 0; ret == 0 && i < sk_X509_num(list); i++) {
		X509 *cert = sk_X509_value(list, i);

		if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert) != 1 ||
			SSL_CTX_add_client_CA(ctx, cert) != 1)
			ret = -ENOMEM;
	}
	ERR_clear_error();
	sk_X509_pop_free(list, X509_free);
	if (config->is_client_required)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(ctx, mode, NULL);
	return ret;
}

int tls_open(int state, int pki, const struct config_rest *config, SSL_CTX **out)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int ret = -ENOMEM;

	if (ctx == NULL)
		return ret;
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
		SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
		SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384:P-521") != 1) {
		log_error("OpenSSL does not offer the TLS that the listener needs");
		ret = -EINVAL;
		goto out;
	}
	ret = use_files(state, ctx);
	if (ret == 0 && config->client_ca != NULL)
		ret = use_client_ca(pki, config, ctx);
	if (ret < 0)
		goto out;
	*out = ctx;
	ctx = NULL;
out:
	SSL_CTX_free(ctx);
	return ret;
}
