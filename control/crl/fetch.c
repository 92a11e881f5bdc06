/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/crl/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/crl/address.h"
#include "control/crl/spool.h"

#define CONNECT_SEC     10L
#define STALL_SEC       20L
#define STALL_BYTES_SEC 128L
#define TOTAL_SEC       600L
#define REDIRECT_MAX    3L
#define BUFFER_BYTES    16384L /* libcurl takes up to a hundred before the loop gets its turn */

struct fetch {
	LIST_ENTRY(fetch) link;
	CURL *curl;
	struct curl_slist *headers;
	bool is_local_allowed;
	bool is_refused_address; /* the socket was not opened because of its address */
	bool is_too_large;
	int write_error; /* errno of what kept the body from its file */
	size_t size_max;
	struct event *ready; /* a file URL's answer, at the loop's next turn */
	char message[CURL_ERROR_SIZE];
	struct fetch_result result;
	fetch_cb cb;
	void *arg;
};

struct fetcher {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	LIST_HEAD(, fetch) running;
};

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct fetch *f = arg;

	if (purpose != CURLSOCKTYPE_IPCXN)
		return CURL_SOCKET_BAD;
	if (!f->is_local_allowed && address_is_local(address->family, &address->addr)) {
		f->is_refused_address = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_body(char *data, size_t size, size_t cnt, void *arg)
{
	struct fetch *f = arg;
	size_t len = size * cnt, done = 0;

	if (len > f->size_max - f->result.len) {
		f->is_too_large = true;
		return 0;
	}
	while (done < len) {
		ssize_t n = write(f->result.fd, data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			f->write_error = errno;
			return 0;
		}
		done += (size_t)n;
	}
	f->result.len += len;
	return len;
}

/* Copies the value of "name: value\r\n" when the line is that header and the value fits. */
static void keep_header(const char *line, size_t len, const char *name, char *out, size_t size)
{
	size_t name_len = strlen(name);

	if (len <= name_len || strncasecmp(line, name, name_len) != 0)
		return;
	line += name_len;
	len -= name_len;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len > 0 && (unsigned char)line[len - 1] <= ' ')
		len--;
	if (len >= size)
		return;
	memcpy(out, line, len);
	out[len] = '\0';
}

static size_t take_header(char *data, size_t size, size_t cnt, void *arg)
{
	struct fetch *f = arg;
	size_t len = size * cnt;

	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0) {
		/* A redirect's headers are not those of the body. */
		f->result.etag[0] = f->result.last_modified[0] = '\0';
		f->result.len = 0;
		if (ftruncate(f->result.fd, 0) < 0 || lseek(f->result.fd, 0, SEEK_SET) < 0)
			return 0;
	}
	keep_header(data, len, "etag:", f->result.etag, sizeof(f->result.etag));
	keep_header(data, len, "last-modified:", f->result.last_modified,
		sizeof(f->result.last_modified));
	return len;
}

static void fetch_free(struct fetch *f)
{
	curl_easy_cleanup(f->curl);
	curl_slist_free_all(f->headers);
	if (f->ready != NULL)
		event_free(f->ready);
	if (f->result.fd >= 0)
		close(f->result.fd);
	free(f);
}

static int error_of(CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
		return -EHOSTUNREACH;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_TOO_MANY_REDIRECTS:
		return -ELOOP;
	case CURLE_PEER_FAILED_VERIFICATION:
		return -EACCES;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static void describe(struct fetch *f, CURLcode code)
{
	struct fetch_result *r = &f->result;

	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &r->http_status);
	if (f->is_too_large || code == CURLE_FILESIZE_EXCEEDED) {
		r->error = -EFBIG;
		snprintf(r->text, sizeof(r->text), "larger than %zu bytes", f->size_max);
	} else if (f->write_error != 0) {
		r->error = -f->write_error;
		snprintf(r->text, sizeof(r->text), "the body cannot be kept: %s",
			strerror(f->write_error));
	} else if (f->is_refused_address) {
		r->error = -EPERM;
		snprintf(r->text, sizeof(r->text),
			"leads to a loopback, link-local or multicast address");
	} else if (code != CURLE_OK) {
		r->error = error_of(code);
		snprintf(r->text, sizeof(r->text), "%s",
			f->message[0] != '\0' ? f->message : curl_easy_strerror(code));
	} else if (r->http_status == 304 && f->headers != NULL) { /* we asked whether */
		r->is_not_modified = true;
	} else if (r->http_status != 200) {
		r->error = -EIO;
		snprintf(r->text, sizeof(r->text), "HTTP status %ld", r->http_status);
	}
}

static void reap(struct fetcher *fetcher)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(fetcher->multi, &left)) != NULL) {
		CURLcode code = msg->data.result;
		struct fetch *f;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&f);
		describe(f, code);
		curl_multi_remove_handle(fetcher->multi, f->curl);
		LIST_REMOVE(f, link);
		f->cb(f->arg, &f->result);
		fetch_free(f);
	}
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct fetcher *f = arg;
	int running;
	int mask =
		(what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

	curl_multi_socket_action(f->multi, fd, mask, &running);
	reap(f);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct fetcher *f = arg;
	int running;

	(void)fd;
	(void)what;
	curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(f);
}

/* libcurl's wish about one socket; the event hangs at the socket as its private pointer. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct fetcher *f = arg;
	struct event *ev = socket_arg;
	short mask = (short)((what & CURL_POLL_IN ? EV_READ : 0) |
			     (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST);

	(void)easy;
	if (ev != NULL)
		event_free(ev);
	ev = NULL;
	if (what != CURL_POLL_REMOVE) {
		ev = event_new(f->base, fd, mask, on_socket, f);
		if (ev == NULL || event_add(ev, NULL) < 0)
			return -1;
	}
	curl_multi_assign(f->multi, fd, ev);
	return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct fetcher *f = arg;
	struct timeval tv = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

	(void)multi;
	if (timeout_ms < 0)
		return event_del(f->timer);
	return event_add(f->timer, &tv);
}

int fetcher_new(struct event_base *base, struct fetcher **out)
{
	struct fetcher *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	f->base = base;
	LIST_INIT(&f->running);
	f->multi = curl_multi_init();
	f->timer = evtimer_new(base, on_timer, f);
	if (f->multi == NULL || f->timer == NULL) {
		fetcher_free(f);
		return -ENOMEM;
	}
	curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
	curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
	*out = f;
	return 0;
}

void fetcher_free(struct fetcher *f)
{
	struct fetch *running;

	if (f == NULL)
		return;
	while ((running = LIST_FIRST(&f->running)) != NULL) {
		LIST_REMOVE(running, link);
		if (running->curl != NULL)
			curl_multi_remove_handle(f->multi, running->curl);
		running->result.error = -ECANCELED;
		running->cb(running->arg, &running->result);
		fetch_free(running);
	}
	if (f->multi != NULL)
		curl_multi_cleanup(f->multi);
	if (f->timer != NULL)
		event_free(f->timer);
	free(f);
}

static bool is_allowed_scheme(const struct fetch_request *r)
{
	return strncasecmp(r->url, "http://", 7) == 0 || strncasecmp(r->url, "https://", 8) == 0 ||
	       (r->is_file_allowed && strncasecmp(r->url, "file:///", 8) == 0);
}

static bool add_header(struct fetch *f, const char *name, const char *value)
{
	char line[384];
	struct curl_slist *grown;

	if (value == NULL || value[0] == '\0')
		return true;
	if ((size_t)snprintf(line, sizeof(line), "%s: %s", name, value) >= sizeof(line))
		return true;
	grown = curl_slist_append(f->headers, line);
	if (grown == NULL)
		return false;
	f->headers = grown;
	return true;
}

static void set_limits(CURL *c, const struct fetch_request *r)
{
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, REDIRECT_MAX);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_SEC);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_SEC);
	curl_easy_setopt(
		c, CURLOPT_LOW_SPEED_TIME, r->stall_sec > 0 ? (long)r->stall_sec : STALL_SEC);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, TOTAL_SEC);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	/* A length that says so ends it at once; what has none is counted as it arrives. */
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)r->size_max);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROXY, ""); /* the address checked is the address used */
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
}

static void set_callbacks(struct fetch *f)
{
	curl_easy_setopt(f->curl, CURLOPT_PRIVATE, f);
	curl_easy_setopt(f->curl, CURLOPT_ERRORBUFFER, f->message);
	curl_easy_setopt(f->curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(f->curl, CURLOPT_OPENSOCKETDATA, f);
	curl_easy_setopt(f->curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(f->curl, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(f->curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(f->curl, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, f->headers);
	/* A kept connection would skip the check of the next request's address. */
	curl_easy_setopt(f->curl, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(f->curl, CURLOPT_FRESH_CONNECT, 1L);
}

static int start_http(struct fetcher *fetcher, struct fetch *f, const struct fetch_request *r)
{
	f->result.fd = spool_open(r->dir_fd);
	if (f->result.fd < 0)
		return f->result.fd;
	f->curl = curl_easy_init();
	if (f->curl == NULL || !add_header(f, "If-None-Match", r->etag) ||
		!add_header(f, "If-Modified-Since", r->last_modified) ||
		curl_easy_setopt(f->curl, CURLOPT_URL, r->url) != CURLE_OK)
		return -ENOMEM;
	set_limits(f->curl, r);
	set_callbacks(f);
	return curl_multi_add_handle(fetcher->multi, f->curl) == CURLM_OK ? 0 : -ENOMEM;
}

/* The path of a file URL, decoded; freed with curl_free. */
static char *path_of(const char *url)
{
	CURLU *parts = curl_url();
	char *path = NULL;

	if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK)
		curl_url_get(parts, CURLUPART_PATH, &path, CURLU_URLDECODE);
	curl_url_cleanup(parts);
	return path;
}

/* Opened, not read: a helper thread copies it. */
static void open_file(struct fetch *f, const char *url)
{
	struct fetch_result *r = &f->result;
	char *path = path_of(url);
	struct stat st;

	r->is_foreign = true;
	r->fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	if (r->fd < 0 || fstat(r->fd, &st) < 0)
		r->error = path != NULL ? -errno : -EINVAL;
	else if (!S_ISREG(st.st_mode))
		r->error = -EINVAL;
	else if ((uintmax_t)st.st_size > f->size_max)
		r->error = -EFBIG;
	else
		r->len = (size_t)st.st_size;
	if (r->error < 0 && r->fd >= 0) {
		close(r->fd);
		r->fd = -1;
	}
	if (r->error == -EFBIG)
		snprintf(r->text, sizeof(r->text), "larger than %zu bytes", f->size_max);
	else if (r->error == -EINVAL)
		snprintf(r->text, sizeof(r->text), "not a regular file");
	else if (r->error < 0)
		snprintf(r->text, sizeof(r->text), "%s", strerror(-r->error));
	curl_free(path);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct fetch *f = arg;

	(void)fd;
	(void)what;
	LIST_REMOVE(f, link);
	f->cb(f->arg, &f->result);
	fetch_free(f);
}

static int start_file(struct fetcher *fetcher, struct fetch *f, const struct fetch_request *r)
{
	const struct timeval now = {0};

	f->ready = evtimer_new(fetcher->base, on_ready, f);
	if (f->ready == NULL || event_add(f->ready, &now) < 0)
		return -ENOMEM;
	open_file(f, r->url);
	return 0;
}

int fetch_start(struct fetcher *fetcher, const struct fetch_request *r, fetch_cb cb, void *arg)
{
	struct fetch *f;
	int ret;

	if (!is_allowed_scheme(r))
		return -EINVAL;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return -ENOMEM;
	f->result.fd = -1;
	f->is_local_allowed = r->is_local_allowed;
	f->size_max = r->size_max;
	f->cb = cb;
	f->arg = arg;
	if (strncasecmp(r->url, "file:", 5) == 0)
		ret = start_file(fetcher, f, r);
	else
		ret = start_http(fetcher, f, r);
	if (ret < 0)
		fetch_free(f);
	else
		LIST_INSERT_HEAD(&fetcher->running, f, link);
	return ret;
}
