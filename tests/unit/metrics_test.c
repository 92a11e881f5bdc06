/* SPDX-License-Identifier: BSD-3-Clause */
/* OpenMetrics: the text's form, what a scrape tells, and the names of the counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/alarms.h"
#include "control/crl/state.h"
#include "control/metrics.h"
#include "control/metrics_text.h"
#include "control/peers.h"
#include "tests/unit/daemon_fixture.h"

static struct daemon_fixture f;
static struct fake_dataplane p;

static int set_up(void **state)
{
	(void)state;
	daemon_fixture_open(&f, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	daemon_fixture_close(&f);
	return 0;
}

static void test_text(void **state)
{
	static const double bound[] = {0.5, 2};
	static const uint64_t cnt[] = {3, 0, 1};
	struct metrics_text t;
	char label[64], *text;

	(void)state;
	metrics_text_init(&t);
	metrics_family(&t, "a", METRIC_COUNTER, "Some.");
	metrics_label(label, sizeof(label), "of", "x\"y\\z\nw");
	metrics_counter(&t, "a", label, 7);
	metrics_family(&t, "b_seconds", METRIC_HISTOGRAM, "Some more.");
	metrics_histogram(&t, "b_seconds", bound, 2, cnt, 9.25);
	metrics_family(&t, "c", METRIC_GAUGE, "One.");
	metrics_gauge(&t, "c", "", 0.25);
	text = metrics_text_finish(&t);
	assert_string_equal(text, "# TYPE a counter\n# HELP a Some.\n"
				  "a_total{of=\"x\\\"y\\\\z\\nw\"} 7\n"
				  "# TYPE b_seconds histogram\n# HELP b_seconds Some more.\n"
				  "b_seconds_bucket{le=\"0.5\"} 3\nb_seconds_bucket{le=\"2\"} 3\n"
				  "b_seconds_bucket{le=\"+Inf\"} 4\n"
				  "b_seconds_sum 9.25\nb_seconds_count 4\n"
				  "# TYPE c gauge\n# HELP c One.\nc 0.25\n# EOF\n");
	free(text);
}

static void test_long_text(void **state)
{
	struct metrics_text t;
	char *text;

	(void)state;
	metrics_text_init(&t);
	for (int i = 0; i < 100000; i++)
		metrics_gauge(&t, "g", "", i);
	text = metrics_text_finish(&t);
	assert_non_null(text);
	assert_string_equal(text + strlen(text) - 14, "g 99999\n# EOF\n");
	free(text);
}

static json_t *scrape(void)
{
	struct call c = {0};

	metrics_scrape(&f.d, call_answered, &c);
	call_wait(&f, &c, 200);
	return c.body;
}

static void assert_has(const json_t *text, const char *line)
{
	if (strstr(json_string_value(text), line) == NULL)
		fail_msg("no \"%s\" in:\n%s", line, json_string_value(text));
}

static void test_without_data_plane(void **state)
{
	json_t *text;

	(void)state;
	metrics_count(f.d.metrics, METRIC_CSR_SUCCESS);
	text = scrape();
	assert_has(text, "\nrekey_dataplane_connected 0\n");
	assert_has(text, "\nrekey_csr_total{result=\"success\"} 1\n");
	assert_has(text, "\nrekey_csr_total{result=\"failure\"} 0\n");
	assert_has(text, "\nrekey_peers{state=\"initializing\"} 1\n");
	assert_has(text, "\nrekey_alarms{severity=\"CRITICAL\"} 1\n"); /* no certificate */
	json_decref(text);
}

static void test_alarms(void **state)
{
	static const struct alarm_spec info = {"crl-stale", "lab", ALARM_INFO, 0};
	static const struct alarm_spec minor = {"crl-stale", "field", ALARM_MINOR, 0};
	json_t *text;

	(void)state;
	text = scrape();
	assert_has(text, "\nrekey_alarms{severity=\"CRITICAL\"} 1\n"
			 "rekey_alarms{severity=\"MAJOR\"} 0\n"
			 "rekey_alarms{severity=\"MINOR\"} 0\n"
			 "rekey_alarms{severity=\"INFO\"} 0\n#");
	json_decref(text);
	alarm_raise(f.d.alarms, &info, "stands");
	alarm_raise(f.d.alarms, &minor, "stands");
	text = scrape();
	assert_has(text, "\nrekey_alarms{severity=\"MINOR\"} 1\n"
			 "rekey_alarms{severity=\"INFO\"} 1\n#");
	json_decref(text);
}

/* All that REST tells of a CRL. */
static void test_crls(void **state)
{
	struct crl_source *s = crl_source_get(f.d.crl, "lab/one", "http://pki.invalid/1.crl");
	json_t *text;

	(void)state;
	assert_non_null(s);
	s->last_try = 1700000000;
	s->next_fetch = 1700003600;
	s->this_update = 1699990000;
	s->next_update = 1699999999;
	s->last_success = 1699990001;
	s->http_status = 503;
	s->entry_cnt = 7;
	s->bytes = 512;
	s->failure_cnt = 2;
	strcpy(s->number, "0A");
	strcpy(s->last_error, "HTTP status \"503\"");
	text = scrape();
	assert_has(text, "\nrekey_crl_entries{source=\"lab/one\"} 7\n");
	assert_has(text, "\nrekey_crl_bytes{source=\"lab/one\"} 512\n");
	assert_has(text, "\nrekey_crl_failures{source=\"lab/one\"} 2\n");
	assert_has(text, "\nrekey_crl_fresh{source=\"lab/one\"} 0\n");
	assert_has(text, "\nrekey_crl_last_try_timestamp_seconds{source=\"lab/one\"} 1700000000\n");
	assert_has(text,
		"\nrekey_crl_last_success_timestamp_seconds{source=\"lab/one\"} 1699990001\n");
	assert_has(
		text, "\nrekey_crl_this_update_timestamp_seconds{source=\"lab/one\"} 1699990000\n");
	assert_has(
		text, "\nrekey_crl_next_update_timestamp_seconds{source=\"lab/one\"} 1699999999\n");
	assert_has(
		text, "\nrekey_crl_next_fetch_timestamp_seconds{source=\"lab/one\"} 1700003600\n");
	assert_has(text, "\nrekey_crl_http_status{source=\"lab/one\"} 503\n");
	assert_has(text, "\nrekey_crl_info{source=\"lab/one\",crl_number=\"0A\","
			 "last_error=\"HTTP status \\\"503\\\"\"} 1\n");
	json_decref(text);
}

static void answer_status(void)
{
	struct rk_message status = {.type = RK_MSG_STATUS_PEER}, end = {.type = RK_MSG_STATUS_END};
	struct rk_message counters = {.type = RK_MSG_COUNTERS};
	static const struct rk_counter told[] = {{"net-arp", 5}, {"bad-mac1", 6},
		{"exchange-us-5000", 2}, {"exchange-us-more", 1}, {"exchange-us-sum", 3000000},
		{"gauge-longest-pause-ns", 250000000}, {"gauge-queue-crypto", 7},
		{"gauge-limit-crypto", 1024}, {"port-missed/net_memif0", 8},
		{"port-receive-errors/0000:01:00.0", 9}, {"gauge-port-up/net_memif0", 1},
		{"gauge-hung-ms/worker-0-lcore-1", 11500}};

	strcpy(status.status_peer.peer, "west");
	status.status_peer.state = RK_PEER_UP;
	status.status_peer.key_age_ms = 90000;
	status.status_peer.not_after = 1900000000;
	fake_send(&p, &status);
	counters.counters.cnt = sizeof(told) / sizeof(told[0]);
	memcpy(counters.counters.counter, told, sizeof(told));
	fake_send(&p, &counters);
	fake_send(&p, &end);
}

static void test_with_data_plane(void **state)
{
	const struct rk_generation nothing = {0};
	struct call c = {0};

	(void)state;
	fake_connect(&f, &p);
	fake_hello(&p, nothing);
	fake_apply(&f, &p);
	fake_receive(&f, &p, RK_MSG_STATUS);
	answer_status();
	daemon_fixture_idle(&f, 20);
	metrics_scrape(&f.d, call_answered, &c);
	fake_receive(&f, &p, RK_MSG_STATUS);
	answer_status();
	call_wait(&f, &c, 200);
	assert_has(c.body, "\nrekey_dataplane_connected 1\n");
	assert_has(c.body, "\nrekey_peer_up{peer=\"west\"} 1\n");
	assert_has(c.body, "\nrekey_peer_key_age_seconds{peer=\"west\"} 90\n");
	assert_has(c.body, "\nrekey_peer_key_ages_seconds_bucket{le=\"60\"} 0\n");
	assert_has(c.body, "\nrekey_peer_key_ages_seconds_bucket{le=\"600\"} 1\n");
	assert_has(c.body, "\nrekey_dataplane_frames_total{reason=\"arp\"} 5\n");
	assert_has(c.body, "\nrekey_dataplane_events_total{reason=\"bad-mac1\"} 6\n");
	assert_has(c.body, "\nrekey_dataplane_exchange_seconds_bucket{le=\"0.005\"} 2\n");
	assert_has(c.body, "\nrekey_dataplane_exchange_seconds_bucket{le=\"+Inf\"} 3\n");
	assert_has(c.body, "\nrekey_dataplane_exchange_seconds_sum 3\n");
	assert_has(c.body, "\nrekey_dataplane_longest_pause_seconds 0.25\n");
	assert_has(c.body, "\nrekey_dataplane_queue_depth{queue=\"crypto\"} 7\n");
	assert_has(c.body, "\nrekey_dataplane_queue_limit{queue=\"crypto\"} 1024\n");
	assert_has(c.body,
		"\nrekey_dataplane_port_frames_total{port=\"net_memif0\",result=\"missed\"} 8\n");
	assert_has(c.body, "\nrekey_dataplane_port_frames_total{port=\"0000:01:00.0\","
			   "result=\"receive-errors\"} 9\n");
	assert_has(c.body, "\nrekey_dataplane_port_up{port=\"net_memif0\"} 1\n");
	assert_has(c.body, "\nrekey_dataplane_hung_seconds{thread=\"worker-0-lcore-1\"} 11.5\n");
	assert_has(c.body, "\nrekey_publications_total{result=\"applied\"} 1\n");
	assert_null(strstr(json_string_value(c.body), "reason=\"port-"));
	assert_null(strstr(json_string_value(c.body), "reason=\"gauge-"));
	call_fini(&c);
	fake_close(&p);
}

static void tell_peer(const char *name, enum rk_peer_state peer_state, uint64_t key_age_ms)
{
	struct rk_message status = {.type = RK_MSG_STATUS_PEER};

	strcpy(status.status_peer.peer, name);
	status.status_peer.state = peer_state;
	status.status_peer.key_age_ms = key_age_ms;
	fake_send(&p, &status);
}

static void answer_ages(void)
{
	struct rk_message end = {.type = RK_MSG_STATUS_END};

	fake_receive(&f, &p, RK_MSG_STATUS);
	tell_peer("west", RK_PEER_UP, 60000);
	tell_peer("north", RK_PEER_UP, 60500);
	tell_peer("south", RK_PEER_DOWN, 1000);
	tell_peer("far", RK_PEER_UP, 604800500);
	fake_send(&p, &end);
}

#define PEER(name, host)                                                                 \
	"{\"name\":\"" name "\",\"peering-common-name\":\"" name ".peering\",\"path\":[" \
	"{\"port\":\"net_ring0\",\"address\":\"192.0.2." host "\"}]}"
#define FOUR_PEERS                                                                    \
	"{" FIXTURE_AUTHORITY ",\"router\":{\"name\":\"east\",\"node\":\"node0\","    \
	"\"peering-common-name\":\"east.peering\",\"port\":[{\"name\":\"net_ring0\"," \
	"\"address\":[\"192.0.2.1/24\"]}],\"peer\":[" PEER("west", "2") "," PEER(     \
		"north", "3") "," PEER("south", "4") "," PEER("far", "5") "]}}"

/* An age that is a bound is within it; a peer that is not up has no key. */
static void test_key_ages(void **state)
{
	const struct rk_generation nothing = {0};
	struct call c = {0};

	(void)state;
	daemon_fixture_close(&f);
	daemon_fixture_open(&f, FOUR_PEERS);
	fake_connect(&f, &p);
	fake_hello(&p, nothing);
	fake_apply(&f, &p);
	answer_ages();
	daemon_fixture_idle(&f, 20);
	metrics_scrape(&f.d, call_answered, &c);
	answer_ages();
	call_wait(&f, &c, 200);
	assert_has(c.body, "\nrekey_peers{state=\"up\"} 3\nrekey_peers{state=\"down\"} 1\n");
	assert_has(c.body, "\nrekey_peer_key_ages_seconds_bucket{le=\"60\"} 1\n"
			   "rekey_peer_key_ages_seconds_bucket{le=\"600\"} 2\n");
	assert_has(c.body, "\nrekey_peer_key_ages_seconds_bucket{le=\"604800\"} 2\n"
			   "rekey_peer_key_ages_seconds_bucket{le=\"+Inf\"} 3\n"
			   "rekey_peer_key_ages_seconds_sum 604921\n"
			   "rekey_peer_key_ages_seconds_count 3\n");
	call_fini(&c);
	fake_close(&p);
}

/* The names that operators of other systems know. */
static void test_stats(void **state)
{
	static const char *const names[] = {"security/csr/success", "security/csr/failure",
		"security/certificate/import/success", "security/certificate/import/failure",
		"security/crl/fetch/success", "security/crl/fetch/failure",
		"security/crl/ingestion/success", "security/crl/ingestion/failure",
		"security/certificate/expired", "security/certificate/invalid",
		"security/certificate/revoked", "security/peer-certificate/expired",
		"security/peer-certificate/invalid", "security/peer-certificate/revoked"};
	json_t *stats;

	(void)state;
	metrics_count_request(f.d.metrics, "/certificate", true, 422);
	metrics_count_request(f.d.metrics, "/certificate", false, 200);
	metrics_count_request(f.d.metrics, "/login", true, 200);
	stats = metrics_stats(f.d.metrics);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(json_is_integer(json_object_get(stats, names[i])));
#define IS(name, n) assert_int_equal(json_integer_value(json_object_get(stats, name)), n)
	IS("security/certificate/import/failure", 1);
	IS("security/certificate/import/success", 0);
	IS("access/login/success", 1);
	IS("access/request/success", 2);
	json_decref(stats);
}

/* A loop that was kept from running is late. */
static void test_pause(void **state)
{
	(void)state;
	daemon_fixture_idle(&f, 300);
	metrics_take_pause(f.d.metrics);
	usleep(600000);
	daemon_fixture_idle(&f, 50);
	assert_true(metrics_take_pause(f.d.metrics) > 200000000);
	assert_int_equal(metrics_take_pause(f.d.metrics), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_long_text),
		T(test_without_data_plane),
		T(test_alarms),
		T(test_crls),
		T(test_with_data_plane),
		T(test_key_ages),
		T(test_stats),
		T(test_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
