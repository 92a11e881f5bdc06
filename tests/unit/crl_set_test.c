/* SPDX-License-Identifier: BSD-3-Clause */
/* What lists say together: scope, partitions, reasons, deltas, indirect lists and their signers. */
#include "tests/unit/crl_judge.h"

#define POINT "URI:http://ca.example/1.crl"
#define OTHER "URI:http://ca.example/2.crl"

static void every_certificate_must_be_covered(void **state)
{
	struct fixture *f = *state;
	struct pki_crl_set *set = new_set(f);

	add_root(f, set);
	assert_int_equal(judge(f, set, f->pki.leaf), RK_VERDICT_UNKNOWN);
	assert_true(pki_report_has(&f->report, "revocation-not-covered"));
	set = new_set(f);
	add(f, set, (struct test_crl){0});
	assert_int_equal(judge(f, set, f->pki.leaf), RK_VERDICT_UNKNOWN);
	assert_int_equal(JUDGE(f, f->pki.leaf, {0}), RK_VERDICT_GOOD);
}

static void revoked_leaf_and_ca_are_revoked(void **state)
{
	struct fixture *f = *state;
	const struct test_crl_entry leaf = {.cert = f->pki.leaf, .reason = 1};
	const struct test_crl_entry ca = {.cert = f->pki.ca};
	struct pki_crl_set *set = new_set(f);

	assert_int_equal(
		JUDGE(f, f->pki.leaf, {.entry = &leaf, .entry_cnt = 1}), RK_VERDICT_REVOKED);
	/* also when another list of the same issuer does not name it */
	assert_int_equal(JUDGE(f, f->pki.leaf, {0}, {.entry = &leaf, .entry_cnt = 1, .number = 2}),
		RK_VERDICT_REVOKED);
	add(f, set, (struct test_crl){0});
	add(f, set,
		(struct test_crl){.issuer = f->pki.root,
			.issuer_key = f->pki.root_key,
			.entry = &ca,
			.entry_cnt = 1});
	assert_int_equal(judge(f, set, f->pki.leaf), RK_VERDICT_REVOKED);
}

static void lists_count_only_in_their_time(void **state)
{
	struct fixture *f = *state;
	int64_t now = f->args.now;

	assert_int_equal(JUDGE(f, f->pki.leaf, {.next_update = now - 1}), RK_VERDICT_UNKNOWN);
	assert_true(pki_report_has(&f->report, "revocation-unknown"));
	assert_int_equal(JUDGE(f, f->pki.leaf, {.this_update = now + 3600}), RK_VERDICT_UNKNOWN);
	assert_true(pki_report_has(&f->report, "revocation-not-covered"));
	assert_int_equal(
		JUDGE(f, f->pki.leaf, {.next_update = now - 1}, {.number = 2}), RK_VERDICT_GOOD);
}

static void foreign_signatures_do_not_count(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		JUDGE(f, f->pki.leaf,
			{.issuer = f->pki.ca, .issuer_key = test_key_shared(TEST_P256, 5)}),
		RK_VERDICT_UNKNOWN);
	/* the root may not speak for the CA */
	assert_int_equal(
		JUDGE(f, f->pki.leaf, {.issuer = f->pki.root, .issuer_key = f->pki.root_key}),
		RK_VERDICT_UNKNOWN);
}

static void scope_is_kept(void **state)
{
	static const struct {
		const char *points, *idp;
		bool is_covered;
	} want[] = {
		{NULL, "critical,onlyuser:TRUE", true},
		{NULL, "critical,onlyCA:TRUE", false},
		{NULL, "critical,fullname:" POINT, false},
		{POINT, "critical,fullname:" POINT, true},
		{POINT, "critical,fullname:" OTHER, false},
		{POINT, "critical,onlyuser:TRUE,fullname:" POINT, true},
		{POINT, "critical,onlyCA:TRUE,fullname:" POINT, false},
		{POINT "," OTHER, "critical,fullname:" OTHER, true},
		{POINT ",DNS:ca.example", "critical,onlyuser:TRUE", true},
		{NULL, "critical,indirectCRL:TRUE", true}, /* its own issuer's certificates too */
		{POINT, NULL, true},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		X509 *leaf = new_leaf(f, want[i].points);

		if (JUDGE(f, leaf, {.idp = want[i].idp}) !=
			(want[i].is_covered ? RK_VERDICT_GOOD : RK_VERDICT_UNKNOWN))
			print_message("%zu\n", i);
		assert_int_equal(
			f->v.status, want[i].is_covered ? RK_VERDICT_GOOD : RK_VERDICT_UNKNOWN);
		X509_free(leaf);
	}
}

/* ------------------------------------------------------------------ names in octets */

struct octets {
	uint8_t data[256];
	size_t len;
};

static void put(struct octets *o, const void *data, size_t len)
{
	must(o->len + len <= sizeof(o->data));
	memcpy(o->data + o->len, data, len);
	o->len += len;
}

/* What was put so far becomes the content of that. */
static void wrap(struct octets *o, uint8_t tag)
{
	bool is_long = o->len > 0x7f;
	const uint8_t head[] = {tag, is_long ? 0x81 : (uint8_t)o->len, (uint8_t)o->len};
	struct octets inner = *o;

	o->len = 0;
	put(o, head, is_long ? 3 : 2);
	put(o, inner.data, inner.len);
}

/* As OpenSSL's configuration has it; of one test at a time. */
static const char *configured(const struct octets *o, bool is_critical)
{
	static char text[2][1024];
	char *out = text[is_critical], *next = out;

	next += sprintf(next, "%sDER", is_critical ? "critical," : "");
	for (size_t i = 0; i < o->len; i++)
		next += sprintf(next, ":%02x", o->data[i]);
	return out;
}

enum name_form {
	NAME_URI,         /* of POINT */
	NAME_ISSUER,      /* the issuer's, in full */
	NAME_ISSUER_UNIT, /* and a unit of it */
	NAME_UNIT,        /* relative to the issuer: that unit */
};

/* A DistributionPointName; odd: with a form in it that nobody fetches from. */
static void put_point_name(struct fixture *f, struct octets *o, enum name_form form, bool is_odd)
{
	static const uint8_t unit[] = {0x30, 8, 6, 3, 0x55, 4, 11, 12, 1, 'x'};
	static const uint8_t odd[] = {0x88, 3, 0x2a, 3, 4};
	X509_NAME *name = X509_NAME_dup(X509_get_subject_name(f->pki.ca));
	unsigned char *der = NULL;
	int len;

	if (form == NAME_ISSUER_UNIT)
		must(X509_NAME_add_entry_by_txt(
			     name, "OU", MBSTRING_UTF8, (const unsigned char *)"x", 1, -1, 0) == 1);
	len = i2d_X509_NAME(name, &der);
	o->len = 0;
	if (form == NAME_UNIT) {
		put(o, unit, sizeof(unit));
	} else if (form == NAME_URI) {
		put(o, POINT + strlen("URI:"), strlen(POINT) - strlen("URI:"));
		wrap(o, 0x86);
	} else {
		put(o, der, (size_t)len);
		wrap(o, 0xa4);
	}
	if (is_odd)
		put(o, odd, sizeof(odd));
	wrap(o, form == NAME_UNIT ? 0xa1 : 0xa0);
	wrap(o, 0xa0);
	OPENSSL_free(der);
	X509_NAME_free(name);
}

/* The list's point against the certificate's, whichever form each of them has. */
static void names_of_points_are_compared(void **state)
{
	static const struct {
		enum name_form list, cert;
		bool is_odd, has_point, is_covered;
	} want[] = {
		{NAME_URI, NAME_URI, false, true, true},
		{NAME_URI, NAME_URI, true, true, false},
		{NAME_UNIT, NAME_UNIT, false, true, true},
		{NAME_UNIT, NAME_ISSUER_UNIT, false, true, true},
		{NAME_ISSUER_UNIT, NAME_UNIT, false, true, true},
		{NAME_ISSUER_UNIT, NAME_ISSUER_UNIT, false, true, true},
		{NAME_UNIT, NAME_URI, false, true, false},
		{NAME_URI, NAME_UNIT, false, true, false},
		{NAME_ISSUER_UNIT, NAME_ISSUER, false, true, false},
		/* Its issuer is a point that every certificate has (end of RFC 5280 6.3.3). */
		{NAME_ISSUER, NAME_URI, false, false, true},
		{NAME_ISSUER, NAME_URI, true, false, false},
		{NAME_ISSUER_UNIT, NAME_URI, false, false, false},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct octets idp, point;
		X509 *leaf;

		put_point_name(f, &idp, want[i].list, want[i].is_odd);
		wrap(&idp, 0x30);
		put_point_name(f, &point, want[i].cert, false);
		wrap(&point, 0x30);
		wrap(&point, 0x30);
		leaf = new_leaf(f, want[i].has_point ? configured(&point, false) : NULL);
		if (JUDGE(f, leaf, {.idp = configured(&idp, true)}) !=
			(want[i].is_covered ? RK_VERDICT_GOOD : RK_VERDICT_UNKNOWN))
			fail_msg("%zu: %s", i, pki_report_first(&f->report)->code);
		X509_free(leaf);
	}
}

/* Each point says for which reasons its list is, and all of them must be covered. */
static void reasons_of_points_must_add_up(void **state)
{
	static const uint8_t seven[] = {0x81, 2, 0, 0x7f}, last[] = {0x81, 3, 7, 0, 0x80};
	struct fixture *f = *state;

	for (unsigned with = 1; with <= 3; with++) {
		struct octets idp, name, points = {.len = 0};
		X509 *leaf;

		put_point_name(f, &name, NAME_URI, false);
		idp = name;
		wrap(&idp, 0x30);
		for (unsigned i = 0; i < 2; i++) {
			struct octets point = name;

			put(&point, i == 0 ? seven : last, i == 0 ? sizeof(seven) : sizeof(last));
			wrap(&point, 0x30);
			if ((with >> i & 1) != 0)
				put(&points, point.data, point.len);
		}
		wrap(&points, 0x30);
		leaf = new_leaf(f, configured(&points, false));
		assert_int_equal(JUDGE(f, leaf, {.idp = configured(&idp, true)}),
			with == 3 ? RK_VERDICT_GOOD : RK_VERDICT_UNKNOWN);
		X509_free(leaf);
	}
}

static void users_list_does_not_cover_the_ca(void **state)
{
	struct fixture *f = *state;
	struct pki_crl_set *set = new_set(f);

	add(f, set, (struct test_crl){0});
	add(f, set,
		(struct test_crl){.issuer = f->pki.root,
			.issuer_key = f->pki.root_key,
			.idp = "critical,onlyuser:TRUE"});
	assert_int_equal(judge(f, set, f->pki.leaf), RK_VERDICT_UNKNOWN);
}

static void some_reasons_must_add_up(void **state)
{
	/* onlySomeReasons: the two compromises, and all the others */
	static const char some[] = "critical,DER:30:04:83:02:05:60";
	static const char others[] = "critical,DER:30:05:83:03:07:1f:80";
	struct fixture *f = *state;
	const struct test_crl_entry leaf = {.cert = f->pki.leaf, .reason = 4};

	assert_int_equal(JUDGE(f, f->pki.leaf, {.idp = some}), RK_VERDICT_UNKNOWN);
	assert_int_equal(JUDGE(f, f->pki.leaf, {.idp = others}), RK_VERDICT_UNKNOWN);
	assert_int_equal(JUDGE(f, f->pki.leaf, {.idp = some}, {.idp = others}), RK_VERDICT_GOOD);
	assert_int_equal(JUDGE(f, f->pki.leaf, {.idp = some},
				 {.idp = others, .entry = &leaf, .entry_cnt = 1}),
		RK_VERDICT_REVOKED);
}

static void delta_alone_covers_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		JUDGE(f, f->pki.leaf, {.number = 2, .delta_base = "1"}), RK_VERDICT_UNKNOWN);
}

static void delta_changes_its_base(void **state)
{
	struct fixture *f = *state;
	const struct test_crl_entry revoked = {.cert = f->pki.leaf, .reason = 1};
	const struct test_crl_entry held = {.cert = f->pki.leaf, .reason = 6};
	const struct test_crl_entry removed = {.cert = f->pki.leaf, .reason = 8};
	const struct {
		const struct test_crl_entry *base, *delta;
		const char *from;
		long number;
		int64_t next_update; /* of the delta, from now */
		enum rk_verdict_status status;
	} want[] = {
		{NULL, NULL, "5", 6, 0, RK_VERDICT_GOOD},
		{NULL, &revoked, "5", 6, 0, RK_VERDICT_REVOKED},
		{NULL, &revoked, "3", 6, 0, RK_VERDICT_REVOKED}, /* reaches further back */
		{&revoked, NULL, "5", 6, 0, RK_VERDICT_REVOKED},
		{&held, NULL, "5", 6, 0, RK_VERDICT_REVOKED},
		{&held, &removed, "5", 6, 0, RK_VERDICT_GOOD},
		{NULL, &removed, "5", 6, 0, RK_VERDICT_GOOD},
		{&revoked, &removed, "5", 6, 0, RK_VERDICT_REVOKED}, /* was no hold */
		{&held, &removed, "6", 7, 0, RK_VERDICT_REVOKED},    /* does not fit the base */
		{NULL, &revoked, "6", 7, 0, RK_VERDICT_REVOKED},     /* nor this, but it says so */
		{NULL, NULL, "6", 7, 0, RK_VERDICT_GOOD},            /* the base stands by itself */
		{NULL, &removed, "6", 7, 0, RK_VERDICT_GOOD},        /* and this is no revocation */
		{&held, &removed, "3", 5, 0, RK_VERDICT_REVOKED},    /* not newer than the base */
		{NULL, NULL, "5", 6, -1, RK_VERDICT_UNKNOWN},        /* out of date */
		{&held, &removed, "5", 6, -1, RK_VERDICT_UNKNOWN},
	};
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct test_crl base = {
			.number = 5, .entry = want[i].base, .entry_cnt = want[i].base != NULL};
		const struct test_crl delta = {.number = want[i].number,
			.delta_base = want[i].from,
			.entry = want[i].delta,
			.entry_cnt = want[i].delta != NULL,
			.next_update =
				want[i].next_update != 0 ? f->args.now + want[i].next_update : 0};

		if (JUDGE(f, f->pki.leaf, base, delta) != want[i].status)
			print_message("%zu\n", i);
		assert_int_equal(f->v.status, want[i].status);
		assert_int_equal(JUDGE(f, f->pki.leaf, delta, base), want[i].status);
	}
}

/* The newest delta counts: an older one that is out of date does no harm. */
static void newest_delta_counts(void **state)
{
	struct fixture *f = *state;
	const struct test_crl_entry removed = {.cert = f->pki.leaf, .reason = 8};
	const struct test_crl_entry held = {.cert = f->pki.leaf, .reason = 6};

	assert_int_equal(JUDGE(f, f->pki.leaf, {.number = 5},
				 {.number = 6, .delta_base = "5", .next_update = f->args.now - 1},
				 {.number = 7, .delta_base = "5"}),
		RK_VERDICT_GOOD);
	assert_int_equal(
		JUDGE(f, f->pki.leaf, {.number = 5},
			{.number = 6, .delta_base = "5", .entry = &held, .entry_cnt = 1},
			{.number = 7, .delta_base = "5", .entry = &removed, .entry_cnt = 1}),
		RK_VERDICT_GOOD);
	assert_int_equal(
		JUDGE(f, f->pki.leaf, {.number = 5},
			{.number = 7, .delta_base = "5", .entry = &held, .entry_cnt = 1},
			{.number = 6, .delta_base = "5", .entry = &removed, .entry_cnt = 1}),
		RK_VERDICT_REVOKED);
}

/* A delta of another scope is no delta of this base. */
static void delta_of_another_scope_is_not_applied(void **state)
{
	struct fixture *f = *state;
	const struct test_crl_entry held = {.cert = f->pki.leaf, .reason = 6};
	const struct test_crl_entry removed = {.cert = f->pki.leaf, .reason = 8};

	assert_int_equal(JUDGE(f, f->pki.leaf, {.number = 5, .entry = &held, .entry_cnt = 1},
				 {.number = 6,
					 .delta_base = "5",
					 .idp = "critical,onlyuser:TRUE",
					 .entry = &removed,
					 .entry_cnt = 1}),
		RK_VERDICT_REVOKED);
}

/* Nor is one of another signer, or one that is not of this time yet. */
static void delta_of_another_key_or_day_is_not_applied(void **state)
{
	struct fixture *f = *state;
	const struct test_crl_entry held = {.cert = f->pki.leaf, .reason = 6};
	const struct test_crl_entry removed = {.cert = f->pki.leaf, .reason = 8};
	const struct test_crl base = {.number = 5, .entry = &held, .entry_cnt = 1};
	struct test_crl delta = {.number = 6, .delta_base = "5", .entry = &removed, .entry_cnt = 1};

	assert_int_equal(JUDGE(f, f->pki.leaf, base, delta), RK_VERDICT_GOOD);
	delta.this_update = f->args.now + 3600;
	delta.next_update = f->args.now + 7200;
	assert_int_equal(JUDGE(f, f->pki.leaf, base, delta), RK_VERDICT_REVOKED);
	delta.this_update = delta.next_update = 0;
	delta.issuer = f->pki.ca;
	delta.issuer_key = test_key_shared(TEST_P256, 5);
	assert_int_equal(JUDGE(f, f->pki.leaf, base, delta), RK_VERDICT_REVOKED);
}

static void set_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct pki_crl_set *set = new_set(f);
	struct pki_crl *crl = NULL;
	int i;

	for (i = 0; i <= PKI_CRL_SET_MAX; i++) {
		crl = parse((struct test_crl){.issuer = f->pki.ca, .issuer_key = f->pki.ca_key});
		if (pki_crl_set_add(set, crl) != 0)
			break;
	}
	assert_int_equal(i, PKI_CRL_SET_MAX);
	assert_int_equal(pki_crl_set_cnt(set), PKI_CRL_SET_MAX);
	pki_crl_free(crl);
	pki_crl_set_free(set);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_certificate_must_be_covered),
		T(revoked_leaf_and_ca_are_revoked),
		T(lists_count_only_in_their_time),
		T(foreign_signatures_do_not_count),
		T(scope_is_kept),
		T(names_of_points_are_compared),
		T(reasons_of_points_must_add_up),
		T(users_list_does_not_cover_the_ca),
		T(some_reasons_must_add_up),
		T(delta_alone_covers_nothing),
		T(delta_changes_its_base),
		T(newest_delta_counts),
		T(delta_of_another_scope_is_not_applied),
		T(delta_of_another_key_or_day_is_not_applied),
		T(set_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
