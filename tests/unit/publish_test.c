/* SPDX-License-Identifier: BSD-3-Clause */
/* The publisher against a data plane by script, over the real socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/alarms.h"
#include "control/credential.h"
#include "control/peers.h"
#include "control/publish.h"
#include "control/trust.h"
#include "control/verdicts.h"
#include "pki/view/secret.h"
#include "tests/unit/pki_daemon.h"

static struct fake_dataplane p;

static const struct rk_generation nothing;

static struct rk_part *open_part(const struct rk_msg_view *view, enum rk_part_kind kind)
{
	struct rk_part *part = NULL;
	struct rk_refusal why = {""};
	size_t at = 0;

	assert_true(view->part[kind].has_fd);
	for (unsigned i = 0; i < (unsigned)kind; i++)
		at += view->part[i].has_fd;
	if (rk_part_open(p.fds[at], kind, true, &part, &why) < 0)
		fail_msg("%s", why.text);
	return part;
}

static size_t count_fds(const struct rk_msg_view *view)
{
	size_t cnt = 0;

	for (unsigned i = 0; i < RK_PART_CNT; i++)
		cnt += view->part[i].has_fd;
	assert_int_equal(cnt, p.fd_cnt);
	return cnt;
}

static void wait_published(const char *how)
{
	struct call c = {0};

	publisher_wait(f.d.publisher, call_answered, &c);
	assert_false(c.is_done); /* never from within */
	call_wait(&f, &c, 200);
	assert_string_equal(json_string_value(json_object_get(c.body, "data_plane")), how);
	call_fini(&c);
}

static void connect_and_apply(void)
{
	fake_connect(&f, &p);
	fake_hello(&p, nothing);
	fake_apply(&f, &p);
	fake_receive(&f, &p, RK_MSG_STATUS);
}

static void test_first_view(void **state)
{
	const struct rk_part *parts[RK_PART_CNT] = {NULL};
	struct rk_message msg;
	struct rk_view view;
	struct rk_part *part;

	(void)state;
	wait_published("absent");
	fake_connect(&f, &p);
	fake_hello(&p, nothing);
	msg = fake_receive(&f, &p, RK_MSG_VIEW);
	assert_int_equal(count_fds(&msg.view), 3);
	assert_int_equal(msg.view.generation.incarnation, 1);
	part = open_part(&msg.view, RK_PART_CONFIG);
	parts[RK_PART_CONFIG] = part;
	assert_int_equal(rk_view_init(&view, msg.view.generation, parts), 0);
	assert_int_equal(view.peer_cnt, 1);
	assert_int_equal(view.port_cnt, 1);
	assert_non_null(rk_view_find_peer(&view, "west.peering", 12));
	assert_int_equal(view.global->is_enabled, 1);
	assert_int_equal(view.global->certificate.len, 0);
	assert_int_equal(view.global->trust_generation, trust_generation(f.d.trust));
	rk_part_close(part);
	assert_true(publisher_is_connected(f.d.publisher));
	fake_close(&p);
}

/* Only what changed carries a descriptor; equal content is not published again. */
static void test_changes_only(void **state)
{
	struct rk_msg_view view;
	struct call c = {0};

	(void)state;
	connect_and_apply();
	wait_published("applied");
	publisher_mark(f.d.publisher, RK_PART_CONFIG);
	wait_published("applied");
	daemon_fixture_config(&f,
		"{\"router\":{\"name\":\"east\",\"node\":\"node0\",\"peering-common-name\":"
		"\"east.peering\"}}");
	daemon_fixture_reload(&f);
	publisher_wait(f.d.publisher, call_answered, &c);
	view = fake_apply(&f, &p);
	assert_int_equal(count_fds(&view), 1);
	assert_true(view.part[RK_PART_CONFIG].has_fd);
	assert_true(view.part[RK_PART_REVOCATION_BASE].is_present);
	call_wait(&f, &c, 200);
	call_fini(&c);
	fake_close(&p);
}

static void test_need_all_and_refused(void **state)
{
	struct rk_message msg = {.type = RK_MSG_NEED_ALL}, again;
	struct call c = {0};

	(void)state;
	fake_connect(&f, &p);
	fake_hello(&p, nothing);
	msg.generation.generation = fake_receive(&f, &p, RK_MSG_VIEW).view.generation;
	fake_receive(&f, &p, RK_MSG_STATUS);
	fake_send(&p, &msg);
	again = fake_receive(&f, &p, RK_MSG_VIEW);
	assert_int_equal(count_fds(&again.view), 3);
	publisher_wait(f.d.publisher, call_answered, &c);
	msg.type = RK_MSG_REFUSED;
	snprintf(msg.generation.reason, sizeof(msg.generation.reason), "port 0: no such thing");
	fake_send(&p, &msg);
	call_wait(&f, &c, 500);
	assert_string_equal(call_error(&c), "publication-refused");
	assert_true(alarm_is_standing(f.d.alarms, "publication-refused", "dataplane"));
	call_fini(&c);
	/* Applying it after all clears the alarm. */
	msg.type = RK_MSG_APPLIED;
	memset(msg.generation.reason, 0, sizeof(msg.generation.reason));
	fake_send(&p, &msg);
	wait_published("applied");
	assert_false(alarm_is_standing(f.d.alarms, "publication-refused", "dataplane"));
	/* For ever asking for everything is no way to live. */
	msg.type = RK_MSG_NEED_ALL;
	for (int i = 0; i < 4; i++)
		fake_send(&p, &msg);
	fake_expect_closed(&f, &p);
	fake_close(&p);
}

/* A message that cannot be built is not sent, and the connection stands. */
static void test_unbuildable(void **state)
{
	struct rk_message msg = {.type = (enum rk_channel_type)0xfff};

	(void)state;
	connect_and_apply();
	assert_false(publisher_send(f.d.publisher, &msg));
	assert_true(publisher_is_connected(f.d.publisher));
	fake_close(&p);
}

/* Above whatever was ever activated; the same generation only for the same parts. */
static void test_generations(void **state)
{
	struct rk_message hello = {.type = RK_MSG_HELLO}, msg;
	struct rk_msg_view first;

	(void)state;
	fake_connect(&f, &p);
	fake_hello(&p, nothing);
	first = fake_receive(&f, &p, RK_MSG_VIEW).view;
	fake_close(&p);

	hello.hello.version = RK_CHANNEL_VERSION;
	hello.hello.active = first.generation;
	for (unsigned i = 0; i < RK_PART_CNT; i++)
		hello.hello.held[i] = first.part[i];
	for (unsigned i = 0; i < RK_PART_CNT; i++)
		hello.hello.held[i].has_fd = 0;
	fake_connect(&f, &p);
	fake_send(&p, &hello);
	msg = fake_receive(&f, &p, RK_MSG_VIEW);
	assert_int_equal(rk_generation_cmp(msg.view.generation, first.generation), 0);
	assert_int_equal(count_fds(&msg.view), 0);
	fake_close(&p);

	hello.hello.held[RK_PART_CONFIG].digest[0] ^= 1;
	fake_connect(&f, &p);
	fake_send(&p, &hello);
	msg = fake_receive(&f, &p, RK_MSG_VIEW);
	assert_int_equal(msg.view.generation.counter, first.generation.counter + 1);
	assert_int_equal(count_fds(&msg.view), 1);
	fake_close(&p);

	hello.hello.active = (struct rk_generation){41, 7};
	fake_connect(&f, &p);
	fake_send(&p, &hello);
	msg = fake_receive(&f, &p, RK_MSG_VIEW);
	assert_int_equal(msg.view.generation.incarnation, 42);
	fake_close(&p);
	daemon_fixture_restart(&f);
	fake_connect(&f, &p);
	fake_hello(&p, nothing);
	msg = fake_receive(&f, &p, RK_MSG_VIEW);
	assert_int_equal(msg.view.generation.incarnation, 43);
	fake_close(&p);
}

/* The key goes ahead of the view that names it, and only when it is not held. */
static void test_key(void **state)
{
	struct rk_private_key *key = rk_secret_new(sizeof(*key));
	struct rk_message hello = {.type = RK_MSG_HELLO};
	const struct compile_credential *credential;

	(void)state;
	fixture_provision(&f, &pki);
	credential = credential_compiled(f.d.credential);
	assert_non_null(credential);
	fake_connect(&f, &p);
	fake_hello(&p, nothing);
	fake_receive(&f, &p, RK_MSG_KEY);
	assert_int_equal(rk_private_key_parse(key, p.buffer, p.len), 0);
	assert_int_equal(key->type, RK_KEY_P256);
	assert_memory_equal(key->public_key_hash, credential->public_key_hash, RK_DIGEST_LEN);
	fake_receive(&f, &p, RK_MSG_VIEW);
	fake_close(&p);

	hello.hello.version = RK_CHANNEL_VERSION;
	memcpy(hello.hello.key_held, credential->public_key_hash, RK_DIGEST_LEN);
	fake_connect(&f, &p);
	fake_send(&p, &hello);
	fake_receive(&f, &p, RK_MSG_VIEW);
	fake_close(&p);
	rk_secret_free(key, sizeof(*key));
}

/* A CA that leaves RSA's NULL parameter out: the published name is still the key's. */
static void test_key_in_other_bytes(void **state)
{
	struct rk_private_key *key = rk_secret_new(sizeof(*key));
	const struct compile_credential *credential;
	const unsigned char *point;
	struct call c = {0};
	X509 *cert;
	char *pem;
	int len;

	(void)state;
	fixture_create_key(&f,
		json_pack("{s:s, s:s, s:i}", "name", "custom_ssr_peering", "algorithm", "RSA",
			"rsa_key_size", 2048),
		200);
	fixture_install_trust(&f, pki.bundle);
	cert = fixture_certify(
		&f, &pki, "custom_ssr_peering.key", &(struct test_cert){.cn = "east.peering"});
	X509_PUBKEY_get0_param(NULL, &point, &len, NULL, X509_get_X509_PUBKEY(cert));
	assert_int_equal(
		X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(cert), OBJ_nid2obj(NID_rsaEncryption),
			V_ASN1_UNDEF, NULL, OPENSSL_memdup(point, (size_t)len), len),
		1);
	assert_true(X509_sign(cert, pki.ca_key, EVP_sha256()) > 0);
	pem = test_pem(cert);
	fixture_ingest(&f, pem, &c, 200);
	call_fini(&c);
	credential = credential_compiled(f.d.credential);
	assert_non_null(credential);
	fake_connect(&f, &p);
	fake_hello(&p, nothing);
	fake_receive(&f, &p, RK_MSG_KEY);
	assert_int_equal(rk_private_key_parse(key, p.buffer, p.len), 0);
	assert_memory_equal(key->public_key_hash, credential->public_key_hash, RK_DIGEST_LEN);
	fake_close(&p);
	free(pem);
	X509_free(cert);
	rk_secret_free(key, sizeof(*key));
}

static struct rk_msg_verdict ask(const uint8_t *der, size_t len)
{
	struct rk_message msg = {.type = RK_MSG_VALIDATE};

	msg.validate.request = 77;
	msg.validate.der = (struct rk_span){der, len};
	fake_send(&p, &msg);
	msg = fake_receive(&f, &p, RK_MSG_VERDICT);
	assert_int_equal(msg.verdict.request, 77);
	return msg.verdict;
}

static void test_verdicts(void **state)
{
	struct rk_message msg = {.type = RK_MSG_CONFIRMED};
	struct rk_msg_verdict verdict;
	struct rk_msg_view view;
	struct call c = {0};
	uint64_t generation;
	size_t len;
	uint8_t *der = test_der(pki.leaf, &len);

	(void)state;
	connect_and_apply();
	assert_int_equal(ask(der, len).verdict.status, RK_VERDICT_UNTRUSTED);
	assert_int_equal(ask((const uint8_t *)"junk", 4).verdict.status, RK_VERDICT_MALFORMED);
	fake_close(&p); /* without a data plane the answer comes at once */
	fixture_install_trust(&f, pki.bundle);
	connect_and_apply();
	verdict = ask(der, len);
	assert_int_equal(verdict.verdict.status, RK_VERDICT_GOOD);
	generation = verdict.verdict.trust_generation;
	/* The first of its kind: how fresh its revocation is is published. */
	assert_true(fake_apply(&f, &p).part[RK_PART_REVOCATION_BASE].has_fd);
	assert_int_equal(generation, trust_generation(f.d.trust));

	/* A fingerprint never judged is no news; a judged one is published and kept. */
	msg.confirmed.fingerprint[0] = 1;
	fake_send(&p, &msg);
	memcpy(msg.confirmed.fingerprint, verdict.verdict.fingerprint, RK_FINGERPRINT_LEN);
	fake_send(&p, &msg);
	view = fake_apply(&f, &p);
	assert_true(view.part[RK_PART_VERDICTS].has_fd);
	assert_false(view.part[RK_PART_CONFIG].has_fd);
	fake_close(&p);
	daemon_fixture_restart(&f);
	assert_non_null(verdicts_find(f.d.verdicts, verdict.verdict.fingerprint));

	/* Trust goes: the verdict stays, judged anew, under the new generation. */
	connect_and_apply();
	trust_delete(f.d.trust, "root", call_answered, &c);
	view = fake_apply(&f, &p);
	assert_true(view.part[RK_PART_CONFIG].has_fd);
	assert_true(view.part[RK_PART_VERDICTS].has_fd);
	call_wait(&f, &c, 200);
	call_fini(&c);
	assert_int_equal(verdicts_find(f.d.verdicts, verdict.verdict.fingerprint)->status,
		RK_VERDICT_UNTRUSTED);
	assert_true(verdicts_find(f.d.verdicts, verdict.verdict.fingerprint)->trust_generation >
		    generation);
	fake_close(&p);
	free(der);
}

static void test_misbehaviour(void **state)
{
	struct rk_message msg = {.type = RK_MSG_STATUS_END};

	(void)state;
	/* Anything before HELLO, a second HELLO, what only control says, another version. */
	fake_connect(&f, &p);
	fake_send(&p, &msg);
	fake_expect_closed(&f, &p);
	fake_close(&p);
	connect_and_apply();
	fake_hello(&p, nothing);
	fake_expect_closed(&f, &p);
	fake_close(&p);
	connect_and_apply();
	msg.type = RK_MSG_STATUS;
	fake_send(&p, &msg);
	fake_expect_closed(&f, &p);
	fake_close(&p);
	connect_and_apply();
	msg.type = RK_MSG_APPLIED;
	msg.generation.generation = (struct rk_generation){9, 9};
	fake_send(&p, &msg);
	fake_expect_closed(&f, &p);
	fake_close(&p);
	assert_int_equal(f.d.publisher != NULL && !publisher_is_connected(f.d.publisher), 1);
}

/* A data plane that starts while its predecessor's connection still stands takes its place. */
static void test_newest_connection(void **state)
{
	struct fake_dataplane old;

	(void)state;
	connect_and_apply();
	old = p;
	connect_and_apply();
	fake_expect_closed(&f, &old);
	fake_close(&old);
	wait_published("applied");
	fake_close(&p);
}

static void test_peers(void **state)
{
	struct rk_message event = {.type = RK_MSG_EVENT}, status = {.type = RK_MSG_STATUS_PEER},
			  end = {.type = RK_MSG_STATUS_END}, counters = {.type = RK_MSG_COUNTERS};
	struct call c = {0};
	json_t *peer;

	(void)state;
	peers_list(f.d.peers, "", call_answered, &c);
	call_wait(&f, &c, 503);
	call_fini(&c);
	connect_and_apply();
	fake_send(&p, &end); /* to the question at connecting */
	strcpy(event.event.peer, "west");
	event.event.state = RK_PEER_DOWN;
	event.event.verdict = RK_VERDICT_REVOKED;
	strcpy(event.event.reason, "severed");
	fake_send(&p, &event);
	daemon_fixture_idle(&f, 50);
	assert_true(alarm_is_standing(f.d.alarms, "peer-unreachable", "west"));
	assert_true(alarm_is_standing(f.d.alarms, "peer-certificate-invalid", "west"));
	event.event.state = RK_PEER_UP;
	event.event.verdict = RK_VERDICT_GOOD;
	fake_send(&p, &event);

	peers_show(f.d.peers, "west", call_answered, &c);
	fake_receive(&f, &p, RK_MSG_STATUS);
	strcpy(status.status_peer.peer, "west");
	status.status_peer.state = RK_PEER_UP;
	status.status_peer.verdict = RK_VERDICT_GOOD;
	status.status_peer.group = 29;
	status.status_peer.rekey_cnt = 12;
	status.status_peer.exported[0] = 0xab;
	fake_send(&p, &status);
	counters.counters.cnt = 1;
	strcpy(counters.counters.counter[0].name, "rekeys");
	counters.counters.counter[0].value = 5;
	fake_send(&p, &counters);
	fake_send(&p, &end);
	call_wait(&f, &c, 200);
	peer = c.body;
	assert_string_equal(json_string_value(json_object_get(peer, "status")), "up");
	assert_string_equal(
		json_string_value(json_object_get(peer, "security_status")), "MKEY_EXCH_COMP");
	assert_int_equal(json_integer_value(json_object_get(peer, "rekey_count")), 12);
	assert_string_equal(json_string_value(json_object_get(peer, "exported")),
		"ab000000000000000000000000000000");
	call_fini(&c);
	assert_false(alarm_is_standing(f.d.alarms, "peer-unreachable", "west"));
	assert_false(alarm_is_standing(f.d.alarms, "peer-certificate-invalid", "west"));
	peers_show(f.d.peers, "north", call_answered, &c);
	call_wait(&f, &c, 404);
	call_fini(&c);
	/* The data plane dies with a question open. */
	peers_list(f.d.peers, "", call_answered, &c);
	fake_close(&p);
	call_wait(&f, &c, 503);
	call_fini(&c);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_first_view),
		T(test_changes_only),
		T(test_need_all_and_refused),
		T(test_unbuildable),
		T(test_generations),
		T(test_key),
		T(test_key_in_other_bytes),
		T(test_verdicts),
		T(test_misbehaviour),
		T(test_newest_connection),
		T(test_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
