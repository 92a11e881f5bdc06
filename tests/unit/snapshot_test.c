/* SPDX-License-Identifier: BSD-3-Clause */
/* The reader of parts: accepts what the compiler builds, refuses every field of it spoiled. */
#include "pki/view/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/view_fixture.h"

static struct bytes config_bytes(void)
{
	struct compile_part part = {.fd = -1};
	struct rk_refusal why = {""};
	struct fixture f;

	fixture_init(&f);
	assert_int_equal(compile_config(&f.config, &part, &why), 0);
	return read_part(&part);
}

static struct bytes verdict_bytes(void)
{
	struct rk_verdict v[] = {fixture_verdict(3), fixture_verdict(1)};
	const struct rk_verdict *list[] = {&v[0], &v[1]};
	struct compile_part part = {.fd = -1};
	struct rk_refusal why = {""};

	assert_int_equal(compile_verdicts(list, 2, &part, &why), 0);
	return read_part(&part);
}

static struct bytes revocation_bytes(enum rk_part_kind kind)
{
	struct rk_revocation_entry e[] = {
		fixture_revocation(1, 1), fixture_revocation(2, 6), fixture_revocation(3, 0)};
	struct rk_issuer issuer[] = {{{{9}}, 50, RK_POLICY_HARD}, {{{8}}, 60, RK_POLICY_SOFT}};
	struct compile_part part = {.fd = -1};
	struct rk_refusal why = {""};

	assert_int_equal(compile_revocations(kind, e, 3, issuer, 2, &part, &why), 0);
	return read_part(&part);
}

static int open_bytes(struct bytes b, enum rk_part_kind kind, struct rk_refusal *why)
{
	struct rk_part *part = NULL;
	int ret = rk_part_open_bytes(b.data, b.len, kind, true, &part, why);

	rk_part_close(part);
	return ret;
}

/* With a fresh digest, so that it is the reader's own check that refuses. */
static void assert_refused(struct bytes b, enum rk_part_kind kind, const char *what)
{
	struct rk_refusal why = {""};

	assert_int_equal(rk_part_compute_digest(
				 b.data, b.len, b.data + offsetof(struct rk_part_header, digest)),
		0);
	if (open_bytes(b, kind, &why) != -EBADMSG || why.text[0] == 0)
		fail_msg("taken: %s (%s)", what, why.text);
}

/* Puts another value over the bytes at offset, asserts the refusal, puts the old back. */
static void spoil(
	struct bytes b, enum rk_part_kind kind, size_t offset, const void *value, size_t len)
{
	uint8_t old[64], old_digest[RK_DIGEST_LEN];
	uint8_t *digest = b.data + offsetof(struct rk_part_header, digest);
	char what[64];

	assert_true(len <= sizeof(old) && offset + len <= b.len);
	memcpy(old, b.data + offset, len);
	memcpy(old_digest, digest, sizeof(old_digest));
	assert_memory_not_equal(old, value, len);
	memcpy(b.data + offset, value, len);
	snprintf(what, sizeof(what), "kind %u, %zu bytes at %zu", (unsigned)kind, len, offset);
	assert_refused(b, kind, what);
	memcpy(b.data + offset, old, len);
	memcpy(digest, old_digest, sizeof(old_digest));
}

static void spoil_integer(
	struct bytes b, enum rk_part_kind kind, size_t offset, uint64_t value, size_t len)
{
	spoil(b, kind, offset, &value, len); /* parts are little-endian, so is the test machine */
}

static struct rk_section *section_of(struct bytes b, enum rk_section_id id)
{
	struct rk_part_header *header = (struct rk_part_header *)b.data;
	struct rk_section *s = (struct rk_section *)(header + 1);

	for (uint32_t i = 0; i < header->section_cnt; i++) {
		if (s[i].id == (uint32_t)id)
			return &s[i];
	}
	fail_msg("no section %u", (unsigned)id);
	return NULL;
}

static void spoil_frame(struct bytes b, enum rk_part_kind kind)
{
	const struct rk_part_header *header = (const struct rk_part_header *)b.data;
	static const uint64_t values[] = {
		1, 63, 64, 128, UINT32_MAX, UINT64_MAX, UINT64_MAX - 63, (uint64_t)1 << 63};
	uint64_t old;

	for (size_t i = 0; i < sizeof(*header); i++) {
		if (i >= offsetof(struct rk_part_header, digest) &&
			i < offsetof(struct rk_part_header, zero))
			continue;
		/* of a base two versions are read: see part_digest_test.c */
		spoil_integer(b, kind, i, b.data[i] ^ (i == 7 ? 0x04u : 0x01u), 1);
		spoil_integer(b, kind, i, b.data[i] ^ 0x80u, 1);
	}
	/* Every byte of the directory, and every 64-bit field set to values that overflow. */
	for (uint32_t n = 0; n < header->section_cnt; n++) {
		size_t at = sizeof(*header) + n * sizeof(struct rk_section);

		for (size_t i = 0; i < sizeof(struct rk_section); i++)
			spoil_integer(b, kind, at + i, b.data[at + i] ^ 0x01u, 1);
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			for (size_t field = 8; field < 32; field += 8) {
				memcpy(&old, b.data + at + field, 8);
				if (old != values[i])
					spoil_integer(b, kind, at + field, values[i], 8);
			}
		}
	}
}

/* S1: header and directory of all kinds; also cut short at every multiple of the alignment. */
static void every_field_of_the_frame_is_checked(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < RK_PART_CNT; kind++) {
		struct bytes b = kind == RK_PART_CONFIG     ? config_bytes()
				 : kind == RK_PART_VERDICTS ? verdict_bytes()
							    : revocation_bytes(kind);
		struct rk_refusal why = {""};
		size_t whole = b.len;

		assert_int_equal(open_bytes(b, kind, &why), 0);
		spoil_frame(b, kind);
		for (unsigned other = 0; other < RK_PART_CNT + 2; other++) {
			if (other != kind)
				assert_int_equal(open_bytes(b, other, &why), -EBADMSG);
		}
		for (b.len = 0; b.len < 64; b.len++)
			assert_int_equal(open_bytes(b, kind, &why), -EBADMSG);
		for (b.len = 64; b.len < whole; b.len += 64)
			assert_refused(b, kind, "cut short");
		b.len = whole - 1;
		assert_int_equal(open_bytes(b, kind, &why), -EBADMSG);
		free(b.data);
	}
}

/* S4 */
static void digest_is_checked_when_asked(void **state)
{
	struct bytes b = config_bytes();
	const struct rk_section *s = section_of(b, RK_SECTION_GLOBAL);
	struct rk_part *part = NULL;
	struct rk_refusal why = {""};

	(void)state;
	b.data[s->offset + offsetof(struct rk_global, public_key_hash)] ^= 1; /* any hash will do */
	assert_int_equal(open_bytes(b, RK_PART_CONFIG, &why), -EBADMSG);
	assert_string_equal(why.text, "digest does not match");
	assert_null(part);
	assert_int_equal(rk_part_open_bytes(b.data, b.len, RK_PART_CONFIG, false, &part, &why), 0);
	rk_part_close(part);
	free(b.data);
}

struct spoiled {
	enum rk_section_id section;
	size_t element;
	size_t offset;
	size_t len;
	uint64_t value;
};

#define GLOBAL(field, value)                                             \
	{                                                                \
		RK_SECTION_GLOBAL, 0, offsetof(struct rk_global, field), \
			sizeof(((struct rk_global *)0)->field), value    \
	}
#define PORT(n, field, value)                                         \
	{                                                             \
		RK_SECTION_PORTS, n, offsetof(struct rk_port, field), \
			sizeof(((struct rk_port *)0)->field), value   \
	}
#define ADDRESS(n, field, value)                                                      \
	{                                                                             \
		RK_SECTION_ADDRESSES, n, offsetof(struct rk_address, field), 1, value \
	}
#define PEER(n, field, value)                                         \
	{                                                             \
		RK_SECTION_PEERS, n, offsetof(struct rk_peer, field), \
			sizeof(((struct rk_peer *)0)->field), value   \
	}
#define PATH(n, field, value)                                         \
	{                                                             \
		RK_SECTION_PATHS, n, offsetof(struct rk_path, field), \
			sizeof(((struct rk_path *)0)->field), value   \
	}

static const struct spoiled config_rows[] = {
	GLOBAL(router.offset, 1u << 20),
	GLOBAL(router.offset, UINT32_MAX),
	GLOBAL(router.len, 0),
	GLOBAL(router.len, 64),
	GLOBAL(router.len, UINT32_MAX),
	GLOBAL(node.len, 0),
	GLOBAL(node.offset, UINT32_MAX),
	GLOBAL(peering_common_name.len, 0),
	GLOBAL(peering_common_name.offset, UINT32_MAX - 3),
	GLOBAL(certificate.len, RK_CERT_DER_MAX + 1),
	GLOBAL(certificate.len, UINT32_MAX),
	GLOBAL(certificate.len, 99),
	GLOBAL(certificate.len, 0),
	GLOBAL(certificate.offset, UINT32_MAX),
	GLOBAL(certificate_fingerprint[0], 0xff),
	GLOBAL(clock_floor, UINT64_MAX),
	GLOBAL(is_enabled, 2),
	GLOBAL(is_ed25519_allowed, 2),
	GLOBAL(credential_status, RK_VERDICT_STATUS_CNT),
	GLOBAL(credential_chain_cnt, RK_CHAIN_MAX + 1),
	GLOBAL(credential_chain_cnt, 0),
	GLOBAL(credential_chain_cnt, 1),
	GLOBAL(suites, 0x05),     /* not one of ours */
	GLOBAL(suites, 0x0101),   /* twice */
	GLOBAL(suites, 0x010002), /* a gap */
	GLOBAL(suites, 0x0100),
	GLOBAL(credential_chain[7].not_after, 1),
	PORT(0, name.offset, UINT32_MAX),
	PORT(0, name.len, 0),
	PORT(0, name.len, RK_PORT_NAME_MAX + 1),
	PORT(0, first_address, 1),
	PORT(1, first_address, 1),
	PORT(1, first_address, UINT32_MAX),
	PORT(0, address_cnt, 1),
	PORT(0, address_cnt, 4),
	PORT(0, address_cnt, UINT32_MAX),
	PORT(1, address_cnt, RK_ADDRESS_MAX + 1),
	PORT(0, gateway4.family, 6),
	PORT(0, gateway4.family, 0),
	PORT(0, gateway4.prefix_len, 33),
	PORT(0, gateway4.bytes[4], 1),
	PORT(0, gateway4.pad[0], 1),
	PORT(0, gateway6.family, 4),
	PORT(0, gateway6.prefix_len, 129),
	PORT(1, gateway4.bytes[0], 1),
	PORT(1, gateway6.family, 5),
	PORT(0, vlan, 4095),
	PORT(0, mtu, 1279),
	PORT(0, mtu, 9001),
	PORT(0, pad, 1),
	ADDRESS(0, family, 5),
	ADDRESS(0, family, 0),
	ADDRESS(0, prefix_len, 33),
	ADDRESS(0, pad[5], 1),
	ADDRESS(0, bytes[15], 1),
	ADDRESS(0, bytes[0], 11), /* then the path's local address is nobody's */
	ADDRESS(1, prefix_len, 129),
	PEER(0, name.len, 0),
	PEER(0, name.offset, UINT32_MAX),
	PEER(0, name.len, RK_NAME_MAX + 1),
	PEER(0, peering_common_name.len, 0),
	PEER(0, peering_common_name.offset, UINT32_MAX),
	PEER(1, peering_common_name.len, 4),
	PEER(0, first_path, 1),
	PEER(1, first_path, UINT32_MAX),
	PEER(0, path_cnt, 0),
	PEER(0, path_cnt, 2),
	PEER(0, path_cnt, RK_PATH_MAX + 1),
	PEER(2, path_cnt, UINT32_MAX),
	PEER(0, rekey_interval_ns, RK_INTERVAL_MIN_NS - 1),
	PEER(0, rekey_interval_ns, RK_INTERVAL_MAX_NS + 1),
	PEER(0, retransmit_interval_ns, 0),
	PEER(0, retransmit_interval_ns, UINT64_MAX),
	PEER(0, timeout_ns, 0),
	PEER(0, hold_ns, UINT64_MAX),
	PEER(0, reauth_interval_ns, 0),
	PEER(0, keep_alive_interval_ns, 0),
	PEER(0, groups[0], 0),
	PEER(0, groups[0], 22),
	PEER(0, groups[0], 0xff01),
	PEER(0, groups[0], 23), /* twice */
	PEER(0, groups[7], 24), /* after the end */
	PEER(0, invalid_certificate_behavior, 2),
	PEER(0, is_roaming, 2),
	PEER(0, pad[5], 1),
	PATH(0, port, 2),
	PATH(0, port, UINT32_MAX),
	PATH(0, port, 0), /* has no such address */
	PATH(0, udp_port_local, 0),
	PATH(0, udp_port_remote, 0),
	PATH(0, local.family, 6),
	PATH(0, local.bytes[3], 77),
	PATH(0, remote.family, 6),
	PATH(0, remote.family, 0),
	PATH(0, remote.prefix_len, 33),
	PATH(0, remote.bytes[9], 1),
	PATH(0, remote.pad[1], 1),
};

/* S1: the contents of CONFIG. */
static void every_index_of_config_is_checked(void **state)
{
	struct bytes b = config_bytes();
	const struct rk_section *s;

	(void)state;
	for (size_t i = 0; i < sizeof(config_rows) / sizeof(config_rows[0]); i++) {
		const struct spoiled *row = &config_rows[i];

		s = section_of(b, row->section);
		assert_true(row->element < s->count);
		spoil_integer(b, RK_PART_CONFIG, s->offset + row->element * s->stride + row->offset,
			row->value, row->len);
	}
	/* A control character in a name: nothing that would forge a line of a log. */
	s = section_of(b, RK_SECTION_STRINGS);
	spoil_integer(b, RK_PART_CONFIG, s->offset, '\n', 1);
	/* Bytes between the end of the strings and the next section. */
	spoil_integer(b, RK_PART_CONFIG, s->offset + s->count, 1, 1);
	free(b.data);
}

/* S1: a certificate that begins in the strings and ends behind them, under the right fingerprint. */
static void strings_do_not_reach_into_the_next_section(void **state)
{
	struct bytes b = config_bytes();
	const struct rk_section *s = section_of(b, RK_SECTION_STRINGS);
	struct rk_global *g =
		(struct rk_global *)(b.data + section_of(b, RK_SECTION_GLOBAL)->offset);
	struct rk_refusal why = {""};

	(void)state;
	for (uint32_t beyond = 0; beyond < 2; beyond++) {
		g->certificate.offset = (uint32_t)s->count - 10;
		g->certificate.len = 10 + beyond;
		assert_int_equal(
			EVP_Digest(b.data + s->offset + g->certificate.offset, g->certificate.len,
				g->certificate_fingerprint, NULL, EVP_sha256(), NULL),
			1);
		assert_int_equal(rk_part_compute_digest(b.data, b.len,
					 b.data + offsetof(struct rk_part_header, digest)),
			0);
		assert_int_equal(open_bytes(b, RK_PART_CONFIG, &why), beyond ? -EBADMSG : 0);
	}
	free(b.data);
}

/* S1: order and contents of the others. */
static void verdicts_and_issuers_are_checked(void **state)
{
	struct bytes b = verdict_bytes();
	size_t at = section_of(b, RK_SECTION_VERDICTS)->offset;
	size_t second = at + sizeof(struct rk_verdict);
	uint8_t fingerprint[RK_FINGERPRINT_LEN];

	(void)state;
	memset(fingerprint, 1, sizeof(fingerprint)); /* equal to the first */
	spoil(b, RK_PART_VERDICTS, second, fingerprint, sizeof(fingerprint));
	spoil_integer(b, RK_PART_VERDICTS, at, 0xff, 1);
	spoil_integer(b, RK_PART_VERDICTS, at + offsetof(struct rk_verdict, status),
		RK_VERDICT_STATUS_CNT, 1);
	spoil_integer(b, RK_PART_VERDICTS, second + offsetof(struct rk_verdict, key.len), 600, 2);
	free(b.data);

	b = revocation_bytes(RK_PART_REVOCATION_BASE);
	at = section_of(b, RK_SECTION_ISSUERS)->offset;
	spoil_integer(b, RK_PART_REVOCATION_BASE, at, 9, 1);
	spoil_integer(b, RK_PART_REVOCATION_BASE, at, 10, 1);
	spoil_integer(b, RK_PART_REVOCATION_BASE, at + offsetof(struct rk_issuer, policy), 3, 1);
	spoil_integer(b, RK_PART_REVOCATION_BASE, at + offsetof(struct rk_issuer, pad[6]), 1, 1);
	spoil_integer(b, RK_PART_REVOCATION_BASE, at + offsetof(struct rk_issuer, fresh_until),
		UINT64_MAX, 8);
	at = section_of(b, RK_SECTION_LINES)->offset;
	while (b.data[at + offsetof(struct rk_revocation_line, high)] == 0)
		at += sizeof(struct rk_revocation_line);
	at += offsetof(struct rk_revocation_line, high);
	spoil_integer(b, RK_PART_REVOCATION_BASE, at, 1 + RK_REASON_REMOVED, 1);
	spoil_integer(b, RK_PART_REVOCATION_BASE, at, 8, 1);
	free(b.data);
}

/* S2: a sealed memfd is mapped in place; anything else is copied, and only with its digest. */
static void descriptors_must_be_sealed_or_checked(void **state)
{
	struct bytes b = revocation_bytes(RK_PART_REVOCATION_BASE);
	const enum rk_part_kind kind = RK_PART_REVOCATION_BASE;
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct rk_part *part = NULL;
	struct rk_refusal why = {""};
	int pipes[2];

	(void)state;
	assert_int_equal(write(fd, b.data, b.len), b.len);
	assert_int_equal(rk_part_open(fd, kind, false, &part, &why), -EBADMSG);
	assert_string_equal(why.text, "not sealed");
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	assert_int_equal(rk_part_open(fd, kind, false, &part, &why), -EBADMSG);
	/* Unsealed with a digest: what changes later does not change the part. */
	assert_int_equal(rk_part_open(fd, kind, true, &part, &why), 0);
	assert_int_equal(pwrite(fd, "XX", 2, 0), 2);
	assert_memory_equal(rk_part_bytes(part).data, b.data, b.len);
	assert_int_equal(rk_part_bytes(part).len, b.len);
	rk_part_close(part);
	part = NULL;
	assert_int_equal(rk_part_open(fd, kind, true, &part, &why), -EBADMSG);
	assert_int_equal(pwrite(fd, b.data, 2, 0), 2);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	assert_int_equal(rk_part_open(fd, kind, false, &part, &why), 0);
	assert_memory_equal(
		rk_part_digest(part), b.data + offsetof(struct rk_part_header, digest), 32);
	rk_part_close(part);
	close(fd);
	assert_int_equal(pipe(pipes), 0);
	part = NULL;
	assert_int_equal(rk_part_open(pipes[0], kind, true, &part, &why), -EBADMSG);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(rk_part_open(-1, kind, true, &part, &why), -EBADF);
	assert_null(part);
	free(b.data);
}

static void closing_in_steps_ends(void **state)
{
	enum { ENTRIES = 5000 };
	struct rk_revocation_entry *e = calloc(ENTRIES, sizeof(*e));
	struct compile_part compiled = {.fd = -1};
	struct rk_part *part = NULL;
	struct rk_refusal why = {""};
	size_t steps = 1, pages;

	(void)state;
	assert_non_null(e);
	for (uint32_t i = 0; i < ENTRIES; i++)
		e[i] = fixture_revocation(i, 0);
	assert_int_equal(
		compile_revocations(RK_PART_REVOCATION_BASE, e, ENTRIES, NULL, 0, &compiled, &why),
		0);
	assert_int_equal(rk_part_open(compiled.fd, RK_PART_REVOCATION_BASE, false, &part, &why), 0);
	pages = (compiled.size + 4095) / 4096;
	while (!rk_part_close_step(part, 1)) /* less than a page: one page a step */
		steps++;
	assert_int_equal(steps, pages);
	part = NULL;
	assert_int_equal(rk_part_open(compiled.fd, RK_PART_REVOCATION_BASE, false, &part, &why), 0);
	for (steps = 1; !rk_part_close_step(part, 65536); steps++)
		continue;
	assert_true(steps <= compiled.size / 65536 + 2);
	compile_part_close(&compiled);
	free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_of_the_frame_is_checked),
		cmocka_unit_test(digest_is_checked_when_asked),
		cmocka_unit_test(every_index_of_config_is_checked),
		cmocka_unit_test(strings_do_not_reach_into_the_next_section),
		cmocka_unit_test(verdicts_and_issuers_are_checked),
		cmocka_unit_test(descriptors_must_be_sealed_or_checked),
		cmocka_unit_test(closing_in_steps_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
