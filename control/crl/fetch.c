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
#include <sys/stat.h>
#include <unistd.h>

#include "control/crl/spooler.h"
#include "control/helper.h"
#include "control/http.h"

#define STALL_BYTES_SEC 128
#define TOTAL_SEC       600
#define REDIRECT_MAX    3
#define WRITE_MAX       64 /* buffers of all fetches that wait for the disk */
/* Then others have the loop: libcurl would take six times as many. */
#define TURN_BYTES ((size_t)256 << 10)

struct fetch {
	LIST_ENTRY(fetch) link;
	struct fetcher *fetcher;
	struct http_transfer *transfer; /* NULL for a file URL */
	struct spooler *body;           /* likewise */
	char *path;                     /* of a file URL */
	size_t size_max;
	bool is_conditional; /* we asked whether it has changed */
	bool is_paused;      /* the server waits for our disk, or for the loop's next turn */
	size_t turn_len;     /* since the last of these turns */
	struct event *turn;
	bool is_over; /* libcurl has done with it; the rest of the body may be on its way */
	struct fetch_result result;
	fetch_cb cb;
	void *arg;
};

struct fetcher {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	struct helper_pool *writer; /* one thread: whatever is done with files */
	bool is_ending;
	LIST_HEAD(, fetch) running;
};

static int take_body(void *arg, const void *data, size_t len)
{
	const struct timeval next = {0};
	struct fetch *f = arg;
	int ret;

	if (f->turn_len >= TURN_BYTES && event_add(f->turn, &next) == 0) {
		f->turn_len = 0;
		f->is_paused = true;
		return -EAGAIN;
	}
	ret = spooler_take(f->body, data, len);
	f->turn_len += ret == 0 ? len : 0;
	f->is_paused = ret == -EAGAIN;
	return ret;
}

static int restart_body(void *arg)
{
	const struct fetch *f = arg;

	spooler_restart(f->body);
	return 0;
}

/* What a disk may be slow with: a large file that nobody took. */
static void close_files(void *arg)
{
	struct fetch *f = arg;

	spooler_free(f->body);
	if (f->result.fd >= 0)
		close(f->result.fd);
	free(f);
}

static void fetch_free(struct fetch *f)
{
	http_transfer_free(f->transfer);
	if (f->turn != NULL)
		event_free(f->turn);
	curl_free(f->path);
	helper_release(f->fetcher->writer, close_files, f);
}

static void tell(struct fetch *f)
{
	LIST_REMOVE(f, link);
	f->cb(f->arg, &f->result);
	fetch_free(f);
}

static void describe(struct fetch *f, const struct http_answer *a)
{
	struct fetch_result *r = &f->result;

	r->error = a->error;
	r->http_status = a->status;
	r->len = a->len;
	memcpy(r->text, a->text, sizeof(r->text));
	memcpy(r->etag, a->etag, sizeof(r->etag));
	memcpy(r->last_modified, a->last_modified, sizeof(r->last_modified));
	if (r->error < 0)
		return;
	if (a->status == 304 && f->is_conditional) {
		r->is_not_modified = true;
	} else if (a->status != 200) {
		r->error = -EIO;
		snprintf(r->text, sizeof(r->text), "HTTP status %ld", a->status);
	}
}

/* Told when all of it is in the file, or cannot be. */
static void end_body(struct fetch *f)
{
	struct fetch_result *r = &f->result;

	if (spooler_is_busy(f->body))
		return;
	if (r->error == 0 && spooler_error(f->body) < 0) {
		r->error = spooler_error(f->body);
		http_describe_sink_error(r->error, r->text, sizeof(r->text));
	}
	if (r->error == 0)
		r->fd = spooler_take_file(f->body);
	tell(f);
}

/* libcurl has done with it, by this code. */
static void end_transfer(struct fetch *f, CURLcode code)
{
	describe(f, http_transfer_end(f->transfer, code));
	curl_multi_remove_handle(f->fetcher->multi, http_transfer_handle(f->transfer));
	f->is_over = true;
	if (f->result.error == 0)
		spooler_finish(f->body);
	end_body(f);
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
		end_transfer(f, code);
	}
}

/* The body has room again. */
static void go_on(struct fetch *f)
{
	struct fetcher *fetcher = f->fetcher;
	CURLcode code;
	int running;

	f->is_paused = false; /* take_body is called at once, and may be without room again */
	code = curl_easy_pause(http_transfer_handle(f->transfer), CURLPAUSE_CONT);
	if (code != CURLE_OK) { /* of which libcurl says nothing later */
		end_transfer(f, code);
		return;
	}
	curl_multi_socket_action(fetcher->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(fetcher);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct fetch *f = arg;

	(void)fd;
	(void)what;
	if (f->is_paused && !f->is_over)
		go_on(f);
}

static void on_moved(void *arg)
{
	struct fetch *f = arg;

	if (f->fetcher->is_ending)
		return;
	if (f->is_over)
		end_body(f);
	else if (f->is_paused)
		go_on(f);
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
	int ret;

	if (f == NULL)
		return -ENOMEM;
	f->base = base;
	LIST_INIT(&f->running);
	f->multi = curl_multi_init();
	f->timer = evtimer_new(base, on_timer, f);
	ret = f->multi != NULL && f->timer != NULL ? helper_pool_new(base, 1, WRITE_MAX, &f->writer)
						   : -ENOMEM;
	if (ret < 0) {
		fetcher_free(f);
		return ret;
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
	f->is_ending = true;
	helper_pool_free(f->writer);
	f->writer = NULL;
	while ((running = LIST_FIRST(&f->running)) != NULL) {
		if (running->transfer != NULL && !running->is_over)
			curl_multi_remove_handle(f->multi, http_transfer_handle(running->transfer));
		running->result.error = -ECANCELED;
		tell(running);
	}
	if (f->multi != NULL)
		curl_multi_cleanup(f->multi);
	if (f->timer != NULL)
		event_free(f->timer);
	free(f);
}

static bool is_said(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static int start_http(struct fetcher *fetcher, struct fetch *f, const struct fetch_request *r)
{
	const struct http_request request = {.url = r->url,
		.etag = r->etag,
		.last_modified = r->last_modified,
		.is_local_allowed = r->is_local_allowed,
		.redirect_max = REDIRECT_MAX,
		.size_max = r->size_max,
		.total_sec = TOTAL_SEC,
		.stall_sec = r->stall_sec,
		.stall_bytes = STALL_BYTES_SEC};
	const struct http_sink sink = {take_body, restart_body, f};
	CURL *curl;
	int ret;

	f->is_conditional = is_said(r->etag) || is_said(r->last_modified);
	ret = http_transfer_new(&request, &sink, &f->transfer);
	if (ret < 0)
		return ret;
	f->body = spooler_new(fetcher->writer, r->dir_fd, on_moved, f);
	f->turn = evtimer_new(fetcher->base, on_turn, f);
	if (f->body == NULL || f->turn == NULL)
		return -ENOMEM;
	curl = http_transfer_handle(f->transfer);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, f);
	return curl_multi_add_handle(fetcher->multi, curl) == CURLM_OK ? 0 : -ENOMEM;
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

/* Opened, not read: the helper that takes it copies it. */
static void open_file(void *arg)
{
	struct fetch *f = arg;
	struct fetch_result *r = &f->result;
	struct stat st;

	r->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (r->fd < 0 || fstat(r->fd, &st) < 0)
		r->error = -errno;
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
}

static void on_opened(void *arg)
{
	struct fetch *f = arg;

	if (!f->fetcher->is_ending)
		tell(f);
}

static int start_file(struct fetcher *fetcher, struct fetch *f, const struct fetch_request *r)
{
	f->result.is_foreign = true;
	f->path = path_of(r->url);
	return f->path != NULL ? helper_run(fetcher->writer, open_file, on_opened, f) : -EINVAL;
}

static bool is_file(const char *url)
{
	return strncasecmp(url, "file:", 5) == 0;
}

int fetch_start(struct fetcher *fetcher, const struct fetch_request *r, fetch_cb cb, void *arg)
{
	struct fetch *f;
	int ret;

	if (is_file(r->url) && (!r->is_file_allowed || strncasecmp(r->url, "file:///", 8) != 0))
		return -EINVAL;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return -ENOMEM;
	f->fetcher = fetcher;
	f->result.fd = -1;
	f->size_max = r->size_max;
	f->cb = cb;
	f->arg = arg;
	ret = is_file(r->url) ? start_file(fetcher, f, r) : start_http(fetcher, f, r);
	if (ret < 0)
		fetch_free(f);
	else
		LIST_INSERT_HEAD(&fetcher->running, f, link);
	return ret;
}
