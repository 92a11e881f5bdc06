/* SPDX-License-Identifier: BSD-3-Clause */
/* A view written to disk and read back: whole or not at all. */
#include <fcntl.h>
#include <openssl/sha.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "pki/view/secret.h"
#include "tests/unit/published_fixture.h"

static const char *unwritable = ""; /* the file of that name */

int __real_rk_file_replace(int dir, const char *name, mode_t mode, const void *data, size_t len);
int __wrap_rk_file_replace(int dir, const char *name, mode_t mode, const void *data, size_t len);

int __wrap_rk_file_replace(int dir, const char *name, mode_t mode, const void *data, size_t len)
{
	if (strcmp(name, unwritable) == 0)
		return -EIO;
	return __real_rk_file_replace(dir, name, mode, data, len);
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

static void name_part(const struct part_ref *part, char out[80])
{
	out += sprintf(out, "part-");
	for (unsigned i = 0; i < RK_DIGEST_LEN; i++)
		out += sprintf(out, "%02x", rk_part_digest(part->part)[i]);
}

/* So with a part; and the next save does not take it for written. */
static void test_part_of_another_name(void **state)
{
	struct fixture *f = *state;
	struct part_ref *part[RK_PART_CNT];
	struct part_ref *other = build_config("east-2");
	struct rk_span bytes = rk_part_bytes(other->part);
	struct rk_private_key *key;
	struct published *p = publish(f, 1);
	char name[80];
	int fd;

	name_part(f->part[RK_PART_CONFIG], name);
	assert_int_equal(state_save(f->dir, p), 0);
	fd = openat(f->dir, name, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, bytes.data, bytes.len), bytes.len);
	close(fd);
	part_ref_put(other, &f->closing);
	assert_int_equal(load(f, part, &key), -EBADMSG);
	assert_int_equal(state_save(f->dir, p), 0);
	assert_int_equal(load(f, part, &key), 0);
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

	p->credential = make_credential();
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
	assert_non_null(key);
	close_loaded(part, key);
	assert_int_equal(state_save(f->dir, p), 0);
	assert_int_equal(count_files(f, "part-"), 1);
	assert_int_equal(count_files(f, "key-"), 0);
	published_free(p, &f->closing);
}

/* The list is written last: until it is there, all that the one before names is. */
static void test_list_that_is_not_written(void **state)
{
	struct fixture *f = *state;
	struct part_ref *part[RK_PART_CNT], *old = f->part[RK_PART_CONFIG];
	struct rk_private_key *key;
	struct published *p = publish(f, 1);

	assert_int_equal(state_save(f->dir, p), 0);
	published_free(p, &f->closing);
	f->part[RK_PART_CONFIG] = build_config("east-2");
	p = publish(f, 1);
	unwritable = "view";
	assert_int_equal(state_save(f->dir, p), -EIO);
	unwritable = "";
	assert_int_equal(load(f, part, &key), 0);
	assert_memory_equal(rk_part_digest(part[RK_PART_CONFIG]->part), rk_part_digest(old->part),
		RK_DIGEST_LEN);
	close_loaded(part, key);
	part_ref_put(old, &f->closing);
	published_free(p, &f->closing);
}

/* Whoever puts a link in its place does not have another file read for it. */
static void test_links_are_not_followed(void **state)
{
	struct fixture *f = *state;
	struct part_ref *part[RK_PART_CNT];
	struct rk_private_key *key;
	struct published *p = publish(f, 1);
	char name[80];

	assert_int_equal(state_save(f->dir, p), 0);
	name_part(f->part[RK_PART_CONFIG], name);
	assert_int_equal(renameat(f->dir, name, f->dir, "elsewhere"), 0);
	assert_int_equal(symlinkat("elsewhere", f->dir, name), 0);
	assert_int_equal(load(f, part, &key), -EBADMSG);
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

/* A key lies in it: whose folder it is not, or who may look into it, has none of it. */
static void test_folder_is_ours_alone(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	close(f->dir);
	assert_int_equal(chmod(f->folder, 0755), 0);
	f->dir = state_open(f->folder);
	assert_true(f->dir >= 0);
	assert_int_equal(fstat(f->dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	if (geteuid() != 0)
		return;
	close(f->dir);
	assert_int_equal(chown(f->folder, 65534, (gid_t)-1), 0);
	assert_int_equal(state_open(f->folder), -EPERM);
	assert_int_equal(chown(f->folder, 0, (gid_t)-1), 0);
	f->dir = state_open(f->folder);
	assert_true(f->dir >= 0);
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
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_save_and_load),
		T(test_damage),
		T(test_key),
		T(test_key_of_another_name),
		T(test_part_of_another_name),
		T(test_list_without_configuration),
		T(test_full_disk),
		T(test_list_that_is_not_written),
		T(test_links_are_not_followed),
		T(test_opening_claims_and_cleans),
		T(test_folder_is_ours_alone),
		T(test_old_key_is_overwritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
