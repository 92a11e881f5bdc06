/* SPDX-License-Identifier: BSD-3-Clause */
/* What the data plane says of a peer: the alarms and records that follow, each with its reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/alarms.h"
#include "control/audit.h"
#include "control/peer_alarms.h"
#include "control/publish_private.h"
#include "control/verdicts.h"
#include "tests/unit/daemon_fixture.h"

#define DAY INT64_C(86400)

struct rk_span __real_verdicts_find_der(
	const struct verdicts *v, const uint8_t fingerprint[RK_FINGERPRINT_LEN]);
struct rk_span __wrap_verdicts_find_der(
	const struct verdicts *v, const uint8_t fingerprint[RK_FINGERPRINT_LEN]);

static unsigned look_cnt; /* how often a certificate was asked for, to be judged */

struct rk_span __wrap_verdicts_find_der(
	const struct verdicts *v, const uint8_t fingerprint[RK_FINGERPRINT_LEN])
{
	look_cnt++;
	return __real_verdicts_find_der(v, fingerprint);
}

static struct daemon_fixture f;
static struct fake_dataplane p;

static int set_up(void **state)
{
	const struct rk_generation nothing = {0};

	(void)state;
	daemon_fixture_open(&f, NULL);
	fake_connect(&f, &p);
	fake_hello(&p, nothing);
	fake_apply(&f, &p);
	fake_receive(&f, &p, RK_MSG_STATUS);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_close(&p);
	daemon_fixture_close(&f);
	return 0;
}

static void send_event(enum rk_peer_state state, enum rk_verdict_status verdict, const char *reason)
{
	struct rk_message msg = {.type = RK_MSG_EVENT};

	strcpy(msg.event.peer, "west");
	msg.event.state = (uint8_t)state;
	msg.event.verdict = (uint8_t)verdict;
	memset(msg.event.fingerprint, 7, sizeof(msg.event.fingerprint));
	strcpy(msg.event.reason, reason);
	fake_send(&p, &msg);
	daemon_fixture_idle(&f, 10);
}

static void send_status(int64_t not_after, uint64_t key_age_ms)
{
	struct rk_message msg = {.type = RK_MSG_STATUS_PEER};

	strcpy(msg.status_peer.peer, "west");
	msg.status_peer.state = RK_PEER_UP;
	msg.status_peer.verdict = RK_VERDICT_GOOD;
	msg.status_peer.not_after = not_after;
	msg.status_peer.key_age_ms = key_age_ms;
	fake_send(&p, &msg);
	daemon_fixture_idle(&f, 10);
}

/* A field of the one alarm of this kind about west; "" when there is none. */
static const char *alarm_field(const char *kind, const char *name)
{
	static char out[512];
	struct answer a;
	json_t *alarm;
	size_t i;

	out[0] = '\0';
	alarms_list(f.d.alarms, true, &a);
	json_array_foreach(json_object_get(a.body, "alarms"), i, alarm)
	{
		if (strcmp(json_string_value(json_object_get(alarm, "kind")), kind) == 0 &&
			strcmp(json_string_value(json_object_get(alarm, "source")), "west") == 0)
			snprintf(out, sizeof(out), "%s",
				json_string_value(json_object_get(alarm, name)));
	}
	answer_fini(&a);
	return out;
}

static size_t count_records(const char *type, const char *word)
{
	json_t *events = audit_tail(f.d.audit, 50), *event;
	size_t cnt = 0;
	size_t i;

	json_array_foreach(events, i, event)
	{
		char *text = json_dumps(event, 0);

		cnt += strcmp(json_string_value(json_object_get(event, "type")), type) == 0 &&
		       strstr(text, word) != NULL;
		free(text);
	}
	json_decref(events);
	return cnt;
}

static bool has_record(const char *type, const char *word)
{
	return count_records(type, word) > 0;
}

static void test_reachability(void **state)
{
	(void)state;
	send_event(RK_PEER_UP, RK_VERDICT_GOOD, "key-installed");
	assert_true(has_record("peer.up", "key-installed"));
	send_event(RK_PEER_DOWN, RK_VERDICT_UNKNOWN, "silence");
	assert_string_equal(
		alarm_field("peer-unreachable", "message"), "Peer west is not reachable");
	assert_string_equal(alarm_field("peer-unreachable", "severity"), "CRITICAL");
	assert_string_equal(alarm_field("peer-unreachable", "category"), "PEER");
	assert_string_equal(alarm_field("peer-unreachable", "process"), "stateMonitor");
	assert_true(has_record("peer.down", "silence"));
	send_event(RK_PEER_UP, RK_VERDICT_UNKNOWN, "heard-again");
	assert_string_equal(alarm_field("peer-unreachable", "message"), "");
}

#define TWO_PATHS                                                                          \
	"{" FIXTURE_AUTHORITY ",\"router\":{\"name\":\"east\",\"node\":\"node0\","         \
	"\"peering-common-name\":\"east.peering\",\"port\":["                              \
	"{\"name\":\"wan0\",\"address\":[\"192.0.2.1/24\"]},"                              \
	"{\"name\":\"wan1\",\"address\":[\"2001:db8::1/64\"]}],"                           \
	"\"peer\":[{\"name\":\"west\",\"peering-common-name\":\"west.peering\",\"path\":[" \
	"{\"port\":\"wan0\",\"address\":\"192.0.2.2\"},"                                   \
	"{\"port\":\"wan1\",\"address\":\"2001:db8::2\"}]}]}}"

static void send_paths(enum rk_peer_state state, uint16_t down, bool is_status)
{
	struct rk_message msg = {.type = is_status ? RK_MSG_STATUS_PEER : RK_MSG_EVENT};

	if (is_status) {
		strcpy(msg.status_peer.peer, "west");
		msg.status_peer.state = (uint8_t)state;
		msg.status_peer.path_down = down;
	} else {
		strcpy(msg.event.peer, "west");
		msg.event.state = (uint8_t)state;
		msg.event.path_down = down;
		strcpy(msg.event.reason, "path-down");
	}
	fake_send(&p, &msg);
	daemon_fixture_idle(&f, 10);
}

/* A path alone is an alarm that names it; all of them together are a peer that is not reachable. */
static void test_paths(void **state)
{
	static const char one[] = "Peer west path is down: wan1 to [2001:db8::2]:1280";
	char id[64];

	(void)state;
	daemon_fixture_config(&f, TWO_PATHS);
	daemon_fixture_reload(&f);
	assert_int_equal(f.d.config->peer[0].path_cnt, 2);
	send_paths(RK_PEER_UP, 2, false);
	assert_string_equal(alarm_field("peer-path-down", "message"), one);
	assert_string_equal(alarm_field("peer-path-down", "severity"), "MAJOR");
	assert_string_equal(alarm_field("peer-path-down", "category"), "PEER");
	assert_string_equal(alarm_field("peer-path-down", "process"), "stateMonitor");
	assert_string_equal(alarm_field("peer-unreachable", "message"), "");
	assert_true(has_record("peer.path_down", "[2001:db8::2]:1280"));
	assert_false(has_record("peer.path_up", ""));
	strcpy(id, alarm_field("peer-path-down", "id"));
	send_paths(RK_PEER_UP, 3, false);
	assert_string_equal(alarm_field("peer-path-down", "message"),
		"Peer west path is down: wan0 to 192.0.2.2:1280, wan1 to [2001:db8::2]:1280");
	assert_string_equal(alarm_field("peer-path-down", "id"), id);
	send_paths(RK_PEER_DOWN, 3, false);
	assert_string_equal(alarm_field("peer-path-down", "message"), "");
	assert_string_equal(
		alarm_field("peer-unreachable", "message"), "Peer west is not reachable");
	send_paths(RK_PEER_UP, 2, true); /* the event was lost */
	assert_string_equal(alarm_field("peer-path-down", "message"), one);
	assert_string_equal(alarm_field("peer-unreachable", "message"), "");
	send_paths(RK_PEER_UP, 0, false);
	assert_string_equal(alarm_field("peer-path-down", "message"), "");
	assert_true(has_record("peer.path_up", "[2001:db8::2]:1280"));
	/* Bits of paths that are not there say nothing. */
	send_paths(RK_PEER_UP, 0x8000, false);
	assert_string_equal(alarm_field("peer-path-down", "message"), "");
	send_paths(RK_PEER_UP, 1, true);
	assert_string_not_equal(alarm_field("peer-path-down", "message"), "");
	send_paths(RK_PEER_DISABLED, 0, true);
	assert_string_equal(alarm_field("peer-path-down", "message"), "");
}

static void test_refusals_name_their_reason(void **state)
{
	static const struct {
		const char *reason, *begins;
	} known[] = {
		{"identity-unexpected", "Unable to authenticate peer west: name mismatch - "},
		{"bad-signature", "Unable to authenticate peer west: signature - "},
		{"certificate-untrusted", "Unable to authenticate peer west: chain - "},
		{"certificate-expired", "Unable to authenticate peer west: expired - "},
		{"certificate-revoked", "Unable to authenticate peer west: revoked - "},
		{"address-not-configured", "Unable to authenticate peer west: address - "},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		send_event(RK_PEER_INITIALIZING, RK_VERDICT_UNKNOWN, known[i].reason);
		assert_memory_equal(alarm_field("peer-authentication", "message"), known[i].begins,
			strlen(known[i].begins));
		/* Who comes next with another one may be anybody: the first stays for a while. */
		send_event(RK_PEER_INITIALIZING, RK_VERDICT_UNKNOWN, "certificate-malformed");
		assert_memory_equal(alarm_field("peer-authentication", "message"), known[i].begins,
			strlen(known[i].begins));
		assert_string_equal(alarm_field("peer-authentication", "severity"), "MAJOR");
		send_event(RK_PEER_INITIALIZING, RK_VERDICT_UNKNOWN, "authenticated");
		assert_string_equal(alarm_field("peer-authentication", "message"), "");
	}
	send_event(RK_PEER_INITIALIZING, RK_VERDICT_UNKNOWN, "bad-signature");
	send_event(RK_PEER_UP, RK_VERDICT_GOOD, "key-installed");
	assert_string_equal(alarm_field("peer-authentication", "message"), "");
	/* Nor is anybody refused where nobody is asked any more. */
	send_event(RK_PEER_DOWN, RK_VERDICT_UNKNOWN, "bad-signature");
	assert_string_not_equal(alarm_field("peer-authentication", "message"), "");
	send_event(RK_PEER_DISABLED, RK_VERDICT_UNKNOWN, "disabled");
	assert_string_equal(alarm_field("peer-authentication", "message"), "");
	assert_string_equal(alarm_field("peer-unreachable", "message"), "");
}

/* Whoever may choose the text does not choose it all the time; a severity is told at once. */
static void test_text_stays(void **state)
{
	struct alarm_spec held = {"clock", "west", ALARM_MINOR, .hold_sec = 2};

	(void)state;
	alarm_raise(f.d.alarms, &held, "first");
	alarm_raise(f.d.alarms, &held, "second");
	assert_string_equal(alarm_field("clock", "message"), "first");
	held.severity = ALARM_MAJOR;
	alarm_raise(f.d.alarms, &held, "worse");
	assert_string_equal(alarm_field("clock", "message"), "worse");
	sleep(2);
	alarm_raise(f.d.alarms, &held, "later");
	assert_string_equal(alarm_field("clock", "message"), "later");
}

/* What ends a peering is recorded as such, and its end, too. */
static void test_severed_by_revocation(void **state)
{
	(void)state;
	send_event(RK_PEER_UP, RK_VERDICT_GOOD, "key-installed");
	assert_false(has_record("peer.certificate_invalid", ""));
	send_event(RK_PEER_DOWN, RK_VERDICT_REVOKED, "certificate-revoked");
	assert_true(has_record("peer.certificate_invalid", "revoked"));
	assert_true(has_record("peer.down", "revoked"));
}

static void test_invalid_certificate(void **state)
{
	static const char begins[] = "Peer west certificate is invalid: expired - ";

	(void)state;
	send_event(RK_PEER_UP, RK_VERDICT_EXPIRED, "certificate-invalid");
	assert_memory_equal(
		alarm_field("peer-certificate-invalid", "message"), begins, sizeof(begins) - 1);
	assert_string_equal(alarm_field("peer-certificate-invalid", "severity"), "CRITICAL");
	send_event(RK_PEER_UP, RK_VERDICT_GOOD, "certificate-good");
	assert_string_equal(alarm_field("peer-certificate-invalid", "message"), "");
}

/* Said again, a verdict is no reason to judge the certificate again: that takes time. */
static void test_certificate_is_looked_into_once(void **state)
{
	(void)state;
	look_cnt = 0;
	for (int i = 0; i < 3; i++)
		send_event(RK_PEER_UP, RK_VERDICT_EXPIRED, "certificate-invalid");
	assert_int_equal(look_cnt, 1);
	send_event(RK_PEER_UP, RK_VERDICT_REVOKED, "certificate-invalid");
	assert_int_equal(look_cnt, 2);
	assert_non_null(strstr(alarm_field("peer-certificate-invalid", "message"), "revoked"));
	send_event(RK_PEER_UP, RK_VERDICT_UNKNOWN, "silence");
	send_event(RK_PEER_UP, RK_VERDICT_REVOKED, "certificate-invalid");
	assert_int_equal(look_cnt, 2);
	send_event(RK_PEER_UP, RK_VERDICT_GOOD, "certificate-good");
	send_event(RK_PEER_UP, RK_VERDICT_REVOKED, "certificate-invalid");
	assert_int_equal(look_cnt, 3);
	assert_string_not_equal(alarm_field("peer-certificate-invalid", "message"), "");
}

static void test_expiry(void **state)
{
	int64_t now = time(NULL);

	(void)state;
	send_status(now + 31 * DAY, 0);
	assert_string_equal(alarm_field("peer-certificate-expiring", "severity"), "");
	send_status(now + 30 * DAY - 60, 0);
	assert_string_equal(alarm_field("peer-certificate-expiring", "severity"), "MINOR");
	send_status(now + 7 * DAY - 60, 0);
	assert_string_equal(alarm_field("peer-certificate-expiring", "severity"), "MAJOR");
	assert_non_null(
		strstr(alarm_field("peer-certificate-expiring", "message"), "within a week"));
	assert_true(has_record("alarm.changed", "MAJOR"));
	send_status(now - 60, 0); /* it has expired, which another alarm tells */
	assert_string_equal(alarm_field("peer-certificate-expiring", "severity"), "");
	send_status(now + 7 * DAY - 60, 0);
	assert_string_equal(alarm_field("peer-certificate-expiring", "severity"), "MAJOR");
	send_status(now + 300 * DAY, 0);
	assert_string_equal(alarm_field("peer-certificate-expiring", "severity"), "");
}

static void test_old_key(void **state)
{
	const uint64_t hour_ms = 3600000;

	(void)state;
	send_status(0, 25 * hour_ms); /* 24 h are the interval */
	assert_string_equal(alarm_field("rekey-failed", "message"), "");
	send_status(0, 50 * hour_ms);
	assert_string_equal(
		alarm_field("rekey-failed", "message"), "Security Rekey failed for: west");
	send_status(0, 1000);
	assert_string_equal(alarm_field("rekey-failed", "message"), "");
}

static void test_peer_that_goes_takes_its_alarms(void **state)
{
	(void)state;
	send_event(RK_PEER_DOWN, RK_VERDICT_EXPIRED, "silence");
	send_event(RK_PEER_DOWN, RK_VERDICT_UNKNOWN, "bad-signature");
	assert_string_not_equal(alarm_field("peer-unreachable", "id"), "");
	daemon_fixture_config(&f, "{\"router\":{\"name\":\"east\",\"node\":\"node0\","
				  "\"peering-common-name\":\"east.peering\"}}");
	daemon_fixture_reload(&f);
	assert_string_equal(alarm_field("peer-unreachable", "id"), "");
	assert_string_equal(alarm_field("peer-certificate-invalid", "id"), "");
	assert_string_equal(alarm_field("peer-authentication", "id"), "");
}

/* It is connected, and does not take up what was published. */
static void test_data_plane_that_lags(void **state)
{
	struct rk_message view, applied = {.type = RK_MSG_APPLIED};

	(void)state;
	daemon_fixture_config(&f, "{" FIXTURE_ROUTER "}");
	daemon_fixture_reload(&f);
	view = fake_receive(&f, &p, RK_MSG_VIEW);
	assert_true(event_pending(f.d.publisher->behind_timer, EV_TIMEOUT, NULL));
	event_active(f.d.publisher->behind_timer, EV_TIMEOUT, 1); /* its time has come */
	daemon_fixture_idle(&f, 10);
	assert_true(alarm_is_standing(f.d.alarms, "dataplane-behind", "dataplane"));
	applied.generation.generation = view.view.generation;
	fake_send(&p, &applied);
	daemon_fixture_idle(&f, 10);
	assert_false(alarm_is_standing(f.d.alarms, "dataplane-behind", "dataplane"));
	assert_true(has_record("system.publication", "new generation"));
}

/* Of each worker and core: for how long it has not run. */
static void send_hung(const char *name, uint64_t ms, const char *other, uint64_t other_ms)
{
	struct rk_message msg = {.type = RK_MSG_COUNTERS};

	msg.counters.cnt = 2;
	strcpy(msg.counters.counter[0].name, name);
	msg.counters.counter[0].value = ms;
	strcpy(msg.counters.counter[1].name, other);
	msg.counters.counter[1].value = other_ms;
	fake_send(&p, &msg);
	daemon_fixture_idle(&f, 10);
}

/* Every worker that hangs is named; health says it as long as one does, and of who is there. */
static void test_data_plane_that_hangs(void **state)
{
	static const char worker[] = "gauge-hung-ms/worker-0-lcore-1";
	static const char crypto[] = "gauge-hung-ms/crypto-lcore-2";
	const struct rk_generation nothing = {0};

	(void)state;
	send_hung(worker, 0, crypto, 0);
	assert_false(publisher_is_hung(f.d.publisher));
	send_hung(worker, 11000, crypto, 12000);
	assert_true(publisher_is_hung(f.d.publisher));
	assert_true(has_record("alarm.raised", "worker-0-lcore-1, crypto-lcore-2"));
	send_hung(worker, 0, crypto, 13000);
	assert_true(publisher_is_hung(f.d.publisher));
	send_hung(worker, 0, crypto, 0);
	assert_false(alarm_is_standing(f.d.alarms, "dataplane-hung", "dataplane"));
	send_hung(worker, 14000, crypto, 0);
	assert_true(publisher_is_hung(f.d.publisher));
	fake_close(&p);
	daemon_fixture_idle(&f, 20);
	assert_false(publisher_is_hung(f.d.publisher));
	fake_connect(&f, &p); /* another process, whose workers are others */
	fake_hello(&p, nothing);
	fake_apply(&f, &p);
	send_hung("gauge-hung-ms/worker-0-lcore-5", 0, crypto, 0);
	assert_false(publisher_is_hung(f.d.publisher));
}

/* It does not want what was published, and says why. */
static void test_view_that_is_refused(void **state)
{
	struct rk_message view, answer = {.type = RK_MSG_REFUSED};

	(void)state;
	daemon_fixture_config(&f, "{" FIXTURE_ROUTER "}");
	daemon_fixture_reload(&f);
	view = fake_receive(&f, &p, RK_MSG_VIEW);
	answer.generation.generation = view.view.generation;
	strcpy(answer.generation.reason, "port 0: no such thing");
	for (int i = 0; i < 3; i++)
		fake_send(&p, &answer);
	daemon_fixture_idle(&f, 20);
	assert_true(alarm_is_standing(f.d.alarms, "publication-refused", "dataplane"));
	assert_int_equal(count_records("system.publication_refused", "no such thing"), 1);
	assert_int_equal(count_records("alarm.raised", "keeps the last: port 0"), 1);
	answer = (struct rk_message){
		.type = RK_MSG_APPLIED, .generation.generation = view.view.generation};
	fake_send(&p, &answer);
	daemon_fixture_idle(&f, 20);
	assert_false(alarm_is_standing(f.d.alarms, "publication-refused", "dataplane"));
}

/* Gone for longer than a restart takes; what it was behind with is told no more, for it is absent. */
static void test_data_plane_that_is_absent(void **state)
{
	const struct rk_generation nothing = {0};

	(void)state;
	fake_close(&p);
	daemon_fixture_idle(&f, 20);
	assert_false(alarm_is_standing(f.d.alarms, "dataplane-absent", "dataplane"));
	assert_true(event_pending(f.d.publisher->absent_timer, EV_TIMEOUT, NULL));
	event_active(f.d.publisher->absent_timer, EV_TIMEOUT, 1); /* its time has come */
	daemon_fixture_idle(&f, 20);
	assert_true(alarm_is_standing(f.d.alarms, "dataplane-absent", "dataplane"));
	assert_true(has_record("alarm.raised", "The data plane is not connected"));
	fake_connect(&f, &p);
	fake_hello(&p, nothing);
	fake_apply(&f, &p);
	daemon_fixture_idle(&f, 20);
	assert_false(alarm_is_standing(f.d.alarms, "dataplane-absent", "dataplane"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_reachability),
		T(test_paths),
		T(test_refusals_name_their_reason),
		T(test_text_stays),
		T(test_severed_by_revocation),
		T(test_invalid_certificate),
		T(test_certificate_is_looked_into_once),
		T(test_expiry),
		T(test_old_key),
		T(test_peer_that_goes_takes_its_alarms),
		T(test_data_plane_that_lags),
		T(test_data_plane_that_hangs),
		T(test_view_that_is_refused),
		T(test_data_plane_that_is_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
