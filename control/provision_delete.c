/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/credential.h"
#include "control/helper.h"
#include "control/publish.h"

/* A file on its way out: removed by the disk thread. */
struct removal {
	struct provision *provision; /* outlives the disk thread */
	char name[PROVISION_NAME_MAX + 1];
	void (*work)(void *removal);
	void (*finish)(struct removal *r, struct answer *a); /* when it was removed */
	const char *what;
	int dir;      /* the daemon's */
	bool is_next; /* the key that has no certificate yet */
	bool is_kept; /* the key, whose certificate is there */
	int ret;
	struct audit_actor actor;
	answer_cb cb;
	void *arg;
};

static void answer_removal(struct removal *r, struct answer *a)
{
	provision_answer(r->cb, r->arg, a);
	free(r);
}

static void audit_removal(const struct removal *r, const char *type)
{
	char text[160];

	snprintf(text, sizeof(text), "Deleted %s: %s", r->what, r->name);
	audit_write_as(r->provision->daemon->audit, &r->actor, type, text,
		json_pack("{s:s}", "name", r->name));
	log_info("%s: the %s was deleted", r->name, r->what);
}

static void refuse_removal(const struct removal *r, struct answer *a)
{
	if (r->ret == -ECANCELED)
		provision_answer_busy(a);
	else
		answer_error(a, 500, "not-removed", NULL, "the %s %s cannot be removed: %s",
			r->what, r->name, strerror(-r->ret));
}

static void removed(void *arg)
{
	struct removal *r = arg;
	struct answer a;

	r->provision->removing_cnt--;
	if (r->ret < 0 && r->ret != -ENOENT) {
		refuse_removal(r, &a);
		answer_removal(r, &a);
		return;
	}
	r->finish(r, &a);
}

/* like: the fields that are not the same for all. */
static void start(struct provision *p, const char *name, const struct removal *like)
{
	struct removal *r = NULL;
	struct answer a;

	if (!provision_check_name(name, &a))
		goto refuse;
	if (p->is_busy) {
		(void)provision_is_free(p, &a);
		goto refuse;
	}
	r = malloc(sizeof(*r));
	if (r != NULL) {
		*r = *like;
		r->provision = p;
		r->dir = p->daemon->pki_fd;
		r->actor = audit_actor(p->daemon->audit);
		r->ret = -ECANCELED; /* until the thread says otherwise */
		snprintf(r->name, sizeof(r->name), "%s", name);
	}
	if (r != NULL && helper_run(p->daemon->disk, r->work, removed, r) == 0) {
		p->removing_cnt++;
		return;
	}
	provision_answer_busy(&a);
refuse:
	free(r);
	provision_answer(like->cb, like->arg, &a);
}

/* ---- the key ---------------------------------------------------------------------------------- */

/* A request is for the key that goes: nobody can use a certificate made from it. */
static void remove_key(void *arg)
{
	struct removal *r = arg;
	enum provision_key which;

	r->is_next = provision_has_key(r->dir, r->name, PROVISION_KEY_NEXT);
	which = r->is_next ? PROVISION_KEY_NEXT : PROVISION_KEY_CURRENT;
	r->ret = provision_has_key(r->dir, r->name, which) ? 0 : -ENOENT;
	r->is_kept = r->ret == 0 && !r->is_next && provision_has_certificate(r->dir, r->name);
	if (r->ret < 0 || r->is_kept)
		return;
	r->ret = provision_remove_key(r->dir, r->name, which);
	if (r->ret == 0)
		r->ret = provision_remove_request(r->dir, r->name);
	if (r->ret == -ENOENT)
		r->ret = 0;
}

static void key_removed(struct removal *r, struct answer *a)
{
	if (r->is_kept) {
		answer_error(a, 409, "certificate-exists", NULL,
			"the certificate %s belongs to this key: DELETE certificate/%s first, or "
			"make a new key beside it with \"replace\": true",
			r->name, r->name);
	} else if (r->ret == -ENOENT) {
		answer_error(a, 404, "no-key", NULL, "there is no private key %s", r->name);
	} else {
		audit_removal(r, "system.delete_private_key");
		answer_ok(a, json_pack("{s:s, s:s}", "name", r->name, "deleted",
				     r->is_next ? "replacement-key" : "private-key"));
	}
	answer_removal(r, a);
}

void provision_delete_key(struct provision *p, const char *name, answer_cb cb, void *arg)
{
	start(p, name,
		&(struct removal){.work = remove_key,
			.finish = key_removed,
			.what = "private key",
			.cb = cb,
			.arg = arg});
}

/* ---- the request ------------------------------------------------------------------------------ */

static void remove_request(void *arg)
{
	struct removal *r = arg;

	r->ret = provision_remove_request(r->dir, r->name);
}

static void request_removed(struct removal *r, struct answer *a)
{
	if (r->ret == -ENOENT) {
		answer_error(
			a, 404, "no-request", NULL, "there is no certificate request %s", r->name);
	} else {
		audit_removal(r, "system.delete_csr");
		answer_ok(a,
			json_pack("{s:s, s:s}", "name", r->name, "deleted", "certificate-request"));
	}
	answer_removal(r, a);
}

void provision_delete_request(struct provision *p, const char *name, answer_cb cb, void *arg)
{
	start(p, name,
		&(struct removal){.work = remove_request,
			.finish = request_removed,
			.what = "certificate request",
			.cb = cb,
			.arg = arg});
}

/* ---- the certificate -------------------------------------------------------------------------- */

static void remove_certificate(void *arg)
{
	struct removal *r = arg;

	r->ret = provision_remove_certificate(r->dir, r->name);
}

/* The workers have taken leave of it. */
static void on_published(void *arg, struct answer *published)
{
	struct removal *r = arg;
	struct answer a;

	answer_ok(&a, json_pack("{s:s, s:s, s:o}", "name", r->name, "deleted", "certificate",
			      "publication", publisher_result(published)));
	answer_removal(r, &a);
}

static void certificate_removed(struct removal *r, struct answer *a)
{
	struct daemon *d = r->provision->daemon;

	if (r->ret == -ENOENT) {
		answer_error(a, 404, "no-certificate", NULL, "there is no certificate %s", r->name);
		answer_removal(r, a);
		return;
	}
	audit_removal(r, "system.delete_certificate");
	if (strcmp(r->name, credential_name(d)) == 0)
		(void)credential_reload(d->credential);
	publisher_wait(d->publisher, on_published, r);
}

void provision_delete_certificate(struct provision *p, const char *name, answer_cb cb, void *arg)
{
	start(p, name,
		&(struct removal){.work = remove_certificate,
			.finish = certificate_removed,
			.what = "certificate",
			.cb = cb,
			.arg = arg});
}
