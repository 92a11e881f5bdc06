/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lists too large for the loop: a helper compiles them, what differs from the base travels as an
 * overlay, and whoever asked for a refresh hears when the data plane has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/crl/manager.h"
#include "control/publish_private.h"
#include "pki/view/snapshot.h"
#include "pki/x509/revocation_key.h"
#include "tests/unit/daemon_fixture.h"

#define CNT  20000
#define STEP 4000 /* twice this, gone and come, is a good overlay */

static struct daemon_fixture f;
static struct fake_dataplane plane;
static struct test_pki pki;
static char crl_path[96];

/* Entries first .. first + cnt - 1. */
static void put_list(long number, unsigned first, unsigned cnt)
{
	struct test_crl_entry *entry = calloc(cnt, sizeof(*entry));
	char(*serial)[8] = calloc(cnt, sizeof(*serial));
	const struct test_crl crl = {.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.number = number,
		.entry = entry,
		.entry_cnt = cnt};

	for (unsigned i = 0; i < cnt; i++) {
		snprintf(serial[i], sizeof(serial[i]), "%06X", 0x100000 + first + i);
		entry[i].serial_hex = serial[i];
	}
	test_crl_write(crl_path, &crl);
	free(entry);
	free(serial);
}

/* What a part says of a certificate; kind tells which. */
static uint8_t state_in(int fd, enum rk_part_kind kind, unsigned n)
{
	const uint8_t serial[] = {(uint8_t)((0x100000 + n) >> 16), (uint8_t)(n >> 8), (uint8_t)n};
	struct pki_revocation_keyer *keyer = NULL;
	uint8_t hash[PKI_ISSUER_HASH_LEN], state;
	struct rk_revocation_key key;
	struct rk_part *part = NULL;
	const struct rk_section *lines;
	const uint8_t *bytes;

	assert_int_equal(pki_issuer_hash(X509_get_subject_name(pki.ca), hash), 0);
	assert_int_equal(pki_revocation_keyer_new(f.d.installation_key, &keyer), 0);
	pki_revocation_key(keyer, hash, serial, sizeof(serial), &key);
	pki_revocation_keyer_free(keyer);
	assert_int_equal(rk_part_open(fd, kind, true, &part, NULL), 0);
	bytes = rk_part_bytes(part).data;
	lines = (const struct rk_section *)(bytes + sizeof(struct rk_part_header));
	state = rk_revocation_find(
		(const struct rk_revocation_line *)(bytes + lines->offset), lines->count, &key);
	rk_part_close(part);
	return state;
}

/* The next view after a refresh, applied; its descriptors stay with plane until the next. */
static struct rk_msg_view refresh(void)
{
	json_t *body = json_object();
	struct rk_msg_view view;
	struct call c = {0};

	crl_manager_refresh(f.d.crl, body, call_answered, &c);
	view = fake_apply(&f, &plane);
	call_wait(&f, &c, 200);
	assert_int_equal(json_array_size(json_object_get(c.body, "sources")), 1);
	call_fini(&c);
	json_decref(body);
	return view;
}

/* The merged one, which comes by itself. */
static struct rk_msg_view apply_until_base(void)
{
	struct rk_msg_view view;

	do
		view = fake_apply(&f, &plane);
	while (!view.part[RK_PART_REVOCATION_BASE].has_fd);
	return view;
}

static void large_lists_travel_as_base_and_overlay(void **state)
{
	const enum rk_part_kind base = RK_PART_REVOCATION_BASE, over = RK_PART_REVOCATION_OVERLAY;
	struct rk_msg_view view;
	uint8_t digest[RK_DIGEST_LEN];

	(void)state;
	put_list(1, 0,
		CNT); /* nothing of it is in the base of one entry: another base is made sooner */
	view = refresh();
	assert_true(view.part[base].has_fd && !view.part[over].is_present);
	assert_int_equal(state_in(plane.fds[0], base, 0), 1);
	assert_int_equal(state_in(plane.fds[0], base, CNT - 1), 1);
	assert_int_equal(state_in(plane.fds[0], base, CNT), 0);
	memcpy(digest, view.part[base].digest, sizeof(digest));

	put_list(2, 1, CNT); /* the first one is back, one came */
	view = refresh();
	assert_true(view.part[base].is_present && !view.part[base].has_fd);
	assert_memory_equal(view.part[base].digest, digest, sizeof(digest));
	assert_true(view.part[over].has_fd && plane.fd_cnt == 1);
	assert_int_equal(state_in(plane.fds[0], over, 0), 1 + RK_REASON_REMOVED);
	assert_int_equal(state_in(plane.fds[0], over, CNT), 1);
	assert_int_equal(state_in(plane.fds[0], over, 5), 0); /* the base's business */

	/* Change by change, until it is more than an overlay is merged at: soon there is a base. */
	for (unsigned i = 1; i <= 3; i++) {
		put_list(2 + (long)i, i * STEP, CNT);
		view = refresh();
		assert_true(view.part[over].has_fd && !view.part[base].has_fd);
		assert_int_equal(state_in(plane.fds[0], over, 5), 1 + RK_REASON_REMOVED);
		assert_int_equal(state_in(plane.fds[0], over, CNT + i * STEP - 1), 1);
	}
	view = apply_until_base();
	assert_memory_not_equal(view.part[base].digest, digest, sizeof(digest));
	assert_int_equal(state_in(plane.fds[0], base, 5), 0);
	assert_int_equal(state_in(plane.fds[0], base, CNT + 5), 1);

	put_list(6, 3 * CNT, CNT); /* all of it is new */
	assert_true(view.part[over].is_present);
	view = refresh();
	assert_true(
		view.part[base].has_fd && !view.part[over].is_present); /* it was the old one's */
	assert_int_equal(state_in(plane.fds[0], base, CNT + 5), 0);
	assert_int_equal(state_in(plane.fds[0], base, 3 * CNT), 1);
}

/*
 * Until a helper compiles the base, which nothing follows by itself. false: it had done so before we
 * looked, as happens when this thread has to wait for a core.
 */
static bool catch_compilation(const struct publisher *p)
{
	const struct rk_generation before = p->published;

	while (!p->is_compiling || p->base != NULL) {
		if (rk_generation_cmp(before, p->published) < 0)
			return false;
		event_base_loop(f.d.base, EVLOOP_ONCE);
	}
	return true;
}

static void apply_until_answered(struct call *c, struct rk_msg_view view)
{
	for (int turns = 0; turns < 1000 && !c->is_done; turns++) {
		/* What was marked may be a view of its own. */
		if (rk_generation_cmp(view.generation, f.d.publisher->published) < 0)
			view = fake_apply(&f, &plane);
		daemon_fixture_idle(&f, 5);
	}
	call_wait(&f, c, 200);
	call_fini(c);
}

/* What changes while a helper compiles is compiled after it, without anybody asking again. */
static void change_during_a_compilation_is_published(void **state)
{
	struct publisher *p = f.d.publisher;
	json_t *body = json_object();
	bool is_caught = false;

	(void)state;
	for (unsigned number = 7; !is_caught; number++) {
		struct call c = {0};

		assert_in_range(number, 7, 40);
		put_list(number, (number - 2) * CNT, CNT);
		crl_manager_refresh(f.d.crl, body, call_answered, &c);
		is_caught = catch_compilation(p);
		if (is_caught) {
			publisher_mark(p, RK_PART_REVOCATION_BASE);
			publisher_flush(p);
			assert_true(p->is_compiling && p->is_marked[RK_PART_REVOCATION_BASE]);
		}
		apply_until_answered(&c, fake_apply(&f, &plane));
	}
	assert_false(p->is_marked[RK_PART_REVOCATION_BASE]);
	json_decref(body);
}

/* Under ASan: what helpers are at when the daemon stops is not left behind. */
static void stopping_ends_a_compilation(void **state)
{
	json_t *body = json_object();
	struct call c = {0};

	(void)state;
	put_list(41, 7, CNT);
	crl_manager_refresh(f.d.crl, body, call_answered, &c);
	daemon_fixture_idle(&f, 20);
	json_decref(body);
	daemon_fixture_restart(&f);
	assert_true(c.is_done);
	call_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_lists_travel_as_base_and_overlay),
		cmocka_unit_test(change_during_a_compilation_is_published),
		cmocka_unit_test(stopping_ends_a_compilation),
	};
	char config[1024];
	int ret;

	test_pki_init(&pki, "west");
	snprintf(crl_path, sizeof(crl_path), "/tmp/rekey-large-%d.crl", (int)getpid());
	snprintf(config, sizeof(config),
		"{\"authority\":{\"enhanced-security-key-management\":true,"
		"\"certificate-revocation\":[{\"name\":\"lab\",\"shrink-limit\":100,"
		"\"crl-endpoint\":[{\"name\":\"list\",\"uri\":\"file://%s\"}]}]}," FIXTURE_ROUTER
		"}",
		crl_path);
	put_list(0, 0, 1);
	daemon_fixture_open(&f, config);
	fixture_install_trust(&f, pki.bundle);
	daemon_fixture_idle(&f, 300);
	fake_connect(&f, &plane);
	fake_hello(&plane, (struct rk_generation){0});
	fake_apply(&f, &plane);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	fake_close(&plane);
	daemon_fixture_close(&f);
	unlink(crl_path);
	test_pki_fini(&pki);
	return ret;
}
