/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CRL manager with real lists and a real master list on disk; the publisher, the alarms and
 * the audit log are doubles that remember what they were told.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/alarms.h"
#include "control/audit.h"
#include "control/config.h"
#include "control/crl/clock.h"
#include "control/crl/manager.h"
#include "control/helper.h"
#include "control/publish.h"
#include "control/trust.h"
#include "pki/store/master_list.h"
#include "pki/x509/trust.h"
#include "tests/unit/crl_doubles.h"
#include "tests/unit/test_ca.h"

struct bench {
	struct daemon d;
	struct config config;
	struct config_crl_source source;
	struct config_crl_endpoint endpoint;
	struct test_pki pki;
	struct evhttp *http;    /* NULL: the list is a file */
	unsigned port;          /* its server's */
	unsigned unchanged_cnt; /* answers of 304 */
	char dir[64];
	char path[128];
	char uri[160];
	struct answer answer;
	bool is_answered;
};

#define text_of(object, key) json_string_value(json_object_get(object, key))

static inline void open_manager(struct bench *b)
{
	assert_int_equal(helper_pool_new(b->d.base, 1, 16, &b->d.helpers), 0);
	assert_int_equal(crl_manager_open(&b->d, &b->d.crl), 0);
}

static inline void close_manager(struct bench *b)
{
	helper_pool_free(b->d.helpers);
	crl_manager_close(b->d.crl);
}

static inline int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct pki_bundle bundle = {.name = "test", .mode = PKI_MODE_STRICT};
	struct pki_trust_config config = {
		.bundle = &bundle, .bundle_cnt = 1, .generation = 1, .now = time(NULL)};

	memset(&seen, 0, sizeof(seen));
	seen.publish_status = 200;
	test_pki_init(&b->pki, "west");
	bundle.text = b->pki.bundle;
	bundle.len = strlen(b->pki.bundle);
	assert_int_equal(pki_trust_new(&config, NULL, &seen.trust), 0);
	strcpy(b->dir, "/tmp/rekey-crl-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof(b->path), "%s/ca.crl", b->dir);
	snprintf(b->uri, sizeof(b->uri), "file://%s", b->path);
	b->endpoint = (struct config_crl_endpoint){.name = "issuing", .uri = b->uri};
	b->source = (struct config_crl_source){.name = "lab",
		.polling_interval_ns = UINT64_C(3600000000000),
		.backoff_interval_ns = 1,
		.size_limit_mib = 1,
		.shrink_limit_percent = 25,
		.revocation_policy = RK_POLICY_SOFT,
		.certificate_lifetime_ns = UINT64_C(825) * 86400 * 1000000000,
		.endpoint = &b->endpoint,
		.endpoint_cnt = 1};
	b->config = (struct config){.crl = &b->source, .crl_cnt = 1};
	b->d.config = &b->config;
	b->d.base = event_base_new();
	b->d.state_fd = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	open_manager(b);
	*state = b;
	return 0;
}

static inline int tear_down(void **state)
{
	static const char *const files[] = {
		"ca.crl", "delta.crl", MASTER_LIST_FILE, MASTER_LIST_FILE_PREVIOUS};
	struct bench *b = *state;
	size_t i;

	close_manager(b);
	assert_int_equal(seen.revocations_cnt, 0);
	if (b->http != NULL)
		evhttp_free(b->http);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(b->d.state_fd, files[i], 0);
	assert_int_equal(rmdir(b->dir), 0); /* nothing else was left behind */
	close(b->d.state_fd);
	event_base_free(b->d.base);
	json_decref(b->answer.body);
	pki_trust_put(seen.trust);
	test_pki_fini(&b->pki);
	free(b);
	return 0;
}

static inline void put_file_at(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
}

static inline void put_file(struct bench *b, const void *data, size_t len)
{
	put_file_at(b->path, data, len);
}

static inline void put_crl(
	struct bench *b, long number, const struct test_crl_entry *entry, unsigned cnt)
{
	test_crl_write(b->path, &(struct test_crl){.issuer = b->pki.ca,
					.issuer_key = b->pki.ca_key,
					.number = number,
					.entry = entry,
					.entry_cnt = cnt});
}

static inline void keep_answer(void *arg, struct answer *a)
{
	struct bench *b = arg;

	b->answer = *a;
	b->answer.body = json_incref(a->body);
	b->is_answered = true;
}

/* The first source of the answer; borrowed until the next refresh. */
static inline json_t *refresh(struct bench *b)
{
	json_t *request = json_object();
	int turns = 0;

	json_decref(b->answer.body);
	b->is_answered = false;
	crl_manager_refresh(b->d.crl, request, keep_answer, b);
	json_decref(request);
	while (!b->is_answered && turns++ < 1000)
		event_base_loop(b->d.base, EVLOOP_ONCE);
	assert_true(b->is_answered);
	assert_int_equal(b->answer.status, seen.publish_status);
	return json_array_get(json_object_get(b->answer.body, "sources"), 0);
}

static inline bool is_revoked(struct bench *b, const X509 *cert)
{
	struct master_list *list = crl_manager_master_list(b->d.crl);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	unsigned char *issuer = NULL;
	int len = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer);
	struct master_entry entry;
	bool found = master_list_find(list, (struct rk_span){issuer, (size_t)len},
		(struct rk_span){ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)},
		&entry, NULL);

	OPENSSL_free(issuer);
	return found;
}

/* The file of that name, by a server that keeps to its validators. */
static inline void serve(struct evhttp_request *req, void *arg)
{
	struct evkeyvalq *in = evhttp_request_get_input_headers(req);
	struct evkeyvalq *out = evhttp_request_get_output_headers(req);
	struct bench *b = arg;
	struct evbuffer *body = evbuffer_new();
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s%s", b->dir, evhttp_request_get_uri(req));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	if (evhttp_find_header(in, "If-None-Match") != NULL ||
		evhttp_find_header(in, "If-Modified-Since") != NULL) {
		b->unchanged_cnt++;
		evhttp_send_reply(req, 304, "Not Modified", NULL);
	} else {
		assert_true(evbuffer_read(body, fd, 65536) > 0);
		evhttp_add_header(out, "ETag", "\"v1\"");
		evhttp_add_header(out, "Last-Modified", "Mon, 02 Jan 2026 03:04:05 GMT");
		evhttp_send_reply(req, 200, "OK", body);
	}
	close(fd);
	evbuffer_free(body);
}

static inline void start_server(struct bench *b)
{
	struct evhttp_bound_socket *bound;
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	b->http = evhttp_new(b->d.base);
	evhttp_set_gencb(b->http, serve, b);
	bound = evhttp_bind_socket_with_handle(b->http, "127.0.0.1", 0);
	assert_non_null(bound);
	assert_int_equal(getsockname(evhttp_bound_socket_get_fd(bound), (void *)&sin, &len), 0);
	b->port = ntohs(sin.sin_port);
	snprintf(b->uri, sizeof(b->uri), "http://127.0.0.1:%u/ca.crl", b->port);
	b->source.is_local_address_allowed = true;
}

/* Of the last answer; borrowed until the next refresh. */
static inline json_t *source_named(const struct bench *b, const char *name)
{
	json_t *source;
	size_t i;

	json_array_foreach(json_object_get(b->answer.body, "sources"), i, source)
	{
		if (strcmp(text_of(source, "name"), name) == 0)
			return source;
	}
	fail_msg("no source %s", name);
	return NULL;
}

/* Runs the loop until an alarm of that kind stands; "" = none does. */
static inline void wait_for_alarm(struct bench *b, const char *kind)
{
	for (int turns = 0; turns < 1000 && strcmp(seen.alarm_kind, kind) != 0; turns++)
		event_base_loop(b->d.base, EVLOOP_ONCE);
	assert_string_equal(seen.alarm_kind, kind);
}
