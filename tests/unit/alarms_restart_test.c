/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Alarms over a restart, kind by kind: what still holds stands on under its id; what ended while the
 * daemon did not run is cleared by what it finds, and by what the data plane tells it. An alarm that
 * nobody would ever clear is as bad as one that is missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "control/alarms.h"
#include "tests/unit/pki_daemon.h"

#define NAME "custom_ssr_peering"
#define DAY  INT64_C(86400)

static struct fake_dataplane p;

/* What each kind may be about: what is there still, and what was taken away meanwhile. */
static const struct {
	const char *kind, *source;
} every[] = {
	{"certificate-absent", NAME},
	{"certificate-absent", "former"},
	{"certificate-file-absent", NAME},
	{"certificate-file-absent", "former"},
	{"certificate-file-absent", "trusted-ca-certificate former"},
	{"certificate-not-read", NAME},
	{"certificate-not-read", "former"},
	{"certificate-expiring", NAME},
	{"certificate-expiring", "former"},
	{"certificate-expired", NAME},
	{"certificate-expired", "former"},
	{"certificate-revoked", NAME},
	{"certificate-revoked", "former"},
	{"certificate-invalid", NAME},
	{"certificate-invalid", "former"},
	{"certificate-name", NAME},
	{"certificate-name", "former"},
	{"enrolment-failing", "former"},
	{"peer-unreachable", "west"},
	{"peer-unreachable", "former"},
	{"peer-path-down", "west"},
	{"peer-path-down", "former"},
	{"peer-authentication", "west"},
	{"peer-authentication", "former"},
	{"peer-certificate-invalid", "west"},
	{"peer-certificate-invalid", "former"},
	{"peer-certificate-expiring", "west"},
	{"peer-certificate-expiring", "former"},
	{"rekey-failed", "west"},
	{"rekey-failed", "former"},
	{"crl-fetch", "former"},
	{"crl-refused", "former"},
	{"crl-rollback", "former"},
	{"crl-stale", "former"},
	{"crl-ending", "former"},
	{"crl-shrunk", "former"},
	{"crl-clock", "clock"},
	{"crl-save", "master-list"},
	{"crl-list-damaged", "master-list"},
	{"configuration-damaged", "rekey.json"},
	{"configuration-not-written", "rekey.json"},
	{"rest-listener", "certificate"},
	{"rest-listener", "addresses"},
	{"clock", "clock"},
	{"dataplane-absent", "dataplane"},
	{"dataplane-hung", "dataplane"},
	{"dataplane-behind", "dataplane"},
	{"publication-refused", "dataplane"},
	{"publication-failed", "dataplane"},
	{"audit-write", "audit.jsonl"},
	{"audit-damaged", "audit.jsonl"},
	{"alarm-save", "alarms.json"},
};
#define EVERY_CNT (sizeof(every) / sizeof(every[0]))

/* What only somebody who looks may take back: `show events verify`. */
static bool is_kept(const char *kind)
{
	return strcmp(kind, "audit-damaged") == 0;
}

static void raise_every(void)
{
	for (size_t i = 0; i < EVERY_CNT; i++)
		alarm_raise(f.d.alarms,
			&(struct alarm_spec){every[i].kind, every[i].source, ALARM_MAJOR}, "was");
}

static size_t standing_cnt(void)
{
	size_t cnt = 0;

	for (size_t i = 0; i < EVERY_CNT; i++)
		cnt += alarm_is_standing(f.d.alarms, every[i].kind, every[i].source) &&
		       !is_kept(every[i].kind);
	return cnt;
}

static bool none_stands(void *arg)
{
	(void)arg;
	return standing_cnt() == 0;
}

static void test_table_is_whole(void **state)
{
	(void)state;
	for (const struct alarm_kind *k = alarm_kinds; k->name != NULL; k++) {
		bool is_there = false;

		for (size_t i = 0; i < EVERY_CNT; i++)
			is_there |= strcmp(every[i].kind, k->name) == 0;
		if (!is_there)
			fail_msg("%s: what clears it after a restart?", k->name);
	}
}

/* West is up, with a key of this age and a good certificate. */
static void tell_status(uint64_t key_age_ms)
{
	struct rk_message msg = {.type = RK_MSG_STATUS_PEER}, end = {.type = RK_MSG_STATUS_END};

	strcpy(msg.status_peer.peer, "west");
	msg.status_peer.state = RK_PEER_UP;
	msg.status_peer.verdict = RK_VERDICT_GOOD;
	msg.status_peer.not_after = time(NULL) + 80 * DAY;
	msg.status_peer.key_age_ms = key_age_ms;
	fake_send(&p, &msg);
	fake_send(&p, &end);
	daemon_fixture_idle(&f, 10);
}

static void test_what_ended_meanwhile(void **state)
{
	(void)state;
	raise_every();
	daemon_fixture_restart(&f);
	/* Nobody has said anything of the peers yet, and nothing was published. */
	assert_true(alarm_is_standing(f.d.alarms, "peer-unreachable", "west"));
	assert_true(alarm_is_standing(f.d.alarms, "publication-refused", "dataplane"));
	assert_true(alarm_is_standing(f.d.alarms, "dataplane-absent", "dataplane"));
	fake_connect(&f, &p);
	fake_hello(&p, (struct rk_generation){0});
	fake_receive(&f, &p, RK_MSG_KEY);
	fake_apply(&f, &p);
	tell_status(UINT64_C(3600000));
	/* A key from before that alarm proves nothing; one made since does. */
	assert_true(alarm_is_standing(f.d.alarms, "peer-authentication", "west"));
	daemon_fixture_idle(&f, 1100);
	tell_status(0);
	for (size_t i = 0; i < EVERY_CNT; i++)
		if (alarm_is_standing(f.d.alarms, every[i].kind, every[i].source) &&
			!is_kept(every[i].kind))
			print_error("%s of %s\n", every[i].kind, every[i].source);
	daemon_fixture_run(&f, none_stands, NULL);
	fake_close(&p);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up_provisioned, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_whole),
		T(test_what_ended_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
