/* SPDX-License-Identifier: BSD-3-Clause */
/* The master list in a folder of the test's own. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <openssl/evp.h>
#include <cmocka.h>

#include "pki/view/file.h"
#include "tests/unit/folder_fixture.h"
#include "tests/unit/master_fixture.h"

static struct folder folder;

static inline int setup(void **state)
{
	(void)state;
	folder_init(&folder);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	folder_fini(&folder);
	return 0;
}

/* Of a file that was changed. */
static inline void make_digest_right(uint8_t *data, size_t len)
{
	enum { AT = 48, DIGEST = 32 };

	memset(data + AT, 0, DIGEST);
	assert_int_equal(EVP_Digest(data, len, data + AT, NULL, EVP_sha256(), NULL), 1);
}

static inline struct master_list *some_list(void)
{
	struct master_list *list = NULL;

	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, source_of("http://b", 9, 100, 50)), 0);
	assert_int_equal(put_in(&list, source_of("http://a", 9, 300, 10)), 0);
	assert_int_equal(put_in(&list, source_of("http://empty", 9, 0, 0)), 0);
	return list;
}

static inline void assert_lists_equal(const struct master_list *a, const struct master_list *b)
{
	assert_int_equal(master_list_generation(a), master_list_generation(b));
	assert_int_equal(master_list_source_cnt(a), master_list_source_cnt(b));
	for (size_t i = 0; i < master_list_source_cnt(a); i++) {
		const struct master_source *x = master_list_source(a, i);
		const struct master_source *y = master_list_source(b, i);
		struct master_entry e, f;

		assert_string_equal(master_source_info(x)->url, master_source_info(y)->url);
		assert_string_equal(master_source_info(x)->scope, master_source_info(y)->scope);
		assert_true(rk_span_equal(master_source_info(x)->key, master_source_info(y)->key));
		assert_int_equal(
			master_source_info(x)->subject.len, master_source_info(y)->subject.len);
		assert_int_equal(
			master_source_info(x)->fetched_at, master_source_info(y)->fetched_at);
		assert_int_equal(
			master_source_info(x)->next_update, master_source_info(y)->next_update);
		assert_int_equal(master_source_entry_cnt(x), master_source_entry_cnt(y));
		for (size_t n = 0; n < master_source_entry_cnt(x); n++) {
			master_source_entry(x, n, &e);
			master_source_entry(y, n, &f);
			assert_memory_equal(&e, &f, sizeof(e));
		}
	}
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
