/* SPDX-License-Identifier: BSD-3-Clause */
/* The channel: every message there and back, cut short, lengthened, spoiled; descriptors. */
#include "pki/view/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "pki/view/secret.h"

static uint8_t buf[RK_CHANNEL_MSG_MAX];
static uint8_t der[RK_CERT_DER_MAX];

static struct rk_part_ref ref(uint8_t has_fd)
{
	struct rk_part_ref r = {.is_present = 1, .has_fd = has_fd, .size = 640};

	memset(r.digest, 0xab, sizeof(r.digest));
	return r;
}

static void fill_status(struct rk_msg_status_peer *m)
{
	*m = (struct rk_msg_status_peer){"west", RK_PEER_UP, RK_VERDICT_GOOD, 29, 1, 0x8001, 0x1111,
		0x2222, 3, 4, 5, 6, 7, 8, {9}, {10}, -1};
}

static struct rk_message message_of(enum rk_channel_type type)
{
	struct rk_message m;

	memset(&m, 0, sizeof(m));
	m.type = type;
	switch (type) {
	case RK_MSG_HELLO:
		m.hello.version = RK_CHANNEL_VERSION;
		m.hello.active = (struct rk_generation){3, UINT64_MAX};
		m.hello.held[RK_PART_CONFIG] = ref(0);
		memset(m.hello.key_held, 4, sizeof(m.hello.key_held));
		break;
	case RK_MSG_REFUSED:
		strcpy(m.generation.reason, "section 3: wrong offset");
		m.generation.generation.counter = 7;
		break;
	case RK_MSG_APPLIED:
	case RK_MSG_NEED_ALL:
		m.generation.generation.incarnation = 7;
		break;
	case RK_MSG_KEY_HELD:
		memset(m.key_held.hash, 5, sizeof(m.key_held.hash));
		break;
	case RK_MSG_VALIDATE:
		m.validate.request = 77;
		m.validate.der = (struct rk_span){der, sizeof(der)};
		break;
	case RK_MSG_EVENT:
		strcpy(m.event.peer, "west");
		strcpy(m.event.reason, "key-installed");
		m.event.state = RK_PEER_DOWN;
		m.event.verdict = RK_VERDICT_REVOKED;
		m.event.path_down = 2;
		break;
	case RK_MSG_STATUS_PEER:
		fill_status(&m.status_peer);
		break;
	case RK_MSG_COUNTERS:
		m.counters.cnt = RK_COUNTERS_PER_MSG;
		for (unsigned i = 0; i < RK_COUNTERS_PER_MSG; i++) {
			memset(m.counters.counter[i].name, 'a', 47);
			m.counters.counter[i].value = i;
		}
		break;
	case RK_MSG_CONFIRMED:
		memset(m.confirmed.fingerprint, 6, sizeof(m.confirmed.fingerprint));
		break;
	case RK_MSG_VIEW:
		m.view.generation = (struct rk_generation){1, 2};
		m.view.part[RK_PART_CONFIG] = ref(1);
		m.view.part[RK_PART_REVOCATION_BASE] = ref(0);
		break;
	case RK_MSG_VERDICT:
		m.verdict.request = 77;
		m.verdict.verdict.status = RK_VERDICT_UNTRUSTED;
		break;
	case RK_MSG_LOG:
		memset(m.log.level, RK_LOG_DEBUG, sizeof(m.log.level));
		break;
	case RK_MSG_ROTATE:
		strcpy(m.rotate.peer, "west");
		break;
	default:
		break;
	}
	return m;
}

static const enum rk_channel_type types[] = {RK_MSG_HELLO, RK_MSG_APPLIED, RK_MSG_REFUSED,
	RK_MSG_NEED_ALL, RK_MSG_KEY_HELD, RK_MSG_VALIDATE, RK_MSG_EVENT, RK_MSG_STATUS_PEER,
	RK_MSG_STATUS_END, RK_MSG_COUNTERS, RK_MSG_CONFIRMED, RK_MSG_VIEW, RK_MSG_VERDICT,
	RK_MSG_ROTATE, RK_MSG_STATUS, RK_MSG_LOG};
#define TYPE_CNT (sizeof(types) / sizeof(types[0]))

/* In memory of exactly its length, so that the sanitizer sees a read past the end. */
static int parse_copy(struct rk_message *m, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	int ret;

	assert_non_null(copy);
	memcpy(copy, data, len);
	ret = rk_message_parse(m, copy, len);
	free(copy);
	return ret;
}

/* C1 */
static void every_type_goes_there_and_back(void **state)
{
	static uint8_t again[RK_CHANNEL_MSG_MAX];
	struct rk_message in, out;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(der); i++)
		der[i] = (uint8_t)i;
	for (size_t i = 0; i < TYPE_CNT; i++) {
		in = message_of(types[i]);
		len = rk_message_build(&in, buf, sizeof(buf));
		assert_true(len >= 4);
		assert_int_equal(rk_message_type(buf, len), types[i]);
		assert_int_equal(rk_message_parse(&out, buf, len), 0);
		if (types[i] == RK_MSG_VALIDATE) {
			assert_int_equal(out.validate.der.len, sizeof(der));
			assert_memory_equal(out.validate.der.data, der, sizeof(der));
			assert_true(out.validate.der.data > buf);
			out.validate.der.data = der;
		}
		assert_memory_equal(&in, &out, sizeof(in));
		assert_int_equal(rk_message_build(&out, again, sizeof(again)), len);
		assert_memory_equal(buf, again, len);
		/* Into a buffer that is a byte too small: nothing. */
		assert_int_equal(rk_message_build(&in, again, len - 1), 0);
	}
}

/* C2 */
static void every_length_but_its_own_is_refused(void **state)
{
	struct rk_message in, out;
	size_t len;

	(void)state;
	for (size_t i = 0; i < TYPE_CNT; i++) {
		in = message_of(types[i]);
		len = rk_message_build(&in, buf, sizeof(buf));
		for (size_t cut = 0; cut < len; cut++)
			assert_int_equal(parse_copy(&out, buf, cut), -EBADMSG);
		buf[len] = 0;
		assert_int_equal(parse_copy(&out, buf, len + 1), -EBADMSG);
		assert_int_equal(parse_copy(&out, buf, len), 0);
		buf[3] = 1; /* reserved */
		assert_int_equal(parse_copy(&out, buf, len), -EBADMSG);
	}
}

/* C2 */
static void unknown_types_are_refused(void **state)
{
	struct rk_message m;

	(void)state;
	for (unsigned type = 0; type < 300; type++) {
		uint8_t head[4] = {(uint8_t)(type >> 8), (uint8_t)type, 0, 0};
		bool is_bare = type == RK_MSG_STATUS || type == RK_MSG_STATUS_END;

		assert_int_equal(rk_message_parse(&m, head, 4), is_bare ? 0 : -EBADMSG);
	}
	assert_int_equal(rk_message_type("\0", 1), 0);
	memset(&m, 0, sizeof(m));
	m.type = RK_MSG_KEY;
	assert_int_equal(rk_message_build(&m, buf, sizeof(buf)), 0);
}

#define ASSERT_REFUSED(of, change)                                      \
	do {                                                            \
		struct rk_message m = message_of(of), out;              \
		size_t len;                                             \
		change;                                                 \
		len = rk_message_build(&m, buf, sizeof(buf));           \
		assert_true(len > 0);                                   \
		assert_int_equal(parse_copy(&out, buf, len), -EBADMSG); \
	} while (0)

/* C2 */
static void bad_values_are_refused(void **state)
{
	(void)state;
	ASSERT_REFUSED(RK_MSG_HELLO, m.hello.version = 1);
	ASSERT_REFUSED(RK_MSG_HELLO, m.hello.held[0].has_fd = 1);
	ASSERT_REFUSED(RK_MSG_HELLO, m.hello.held[0].is_present = 2);
	ASSERT_REFUSED(RK_MSG_HELLO, m.hello.held[0].is_present = 0); /* size and digest stay */
	ASSERT_REFUSED(RK_MSG_HELLO, m.hello.held[1].size = 64);
	ASSERT_REFUSED(RK_MSG_VIEW, m.view.part[0].size = 0);
	ASSERT_REFUSED(RK_MSG_VIEW, m.view.part[0].size = 65);
	ASSERT_REFUSED(RK_MSG_VIEW, m.view.part[0].size = RK_PART_SIZE_MAX + 64);
	ASSERT_REFUSED(RK_MSG_VIEW, m.view.part[1].has_fd = 1); /* of a part that is not there */
	ASSERT_REFUSED(RK_MSG_VIEW, m.view.part[0].has_fd = 2);
	ASSERT_REFUSED(RK_MSG_REFUSED, m.generation.reason[3] = '\n');
	ASSERT_REFUSED(RK_MSG_EVENT, m.event.state = RK_PEER_DOWN + 1);
	ASSERT_REFUSED(RK_MSG_EVENT, m.event.verdict = RK_VERDICT_STATUS_CNT);
	ASSERT_REFUSED(RK_MSG_EVENT, m.event.peer[0] = 0);
	ASSERT_REFUSED(RK_MSG_EVENT, m.event.reason[0] = 0x7f);
	ASSERT_REFUSED(RK_MSG_STATUS_PEER, m.status_peer.state = 4);
	ASSERT_REFUSED(RK_MSG_STATUS_PEER, m.status_peer.verdict = 8);
	ASSERT_REFUSED(RK_MSG_STATUS_PEER, m.status_peer.peer[0] = 0);
	ASSERT_REFUSED(RK_MSG_COUNTERS, m.counters.counter[5].name[0] = 0);
	ASSERT_REFUSED(RK_MSG_VERDICT, m.verdict.verdict.status = RK_VERDICT_GOOD);
	ASSERT_REFUSED(RK_MSG_VERDICT, m.verdict.verdict.pad[0] = 1);
	ASSERT_REFUSED(RK_MSG_ROTATE, m.rotate.peer[1] = 1);
	ASSERT_REFUSED(RK_MSG_LOG, m.log.level[0] = 0);
	ASSERT_REFUSED(RK_MSG_LOG, m.log.level[RK_LOG_MODULE_CNT - 1] = 5);
}

/* C1, C2 */
static void texts_end_within_their_array(void **state)
{
	struct rk_message m = message_of(RK_MSG_ROTATE), out;
	size_t len = rk_message_build(&m, buf, sizeof(buf));

	(void)state;
	buf[4 + 6] = 'x'; /* after the end */
	assert_int_equal(parse_copy(&out, buf, len), -EBADMSG);
	memset(buf + 4, 'x', RK_NAME_MAX + 1); /* no end */
	assert_int_equal(parse_copy(&out, buf, len), -EBADMSG);
	buf[4 + RK_NAME_MAX] = 0;
	assert_int_equal(parse_copy(&out, buf, len), 0);
	/* A sender's text without an end is cut, and what lies behind an end is not sent. */
	memset(m.rotate.peer, 'y', sizeof(m.rotate.peer));
	m.rotate.peer[10] = 0;
	assert_int_equal(rk_message_build(&m, buf, sizeof(buf)), len);
	assert_int_equal(parse_copy(&out, buf, len), 0);
	assert_string_equal(out.rotate.peer, "yyyyyyyyyy");
	m = message_of(RK_MSG_VALIDATE);
	m.validate.der.len = RK_CERT_DER_MAX + 1;
	assert_int_equal(rk_message_build(&m, buf, sizeof(buf)), 0);
	m = message_of(RK_MSG_COUNTERS);
	m.counters.cnt++;
	assert_int_equal(rk_message_build(&m, buf, sizeof(buf)), 0);
}

static void fill_key(struct rk_private_key *key, uint8_t type)
{
	static const uint16_t rsa[] = {256, 3, 256, 128, 128, 128, 128, 128};
	static const uint16_t ec[RK_KEY_TYPE_CNT] = {
		[RK_KEY_P256] = 32, [RK_KEY_P384] = 48, [RK_KEY_P521] = 66};

	rk_wipe(key, sizeof(*key));
	key->type = type;
	key->number_cnt = type <= RK_KEY_RSA_PSS ? RK_NUM_CNT : 2;
	memset(key->public_key_hash, 1, sizeof(key->public_key_hash));
	for (size_t i = 0; i < key->number_cnt; i++) {
		if (type <= RK_KEY_RSA_PSS)
			key->len[i] = rsa[i];
		else if (type == RK_KEY_ED25519)
			key->len[i] = 32;
		else
			key->len[i] = i == RK_NUM_PUBLIC ? 1 + 2 * ec[type] : ec[type];
		memset(key->number[i], (int)(i + 1), key->len[i]);
	}
}

static void keys_go_there_and_back(void **state)
{
	struct rk_private_key *in = rk_secret_new(sizeof(*in));
	struct rk_private_key *out = rk_secret_new(sizeof(*out));
	size_t len;

	(void)state;
	assert_true(in != NULL && out != NULL);
	for (uint8_t type = RK_KEY_RSA; type < RK_KEY_TYPE_CNT; type++) {
		fill_key(in, type);
		len = rk_private_key_build(in, buf, sizeof(buf));
		assert_int_equal(rk_message_type(buf, len), RK_MSG_KEY);
		assert_int_equal(rk_private_key_parse(out, buf, len), 0);
		assert_memory_equal(in, out, sizeof(*in));
		for (size_t cut = 0; cut < len; cut++) {
			assert_int_equal(rk_private_key_parse(out, buf, cut), -EBADMSG);
			assert_true(rk_bytes_are_zero(out, sizeof(*out)));
		}
		assert_int_equal(rk_private_key_parse(out, buf, len + 1), -EBADMSG);
		/* Never as a plain message. */
		assert_int_equal(rk_message_parse(&(struct rk_message){0}, buf, len), -EBADMSG);
		buf[4 + RK_DIGEST_LEN] = RK_KEY_TYPE_CNT;
		assert_int_equal(rk_private_key_parse(out, buf, len), -EBADMSG);
		/* What does not fit leaves nothing behind. */
		memset(buf, 0, sizeof(buf));
		assert_int_equal(rk_private_key_build(in, buf, len - 1), 0);
		assert_true(rk_bytes_are_zero(buf, sizeof(buf)));
	}
	fill_key(in, RK_KEY_P256);
	in->len[RK_NUM_PUBLIC] = 64;
	assert_int_equal(rk_private_key_build(in, buf, sizeof(buf)), 0);
	fill_key(in, RK_KEY_P256);
	in->len[RK_NUM_SECRET] = 33;
	assert_int_equal(rk_private_key_build(in, buf, sizeof(buf)), 0);
	fill_key(in, RK_KEY_RSA);
	in->len[RK_NUM_RSA_D] = 257;
	assert_int_equal(rk_private_key_build(in, buf, sizeof(buf)), 0);
	fill_key(in, RK_KEY_RSA);
	in->number_cnt = 7;
	assert_int_equal(rk_private_key_build(in, buf, sizeof(buf)), 0);
	rk_secret_free(in, sizeof(*in));
	rk_secret_free(out, sizeof(*out));
}

/* ---- the socket ------------------------------------------------------------------------------ */

static void open_pair(int pair[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static int open_fd_cnt(void)
{
	int cnt = 0;

	for (int fd = 0; fd < 256; fd++)
		cnt += fcntl(fd, F_GETFD) >= 0;
	return cnt;
}

static void datagrams_carry_descriptors(void **state)
{
	int pair[2], sent[RK_PART_CNT], got[RK_PART_CNT];
	struct stat a, b;
	size_t cnt = 9;

	(void)state;
	open_pair(pair);
	for (int i = 0; i < RK_PART_CNT; i++)
		sent[i] = open(i % 2 ? "/dev/null" : "/", O_RDONLY | O_CLOEXEC);
	assert_int_equal(rk_channel_receive(pair[1], buf, sizeof(buf), got, &cnt), -EAGAIN);
	assert_int_equal(rk_channel_send(pair[0], "hello", 5, NULL, 0), 0);
	assert_int_equal(rk_channel_send(pair[0], "parts", 5, sent, RK_PART_CNT), 0);
	assert_int_equal(rk_channel_receive(pair[1], buf, sizeof(buf), got, &cnt), 5);
	assert_int_equal(cnt, 0);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(rk_channel_receive(pair[1], buf, sizeof(buf), got, &cnt), 5);
	assert_int_equal(cnt, RK_PART_CNT);
	for (int i = 0; i < RK_PART_CNT; i++) {
		assert_int_equal(fcntl(got[i], F_GETFD), FD_CLOEXEC);
		assert_int_equal(fstat(sent[i], &a) | fstat(got[i], &b), 0);
		assert_true(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
		close(sent[i]);
		close(got[i]);
	}
	close(pair[0]);
	assert_int_equal(rk_channel_receive(pair[1], buf, sizeof(buf), got, &cnt), -ECONNRESET);
	assert_int_equal(rk_channel_send(pair[1], "x", 1, NULL, 0), -EPIPE);
	close(pair[1]);
}

/* Sends five descriptors, more than any message of ours has. */
static void send_too_many(int sock, int fd)
{
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(5 * sizeof(int))];
	} room = {0};
	struct iovec iov = {(char[]){"parts"}, 5};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fds[5] = {fd, fd, fd, fd, fd};
	struct cmsghdr *c;

	msg.msg_control = room.bytes;
	msg.msg_controllen = sizeof(room.bytes);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	assert_int_equal(sendmsg(sock, &msg, 0), 5);
}

/* C2, C3 */
static void refused_datagrams_leak_no_descriptor(void **state)
{
	int pair[2], got[RK_PART_CNT] = {-1, -1, -1, -1};
	size_t cnt = 9;
	int before;

	(void)state;
	open_pair(pair);
	before = open_fd_cnt();
	send_too_many(pair[0], pair[0]);
	assert_int_equal(rk_channel_receive(pair[1], buf, sizeof(buf), got, &cnt), -EBADMSG);
	assert_int_equal(open_fd_cnt(), before);
	/* A datagram larger than the buffer, with a descriptor. */
	assert_int_equal(rk_channel_send(pair[0], "too long", 8, pair, 1), 0);
	assert_int_equal(rk_channel_receive(pair[1], buf, 7, got, &cnt), -EBADMSG);
	assert_int_equal(open_fd_cnt(), before);
	assert_int_equal(cnt, 9);
	assert_int_equal(got[0], -1);
	assert_int_equal(rk_channel_send(pair[0], "x", 1, got, RK_PART_CNT + 1), -EINVAL);
	assert_int_equal(rk_channel_send(pair[0], "x", 0, NULL, 0), -EINVAL);
	assert_int_equal(rk_channel_send(pair[0], buf, RK_CHANNEL_MSG_MAX + 1, NULL, 0), -EINVAL);
	assert_int_equal(rk_channel_send(pair[0], buf, RK_CHANNEL_MSG_MAX, NULL, 0), 0);
	assert_int_equal(
		rk_channel_receive(pair[1], buf, sizeof(buf), got, &cnt), RK_CHANNEL_MSG_MAX);
	close(pair[0]);
	close(pair[1]);
}

/* C4 */
static void sending_never_blocks(void **state)
{
	int pair[2], ret = 0;

	(void)state;
	open_pair(pair);
	for (int i = 0; i < 100000 && ret == 0; i++)
		ret = rk_channel_send(pair[0], buf, RK_CHANNEL_MSG_MAX, NULL, 0);
	assert_int_equal(ret, -EAGAIN);
	close(pair[0]);
	close(pair[1]);
}

static void peer_must_be_the_configured_user(void **state)
{
	int pair[2];

	(void)state;
	open_pair(pair);
	assert_int_equal(rk_channel_check_peer(pair[0], geteuid()), 0);
	assert_int_equal(rk_channel_check_peer(pair[0], geteuid() + 1), -EPERM);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(rk_channel_check_peer(pair[0], geteuid()), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_goes_there_and_back),
		cmocka_unit_test(every_length_but_its_own_is_refused),
		cmocka_unit_test(unknown_types_are_refused),
		cmocka_unit_test(bad_values_are_refused),
		cmocka_unit_test(texts_end_within_their_array),
		cmocka_unit_test(keys_go_there_and_back),
		cmocka_unit_test(datagrams_carry_descriptors),
		cmocka_unit_test(refused_datagrams_leak_no_descriptor),
		cmocka_unit_test(sending_never_blocks),
		cmocka_unit_test(peer_must_be_the_configured_user),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
