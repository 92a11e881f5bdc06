/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Feeds every file of JSONTestSuite's test_parsing folder to the body reader. y_ must parse and n_
 * must not, but for the files named here; i_ only must not crash.
 */
#include "control/rest/json_body.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Refused on purpose: a top-level scalar, a duplicate name, or \u0000. */
static const char *const refused[] = {
	"y_structure_lonely_false.json",
	"y_structure_lonely_int.json",
	"y_structure_lonely_negative_real.json",
	"y_structure_lonely_null.json",
	"y_structure_lonely_string.json",
	"y_structure_lonely_true.json",
	"y_structure_string_empty.json",
	"y_object_duplicated_key.json",
	"y_object_duplicated_key_and_value.json",
	"y_object_escaped_null_in_key.json",
	"y_string_null_escape.json",
	"y_string_space.json",
};

/* Taken on purpose: a raw CR or LF inside a string. */
static const char *const taken[] = {
	"n_string_unescaped_newline.json",
};

static bool is_listed(const char *const *list, size_t cnt, const char *name)
{
	for (size_t i = 0; i < cnt; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static int parse_file(const char *folder, const char *name)
{
	char path[4096];
	struct json_body_error error;
	json_t *json = NULL;
	size_t len;
	char *data;
	FILE *f;
	int ret;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	data = malloc(JSON_BODY_SIZE_MAX);
	if (f == NULL || data == NULL) {
		perror(path);
		exit(1);
	}
	len = fread(data, 1, JSON_BODY_SIZE_MAX, f);
	fclose(f);
	ret = json_body_parse(data, len, &json, &error);
	json_decref(json);
	free(data);
	return ret;
}

/* The number of wrong answers, 0 or 1. */
static unsigned check_file(const char *folder, const char *name)
{
	bool is_taken = parse_file(folder, name) == 0;
	bool is_wanted;

	if (name[0] == 'y')
		is_wanted = !is_listed(refused, sizeof(refused) / sizeof(refused[0]), name);
	else if (name[0] == 'n')
		is_wanted = is_listed(taken, sizeof(taken) / sizeof(taken[0]), name);
	else
		return 0;
	if (is_taken == is_wanted)
		return 0;
	printf("%s: %s\n", name, is_taken ? "parsed" : "refused");
	return 1;
}

int main(int argc, char **argv)
{
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
	unsigned wrong = 0, cnt = 0;
	const struct dirent *entry;

	if (dir == NULL) {
		perror("json-suite: folder");
		return 1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strstr(entry->d_name, ".json") == NULL)
			continue;
		wrong += check_file(argv[1], entry->d_name);
		cnt++;
	}
	closedir(dir);
	printf("%u files, %u wrong\n", cnt, wrong);
	return wrong > 0 || cnt < 300;
}
