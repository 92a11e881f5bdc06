/* SPDX-License-Identifier: BSD-3-Clause */
/* Which views main puts in force: a data plane without ports and workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/dataplane.h"
#include "pki/store/compile.h"

static struct dataplane d;
static int epoll_fd;

static void on_event(void *ctx)
{
	(void)ctx;
}

static const struct channel_ops ops = {.connected = on_event, .lost = on_event};

static int set_up(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	d.shared.wake_fd = eventfd(0, EFD_CLOEXEC);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	inbox_init(&d.shared.to_main);
	inbox_list_init(&d.reports);
	graveyard_init(&d.graveyard, d.shared.wake_fd);
	assert_int_equal(peer_table_init(&d.shared.peers), 0);
	return channel_new(epoll_fd, "/nonexistent", geteuid(), &ops, &d, &d.channel);
}

static int tear_down(void **state)
{
	(void)state;
	activate_clear(&d);
	rk_rcu_barrier();
	while (graveyard_step(&d.graveyard, 8))
		;
	while (part_close_step(&d.closing, SIZE_MAX))
		;
	peer_table_fini(&d.shared.peers);
	channel_free(d.channel);
	close(epoll_fd);
	close(d.shared.wake_fd);
	return 0;
}

static void add(struct rk_msg_view *m, int fds[RK_PART_CNT], size_t *cnt, enum rk_part_kind kind,
	const struct compile_part *part)
{
	m->part[kind] = (struct rk_part_ref){.is_present = 1, .has_fd = 1, .size = part->size};
	memcpy(m->part[kind].digest, part->digest, RK_DIGEST_LEN);
	fds[(*cnt)++] = part->fd;
}

static void publish(uint64_t counter, bool has_base)
{
	const struct compile_config input = {
		.router = "east", .node = "east", .peering_common_name = "east.example"};
	struct compile_part config = {.fd = -1}, base = {.fd = -1};
	struct rk_msg_view m = {.generation = {1, counter}};
	int fds[RK_PART_CNT];
	struct rk_refusal why;
	size_t cnt = 0;

	assert_int_equal(compile_config(&input, &config, &why), 0);
	assert_int_equal(
		compile_revocations(RK_PART_REVOCATION_BASE, NULL, 0, NULL, 0, &base, &why), 0);
	add(&m, fds, &cnt, RK_PART_CONFIG, &config);
	if (has_base)
		add(&m, fds, &cnt, RK_PART_REVOCATION_BASE, &base);
	assert_true(activate_message(&d, &m, fds, cnt));
	compile_part_close(&config);
	compile_part_close(&base);
}

/* Nobody would be revoked under it. */
static void view_without_a_revocation_base_is_refused(void **state)
{
	(void)state;
	publish(1, false);
	assert_null(d.published);
	publish(2, true);
	assert_non_null(d.published);
	publish(3, false);
	assert_int_equal(d.published->view.generation.counter, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			view_without_a_revocation_base_is_refused, set_up, tear_down),
	};
	int ret;

	if (rk_rcu_start() != 0)
		return 1;
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	rk_rcu_stop();
	return ret;
}
