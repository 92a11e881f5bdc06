/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/view/file.h"

static int load_file(int dir, const char *name, struct config **out, uint8_t **text, size_t *len,
	struct config_error *error)
{
	int ret;

	ret = rk_file_read(dir, name, CONFIG_TEXT_MAX, text, len);
	if (ret < 0) {
		memset(error, 0, sizeof(*error));
		snprintf(error->text, sizeof(error->text), "cannot be read: %s", strerror(-ret));
		return ret;
	}
	return config_parse((const char *)*text, *len, out, error);
}

int config_load_current(
	int config_dir, int state_dir, struct config **out, struct config_error *error)
{
	uint8_t *text = NULL, *last = NULL;
	size_t len = 0, last_len = 0;
	int ret;

	ret = load_file(config_dir, CONFIG_FILE, out, &text, &len, error);
	if (ret < 0)
		goto out;
	/* Written only when it differs: a start without a change writes nothing. */
	if (rk_file_read(state_dir, CONFIG_FILE_LAST, CONFIG_TEXT_MAX, &last, &last_len) == 0 &&
		last_len == len && memcmp(last, text, len) == 0)
		goto out;
	ret = rk_file_replace(state_dir, CONFIG_FILE_LAST, 0640, text, len);
	if (ret < 0) {
		config_free(*out);
		*out = NULL;
		memset(error, 0, sizeof(*error));
		snprintf(error->text, sizeof(error->text), "cannot be kept as %s: %s",
			CONFIG_FILE_LAST, strerror(-ret));
	}
out:
	free(last);
	free(text);
	return ret;
}

int config_load(int config_dir, int state_dir, struct config **out, enum config_origin *origin,
	struct config_error *error)
{
	struct config_error ignored;
	uint8_t *text = NULL;
	size_t len;
	int ret;

	ret = config_load_current(config_dir, state_dir, out, error);
	if (ret == 0) {
		*origin = CONFIG_CURRENT;
		return 0;
	}
	if (ret == -ENOMEM)
		return ret;
	if (load_file(state_dir, CONFIG_FILE_LAST, out, &text, &len, &ignored) == 0) {
		*origin = CONFIG_LAST;
		ret = 0;
	}
	free(text);
	return ret;
}
