/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/revocations_print.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/revocations_export.h"

#define PIECE_LEN 65536

static const char *const origin_name[] = {[MASTER_LIST_CURRENT] = "current",
	[MASTER_LIST_PREVIOUS] = "previous",
	[MASTER_LIST_NONE] = "none"};

static int print_list(
	struct master_list *list, enum revocations_format format, const char *origin, FILE *to)
{
	struct revocations_export *x = NULL;
	char *piece = malloc(PIECE_LEN);
	ssize_t n = -ENOMEM;

	if (piece != NULL)
		n = revocations_export_new(list, format, origin, &x);
	while (n >= 0 && (n = revocations_export_next(x, piece, PIECE_LEN)) > 0) {
		if (fwrite(piece, 1, (size_t)n, to) != (size_t)n)
			n = -EIO;
	}
	revocations_export_free(x);
	free(piece);
	return (int)n;
}

static const char *what_failed(int error)
{
	switch (error) {
	case -EBADMSG:
		return "it is damaged, and so is the one before";
	case -EPROTONOSUPPORT:
		return "a later version of this program wrote it";
	default:
		return strerror(-error);
	}
}

int revocations_print(const char *state_dir, const char *format, FILE *to)
{
	enum master_list_origin origin = MASTER_LIST_NONE;
	enum revocations_format as;
	struct master_list *list = NULL;
	int dir, ret;

	if (!revocations_format_parse(format, &as)) {
		fprintf(stderr, "rekey-control: --print-revocations is json or text\n");
		return -EINVAL;
	}
	dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = dir >= 0 ? master_list_load(dir, &list, &origin) : -errno;
	if (ret == 0)
		ret = print_list(list, as, origin_name[origin], to);
	if (ret == 0 && fflush(to) != 0)
		ret = -errno;
	if (ret < 0)
		fprintf(stderr, "rekey-control: the list of %s: %s\n", state_dir, what_failed(ret));
	master_list_put(list);
	if (dir >= 0)
		close(dir);
	return ret;
}
