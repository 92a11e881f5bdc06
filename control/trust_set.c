/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/trust_set.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pki/view/file.h"

#define DIGEST_BYTES (CONFIG_DIGEST_LEN / 2)
#define RECORD_MAX   4096

static int compare_bundles(const void *a, const void *b)
{
	const struct pki_bundle *x = a, *y = b;

	return strcmp(x->name, y->name);
}

const struct pki_bundle *trust_set_find(const struct trust_set *s, const char *name)
{
	const struct pki_bundle key = {.name = name};

	if (s == NULL || s->cnt == 0)
		return NULL;
	return bsearch(&key, s->bundle, s->cnt, sizeof(key), compare_bundles);
}

bool trust_set_has(const struct trust_set *s, const struct pki_bundle *bundle)
{
	const struct pki_bundle *own = trust_set_find(s, bundle->name);

	return own != NULL && own->len == bundle->len &&
	       memcmp(own->text, bundle->text, own->len) == 0 &&
	       (own->mode == PKI_MODE_STRICT || bundle->mode == PKI_MODE_WARN);
}

static int digest_set(struct trust_set *s)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t digest[DIGEST_BYTES];
	bool is_good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; i < s->cnt && is_good; i++) {
		const struct pki_bundle *b = &s->bundle[i];
		const uint64_t head[3] = {strlen(b->name), b->len, (uint64_t)b->mode};

		is_good = EVP_DigestUpdate(ctx, head, sizeof(head)) == 1 &&
			  EVP_DigestUpdate(ctx, b->name, head[0]) == 1 &&
			  EVP_DigestUpdate(ctx, b->text, b->len) == 1;
	}
	is_good = is_good && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	for (size_t i = 0; i < DIGEST_BYTES && is_good; i++)
		snprintf(s->digest + 2 * i, 3, "%02x", digest[i]);
	return is_good ? 0 : -EIO;
}

/* The text of one bundle, the caller's; NULL with *error: -errno. */
static char *read_text(const struct config_trusted_ca *ca, int pki_fd, size_t *len, int *error)
{
	uint8_t *text = NULL;
	char name[80];

	if (ca->content != NULL) {
		*len = strlen(ca->content);
		*error = -ENOMEM;
		return strdup(ca->content);
	}
	snprintf(name, sizeof(name), "%s.pem", ca->file);
	*error = rk_file_read(pki_fd, name, PKI_BUNDLE_TEXT_MAX, &text, len);
	return (char *)text;
}

static int add_bundle(struct trust_set *s, const struct config_trusted_ca *ca, int pki_fd,
	bool is_settled, struct config_report *report)
{
	struct pki_bundle *b = &s->bundle[s->cnt];
	char path[160];
	int ret = 0;

	b->text = read_text(ca, pki_fd, &b->len, &ret);
	if (b->text == NULL && ret == -ENOMEM)
		return ret;
	if (b->text == NULL) {
		snprintf(path, sizeof(path), "authority.trusted-ca-certificate[%s].file", ca->name);
		config_report_add(report, is_settled || ca->mode == CONFIG_MODE_WARN,
			"file-missing", path, "%s.pem in the PKI folder cannot be read: %s",
			ca->file, strerror(-ret));
		return 0;
	}
	s->cnt++;
	b->name = strdup(ca->name);
	b->mode = ca->mode == CONFIG_MODE_WARN ? PKI_MODE_WARN : PKI_MODE_STRICT;
	return b->name != NULL ? 0 : -ENOMEM;
}

int trust_set_new(const struct config *config, int pki_fd, bool is_settled,
	struct config_report *report, struct trust_set **out)
{
	struct trust_set *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	if (s == NULL)
		return ret;
	s->bundle = calloc(config->trusted_ca_cnt + 1, sizeof(*s->bundle));
	if (s->bundle != NULL)
		ret = 0;
	for (size_t i = 0; i < config->trusted_ca_cnt && ret == 0; i++)
		ret = add_bundle(s, &config->trusted_ca[i], pki_fd, is_settled, report);
	if (ret == 0 && report->error_cnt > 0)
		ret = -EINVAL;
	if (ret == 0) {
		qsort(s->bundle, s->cnt, sizeof(*s->bundle), compare_bundles);
		ret = digest_set(s);
	}
	if (ret < 0) {
		trust_set_free(s);
		return ret;
	}
	*out = s;
	return 0;
}

void trust_set_free(struct trust_set *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->cnt; i++) {
		free((void *)(uintptr_t)s->bundle[i].name);
		free((void *)(uintptr_t)s->bundle[i].text);
	}
	free(s->bundle);
	free(s);
}

char *trust_record_print(uint64_t generation, const char *digest)
{
	char *text = NULL;

	if (asprintf(&text, "{\"generation\": %llu, \"digest\": \"%s\"}\n",
		    (unsigned long long)generation, digest) < 0)
		return NULL;
	return text;
}

static int write_record(int state_fd, uint64_t generation, const char *digest)
{
	char *text = trust_record_print(generation, digest);
	int ret = -ENOMEM;

	if (text != NULL)
		ret = rk_file_replace(state_fd, TRUST_RECORD_FILE, 0600, text, strlen(text));
	free(text);
	return ret;
}

int trust_record_load(int state_fd, const char *digest, uint64_t *generation)
{
	uint8_t *text = NULL;
	json_t *record = NULL;
	json_int_t number;
	const char *known;
	size_t len = 0;
	int ret = rk_file_read(state_fd, TRUST_RECORD_FILE, RECORD_MAX, &text, &len);

	if (ret < 0 && ret != -ENOENT)
		return ret;
	if (ret == 0)
		record = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	known = json_string_value(json_object_get(record, "digest"));
	number = json_integer_value(json_object_get(record, "generation"));
	if (number > 0 && known != NULL && strcmp(known, digest) == 0) {
		*generation = (uint64_t)number;
		ret = 0;
	} else {
		/* Without a readable number the time goes on above every one given before. */
		*generation = number > 0 ? (uint64_t)number + 1 : (uint64_t)time(NULL);
		ret = write_record(state_fd, *generation, digest);
	}
	json_decref(record);
	return ret;
}
