/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/crl_reader.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bench/harness.h"
#include "pki/view/channel.h"
#include "pki/view/snapshot.h"

#define UNMAP_STEP ((size_t)1 << 20)

struct crl_shared {
	atomic_uint watch_cnt; /* odd while the key is being changed */
	struct rk_revocation_key key;
	_Atomic uint64_t refused_ns;
	_Atomic uint64_t gap_ns;
	atomic_bool is_greeted;
};

struct reader {
	struct crl_shared *shared;
	int sock;
	_Atomic(const struct rk_view *) view;
	_Atomic uint64_t turns; /* of the worker */
	struct rk_view slot[2];
	unsigned next_slot;
	struct rk_part *part[RK_PART_CNT];
};

struct crl_shared *crl_shared_new(void)
{
	void *map = mmap(NULL, sizeof(struct crl_shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	bench_must(map != MAP_FAILED, "shared memory");
	return map;
}

void crl_shared_free(struct crl_shared *s)
{
	munmap(s, sizeof(*s));
}

void crl_shared_watch(struct crl_shared *s, const struct rk_revocation_key *key)
{
	atomic_fetch_add(&s->watch_cnt, 1);
	s->key = *key;
	atomic_store(&s->refused_ns, 0);
	atomic_fetch_add(&s->watch_cnt, 1);
}

uint64_t crl_shared_refused_ns(const struct crl_shared *s)
{
	return atomic_load(&s->refused_ns);
}

void crl_shared_reset_gap(struct crl_shared *s)
{
	atomic_store(&s->gap_ns, 0);
}

uint64_t crl_shared_gap_ns(const struct crl_shared *s)
{
	return atomic_load(&s->gap_ns);
}

/* ---- the worker ------------------------------------------------------------------------------- */

static void look(struct reader *r, const struct rk_view *view)
{
	struct crl_shared *s = r->shared;
	unsigned before = atomic_load(&s->watch_cnt);
	struct rk_revocation_key key = s->key;

	if (before % 2 != 0 || before == 0 || atomic_load(&s->watch_cnt) != before ||
		atomic_load(&s->refused_ns) != 0 || rk_view_revocation(view, &key) == 0)
		return;
	atomic_store(&s->refused_ns, bench_wall_ns());
}

static void *run_worker(void *arg)
{
	struct reader *r = arg;
	uint64_t last = bench_cpu_ns();

	for (;;) {
		const struct rk_view *view = atomic_load_explicit(&r->view, memory_order_acquire);
		uint64_t now;

		if (view != NULL)
			look(r, view);
		atomic_fetch_add_explicit(&r->turns, 1, memory_order_release);
		now = bench_cpu_ns();
		if (now - last > atomic_load(&r->shared->gap_ns))
			atomic_store(&r->shared->gap_ns, now - last);
		last = now;
	}
	return NULL;
}

/* ---- the main thread -------------------------------------------------------------------------- */

static void send_message(struct reader *r, const struct rk_message *msg)
{
	static uint8_t buffer[RK_CHANNEL_MSG_MAX];
	size_t len = rk_message_build(msg, buffer, sizeof(buffer));

	if (len == 0 || rk_channel_send(r->sock, buffer, len, NULL, 0) < 0)
		_exit(2);
}

/* No look that began before this call is still going on when it returns. */
static void wait_for_worker(struct reader *r)
{
	uint64_t turns = atomic_load(&r->turns);

	while (atomic_load(&r->turns) < turns + 2)
		usleep(50);
}

static void unmap(struct rk_part *part)
{
	while (part != NULL && !rk_part_close_step(part, UNMAP_STEP))
		usleep(100);
}

static void take_view(struct reader *r, const struct rk_msg_view *view, const int *fds)
{
	struct rk_part *part[RK_PART_CNT], *old[RK_PART_CNT] = {NULL};
	struct rk_message applied = {.type = RK_MSG_APPLIED};
	struct rk_view *slot = &r->slot[r->next_slot++ % 2];
	struct rk_refusal why;
	size_t n = 0;

	for (unsigned i = 0; i < RK_PART_CNT; i++) {
		part[i] = view->part[i].is_present ? r->part[i] : NULL;
		if (view->part[i].has_fd) {
			if (rk_part_open(fds[n], (enum rk_part_kind)i, false, &part[i], &why) < 0)
				_exit(3);
			close(fds[n++]);
		}
		if (part[i] != r->part[i])
			old[i] = r->part[i];
		r->part[i] = part[i];
	}
	if (rk_view_init(slot, view->generation, (const struct rk_part *const *)part) < 0)
		_exit(4);
	atomic_store_explicit(&r->view, slot, memory_order_release);
	wait_for_worker(r);
	applied.generation.generation = view->generation;
	send_message(r, &applied);
	atomic_store(&r->shared->is_greeted, true);
	for (unsigned i = 0; i < RK_PART_CNT; i++)
		unmap(old[i]);
}

static _Noreturn void run_reader(struct reader *r)
{
	static uint8_t buffer[RK_CHANNEL_MSG_MAX];
	struct rk_message msg = {.type = RK_MSG_HELLO};
	pthread_t worker;

	msg.hello.version = RK_CHANNEL_VERSION;
	send_message(r, &msg);
	if (pthread_create(&worker, NULL, run_worker, r) != 0)
		_exit(5);
	for (;;) {
		struct pollfd readable = {.fd = r->sock, .events = POLLIN};
		int fds[RK_PART_CNT];
		size_t fd_cnt = 0;
		ssize_t n;

		poll(&readable, 1, -1);
		n = rk_channel_receive(r->sock, buffer, sizeof(buffer), fds, &fd_cnt);
		if (n == -EAGAIN)
			continue;
		if (n <= 0)
			_exit(0);
		if (rk_message_type(buffer, (size_t)n) == RK_MSG_VIEW &&
			rk_message_parse(&msg, buffer, (size_t)n) == 0)
			take_view(r, &msg.view, fds);
	}
}

pid_t crl_reader_start(const char *run_dir, struct crl_shared *s)
{
	static struct reader r;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	pid_t child;

	fflush(stdout);
	child = fork();
	bench_must(child >= 0, "a process");
	if (child > 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, SIG_DFL);
	r.shared = s;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", run_dir, RK_CHANNEL_SOCKET);
	r.sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r.sock < 0 || connect(r.sock, (struct sockaddr *)&address, sizeof(address)) < 0)
		_exit(1);
	run_reader(&r);
}
