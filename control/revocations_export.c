/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/revocations_export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/x509.h>

#include "control/revocations.h"
#include "control/time_text.h"
#include "pki/x509/cert.h"
#include "pki/x509/name.h"

struct revocations_export {
	struct master_list *list;
	enum revocations_format format;
	char *origin;
	enum { AT_HEAD, AT_ENTRIES, AT_TAIL, AT_END } at;
	size_t source; /* where the next entry is */
	size_t entry;
	bool has_entries; /* some were written */
	char *issuer;     /* of that source, as they are written; NULL: to be made */
	char *url;
};

bool revocations_format_parse(const char *text, enum revocations_format *out)
{
	bool is_json = strcmp(text, "json") == 0;

	*out = is_json ? REVOCATIONS_JSON : REVOCATIONS_TEXT;
	return is_json || strcmp(text, "text") == 0;
}

int revocations_export_new(struct master_list *list, enum revocations_format format,
	const char *origin, struct revocations_export **out)
{
	struct revocations_export *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return -ENOMEM;
	x->list = master_list_get(list);
	x->format = format;
	x->at = format == REVOCATIONS_JSON ? AT_HEAD : AT_ENTRIES;
	x->origin = origin != NULL ? strdup(origin) : NULL;
	if (origin != NULL && x->origin == NULL) {
		revocations_export_free(x);
		return -ENOMEM;
	}
	*out = x;
	return 0;
}

static void forget_source(struct revocations_export *x)
{
	free(x->issuer);
	free(x->url);
	x->issuer = x->url = NULL;
}

void revocations_export_free(struct revocations_export *x)
{
	if (x == NULL)
		return;
	forget_source(x);
	master_list_put(x->list);
	free(x->origin);
	free(x);
}

/* As it stands in a line: text from outside, so jansson quotes it. */
static char *write_text(const struct revocations_export *x, const char *text)
{
	json_t *string;
	char *quoted;

	if (x->format == REVOCATIONS_TEXT)
		return strdup(text);
	string = json_stringn_nocheck(text, strlen(text));
	quoted = string != NULL ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
	json_decref(string);
	return quoted;
}

/* The issuer of an indirect list's entries; the list's own is kept as text. */
static void name_issuer(const struct master_source *s, char *out, size_t size)
{
	const struct master_source_info *info = master_source_info(s);
	const unsigned char *next = info->subject.data;
	X509_NAME *name = NULL;

	snprintf(out, size, "%s", info->ca_name);
	if (info->subject.len > 0)
		name = d2i_X509_NAME(NULL, &next, (long)info->subject.len);
	if (name != NULL)
		pki_name_text(name, out, size);
	X509_NAME_free(name);
}

static int open_source(struct revocations_export *x)
{
	const struct master_source *s = master_list_source(x->list, x->source);
	char issuer[MASTER_TEXT_MAX + 1];

	if (x->issuer != NULL)
		return 0;
	name_issuer(s, issuer, sizeof(issuer));
	x->issuer = write_text(x, issuer);
	x->url = write_text(x, master_source_info(s)->url);
	return x->issuer != NULL && x->url != NULL ? 0 : -ENOMEM;
}

/* What snprintf says: at least size when it did not fit. */
static size_t write_entry(const struct revocations_export *x, char *buf, size_t size)
{
	char serial[MASTER_SERIAL_MAX * 2 + 1], date[TIME_TEXT_LEN];
	struct master_entry e;
	const char *reason;

	master_source_entry(master_list_source(x->list, x->source), x->entry, &e);
	revocation_serial_text(&e, serial);
	time_text(e.revoked_at, date);
	reason = revocation_reason_name((enum rk_revocation_reason)e.reason);
	if (x->format == REVOCATIONS_TEXT)
		return (size_t)snprintf(
			buf, size, "%s\t%s\t%s\t%s\t%s\n", x->issuer, serial, date, reason, x->url);
	return (size_t)snprintf(buf, size,
		"%s{\"issuer\":%s,\"serial\":\"%s\",\"date\":\"%s\",\"reason\":\"%s\","
		"\"source\":%s}",
		x->has_entries ? ",\n" : "\n", x->issuer, serial, date, reason, x->url);
}

static size_t write_head(const struct revocations_export *x, char *buf, size_t size)
{
	unsigned long long generation = master_list_generation(x->list);

	if (x->origin == NULL)
		return (size_t)snprintf(
			buf, size, "{\"generation\":%llu,\"entries\":[", generation);
	return (size_t)snprintf(buf, size, "{\"generation\":%llu,\"origin\":\"%s\",\"entries\":[",
		generation, x->origin);
}

static int write_entries(struct revocations_export *x, char *buf, size_t size, size_t *len)
{
	while (x->source < master_list_source_cnt(x->list)) {
		size_t written;

		if (x->entry == master_source_entry_cnt(master_list_source(x->list, x->source))) {
			forget_source(x);
			x->source++;
			x->entry = 0;
			continue;
		}
		if (open_source(x) < 0)
			return -ENOMEM;
		written = write_entry(x, buf + *len, size - *len);
		if (written >= size - *len)
			return 0; /* the next piece begins with it */
		*len += written;
		x->entry++;
		x->has_entries = true;
	}
	x->at = x->format == REVOCATIONS_JSON ? AT_TAIL : AT_END;
	return 0;
}

ssize_t revocations_export_next(struct revocations_export *x, char *buf, size_t size)
{
	size_t len = 0;
	int ret = 0;

	if (size < REVOCATIONS_PIECE_MIN)
		return -EINVAL;
	if (x->at == AT_HEAD) {
		len += write_head(x, buf, size);
		x->at = AT_ENTRIES;
	}
	if (x->at == AT_ENTRIES)
		ret = write_entries(x, buf, size - 8, &len);
	if (x->at == AT_TAIL) {
		len += (size_t)snprintf(buf + len, size - len, "\n]}\n");
		x->at = AT_END;
	}
	return ret < 0 ? ret : (ssize_t)len;
}
