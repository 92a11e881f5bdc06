/* SPDX-License-Identifier: BSD-3-Clause */
/* The builder of parts: deterministic, sealed, and refusing with a reason that names the culprit. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/view_fixture.h"

static void assert_same_bytes(const struct compile_part *a, const struct compile_part *b)
{
	uint8_t *x = malloc(a->size), *y = malloc(b->size);

	assert_int_equal(a->size, b->size);
	assert_memory_equal(a->digest, b->digest, RK_DIGEST_LEN);
	assert_int_equal(pread(a->fd, x, a->size, 0), a->size);
	assert_int_equal(pread(b->fd, y, b->size, 0), b->size);
	assert_memory_equal(x, y, a->size);
	free(x);
	free(y);
}

/* S2: nobody can change a part, us included. */
static void parts_are_sealed(void **state)
{
	const int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	struct compile_part part = {.fd = -1};
	struct rk_refusal why = {""};
	struct fixture f;

	(void)state;
	fixture_init(&f);
	assert_int_equal(compile_config(&f.config, &part, &why), 0);
	assert_int_equal(part.kind, RK_PART_CONFIG);
	assert_int_equal(fcntl(part.fd, F_GET_SEALS), all);
	assert_int_equal(fcntl(part.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(pwrite(part.fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(part.fd, 0), -1);
	assert_ptr_equal(
		mmap(NULL, part.size, PROT_READ | PROT_WRITE, MAP_SHARED, part.fd, 0), MAP_FAILED);
	compile_part_close(&part);
	assert_int_equal(part.fd, -1);
	compile_part_close(&part);
}

/* S5 */
static void config_does_not_depend_on_order(void **state)
{
	struct compile_part a = {.fd = -1}, b = {.fd = -1};
	struct rk_refusal why = {""};
	struct fixture f, g;
	struct compile_port port;
	struct compile_peer peer;

	(void)state;
	fixture_init(&f);
	fixture_init(&g);
	port = g.port[0];
	g.port[0] = g.port[1];
	g.port[1] = port;
	for (size_t i = 0; i < 4; i++)
		g.path[i].port = 1 - g.path[i].port;
	peer = g.peer[0];
	g.peer[0] = g.peer[2];
	g.peer[2] = g.peer[1];
	g.peer[1] = peer;
	/* What is not of the address's family never gets into a part. */
	g.path[0].remote.bytes[12] = 0xee;
	g.path[0].remote.pad[2] = 0xee;
	assert_int_equal(compile_config(&f.config, &a, &why), 0);
	assert_int_equal(compile_config(&g.config, &b, &why), 0);
	assert_same_bytes(&a, &b);
	compile_part_close(&b);
	g.peer[0].hold_ns++;
	assert_int_equal(compile_config(&g.config, &b, &why), 0);
	assert_memory_not_equal(a.digest, b.digest, RK_DIGEST_LEN);
	compile_part_close(&a);
	compile_part_close(&b);
}

static void smallest_config_is_taken(void **state)
{
	struct compile_config c = {.router = "r", .node = "n", .peering_common_name = "c"};
	struct compile_part part = {.fd = -1};
	struct rk_refusal why = {""};

	(void)state;
	assert_int_equal(compile_config(&c, &part, &why), 0);
	compile_part_close(&part);
}

static void refuse(struct fixture *f, const char *reason)
{
	struct compile_part part = {.fd = -1};
	struct rk_refusal why = {""};

	assert_int_equal(compile_config(&f->config, &part, &why), -EINVAL);
	assert_int_equal(part.fd, -1);
	if (strstr(why.text, reason) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why.text, reason);
	fixture_init(f);
}

static const char long_name[] = "0123456789012345678901234567890123456789012345678901234567890123";

static void bad_names_are_refused(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.config.router = "";
	refuse(&f, "router is empty");
	f.config.node = NULL;
	refuse(&f, "node is empty");
	f.config.peering_common_name = long_name;
	refuse(&f, "is longer than 63");
	f.peer[1].name = "a\nb";
	refuse(&f, "control character");
	f.peer[1].peering_common_name = "";
	refuse(&f, "a peering-common-name is empty");
	f.port[0].name = long_name;
	refuse(&f, "a port's name");
	f.peer[1].peering_common_name = "east.example";
	refuse(&f, "peer north has our own");
	f.peer[1].peering_common_name = "west";
	refuse(&f, "one peering-common-name");
	f.peer[1].name = "west";
	refuse(&f, "two peers are named west");
	f.port[0].name = "net_memif0";
	refuse(&f, "two ports are named net_memif0");
}

static void bad_addresses_are_refused(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.address[2].family = 5;
	refuse(&f, "port net_memif1: address 0");
	f.address[0].prefix_len = 33;
	refuse(&f, "port net_memif0: address 0");
	f.address[1].bytes[0] = 0xff; /* multicast */
	refuse(&f, "port net_memif0: address 1");
	f.port[1].gateway4 = fixture_ipv6(1);
	refuse(&f, "bad IPv4 gateway");
	f.port[1].gateway6.bytes[0] = 0xff;
	refuse(&f, "bad IPv6 gateway");
	f.port[1].address_cnt = RK_ADDRESS_MAX + 1;
	refuse(&f, "more than 64 addresses");
	f.path[0].port = 2;
	refuse(&f, "peer west: path 0 names no port");
	f.path[1].local.bytes[15] = 9;
	refuse(&f, "peer west: path 1: port net_memif0 has no such address");
	f.path[2].remote = fixture_ipv6(3);
	refuse(&f, "peer north: path 0: bad addresses");
	f.path[2].remote.bytes[0] = 239;
	refuse(&f, "peer north: path 0: bad addresses");
	memset(f.path[2].remote.bytes, 0, 16);
	refuse(&f, "peer north: path 0: bad addresses");
	f.path[3].udp_port_remote = 0;
	refuse(&f, "UDP port is zero");
}

/* S6: what only the reader's own checks find is refused before anybody gets it. */
static void bad_settings_are_refused(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.port[0].vlan = 4095;
	refuse(&f, "VLAN 4095");
	f.port[0].mtu = 1279;
	refuse(&f, "MTU 1279");
	f.peer[0].path_cnt = 0;
	refuse(&f, "peer west has 0 paths");
	f.peer[0].path_cnt = RK_PATH_MAX + 1;
	refuse(&f, "peer west has 17 paths");
	f.peer[0].groups[0] = 0;
	refuse(&f, "groups are not sound");
	f.peer[1].groups[0] = f.peer[0].groups[0] == 29 ? 24 : 29; /* not those of the others */
	f.peer[1].groups[1] = 0;
	refuse(&f, "groups are not sound");
	f.config.suites[0] = 5;
	refuse(&f, "a setting is out of range");
	f.peer[0].timeout_ns = 1;
	refuse(&f, "an interval is out of range");
	f.peer[0].invalid_certificate_behavior = 2;
	refuse(&f, "a setting is out of range");
	f.config.clock_floor = -1;
	refuse(&f, "a setting is out of range");
	f.credential.der.len = 0;
	refuse(&f, "our certificate has 0 bytes");
	f.der[0] ^= 1; /* then the verdict is another certificate's */
	refuse(&f, "the credential is not sound");
	f.own.chain_cnt = RK_CHAIN_MAX + 1;
	refuse(&f, "the credential is not sound");
}

static void bad_verdicts_are_refused(void **state)
{
	struct rk_verdict a = fixture_verdict(1), b = fixture_verdict(2);
	const struct rk_verdict *list[] = {&b, &a}, *other[] = {&a, &b};
	struct compile_part x = {.fd = -1}, y = {.fd = -1};
	struct rk_refusal why = {""};

	(void)state;
	assert_int_equal(compile_verdicts(list, 2, &x, &why), 0);
	assert_int_equal(compile_verdicts(other, 2, &y, &why), 0);
	assert_same_bytes(&x, &y);
	compile_part_close(&x);
	compile_part_close(&y);
	assert_int_equal(compile_verdicts(NULL, 0, &x, &why), 0);
	compile_part_close(&x);
	b.pad[1] = 1;
	assert_int_equal(compile_verdicts(list, 2, &x, &why), -EINVAL);
	assert_string_equal(why.text, "verdict 1 is not sound");
	b = a;
	assert_int_equal(compile_verdicts(list, 2, &x, &why), -EINVAL);
	assert_string_equal(why.text, "two verdicts for one certificate");
}

static void revocations_are_checked(void **state)
{
	struct rk_revocation_entry e[] = {fixture_revocation(1, 1), fixture_revocation(2, 2)};
	struct rk_revocation_entry r[] = {fixture_revocation(2, 2), fixture_revocation(1, 1)};
	struct rk_issuer issuer[] = {{{{9}}, 5, RK_POLICY_HARD}, {{{3}}, 5, RK_POLICY_SOFT}};
	struct rk_issuer swapped[] = {issuer[1], issuer[0]};
	struct compile_part a = {.fd = -1}, b = {.fd = -1};
	const enum rk_part_kind base = RK_PART_REVOCATION_BASE, over = RK_PART_REVOCATION_OVERLAY;
	struct rk_refusal why = {""};

	(void)state;
	assert_int_equal(compile_revocations(base, e, 2, issuer, 2, &a, &why), 0);
	assert_int_equal(compile_revocations(base, r, 2, swapped, 2, &b, &why), 0);
	assert_same_bytes(&a, &b);
	compile_part_close(&a);
	compile_part_close(&b);
	e[0] = fixture_revocation(1, RK_REASON_REMOVED);
	assert_int_equal(compile_revocations(base, e, 2, issuer, 2, &a, &why), -EINVAL);
	assert_string_equal(why.text, "the base cannot hold a removal");
	assert_int_equal(compile_revocations(over, e, 2, NULL, 0, &a, &why), 0);
	compile_part_close(&a);
	e[0] = fixture_revocation(1, 7);
	assert_int_equal(compile_revocations(over, e, 2, NULL, 0, &a, &why), -EINVAL);
	assert_int_equal(
		compile_revocations(over, e, COMPILE_OVERLAY_MAX + 1, NULL, 0, &a, &why), -EINVAL);
	assert_int_equal(compile_revocations(RK_PART_CONFIG, NULL, 0, NULL, 0, &a, &why), -EINVAL);
	e[0] = fixture_revocation(1, 1);
	e[1] = fixture_revocation(2, 2);
	swapped[0].key = swapped[1].key;
	assert_int_equal(compile_revocations(base, e, 2, swapped, 2, &a, &why), -EINVAL);
	assert_string_equal(why.text, "issuer 1 is out of order");
	assert_int_equal(compile_revocations(base, NULL, 0, NULL, 0, &a, &why), 0);
	compile_part_close(&a);
}

#define LARGE_CNT 400000 /* 5.8 MiB */

static int give_large(void *ctx, struct revocation_builder *b)
{
	int ret = 0;

	(void)ctx;
	for (uint32_t i = 0; i < LARGE_CNT && ret == 0; i++) {
		const struct rk_revocation_entry e = fixture_revocation(i, i % 3);

		ret = revocation_builder_add(b, 0, &e, 1);
	}
	return ret;
}

static void compile_large(enum compile_pages pages, struct compile_part *out)
{
	const struct compile_entries entries = {
		.cnt = LARGE_CNT, .give = give_large, .pages = pages};
	struct rk_refusal why = {""};

	assert_int_equal(
		compile_revocations_given(RK_PART_REVOCATION_BASE, &entries, NULL, 0, out, &why),
		0);
}

static size_t free_reserved_pages(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	size_t cnt = 0;

	if (f == NULL || fscanf(f, "%zu", &cnt) != 1)
		cnt = 0;
	if (f != NULL)
		fclose(f);
	return cnt;
}

/* A seal, a check and a look up do not tell on which pages a part lies, and neither do its bytes. */
static void open_large(const struct compile_part *part)
{
	const uint64_t all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	struct rk_part *open = NULL;
	size_t steps = 1;

	assert_int_equal(fcntl(part->fd, F_GET_SEALS) & all, all);
	assert_int_equal(rk_part_open(part->fd, RK_PART_REVOCATION_BASE, true, &open, NULL), 0);
	assert_int_equal(rk_part_bytes(open).len, part->size);
	assert_memory_equal(rk_part_digest(open), part->digest, RK_DIGEST_LEN);
	for (; !rk_part_close_step(open, (size_t)1 << 20); steps++)
		continue;
	assert_in_range(steps, 2, part->size / ((size_t)1 << 20) + 1);
}

static void large_set_lies_on_reserved_pages_or_others(void **state)
{
	struct compile_part ordinary = {.fd = -1}, reserved = {.fd = -1};

	(void)state;
	compile_large(COMPILE_PAGES_ORDINARY, &ordinary);
	assert_int_equal(ordinary.page_size, sysconf(_SC_PAGESIZE));
	compile_large(COMPILE_PAGES_RESERVED, &reserved);
	assert_same_bytes(&ordinary, &reserved);
	open_large(&ordinary);
	open_large(&reserved);
	compile_part_close(&ordinary);
	if (reserved.page_size == (size_t)sysconf(_SC_PAGESIZE)) {
		size_t cnt = free_reserved_pages();

		compile_part_close(&reserved);
		assert_true(cnt < reserved.size >> 21); /* too few of them: nobody is told */
		print_message("no pages of 2 MiB are reserved (vm.nr_hugepages)\n");
		skip();
	}
	assert_int_equal(reserved.page_size, (size_t)2 << 20);
	compile_part_close(&reserved);
}

/* On reserved pages the header says where a part ends: at the file's last page, or it is refused. */
static void end_of_a_part_on_reserved_pages_is_checked(void **state)
{
	struct compile_part part = {.fd = -1};
	struct rk_part_header header;
	struct rk_part *open = NULL;
	struct rk_refusal why = {""};
	uint8_t *map = MAP_FAILED;
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | 21u << 26);

	(void)state;
	if (fd >= 0 && ftruncate(fd, 4 << 20) == 0)
		map = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		close(fd);
		print_message("no pages of 2 MiB are reserved (vm.nr_hugepages)\n");
		skip();
	}
	assert_int_equal(
		compile_revocations(RK_PART_REVOCATION_BASE, NULL, 0, NULL, 0, &part, &why), 0);
	assert_int_equal(pread(part.fd, map, part.size, 0), part.size);
	memcpy(&header, map, sizeof(header));
	munmap(map, 4 << 20);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	/* It ends in the first of two pages. */
	assert_int_equal(rk_part_open(fd, RK_PART_REVOCATION_BASE, false, &open, &why), -EBADMSG);
	assert_string_equal(why.text, "size in the header is not the size");
	close(fd);
	compile_part_close(&part);
}

/* More keys of one home than it and its spill hold: the builder takes more lines, for a while. */
static void crowded_keys_get_a_larger_table(void **state)
{
	enum { CNT = 60 };
	struct rk_revocation_entry e[CNT];
	struct compile_part part = {.fd = -1};
	struct rk_refusal why = {""};

	(void)state;
	for (uint32_t i = 0; i < CNT; i++) {
		e[i] = fixture_revocation(i, 1);
		e[i].head = (e[i].head >> 3 & ~RK_REVOCATION_STATE) | 1; /* the first eighth */
	}
	assert_int_equal(
		compile_revocations(RK_PART_REVOCATION_BASE, e, CNT, NULL, 0, &part, &why), 0);
	assert_true(
		part.size > rk_revocation_line_cnt(CNT) * sizeof(struct rk_revocation_line) + 256);
	compile_part_close(&part);
	for (uint32_t i = 0; i < CNT; i++)
		e[i] = (struct rk_revocation_entry){1, i};
	assert_int_equal(compile_revocations(RK_PART_REVOCATION_BASE, e, CNT, NULL, 0, &part, &why),
		-EINVAL);
	assert_non_null(strstr(why.text, "do not spread"));
}

struct many {
	uint32_t cnt;
	unsigned given; /* times */
	int error;      /* after all were added */
};

static int give_many(void *ctx, struct revocation_builder *b)
{
	struct many *m = ctx;

	m->given++;
	for (uint32_t i = 0; i < m->cnt; i++) {
		struct rk_revocation_entry e = fixture_revocation(i, 1);

		assert_int_equal(revocation_builder_add(b, i % REVOCATION_LANES, &e, 1), 0);
	}
	return m->error;
}

/* A part so large that its digest is taken while it is written; and nothing is left of one that failed. */
static void large_parts_have_the_right_digest(void **state)
{
	struct many many = {.cnt = 300000};
	const struct compile_entries entries = {.cnt = many.cnt, .give = give_many, .ctx = &many};
	const struct rk_issuer issuer = {{{9}}, 5, RK_POLICY_HARD};
	struct compile_part part = {.fd = -1};
	struct rk_part *opened = NULL;
	struct rk_refusal why = {""};

	(void)state;
	assert_int_equal(compile_revocations_given(
				 RK_PART_REVOCATION_BASE, &entries, &issuer, 1, &part, &why),
		0);
	assert_int_equal(many.given, 1);
	assert_true(part.size > ((size_t)4 << 20));
	assert_int_equal(rk_part_open(part.fd, RK_PART_REVOCATION_BASE, true, &opened, &why), 0);
	rk_part_close(opened);
	compile_part_close(&part);
	many.error = -ENOMEM;
	assert_int_equal(compile_revocations_given(
				 RK_PART_REVOCATION_BASE, &entries, &issuer, 1, &part, &why),
		-ENOMEM);
	assert_int_equal(part.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_sealed),
		cmocka_unit_test(config_does_not_depend_on_order),
		cmocka_unit_test(smallest_config_is_taken),
		cmocka_unit_test(bad_names_are_refused),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(bad_settings_are_refused),
		cmocka_unit_test(bad_verdicts_are_refused),
		cmocka_unit_test(revocations_are_checked),
		cmocka_unit_test(large_set_lies_on_reserved_pages_or_others),
		cmocka_unit_test(end_of_a_part_on_reserved_pages_is_checked),
		cmocka_unit_test(crowded_keys_get_a_larger_table),
		cmocka_unit_test(large_parts_have_the_right_digest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
