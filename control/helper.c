/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/helper.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <unistd.h>

/* By so much nicer than the loop: of a core that both want a third is left for them. */
#define BEHIND 5

struct job {
	STAILQ_ENTRY(job) next;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};
STAILQ_HEAD(job_queue, job);

struct helper_pool {
	pthread_mutex_t lock; /* guards the queues, queued_cnt and is_stopping */
	/*
	 * One for each job that waits, and for each helper that is to stop. No condition: to signal that
	 * may wait, with some C libraries, until whoever was woken last has been on a CPU.
	 */
	sem_t more;
	pthread_cond_t ended; /* a job came to finished */
	struct job_queue waiting;
	struct job_queue finished;
	unsigned queued_cnt; /* accepted and not yet given to done() */
	unsigned queue_max;
	bool is_stopping;
	struct event_base *base;
	int wake_fd;
	struct event *wake_event;
	unsigned thread_cnt;
	pthread_t thread[];
};

/*
 * Not under the lock: whom it wakes wants that, and would wait until this thread, which it may well push
 * off its CPU, has its turn again behind all others.
 */
static void wake_loop(struct helper_pool *pool)
{
	const uint64_t one = 1;

	/* An eventfd that is full wakes the loop all the same. */
	if (write(pool->wake_fd, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN);
}

/* NULL: no more are to run. */
static struct job *take_job(struct helper_pool *pool)
{
	struct job *job = NULL;

	while (sem_wait(&pool->more) < 0)
		;
	pthread_mutex_lock(&pool->lock);
	if (!pool->is_stopping) {
		job = STAILQ_FIRST(&pool->waiting);
		STAILQ_REMOVE_HEAD(&pool->waiting, next);
	}
	pthread_mutex_unlock(&pool->lock);
	return job;
}

/*
 * Where helpers and the loop share a core, the loop, which wakes for a moment now and then, goes first:
 * among equals it would wait until each of them has had its turn. It costs nothing on a core that nobody
 * else wants. Shorter turns for the loop, or SCHED_BATCH for helpers, did less. This thread's, and that of
 * those which it begins; where it is forbidden all are equals.
 */
static void go_behind_the_loop(void)
{
	(void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + BEHIND);
}

static void *run_helper(void *arg)
{
	struct helper_pool *pool = arg;
	struct job *job;

	go_behind_the_loop();
	while ((job = take_job(pool)) != NULL) {
		job->work(job->arg);
		pthread_mutex_lock(&pool->lock);
		STAILQ_INSERT_TAIL(&pool->finished, job, next);
		pthread_mutex_unlock(&pool->lock);
		pthread_cond_signal(&pool->ended);
		wake_loop(pool);
	}
	return NULL;
}

static void finish_jobs(struct helper_pool *pool)
{
	struct job *job;

	for (;;) {
		pthread_mutex_lock(&pool->lock);
		job = STAILQ_FIRST(&pool->finished);
		if (job != NULL) {
			STAILQ_REMOVE_HEAD(&pool->finished, next);
			pool->queued_cnt--;
		}
		pthread_mutex_unlock(&pool->lock);
		if (job == NULL)
			return;
		job->done(job->arg);
		free(job);
	}
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	finish_jobs(arg);
}

/* Helpers leave all signals to the loop thread. */
static int start_threads(struct helper_pool *pool, unsigned thread_cnt)
{
	sigset_t all, before;
	int ret = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (pool->thread_cnt < thread_cnt) {
		ret = -pthread_create(&pool->thread[pool->thread_cnt], NULL, run_helper, pool);
		if (ret < 0)
			break;
		pool->thread_cnt++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

int helper_pool_new(
	struct event_base *base, unsigned thread_cnt, unsigned queue_max, struct helper_pool **out)
{
	struct helper_pool *pool;
	int ret;

	pool = calloc(1, sizeof(*pool) + thread_cnt * sizeof(pool->thread[0]));
	if (pool == NULL)
		return -ENOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	sem_init(&pool->more, 0, 0);
	pthread_cond_init(&pool->ended, NULL);
	STAILQ_INIT(&pool->waiting);
	STAILQ_INIT(&pool->finished);
	pool->queue_max = queue_max;
	pool->base = base;
	pool->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool->wake_fd < 0) {
		ret = -errno;
		goto fail;
	}
	pool->wake_event = event_new(base, pool->wake_fd, EV_READ | EV_PERSIST, on_wake, pool);
	if (pool->wake_event == NULL || event_add(pool->wake_event, NULL) < 0) {
		ret = -ENOMEM;
		goto fail;
	}
	ret = start_threads(pool, thread_cnt);
	if (ret < 0)
		goto fail;
	*out = pool;
	return 0;
fail:
	helper_pool_free(pool);
	return ret;
}

void helper_pool_free(struct helper_pool *pool)
{
	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->is_stopping = true;
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->thread_cnt; i++)
		sem_post(&pool->more);
	for (unsigned i = 0; i < pool->thread_cnt; i++)
		pthread_join(pool->thread[i], NULL);
	/* Work that never ran is dropped through done too: it owns its argument. */
	STAILQ_CONCAT(&pool->finished, &pool->waiting);
	finish_jobs(pool);
	if (pool->wake_event != NULL)
		event_free(pool->wake_event);
	if (pool->wake_fd >= 0)
		close(pool->wake_fd);
	pthread_cond_destroy(&pool->ended);
	sem_destroy(&pool->more);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

void helper_pool_settle(struct helper_pool *pool, unsigned depth)
{
	while (helper_pool_depth(pool) > depth)
		if (event_base_loop(pool->base, EVLOOP_ONCE) != 0)
			return;
}

void helper_pool_drain(struct helper_pool *pool)
{
	bool is_left = true;

	while (is_left) {
		pthread_mutex_lock(&pool->lock);
		while (pool->queued_cnt > 0 && STAILQ_EMPTY(&pool->finished))
			pthread_cond_wait(&pool->ended, &pool->lock);
		is_left = pool->queued_cnt > 0;
		pthread_mutex_unlock(&pool->lock);
		finish_jobs(pool);
	}
}

int helper_run(
	struct helper_pool *pool, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
	struct job *job = calloc(1, sizeof(*job));
	int ret = 0;

	if (job == NULL)
		return -ENOMEM;
	*job = (struct job){.work = work, .done = done, .arg = arg};
	pthread_mutex_lock(&pool->lock);
	if (pool->queued_cnt >= pool->queue_max || pool->is_stopping) {
		ret = -EAGAIN;
	} else {
		pool->queued_cnt++;
		STAILQ_INSERT_TAIL(&pool->waiting, job, next);
	}
	pthread_mutex_unlock(&pool->lock);
	if (ret == 0)
		sem_post(&pool->more);
	else
		free(job);
	return ret;
}

unsigned helper_pool_depth(struct helper_pool *pool)
{
	unsigned cnt;

	pthread_mutex_lock(&pool->lock);
	cnt = pool->queued_cnt;
	pthread_mutex_unlock(&pool->lock);
	return cnt;
}

struct release {
	void (*put)(void *obj);
	void *obj; /* NULL: given back */
};

static void release_work(void *arg)
{
	struct release *r = arg;

	r->put(r->obj);
	r->obj = NULL;
}

static void on_released(void *arg)
{
	struct release *r = arg;

	if (r->obj != NULL) /* the work never ran */
		r->put(r->obj);
	free(r);
}

void helper_release(struct helper_pool *pool, void (*put)(void *obj), void *obj)
{
	struct release *r = pool != NULL && obj != NULL ? malloc(sizeof(*r)) : NULL;

	if (r != NULL) {
		*r = (struct release){.put = put, .obj = obj};
		if (helper_run(pool, release_work, on_released, r) == 0)
			return;
	}
	free(r);
	if (obj != NULL)
		put(obj);
}
