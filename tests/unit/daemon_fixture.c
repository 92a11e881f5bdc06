/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/daemon_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/configuration.h"
#include "control/crl/manager.h"
#include "control/helper.h"
#include "control/provision.h"
#include "control/trust.h"
#include "tests/unit/keep.h"

#ifdef __SANITIZE_THREAD__
#define LIMIT_MS 60000
#else
#define LIMIT_MS 20000 /* an RSA key on a machine that has other things to do */
#endif

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

void daemon_fixture_config(struct daemon_fixture *f, const char *config)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/rekey.json", f->dir[0]);
	write_file(path, config);
}

void daemon_fixture_open(struct daemon_fixture *f, const char *config)
{
	static const char *const name[] = {"config", "state", "run", "pki"};

	*f = (struct daemon_fixture){.root = "/tmp/rekey-daemon.XXXXXX"};
	assert_non_null(mkdtemp(f->root));
	for (size_t i = 0; i < 4; i++) {
		snprintf(f->dir[i], sizeof(f->dir[i]), "%s/%s", f->root, name[i]);
		assert_int_equal(mkdir(f->dir[i], 0700), 0);
	}
	snprintf(f->password, sizeof(f->password), "%s/password", f->root);
	write_file(f->password, "TheAdminPassword1234");
	daemon_fixture_config(f, config != NULL ? config : FIXTURE_CONFIG);
	f->options = (struct daemon_options){.config_dir = f->dir[0],
		.state_dir = f->dir[1],
		.run_dir = f->dir[2],
		.pki_dir = f->dir[3],
		.admin_password_file = f->password,
		.listen = {"127.0.0.1:0"},
		.listen_cnt = 1};
	log_set_level(getenv("REKEY_TEST_VERBOSE") != NULL ? RK_LOG_INFO : RK_LOG_ERROR);
	assert_int_equal(daemon_open(&f->d, &f->options), 0);
}

void daemon_fixture_restart(struct daemon_fixture *f)
{
	daemon_close(&f->d);
	assert_int_equal(daemon_open(&f->d, &f->options), 0);
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void daemon_fixture_close(struct daemon_fixture *f)
{
	daemon_close(&f->d);
	if (keep_folder(f->root, "east"))
		return;
	assert_int_equal(nftw(f->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void turn(struct daemon_fixture *f)
{
	assert_true(event_base_loop(f->d.base, EVLOOP_NONBLOCK) >= 0);
	usleep(500);
}

void daemon_fixture_run_until(
	struct daemon_fixture *f, bool (*done)(void *arg), void *arg, const char *what)
{
	int64_t limit = now_ms() + LIMIT_MS;

	while (!done(arg)) {
		if (now_ms() > limit)
			fail_msg("not so within %d ms: %s", LIMIT_MS, what);
		turn(f);
	}
}

/* Helpers give way to the loop: on a busy machine they may not even have begun when the time is over. */
static bool is_at_work(const struct daemon_fixture *f)
{
	return helper_pool_depth(f->d.helpers) + helper_pool_depth(f->d.readers) +
		       helper_pool_depth(f->d.disk) >
	       f->held_cnt;
}

void daemon_fixture_idle(struct daemon_fixture *f, unsigned ms)
{
	int64_t limit = now_ms() + ms;
	unsigned turns = 0;

	while (now_ms() < limit || turns <= ms / 2 || is_at_work(f)) {
		if (now_ms() > limit + LIMIT_MS)
			fail_msg("helpers do not come to an end");
		turn(f);
		turns++;
	}
}

static bool is_read(void *arg)
{
	return !configuration_is_reading(((struct daemon_fixture *)arg)->d.configuration);
}

void daemon_fixture_reload(struct daemon_fixture *f)
{
	daemon_reload(&f->d);
	daemon_fixture_run(f, is_read, f);
}

void call_answered(void *arg, struct answer *a)
{
	struct call *c = arg;

	assert_false(c->is_done);
	c->is_done = true;
	c->status = a->status;
	c->body = json_incref(a->body);
}

static bool is_answered(void *arg)
{
	return ((struct call *)arg)->is_done;
}

void call_wait(struct daemon_fixture *f, struct call *c, int status)
{
	char *text;

	daemon_fixture_run(f, is_answered, c);
	if (c->status == status)
		return;
	text = json_dumps(c->body, 0);
	fail_msg("status %d instead of %d: %s", c->status, status, text);
}

const char *call_error(const struct call *c)
{
	const char *code =
		json_string_value(json_object_get(json_object_get(c->body, "error"), "code"));

	return code != NULL ? code : "";
}

void call_fini(struct call *c)
{
	json_decref(c->body);
	memset(c, 0, sizeof(*c));
}

void fixture_create_key(struct daemon_fixture *f, json_t *body, int status)
{
	struct call c = {0};

	provision_create_key(f->d.provision, body, call_answered, &c);
	call_wait(f, &c, status);
	call_fini(&c);
	json_decref(body);
}

void fixture_refresh(struct daemon_fixture *f)
{
	json_t *body = json_object();
	struct call c = {0};

	crl_manager_refresh(f->d.crl, body, call_answered, &c);
	call_wait(f, &c, 200);
	call_fini(&c);
	json_decref(body);
}

void fixture_install_trust(struct daemon_fixture *f, const char *pem)
{
	json_t *body = json_pack("{s:s, s:s}", "name", "root", "content", pem);
	struct call c = {0};

	trust_install(f->d.trust, body, call_answered, &c);
	call_wait(f, &c, 200);
	call_fini(&c);
	json_decref(body);
}

X509 *fixture_certify(struct daemon_fixture *f, const struct test_pki *pki, const char *key_file,
	const struct test_cert *like)
{
	struct test_cert cert = *like;
	EVP_PKEY *key;
	char path[128];
	X509 *out;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", f->dir[3], key_file);
	in = fopen(path, "r");
	assert_non_null(in);
	key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
	fclose(in);
	assert_non_null(key);
	cert.key = key;
	if (cert.issuer == NULL && cert.issuer_key == NULL) {
		cert.issuer = pki->ca;
		cert.issuer_key = pki->ca_key;
	}
	out = test_cert_new(&cert);
	EVP_PKEY_free(key);
	return out;
}

void fixture_ingest(struct daemon_fixture *f, const char *pem, struct call *c, int status)
{
	json_t *body = json_pack("{s:s, s:s}", "name", "custom_ssr_peering", "certificate", pem);

	provision_ingest(f->d.provision, body, false, call_answered, c);
	call_wait(f, c, status);
	json_decref(body);
}

void fixture_provision(struct daemon_fixture *f, const struct test_pki *pki)
{
	const struct test_cert like = {.cn = "east.peering"};
	struct call c = {0};
	X509 *cert;
	char *pem;

	fixture_create_key(f,
		json_pack("{s:s, s:s, s:s}", "name", "custom_ssr_peering", "algorithm", "ECC",
			"ecc_curve", "SECP256R"),
		200);
	fixture_install_trust(f, pki->bundle);
	cert = fixture_certify(f, pki, "custom_ssr_peering.key", &like);
	pem = test_pem(cert);
	fixture_ingest(f, pem, &c, 200);
	call_fini(&c);
	free(pem);
	X509_free(cert);
}

void fake_connect(struct daemon_fixture *f, struct fake_dataplane *p)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memset(p, 0, sizeof(*p));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", f->dir[2], RK_CHANNEL_SOCKET);
	p->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(p->fd >= 0);
	assert_int_equal(connect(p->fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

void fake_send(struct fake_dataplane *p, const struct rk_message *msg)
{
	static uint8_t buffer[RK_CHANNEL_MSG_MAX];
	size_t len = rk_message_build(msg, buffer, sizeof(buffer));

	assert_true(len > 0);
	assert_int_equal(rk_channel_send(p->fd, buffer, len, NULL, 0), 0);
}

void fake_hello(struct fake_dataplane *p, struct rk_generation active)
{
	struct rk_message msg = {.type = RK_MSG_HELLO};

	msg.hello.version = RK_CHANNEL_VERSION;
	msg.hello.active = active;
	fake_send(p, &msg);
}

static void drop_fds(struct fake_dataplane *p)
{
	for (size_t i = 0; i < p->fd_cnt; i++)
		close(p->fds[i]);
	p->fd_cnt = 0;
}

/* A message, or the end (len 0). */
static bool has_received(void *arg)
{
	struct fake_dataplane *p = arg;
	ssize_t n;

	drop_fds(p);
	n = rk_channel_receive(p->fd, p->buffer, sizeof(p->buffer), p->fds, &p->fd_cnt);
	if (n == -EAGAIN)
		return false;
	assert_true(n > 0 || n == -ECONNRESET);
	p->len = n > 0 ? (size_t)n : 0;
	return true;
}

struct rk_message fake_receive(
	struct daemon_fixture *f, struct fake_dataplane *p, enum rk_channel_type type)
{
	struct rk_message msg = {.type = type};

	unsigned is;

	do { /* two come at any time */
		daemon_fixture_run(f, has_received, p);
		is = rk_message_type(p->buffer, p->len);
	} while (is != type && (is == RK_MSG_STATUS || is == RK_MSG_LOG));
	assert_int_equal(rk_message_type(p->buffer, p->len), type);
	if (type != RK_MSG_KEY)
		assert_int_equal(rk_message_parse(&msg, p->buffer, p->len), 0);
	return msg;
}

void fake_expect_closed(struct daemon_fixture *f, struct fake_dataplane *p)
{
	do {
		daemon_fixture_run(f, has_received, p);
	} while (p->len > 0);
}

struct rk_msg_view fake_apply(struct daemon_fixture *f, struct fake_dataplane *p)
{
	struct rk_message view = fake_receive(f, p, RK_MSG_VIEW);
	struct rk_message applied = {.type = RK_MSG_APPLIED};

	applied.generation.generation = view.view.generation;
	fake_send(p, &applied);
	return view.view;
}

void fake_close(struct fake_dataplane *p)
{
	drop_fds(p);
	close(p->fd);
}
