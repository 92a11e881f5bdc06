/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/rest_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "control/config.h"
#include "control/helper.h"
#include "control/rest/user_list.h"
#include "tests/unit/rest_doubles.h"
#include "tests/unit/keep.h"

/* What the test's thread asks the loop's thread to do: one byte through a pipe each. */
enum order { ORDER_HOLD = 'h', ORDER_RELEASE = 'r', ORDER_CLOSE = 'c', ORDER_STOP = 's' };

struct fixture {
	char folder[64];
	struct daemon_options options;
	struct config config;
	struct daemon daemon;
	struct doubles *doubles;
	pthread_t thread;
	int order[2];
	int done[2];
	unsigned port;
	struct event *orders;
};

static void carry_out(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *f = arg;
	char order = 0;

	(void)what;
	if (read(fd, &order, 1) != 1)
		abort();
	if (order == ORDER_HOLD || order == ORDER_RELEASE)
		doubles_hold(f->doubles, order == ORDER_HOLD);
	if (order == ORDER_CLOSE) {
		rest_close(f->daemon.rest);
		f->daemon.rest = NULL;
	}
	if (order == ORDER_STOP)
		event_base_loopbreak(f->daemon.base);
	else if (write(f->done[1], &order, 1) != 1)
		abort();
}

static void give(struct fixture *f, enum order what)
{
	char order = (char)what;

	if (write(f->order[1], &order, 1) != 1)
		abort();
	if (what != ORDER_STOP && read(f->done[0], &order, 1) != 1)
		abort();
}

static void *run(void *arg)
{
	struct fixture *f = arg;

	event_base_dispatch(f->daemon.base);
	return NULL;
}

static void must(int ret, const char *what)
{
	if (ret != 0) {
		fprintf(stderr, "fixture: %s: %s\n", what, strerror(ret < 0 ? -ret : ret));
		abort();
	}
}

/* admin and a viewer, as a users file of an earlier start. */
static void write_users(int dir)
{
	struct user_list list = {0};
	char hash[PASSWORD_HASH_MAX];
	char *text;
	int fd;

	must(password_hash(FIXTURE_ADMIN_PASSWORD, hash), "hash");
	must(user_list_add(&list, "admin", USER_ADMIN, hash), "admin");
	must(password_hash(FIXTURE_VIEWER_PASSWORD, hash), "hash");
	must(user_list_add(&list, "viewer", USER_VIEWER, hash), "viewer");
	text = user_list_print(&list);
	fd = openat(dir, "users.json", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
	free(text);
	user_list_fini(&list);
}

/* The key that signs tokens is made by a helper: logins wait for it. */
static void wait_for_key(struct fixture *f)
{
	for (int i = 0; i < 500; i++) {
		if (faccessat(f->daemon.state_fd, "token.key", R_OK, 0) == 0)
			break;
		event_base_loop(f->daemon.base, EVLOOP_NONBLOCK);
		usleep(10000);
	}
	usleep(50000);
	event_base_loop(f->daemon.base, EVLOOP_NONBLOCK);
}

static void open_daemon(struct fixture *f, const struct config_rest *limits)
{
	struct daemon *d = &f->daemon;

	f->options.state_dir = f->options.run_dir = f->folder;
	f->options.listen[0] = "127.0.0.1:0";
	f->options.listen_cnt = 1;
	f->config.router = "east";
	f->config.node = "node0";
	f->config.token_expiration_sec = 3600;
	f->config.rest = limits != NULL ? *limits : (struct config_rest){FIXTURE_LIMITS};
	d->options = &f->options;
	d->config = &f->config;
	d->state_fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d->pki_fd = d->state_fd;
	d->base = event_base_new();
	f->doubles = doubles_new();
	d->alarms = (void *)f->doubles;
	d->audit = (void *)f->doubles;
	d->configuration = (void *)f->doubles;
	d->trust = (void *)f->doubles;
	d->provision = (void *)f->doubles;
	d->crl = (void *)f->doubles;
	d->publisher = (void *)f->doubles;
	d->peers = (void *)f->doubles;
	write_users(d->state_fd);
	doubles_configure_users(f->doubles, d, users_as_configured(d->state_fd));
	must(helper_pool_new(d->base, 2, 32, &d->helpers), "helpers");
	must(helper_pool_new(d->base, 1, 32, &d->readers), "readers");
	must(helper_pool_new(d->base, 1, 32, &d->disk), "disk");
	must(users_open(d, &d->users), "users");
	wait_for_key(f);
	must(rest_open(d, &d->rest), "rest");
	f->port = rest_port(d->rest, 0);
}

struct fixture *fixture_start(const struct config_rest *limits)
{
	struct fixture *f = calloc(1, sizeof(*f));
	strcpy(f->folder, "/tmp/rest-test-XXXXXX");
	if (mkdtemp(f->folder) == NULL || pipe2(f->order, O_CLOEXEC) < 0 ||
		pipe2(f->done, O_CLOEXEC) < 0)
		abort();
	open_daemon(f, limits);
	f->orders = event_new(f->daemon.base, f->order[0], EV_READ | EV_PERSIST, carry_out, f);
	event_add(f->orders, NULL);
	if (pthread_create(&f->thread, NULL, run, f) != 0)
		abort();
	return f;
}

static void remove_folder(const struct fixture *f)
{
	static const char *const names[] = {"users.json", "token.key", "web.key", "web.pem",
		"control.sock", "initial-admin-password", "ended-tokens.json",
		"token.previous.key"};

	if (keep_folder(f->folder, "east/state"))
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(f->daemon.state_fd, names[i], 0);
	if (rmdir(f->folder) < 0)
		perror(f->folder); /* a temporary was left behind: worth seeing */
}

void fixture_stop(struct fixture *f)
{
	give(f, ORDER_STOP);
	pthread_join(f->thread, NULL);
	event_free(f->orders);
	/* The order of main: the listener, then the services, then the helpers. */
	rest_close(f->daemon.rest);
	doubles_hold(f->doubles, false);
	users_close(f->daemon.users);
	helper_pool_free(f->daemon.readers);
	helper_pool_free(f->daemon.helpers);
	helper_pool_free(f->daemon.disk);
	event_base_loop(f->daemon.base, EVLOOP_NONBLOCK);
	event_base_free(f->daemon.base);
	remove_folder(f);
	close(f->daemon.state_fd);
	for (int i = 0; i < 2; i++) {
		close(f->order[i]);
		close(f->done[i]);
	}
	doubles_free(f->doubles);
	free(f);
}

const char *fixture_folder(const struct fixture *f)
{
	return f->folder;
}

unsigned fixture_port(const struct fixture *f)
{
	return f->port;
}

unsigned fixture_call_cnt(struct fixture *f)
{
	return doubles_call_cnt(f->doubles);
}

char *fixture_last_body(struct fixture *f)
{
	return doubles_last_body(f->doubles);
}

char *fixture_audit(struct fixture *f)
{
	return doubles_audit(f->doubles);
}

void fixture_hold(struct fixture *f, bool is_held)
{
	give(f, is_held ? ORDER_HOLD : ORDER_RELEASE);
}

void fixture_close_rest(struct fixture *f)
{
	give(f, ORDER_CLOSE);
}

void fixture_fill_audit(struct fixture *f, bool is_full)
{
	doubles_fill_audit(f->doubles, is_full);
}
