/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers ask a view: look-ups, revocation through both layers, and the judgement. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/view_fixture.h"

#define NOW 1500

struct world {
	struct rk_part *part[RK_PART_CNT];
	struct rk_view view;
};

static struct rk_part *open_compiled(struct compile_part *compiled)
{
	struct rk_part *part = NULL;
	struct rk_refusal why = {""};

	assert_int_equal(rk_part_open(compiled->fd, compiled->kind, false, &part, &why), 0);
	assert_memory_equal(rk_part_digest(part), compiled->digest, RK_DIGEST_LEN);
	compile_part_close(compiled);
	return part;
}

static struct rk_part *revocations(enum rk_part_kind kind, const struct rk_revocation_entry *entry,
	size_t entry_cnt, const struct rk_issuer *issuer, size_t issuer_cnt)
{
	struct rk_revocation_entry copy[16];
	struct compile_part compiled = {.fd = -1};
	struct rk_refusal why = {""};

	assert_true(entry_cnt <= 16);
	if (entry_cnt > 0)
		memcpy(copy, entry, entry_cnt * sizeof(*entry));
	assert_int_equal(
		compile_revocations(kind, copy, entry_cnt, issuer, issuer_cnt, &compiled, &why), 0);
	return open_compiled(&compiled);
}

static void world_init(struct world *w)
{
	struct compile_part compiled = {.fd = -1};
	struct rk_refusal why = {""};
	struct fixture f;

	memset(w, 0, sizeof(*w));
	fixture_init(&f);
	assert_int_equal(compile_config(&f.config, &compiled, &why), 0);
	w->part[RK_PART_CONFIG] = open_compiled(&compiled);
}

static void world_link(struct world *w)
{
	assert_int_equal(rk_view_init(&w->view, (struct rk_generation){1, 2},
				 (const struct rk_part *const *)w->part),
		0);
}

static void world_fini(struct world *w)
{
	for (unsigned i = 0; i < RK_PART_CNT; i++)
		rk_part_close(w->part[i]);
}

static void generations_are_ordered(void **state)
{
	const struct rk_generation a = {1, 9}, b = {2, 1}, c = {2, 2};

	(void)state;
	assert_true(rk_generation_cmp(a, b) < 0 && rk_generation_cmp(b, c) < 0);
	assert_true(rk_generation_cmp(c, a) > 0 && rk_generation_cmp(b, b) == 0);
}

static void config_reads_as_it_was_given(void **state)
{
	const struct rk_peer *p;
	struct rk_span s;
	struct world w;

	(void)state;
	world_init(&w);
	world_link(&w);
	assert_int_equal(w.view.port_cnt, 2);
	assert_int_equal(w.view.peer_cnt, 3);
	s = rk_view_str(&w.view, w.view.ports[0].name);
	assert_memory_equal(s.data, "net_memif0", s.len);
	assert_int_equal(w.view.ports[1].vlan, 7);
	assert_int_equal(w.view.global->clock_floor, 900);
	s = rk_view_str(&w.view, w.view.global->certificate);
	assert_int_equal(s.len, 100);
	p = rk_view_find_peer(&w.view, "west", 4);
	assert_non_null(p);
	assert_int_equal(p->path_cnt, 2);
	assert_int_equal(w.view.paths[p->first_path].port, 0); /* port 1 of the input */
	assert_int_equal(w.view.paths[p->first_path + 1].udp_port_remote, 1281);
	assert_int_equal(p->groups[0], 29);
	p = rk_view_find_peer(&w.view, "wes", 3);
	assert_non_null(p);
	s = rk_view_str(&w.view, p->name);
	assert_memory_equal(s.data, "south", s.len);
	assert_non_null(rk_view_find_peer(&w.view, "north", 5));
	assert_null(rk_view_find_peer(&w.view, "we", 2));
	assert_null(rk_view_find_peer(&w.view, "west2", 5));
	assert_null(rk_view_find_peer(&w.view, "south", 5)); /* a name, not an identity */
	assert_null(rk_view_find_peer(&w.view, NULL, 0));
	world_fini(&w);
}

static void view_needs_config_and_the_right_kinds(void **state)
{
	const struct rk_part *parts[RK_PART_CNT] = {NULL};
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(rk_view_init(&w.view, (struct rk_generation){0}, parts), -EINVAL);
	parts[RK_PART_CONFIG] = w.part[RK_PART_CONFIG];
	parts[RK_PART_VERDICTS] = w.part[RK_PART_CONFIG];
	assert_int_equal(rk_view_init(&w.view, (struct rk_generation){0}, parts), -EINVAL);
	world_fini(&w);
}

static void verdicts_are_found(void **state)
{
	struct compile_part compiled = {.fd = -1};
	struct rk_verdict v[20];
	const struct rk_verdict *list[20];
	struct rk_refusal why;
	uint8_t absent[RK_FINGERPRINT_LEN] = {0};
	struct world w;

	(void)state;
	world_init(&w);
	world_link(&w);
	assert_null(rk_view_find_verdict(&w.view, absent));
	for (uint8_t i = 0; i < 20; i++) {
		v[i] = fixture_verdict((uint8_t)(200 - 7 * i));
		list[i] = &v[i];
	}
	assert_int_equal(compile_verdicts(list, 20, &compiled, &why), 0);
	w.part[RK_PART_VERDICTS] = open_compiled(&compiled);
	world_link(&w);
	for (unsigned i = 0; i < 20; i++) {
		const struct rk_verdict *found = rk_view_find_verdict(&w.view, v[i].fingerprint);

		assert_non_null(found);
		assert_memory_equal(found, &v[i], sizeof(v[i]));
		/* wherever it was before, and then at once */
		for (uint32_t at = 0; at < 25; at += 5) {
			uint32_t near = at;

			assert_ptr_equal(
				rk_view_find_verdict_near(&w.view, &near, v[i].fingerprint), found);
			assert_int_equal(near, found - w.view.verdicts);
		}
	}
	assert_null(rk_view_find_verdict(&w.view, absent));
	memset(absent, 0xff, sizeof(absent));
	assert_null(rk_view_find_verdict(&w.view, absent));
	world_fini(&w);
}

/* Even, ground to one end, all but one alike at the start: each is found, and nothing else. */
static void guesses_need_no_even_fingerprints(void **state)
{
	enum { CNT = 1000 };
	static struct rk_verdict v[CNT];
	static const uint8_t step[] = {251, 1, 0};

	(void)state;
	for (unsigned kind = 0; kind < 3; kind++) {
		struct rk_view view = {.verdicts = v, .verdict_cnt = CNT};
		uint8_t other[RK_FINGERPRINT_LEN] = {0};

		memset(v, 0, sizeof(v));
		for (unsigned i = 0; i < CNT; i++) {
			uint32_t high = step[kind] * i;

			v[i].fingerprint[0] = (uint8_t)(high >> 10);
			v[i].fingerprint[1] = (uint8_t)(high >> 2);
			v[i].fingerprint[20] = (uint8_t)(i >> 8);
			v[i].fingerprint[21] = (uint8_t)i;
		}
		v[CNT - 1].fingerprint[0] = 0xff;
		for (unsigned i = 0; i < CNT; i++) {
			assert_ptr_equal(rk_view_find_verdict(&view, v[i].fingerprint), &v[i]);
			memcpy(other, v[i].fingerprint, sizeof(other));
			other[31] = 1;
			assert_null(rk_view_find_verdict(&view, other));
		}
	}
}

static uint8_t state_of(const struct world *w, uint8_t n)
{
	const struct rk_revocation_key key = fixture_revocation_key(n);

	return rk_view_revocation(&w->view, &key);
}

/* R4: the overlay is asked first: it adds, removes, and gives another reason. */
static void overlay_goes_before_base(void **state)
{
	const struct rk_revocation_entry base[] = {fixture_revocation(1, RK_REASON_HOLD),
		fixture_revocation(2, RK_REASON_HOLD),
		fixture_revocation(3, RK_REASON_UNSPECIFIED)};
	const struct rk_revocation_entry overlay[] = {fixture_revocation(2, RK_REASON_REMOVED),
		fixture_revocation(3, RK_REASON_KEY_COMPROMISE),
		fixture_revocation(4, RK_REASON_SUPERSEDED),
		fixture_revocation(5, RK_REASON_REMOVED)};
	const uint8_t expected_base[] = {0, 7, 7, 1, 0, 0};
	const uint8_t expected_both[] = {0, 7, 0, 2, 5, 0};
	const struct rk_issuer old[] = {{{{8}}, 10, RK_POLICY_HARD}, {{{9}}, 10, RK_POLICY_SOFT}};
	const struct rk_issuer new[] = {{{{8}}, 99, RK_POLICY_HARD}};
	struct world w;

	(void)state;
	world_init(&w);
	world_link(&w);
	for (uint8_t i = 0; i < 6; i++)
		assert_int_equal(state_of(&w, i), 0);
	w.part[RK_PART_REVOCATION_BASE] = revocations(RK_PART_REVOCATION_BASE, base, 3, old, 2);
	world_link(&w);
	for (uint8_t i = 0; i < 6; i++)
		assert_int_equal(state_of(&w, i), expected_base[i]);
	assert_int_equal(
		rk_view_find_issuer(&w.view, &(struct rk_revocation_key){{8}})->fresh_until, 10);
	w.part[RK_PART_REVOCATION_OVERLAY] =
		revocations(RK_PART_REVOCATION_OVERLAY, overlay, 4, new, 1);
	world_link(&w);
	for (uint8_t i = 0; i < 6; i++)
		assert_int_equal(state_of(&w, i), expected_both[i]);
	assert_int_equal(
		rk_view_find_issuer(&w.view, &(struct rk_revocation_key){{8}})->fresh_until, 99);
	assert_null(rk_view_find_issuer(&w.view, &(struct rk_revocation_key){{9}}));
	world_fini(&w);
}

/* R6: what has no entry goes by the zero key, and is to be asked about. */
static void zero_key_stands_for_what_is_not_known(void **state)
{
	const struct rk_verdict v = fixture_verdict(1);
	struct rk_issuer issuer[] = {{{{0}}, 0, RK_POLICY_HARD}, {{{0}}, NOW, RK_POLICY_HARD},
		{{{0}}, NOW, RK_POLICY_HARD}};
	struct world w;

	(void)state;
	issuer[1].key = v.chain[0].issuer;
	issuer[2].key = v.chain[1].issuer;
	for (size_t cnt = 0; cnt <= 3; cnt++) {
		bool is_known = cnt == 0 || cnt == 3;

		world_init(&w);
		w.part[RK_PART_REVOCATION_BASE] =
			revocations(RK_PART_REVOCATION_BASE, NULL, 0, issuer, cnt);
		world_link(&w);
		assert_int_equal(rk_view_judge(&w.view, &v, NOW),
			is_known ? RK_VERDICT_GOOD : RK_VERDICT_UNKNOWN);
		assert_true(rk_view_knows_chain(&w.view, v.chain, v.chain_cnt) == is_known);
		world_fini(&w);
	}
}

struct judgement {
	const char *what;
	unsigned revoked_cnt; /* of the chain, from the anchor's end */
	uint8_t reason;
	unsigned issuer; /* whose list has this policy: 0 the leaf's, 1 the next one's */
	enum rk_revocation_policy policy;
	int64_t fresh_until;
	int64_t now;
	enum rk_verdict_status expected;
};

static const struct judgement judgements[] = {
	{"good", 0, 0, 0, RK_POLICY_HARD, NOW, NOW, RK_VERDICT_GOOD},
	{"first instant", 0, 0, 0, RK_POLICY_OFF, 0, 1000, RK_VERDICT_GOOD},
	{"last instant", 0, 0, 0, RK_POLICY_OFF, 0, 2000, RK_VERDICT_GOOD},
	{"too early", 0, 0, 0, RK_POLICY_OFF, 0, 999, RK_VERDICT_NOT_YET_VALID},
	{"too late", 0, 0, 0, RK_POLICY_OFF, 0, 2001, RK_VERDICT_EXPIRED},
	{"revoked", 2, RK_REASON_KEY_COMPROMISE, 0, RK_POLICY_OFF, 0, NOW, RK_VERDICT_REVOKED},
	{"only the CA is revoked", 1, 2, 0, RK_POLICY_OFF, 0, NOW, RK_VERDICT_REVOKED},
	{"on hold", 1, RK_REASON_HOLD, 0, RK_POLICY_OFF, 0, NOW, RK_VERDICT_REVOKED},
	{"unspecified", 1, RK_REASON_UNSPECIFIED, 0, RK_POLICY_OFF, 0, NOW, RK_VERDICT_REVOKED},
	{"revoked before expired", 1, 1, 0, RK_POLICY_HARD, 0, 2001, RK_VERDICT_REVOKED},
	{"expired before stale", 0, 0, 0, RK_POLICY_HARD, 10, 2001, RK_VERDICT_EXPIRED},
	{"stale, hard", 0, 0, 0, RK_POLICY_HARD, NOW - 1, NOW, RK_VERDICT_UNKNOWN},
	{"stale, hard, the CA's", 0, 0, 1, RK_POLICY_HARD, NOW - 1, NOW, RK_VERDICT_UNKNOWN},
	{"never seen, hard", 0, 0, 0, RK_POLICY_HARD, 0, NOW, RK_VERDICT_UNKNOWN},
	{"stale, soft", 0, 0, 0, RK_POLICY_SOFT, NOW - 1, NOW, RK_VERDICT_GOOD},
	{"stale, off", 0, 0, 0, RK_POLICY_OFF, NOW - 1, NOW, RK_VERDICT_GOOD},
};

static void judge(const struct judgement *j)
{
	const struct rk_verdict v = fixture_verdict(1);
	struct rk_revocation_entry entry[2];
	struct rk_issuer issuer = {
		v.chain[j->issuer].issuer, j->fresh_until, (uint8_t)j->policy, {0}};
	struct world w;

	world_init(&w);
	for (unsigned i = 0; i < j->revoked_cnt; i++)
		entry[i] = rk_revocation_entry(&v.chain[1 - i].cert, j->reason);
	w.part[RK_PART_REVOCATION_BASE] =
		revocations(RK_PART_REVOCATION_BASE, entry, j->revoked_cnt, &issuer, 1);
	world_link(&w);
	if (rk_view_judge(&w.view, &v, j->now) != j->expected)
		fail_msg("%s: %s", j->what,
			rk_verdict_status_name(rk_view_judge(&w.view, &v, j->now)));
	world_fini(&w);
}

/* R4, and the order of the judgement. */
static void judgements_are_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(judgements) / sizeof(judgements[0]); i++)
		judge(&judgements[i]);
}

/* J1 */
static void unknown_is_never_good(void **state)
{
	struct rk_verdict v = fixture_verdict(1);
	struct world w;

	(void)state;
	world_init(&w);
	world_link(&w);
	assert_int_equal(rk_view_judge(&w.view, &v, NOW), RK_VERDICT_GOOD);
	v.trust_generation++; /* judged under other anchors: asked again */
	assert_int_equal(rk_view_judge(&w.view, &v, NOW), RK_VERDICT_UNKNOWN);
	v.trust_generation--;
	v.status = RK_VERDICT_UNTRUSTED;
	assert_int_equal(rk_view_judge(&w.view, &v, NOW), RK_VERDICT_UNTRUSTED);
	assert_int_equal(rk_view_judge_chain(&w.view, v.chain, 0, NOW), RK_VERDICT_UNKNOWN);
	assert_int_equal(
		rk_view_judge_chain(&w.view, v.chain, RK_CHAIN_MAX + 1, NOW), RK_VERDICT_UNKNOWN);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generations_are_ordered),
		cmocka_unit_test(config_reads_as_it_was_given),
		cmocka_unit_test(view_needs_config_and_the_right_kinds),
		cmocka_unit_test(verdicts_are_found),
		cmocka_unit_test(guesses_need_no_even_fingerprints),
		cmocka_unit_test(overlay_goes_before_base),
		cmocka_unit_test(zero_key_stands_for_what_is_not_known),
		cmocka_unit_test(judgements_are_in_order),
		cmocka_unit_test(unknown_is_never_good),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
