/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a VIEW message to workers that run on it: parts mapped and checked, everything that is
 * needed built aside, one pointer swapped, peers told, and APPLIED once the workers have judged
 * every peering anew. Whatever fails before the swap leaves the old view as it is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/dataplane.h"
#include "dataplane/log.h"
#include "dataplane/state.h"
#include "pki/view/secret.h"

static void answer(struct dataplane *d, enum rk_channel_type type, struct rk_generation generation,
	const char *reason)
{
	struct rk_message m = {.type = type, .generation.generation = generation};

	snprintf(m.generation.reason, sizeof(m.generation.reason), "%s", reason);
	channel_send(d->channel, &m);
}

static void refuse(struct dataplane *d, struct rk_generation generation, const char *reason)
{
	log_error("view %llu.%llu refused: %s", (unsigned long long)generation.incarnation,
		(unsigned long long)generation.counter, reason);
	answer(d, RK_MSG_REFUSED, generation, reason);
}

static void release_published(struct grave *grave)
{
	struct published *p =
		(struct published *)((uintptr_t)grave - offsetof(struct published, grave));
	struct dataplane *d = (struct dataplane *)((uintptr_t)grave->graveyard -
						   offsetof(struct dataplane, graveyard));

	published_free(p, &d->closing);
}

/*
 * Our certificate with its key: the one in force when nothing changed, a new object when the key
 * is at hand, or none. *out gets a counted reference or NULL.
 */
static int find_credential(
	struct dataplane *d, const struct part_ref *config, struct credential **out)
{
	const struct rk_part *raw[RK_PART_CNT] = {[RK_PART_CONFIG] = config->part};
	struct credential *old = d->published == NULL ? NULL : d->published->credential;
	const struct rk_private_key *from = NULL;
	const struct rk_global *global;
	struct rk_private_key *key;
	struct rk_view view;
	int ret = rk_view_init(&view, (struct rk_generation){0, 0}, raw);

	*out = NULL;
	if (ret < 0)
		return ret;
	global = view.global;
	if (global->certificate.len == 0)
		return 0;
	if (old != NULL && memcmp(old->fingerprint, global->certificate_fingerprint,
				   RK_FINGERPRINT_LEN) == 0) {
		*out = credential_get(old);
		return 0;
	}
	if (d->key != NULL &&
		memcmp(d->key->public_key_hash, global->public_key_hash, RK_DIGEST_LEN) == 0)
		from = d->key;
	else if (old != NULL &&
		 memcmp(old->key->public_key_hash, global->public_key_hash, RK_DIGEST_LEN) == 0)
		from = old->key;
	if (from == NULL)
		return 0; /* the key is on its way */
	key = rk_secret_new(sizeof(*key));
	if (key == NULL)
		return -ENOMEM;
	*key = *from;
	ret = credential_new(
		global->certificate_fingerprint, rk_view_str(&view, global->certificate), key, out);
	if (ret < 0)
		rk_secret_free(key, sizeof(*key));
	return ret;
}

/* What is in force has a copy; what is not is no more to be had here. */
static void wipe_key(struct dataplane *d)
{
	if (d->key != NULL)
		rk_secret_free(d->key, sizeof(*d->key));
	d->key = NULL;
}

/* Everything that can fail happens before the swap. 0 or -errno. */
static int activate(struct dataplane *d, struct rk_generation generation,
	struct part_ref *const part[RK_PART_CNT])
{
	struct inbox_list apply;
	struct credential *credential = NULL;
	struct published *next = NULL;
	struct published *old;
	struct peer_plan *plan = NULL;
	struct inbox_node *node;
	int ret = commands_new(d, MESSAGE_APPLY, &apply);

	if (ret < 0)
		goto out;
	ret = find_credential(d, part[RK_PART_CONFIG], &credential);
	if (ret < 0)
		goto out;
	ret = published_new(generation, part, credential, port_find, d->ports, &next);
	if (ret < 0)
		goto out;
	next->seq = d->seq + 1;
	ret = peer_plan_new(d, next, &plan);
	if (ret < 0) {
		published_free(next, &d->closing);
		goto out;
	}
	d->seq = next->seq;
	d->published = next;
	d->is_state_old = true;
	for (node = apply.first; node != NULL; node = node->next)
		message_of(node)->seq = next->seq;
	d->applying_cnt = d->shared.worker_cnt;
	old = rk_rcu_publish(&d->shared.published, next);
	log_debug("view %llu.%llu is in force: %zu peers",
		(unsigned long long)generation.incarnation, (unsigned long long)generation.counter,
		next->view.peer_cnt);
	peer_plan_execute(d, plan);
	commands_send(d, &apply);
	wipe_key(d);
	if (old != NULL)
		graveyard_retire(&d->graveyard, &old->grave, release_published);
out:
	commands_discard(&apply);
	credential_put(credential);
	return ret;
}

void activate_done(struct dataplane *d, uint64_t seq)
{
	/* An older one was overtaken: what it would have done is done with the newest. */
	if (seq != d->seq || --d->applying_cnt > 0)
		return;
	d->applied_seq = seq;
	if (d->published == NULL)
		return;
	log_debug("every worker has taken up view %llu.%llu",
		(unsigned long long)d->published->view.generation.incarnation,
		(unsigned long long)d->published->view.generation.counter);
	answer(d, RK_MSG_APPLIED, d->published->view.generation, "");
}

static bool is_same_parts(const struct published *p, const struct rk_msg_view *m)
{
	unsigned i;

	for (i = 0; i < RK_PART_CNT; i++) {
		const struct rk_part *part = p->view.part[i];

		if ((part != NULL) != (m->part[i].is_present != 0))
			return false;
		if (part != NULL &&
			memcmp(rk_part_digest(part), m->part[i].digest, RK_DIGEST_LEN) != 0)
			return false;
	}
	return true;
}

static int open_part(int fd, enum rk_part_kind kind, const struct rk_part_ref *wanted,
	struct part_ref **out, struct rk_refusal *why)
{
	struct rk_part *part = NULL;
	int ret = rk_part_open(fd, kind, false, &part, why);

	if (ret < 0) {
		if (ret != -EBADMSG)
			snprintf(why->text, sizeof(why->text), "part %d: %s", kind, strerror(-ret));
		return -EBADMSG;
	}
	if (rk_part_bytes(part).len != wanted->size ||
		memcmp(rk_part_digest(part), wanted->digest, RK_DIGEST_LEN) != 0) {
		snprintf(why->text, sizeof(why->text), "part %d is not the one announced", kind);
		rk_part_close(part);
		return -EBADMSG;
	}
	*out = part_ref_new(part);
	if (*out == NULL) {
		snprintf(why->text, sizeof(why->text), "out of memory");
		rk_part_close(part);
		return -EBADMSG;
	}
	return 0;
}

/* A reference to each part named. 0; -ENOENT: one is not here; -EBADMSG with the reason. */
static int collect_parts(struct dataplane *d, const struct rk_msg_view *m, const int *fds,
	size_t fd_cnt, struct part_ref *part[RK_PART_CNT], struct rk_refusal *why)
{
	size_t used = 0;
	unsigned i;

	for (i = 0; i < RK_PART_CNT; i++) {
		struct part_ref *held = d->published == NULL ? NULL : d->published->part[i];
		int ret;

		if (!m->part[i].is_present)
			continue;
		if (m->part[i].has_fd) {
			if (used == fd_cnt) {
				snprintf(why->text, sizeof(why->text), "a descriptor is missing");
				return -EBADMSG;
			}
			ret = open_part(
				fds[used++], (enum rk_part_kind)i, &m->part[i], &part[i], why);
			if (ret < 0)
				return ret;
			continue;
		}
		if (held == NULL ||
			memcmp(rk_part_digest(held->part), m->part[i].digest, RK_DIGEST_LEN) != 0)
			return -ENOENT;
		part[i] = part_ref_get(held);
	}
	if (used == fd_cnt)
		return 0;
	snprintf(why->text, sizeof(why->text), "a descriptor too many");
	return -EBADMSG;
}

/* Without a revocation set nobody would be revoked: it is there, if only empty, or nothing is. */
static int check_parts(struct part_ref *const part[RK_PART_CNT], struct rk_refusal *why)
{
	const char *missing = part[RK_PART_CONFIG] == NULL            ? "configuration"
			      : part[RK_PART_REVOCATION_BASE] == NULL ? "revocation base"
								      : NULL;

	if (missing == NULL)
		return 0;
	snprintf(why->text, sizeof(why->text), "no %s in it", missing);
	return -EBADMSG;
}

/* Older, or known already: answered here. True: it is new. */
static bool is_news(struct dataplane *d, const struct rk_msg_view *m)
{
	int order;

	if (d->published == NULL)
		return true;
	order = rk_generation_cmp(m->generation, d->published->view.generation);
	if (order > 0)
		return true;
	if (order < 0)
		refuse(d, m->generation, "older than the generation in force");
	else if (!is_same_parts(d->published, m))
		refuse(d, m->generation, "this generation was another view");
	else if (d->applied_seq == d->published->seq)
		answer(d, RK_MSG_APPLIED, m->generation, "");
	return false; /* else: it is being applied, the answer follows */
}

bool activate_message(
	struct dataplane *d, const struct rk_msg_view *m, const int *fds, size_t fd_cnt)
{
	struct part_ref *part[RK_PART_CNT] = {NULL};
	struct rk_refusal why = {{0}};
	unsigned i;
	int ret;

	if (!is_news(d, m))
		return true;
	ret = collect_parts(d, m, fds, fd_cnt, part, &why);
	if (ret == 0)
		ret = check_parts(part, &why);
	if (ret == 0) {
		ret = activate(d, m->generation, part);
		snprintf(why.text, sizeof(why.text), "%s", strerror(-ret));
	}
	if (ret == -ENOENT)
		answer(d, RK_MSG_NEED_ALL, m->generation, "");
	else if (ret < 0)
		refuse(d, m->generation, why.text);
	for (i = 0; i < RK_PART_CNT; i++)
		part_ref_put(part[i], &d->closing);
	return true;
}

void activate_key(struct dataplane *d, struct rk_private_key *key)
{
	struct rk_message held = {.type = RK_MSG_KEY_HELD};
	int ret = 0;

	memcpy(held.key_held.hash, key->public_key_hash, RK_DIGEST_LEN);
	wipe_key(d);
	d->key = key;
	if (d->published != NULL && d->published->credential == NULL &&
		memcmp(d->published->view.global->public_key_hash, key->public_key_hash,
			RK_DIGEST_LEN) == 0)
		ret = activate(d, d->published->view.generation, d->published->part);
	if (ret < 0) {
		log_error("the private key cannot be put in force: %s", strerror(-ret));
		return;
	}
	channel_send(d->channel, &held);
}

void activate_saved(struct dataplane *d)
{
	struct part_ref *part[RK_PART_CNT] = {NULL};
	struct rk_generation generation;
	struct rk_refusal why = {{0}};
	unsigned i;
	int ret = state_load(d->state_dir, &generation, part, &d->key, &why);

	if (ret == -ENOENT)
		return;
	if (ret < 0) {
		log_warning("saved state ignored: %s", why.text);
		return;
	}
	ret = check_parts(part, &why);
	if (ret == 0) {
		ret = activate(d, generation, part);
		snprintf(why.text, sizeof(why.text), "%s", strerror(-ret));
	}
	if (ret < 0)
		log_warning("saved state ignored: %s", why.text);
	else
		log_info("started from saved view %llu.%llu",
			(unsigned long long)generation.incarnation,
			(unsigned long long)generation.counter);
	d->is_state_old = false;
	for (i = 0; i < RK_PART_CNT; i++)
		part_ref_put(part[i], &d->closing);
}

void activate_say_hello(struct dataplane *d)
{
	struct rk_message m = {.type = RK_MSG_HELLO, .hello.version = RK_CHANNEL_VERSION};
	const struct published *p = d->published;
	unsigned i;

	for (i = 0; p != NULL && i < RK_PART_CNT; i++) {
		if (p->view.part[i] == NULL)
			continue;
		m.hello.held[i].is_present = 1;
		m.hello.held[i].size = rk_part_bytes(p->view.part[i]).len;
		memcpy(m.hello.held[i].digest, rk_part_digest(p->view.part[i]), RK_DIGEST_LEN);
	}
	if (p != NULL)
		m.hello.active = p->view.generation;
	if (p != NULL && p->credential != NULL)
		memcpy(m.hello.key_held, p->credential->key->public_key_hash, RK_DIGEST_LEN);
	else if (d->key != NULL)
		memcpy(m.hello.key_held, d->key->public_key_hash, RK_DIGEST_LEN);
	channel_send(d->channel, &m);
}

void activate_clear(struct dataplane *d)
{
	struct published *old = rk_rcu_publish(&d->shared.published, NULL);

	d->published = NULL;
	if (old != NULL)
		graveyard_retire(&d->graveyard, &old->grave, release_published);
	wipe_key(d);
}
