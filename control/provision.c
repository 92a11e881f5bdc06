/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/fields.h"
#include "control/helper.h"

/* A key that a helper makes and puts on disk. */
struct generation {
	struct provision *provision;
	char name[PROVISION_NAME_MAX + 1];
	struct pki_key_spec spec;
	enum provision_key which;
	int dir; /* the daemon's */
	struct audit_actor actor;
	answer_cb cb;
	void *arg;
	int error;
	char public_key_hash[2 * RK_DIGEST_LEN + 1];
};

void provision_answer(answer_cb cb, void *arg, struct answer *a)
{
	cb(arg, a);
	answer_fini(a);
}

bool provision_is_free(const struct provision *p, struct answer *a)
{
	if (!p->is_busy && p->removing_cnt == 0)
		return true;
	answer_error(
		a, 409, "busy", NULL, "another key or certificate is being worked on: try again");
	return false;
}

void provision_answer_busy(struct answer *a)
{
	answer_error(a, 503, "busy", NULL, "too much work is under way: try again");
	a->retry_after_sec = 1;
}

bool provision_check_name(const char *name, struct answer *out)
{
	if (provision_is_name(name))
		return true;
	field_refuse(out, "name",
		"must be 1 to 64 letters, digits, '_', '-' or '.', not beginning with a dot");
	return false;
}

static bool refuse_spec(struct answer *error, const char *field, const char *text)
{
	field_refuse(error, field, "%s", text);
	return false;
}

bool provision_read_spec(const char *algorithm, json_int_t rsa_bits, const char *curve,
	struct pki_key_spec *out, struct answer *error)
{
	struct pki_key_spec spec = {0};

	if (pki_algorithm_parse(algorithm, &spec.algorithm) < 0)
		return refuse_spec(error, "algorithm", "must be RSA or ECC");
	if (spec.algorithm == PKI_ALGORITHM_RSA) {
		if (curve != NULL)
			return refuse_spec(error, "ecc_curve", "goes with algorithm ECC only");
		if (rsa_bits < PKI_RSA_BITS_MIN || rsa_bits > PKI_RSA_BITS_MAX ||
			rsa_bits % PKI_RSA_BITS_STEP != 0)
			return refuse_spec(error, "rsa_key_size",
				"must be a multiple of 256 from 2048 to 4096");
		spec.rsa_bits = (unsigned)rsa_bits;
	} else {
		if (rsa_bits != 0)
			return refuse_spec(error, "rsa_key_size", "goes with algorithm RSA only");
		if (curve == NULL || pki_curve_parse(curve, &spec.curve) < 0)
			return refuse_spec(
				error, "ecc_curve", "must be SECP256R1, SECP384R1 or SECP521R1");
	}
	*out = spec;
	return true;
}

void provision_spec_json(const struct pki_key_spec *spec, json_t *body)
{
	if (spec->algorithm == PKI_ALGORITHM_RSA) {
		json_object_set_new(body, "algorithm", json_string("RSA"));
		json_object_set_new(body, "rsa_key_size", json_integer(spec->rsa_bits));
	} else {
		json_object_set_new(body, "algorithm", json_string("ECC"));
		json_object_set_new(body, "ecc_curve", json_string(pki_curve_name(spec->curve)));
	}
}

int provision_read_pending_key(int dir, const char *name, EVP_PKEY **out)
{
	enum provision_key which = provision_has_key(dir, name, PROVISION_KEY_NEXT)
					   ? PROVISION_KEY_NEXT
					   : PROVISION_KEY_CURRENT;

	return provision_read_key(dir, name, which, out);
}

static bool hash_text(const EVP_PKEY *key, char out[2 * RK_DIGEST_LEN + 1])
{
	uint8_t hash[RK_DIGEST_LEN];

	if (pki_key_hash(key, hash) < 0)
		return false;
	for (size_t i = 0; i < RK_DIGEST_LEN; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
	return true;
}

static void answer_key(answer_cb cb, void *arg, const char *name, const struct pki_key_spec *spec,
	const char *hash, const char *status)
{
	struct answer a;
	json_t *body = json_pack(
		"{s:s, s:s, s:s}", "name", name, "status", status, "public_key_sha256", hash);

	provision_spec_json(spec, body);
	answer_ok(&a, body);
	provision_answer(cb, arg, &a);
}

static void generate(void *arg)
{
	struct generation *g = arg;
	struct pki_secret_text pem = {0};
	EVP_PKEY *key = NULL;

	g->error = pki_key_generate(&g->spec, &key);
	if (g->error == 0)
		g->error = hash_text(key, g->public_key_hash) ? 0 : -EIO;
	if (g->error == 0)
		g->error = pki_key_to_pem(key, &pem);
	if (g->error == 0)
		g->error = provision_write_key(g->dir, g->name, g->which, &pem);
	pki_secret_text_free(&pem);
	EVP_PKEY_free(key);
}

static void audit_key(const struct generation *g)
{
	json_t *detail = json_pack("{s:s, s:b, s:s}", "name", g->name, "replace",
		g->which == PROVISION_KEY_NEXT, "public_key_sha256", g->public_key_hash);
	char text[128];

	provision_spec_json(&g->spec, detail);
	snprintf(text, sizeof(text), "Generated private key: %s", g->name);
	audit_write_as(g->provision->daemon->audit, &g->actor, "system.generate_private_key", text,
		detail);
}

static void generated(void *arg)
{
	struct generation *g = arg;
	struct provision *p = g->provision;
	struct answer a;

	p->is_busy = false;
	if (g->error == 0) {
		audit_key(g);
		log_info("%s: a private key was generated", g->name);
		answer_key(g->cb, g->arg, g->name, &g->spec, g->public_key_hash, "created");
	} else {
		answer_error(&a, 500, "key-not-made", NULL, "the key could not be made: %s",
			strerror(-g->error));
		provision_answer(g->cb, g->arg, &a);
	}
	free(g);
}

static void start_generation(struct provision *p, const char *name, const struct pki_key_spec *spec,
	enum provision_key which, answer_cb cb, void *arg)
{
	struct generation *g = calloc(1, sizeof(*g));
	struct answer a;
	int ret = -ENOMEM;

	if (g != NULL) {
		*g = (struct generation){.provision = p,
			.spec = *spec,
			.which = which,
			.dir = p->daemon->pki_fd,
			.actor = audit_actor(p->daemon->audit),
			.cb = cb,
			.arg = arg,
			.error = -ECANCELED};
		snprintf(g->name, sizeof(g->name), "%s", name);
		ret = helper_run(p->daemon->helpers, generate, generated, g);
	}
	if (ret == 0) {
		p->is_busy = true;
		return;
	}
	free(g);
	provision_answer_busy(&a);
	provision_answer(cb, arg, &a);
}

/* The same request again for a key that waits for its certificate gets that key. */
static bool answer_same_key(struct provision *p, const char *name, const struct pki_key_spec *spec,
	enum provision_key which, answer_cb cb, void *arg)
{
	char hash[2 * RK_DIGEST_LEN + 1];
	struct pki_key_spec existing;
	EVP_PKEY *key = NULL;
	bool is_same;

	is_same = provision_read_key(p->daemon->pki_fd, name, which, &key) == 0 &&
		  pki_key_spec_of(key, &existing) == 0 && pki_key_spec_equal(&existing, spec) &&
		  hash_text(key, hash);
	EVP_PKEY_free(key);
	if (is_same)
		answer_key(cb, arg, name, spec, hash, "exists");
	return is_same;
}

static void create_key(struct provision *p, const char *name, const struct pki_key_spec *spec,
	bool is_replace, answer_cb cb, void *arg)
{
	int dir = p->daemon->pki_fd;
	bool has_next = provision_has_key(dir, name, PROVISION_KEY_NEXT);
	bool has_certificate = provision_has_certificate(dir, name);
	struct answer a;

	if (!provision_has_key(dir, name, PROVISION_KEY_CURRENT)) {
		start_generation(p, name, spec, PROVISION_KEY_CURRENT, cb, arg);
		return;
	}
	if (is_replace) {
		if (!has_next || !answer_same_key(p, name, spec, PROVISION_KEY_NEXT, cb, arg))
			start_generation(p, name, spec, PROVISION_KEY_NEXT, cb, arg);
		return;
	}
	if (!has_certificate && !has_next &&
		answer_same_key(p, name, spec, PROVISION_KEY_CURRENT, cb, arg))
		return;
	answer_error(&a, 409, "key-exists", json_pack("{s:s}", "field", "replace"),
		"the key %s exists already; with \"replace\": true a new key is made beside it, "
		"which takes its place when its certificate is ingested",
		name);
	provision_answer(cb, arg, &a);
}

void provision_create_key(struct provision *p, const json_t *request, answer_cb cb, void *arg)
{
	const char *name = NULL, *algorithm = NULL, *curve = NULL;
	json_int_t rsa_bits = 0;
	bool is_replace = false;
	const struct field fields[] = {
		{"name", FIELD_STRING, true, &name},
		{"algorithm", FIELD_STRING, true, &algorithm},
		{"rsa_key_size", FIELD_INTEGER, false, &rsa_bits, PKI_RSA_BITS_MIN,
			PKI_RSA_BITS_MAX},
		{"ecc_curve", FIELD_STRING, false, &curve},
		{"replace", FIELD_BOOL, false, &is_replace},
	};
	struct pki_key_spec spec;
	struct answer a;

	if (fields_read(request, fields, sizeof(fields) / sizeof(fields[0]), &a) < 0 ||
		!provision_check_name(name, &a) ||
		!provision_read_spec(algorithm, rsa_bits, curve, &spec, &a) ||
		!provision_is_free(p, &a))
		provision_answer(cb, arg, &a);
	else
		create_key(p, name, &spec, is_replace, cb, arg);
}

int provision_open(struct daemon *d, struct provision **out)
{
	struct provision *p;
	int ret = provision_files_recover(d->pki_fd);

	if (ret < 0) {
		log_error("%s: %s", d->options->pki_dir, strerror(-ret));
		return ret;
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->daemon = d;
	*out = p;
	return 0;
}

void provision_close(struct provision *p)
{
	free(p);
}
