/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/local_clients.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "control/log.h"

/* A socket by its number, which may be another's by now, and by what tells the two apart. */
struct local_client {
	TAILQ_ENTRY(local_client) next;
	int fd;
	ino_t inode;
	uid_t uid;
};

struct local_clients {
	bool (*is_free)(uid_t uid);
	unsigned max;
	TAILQ_HEAD(, local_client) list; /* oldest first */
	struct bufferevent *fresh;       /* accepted just now, its descriptor not yet seen */
	struct event *look;
};

static bool find_inode(int fd, ino_t *out)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	*out = st.st_ino;
	return true;
}

static void drop_ended(struct local_clients *c)
{
	struct local_client *l, *next;
	ino_t inode;

	for (l = TAILQ_FIRST(&c->list); l != NULL; l = next) {
		next = TAILQ_NEXT(l, next);
		if (find_inode(l->fd, &inode) && inode == l->inode)
			continue;
		TAILQ_REMOVE(&c->list, l, next);
		free(l);
	}
}

static void end_oldest(struct local_clients *c, uid_t uid)
{
	struct local_client *l, *oldest = NULL;
	unsigned cnt = 0;

	TAILQ_FOREACH(l, &c->list, next)
	{
		if (l->uid != uid)
			continue;
		if (oldest == NULL)
			oldest = l;
		cnt++;
	}
	if (cnt <= c->max)
		return;
	log_debug("user %u has more than %u connections: the oldest ends", (unsigned)uid, c->max);
	shutdown(oldest->fd, SHUT_RDWR); /* evhttp sees an end of file */
	TAILQ_REMOVE(&c->list, oldest, next);
	free(oldest);
}

static void note(struct local_clients *c, int fd)
{
	struct local_client *l;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	ino_t inode;

	if (!find_inode(fd, &inode) || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
		c->is_free(cred.uid))
		return;
	l = malloc(sizeof(*l));
	if (l == NULL) {
		shutdown(fd, SHUT_RDWR);
		return;
	}
	*l = (struct local_client){.fd = fd, .inode = inode, .uid = cred.uid};
	drop_ended(c);
	TAILQ_INSERT_TAIL(&c->list, l, next);
	end_oldest(c, cred.uid);
}

static void look_at_fresh(struct local_clients *c)
{
	struct bufferevent *fresh = c->fresh;

	if (fresh == NULL)
		return;
	c->fresh = NULL;
	note(c, bufferevent_getfd(fresh));
	bufferevent_decref(fresh);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look_at_fresh(arg);
}

int local_clients_new(
	struct event_base *base, bool (*is_free)(uid_t uid), struct local_clients **out)
{
	struct local_clients *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->is_free = is_free;
	TAILQ_INIT(&c->list);
	c->look = evtimer_new(base, on_look, c);
	if (c->look == NULL) {
		free(c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

void local_clients_limit(struct local_clients *c, unsigned max)
{
	c->max = max;
}

void local_clients_free(struct local_clients *c)
{
	struct local_client *l;

	if (c == NULL)
		return;
	look_at_fresh(c);
	while ((l = TAILQ_FIRST(&c->list)) != NULL) {
		TAILQ_REMOVE(&c->list, l, next);
		free(l);
	}
	event_free(c->look);
	free(c);
}

/* evhttp gives the descriptor to what it gets from here: it is seen before anything is read. */
struct bufferevent *local_clients_accept(struct event_base *base, void *arg)
{
	struct local_clients *c = arg;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	look_at_fresh(c); /* the one before, of the same accept */
	if (bev == NULL)
		return NULL;
	bufferevent_incref(bev);
	c->fresh = bev;
	event_active(c->look, EV_TIMEOUT, 0);
	return bev;
}
