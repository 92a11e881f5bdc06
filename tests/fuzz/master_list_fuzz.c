/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The master list's file with its digest made right, so that the structure behind it is reached;
 * whatever loads is walked, and finds every entry that it holds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "pki/store/master_list.h"

#define DIGEST_AT  48
#define DIGEST_LEN 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct master_list *l)
{
	struct master_entry e, found;

	for (size_t i = 0; i < master_list_source_cnt(l); i++) {
		const struct master_source *s = master_list_source(l, i);
		const struct master_source_info *info = master_source_info(s);

		if (master_list_find_replaced(l, info) != s)
			abort();
		for (size_t n = 0; n < master_source_entry_cnt(s); n++) {
			master_source_entry(s, n, &e);
			if (!master_list_find(l, master_source_subject(s),
				    (struct rk_span){e.serial, e.serial_len}, &found, NULL))
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct master_list *l = NULL;
	uint8_t *copy;

	if (size < DIGEST_AT + DIGEST_LEN) {
		if (master_list_parse(data, size, &l) == 0)
			abort(); /* not even a header */
		return 0;
	}
	copy = malloc(size);
	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	memset(copy + DIGEST_AT, 0, DIGEST_LEN);
	if (EVP_Digest(copy, size, copy + DIGEST_AT, NULL, EVP_sha256(), NULL) != 1)
		abort();
	if (master_list_parse(copy, size, &l) == 0)
		walk(l);
	master_list_put(l);
	free(copy);
	return 0;
}
