/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/store/installation_key.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "pki/view/file.h"
#include "pki/view/secret.h"

static int read_key(int dir, uint8_t key[INSTALLATION_KEY_LEN])
{
	uint8_t *data = NULL;
	size_t len = 0, size = 0;
	int ret = rk_file_read_secret(
		dir, INSTALLATION_KEY_FILE, INSTALLATION_KEY_LEN, &data, &len, &size);

	if (ret < 0)
		return ret == -EFBIG ? -EBADMSG : ret;
	if (len == INSTALLATION_KEY_LEN)
		memcpy(key, data, len);
	else
		ret = -EBADMSG;
	rk_secret_free(data, size);
	return ret;
}

int installation_key_load(int dir, uint8_t key[INSTALLATION_KEY_LEN])
{
	uint8_t fresh[INSTALLATION_KEY_LEN];
	int ret = read_key(dir, key);

	if (ret != -ENOENT)
		return ret;
	if (getrandom(fresh, sizeof(fresh), 0) != (ssize_t)sizeof(fresh))
		return -EIO;
	ret = rk_file_create(dir, INSTALLATION_KEY_FILE, 0600, fresh, sizeof(fresh));
	rk_wipe(fresh, sizeof(fresh));
	if (ret < 0 && ret != -EEXIST) /* somebody else was faster: then that one is the key */
		return ret;
	return read_key(dir, key);
}
