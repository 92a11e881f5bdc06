/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An indirect list all the way, in the whole daemon: from a file to what a worker decides by the parts
 * that it is sent, under a policy that refuses what is not known.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/crl/manager.h"
#include "control/revocations_private.h"
#include "tests/unit/daemon_fixture.h"
#include "tests/unit/view_fixture.h"

struct kind_ref __real_revocations_judge_kind(
	const struct revocations *r, const struct pki_kind *kind);
struct kind_ref __wrap_revocations_judge_kind(
	const struct revocations *r, const struct pki_kind *kind);

static unsigned judged_cnt; /* kinds that were held against every list */

struct kind_ref __wrap_revocations_judge_kind(
	const struct revocations *r, const struct pki_kind *kind)
{
	judged_cnt++;
	return __real_revocations_judge_kind(r, kind);
}

static struct daemon_fixture f;
static struct fake_dataplane p;
static struct test_pki pki;
static X509 *leaf; /* names the root's list as its own */
static char crl_path[64];

static void put_crl(long number, const struct test_crl_entry *entry, unsigned cnt)
{
	test_crl_write(crl_path, &(struct test_crl){.issuer = pki.root,
					 .issuer_key = pki.root_key,
					 .number = number,
					 .idp = "critical,indirectCRL:TRUE",
					 .entry = entry,
					 .entry_cnt = cnt});
}

static void begin_refresh(struct call *c)
{
	json_t *request = json_object();

	crl_manager_refresh(f.d.crl, request, call_answered, c);
	json_decref(request);
}

/* The revocation base of the view that was received. */
static struct rk_part *part_of(const struct rk_msg_view *view)
{
	struct rk_refusal why = {""};
	struct rk_part *part = NULL;
	size_t at = 0;

	assert_true(view->part[RK_PART_REVOCATION_BASE].has_fd);
	for (unsigned i = 0; i < RK_PART_REVOCATION_BASE; i++)
		at += view->part[i].has_fd;
	assert_int_equal(rk_part_open(p.fds[at], RK_PART_REVOCATION_BASE, false, &part, &why), 0);
	return part;
}

/* Of the view that comes next, and it is applied. */
static struct rk_part *next_part(void)
{
	struct rk_msg_view view = fake_apply(&f, &p);

	return part_of(&view);
}

/* As a worker would that has this part, which is taken. */
static enum rk_verdict_status judge(struct rk_part *part, const struct rk_verdict *v)
{
	const struct rk_part *parts[RK_PART_CNT] = {NULL};
	struct compile_part compiled = {.fd = -1};
	struct rk_refusal why = {""};
	enum rk_verdict_status status;
	struct rk_part *config;
	struct rk_view view;
	struct fixture c;

	fixture_init(&c);
	assert_int_equal(compile_config(&c.config, &compiled, &why), 0);
	assert_int_equal(rk_part_open(compiled.fd, RK_PART_CONFIG, true, &config, &why), 0);
	parts[RK_PART_CONFIG] = config;
	parts[RK_PART_REVOCATION_BASE] = part;
	assert_int_equal(rk_view_init(&view, (struct rk_generation){1, 1}, parts), 0);
	status = rk_view_judge_chain(&view, v->chain, v->chain_cnt, time(NULL));
	rk_part_close(part);
	rk_part_close(config);
	compile_part_close(&compiled);
	return status;
}

static void ask_about(const X509 *cert)
{
	struct rk_message msg = {.type = RK_MSG_VALIDATE};
	size_t len;
	uint8_t *der = test_der(cert, &len);

	msg.validate.request = 77;
	msg.validate.der = (struct rk_span){der, len};
	fake_send(&p, &msg);
	free(der);
}

static void ask(void)
{
	ask_about(leaf);
}

static bool is_followed(void *url)
{
	struct call c = {0};
	const json_t *source;
	bool is_there = false;
	size_t i;

	crl_manager_list(f.d.crl, call_answered, &c);
	assert_true(c.is_done); /* there are few */
	json_array_foreach(json_object_get(c.body, "sources"), i, source)
	{
		is_there |= strcmp(json_string_value(json_object_get(source, "url")), url) == 0;
	}
	call_fini(&c);
	return is_there;
}

/*
 * Where nothing is known of its revocation the workers refuse a certificate; but once its owner has
 * proved to have the key the list that it names is asked for, or none like it would ever get in.
 */
static void refused_certificate_leads_to_its_list(void **state)
{
	static char url[] = "http://192.0.2.9:9/west.crl";
	struct rk_message msg = {.type = RK_MSG_CONFIRMED};
	X509 *pointer = test_cert_new(&(struct test_cert){.cn = "west.peering",
		.key = pki.leaf_key,
		.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.crl_points = "URI:http://192.0.2.9:9/west.crl"});
	struct rk_verdict v;
	struct rk_part *part;

	(void)state;
	fixture_install_trust(&f, pki.bundle);
	fake_connect(&f, &p);
	fake_hello(&p, (struct rk_generation){0});
	(void)fake_apply(&f, &p);
	ask_about(pointer); /* the configured list has never come */
	part = next_part();
	v = fake_receive(&f, &p, RK_MSG_VERDICT).verdict.verdict;
	assert_int_not_equal(v.key.type, RK_KEY_NONE);
	assert_int_equal(judge(part, &v), RK_VERDICT_UNKNOWN);
	daemon_fixture_idle(&f, 50);
	assert_false(is_followed(url));
	memcpy(msg.confirmed.fingerprint, v.fingerprint, RK_FINGERPRINT_LEN);
	fake_send(&p, &msg);
	daemon_fixture_run(&f, is_followed, url);
	fake_close(&p);
	X509_free(pointer);
}

static void indirect_list_reaches_the_workers(void **state)
{
	/* certificateIssuer: the leaf's issuer, who is not the list's */
	const struct test_crl_entry revoked = {.cert = leaf, .reason = 1, .issuer = leaf};
	struct call c = {0};
	struct rk_message view, applied = {.type = RK_MSG_APPLIED};
	struct rk_verdict v;
	struct rk_part *part;
	uint8_t octet;

	(void)state;
	put_crl(1, NULL, 0);
	begin_refresh(&c);
	call_wait(&f, &c, 200);
	call_fini(&c);
	fake_connect(&f, &p);
	fake_hello(&p, (struct rk_generation){0});
	(void)fake_apply(&f, &p);
	/*
	 * Of a kind that nobody has met: the workers are told what covers it, and when they have it,
	 * that it is good; not only whoever asked first.
	 */
	ask();
	ask();
	view = fake_receive(&f, &p, RK_MSG_VIEW);
	part = part_of(&view.view);
	daemon_fixture_idle(&f, 50);
	assert_int_equal(recv(p.fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT), -1);
	applied.generation.generation = view.view.generation;
	fake_send(&p, &applied);
	for (unsigned i = 0; i < 2; i++) {
		v = fake_receive(&f, &p, RK_MSG_VERDICT).verdict.verdict;
		assert_int_equal(v.status, RK_VERDICT_GOOD);
	}
	assert_int_equal(judge(part, &v), RK_VERDICT_GOOD);
	/* The list of the one names a certificate of the other. */
	put_crl(2, &revoked, 1);
	begin_refresh(&c);
	part = next_part();
	assert_int_equal(judge(part, &v), RK_VERDICT_REVOKED);
	call_wait(&f, &c, 200);
	call_fini(&c);
	ask();
	v = fake_receive(&f, &p, RK_MSG_VERDICT).verdict.verdict;
	assert_int_equal(v.status, RK_VERDICT_REVOKED);
	fake_close(&p);
}

/* Somebody else had the revocations made between the judgement and its answer. */
static void kind_is_published_whoever_sees_it_first(void **state)
{
	X509 *other = test_cert_new(&(struct test_cert){.cn = "north.peering",
		.key = pki.leaf_key,
		.issuer = pki.ca,
		.issuer_key = pki.ca_key});

	(void)state;
	fake_connect(&f, &p);
	fake_hello(&p, (struct rk_generation){0});
	(void)fake_apply(&f, &p);
	fake_receive(&f, &p, RK_MSG_STATUS);
	assert_int_equal(pki_kind_set_note(f.d.kinds, other), 0);
	judged_cnt = 0;
	assert_non_null(revocations_current(&f.d));
	assert_int_equal(judged_cnt, 1); /* the others are known: the loop has more to do */
	ask_about(other);
	rk_part_close(next_part());
	fake_receive(&f, &p, RK_MSG_VERDICT);
	fake_close(&p);
	X509_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_certificate_leads_to_its_list),
		cmocka_unit_test(indirect_list_reaches_the_workers),
		cmocka_unit_test(kind_is_published_whoever_sees_it_first),
	};
	char config[1024];
	int ret;

	test_pki_init(&pki, "west.peering");
	leaf = test_cert_new(&(struct test_cert){.cn = "west.peering",
		.key = pki.leaf_key,
		.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.crl_issuer = pki.root});
	snprintf(crl_path, sizeof(crl_path), "/tmp/rekey-scope-%d.crl", (int)getpid());
	snprintf(config, sizeof(config),
		"{\"authority\":{\"enhanced-security-key-management\":true,"
		"\"certificate-revocation\":[{\"name\":\"lab\",\"revocation-policy\":\"hard\","
		"\"crl-endpoint\":[{\"name\":\"one\",\"uri\":\"file://%s\"}]}]},%s}",
		crl_path, FIXTURE_ROUTER);
	daemon_fixture_open(&f, config);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	daemon_fixture_close(&f);
	unlink(crl_path);
	X509_free(leaf);
	test_pki_fini(&pki);
	return ret;
}
