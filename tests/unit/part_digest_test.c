/* SPDX-License-Identifier: BSD-3-Clause */
/* The digest of a part in its two versions: S4 of docs/snapshot.md. */
#include "pki/view/part_digest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/view_fixture.h"

enum { ENTRIES = 12345 }; /* three chunks */

static struct bytes base_bytes(void)
{
	struct rk_revocation_entry *e = calloc(ENTRIES, sizeof(*e));
	struct compile_part part = {.fd = -1};
	struct rk_refusal why = {""};

	assert_non_null(e);
	for (uint64_t i = 0; i < ENTRIES; i++) /* spread evenly */
		e[i] = (struct rk_revocation_entry){
			(i * (UINT64_MAX / ENTRIES) & ~UINT64_C(0xf)) | 1, i};
	assert_int_equal(
		compile_revocations(RK_PART_REVOCATION_BASE, e, ENTRIES, NULL, 0, &part, &why), 0);
	free(e);
	return read_part(&part);
}

static int open_bytes(struct bytes b, enum rk_part_kind kind, struct rk_refusal *why)
{
	struct rk_part *part = NULL;
	int ret = rk_part_open_bytes(b.data, b.len, kind, true, &part, why);

	rk_part_close(part);
	return ret;
}

static struct rk_part_header *header_of(struct bytes b)
{
	return (struct rk_part_header *)b.data;
}

/* The part in this version, with the digest that belongs to it. */
static void turn_into(struct bytes b, const char *magic)
{
	memcpy(header_of(b)->magic, magic, sizeof(header_of(b)->magic));
	assert_int_equal(rk_part_compute_digest(b.data, b.len, header_of(b)->digest), 0);
}

static void any_damage_is_noticed(void **state)
{
	struct bytes b = base_bytes();
	struct rk_refusal why = {""};

	(void)state;
	assert_true(rk_part_is_chunked(header_of(b)));
	assert_in_range(rk_part_chunk_cnt(b.len), 3, 4);
	assert_int_equal(open_bytes(b, RK_PART_REVOCATION_BASE, &why), 0);
	for (size_t i = 0; i < b.len; i += i < 256 ? 1 : 997) {
		b.data[i] ^= 0x20;
		assert_int_equal(open_bytes(b, RK_PART_REVOCATION_BASE, &why), -EBADMSG);
		assert_string_equal(why.text, "digest does not match");
		b.data[i] ^= 0x20;
	}
	b.len -= 64; /* the last line */
	assert_int_equal(open_bytes(b, RK_PART_REVOCATION_BASE, &why), -EBADMSG);
	free(b.data);
}

/* Two chunks that change places leave all tags as they were, but not their order. */
static void order_of_chunks_counts(void **state)
{
	struct bytes b = base_bytes();
	uint8_t *moved = malloc(RK_PART_CHUNK), *a = b.data + RK_PART_CHUNK, *c = a + RK_PART_CHUNK;
	struct rk_refusal why = {""};
	size_t len = b.len - 2 * RK_PART_CHUNK;

	(void)state;
	assert_non_null(moved);
	if (len > RK_PART_CHUNK)
		len = RK_PART_CHUNK;
	memcpy(moved, a, len);
	memcpy(a, c, len);
	memcpy(c, moved, len);
	assert_int_equal(open_bytes(b, RK_PART_REVOCATION_BASE, &why), -EBADMSG);
	assert_string_equal(why.text, "digest does not match");
	free(moved);
	free(b.data);
}

static void former_version_of_a_base_is_read(void **state)
{
	struct bytes b = base_bytes();
	uint8_t chunked[RK_DIGEST_LEN];
	struct rk_refusal why = {""};

	(void)state;
	memcpy(chunked, header_of(b)->digest, sizeof(chunked));
	turn_into(b, RK_PART_MAGIC);
	assert_memory_not_equal(chunked, header_of(b)->digest, sizeof(chunked));
	assert_int_equal(open_bytes(b, RK_PART_REVOCATION_BASE, &why), 0);
	b.data[b.len / 2] ^= 1;
	assert_int_equal(open_bytes(b, RK_PART_REVOCATION_BASE, &why), -EBADMSG);
	b.data[b.len / 2] ^= 1;
	turn_into(b, RK_PART_MAGIC_CHUNKED);
	assert_memory_equal(chunked, header_of(b)->digest, sizeof(chunked));
	free(b.data);
}

/* One layout a kind: what peers may put words into keeps SHA-256 of every byte. */
static void other_kinds_have_one_version(void **state)
{
	struct rk_verdict v = fixture_verdict(3);
	const struct rk_verdict *list[] = {&v};
	struct compile_part part = {.fd = -1};
	struct rk_refusal why = {""};
	struct bytes b;

	(void)state;
	assert_int_equal(compile_verdicts(list, 1, &part, &why), 0);
	b = read_part(&part);
	assert_false(rk_part_is_chunked(header_of(b)));
	turn_into(b, RK_PART_MAGIC_CHUNKED);
	assert_int_equal(open_bytes(b, RK_PART_VERDICTS, &why), -EBADMSG);
	assert_string_equal(why.text, "not a part, or of another version");
	free(b.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_damage_is_noticed),
		cmocka_unit_test(order_of_chunks_counts),
		cmocka_unit_test(former_version_of_a_base_is_read),
		cmocka_unit_test(other_kinds_have_one_version),
	};

	return cmocka_run_group_tests_name("part_digest", tests, NULL, NULL);
}
