/* SPDX-License-Identifier: BSD-3-Clause */
/* The clients of rest_fixture.h: they send what they are given, byte for byte. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "tests/unit/rest_fixture.h"

#define ANSWER_MAX (1 << 20)
#define PATIENCE   20000 /* ms: a sanitizer build on a busy machine */
#define SILENCE    8000  /* ms after an answer: no other one comes on that connection */

struct client {
	SSL_CTX *ctx;
	SSL *ssl; /* NULL: plain */
	int fd;
};

static struct client *connect_to(const struct sockaddr *address, socklen_t len)
{
	const struct timeval patience = {.tv_sec = PATIENCE / 1000};
	struct client *c = calloc(1, sizeof(*c));

	c->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (c->fd < 0 || connect(c->fd, address, len) < 0) {
		client_close(c);
		return NULL;
	}
	return c;
}

struct client *client_open(const struct fixture *f)
{
	return client_open_with(f, 0, NULL);
}

struct client *client_open_with(const struct fixture *f, int version_max, const char *ciphers)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)fixture_port(f)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct client *c = connect_to((struct sockaddr *)&address, sizeof(address));

	if (c == NULL)
		return NULL;
	c->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(c->ctx, 0); /* a client that would take anything */
	SSL_CTX_set_max_proto_version(c->ctx, version_max);
	if (ciphers != NULL)
		SSL_CTX_set_cipher_list(c->ctx, ciphers);
	c->ssl = SSL_new(c->ctx);
	SSL_set_fd(c->ssl, c->fd);
	if (SSL_connect(c->ssl) != 1) {
		client_close(c);
		return NULL;
	}
	return c;
}

static struct client *open_local(const struct fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", fixture_folder(f),
		REST_SOCKET);
	return connect_to((struct sockaddr *)&address, sizeof(address));
}

bool client_send(struct client *c, const void *data, size_t len)
{
	size_t sent = 0;

	if (c->ssl == NULL)
		return send(c->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
	while (sent < len) {
		int ret = SSL_write(c->ssl, (const char *)data + sent, (int)(len - sent));

		if (ret <= 0)
			return false;
		sent += (size_t)ret;
	}
	return true;
}

/* Bytes; 0 = the end; -1 = silence. */
static int read_some(struct client *c, char *out, size_t size, unsigned ms)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	int ret;

	for (;;) {
		if (c->ssl == NULL || SSL_pending(c->ssl) == 0) {
			if (poll(&p, 1, (int)ms) <= 0)
				return -1;
		}
		if (c->ssl == NULL) {
			ret = (int)recv(c->fd, out, size, 0);
			return ret > 0 ? ret : 0;
		}
		ret = SSL_read(c->ssl, out, (int)size);
		if (ret > 0)
			return ret;
		if (SSL_get_error(c->ssl, ret) != SSL_ERROR_WANT_READ)
			return 0;
	}
}

char *client_read(struct client *c, unsigned ms)
{
	char *text = calloc(1, ANSWER_MAX + 1);
	size_t len = 0;

	while (len < ANSWER_MAX) {
		unsigned wait = len == 0 && ms < PATIENCE ? PATIENCE : ms;
		int ret = read_some(c, text + len, ANSWER_MAX - len, wait);

		if (ret <= 0)
			break;
		len += (size_t)ret;
	}
	return text;
}

bool client_is_answered(struct client *c, unsigned ms)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};

	return poll(&p, 1, (int)ms) > 0;
}

bool client_is_ended(struct client *c, unsigned ms)
{
	char rest[4096];
	int ret;

	do
		ret = read_some(c, rest, sizeof(rest), ms);
	while (ret > 0);
	return ret == 0;
}

void client_close(struct client *c)
{
	if (c == NULL)
		return;
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

char *fixture_talk(const struct fixture *f, const char *text)
{
	struct client *c = client_open(f);
	char *answer;

	if (c == NULL)
		return strdup("");
	client_send(c, text, strlen(text));
	answer = client_read(c, SILENCE);
	client_close(c);
	return answer;
}

int response_status(const char *response)
{
	return strncmp(response, "HTTP/1.1 ", 9) == 0 ? atoi(response + 9) : 0;
}

const char *response_body(const char *response)
{
	const char *end = strstr(response, "\r\n\r\n");

	return end != NULL ? end + 4 : NULL;
}

static int call(struct client *c, const char *method, const char *path, const char *token,
	const char *body, char **answer)
{
	size_t size = 16384 + (body != NULL ? strlen(body) : 0);
	char *text = calloc(1, size), *response;
	int len, status;

	len = snprintf(
		text, size, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", method, path);
	if (token != NULL)
		len += snprintf(
			text + len, size - (size_t)len, "Authorization: Bearer %s\r\n", token);
	if (body != NULL)
		len += snprintf(text + len, size - (size_t)len,
			"Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
	snprintf(text + len, size - (size_t)len, "\r\n%s", body != NULL ? body : "");
	if (c == NULL || !client_send(c, text, strlen(text))) {
		free(text);
		client_close(c);
		return 0;
	}
	free(text);
	response = client_read(c, PATIENCE);
	client_close(c);
	status = response_status(response);
	if (answer != NULL)
		*answer = response;
	else
		free(response);
	return status;
}

int fixture_call(const struct fixture *f, const char *method, const char *path, const char *token,
	const char *body, char **answer)
{
	return call(client_open(f), method, path, token, body, answer);
}

int fixture_call_local(const struct fixture *f, const char *method, const char *path,
	const char *body, char **answer)
{
	return call(open_local(f), method, path, NULL, body, answer);
}

char *fixture_login(const struct fixture *f, const char *name, const char *password)
{
	char body[512], *answer = NULL, *token = NULL;
	const char *text;
	json_t *json;

	snprintf(body, sizeof(body), "{\"username\":\"%s\",\"password\":\"%s\"}", name, password);
	if (fixture_call(f, "POST", "/api/v1/login", NULL, body, &answer) == 200) {
		json = json_loads(response_body(answer), 0, NULL);
		text = json_string_value(json_object_get(json, "token"));
		token = text != NULL ? strdup(text) : NULL;
		json_decref(json);
	}
	free(answer);
	return token;
}
