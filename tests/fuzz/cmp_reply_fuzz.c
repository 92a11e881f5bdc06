/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a CMP server answers, and what we make of it: OpenSSL reads the messages, enrolment decides.
 * Either the replies are the input as it stands, or a server that knows our secret makes them, says
 * what the input chooses, and one octet of them is changed on the way. Nothing that is not protected
 * is believed, and a certificate is taken only when it is for our key and passed the three checks.
 *
 * Input: [0] how, [1] what the server says, [2] which reply is changed, [3] [4] where, [5] with what;
 * then the replies, each behind two octets of length, or a certificate of the server's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/cmp.h>
#include <openssl/err.h>

#include "control/enrol/job.h"
#include "control/trust.h"
#include "pki/view/secret.h"
#include "pki/x509/trust.h"
#include "tests/unit/daemon_fixture.h"

#define NAME     "custom_ssr_peering"
#define SECRET   "correct horse"
#define HEAD_LEN 6
#define TRIES    4

enum how { HOW_RAW = 1, HOW_REVOKE = 2, HOW_IMPLICIT = 4, HOW_UNPROTECTED = 8 };
enum what {
	WHAT_CERT = 3,
	WHAT_STATUS = 7 << 2,
	WHAT_CHAIN = 32,
	WHAT_POLL = 64,
	WHAT_ERROR = 128
};
/* Of WHAT_CERT. */
enum { CERT_GOOD, CERT_OTHER_KEY, CERT_GIVEN, CERT_NONE };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct daemon_fixture f;
static struct test_pki pki;
static EVP_PKEY *key;
static X509 *good, *other;

/* The server, for one input. */
static struct {
	const uint8_t *head, *data;
	size_t len;
	unsigned reply_cnt;
	OSSL_CMP_SRV_CTX *ctx;
} server;

static void require(bool is_true)
{
	if (!is_true)
		abort();
}

/* ---- the server's word ------------------------------------------------------------------------- */

static OSSL_CMP_PKISI *new_status(void)
{
	/* waiting is not answered by polling in a revocation: it would be slept through */
	int status = (server.head[1] & WHAT_STATUS) >> 2;

	if ((server.head[0] & HOW_REVOKE) != 0 && status == OSSL_CMP_PKISTATUS_waiting)
		status = OSSL_CMP_PKISTATUS_rejection;
	return OSSL_CMP_STATUSINFO_new(status, 0, "so \x1b[31m it is");
}

static X509 *choose_certificate(void)
{
	const unsigned char *next = server.data;
	X509 *cert = NULL;

	switch (server.head[1] & WHAT_CERT) {
	case CERT_GOOD:
		cert = good;
		break;
	case CERT_OTHER_KEY:
		cert = other;
		break;
	case CERT_GIVEN:
		return d2i_X509(NULL, &next, (long)server.len);
	default:
		break;
	}
	return cert != NULL && X509_up_ref(cert) == 1 ? cert : NULL;
}

static OSSL_CMP_PKISI *certify(OSSL_CMP_SRV_CTX *ctx, const OSSL_CMP_MSG *request, int id,
	const OSSL_CRMF_MSG *crm, const X509_REQ *p10, X509 **cert, STACK_OF(X509) * *chain,
	STACK_OF(X509) * *ca_pubs)
{
	bool is_polling = (server.head[1] & WHAT_POLL) != 0 && server.reply_cnt < 2;

	(void)ctx, (void)request, (void)id, (void)crm, (void)p10;
	if (is_polling)
		return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_waiting, 0, NULL);
	*cert = choose_certificate();
	if ((server.head[1] & WHAT_CHAIN) != 0) {
		*chain = sk_X509_new_null();
		*ca_pubs = sk_X509_new_null();
		if (*chain != NULL && X509_up_ref(pki.ca) == 1)
			sk_X509_push(*chain, pki.ca);
		if (*ca_pubs != NULL && X509_up_ref(pki.root) == 1)
			sk_X509_push(*ca_pubs, pki.root);
	}
	return new_status();
}

static OSSL_CMP_PKISI *revoke(OSSL_CMP_SRV_CTX *ctx, const OSSL_CMP_MSG *request,
	const X509_NAME *issuer, const ASN1_INTEGER *serial)
{
	(void)ctx, (void)request, (void)issuer, (void)serial;
	return new_status();
}

static int confirm(OSSL_CMP_SRV_CTX *ctx, const OSSL_CMP_MSG *request, int id,
	const ASN1_OCTET_STRING *hash, const OSSL_CMP_PKISI *status)
{
	(void)ctx, (void)request, (void)id, (void)hash, (void)status;
	return 1;
}

static int poll_again(OSSL_CMP_SRV_CTX *ctx, const OSSL_CMP_MSG *request, int id,
	OSSL_CMP_MSG **cert_request, int64_t *check_after)
{
	(void)ctx, (void)request, (void)id;
	*cert_request = NULL;
	*check_after = server.len > 0 ? server.data[0] : 1;
	return 1;
}

static int talk(OSSL_CMP_SRV_CTX *ctx, const OSSL_CMP_MSG *request,
	const STACK_OF(OSSL_CMP_ITAV) * in, STACK_OF(OSSL_CMP_ITAV) * *out)
{
	(void)ctx, (void)request, (void)in, (void)out;
	return 0;
}

static void note(OSSL_CMP_SRV_CTX *ctx, const OSSL_CMP_MSG *request, const OSSL_CMP_PKISI *status,
	const ASN1_INTEGER *code, const OSSL_CMP_PKIFREETEXT *text)
{
	(void)ctx, (void)request, (void)status, (void)code, (void)text;
}

static void open_server(void)
{
	OSSL_CMP_CTX *cmp;

	server.ctx = OSSL_CMP_SRV_CTX_new(NULL, NULL);
	require(server.ctx != NULL && OSSL_CMP_SRV_CTX_init(server.ctx, &server, certify, revoke,
					      talk, note, confirm, poll_again) == 1);
	cmp = OSSL_CMP_SRV_CTX_get0_cmp_ctx(server.ctx);
	require(OSSL_CMP_CTX_set1_secretValue(
			cmp, (const unsigned char *)SECRET, (int)strlen(SECRET)) == 1 &&
		OSSL_CMP_CTX_set1_referenceValue(cmp, (const unsigned char *)"router", 6) == 1);
	require(X509_STORE_up_ref(pki_trust_store(trust_current(f.d.trust))) == 1);
	require(OSSL_CMP_CTX_set0_trustedStore(cmp, pki_trust_store(trust_current(f.d.trust))) ==
		1);
	require(OSSL_CMP_CTX_set1_untrusted(
			cmp, pki_trust_intermediates(trust_current(f.d.trust))) == 1);
	if ((server.head[0] & HOW_IMPLICIT) != 0)
		OSSL_CMP_SRV_CTX_set_grant_implicit_confirm(server.ctx, 1);
	if ((server.head[0] & HOW_UNPROTECTED) != 0)
		OSSL_CMP_SRV_CTX_set_send_unprotected_errors(server.ctx, 1);
}

static uint8_t *copy(const uint8_t *data, size_t len)
{
	uint8_t *out = malloc(len + 1);

	require(out != NULL);
	if (len > 0)
		memcpy(out, data, len);
	out[len] = '\0';
	return out;
}

static size_t reply_by_server(const struct http_request *request, uint8_t **body)
{
	const unsigned char *next = request->body;
	OSSL_CMP_MSG *question = d2i_OSSL_CMP_MSG(NULL, &next, (long)request->body_len);
	OSSL_CMP_MSG *reply;
	unsigned char *der = NULL;
	size_t at = (size_t)server.head[3] << 8 | server.head[4];
	int len;

	require(question != NULL);
	reply = OSSL_CMP_SRV_process_request(server.ctx, question);
	len = reply != NULL ? i2d_OSSL_CMP_MSG(reply, &der) : 0;
	*body = copy(der, len > 0 ? (size_t)len : 0);
	if (len > 0 && server.reply_cnt + 1 == server.head[2])
		(*body)[at % (size_t)len] ^= server.head[5];
	OPENSSL_free(der);
	OSSL_CMP_MSG_free(question);
	OSSL_CMP_MSG_free(reply);
	ERR_clear_error();
	return len > 0 ? (size_t)len : 0;
}

static size_t reply_raw(uint8_t **body)
{
	size_t len = server.len >= 2 ? (size_t)server.data[0] << 8 | server.data[1] : 0;

	if (server.len < 2)
		return 0;
	if (len > server.len - 2)
		len = server.len - 2;
	*body = copy(server.data + 2, len);
	server.data += 2 + len;
	server.len -= 2 + len;
	return len;
}

static int exchange(const struct http_request *request, struct http_answer *answer, uint8_t **body)
{
	*answer = (struct http_answer){.status = 200};
	*body = NULL;
	answer->len =
		(server.head[0] & HOW_RAW) != 0 ? reply_raw(body) : reply_by_server(request, body);
	server.reply_cnt++;
	return 0;
}

/* ---- our side ------------------------------------------------------------------------------------ */

static struct enrol_job *new_job(bool is_revocation)
{
	static const atomic_bool is_hurried = true; /* nobody waits for a certificate to begin */
	struct enrol_job *job = enrol_job_new();

	require(job != NULL);
	job->driver = &enrol_cmp;
	job->action = is_revocation ? ENROL_REVOKE : ENROL_FIRST;
	job->url = strdup("http://ca.example/");
	job->username = strdup("router");
	job->secret_len = strlen(SECRET);
	job->secret_size = job->secret_len + 1;
	job->secret = rk_secret_new(job->secret_size);
	memcpy(job->secret, SECRET, job->secret_len);
	job->trust = pki_trust_get(trust_current(f.d.trust));
	job->check = provision_check_new(&f.d, NAME, NULL);
	job->is_stopping = &is_hurried;
	job->exchange = exchange;
	require(EVP_PKEY_up_ref(key) == 1);
	job->key = key;
	if (is_revocation) {
		require(X509_up_ref(good) == 1);
		job->old_cert = good;
		return job;
	}
	job->request = X509_REQ_new();
	require(job->request != NULL && X509_REQ_set_pubkey(job->request, key) == 1 &&
		X509_REQ_set_subject_name(job->request, X509_get_subject_name(good)) == 1);
	return job;
}

static void check_outcome(const struct enrol_job *job, bool is_revocation)
{
	bool is_believed = (server.head[0] & HOW_RAW) == 0;

	switch (job->outcome) {
	case ENROL_CERTIFICATE:
		require(is_believed && !is_revocation && job->cert != NULL);
		require(pki_key_matches_cert(key, job->cert));
		require(provision_check_is_passed(job->check));
		return;
	case ENROL_REVOKED:
		require(is_believed && is_revocation);
		break;
	case ENROL_WAIT:
		require(is_believed && !is_revocation && job->wait_sec > 0);
		break;
	case ENROL_REFUSED:
	case ENROL_UNREACHABLE:
		require(job->text[0] != '\0');
		break;
	}
	require(job->cert == NULL);
	for (const char *c = job->text; *c != '\0'; c++)
		require((unsigned char)*c >= 0x20 && *c != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool is_revocation;
	struct enrol_job *job;

	if (size < HEAD_LEN)
		return 0;
	memset(&server, 0, sizeof(server));
	server.head = data;
	server.data = data + HEAD_LEN;
	server.len = size - HEAD_LEN;
	is_revocation = (data[0] & HOW_REVOKE) != 0;
	open_server();
	job = new_job(is_revocation);
	for (int i = 0; i < TRIES; i++) {
		job->driver->run(job);
		check_outcome(job, is_revocation);
		require(ERR_peek_error() == 0);
		if (job->outcome != ENROL_WAIT)
			break;
	}
	enrol_job_free(job);
	OSSL_CMP_SRV_CTX_free(server.ctx);
	return 0;
}

static void tear_down(void)
{
	X509_free(good);
	X509_free(other);
	EVP_PKEY_free(key);
	test_pki_fini(&pki);
	daemon_fixture_close(&f);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	daemon_fixture_open(&f, NULL);
	test_pki_init(&pki, "leaf");
	fixture_install_trust(&f, pki.bundle);
	fixture_create_key(&f,
		json_pack("{s:s, s:s, s:s}", "name", NAME, "algorithm", "ECC", "ecc_curve",
			"SECP256R1"),
		200);
	require(provision_read_key(f.d.pki_fd, NAME, PROVISION_KEY_CURRENT, &key) == 0);
	good = fixture_certify(&f, &pki, NAME ".key", &(struct test_cert){.cn = "east.peering"});
	other = test_cert_new(&(struct test_cert){.cn = "east.peering",
		.key = test_key_shared(TEST_P256, 6),
		.issuer = pki.ca,
		.issuer_key = pki.ca_key});
	atexit(tear_down);
	return 0;
}
