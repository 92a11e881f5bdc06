/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the workers get is what control finds: random full lists, indirect ones and deltas of two
 * issuers, their set as a base, and every change of them as an overlay over an older base.
 */
#include "control/revocations.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "control/revocations_private.h"
#include "pki/store/master_source.h"
#include "tests/unit/revocation_lists.h"
#include "tests/unit/test_ca.h"
#include "tests/unit/view_fixture.h"

#define ROUNDS 300

static struct rk_part *open_part(struct compile_part *compiled)
{
	struct rk_part *part = NULL;
	struct rk_refusal why = {""};

	assert_int_equal(rk_part_open(compiled->fd, compiled->kind, true, &part, &why), 0);
	compile_part_close(compiled);
	return part;
}

static bool has_keys(const struct revocations *r)
{
	bool has_keys = false;

	for (size_t i = 0; i < r->source_cnt; i++)
		has_keys |=
			atomic_load(
				&((struct master_source *)(uintptr_t)r->source[i].source)->keys) !=
			NULL;
	return has_keys;
}

/* With the keys that came with the lists, and once more without them: the same bytes. */
static bool compile_base(const struct revocations *r, struct compile_part *out)
{
	struct compile_part again = {.fd = -1};
	struct rk_refusal why = {""};
	bool had_keys = has_keys(r);

	assert_int_equal(revocations_compile(r, secret, COMPILE_PAGES_ORDINARY, out, &why), 0);
	assert_false(has_keys(r));
	assert_int_equal(revocations_compile(r, secret, COMPILE_PAGES_ORDINARY, &again, &why), 0);
	assert_memory_equal(again.digest, out->digest, RK_DIGEST_LEN);
	compile_part_close(&again);
	return had_keys;
}

/* base NULL: the overlay is left away. */
static void assert_same_words(
	const struct revocations *r, const struct rk_part *base, const struct rk_part *overlay)
{
	struct pki_revocation_keyer *keyer;
	struct rk_revocation_key key;
	const struct source_ref *by;
	struct master_entry e;
	struct compile_part config = {.fd = -1};
	struct rk_refusal why = {""};
	struct fixture f;
	const struct rk_part *parts[RK_PART_CNT] = {NULL};
	struct rk_part *config_part;
	struct rk_view view;

	fixture_init(&f);
	assert_int_equal(compile_config(&f.config, &config, &why), 0);
	config_part = open_part(&config);
	parts[RK_PART_CONFIG] = config_part;
	parts[RK_PART_REVOCATION_BASE] = base;
	parts[RK_PART_REVOCATION_OVERLAY] = overlay;
	assert_int_equal(rk_view_init(&view, (struct rk_generation){1, 1}, parts), 0);
	assert_int_equal(pki_revocation_keyer_new(secret, &keyer), 0);
	for (int issuer = 0; issuer < 2; issuer++) {
		for (uint8_t n = 1; n <= SERIALS; n++) {
			bool is_revoked = revocations_lookup(
				r, issuer_hash[issuer], (struct rk_span){&n, 1}, &e, &by);

			pki_revocation_key(keyer, issuer_hash[issuer], &n, 1, &key);
			assert_int_equal(
				rk_view_revocation(&view, &key), is_revoked ? 1 + e.reason : 0);
		}
	}
	pki_revocation_keyer_free(keyer);
	rk_part_close(config_part);
}

static void base_and_overlay_say_what_control_finds(void **state)
{
	struct compile_part compiled = {.fd = -1};
	struct master_list *list;
	struct rk_part *base = NULL, *overlay;
	struct revocations *from = NULL, *to;
	struct revocations_overlay *before = NULL, *anew, *next;
	struct rk_refusal why = {""};
	size_t cnt, changed = 0, keyed = 0;
	struct compile_part stepwise = {.fd = -1};

	(void)state;
	assert_int_equal(master_list_new(&list), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < (round % 7 == 0 ? 4 : 1); i++)
			change(&list);
		to = revocations_of(list);
		if (round % 7 == 0) {
			keyed += compile_base(to, &compiled);
			rk_part_close(base);
			base = open_part(&compiled);
			assert_same_words(to, base, NULL);
			revocations_put(from);
			from = revocations_get(to);
			revocations_overlay_put(before);
			before = NULL;
		}
		assert_int_equal(
			revocations_compile_overlay(from, to, NULL, secret, &compiled, &anew, &why),
			0);
		assert_false(has_keys(to));
		/* From the one before it: the same bytes. */
		assert_int_equal(revocations_compile_overlay(
					 from, to, before, secret, &stepwise, &next, &why),
			0);
		assert_memory_equal(stepwise.digest, compiled.digest, RK_DIGEST_LEN);
		assert_ptr_equal(revocations_overlay_of(next), to);
		compile_part_close(&stepwise);
		cnt = revocations_overlay_cnt(anew);
		revocations_overlay_put(anew);
		revocations_overlay_put(before);
		before = next;
		overlay = open_part(&compiled);
		assert_same_words(to, base, overlay);
		assert_true(round % 7 != 0 || cnt == 0);
		changed += cnt;
		rk_part_close(overlay);
		revocations_put(to);
	}
	assert_true(changed > ROUNDS);
	assert_true(keyed > 2);
	revocations_overlay_put(before);
	rk_part_close(base);
	revocations_put(from);
	master_list_put(list);
}

/* RFC 5280 5.2.4, word for word; the rows are one serial's. */
static void deltas_count_where_they_apply(void **state)
{
	static const struct row {
		uint8_t full_number, full_reason; /* 255: not in it */
		uint8_t delta_number, delta_base, delta_reason;
		uint8_t expected; /* 255: not revoked */
	} rows[] = {
		{10, 255, 12, 10, 1, 1}, {10, RK_REASON_HOLD, 12, 10, RK_REASON_REMOVED, 255},
		{11, RK_REASON_HOLD, 12, 10, RK_REASON_REMOVED, 255}, /* between base and delta */
		{9, RK_REASON_HOLD, 12, 10, RK_REASON_REMOVED, RK_REASON_HOLD}, /* too old a list */
		{9, 255, 12, 10, 1, 1}, /* what it revokes is revoked */
		{12, RK_REASON_HOLD, 12, 10, RK_REASON_REMOVED, RK_REASON_HOLD}, /* as new: knows */
		{12, 255, 12, 10, 1, 255}, {13, 255, 12, 10, 1, 255},
		{10, 1, 12, 10, RK_REASON_REMOVED, 1}, /* only a hold is taken back */
		{10, RK_REASON_HOLD, 12, 10, 1, 1},    /* held, then revoked */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct master_list *list, *next;
		const struct source_ref *by;
		const uint8_t one = 1;
		struct master_entry e;
		struct revocations *r;
		bool is_revoked;

		assert_int_equal(master_list_new(&list), 0);
		for (int delta = 0; delta < 2; delta++) {
			uint8_t reason = delta ? row->delta_reason : row->full_reason;
			const struct master_source_info info = {
				.issuer = {issuer_der[0], (size_t)issuer_len[0]},
				.ca_name = "CA",
				.url = delta ? "http://d" : "http://f",
				.scope = "",
				.number = {delta ? &row->delta_number : &row->full_number, 1},
				.base_number = {&row->delta_base, (size_t)delta},
				.next_update = 2000};
			struct master_builder *b;
			struct master_source *s;

			assert_int_equal(master_builder_new(&info, &b), 0);
			if (reason != 255)
				assert_int_equal(
					master_builder_add(b, (struct rk_span){&one, 1}, 5, reason),
					0);
			assert_int_equal(master_builder_finish(b, &s), 0);
			assert_int_equal(master_list_replace(list, s, &next), 0);
			master_source_put(s);
			master_list_put(list);
			list = next;
		}
		r = revocations_of(list);
		is_revoked =
			revocations_lookup(r, issuer_hash[0], (struct rk_span){&one, 1}, &e, &by);
		if ((is_revoked ? e.reason : 255) != row->expected)
			fail_msg("row %zu: %d", i, is_revoked ? e.reason : 255);
		revocations_put(r);
		master_list_put(list);
	}
}

/* A delta takes back what a full list holds, and no other delta's word: that one's own list does. */
static void hold_of_another_delta_stands(void **state)
{
	static const uint8_t reasons[] = {RK_REASON_HOLD, RK_REASON_HOLD, RK_REASON_REMOVED};
	static const char *const urls[] = {"http://f", "http://d/old", "http://d/new"};
	const struct rk_span serial = {(const uint8_t *)"\1", 1};
	const struct source_ref *by;
	struct master_list *list;
	struct master_entry e;

	(void)state;
	assert_int_equal(master_list_new(&list), 0);
	for (int step = 0; step < 3; step++) {
		const uint8_t number = (uint8_t)(10 + step), base = 10;
		const struct master_source_info info = {
			.issuer = {issuer_der[0], (size_t)issuer_len[0]},
			.ca_name = "CA",
			.url = urls[step],
			.scope = "",
			.number = {&number, 1},
			.base_number = {&base, step > 0},
			.next_update = 2000};
		struct revocations *r;

		put_group(&list, &info, NULL, serial, reasons[step]);
		r = revocations_of(list);
		assert_true(revocations_lookup(r, issuer_hash[0], serial, &e, &by));
		assert_int_equal(e.reason, RK_REASON_HOLD);
		assert_true(step < 2 || by->is_delta);
		revocations_put(r);
	}
	master_list_put(list);
}

static struct master_keys *new_keys(void)
{
	struct master_keys *keys;

	assert_int_equal(master_keys_new(secret, issuer_hash[0], &keys), 0);
	return keys;
}

static bool has_counted_down(void *left)
{
	size_t *n = left;

	return (*n)-- == 0;
}

#define STEP 8000 /* new serials: one overlay may meet so many */

/* The list with the first cnt serials; keyed: of how many there are keys, in chunks. */
static struct revocations *revocations_keyed(unsigned cnt, size_t keyed)
{
	const struct master_source_info info = {.issuer = {issuer_der[0], (size_t)issuer_len[0]},
		.ca_name = "CA",
		.url = "http://a",
		.scope = "",
		.next_update = 2000};
	struct master_list *empty, *list;
	struct master_builder *b;
	struct master_source *s;
	struct revocations *r;

	assert_int_equal(master_list_new(&empty), 0);
	assert_int_equal(master_builder_new(&info, &b), 0);
	if (keyed > 0)
		master_builder_key(b, new_keys());
	for (unsigned i = 1; i <= cnt; i++) {
		const uint8_t serial[4] = {1, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

		assert_int_equal(master_builder_add(b, (struct rk_span){serial, 4}, 5, 1), 0);
	}
	assert_int_equal(master_builder_finish(b, &s), 0);
	master_source_make_keys(s, has_counted_down, &keyed);
	assert_int_equal(master_list_replace(empty, s, &list), 0);
	r = revocations_of(list);
	master_source_put(s);
	master_list_put(empty);
	master_list_put(list);
	return r;
}

static struct revocations *revocations_up_to(unsigned cnt)
{
	return revocations_keyed(cnt, 0);
}

/* By two threads, too: whatever time there was for keys, the set is the same, and so is who is in it. */
static void base_is_the_same_with_keys_of_some_entries(void **state)
{
	static const struct {
		unsigned cnt;
		size_t keyed;
	} rows[] = {{1000, 1}, {60000, 1}, {60000, 300}, {60000, 937}, {60000, 1000}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revocations *r = revocations_keyed(rows[i].cnt, rows[i].keyed);
		struct compile_part compiled = {.fd = -1};
		struct rk_part *part;

		assert_true(compile_base(r, &compiled));
		part = open_part(&compiled);
		assert_same_words(r, part, NULL);
		rk_part_close(part);
		revocations_put(r);
	}
}

/* Step by step an overlay grows up to what one holds; all of it taken back is no change at all. */
static void overlays_grow_and_shrink(void **state)
{
	struct revocations *from = revocations_up_to(0);
	struct revocations_overlay *before = NULL, *made;
	struct compile_part part = {.fd = -1};
	struct rk_refusal why = {""};
	unsigned cnt = 0;
	int ret = 0;

	(void)state;
	while (ret == 0) {
		struct revocations *to = revocations_up_to(cnt += STEP);

		made = NULL;
		ret = revocations_compile_overlay(from, to, before, secret, &part, &made, &why);
		if (ret == 0) {
			assert_int_equal(revocations_overlay_cnt(made), cnt);
			compile_part_close(&part);
			revocations_overlay_put(before);
			before = made;
		}
		revocations_put(to);
	}
	assert_int_equal(ret, -E2BIG);
	assert_int_equal(cnt, (COMPILE_OVERLAY_MAX / STEP + 1) * STEP);
	assert_int_equal(
		revocations_compile_overlay(from, from, before, secret, &part, &made, &why), 0);
	assert_int_equal(revocations_overlay_cnt(made), 0);
	compile_part_close(&part);
	revocations_overlay_put(made);
	revocations_overlay_put(before);
	revocations_put(from);
}

/* More changes than an overlay holds: refused, so that a base is made. */
static void large_changes_ask_for_a_base(void **state)
{
	struct revocations *from = revocations_up_to(0);
	struct revocations *to = revocations_up_to(COMPILE_OVERLAY_MAX + 1);
	struct compile_part part = {.fd = -1};
	struct rk_refusal why = {""};
	struct revocations_overlay *made = NULL, *before;

	(void)state;
	assert_int_equal(revocations_new_entry_cnt(NULL, to), COMPILE_OVERLAY_MAX + 1);
	assert_int_equal(revocations_new_entry_cnt(from, to), COMPILE_OVERLAY_MAX + 1);
	assert_int_equal(revocations_new_entry_cnt(to, to), 0);
	assert_int_equal(
		revocations_compile_overlay(from, to, NULL, secret, &part, &made, &why), -E2BIG);
	assert_int_equal(
		revocations_compile_overlay(to, from, NULL, secret, &part, &made, &why), -E2BIG);
	/* Back to what the base says: nothing differs, however much has to be looked at. */
	assert_int_equal(
		revocations_compile_overlay(from, from, NULL, secret, &part, &made, &why), 0);
	compile_part_close(&part);
	before = made;
	assert_int_equal(
		revocations_compile_overlay(from, to, before, secret, &part, &made, &why), -E2BIG);
	revocations_overlay_put(before);
	revocations_put(from);
	revocations_put(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base_and_overlay_say_what_control_finds),
		cmocka_unit_test(base_is_the_same_with_keys_of_some_entries),
		cmocka_unit_test(deltas_count_where_they_apply),
		cmocka_unit_test(large_changes_ask_for_a_base),
		cmocka_unit_test(overlays_grow_and_shrink),
		cmocka_unit_test(hold_of_another_delta_stands),
	};

	make_issuers();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
