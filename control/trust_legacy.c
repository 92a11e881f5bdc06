/* SPDX-License-Identifier: BSD-3-Clause */
/* STATE/trusted-ca/NAME.pem: a comment line with the validation mode, then the certificates. */
#include "control/trust_set.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/fields.h"
#include "control/log.h"
#include "pki/view/file.h"

#define FOLDER    "trusted-ca"
#define SUFFIX    ".pem"
#define MODE_LINE "# validation-mode: "
#define NAME_SIZE (63 + sizeof(SUFFIX))

/* "NAME" of "NAME.pem"; false for other files. */
static bool bundle_name(const char *file, char name[NAME_SIZE])
{
	size_t len = strlen(file);

	if (len <= strlen(SUFFIX) || len >= NAME_SIZE ||
		strcmp(file + len - strlen(SUFFIX), SUFFIX) != 0)
		return false;
	snprintf(name, NAME_SIZE, "%.*s", (int)(len - strlen(SUFFIX)), file);
	return field_is_name(name);
}

static int read_bundle(int dir, const char *file, const char *name, json_t *list)
{
	const char *mode = "strict", *start;
	uint8_t *text = NULL;
	size_t len = 0;
	int ret = rk_file_read(dir, file, PKI_BUNDLE_TEXT_MAX + 64, &text, &len);

	if (ret < 0)
		return ret;
	start = (const char *)text;
	if (strncmp(start, MODE_LINE, strlen(MODE_LINE)) == 0) {
		if (strncmp(start + strlen(MODE_LINE), "warn", 4) == 0)
			mode = "warn";
		start += strcspn(start, "\n");
		start += *start == '\n';
	}
	if (json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", name, "content", start,
						"validation-mode", mode)) != 0)
		ret = -EINVAL;
	free(text);
	return ret;
}

static DIR *open_folder(int state_fd)
{
	int fd = openat(state_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL && fd >= 0)
		close(fd);
	return dir;
}

int trust_legacy_read(int state_fd, json_t **out)
{
	DIR *dir = open_folder(state_fd);
	json_t *list = json_array();
	const struct dirent *entry;
	char name[NAME_SIZE];
	int ret = 0;

	while (dir != NULL && ret == 0 && (entry = readdir(dir)) != NULL) {
		if (!bundle_name(entry->d_name, name))
			continue;
		ret = read_bundle(dirfd(dir), entry->d_name, name, list);
		if (ret < 0)
			log_error("%s/%s: %s", FOLDER, entry->d_name, strerror(-ret));
	}
	if (dir != NULL)
		closedir(dir);
	if (ret < 0)
		json_decref(list);
	else
		*out = list;
	return ret;
}

void trust_legacy_forget(int state_fd)
{
	DIR *dir = open_folder(state_fd);
	const struct dirent *entry;
	char name[NAME_SIZE];

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (bundle_name(entry->d_name, name))
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	unlinkat(state_fd, FOLDER, AT_REMOVEDIR);
}
