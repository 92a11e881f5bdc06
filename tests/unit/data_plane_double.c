/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * data-plane-double SOCKET PEER [CERTIFICATE.der]: speaks the channel as a data plane does that has
 * one peer up. Whatever view comes is applied; the certificate is shown as that peer's. Ends when
 * control does.
 */
#include <openssl/sha.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pki/view/channel.h"

static uint8_t buffer[RK_CHANNEL_MSG_MAX];
static uint8_t der[16384];
static size_t der_len;

static int say(int sock, const struct rk_message *msg)
{
	static uint8_t out[RK_CHANNEL_MSG_MAX];
	size_t len = rk_message_build(msg, out, sizeof(out));

	return len > 0 ? rk_channel_send(sock, out, len, NULL, 0) : -1;
}

static int tell_status(int sock, const char *peer)
{
	struct rk_message status = {.type = RK_MSG_STATUS_PEER};
	struct rk_message counters = {.type = RK_MSG_COUNTERS};
	const struct rk_message end = {.type = RK_MSG_STATUS_END};
	struct rk_msg_status_peer *s = &status.status_peer;

	snprintf(s->peer, sizeof(s->peer), "%s", peer);
	s->state = RK_PEER_UP;
	s->group = 29;
	s->suite = 1;
	s->local_index = 7;
	s->peer_index = 41;
	s->full_exchange_cnt = 1;
	s->rekey_cnt = 2;
	s->key_age_ms = 3723000;
	s->next_rekey_ms = 82677000;
	s->keep_alive_sent_cnt = s->keep_alive_received_cnt = 100;
	s->not_after = INT64_C(4102444800);
	memset(s->exported, 0x5a, sizeof(s->exported));
	if (der_len > 0) {
		s->verdict = RK_VERDICT_GOOD;
		SHA256(der, der_len, s->fingerprint);
	}
	counters.counters.cnt = 1;
	snprintf(counters.counters.counter[0].name, sizeof(counters.counters.counter[0].name),
		"rx_packets");
	counters.counters.counter[0].value = 1000;
	return say(sock, &status) == 0 && say(sock, &counters) == 0 ? say(sock, &end) : -1;
}

/* Whatever is asked for; -1: the end. */
static int serve(int sock, const char *peer)
{
	struct rk_message msg, answer = {.type = RK_MSG_APPLIED};
	int fds[RK_PART_CNT];
	size_t fd_cnt = 0;
	ssize_t len = rk_channel_receive(sock, buffer, sizeof(buffer), fds, &fd_cnt);

	for (size_t i = 0; i < fd_cnt; i++)
		close(fds[i]);
	if (len <= 0)
		return -1;
	if (rk_message_type(buffer, (size_t)len) == RK_MSG_KEY)
		return 0;
	if (rk_message_parse(&msg, buffer, (size_t)len) < 0)
		return -1;
	if (msg.type == RK_MSG_STATUS)
		return tell_status(sock, peer);
	if (msg.type != RK_MSG_VIEW)
		return 0;
	answer.generation.generation = msg.view.generation;
	return say(sock, &answer);
}

static int greet(int sock)
{
	struct rk_message hello = {.type = RK_MSG_HELLO};
	struct rk_message validate = {.type = RK_MSG_VALIDATE};

	hello.hello.version = RK_CHANNEL_VERSION;
	validate.validate.request = 1;
	validate.validate.der = (struct rk_span){der, der_len};
	if (say(sock, &hello) < 0)
		return -1;
	return der_len > 0 ? say(sock, &validate) : 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct pollfd waiting = {.events = POLLIN};
	FILE *in = argc > 3 ? fopen(argv[3], "rb") : NULL;

	if (argc < 3 || (argc > 3 && in == NULL))
		return 2;
	if (in != NULL) {
		der_len = fread(der, 1, sizeof(der), in);
		fclose(in);
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
	waiting.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (connect(waiting.fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		greet(waiting.fd) < 0)
		return 1;
	while (poll(&waiting, 1, -1) > 0 && serve(waiting.fd, argv[2]) == 0)
		;
	close(waiting.fd);
	return 0;
}
