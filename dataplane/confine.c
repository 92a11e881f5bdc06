/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/confine.h"

#include <errno.h>
#include <limits.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/log.h"
#include "pki/view/sandbox.h"

#define MOUNT_MAX 8

/* Where huge pages are mounted; the texts are allocated. */
static size_t find_huge_mounts(char *out[MOUNT_MAX])
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	const struct mntent *m;
	size_t cnt = 0;

	while (mounts != NULL && cnt < MOUNT_MAX && (m = getmntent(mounts)) != NULL)
		if (strcmp(m->mnt_type, "hugetlbfs") == 0)
			out[cnt++] = strdup(m->mnt_dir);
	if (mounts != NULL)
		endmntent(mounts);
	return cnt;
}

/* The folder that a path's last component is in; "" without a path. */
static void folder_of(const char *path, char out[PATH_MAX])
{
	char *slash;

	out[0] = '\0';
	if (path == NULL || strlen(path) >= PATH_MAX)
		return;
	strcpy(out, path);
	slash = strrchr(out, '/');
	if (slash != NULL)
		slash[slash == out] = '\0';
	else
		strcpy(out, ".");
}

int confine_files(const struct options *o)
{
	char *huge[MOUNT_MAX] = {NULL}, metrics[PATH_MAX];
	const char *from_manager = getenv("RUNTIME_DIRECTORY"); /* EAL prefers it, root or not */
	const char *runtime = from_manager != NULL ? from_manager : getenv("XDG_RUNTIME_DIR");
	/*
	 * Where EAL makes its own folder, below /var/run for root, else in one of the others; and
	 * where it gives its threads their names.
	 */
	const char *folders[MOUNT_MAX + 8] = {o->state_dir, "/dev", "/sys", "/run", "/var/run",
		"/proc/self/task", runtime != NULL || geteuid() == 0 ? runtime : "/tmp"};
	size_t cnt = 7, huge_cnt;
	int ret;

	if (!o->is_sandboxed)
		return 0;
	folder_of(o->metrics_socket, metrics);
	if (metrics[0] != '\0')
		folders[cnt++] = metrics;
	huge_cnt = find_huge_mounts(huge);
	for (size_t i = 0; i < huge_cnt; i++)
		folders[cnt++] = huge[i];
	ret = rk_sandbox_write_below(folders, cnt);
	for (size_t i = 0; i < huge_cnt; i++)
		free(huge[i]);
	if (ret == -ENOSYS || ret == -EOPNOTSUPP) {
		log_warning("this kernel has no Landlock: files are guarded by their modes alone");
		return 0;
	}
	return ret;
}

int confine_calls(const struct options *o)
{
	return o->is_sandboxed ? rk_sandbox_drop_calls() : 0;
}
