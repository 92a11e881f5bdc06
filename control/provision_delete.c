/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/credential.h"
#include "control/publish.h"

/* A certificate that is gone, while the workers take leave of it. */
struct removal {
	char name[PROVISION_NAME_MAX + 1];
	answer_cb cb;
	void *arg;
};

static bool check_free(const struct provision *p, const char *name, struct answer *a)
{
	if (!provision_check_name(name, a))
		return false;
	if (!p->is_busy)
		return true;
	answer_error(
		a, 409, "busy", NULL, "another key or certificate is being worked on: try again");
	return false;
}

static void refuse_removal(struct answer *a, const char *what, const char *name, int error)
{
	answer_error(a, 500, "not-removed", NULL, "the %s %s cannot be removed: %s", what, name,
		strerror(-error));
}

static void audit_removal(
	const struct provision *p, const char *type, const char *what, const char *name)
{
	char text[160];

	snprintf(text, sizeof(text), "Deleted %s: %s", what, name);
	audit_write(p->daemon->audit, type, text, json_pack("{s:s}", "name", name));
	log_info("%s: the %s was deleted", name, what);
}

/* A request is for the key that goes: nobody can use a certificate made from it. */
static int remove_key(const struct provision *p, const char *name, enum provision_key which)
{
	int ret = provision_remove_key(p->daemon->pki_fd, name, which);

	if (ret == 0)
		ret = provision_remove_request(p->daemon->pki_fd, name);
	return ret == -ENOENT ? 0 : ret;
}

void provision_delete_key(struct provision *p, const char *name, answer_cb cb, void *arg)
{
	int dir = p->daemon->pki_fd;
	bool has_next = provision_has_key(dir, name, PROVISION_KEY_NEXT);
	enum provision_key which = has_next ? PROVISION_KEY_NEXT : PROVISION_KEY_CURRENT;
	struct answer a;
	int ret;

	if (!check_free(p, name, &a))
		goto out;
	if (!has_next && !provision_has_key(dir, name, PROVISION_KEY_CURRENT)) {
		answer_error(&a, 404, "no-key", NULL, "there is no private key %s", name);
		goto out;
	}
	if (!has_next && provision_has_certificate(dir, name)) {
		answer_error(&a, 409, "certificate-exists", NULL,
			"the certificate %s belongs to this key: DELETE certificate/%s first, or "
			"make a new key beside it with \"replace\": true",
			name, name);
		goto out;
	}
	ret = remove_key(p, name, which);
	if (ret < 0) {
		refuse_removal(&a, "private key", name, ret);
		goto out;
	}
	audit_removal(p, "system.delete_private_key", "private key", name);
	answer_ok(&a, json_pack("{s:s, s:s}", "name", name, "deleted",
			      has_next ? "replacement-key" : "private-key"));
out:
	provision_answer(cb, arg, &a);
}

void provision_delete_request(struct provision *p, const char *name, answer_cb cb, void *arg)
{
	struct answer a;
	int ret;

	if (!check_free(p, name, &a))
		goto out;
	ret = provision_remove_request(p->daemon->pki_fd, name);
	if (ret == -ENOENT) {
		answer_error(
			&a, 404, "no-request", NULL, "there is no certificate request %s", name);
	} else if (ret < 0) {
		refuse_removal(&a, "certificate request", name, ret);
	} else {
		audit_removal(p, "system.delete_csr", "certificate request", name);
		answer_ok(&a,
			json_pack("{s:s, s:s}", "name", name, "deleted", "certificate-request"));
	}
out:
	provision_answer(cb, arg, &a);
}

static void on_published(void *arg, struct answer *published)
{
	struct removal *r = arg;
	struct answer a;

	answer_ok(&a, json_pack("{s:s, s:s, s:o}", "name", r->name, "deleted", "certificate",
			      "publication", publisher_result(published)));
	provision_answer(r->cb, r->arg, &a);
	free(r);
}

void provision_delete_certificate(struct provision *p, const char *name, answer_cb cb, void *arg)
{
	struct removal *r = calloc(1, sizeof(*r));
	struct answer a;
	int ret;

	if (!check_free(p, name, &a))
		goto refuse;
	ret = r != NULL ? provision_remove_certificate(p->daemon->pki_fd, name) : -ENOMEM;
	if (ret == -ENOENT) {
		answer_error(&a, 404, "no-certificate", NULL, "there is no certificate %s", name);
		goto refuse;
	}
	if (ret < 0) {
		refuse_removal(&a, "certificate", name, ret);
		goto refuse;
	}
	audit_removal(p, "system.delete_certificate", "certificate", name);
	r->cb = cb;
	r->arg = arg;
	snprintf(r->name, sizeof(r->name), "%s", name);
	if (strcmp(name, credential_name(p->daemon)) == 0)
		(void)credential_reload(p->daemon->credential);
	publisher_wait(p->daemon->publisher, on_published, r);
	return;
refuse:
	free(r);
	provision_answer(cb, arg, &a);
}
