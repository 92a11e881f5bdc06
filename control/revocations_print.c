/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/revocations_print.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "control/revocations.h"
#include "control/time_text.h"

static const char *const origin_name[] = {[MASTER_LIST_CURRENT] = "current",
	[MASTER_LIST_PREVIOUS] = "previous",
	[MASTER_LIST_NONE] = "none"};

struct line {
	const struct master_source_info *source;
	const struct master_entry *entry;
	char serial[MASTER_SERIAL_MAX * 2 + 1];
	char date[TIME_TEXT_LEN];
	const char *reason;
};

static void fill(
	struct line *l, const struct master_source_info *source, const struct master_entry *entry)
{
	l->source = source;
	l->entry = entry;
	l->serial[0] = '\0';
	for (size_t i = 0; i < entry->serial_len; i++)
		snprintf(l->serial + 2 * i, 3, "%02X", entry->serial[i]);
	time_text(entry->revoked_at, l->date);
	l->reason = revocation_reason_name((enum rk_revocation_reason)entry->reason);
}

static int print_text(const struct line *l, bool is_first, FILE *to)
{
	(void)is_first;
	return fprintf(to, "%s\t%s\t%s\t%s\t%s\n", l->source->ca_name, l->serial, l->date,
		       l->reason, l->source->url) < 0
		       ? -EIO
		       : 0;
}

/* One object a line; the names are text from outside, so jansson writes them. */
static int print_json(const struct line *l, bool is_first, FILE *to)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s}", "issuer", l->source->ca_name, "serial",
		l->serial, "date", l->date, "reason", l->reason, "source", l->source->url);
	int ret = -EIO;

	if (o != NULL && fputs(is_first ? "\n" : ",\n", to) >= 0 &&
		json_dumpf(o, to, JSON_COMPACT) == 0)
		ret = 0;
	json_decref(o);
	return ret;
}

static int print_entries(const struct master_list *list, FILE *to,
	int (*print)(const struct line *l, bool is_first, FILE *to))
{
	bool is_first = true;
	struct master_entry e;
	struct line line;
	int ret = 0;

	for (size_t i = 0; i < master_list_source_cnt(list) && ret == 0; i++) {
		const struct master_source *s = master_list_source(list, i);

		for (size_t n = 0; n < master_source_entry_cnt(s) && ret == 0; n++) {
			master_source_entry(s, n, &e);
			fill(&line, master_source_info(s), &e);
			ret = print(&line, is_first, to);
			is_first = false;
		}
	}
	return ret;
}

static int print_list(
	const struct master_list *list, enum master_list_origin origin, bool is_json, FILE *to)
{
	int ret;

	if (!is_json)
		return print_entries(list, to, print_text);
	if (fprintf(to, "{\"generation\":%llu,\"origin\":\"%s\",\"entries\":[",
		    (unsigned long long)master_list_generation(list), origin_name[origin]) < 0)
		return -EIO;
	ret = print_entries(list, to, print_json);
	if (ret == 0 && fputs("\n]}\n", to) < 0)
		ret = -EIO;
	return ret;
}

int revocations_print(const char *state_dir, const char *format, FILE *to)
{
	bool is_json = strcmp(format, "json") == 0;
	struct master_list *list = NULL;
	enum master_list_origin origin = MASTER_LIST_NONE;
	int dir, ret;

	if (!is_json && strcmp(format, "text") != 0) {
		fprintf(stderr, "rekey-control: --print-revocations is json or text\n");
		return -EINVAL;
	}
	dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = dir >= 0 ? master_list_load(dir, &list, &origin) : -errno;
	if (ret == 0)
		ret = print_list(list, origin, is_json, to);
	if (ret == 0 && fflush(to) != 0)
		ret = -errno;
	if (ret < 0)
		fprintf(stderr, "rekey-control: the list of %s: %s\n", state_dir,
			ret == -EBADMSG ? "it is damaged, and so is the one before"
					: strerror(-ret));
	master_list_put(list);
	if (dir >= 0)
		close(dir);
	return ret;
}
