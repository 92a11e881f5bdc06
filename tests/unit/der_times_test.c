/* SPDX-License-Identifier: BSD-3-Clause */
/* Many dates at once: what each of them is alone, and none of them when one is bad. */
#include "pki/x509/der.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Texts waiting, and what pki_der_utc_time says of each. */
struct batch {
	struct pki_der_utc_texts texts;
	int64_t wanted[PKI_DER_UTC_TEXTS];
	size_t cnt;
};

static void take(struct pki_der_utc_texts *texts, size_t i, const char text[13])
{
	uint64_t date;
	uint32_t time;

	memcpy(&date, text, sizeof(date));
	memcpy(&time, text + sizeof(date), sizeof(time));
	texts->date[i] = le64toh(date);
	texts->time[i] = le32toh(time);
}

static void check_all(struct batch *b)
{
	int64_t got[PKI_DER_UTC_TEXTS];

	assert_true(pki_der_utc_times(&b->texts, b->cnt, got));
	assert_memory_equal(got, b->wanted, b->cnt * sizeof(got[0]));
	b->cnt = 0;
}

/* Every day of the hundred years, with every hour, minute and second at one of them. */
static void all_dates_are_the_same_dates(void **state)
{
	struct batch b = {.cnt = 0};
	unsigned n = 0;
	char text[32];

	(void)state;
	for (unsigned day = 0; day < 100 * 12 * 31; day++, n += 7919) {
		snprintf(text, sizeof(text), "%02u%02u%02u%02u%02u%02uZ", day / 372,
			day / 31 % 12 + 1, day % 31 + 1, n % 24, n / 24 % 60, n / 1440 % 60);
		if (!pki_der_utc_time((const uint8_t *)text, &b.wanted[b.cnt]))
			continue; /* no such day: below */
		take(&b.texts, b.cnt++, text);
		if (b.cnt == 1 + day % PKI_DER_UTC_TEXTS || b.cnt == PKI_DER_UTC_TEXTS)
			check_all(&b);
	}
	check_all(&b);
}

/* One bad among good ones, wherever it is. */
static void assert_refused(const char *text, bool is_good, size_t at)
{
	struct pki_der_utc_texts texts;
	int64_t got[PKI_DER_UTC_TEXTS];

	for (size_t i = 0; i < PKI_DER_UTC_TEXTS; i++)
		take(&texts, i, "240229235959Z");
	take(&texts, at, text);
	assert_int_equal(pki_der_utc_times(&texts, PKI_DER_UTC_TEXTS, got), is_good);
	assert_int_equal(pki_der_utc_times(&texts, at + 1, got), is_good);
	assert_true(pki_der_utc_times(&texts, at, got));
}

static void one_bad_date_is_noticed_wherever_it_is(void **state)
{
	char text[32];
	int64_t alone;

	(void)state;
	for (size_t at = 0; at < PKI_DER_UTC_TEXTS; at += 5) {
		for (size_t i = 0; i < 12; i++) {
			for (unsigned byte = 0; byte < 256; byte++) {
				memcpy(text, "231130195949Z", 14);
				text[i] = (char)byte;
				assert_refused(
					text, pki_der_utc_time((const uint8_t *)text, &alone), at);
			}
		}
	}
	for (unsigned day = 0; day < 100 * 16 * 40; day += 3) {
		snprintf(text, sizeof(text), "%02u%02u%02u000000Z", day / 640, day / 40 % 16,
			day % 40);
		assert_refused(text, pki_der_utc_time((const uint8_t *)text, &alone),
			day % PKI_DER_UTC_TEXTS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_dates_are_the_same_dates),
		cmocka_unit_test(one_bad_date_is_noticed_wherever_it_is),
	};

	return cmocka_run_group_tests_name("der_times", tests, NULL, NULL);
}
