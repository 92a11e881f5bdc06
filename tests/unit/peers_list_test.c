/* SPDX-License-Identifier: BSD-3-Clause */
/* Many peers, page by page: each once, in order, from one telling of the data plane. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/daemon_fixture.h"

#include <stdio.h>

#include "control/peers.h"

#define PEER_CNT 2345

static struct daemon_fixture f;
static struct fake_dataplane p;

static void open_many(void)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	fputs("{" FIXTURE_AUTHORITY ",\"router\":{\"name\":\"east\",\"node\":\"node0\","
	      "\"peering-common-name\":\"e\",\"port\":[{\"name\":\"net_ring0\",\"address\":"
	      "[\"192.0.2.1/24\"]}],\"peer\":[",
		out);
	for (int i = 0; i < PEER_CNT; i++)
		fprintf(out,
			"%s{\"name\":\"p%d\",\"peering-common-name\":\"c%d\",\"path\":[{\"port\":"
			"\"net_ring0\",\"address\":\"198.51.100.7\",\"udp-port\":%d}]}",
			i > 0 ? "," : "", i, i, 2000 + i);
	fputs("]}}", out);
	fclose(out);
	daemon_fixture_open(&f, text);
	free(text);
}

static void tell_all(void)
{
	struct rk_message status = {.type = RK_MSG_STATUS_PEER}, end = {.type = RK_MSG_STATUS_END};

	status.status_peer.state = RK_PEER_UP;
	for (int i = 0; i < PEER_CNT; i++) {
		snprintf(status.status_peer.peer, sizeof(status.status_peer.peer), "p%d", i);
		fake_send(&p, &status);
		if (i % 50 == 0)
			daemon_fixture_idle(&f, 2); /* the socket holds only so many */
	}
	fake_send(&p, &end);
	daemon_fixture_idle(&f, 20);
}

/* Checks a page that begins with peer number from; returns what its "next" says, or -1. */
static int check_page(const struct call *c, int from, int cnt)
{
	const json_t *peer, *list = json_object_get(c->body, "peers");
	const char *next = json_string_value(json_object_get(c->body, "next"));
	char name[32];
	size_t i;

	assert_int_equal(json_array_size(list), cnt);
	json_array_foreach(list, i, peer)
	{
		snprintf(name, sizeof(name), "p%d", from + (int)i);
		assert_string_equal(json_string_value(json_object_get(peer, "name")), name);
		assert_string_equal(json_string_value(json_object_get(peer, "status")), "up");
	}
	if (next == NULL)
		return -1;
	snprintf(name, sizeof(name), "p%d", from + cnt - 1);
	assert_string_equal(next, name);
	return from + cnt;
}

static void get(const char *query, int status, struct call *c)
{
	*c = (struct call){0};
	peers_list(f.d.peers, query, call_answered, c);
	call_wait(&f, c, status);
}

static void test_pages(void **state)
{
	struct call c = {0}, other = {0};
	char query[64];
	int at;

	(void)state;
	fake_connect(&f, &p);
	fake_hello(&p, (struct rk_generation){0});
	fake_apply(&f, &p);
	tell_all();
	peers_list(f.d.peers, "", call_answered, &c);
	tell_all();
	call_wait(&f, &c, 200);
	at = check_page(&c, 0, 1000);
	call_fini(&c);
	/* Somebody else's question is under way: that takes nothing away, and no page asks anew. */
	peers_list(f.d.peers, "limit=1", call_answered, &other);
	snprintf(query, sizeof(query), "after=p%d&limit=1000", at - 1);
	get(query, 200, &c);
	at = check_page(&c, 1000, 1000);
	call_fini(&c);
	assert_false(other.is_done);
	snprintf(query, sizeof(query), "after=p%d", at - 1);
	get(query, 200, &c);
	assert_int_equal(check_page(&c, 2000, 345), -1);
	call_fini(&c);
	tell_all();
	call_wait(&f, &other, 200);
	assert_int_equal(check_page(&other, 0, 1), 1);
	call_fini(&other);
	fake_close(&p);
}

static void test_bad_queries(void **state)
{
	static const char *const bad[] = {"limit=0", "limit=1001", "limit=", "limit=1x", "limit=-1",
		"limit=99999999999999999999", "after=", "after=a/b", "after=%41", "limit=1&", "&",
		"limit=1&&after=p1", "x=1", "after"};
	struct call c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		get(bad[i], 400, &c);
		assert_string_equal(call_error(&c), "bad-query");
		call_fini(&c);
	}
}

static int set_up_many(void **state)
{
	(void)state;
	open_many();
	return 0;
}

static int tear_down_many(void **state)
{
	(void)state;
	daemon_fixture_close(&f);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pages, set_up_many, tear_down_many),
		cmocka_unit_test_setup_teardown(test_bad_queries, set_up_many, tear_down_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
