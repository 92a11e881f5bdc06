/* SPDX-License-Identifier: BSD-3-Clause */
/* What is answered, told and put off while a start judges many kept certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/config_tree.h"
#include "control/configuration_private.h"
#include "control/startup.h"
#include "control/verdicts.h"
#include "pki/x509/cert.h"
#include "pki/x509/validate.h"
#include "tests/unit/daemon_fixture.h"
#include "tests/unit/moved_clock.h"

#define KEPT_CNT 160
#define SHORT_MS 1000 /* a start of less is waited for by whoever asks */

static struct daemon_fixture f;
static struct test_pki pki;
static atomic_uint each_us; /* takes the judging of a certificate longer */

int __real_pki_validate_der(const struct pki_validate_args *args, const uint8_t *der, size_t len,
	struct pki_report *report, struct rk_verdict *out);
int __wrap_pki_validate_der(const struct pki_validate_args *args, const uint8_t *der, size_t len,
	struct pki_report *report, struct rk_verdict *out);

int __wrap_pki_validate_der(const struct pki_validate_args *args, const uint8_t *der, size_t len,
	struct pki_report *report, struct rk_verdict *out)
{
	if (each_us > 0)
		usleep(each_us);
	return __real_pki_validate_der(args, der, len, report, out);
}

static void keep_file(unsigned n, const void *data, size_t len)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/verdicts/%08x%056x.der", f.dir[1], n, 0);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* ---- who asks meanwhile ----------------------------------------------------------------------- */

static const char *const requests[] = {
	"GET /api/v1/health",
	"GET /metrics",
	"GET /api/v1/peer",
	"POST /api/v1/login",
	"POST /api/v1/security/rotate",
	"POST /api/v1/configuration/validate",
	"DELETE /api/v1/certificate/custom_ssr_peering",
	"GET /nowhere",
};
#define REQUEST_CNT (sizeof(requests) / sizeof(requests[0]))

/* Asks the same again and again until something else is said than that the daemon is starting. */
struct asking {
	pthread_t thread;
	const char *request;
	unsigned refused_cnt;
	char refusal[1024]; /* the last one */
	char answer[1024];
};
static struct asking asking[REQUEST_CNT];
static char socket_path[96];
static atomic_uint answered_cnt;

/* The whole answer, "" when nobody listens. */
static void ask(const char *path, const char *line, char *out, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[256];
	size_t len = 0;
	ssize_t n;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	snprintf(text, sizeof(text),
		"%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", line);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		send(fd, text, strlen(text), MSG_NOSIGNAL) > 0)
		while (len + 1 < size && (n = read(fd, out + len, size - 1 - len)) > 0)
			len += (size_t)n;
	out[len] = '\0';
	close(fd);
}

static bool is_refusal(const char *answer)
{
	return strncmp(answer, "HTTP/1.1 503 ", 13) == 0 &&
	       strstr(answer, "\"code\":\"starting\"") != NULL &&
	       strstr(answer, "Retry-After: 2\r\n") != NULL;
}

static void *keep_asking(void *arg)
{
	struct asking *a = arg;

	for (;;) {
		ask(socket_path, a->request, a->answer, sizeof(a->answer));
		if (is_refusal(a->answer)) {
			memcpy(a->refusal, a->answer, sizeof(a->answer));
			a->refused_cnt++;
		} else if (a->answer[0] != '\0') {
			break;
		}
		usleep(5000);
	}
	answered_cnt++;
	return NULL;
}

static bool is_all_answered(void *arg)
{
	(void)arg;
	return answered_cnt == REQUEST_CNT;
}

static char told[4096]; /* by lines */

static void take_told(void *manager, const char *state)
{
	size_t len = strlen(told);

	assert_ptr_equal(manager, &f);
	snprintf(told + len, sizeof(told) - len, "%s\n", state);
}

/* By as many threads as there are cores, up to 16. */
static void restart_slowly(unsigned ms)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	each_us = ms * 1000 / KEPT_CNT * (cores < 16 ? (unsigned)cores : 16);
	daemon_fixture_restart(&f);
	each_us = 0;
}

static int set_up(void **state)
{
	uint8_t *der;
	size_t len;

	(void)state;
	clock_shift = 0;
	daemon_fixture_open(&f, NULL);
	test_pki_init(&pki, "west.peering");
	fixture_install_trust(&f, pki.bundle);
	assert_int_equal(pki_cert_to_der(pki.leaf, &der, &len), 0);
	for (unsigned n = 0; n < KEPT_CNT; n++)
		keep_file(n, der, len);
	OPENSSL_free(der);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	clock_shift = 0;
	test_pki_fini(&pki);
	daemon_fixture_close(&f);
	return 0;
}

/* Each call waits a while and is refused; the one that the end of the start meets is answered. */
static void said_over_rest(void **state)
{
	(void)state;
	told[0] = '\0';
	answered_cnt = 0;
	snprintf(socket_path, sizeof(socket_path), "%s/control.sock", f.dir[2]);
	f.options.tell_manager = take_told;
	f.options.manager = &f;
	for (size_t i = 0; i < REQUEST_CNT; i++) {
		asking[i] = (struct asking){.request = requests[i]};
		assert_int_equal(
			pthread_create(&asking[i].thread, NULL, keep_asking, &asking[i]), 0);
	}
	restart_slowly(3500);
	daemon_fixture_run(&f, is_all_answered, NULL);
	for (size_t i = 0; i < REQUEST_CNT; i++) {
		struct asking *a = &asking[i];

		assert_int_equal(pthread_join(a->thread, NULL), 0);
		if (a->refused_cnt == 0)
			fail_msg("%s was not refused but %s", a->request, a->answer);
		if (strstr(a->refusal, "kept certificates are judged (") == NULL ||
			strstr(a->refusal, "(0 of") != NULL ||
			strstr(a->refusal, "\"total\":160") == NULL)
			fail_msg("%s: %s", a->request, a->refusal);
	}
	assert_non_null(strstr(asking[0].answer, "{\"status\":\"ok\""));
	assert_non_null(strstr(asking[REQUEST_CNT - 1].answer, " 404 "));
	assert_non_null(strstr(told, "STATUS=Starting: kept certificates are judged (0 of 160)\n"
				     "EXTEND_TIMEOUT_USEC=30000000\n"));
	assert_null(f.d.start.what);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* An ordinary start is not noticed, by whoever is there when it is over. */
static void short_start_is_waited_for(void **state)
{
	unsigned refused_max = UINT_MAX;
	int64_t began;

	(void)state;
	answered_cnt = REQUEST_CNT - 1;
	snprintf(socket_path, sizeof(socket_path), "%s/control.sock", f.dir[2]);
	asking[0] = (struct asking){.request = requests[0]};
	assert_int_equal(pthread_create(&asking[0].thread, NULL, keep_asking, &asking[0]), 0);
	began = now_ms();
	restart_slowly(300);
	if (now_ms() - began >= SHORT_MS) /* a machine that is busy: it was no short one */
		print_message("the start took %d ms\n", (int)(now_ms() - began));
	else
		refused_max = 0;
	daemon_fixture_run(&f, is_all_answered, NULL);
	assert_int_equal(pthread_join(asking[0].thread, NULL), 0);
	assert_in_range(asking[0].refused_cnt, 0, refused_max);
	assert_non_null(strstr(asking[0].answer, "HTTP/1.1 200 "));
}

static unsigned told_cnt(void)
{
	unsigned cnt = 0;

	for (const char *at = told; (at = strstr(at, "EXTEND_TIMEOUT_USEC")) != NULL; at++)
		cnt++;
	return cnt;
}

/* Once a second, however small the steps are. */
static void told_now_and_then(void **state)
{
	const int64_t began = now_ms();

	(void)state;
	f.options.tell_manager = take_told;
	f.options.manager = &f;
	told[0] = '\0';
	startup_begin(&f.d, "things are done", 1000);
	for (size_t i = 1; i < 130; i++) {
		startup_step(&f.d, i);
		usleep(10000);
	}
	assert_in_range(told_cnt(), 2, 2 + (now_ms() - began) / 1000);
	assert_non_null(strstr(told, "STATUS=Starting: things are done (0 of 1000)\n"));
	startup_begin(&f.d, "others are", 0);
	assert_non_null(strstr(told, "STATUS=Starting: others are\n"));
	startup_end(&f.d);
}

/* ---- what came due meanwhile ------------------------------------------------------------------- */

static uint64_t first_number;

static bool is_past(void *arg)
{
	return f.d.configuration->number > *(const uint64_t *)arg;
}

#define CONFIRM_SEC 600

/* Of the manager, who is told of each step. */
static void let_time_pass(void *manager, const char *step)
{
	(void)manager;
	if (strstr(step, "kept certificates are judged") != NULL)
		clock_shift = CONFIRM_SEC + 1;
}

/* The time for confirming ends during the start: rolled back when it is over. */
static void rolled_back_afterwards(void **state)
{
	struct call call = {0};
	json_t *request = json_pack("{s:[{s:s, s:[s,s], s:s}]}", "operations", "op", "set", "path",
		"router", "node", "value", "node1");

	(void)state;
	first_number = f.d.configuration->number;
	configuration_edit(f.d.configuration, request, "test", call_answered, &call);
	json_decref(request);
	call_wait(&f, &call, 200);
	call_fini(&call);
	call = (struct call){0};
	request = json_pack("{s:i}", "confirm_timeout_sec", CONFIRM_SEC);
	configuration_commit(f.d.configuration, request, call_answered, &call);
	json_decref(request);
	call_wait(&f, &call, 200);
	call_fini(&call);
	first_number++;
	assert_int_equal(f.d.configuration->number, first_number);
	f.options.tell_manager = let_time_pass;
	restart_slowly(300);
	assert_int_equal(clock_shift, CONFIRM_SEC + 1);
	assert_int_equal(f.d.configuration->number, first_number);
	daemon_fixture_run(&f, is_past, &first_number);
}

/* So is a file that is to be read again. */
static void read_again_afterwards(void **state)
{
	(void)state;
	/* during the start: the daemon's pointer is there, its configuration is not to be changed */
	f.d.start.what = "something";
	first_number = f.d.configuration->number;
	daemon_fixture_config(&f, "{" FIXTURE_AUTHORITY ","
				  "\"router\":{\"name\":\"east\",\"node\":\"node1\","
				  "\"peering-common-name\":\"east.peering\"}}");
	configuration_reload(f.d.configuration);
	daemon_fixture_idle(&f, 50);
	assert_int_equal(f.d.configuration->number, first_number);
	f.d.start.what = NULL;
	configuration_begin(f.d.configuration);
	daemon_fixture_run(&f, is_past, &first_number);
	assert_int_equal(f.d.configuration->number, first_number + 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(said_over_rest),
		T(short_start_is_waited_for),
		T(told_now_and_then),
		T(rolled_back_afterwards),
		T(read_again_afterwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
