/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of the tests of the master list. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pki/store/master_list.h"

#define SPAN(text) ((struct rk_span){(const uint8_t *)(text), sizeof(text) - 1})

static inline struct master_source_info info_of(const char *url, uint8_t *number)
{
	return (struct master_source_info){
		.issuer = SPAN("issuer one"),
		.ca_name = "CN=one",
		.url = url,
		.scope = "",
		.number = {number, 1},
		.this_update = 1000,
		.next_update = 2000,
		.fetched_at = 1500,
	};
}

static inline struct rk_span mark_of(const struct master_list *l, const char *scope)
{
	return master_list_mark(
		l, &(struct master_source_info){.issuer = SPAN("issuer one"), .scope = scope});
}

/* A CRL of the given number with entry_cnt serials of two bytes, beginning at first. */
static inline struct master_source *source_of(
	const char *url, uint8_t number, uint16_t first, uint16_t entry_cnt)
{
	struct master_source_info info = info_of(url, &number);
	struct master_builder *b = NULL;
	struct master_source *s = NULL;

	assert_int_equal(master_builder_new(&info, &b), 0);
	for (uint16_t i = 0; i < entry_cnt; i++) {
		uint16_t n = (uint16_t)(first + entry_cnt - 1 - i);
		uint8_t serial[2] = {(uint8_t)(n >> 8), (uint8_t)n};

		assert_int_equal(master_builder_add(b, (struct rk_span){serial, 2}, 1000 + n,
					 RK_REASON_KEY_COMPROMISE),
			0);
	}
	assert_int_equal(master_builder_finish(b, &s), 0);
	return s;
}

/* One without entries that this key signed; base 0: a full list. */
static inline struct master_source *signed_source(
	const char *url, uint8_t number, uint8_t base, const uint8_t key[MASTER_KEY_LEN])
{
	struct master_source_info info = info_of(url, &number);
	struct master_builder *b = NULL;
	struct master_source *s = NULL;

	info.base_number = (struct rk_span){&base, base != 0};
	info.key = (struct rk_span){key, key != NULL ? MASTER_KEY_LEN : 0};
	info.this_update += number;
	assert_int_equal(master_builder_new(&info, &b), 0);
	assert_int_equal(master_builder_finish(b, &s), 0);
	return s;
}

/* One of an indirect CRL's sources: subject "" is the CRL's own issuer; one entry, if serial is not 0. */
static inline struct master_source *member_of(
	const char *url, uint8_t number, const char *subject, uint8_t serial)
{
	struct master_source_info info = info_of(url, &number);
	struct master_builder *b = NULL;
	struct master_source *s = NULL;

	info.scope = "indirect";
	info.idp = SPAN("\x30\x03\x84\x01\xff");
	info.subject = (struct rk_span){(const uint8_t *)subject, strlen(subject)};
	assert_int_equal(master_builder_new(&info, &b), 0);
	if (serial != 0)
		assert_int_equal(master_builder_add(b, (struct rk_span){&serial, 1}, 1000,
					 RK_REASON_KEY_COMPROMISE),
			0);
	assert_int_equal(master_builder_finish(b, &s), 0);
	return s;
}

/* list becomes the new list with this group; references are given back. */
static inline int put_group(struct master_list **list, struct master_source **group, size_t cnt)
{
	struct master_list *next = NULL;
	int ret = master_list_replace_group(*list, group, cnt, &next);

	for (size_t i = 0; i < cnt; i++)
		master_source_put(group[i]);
	if (ret == 0) {
		master_list_put(*list);
		*list = next;
	}
	return ret;
}

/* list becomes the new list; the old reference is given back. */
static inline int put_in(struct master_list **list, struct master_source *s)
{
	struct master_list *next = NULL;
	int ret = master_list_replace(*list, s, &next);

	master_source_put(s);
	if (ret == 0) {
		master_list_put(*list);
		*list = next;
	}
	return ret;
}
