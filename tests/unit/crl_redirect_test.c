/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A URL in a certificate whose server sends us on to this machine. In a network namespace of its own,
 * where 192.0.2.1 is an address like any other on the way.
 */
#include <arpa/inet.h>
#include <event2/http.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/unit/crl_told.h"

#define ELSEWHERE "192.0.2.1"
#define SKIP      77

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool is_good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return is_good;
}

/* lo, up, with that address. */
static bool make_network(void)
{
	struct ifreq r = {.ifr_name = "lo:1"};
	struct sockaddr_in *sin = (struct sockaddr_in *)(void *)&r.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_good = fd >= 0;

	sin->sin_family = AF_INET;
	inet_pton(AF_INET, ELSEWHERE, &sin->sin_addr);
	is_good = is_good && ioctl(fd, SIOCSIFADDR, &r) == 0;
	strcpy(r.ifr_name, "lo");
	is_good = is_good && ioctl(fd, SIOCGIFFLAGS, &r) == 0;
	r.ifr_flags |= IFF_UP;
	is_good = is_good && ioctl(fd, SIOCSIFFLAGS, &r) == 0;
	if (fd >= 0)
		close(fd);
	return is_good;
}

static bool enter_namespace(void)
{
	char map[64];

	snprintf(map, sizeof(map), "0 %u 1", geteuid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 &&
	       write_text("/proc/self/uid_map", map) && make_network();
}

struct server {
	struct evhttp *http;
	unsigned port;
	unsigned asked_cnt;
	char location[96];
};

static void answer(struct evhttp_request *req, void *arg)
{
	struct server *s = arg;

	s->asked_cnt++;
	evhttp_add_header(evhttp_request_get_output_headers(req), "Location", s->location);
	evhttp_send_reply(req, 302, "Found", NULL);
}

static void open_server(struct server *s, const char *address)
{
	struct evhttp_bound_socket *bound;
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	s->http = evhttp_new(f.d.base);
	evhttp_set_gencb(s->http, answer, s);
	bound = evhttp_bind_socket_with_handle(s->http, address, 0);
	assert_non_null(bound);
	assert_int_equal(getsockname(evhttp_bound_socket_get_fd(bound), (void *)&sin, &len), 0);
	s->port = ntohs(sin.sin_port);
}

/* Whoever answers elsewhere may not make us ask the services of this machine. */
static void redirect_to_loopback_is_not_followed(void **state)
{
	const struct test_crl_entry leaf = {.cert = pki.leaf, .reason = 1};
	struct server here = {0}, elsewhere = {0};
	char url[128], points[144];
	X509 *cert;

	(void)state;
	test_crl_write(t.list, &(struct test_crl){.issuer = pki.ca,
				       .issuer_key = pki.ca_key,
				       .entry = &leaf,
				       .entry_cnt = 1});
	snprintf(url, sizeof(url), "file://%s", t.list);
	told_configure(url, NULL);
	fixture_refresh(&f);
	daemon_fixture_config(&f, FIXTURE_CONFIG); /* no endpoint, and no setting of one */
	daemon_fixture_reload(&f);
	open_server(&here, "127.0.0.1");
	open_server(&elsewhere, ELSEWHERE);
	snprintf(elsewhere.location, sizeof(elsewhere.location), "http://127.0.0.1:%u/ca.crl",
		here.port);
	snprintf(url, sizeof(url), "http://" ELSEWHERE ":%u/ca.crl", elsewhere.port);
	snprintf(points, sizeof(points), "URI:%s", url);
	cert = test_cert_new(&(struct test_cert){.cn = "pointer",
		.key = pki.leaf_key,
		.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.crl_points = points});
	crl_manager_note_certificate(f.d.crl, cert);
	told_expect("redirect to loopback", (struct told_words){url, "crl-fetch", "loopback"});
	assert_true(elsewhere.asked_cnt > 0);
	assert_int_equal(here.asked_cnt, 0);
	X509_free(cert);
	evhttp_free(here.http);
	evhttp_free(elsewhere.http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
		redirect_to_loopback_is_not_followed, set_up_told, tear_down)};

	if (!enter_namespace()) {
		printf("skipped: no network namespace: %s\n", strerror(errno));
		return SKIP;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
