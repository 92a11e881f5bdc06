/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#define MTU        1200
#define FLIGHT_MAX 16

struct tls {
	enum tls_kind kind;
	SSL_CTX *client, *server;
	SSL_SESSION *session; /* to resume */
};

const char *tls_name(enum tls_kind kind)
{
	static const char *const names[] = {"dtls1.2", "tls1.3", "tls1.3-psk_dhe_ke"};

	return names[kind];
}

/* The group to agree on; a certificate's own curve has to be in the list too (RFC 8422 5.1). */
static void list_groups(
	char out[32], const struct limit_group *g, const struct bench_cert_type *cert)
{
	const char *first = g->curve != NULL ? g->curve : g->type;
	bool has_other = cert->curve != NULL && strcmp(cert->curve, first) != 0;

	snprintf(out, 32, "%s%s%s", first, has_other ? ":" : "", has_other ? cert->curve : "");
}

static SSL_CTX *new_context(enum tls_kind kind, bool is_server, const struct bench_pki *pki,
	const struct limit_group *group)
{
	const struct bench_identity *own = is_server ? &pki->west : &pki->east;
	SSL_CTX *ctx = SSL_CTX_new(
		kind == TLS_DTLS12 ? (is_server ? DTLS_server_method() : DTLS_client_method())
				   : (is_server ? TLS_server_method() : TLS_client_method()));
	char groups[32];
	int version = kind == TLS_DTLS12 ? DTLS1_2_VERSION : TLS1_3_VERSION;

	list_groups(groups, group, pki->type);
	bench_must(ctx != NULL && SSL_CTX_set_min_proto_version(ctx, version) == 1 &&
			   SSL_CTX_set_max_proto_version(ctx, version) == 1 &&
			   SSL_CTX_use_certificate(ctx, own->cert) == 1 &&
			   SSL_CTX_use_PrivateKey(ctx, own->key) == 1 &&
			   SSL_CTX_add1_chain_cert(ctx, pki->ca) == 1 &&
			   SSL_CTX_set1_groups_list(ctx, groups) == 1 &&
			   SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM") == 1 &&
			   X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), pki->root) == 1,
		"libssl does not take the settings");
	SSL_CTX_set_mode(
		ctx, SSL_MODE_NO_AUTO_CHAIN); /* the issuing CA is sent, the root is known */
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	if (kind != TLS_13_PSK_DHE) {
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
		SSL_CTX_set_num_tickets(ctx, 0);
	}
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"bench", 5);
	return ctx;
}

/* What one has written is what the other reads. */
static void connect_bios(SSL *client, SSL *server)
{
	BIO *up = BIO_new(BIO_s_mem()), *down = BIO_new(BIO_s_mem());

	bench_must(up != NULL && down != NULL, "out of memory");
	BIO_set_mem_eof_return(up, -1);
	BIO_set_mem_eof_return(down, -1);
	BIO_up_ref(up);
	BIO_up_ref(down);
	SSL_set_bio(client, down, up);
	SSL_set_bio(server, up, down);
}

static SSL *new_side(struct tls *t, SSL_CTX *ctx, bool is_server)
{
	SSL *ssl = SSL_new(ctx);

	bench_must(ssl != NULL, "out of memory");
	if (t->kind == TLS_DTLS12) {
		SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
		SSL_set_mtu(ssl, MTU);
	}
	if (is_server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return ssl;
}

static bool shake_hands(SSL *client, SSL *server)
{
	for (int i = 0; i < FLIGHT_MAX; i++) {
		int c = SSL_do_handshake(client);
		int s = SSL_do_handshake(server);

		if (c == 1 && s == 1)
			return true;
	}
	return false;
}

/* The ticket comes after the handshake, with the first read; the next one resumes by it. */
static bool take_session(struct tls *t, SSL *client)
{
	char byte;

	(void)SSL_read(client, &byte, 1);
	SSL_SESSION_free(t->session);
	t->session = SSL_get1_session(client);
	return t->session != NULL && SSL_SESSION_is_resumable(t->session) == 1;
}

static bool run_once(struct tls *t)
{
	SSL *client = new_side(t, t->client, false), *server = new_side(t, t->server, true);
	bool ok, is_resumed = t->session != NULL;

	connect_bios(client, server);
	if (is_resumed)
		SSL_set_session(client, t->session);
	ok = shake_hands(client, server) && SSL_get_verify_result(client) == X509_V_OK &&
	     SSL_get_verify_result(server) == X509_V_OK &&
	     (SSL_session_reused(client) == 1) == is_resumed;
	if (ok && t->kind == TLS_13_PSK_DHE)
		ok = take_session(t, client);
	/* else libssl takes the connection for broken, and the session with it */
	SSL_set_shutdown(client, SSL_SENT_SHUTDOWN);
	SSL_set_shutdown(server, SSL_SENT_SHUTDOWN);
	SSL_free(client);
	SSL_free(server);
	return ok;
}

struct tls *tls_new(
	enum tls_kind kind, const struct bench_pki *pki, const struct limit_group *group)
{
	struct tls *t = calloc(1, sizeof(*t));

	bench_must(t != NULL, "out of memory");
	t->kind = kind;
	t->client = new_context(kind, false, pki, group);
	t->server = new_context(kind, true, pki, group);
	bench_must(run_once(t), "libssl does not connect");
	return t;
}

void tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_SESSION_free(t->session);
	SSL_CTX_free(t->client);
	SSL_CTX_free(t->server);
	free(t);
}

bool tls_run(void *arg, unsigned cnt)
{
	while (cnt-- > 0) {
		if (!run_once(arg))
			return false;
	}
	return true;
}
