/* SPDX-License-Identifier: BSD-3-Clause */
/* A view as the workers see it, and the same view written to disk and read back. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/sha.h>

#include "dataplane/published.h"
#include "dataplane/state.h"
#include "pki/store/compile.h"
#include "pki/view/secret.h"

#define SEC UINT64_C(1000000000)

static const struct rk_address address[] = {
	{.family = 4, .prefix_len = 24, .bytes = {192, 0, 2, 1}},
	{.family = 6, .prefix_len = 64, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}},
};
static const struct rk_address remote = {.family = 4, .prefix_len = 32, .bytes = {192, 0, 2, 2}};
static const uint8_t far_away[4] = {198, 51, 100, 7};
static const struct rk_generation generation = {7, 42};

struct fixture {
	struct part_ref *part[RK_PART_CNT];
	struct part_ref *closing;
	char folder[64];
	int dir;
};

static struct part_ref *build_config(const char *router)
{
	const struct compile_path path = {.port = 0,
		.local = address[0],
		.remote = remote,
		.udp_port_local = 1280,
		.udp_port_remote = 1281};
	const struct compile_peer peer = {.name = "west",
		.peering_common_name = "west.example",
		.path = &path,
		.path_cnt = 1,
		.rekey_interval_ns = 5 * SEC,
		.retransmit_interval_ns = 6 * SEC,
		.timeout_ns = 7 * SEC,
		.hold_ns = 8 * SEC,
		.keep_alive_interval_ns = 9 * SEC,
		.reauth_interval_ns = 10 * SEC,
		.groups = {29, 23}};
	const struct compile_port port = {.name = "net_memif0",
		.vlan = 5,
		.mtu = 1500,
		.address = address,
		.address_cnt = 2,
		.gateway4 = {.family = 4, .prefix_len = 32, .bytes = {192, 0, 2, 254}}};
	struct compile_config input = {.router = router,
		.node = "node",
		.peering_common_name = "east.example",
		.is_enabled = true,
		.port = &port,
		.port_cnt = 1,
		.peer = &peer,
		.peer_cnt = 1};
	struct compile_part out = {.fd = -1};
	struct rk_part *part = NULL;
	struct rk_refusal why;

	if (compile_config(&input, &out, &why) < 0)
		fail_msg("%s", why.text);
	assert_int_equal(rk_part_open(out.fd, RK_PART_CONFIG, false, &part, &why), 0);
	compile_part_close(&out);
	return part_ref_new(part);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->part[RK_PART_CONFIG] = build_config("east");
	strcpy(f->folder, "/tmp/rekey-published-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->dir = state_open(f->folder);
	assert_true(f->dir >= 0);
	*state = f;
	return 0;
}

static void empty_folder(const struct fixture *f)
{
	DIR *list = opendir(f->folder);
	struct dirent *e;

	assert_non_null(list);
	while ((e = readdir(list)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(f->dir, e->d_name, 0);
	closedir(list);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	unsigned i;

	for (i = 0; i < RK_PART_CNT; i++)
		part_ref_put(f->part[i], &f->closing);
	while (part_close_step(&f->closing, 4096))
		;
	empty_folder(f);
	close(f->dir);
	rmdir(f->folder);
	free(f);
	return 0;
}

static uint16_t find_port(void *ctx, const char *name, uint16_t mtu, uint8_t mac[6])
{
	assert_string_equal(name, "net_memif0");
	assert_int_equal(mtu, 1500);
	memset(mac, 2, 6);
	return *(const uint16_t *)ctx;
}

static struct published *publish(struct fixture *f, uint16_t id)
{
	struct published *p = NULL;

	assert_int_equal(published_new(generation, f->part, NULL, find_port, &id, &p), 0);
	return p;
}

static void test_ports_and_peers(void **state)
{
	static const uint8_t link_local[16] = {0xfe, 0x80, [15] = 9};
	static const uint8_t far6[16] = {0x20, 2};
	struct fixture *f = *state;
	struct published *p = publish(f, 3);
	const struct published_port *port = published_find(p, 3);
	struct peer_settings settings;
	const struct session_config *c = &settings.config;

	assert_non_null(port);
	assert_null(published_find(p, 4));
	assert_int_equal(port->vlan, 5);
	assert_true(published_port_has(port, 4, address[0].bytes));
	assert_true(published_port_has(port, 6, address[1].bytes));
	assert_false(published_port_has(port, 4, remote.bytes));
	assert_ptr_equal(published_port_next_hop(port, 4, remote.bytes), remote.bytes);
	assert_memory_equal(published_port_next_hop(port, 4, far_away), "\xc0\0\2\xfe", 4);
	assert_null(published_port_next_hop(port, 6, far6));
	assert_ptr_equal(published_port_next_hop(port, 6, link_local), link_local);
	assert_ptr_equal(published_port_source(port, 4, remote.bytes), port->addresses[0].bytes);
	assert_ptr_equal(published_port_source(port, 4, far_away), port->addresses[0].bytes);
	assert_ptr_equal(published_port_source(port, 6, far6), port->addresses[1].bytes);
	assert_true(published_listens(p, 1280));
	assert_false(published_listens(p, 1281));

	published_peer_settings(p, &p->view.peers[0], &settings);
	assert_string_equal(c->name, "west");
	assert_int_equal(c->peering_common_name_len, strlen("west.example"));
	assert_memory_equal(c->peering_common_name, "west.example", 12);
	assert_int_equal(c->path_cnt, 1);
	assert_int_equal(c->path[0].port_id, 3);
	assert_int_equal(c->path[0].remote_port, 1281);
	assert_memory_equal(c->path[0].remote, remote.bytes, 4);
	assert_int_equal(c->rekey_interval_ns, 5 * SEC);
	assert_int_equal(c->groups[0], 29);
	published_free(p, &f->closing);
	assert_null(f->closing); /* the fixture still holds the part */
}

static void test_port_that_is_not_there(void **state)
{
	struct fixture *f = *state;
	struct published *p = publish(f, PORT_NONE);
	struct peer_settings settings;

	assert_null(published_find(p, PORT_NONE));
	published_peer_settings(p, &p->view.peers[0], &settings);
	assert_int_equal(settings.config.path[0].port_id, PORT_NONE);
	published_free(p, &f->closing);
}

static void test_no_config(void **state)
{
	struct part_ref *none[RK_PART_CNT] = {NULL};
	struct published *p = NULL;
	uint16_t id = 0;

	(void)state;
	assert_int_equal(published_new(generation, none, NULL, find_port, &id, &p), -EINVAL);
	assert_null(p);
}

static unsigned count_files(const struct fixture *f, const char *prefix)
{
	DIR *list = opendir(f->folder);
	const struct dirent *e;
	unsigned cnt = 0;

	assert_non_null(list);
	while ((e = readdir(list)) != NULL)
		cnt += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	closedir(list);
	return cnt;
}

static int load(struct fixture *f, struct part_ref *part[RK_PART_CNT], struct rk_private_key **key)
{
	struct rk_generation g = {0, 0};
	struct rk_refusal why = {{0}};
	int ret;

	*key = NULL;
	memset(part, 0, RK_PART_CNT * sizeof(part[0]));
	ret = state_load(f->dir, &g, part, key, &why);
	if (ret == 0)
		assert_int_equal(rk_generation_cmp(g, generation), 0);
	else if (ret != -ENOENT)
		assert_true(strlen(why.text) > 0);
	return ret;
}

static void close_loaded(struct part_ref *part[RK_PART_CNT], struct rk_private_key *key)
{
	struct part_ref *closing = NULL;
	unsigned i;

	for (i = 0; i < RK_PART_CNT; i++)
		part_ref_put(part[i], &closing);
	while (part_close_step(&closing, SIZE_MAX))
		;
	if (key != NULL)
		rk_secret_free(key, sizeof(*key));
}

static void test_save_and_load(void **state)
{
	struct fixture *f = *state;
	struct part_ref *part[RK_PART_CNT];
	struct part_ref *old;
	struct rk_private_key *key;
	struct published *p = publish(f, 1);
	struct stat st;

	assert_int_equal(load(f, part, &key), -ENOENT);
	assert_int_equal(state_save(f->dir, p), 0);
	assert_int_equal(fstat(f->dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(fstatat(f->dir, "view", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(load(f, part, &key), 0);
	assert_null(key);
	assert_memory_equal(rk_part_digest(part[RK_PART_CONFIG]->part),
		rk_part_digest(f->part[RK_PART_CONFIG]->part), RK_DIGEST_LEN);
	close_loaded(part, key);
	published_free(p, &f->closing);

	/* Another configuration takes the place of the first. */
	old = f->part[RK_PART_CONFIG];
	f->part[RK_PART_CONFIG] = build_config("east-2");
	part_ref_put(old, &f->closing);
	p = publish(f, 1);
	assert_int_equal(state_save(f->dir, p), 0);
	assert_int_equal(count_files(f, "part-"), 1);
	assert_int_equal(load(f, part, &key), 0);
	close_loaded(part, key);
	published_free(p, &f->closing);
}

/* The first file whose name starts so, with one byte flipped. */
static void damage(struct fixture *f, const char *prefix, off_t at)
{
	DIR *list = opendir(f->folder);
	const struct dirent *e;
	uint8_t byte;
	int fd = -1;

	assert_non_null(list);
	while (fd < 0 && (e = readdir(list)) != NULL)
		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0)
			fd = openat(f->dir, e->d_name, O_RDWR);
	closedir(list);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void test_damage(void **state)
{
	static const struct {
		const char *prefix;
		off_t at;
	} spot[] = {{"view", 3}, {"view", 40}, {"part-", 100}, {"part-", 0}, {"part-", 500}};
	struct fixture *f = *state;
	struct part_ref *part[RK_PART_CNT];
	struct rk_private_key *key;
	struct published *p = publish(f, 1);
	size_t i;

	for (i = 0; i < sizeof(spot) / sizeof(spot[0]); i++) {
		assert_int_equal(state_save(f->dir, p), 0);
		assert_int_equal(load(f, part, &key), 0); /* whole again after every damage */
		close_loaded(part, key);
		damage(f, spot[i].prefix, spot[i].at);
		assert_int_equal(load(f, part, &key), -EBADMSG);
	}
	published_free(p, &f->closing);
}

/* A key under the hash that the configuration names, which is zeros here. */
static struct credential *make_credential(void)
{
	static const uint8_t fingerprint[RK_FINGERPRINT_LEN] = {5};
	struct rk_private_key *key = rk_secret_new(sizeof(*key));
	struct credential *c = NULL;

	assert_non_null(key);
	key->type = RK_KEY_P256;
	key->number_cnt = 2;
	key->len[RK_NUM_PUBLIC] = 65;
	key->len[RK_NUM_SECRET] = 32;
	key->number[RK_NUM_PUBLIC][0] = 4;
	memset(key->number[RK_NUM_SECRET], 0x5e, 32);
	assert_int_equal(
		credential_new(fingerprint, (struct rk_span){(const uint8_t *)"x", 1}, key, &c), 0);
	return c;
}

/* The key comes back as it was; one that is damaged is as good as none, and is written anew. */
static void test_key(void **state)
{
	struct fixture *f = *state;
	struct part_ref *part[RK_PART_CNT];
	struct rk_private_key *key;
	struct published *p = publish(f, 1);

	p->credential = make_credential();
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(state_save(f->dir, p), 0);
		assert_int_equal(count_files(f, "key-"), 1);
		assert_int_equal(load(f, part, &key), 0);
		assert_non_null(key);
		assert_memory_equal(key, p->credential->key, sizeof(*key));
		close_loaded(part, key);
		damage(f, "key-", 50);
		assert_int_equal(load(f, part, &key), 0);
		assert_null(key);
		assert_int_equal(count_files(f, "key-"), 0);
		close_loaded(part, key);
	}
	published_free(p, &f->closing);
}

/* Whole, but of another key than its name says. */
static void test_key_of_another_name(void **state)
{
	struct fixture *f = *state;
	struct part_ref *part[RK_PART_CNT];
	struct rk_private_key *key;
	struct published *p = publish(f, 1);
	char other[80] = "key-", own[80] = "key-";

	p->credential = make_credential();
	p->credential->key->public_key_hash[0] = 0xab;
	assert_int_equal(state_save(f->dir, p), 0);
	memset(other + 4, '0', 64);
	memset(own + 4, '0', 64);
	memcpy(other + 4, "ab", 2);
	assert_int_equal(renameat(f->dir, other, f->dir, own), 0);
	assert_int_equal(load(f, part, &key), 0);
	assert_null(key);
	assert_int_equal(count_files(f, "key-"), 0);
	close_loaded(part, key);
	published_free(p, &f->closing);
}

/* A list that is whole and names nothing gives no view. */
static void test_list_without_configuration(void **state)
{
	const struct rk_message list = {.type = RK_MSG_VIEW, .view.generation = {7, 42}};
	struct fixture *f = *state;
	struct part_ref *part[RK_PART_CNT];
	struct rk_private_key *key;
	uint8_t buf[4096];
	size_t len = rk_message_build(&list, buf, sizeof(buf) - RK_DIGEST_LEN);
	int fd = openat(f->dir, "view", O_CREAT | O_WRONLY, 0600);

	assert_true(len > 0);
	SHA256(buf, len, buf + len);
	assert_int_equal(write(fd, buf, len + RK_DIGEST_LEN), len + RK_DIGEST_LEN);
	close(fd);
	assert_int_equal(load(f, part, &key), -EBADMSG);
	assert_null(part[RK_PART_CONFIG]);
}

static void put_file(const struct fixture *f, const char *name, const char *text)
{
	int fd = openat(f->dir, name, O_CREAT | O_WRONLY, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* The disk is full for a while, after earlier tries have left what no list names. */
static void test_full_disk(void **state)
{
	const struct rlimit full = {64, RLIM_INFINITY}, room = {RLIM_INFINITY, RLIM_INFINITY};
	struct fixture *f = *state;
	struct part_ref *part[RK_PART_CNT], *old = f->part[RK_PART_CONFIG];
	struct rk_private_key *key;
	struct published *p = publish(f, 1);

	assert_int_equal(state_save(f->dir, p), 0);
	published_free(p, &f->closing);
	f->part[RK_PART_CONFIG] = build_config("east-2");
	part_ref_put(old, &f->closing);
	p = publish(f, 1);
	put_file(f, "part-0000", "of a view that was never named");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	assert_int_equal(state_save(f->dir, p), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &room), 0);
	assert_int_equal(count_files(f, "part-"), 1);
	assert_int_equal(load(f, part, &key), 0); /* the view before */
	close_loaded(part, key);
	assert_int_equal(state_save(f->dir, p), 0);
	assert_int_equal(count_files(f, "part-"), 1);
	published_free(p, &f->closing);
}

static void test_opening_claims_and_cleans(void **state)
{
	struct fixture *f = *state;

	put_file(f, ".part-00.0123456789abcdef.tmp", "half of it");
	assert_int_equal(count_files(f, ".part-"), 1);
	assert_int_equal(state_open(f->folder), -EBUSY);
	assert_int_equal(count_files(f, ".part-"), 1);
	close(f->dir);
	f->dir = state_open(f->folder);
	assert_true(f->dir >= 0);
	assert_int_equal(count_files(f, ".part-"), 0);
}

static void test_old_key_is_overwritten(void **state)
{
	static const char name[] =
		"key-00000000000000000000000000000000000000000000000000000000000000ff";
	struct fixture *f = *state;
	struct published *p = publish(f, 1);
	char text[7] = "";
	int fd;

	put_file(f, name, "secret");
	fd = openat(f->dir, name, O_RDONLY);
	assert_int_equal(state_save(f->dir, p), 0);
	assert_int_equal(count_files(f, "key-"), 0);
	assert_int_equal(pread(fd, text, 6, 0), 6);
	assert_memory_equal(text, "\0\0\0\0\0\0", 6);
	close(fd);
	published_free(p, &f->closing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ports_and_peers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port_that_is_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_save_and_load, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_of_another_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list_without_configuration, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_opening_claims_and_cleans, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_key_is_overwritten, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
