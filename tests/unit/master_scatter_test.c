/* SPDX-License-Identifier: BSD-3-Clause */
/* Sources of entries in no order, beside qsort: however they fall, whether they have runs or not. */
#include "pki/store/master_scatter.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/master_fixture.h"

enum {
	CNT = 100000,
	SPACE = 40, /* octets of a list, from one serial to the next */
	HALF = CNT / 2,
};
static_assert(CNT > SCATTER_MIN, "enough for runs");

static uint64_t mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void put_u64(uint8_t *to, uint64_t x)
{
	x = htobe64(x);
	memcpy(to, &x, sizeof(x));
}

/* One way to fall. */
struct way {
	const char *name;
	size_t len;
	void (*fill)(size_t i, uint8_t *serial, size_t *len); /* serial: random octets */
	size_t space; /* of entries from HALF on; 0: as of those before */
	bool is_even; /* has runs to the end: the keys tell, made of them */
	size_t repeated;
};

static void at_random(size_t i, uint8_t *serial, size_t *len)
{
	(void)i, (void)serial, (void)len;
}

static void within_a_prefix(size_t i, uint8_t *serial, size_t *len)
{
	(void)i, (void)len;
	memset(serial, 0x33, 3);
}

static void behind_a_long_prefix(size_t i, uint8_t *serial, size_t *len)
{
	(void)i, (void)len;
	memset(serial, 0x33, 10);
}

static void in_sequence(size_t i, uint8_t *serial, size_t *len)
{
	(void)len;
	put_u64(serial, 1000 + (i ^ 1));
}

static void reversed(size_t i, uint8_t *serial, size_t *len)
{
	(void)len;
	put_u64(serial, (CNT - i) * UINT64_C(0x123456789ab));
}

static void nearly_sorted(size_t i, uint8_t *serial, size_t *len)
{
	(void)len;
	put_u64(serial, (i % 1000 == 999 ? i - 500 : i) << 40 | i);
}

static void crowded(size_t i, uint8_t *serial, size_t *len)
{
	(void)len;
	if (i % 4 != 0)
		memset(serial, 0x41, 5);
}

/* The sample says nothing of it: all these go into one run, or two. */
static void crowded_later(size_t i, uint8_t *serial, size_t *len)
{
	(void)len;
	if (i >= HALF)
		memset(serial, 0x41, 4);
}

static void beyond_the_sample(size_t i, uint8_t *serial, size_t *len)
{
	(void)len;
	if (i < SCATTER_SAMPLE + 64)
		serial[0] = 0x40 | (serial[0] & 0x0f);
}

static void of_two_lengths(size_t i, uint8_t *serial, size_t *len)
{
	(void)serial;
	*len -= i % 2;
}

/* As a CA's random serials are, whose leading zero octets DER drops. */
static void one_of_256_shorter(size_t i, uint8_t *serial, size_t *len)
{
	(void)serial;
	*len -= mix(i + CNT) % 256 == 0;
}

static void of_three_lengths(size_t i, uint8_t *serial, size_t *len)
{
	(void)serial;
	*len -= 3 * (mix(i + CNT) % 3);
}

static void some_of_few_octets(size_t i, uint8_t *serial, size_t *len)
{
	(void)serial;
	if (mix(i + CNT) % 64 == 0)
		*len = 4 + i % 7;
}

static void many_of_few_octets(size_t i, uint8_t *serial, size_t *len)
{
	(void)serial;
	if (i % 3 == 0)
		*len = 7;
}

/* Of so many that one run has no room. */
static void shorter_later(size_t i, uint8_t *serial, size_t *len)
{
	(void)serial;
	if (i >= HALF)
		*len -= i % 2;
}

/* Not so many. */
static void some_shorter_later(size_t i, uint8_t *serial, size_t *len)
{
	(void)serial;
	if (i >= HALF && i % 16 == 0)
		*len = 5 + i / 16 % 11;
}

static void longer_later(size_t i, uint8_t *serial, size_t *len)
{
	(void)serial;
	*len += i >= HALF && i % 2 == 0;
}

/* One length falls evenly, and the other does not. */
static void one_length_crowded(size_t i, uint8_t *serial, size_t *len)
{
	*len -= i % 2;
	if (i % 8 == 0)
		memset(serial, 0x41, 6);
}

static void within_a_prefix_of_two_lengths(size_t i, uint8_t *serial, size_t *len)
{
	memset(serial, 0x33, 3);
	*len -= mix(i + CNT) % 40 == 0;
}

static void some_twice_of_two_lengths(size_t i, uint8_t *serial, size_t *len)
{
	*len -= i % 2;
	if (i < 100 || (i >= HALF && i < HALF + 100))
		put_u64(serial, mix(i % HALF)), memset(serial + 8, 1, 9);
}

static void in_order_of_two_lengths(size_t i, uint8_t *serial, size_t *len)
{
	put_u64(serial, (i + 1) * UINT64_C(0x123456789ab));
	*len -= i < HALF;
}

static void one_longer(size_t i, uint8_t *serial, size_t *len)
{
	(void)serial;
	*len += i == HALF;
}

static void one_shorter(size_t i, uint8_t *serial, size_t *len)
{
	(void)serial;
	*len -= i == CNT - 1;
}

static void some_twice(size_t i, uint8_t *serial, size_t *len)
{
	(void)len;
	if (i < 100 || (i >= HALF && i < HALF + 100))
		put_u64(serial, mix(i % HALF)), memset(serial + 8, 1, 8);
}

static void one_twice(size_t i, uint8_t *serial, size_t *len)
{
	(void)len;
	if (i == 0 || i == HALF)
		memset(serial, 0x42, 16);
}

static void in_order(size_t i, uint8_t *serial, size_t *len)
{
	(void)len;
	put_u64(serial, (i + 1) * UINT64_C(0x123456789ab));
}

/* It belongs into the first run. */
static void one_before_the_sample(size_t i, uint8_t *serial, size_t *len)
{
	(void)len;
	serial[0] |= 0x40;
	if (i == HALF)
		memset(serial, 0, 7);
}

/* So many share a place that no desk takes a run. */
static void of_few_beginnings(size_t i, uint8_t *serial, size_t *len)
{
	(void)i, (void)len;
	serial[1] &= 0xf0;
	memset(serial + 2, 0x33, 8);
}

/* It came with the sample, but is not looked at. */
static void one_shorter_behind_the_sample(size_t i, uint8_t *serial, size_t *len)
{
	(void)serial;
	*len -= i == SCATTER_SAMPLE + 3;
}

static const struct way ways[] = {
	{.name = "at random", .len = 16, .fill = at_random, .is_even = true},
	{.name = "of 20 octets", .len = 20, .fill = at_random, .is_even = true},
	{.name = "of 9 octets", .len = 9, .fill = at_random, .is_even = true},
	{.name = "within a prefix", .len = 18, .fill = within_a_prefix, .is_even = true},
	{.name = "more and more", .len = 16, .fill = at_random, .space = SPACE / 2},
	{.name = "fewer and fewer",
		.len = 16,
		.fill = at_random,
		.space = SPACE * 2,
		.is_even = true},
	{.name = "of 7 octets", .len = 7, .fill = at_random},
	{.name = "behind a long prefix", .len = 20, .fill = behind_a_long_prefix},
	{.name = "in sequence", .len = 16, .fill = in_sequence},
	{.name = "reversed", .len = 16, .fill = reversed},
	{.name = "nearly sorted", .len = 16, .fill = nearly_sorted},
	{.name = "crowded", .len = 16, .fill = crowded},
	{.name = "crowded later", .len = 16, .fill = crowded_later},
	{.name = "beyond the sample", .len = 16, .fill = beyond_the_sample},
	{.name = "of 16 and 17 octets", .len = 17, .fill = of_two_lengths, .is_even = true},
	{.name = "of 19 and 20 octets", .len = 20, .fill = of_two_lengths, .is_even = true},
	{.name = "of 8 and 9 octets", .len = 9, .fill = of_two_lengths, .is_even = true},
	{.name = "of 7 and 8 octets", .len = 8, .fill = of_two_lengths},
	{.name = "one of 256 shorter", .len = 16, .fill = one_of_256_shorter, .is_even = true},
	{.name = "of three lengths", .len = 18, .fill = of_three_lengths, .is_even = true},
	{.name = "some of few octets", .len = 16, .fill = some_of_few_octets, .is_even = true},
	{.name = "many of few octets", .len = 16, .fill = many_of_few_octets},
	{.name = "shorter later", .len = 16, .fill = shorter_later},
	{.name = "some shorter later", .len = 16, .fill = some_shorter_later, .is_even = true},
	{.name = "longer later", .len = 16, .fill = longer_later},
	{.name = "one length crowded", .len = 16, .fill = one_length_crowded},
	{.name = "within a prefix, of two lengths",
		.len = 18,
		.fill = within_a_prefix_of_two_lengths,
		.is_even = true},
	{.name = "some twice, of two lengths",
		.len = 17,
		.fill = some_twice_of_two_lengths,
		.repeated = 100},
	{.name = "in order, of two lengths", .len = 17, .fill = in_order_of_two_lengths},
	{.name = "one longer", .len = 16, .fill = one_longer},
	{.name = "one shorter", .len = 16, .fill = one_shorter, .is_even = true},
	{.name = "one twice", .len = 16, .fill = one_twice, .repeated = 1},
	{.name = "in order", .len = 16, .fill = in_order},
	{.name = "one before the sample",
		.len = 16,
		.fill = one_before_the_sample,
		.is_even = true},
	{.name = "of few beginnings", .len = 16, .fill = of_few_beginnings, .is_even = true},
	{.name = "one shorter behind the sample",
		.len = 16,
		.fill = one_shorter_behind_the_sample,
		.is_even = true},
	{.name = "some twice", .len = 16, .fill = some_twice, .repeated = 100},
};

/* The entries of a list as a walk finds them. */
static struct pki_crl_entry *make_entries(const struct way *w, uint8_t **der, size_t *octets)
{
	struct pki_crl_entry *entry = calloc(CNT, sizeof(*entry));
	size_t at = 0;

	*der = calloc(CNT + 1, 2 * SPACE);
	assert_true(entry != NULL && *der != NULL);
	for (size_t i = 0; i < CNT; i++) {
		uint8_t *serial = *der + at;
		size_t len = w->len;

		for (size_t n = 0; n < 24; n += 8)
			put_u64(serial + n, mix(i * 4 + n));
		serial[0] &= 0x7f;
		w->fill(i, serial, &len);
		entry[i] = (struct pki_crl_entry){.serial = serial,
			.serial_len = len,
			.date = (int64_t)(mix(i) % 1000000),
			.reason = i % 5};
		at += i < HALF || w->space == 0 ? SPACE : w->space;
	}
	*octets = at;
	return entry;
}

static size_t compared; /* octets, of compare */

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, compared);
}

/* As the source has to be: sorted by all, of each serial the first. */
static uint8_t *make_wanted(const struct pki_crl_entry *entry, size_t room, size_t *cnt)
{
	size_t stride = master_stride(room);
	uint8_t *record = calloc(CNT, stride);

	assert_non_null(record);
	for (size_t i = 0; i < CNT; i++)
		master_record_write(record + i * stride, room,
			(struct rk_span){entry[i].serial, entry[i].serial_len}, entry[i].date,
			(uint8_t)entry[i].reason);
	compared = stride;
	qsort(record, CNT, stride, compare);
	*cnt = 1;
	for (size_t i = 1; i < CNT; i++)
		if (memcmp(record + (*cnt - 1) * stride, record + i * stride, 1 + room) != 0)
			memmove(record + (*cnt)++ * stride, record + i * stride, stride);
	return record;
}

static const uint8_t secret[PKI_INSTALLATION_KEY_LEN] = {7}, issuer[PKI_ISSUER_HASH_LEN] = {9};

/* All keys, in the order of the entries. */
static void assert_keyed(const struct master_source *s, const struct master_keys *keys)
{
	struct pki_revocation_keyer *keyer = NULL;
	const struct rk_revocation_entry *have;
	size_t cnt;

	assert_int_equal(pki_revocation_keyer_new(secret, &keyer), 0);
	have = master_keys_entries(keys, &cnt);
	assert_int_equal(cnt, master_source_entry_cnt(s));
	for (size_t i = 0; i < cnt; i++) {
		struct rk_revocation_entry wanted;
		struct rk_span serial;
		uint8_t reason;

		master_source_serials(s, i, 1, &serial, &reason);
		pki_revocation_entries(keyer, issuer, &serial, &reason, 1, &wanted);
		assert_memory_equal(&have[i], &wanted, sizeof(wanted));
	}
	pki_revocation_keyer_free(keyer);
}

static bool is_never_enough(void *ctx)
{
	(void)ctx;
	return false;
}

/* at_once: entries, as a walk hands them out. */
static struct master_source *build(
	const struct way *w, const struct pki_crl_entry *entry, size_t octets, size_t at_once)
{
	uint8_t number = 1;
	struct master_source_info info = info_of("u", &number);
	struct master_source *source = NULL;
	struct master_builder *b = NULL;
	struct master_keys *keys = NULL;

	assert_int_equal(master_builder_new(&info, &b), 0);
	assert_int_equal(master_keys_new(secret, issuer, &keys), 0);
	master_builder_expect(b, octets);
	master_builder_key(b, keys);
	for (size_t i = 0; i < CNT; i += at_once) {
		size_t cnt = CNT - i < at_once ? CNT - i : at_once;

		assert_int_equal(master_builder_add_entries(b, entry + i, cnt), 0);
	}
	assert_int_equal(master_builder_repeated(b), w->repeated);
	assert_int_equal(master_builder_finish(b, &source), 0);
	return source;
}

static void assert_as_qsort(const struct way *w, size_t at_once)
{
	uint8_t *der, *wanted;
	size_t octets, cnt;
	struct pki_crl_entry *entry = make_entries(w, &der, &octets);
	struct master_source *source = build(w, entry, octets, at_once);
	const struct master_keys *keys;

	print_message("%s\n", w->name);
	wanted = make_wanted(entry, source->serial_room, &cnt);
	assert_int_equal(source->entry_cnt, cnt);
	assert_memory_equal(source->records, wanted, cnt * master_stride(source->serial_room));
	keys = atomic_load(&source->keys);
	assert_int_equal(keys != NULL, w->repeated == 0);
	if (keys != NULL) {
		assert_int_equal(master_keys_are_ended(keys), w->is_even);
		master_source_make_keys(source, is_never_enough, NULL);
		assert_keyed(source, keys);
	}
	master_source_put(source);
	free(wanted);
	free(entry);
	free(der);
}

static void source_is_the_same_however_entries_fall(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		assert_as_qsort(&ways[i], PKI_CRL_VISIT_MAX - 1); /* a sample and some more */
	assert_as_qsort(&ways[0], 1);
	assert_as_qsort(&ways[0], 3 * SCATTER_SAMPLE);
}

/* What cannot be kept is refused in a run, too. */
static void runs_take_no_bad_entry(void **state)
{
	uint8_t number = 1, *der;
	struct master_source_info info = info_of("u", &number);
	struct master_builder *b = NULL;
	struct pki_crl_entry *entry, bad;
	uint8_t *one = malloc(1); /* octet: who reads more, reads beyond */
	size_t octets;

	(void)state;
	assert_non_null(one);
	*one = 5;
	entry = make_entries(&ways[0], &der, &octets);
	assert_int_equal(master_builder_new(&info, &b), 0);
	master_builder_expect(b, octets);
	for (size_t i = 0; i < HALF; i += 50)
		assert_int_equal(master_builder_add_entries(b, entry + i, 50), 0);
	bad = entry[HALF];
	bad.reason = RK_REASON_REMOVED;
	assert_int_equal(master_builder_add_entries(b, &bad, 1), -EINVAL);
	bad = entry[HALF];
	bad.date = -1;
	assert_int_equal(master_builder_add_entries(b, &bad, 1), -EINVAL);
	bad = entry[HALF];
	bad.serial_len = 0;
	assert_int_equal(master_builder_add_entries(b, &bad, 1), -EINVAL);
	bad.serial_len = MASTER_SERIAL_MAX + 1;
	assert_int_equal(master_builder_add_entries(b, &bad, 1), -EINVAL);
	assert_int_equal(master_builder_add_entries(b, &entry[HALF], 1), 0);
	bad.serial = one;
	bad.serial_len = 1;
	assert_int_equal(master_builder_add_entries(b, &bad, 1), 0);
	master_builder_free(b); /* before its end */
	free(one);
	free(entry);
	free(der);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(source_is_the_same_however_entries_fall),
		cmocka_unit_test(runs_take_no_bad_entry),
	};

	return cmocka_run_group_tests_name("master_scatter", tests, NULL, NULL);
}
