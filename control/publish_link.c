/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/publish_link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/budget.h"
#include "control/log.h"
#include "pki/view/secret.h"

#define KEY_MESSAGE_MAX (RK_NUM_CNT * RK_PRIVATE_NUMBER_MAX + 512)
#define READ_BURST_MAX  64 /* messages handled before the loop gets its turn */

/* Each connection is records in the audit log: a data plane that comes again and again waits. */
static const struct budget_rule connection_rule = {.burst = 60, .refill_sec = 1};
static const struct budget_rule complaint_rule = {.burst = 2, .refill_sec = 60};

struct outgoing {
	STAILQ_ENTRY(outgoing) next;
	uint8_t *data;
	size_t len;
	size_t secret_size; /* not 0: data is secret memory of this size */
	int fds[RK_PART_CNT];
	size_t fd_cnt;
};
STAILQ_HEAD(outgoing_queue, outgoing);

struct publish_link {
	struct publish_link_args args;
	struct sockaddr_un address;
	int listen_fd;
	struct event *accept_event, *accept_pause;
	struct budget connections, complaints;
	int fd; /* -1: nobody */
	bool has_hello;
	char refusal[160];
	struct event *read_event, *write_event;
	struct outgoing_queue queue;
	size_t queue_cnt;
	uint8_t buffer[RK_CHANNEL_MSG_MAX];
};

static void free_outgoing(struct outgoing *o)
{
	if (o == NULL)
		return;
	for (size_t i = 0; i < o->fd_cnt; i++)
		close(o->fds[i]);
	if (o->secret_size > 0)
		rk_secret_free(o->data, o->secret_size);
	else
		free(o->data);
	free(o);
}

static void end_connection(struct publish_link *l)
{
	struct outgoing *o;

	while ((o = STAILQ_FIRST(&l->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&l->queue, next);
		free_outgoing(o);
	}
	l->queue_cnt = 0;
	if (l->read_event != NULL)
		event_free(l->read_event);
	if (l->write_event != NULL)
		event_free(l->write_event);
	l->read_event = l->write_event = NULL;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->has_hello = false;
}

void publish_link_drop(struct publish_link *l, const char *reason)
{
	if (l->fd < 0)
		return;
	log_info("the data plane's connection ends: %s", reason);
	if (!l->has_hello)
		snprintf(l->refusal, sizeof(l->refusal), "%s", reason);
	end_connection(l);
	l->args.on_closed(l->args.arg);
}

const char *publish_link_refusal(const struct publish_link *l)
{
	return l != NULL ? l->refusal : "";
}

bool publish_link_is_connected(const struct publish_link *l)
{
	return l != NULL && l->fd >= 0 && l->has_hello;
}

/* ---- sending ---------------------------------------------------------------------------------- */

/* Sends what the socket takes. False when the connection is gone. */
static bool flush_queue(struct publish_link *l)
{
	struct outgoing *o;
	int ret;

	while ((o = STAILQ_FIRST(&l->queue)) != NULL) {
		ret = rk_channel_send(l->fd, o->data, o->len, o->fds, o->fd_cnt);
		if (ret == -EAGAIN) {
			event_add(l->write_event, NULL);
			return true;
		}
		if (ret < 0) {
			publish_link_drop(l, strerror(-ret));
			return false;
		}
		STAILQ_REMOVE_HEAD(&l->queue, next);
		l->queue_cnt--;
		free_outgoing(o);
	}
	return true;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	if (!flush_queue(arg))
		log_debug("the data plane went away while it was written to");
}

static bool enqueue(struct publish_link *l, struct outgoing *o)
{
	if (l->queue_cnt >= PUBLISH_QUEUE_MAX) {
		free_outgoing(o);
		publish_link_drop(l, "it does not read its messages");
		return false;
	}
	STAILQ_INSERT_TAIL(&l->queue, o, next);
	l->queue_cnt++;
	return l->queue_cnt > 1 || flush_queue(l);
}

static bool copy_fds(struct outgoing *o, const int *fds, size_t fd_cnt)
{
	for (size_t i = 0; i < fd_cnt; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd < 0)
			return false;
		o->fds[o->fd_cnt++] = fd;
	}
	return true;
}

bool publish_link_send(
	struct publish_link *l, const struct rk_message *msg, const int *fds, size_t fd_cnt)
{
	struct outgoing *o;
	uint8_t *shrunk;

	if (l->fd < 0)
		return false;
	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return false;
	o->data = malloc(RK_CHANNEL_MSG_MAX);
	if (o->data == NULL || !copy_fds(o, fds, fd_cnt)) {
		free_outgoing(o);
		publish_link_drop(l, "no memory or descriptors to write to it");
		return false;
	}
	o->len = rk_message_build(msg, o->data, RK_CHANNEL_MSG_MAX);
	if (o->len == 0) {
		free_outgoing(o);
		log_error("a message of type %d cannot be given to the data plane", (int)msg->type);
		return false;
	}
	shrunk = realloc(o->data, o->len);
	if (shrunk != NULL)
		o->data = shrunk;
	return enqueue(l, o);
}

bool publish_link_send_key(struct publish_link *l, const struct rk_private_key *key)
{
	struct outgoing *o;

	if (l->fd < 0)
		return false;
	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return false;
	o->data = rk_secret_new(KEY_MESSAGE_MAX);
	o->secret_size = o->data != NULL ? KEY_MESSAGE_MAX : 0;
	o->len = o->data != NULL ? rk_private_key_build(key, o->data, KEY_MESSAGE_MAX) : 0;
	if (o->len == 0) {
		free_outgoing(o);
		log_error("the private key cannot be given to the data plane");
		return false;
	}
	return enqueue(l, o);
}

/* ---- receiving -------------------------------------------------------------------------------- */

static bool is_for_control(enum rk_channel_type type)
{
	return type < RK_MSG_VIEW;
}

/* Most likely the two are of different releases: said so that somebody can do something about it. */
static void drop_unreadable(struct publish_link *l, size_t len)
{
	uint32_t version = rk_message_hello_version(l->buffer, len);
	char reason[160];

	if (version == 0 || version == RK_CHANNEL_VERSION || l->has_hello) {
		publish_link_drop(l, "it sent a message that is not understood");
		return;
	}
	snprintf(reason, sizeof(reason),
		"it speaks version %u of the channel, rekey-control version %u: install the same "
		"release of both",
		version, RK_CHANNEL_VERSION);
	publish_link_drop(l, reason);
}

/* One message; false when there is none now, or the connection is gone. */
static bool read_message(struct publish_link *l)
{
	struct rk_message msg;
	int fds[RK_PART_CNT];
	size_t fd_cnt = 0;
	ssize_t len;

	len = rk_channel_receive(l->fd, l->buffer, sizeof(l->buffer), fds, &fd_cnt);
	if (len == -EAGAIN)
		return false;
	if (len < 0) {
		publish_link_drop(l, len == -ECONNRESET ? "it closed it" : strerror((int)-len));
		return false;
	}
	for (size_t i = 0; i < fd_cnt; i++)
		close(fds[i]);
	if (fd_cnt > 0 || rk_message_parse(&msg, l->buffer, (size_t)len) < 0 ||
		!is_for_control(msg.type) || (msg.type == RK_MSG_HELLO) == l->has_hello) {
		drop_unreadable(l, (size_t)len);
		return false;
	}
	l->has_hello = true;
	l->refusal[0] = '\0';
	l->args.on_message(l->args.arg, &msg);
	return l->fd >= 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct publish_link *l = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < READ_BURST_MAX; i++)
		if (!read_message(l))
			return;
}

static void take_connection(struct publish_link *l, int fd)
{
	publish_link_drop(l, "another one takes its place");
	l->fd = fd;
	l->read_event = event_new(l->args.base, fd, EV_READ | EV_PERSIST, on_readable, l);
	l->write_event = event_new(l->args.base, fd, EV_WRITE, on_writable, l);
	if (l->read_event == NULL || l->write_event == NULL || event_add(l->read_event, NULL) < 0) {
		log_error("no memory for the data plane's connection");
		end_connection(l);
	}
}

static void accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct publish_link *l = arg;

	(void)fd;
	(void)what;
	event_add(l->accept_event, NULL);
}

/* Who waits stays readable, and would be tried again at once, for ever. */
static void pause_accepting(struct publish_link *l, int error)
{
	const struct timeval tv = {.tv_sec = 1};

	if (event_add(l->accept_pause, &tv) == 0)
		event_del(l->accept_event);
	if (budget_take(&l->complaints, &complaint_rule))
		log_error("%s: accept: %s", l->address.sun_path, strerror(error));
}

static void on_connection(evutil_socket_t listen_fd, short what, void *arg)
{
	struct publish_link *l = arg;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd < 0) {
		if (errno != EAGAIN && errno != ECONNABORTED)
			pause_accepting(l, errno);
		return;
	}
	if (rk_channel_check_peer(fd, l->args.uid) < 0) {
		log_warning("%s: refused a connection of another user", l->address.sun_path);
		close(fd);
		return;
	}
	if (budget_take(&l->connections, &connection_rule))
		take_connection(l, fd);
	else
		close(fd);
}

/* ---- start and end ---------------------------------------------------------------------------- */

static int listen_at(struct publish_link *l)
{
	const char *path = l->address.sun_path;

	l->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->listen_fd < 0)
		return -errno;
	/* What a killed predecessor left; a living one is kept out by the state folder's lock. */
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	if (bind(l->listen_fd, (struct sockaddr *)&l->address, sizeof(l->address)) < 0 ||
		chmod(path, 0660) < 0)
		return -errno;
	if (chown(path, (uid_t)-1, l->args.gid) < 0)
		log_warning("%s: its group stays ours: %s", path, strerror(errno));
	return listen(l->listen_fd, 4) < 0 ? -errno : 0;
}

int publish_link_open(const struct publish_link_args *args, struct publish_link **out)
{
	struct publish_link *l = calloc(1, sizeof(*l));
	int len, ret;

	if (l == NULL)
		return -ENOMEM;
	l->args = *args;
	l->fd = l->listen_fd = -1;
	STAILQ_INIT(&l->queue);
	l->address.sun_family = AF_UNIX;
	len = snprintf(l->address.sun_path, sizeof(l->address.sun_path), "%s/%s", args->run_dir,
		RK_CHANNEL_SOCKET);
	ret = len >= (int)sizeof(l->address.sun_path) ? -ENAMETOOLONG : listen_at(l);
	if (ret == 0) {
		l->accept_event =
			event_new(args->base, l->listen_fd, EV_READ | EV_PERSIST, on_connection, l);
		l->accept_pause = evtimer_new(args->base, accept_again, l);
		if (l->accept_event == NULL || l->accept_pause == NULL ||
			event_add(l->accept_event, NULL) < 0)
			ret = -ENOMEM;
	}
	if (ret < 0) {
		log_error("%s/%s: %s", args->run_dir, RK_CHANNEL_SOCKET, strerror(-ret));
		publish_link_close(l);
		return ret;
	}
	*out = l;
	return 0;
}

void publish_link_close(struct publish_link *l)
{
	if (l == NULL)
		return;
	end_connection(l);
	if (l->accept_event != NULL) {
		event_free(l->accept_event);
		unlink(l->address.sun_path);
	}
	if (l->accept_pause != NULL)
		event_free(l->accept_pause);
	if (l->listen_fd >= 0)
		close(l->listen_fd);
	free(l);
}
