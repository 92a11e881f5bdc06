/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/fields.h"
#include "control/log.h"
#include "pki/view/file.h"
#include "pki/view/secret.h"
#include "pki/x509/cert.h"

#define FILE_NAME_LEN 80 /* 63 and the longest suffix */

static const char *file_name(char out[FILE_NAME_LEN], const char *name, const char *suffix)
{
	/* Names are at most 63 long: field_is_name(). */
	snprintf(out, FILE_NAME_LEN, "%.63s%s", name, suffix);
	return out;
}

static const char *key_suffix(enum provision_key which)
{
	return which == PROVISION_KEY_NEXT ? ".key.new" : ".key";
}

static bool has_file(int dir, const char *name, const char *suffix)
{
	char file[FILE_NAME_LEN];
	struct stat st;

	return fstatat(dir, file_name(file, name, suffix), &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool provision_has_key(int dir, const char *name, enum provision_key which)
{
	return has_file(dir, name, key_suffix(which));
}

bool provision_has_certificate(int dir, const char *name)
{
	return has_file(dir, name, ".pem");
}

int provision_read_key(int dir, const char *name, enum provision_key which, EVP_PKEY **out)
{
	char file[FILE_NAME_LEN];
	uint8_t *text = NULL;
	size_t len, size;
	int ret;

	ret = rk_file_read_secret(
		dir, file_name(file, name, key_suffix(which)), PKI_KEY_PEM_MAX, &text, &len, &size);
	if (ret < 0)
		return ret;
	ret = pki_key_from_pem((const char *)text, len, out);
	rk_secret_free(text, size);
	return ret;
}

int provision_write_key(
	int dir, const char *name, enum provision_key which, const struct pki_secret_text *pem)
{
	char file[FILE_NAME_LEN];

	file_name(file, name, key_suffix(which));
	if (which == PROVISION_KEY_NEXT)
		return rk_file_replace(dir, file, 0600, pem->data, pem->len);
	return rk_file_create(dir, file, 0600, pem->data, pem->len);
}

int provision_write_request(int dir, const char *name, const char *pem)
{
	char file[FILE_NAME_LEN];

	return rk_file_replace(dir, file_name(file, name, ".csr"), 0644, pem, strlen(pem));
}

/* The rename that is on disk when it returns. */
static int rename_synced(int dir, const char *name, const char *from, const char *to)
{
	char old_file[FILE_NAME_LEN], new_file[FILE_NAME_LEN];

	file_name(old_file, name, from);
	file_name(new_file, name, to);
	if (renameat(dir, old_file, dir, new_file) < 0 || fsync(dir) < 0)
		return -errno;
	return 0;
}

/* Key first: from then on only going forward makes a pair (F2). */
static int switch_over(int dir, const char *name)
{
	int ret = rename_synced(dir, name, ".key.new", ".key");

	return ret < 0 ? ret : rename_synced(dir, name, ".pem.new", ".pem");
}

int provision_write_certificate(
	int dir, const char *name, enum provision_key which, const char *pem)
{
	char file[FILE_NAME_LEN];
	int ret;

	file_name(file, name, which == PROVISION_KEY_NEXT ? ".pem.new" : ".pem");
	ret = rk_file_replace(dir, file, 0644, pem, strlen(pem));
	if (ret < 0 || which == PROVISION_KEY_CURRENT)
		return ret;
	return switch_over(dir, name);
}

static int read_certificate(int dir, const char *name, const char *suffix, X509 **out)
{
	char file[FILE_NAME_LEN];
	uint8_t *text = NULL;
	size_t len;
	int ret;

	ret = rk_file_read(dir, file_name(file, name, suffix), PKI_CERT_TEXT_MAX, &text, &len);
	if (ret == 0)
		ret = pki_cert_parse((const char *)text, len, NULL, out);
	free(text);
	return ret;
}

static bool belong_together(
	int dir, const char *name, enum provision_key which, const char *cert_suffix)
{
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	bool is_pair;

	is_pair = provision_read_key(dir, name, which, &key) == 0 &&
		  read_certificate(dir, name, cert_suffix, &cert) == 0 &&
		  pki_key_matches_cert(key, cert);
	EVP_PKEY_free(key);
	X509_free(cert);
	return is_pair;
}

/* NAME.pem.new stands: the switch was decided, and stopped before or after its first rename. */
static int recover(int dir, const char *name)
{
	char file[FILE_NAME_LEN];

	if (belong_together(dir, name, PROVISION_KEY_NEXT, ".pem.new")) {
		log_info("%s: the new key and certificate are put in place", name);
		return switch_over(dir, name);
	}
	if (belong_together(dir, name, PROVISION_KEY_CURRENT, ".pem.new")) {
		log_info("%s: the new certificate is put in place", name);
		return rename_synced(dir, name, ".pem.new", ".pem");
	}
	log_warning("%s.pem.new belongs to no key and is removed", name);
	return rk_file_remove(dir, file_name(file, name, ".pem.new"));
}

/* The name of a NAME.pem.new. */
static bool take_name(const char *file, char out[FILE_NAME_LEN])
{
	static const char suffix[] = ".pem.new";
	size_t len = strlen(file);

	if (len <= strlen(suffix) || len >= FILE_NAME_LEN ||
		strcmp(file + len - strlen(suffix), suffix) != 0)
		return false;
	memcpy(out, file, len - strlen(suffix));
	out[len - strlen(suffix)] = '\0';
	return field_is_name(out);
}

int provision_files_recover(int dir)
{
	int fd, ret = rk_file_clean(dir);
	const struct dirent *entry;
	char name[FILE_NAME_LEN];
	DIR *folder;

	if (ret < 0)
		return ret;
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	folder = fd >= 0 ? fdopendir(fd) : NULL;
	if (folder == NULL) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return ret;
	}
	ret = 0;
	while (ret == 0 && (entry = readdir(folder)) != NULL)
		if (take_name(entry->d_name, name))
			ret = recover(dir, name);
	closedir(folder);
	return ret;
}
