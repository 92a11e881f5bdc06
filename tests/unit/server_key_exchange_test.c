/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RFC 8422 5.4 against OpenSSL's own TLS 1.2: the ServerKeyExchange of a live handshake, for each
 * named group and each kind of certificate. Its ECParameters and ECPoint are our SHARE byte for
 * byte, its signature is good for our sign_verify, and its key agrees with one of ours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "dataplane/core/kex.h"
#include "dataplane/core/sign.h"
#include "dataplane/core/wire.h"
#include "pki/x509/key.h"
#include "tests/unit/test_ca.h"

#define SERVER_KEY_EXCHANGE 12
#define RANDOM_LEN          32

/* One message, and what its signature is over: both randoms, then the parameters. */
struct capture {
	size_t len;
	uint8_t body[1024];
	uint8_t random[2 * RANDOM_LEN];
};

static const struct {
	const char *name;
	uint16_t id;
} groups[] = {{"P-256", 23}, {"P-384", 24}, {"P-521", 25}, {"X25519", 29}, {"X448", 30}};

static const struct {
	enum test_key kind;
	const char *name; /* of the scheme, as OpenSSL has it */
	uint16_t scheme;
} signers[] = {
	{TEST_P256, "ecdsa_secp256r1_sha256", 0x0403},
	{TEST_P384, "ecdsa_secp384r1_sha384", 0x0503},
	{TEST_P521, "ecdsa_secp521r1_sha512", 0x0603},
	{TEST_RSA_2048, "rsa_pss_rsae_sha256", 0x0804},
	{TEST_RSA_2048, "rsa_pss_rsae_sha384", 0x0805},
	{TEST_RSA_2048, "rsa_pss_rsae_sha512", 0x0806},
	{TEST_RSA_PSS_SHA256, "rsa_pss_pss_sha256", 0x0809},
	{TEST_ED25519, "ed25519", 0x0807},
};
#define GROUP_CNT  (sizeof(groups) / sizeof(groups[0]))
#define SIGNER_CNT (sizeof(signers) / sizeof(signers[0]))

static struct sign_ctx *sign;
static struct kex_ctx *kex;

static void on_message(int is_sent, int version, int content_type, const void *buf, size_t len,
	SSL *ssl, void *arg)
{
	struct capture *c = arg;
	const uint8_t *data = buf;

	(void)version;
	(void)ssl;
	if (is_sent || content_type != SSL3_RT_HANDSHAKE || len < 4 ||
		data[0] != SERVER_KEY_EXCHANGE)
		return;
	must(len - 4 <= sizeof(c->body));
	c->len = len - 4;
	memcpy(c->body, data + 4, c->len);
}

/* What the macros of ssl.h do, without losing a const. */
static bool set_list(SSL_CTX *ctx, int command, const char *list)
{
	char copy[64];

	snprintf(copy, sizeof(copy), "%s", list);
	return SSL_CTX_ctrl(ctx, command, 0, copy) == 1;
}

static SSL *new_side(bool is_server, const char *group, const char *scheme)
{
	/* an ECDSA certificate's own curve must be among those offered */
	const char *groups_list = is_server ? group : "P-256:P-384:P-521:X25519:X448";
	SSL_CTX *ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
	SSL *ssl;

	must(ctx != NULL && SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION) == 1 &&
		SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM") == 1 &&
		set_list(ctx, SSL_CTRL_SET_SIGALGS_LIST, scheme) &&
		set_list(ctx, SSL_CTRL_SET_GROUPS_LIST, groups_list));
	ssl = SSL_new(ctx);
	must(ssl != NULL);
	SSL_CTX_free(ctx);
	if (is_server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return ssl;
}

static void join(SSL *client, SSL *server)
{
	BIO *a, *b;

	must(BIO_new_bio_pair(&a, 65536, &b, 65536) == 1);
	SSL_set_bio(client, a, a);
	SSL_set_bio(server, b, b);
}

static void shake_hands(
	const char *group, const char *scheme, EVP_PKEY *key, X509 *cert, struct capture *out)
{
	SSL *client = new_side(false, group, scheme), *server = new_side(true, group, scheme);

	memset(out, 0, sizeof(*out));
	must(SSL_use_certificate(server, cert) == 1 && SSL_use_PrivateKey(server, key) == 1);
	SSL_set_msg_callback(client, on_message);
	SSL_set_msg_callback_arg(client, out);
	join(client, server);
	for (unsigned i = 0; i < 8 && !SSL_is_init_finished(client); i++) {
		(void)SSL_do_handshake(client);
		(void)SSL_do_handshake(server);
	}
	assert_true(SSL_is_init_finished(client) && out->len > 0);
	assert_int_equal(SSL_get_client_random(client, out->random, RANDOM_LEN), RANDOM_LEN);
	assert_int_equal(
		SSL_get_server_random(client, out->random + RANDOM_LEN, RANDOM_LEN), RANDOM_LEN);
	SSL_free(client);
	SSL_free(server);
}

/* A HELLO whose SHARE is these very bytes, through our own parser. */
static enum reason parse_as_share(const uint8_t *params, size_t len, struct wire_share *out)
{
	static const uint8_t zeros[MSG_HELLO_MIN];
	static const struct wire_list list = {1, {1}};
	static uint8_t buf[MSG_MAX];
	struct wire_packet p;
	struct wire_hello m;
	struct rk_writer w;
	enum reason reason;
	size_t total;

	wire_begin_exchange(&w, buf, sizeof(buf), MSG_HELLO, 0, 7);
	wire_write_tlv(&w, MSG_TLV_RANDOM, zeros, MSG_RANDOM_LEN);
	wire_write_list(&w, MSG_TLV_GROUPS, &list);
	wire_write_list(&w, MSG_TLV_SUITES, &list);
	wire_write_list(&w, MSG_TLV_SCHEMES, &list);
	wire_write_tlv(&w, MSG_TLV_SHARE, params, len);
	wire_write_tlv(&w, MSG_TLV_COOKIE, NULL, 0);
	wire_write_tlv(&w, MSG_TLV_PADDING, zeros, 450);
	assert_non_null(wire_end_mac1(&w, &total));
	reason = wire_parse_packet(&p, buf, total);
	if (reason == REASON_ACCEPTED)
		reason = wire_parse_hello(&m, &p);
	if (reason == REASON_ACCEPTED)
		*out = m.share;
	return reason;
}

static size_t params_len(const struct capture *c)
{
	return MSG_SHARE_HEAD_LEN + (size_t)c->body[3];
}

/* Each way of naming the curve that 5.4 does not allow, from the genuine one. */
static void assert_only_named_curves(const struct capture *c)
{
	uint8_t params[MSG_SHARE_HEAD_LEN + MSG_POINT_MAX];
	struct wire_share share;
	size_t len = params_len(c);

	memcpy(params, c->body, len);
	for (unsigned type = 0; type < 256; type++) {
		params[0] = (uint8_t)type;
		assert_int_equal(parse_as_share(params, len, &share),
			type == MSG_CURVE_TYPE_NAMED ? REASON_ACCEPTED : REASON_FIELDS);
	}
	params[0] = MSG_CURVE_TYPE_NAMED;
	assert_int_equal(parse_as_share(params, len - 1, &share), REASON_FIELDS);
	params[3]--;
	assert_int_equal(parse_as_share(params, len, &share), REASON_FIELDS);
}

static void assert_share(const struct capture *c, uint16_t id)
{
	const struct kex_group *g = kex_find(id);
	uint8_t buf[256];
	struct kex_op op = {0}, *ops = &op;
	struct wire_share share;
	struct rk_writer w;

	assert_int_equal(parse_as_share(c->body, params_len(c), &share), REASON_ACCEPTED);
	assert_int_equal(share.group, id);
	assert_true(kex_share_is_plausible(g, share.point));
	rk_writer_init(&w, buf, sizeof(buf));
	wire_write_share(&w, share.group, share.point.data, share.point.len);
	assert_int_equal(rk_writer_len(&w), MSG_TLV_LEN + params_len(c));
	assert_memory_equal(buf + MSG_TLV_LEN, c->body, params_len(c));
	/* a point that OpenSSL made is one that we agree with */
	kex_keygen(kex, g, &ops, 1);
	memcpy(op.peer, share.point.data, share.point.len);
	kex_derive(kex, g, &ops, 1);
	assert_true(op.is_done);
}

static void assert_signature(
	const struct capture *c, uint16_t scheme, const struct rk_public_key *key)
{
	size_t len = params_len(c);
	uint8_t input[2 * RANDOM_LEN + 256];
	struct rk_span signature, over = {input, 2 * RANDOM_LEN + len};
	struct rk_reader r;

	memcpy(input, c->random, sizeof(c->random));
	memcpy(input + sizeof(c->random), c->body, len);
	rk_reader_init(&r, c->body + len, c->len - len);
	assert_int_equal(rk_read_u16(&r), scheme);
	signature.len = rk_read_u16(&r);
	signature.data = rk_read_bytes(&r, signature.len);
	assert_true(rk_reader_done(&r));
	assert_true(sign_fits(scheme, key));
	assert_true(sign_verify(sign, key, scheme, over, signature));
	for (size_t i = 0; i < over.len; i += 5) { /* randoms, curve and point are all in it */
		input[i] ^= 1;
		assert_false(sign_verify(sign, key, scheme, over, signature));
		input[i] ^= 1;
	}
}

static void try_all(enum test_key kind, const char *name, uint16_t scheme, size_t group)
{
	EVP_PKEY *pkey = test_key_shared(kind, 0);
	X509 *cert = test_cert_new(
		&(struct test_cert){.key = pkey, .md = kind == TEST_ED25519 ? NULL : EVP_sha256()});
	struct rk_public_key key;
	struct capture c;

	assert_int_equal(pki_public_key(cert, &key), 0);
	shake_hands(groups[group].name, name, pkey, cert, &c);
	assert_share(&c, groups[group].id);
	assert_only_named_curves(&c);
	assert_signature(&c, scheme, &key);
	X509_free(cert);
}

static void every_group(void **state)
{
	(void)state;
	for (size_t g = 0; g < GROUP_CNT; g++)
		try_all(TEST_P256, "ecdsa_secp256r1_sha256", 0x0403, g);
}

static void every_kind_of_certificate(void **state)
{
	(void)state;
	for (size_t s = 0; s < SIGNER_CNT; s++)
		try_all(signers[s].kind, signers[s].name, signers[s].scheme, s % GROUP_CNT);
}

static int set_up(void **state)
{
	(void)state;
	return sign_ctx_new(&sign) < 0 || kex_ctx_new(&kex) < 0;
}

static int tear_down(void **state)
{
	(void)state;
	sign_ctx_free(sign);
	kex_ctx_free(kex);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_group),
		cmocka_unit_test(every_kind_of_certificate),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
