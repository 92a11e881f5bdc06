/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/log.h"
#include "pki/view/file.h"
#include "pki/view/secret.h"
#include "pki/x509/cert.h"

#define FILE_NAME_LEN 80 /* a name and the longest suffix */

bool provision_is_name(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > PROVISION_NAME_MAX || text[0] == '.')
		return false;
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && strchr("_.-", *text) == NULL)
			return false;
	return true;
}

static const char *file_name(char out[FILE_NAME_LEN], const char *name, const char *suffix)
{
	/* Two names never share a file: no suffix ends in another one. */
	snprintf(out, FILE_NAME_LEN, "%.*s%s", PROVISION_NAME_MAX, name, suffix);
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

bool provision_has_request(int dir, const char *name)
{
	return has_file(dir, name, ".csr");
}

static int read_key(int dir, const char *name, const char *suffix, EVP_PKEY **out)
{
	char file[FILE_NAME_LEN];
	uint8_t *text = NULL;
	size_t len, size;
	int ret;

	ret = rk_file_read_secret(
		dir, file_name(file, name, suffix), PKI_KEY_PEM_MAX, &text, &len, &size);
	if (ret < 0)
		return ret;
	ret = pki_key_from_pem((const char *)text, len, out);
	rk_secret_free(text, size);
	return ret;
}

int provision_read_key(int dir, const char *name, enum provision_key which, EVP_PKEY **out)
{
	return read_key(dir, name, key_suffix(which), out);
}

/* Its name is gone. */
static void erase(int fd)
{
	if (rk_file_erase(fd) < 0)
		log_warning("a private key that is no longer used could not be overwritten");
}

static int hold_file(int dir, const char *name, const char *suffix)
{
	char file[FILE_NAME_LEN];

	return rk_file_hold(dir, file_name(file, name, suffix));
}

static int remove_file(int dir, const char *name, const char *suffix)
{
	char file[FILE_NAME_LEN];

	return rk_file_remove(dir, file_name(file, name, suffix));
}

int provision_remove_key(int dir, const char *name, enum provision_key which)
{
	int fd = hold_file(dir, name, key_suffix(which));
	int ret = remove_file(dir, name, key_suffix(which));

	erase(fd);
	return ret;
}

int provision_remove_request(int dir, const char *name)
{
	return remove_file(dir, name, ".csr");
}

int provision_remove_certificate(int dir, const char *name)
{
	return remove_file(dir, name, ".pem");
}

int provision_write_key(
	int dir, const char *name, enum provision_key which, const struct pki_secret_text *pem)
{
	char file[FILE_NAME_LEN];
	int ret, fd;

	file_name(file, name, key_suffix(which));
	if (which == PROVISION_KEY_CURRENT)
		return rk_file_create(dir, file, 0600, pem->data, pem->len);
	fd = hold_file(dir, name, key_suffix(which));
	ret = rk_file_replace(dir, file, 0600, pem->data, pem->len);
	erase(fd);
	return ret;
}

int provision_write_request(int dir, const char *name, const char *pem)
{
	char file[FILE_NAME_LEN];

	return rk_file_replace(dir, file_name(file, name, ".csr"), 0644, pem, strlen(pem));
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

int provision_read_certificate(int dir, const char *name, X509 **out)
{
	return read_certificate(dir, name, ".pem", out);
}

static bool belong_together(
	int dir, const char *name, const char *key_suffix, const char *cert_suffix)
{
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	bool is_pair;

	is_pair = read_key(dir, name, key_suffix, &key) == 0 &&
		  read_certificate(dir, name, cert_suffix, &cert) == 0 &&
		  pki_key_matches_cert(key, cert);
	EVP_PKEY_free(key);
	X509_free(cert);
	return is_pair;
}

static int rename_file(int dir, const char *name, const char *from, const char *to)
{
	char old_file[FILE_NAME_LEN], new_file[FILE_NAME_LEN];

	file_name(old_file, name, from);
	file_name(new_file, name, to);
	return renameat(dir, old_file, dir, new_file) < 0 ? -errno : 0;
}

/* The rename that is on disk when it returns. */
static int rename_synced(int dir, const char *name, const char *from, const char *to)
{
	int ret = rename_file(dir, name, from, to);

	return ret == 0 && fsync(dir) < 0 ? -errno : ret;
}

static void drop_old_key(int dir, const char *name)
{
	int fd = hold_file(dir, name, ".key.old");
	int ret = remove_file(dir, name, ".key.old");

	if (ret < 0 && ret != -ENOENT)
		log_warning("%s.key.old cannot be removed: %s", name, strerror(-ret));
	erase(fd);
}

/*
 * Back to the old pair, which is whole in .key.old and .pem; or nothing but an end, where the old
 * key stands already, or the new certificate does. The decision goes first: what of the rest fails,
 * or is lost in a crash, is done by the next recovery.
 */
static int switch_back(int dir, const char *name)
{
	bool is_ended =
		has_file(dir, name, ".key.new") || belong_together(dir, name, ".key", ".pem");
	int ret = remove_file(dir, name, ".pem.new");

	if (ret < 0 && has_file(dir, name, ".pem.new"))
		return ret;
	if (!has_file(dir, name, ".key.old"))
		return 0;
	if (!has_file(dir, name, ".key"))
		return rename_synced(dir, name, ".key.old", ".key");
	if (is_ended) {
		drop_old_key(dir, name);
		return 0;
	}
	if (has_file(dir, name, ".pem") && !belong_together(dir, name, ".key.old", ".pem")) {
		log_warning(
			"%s.key.old: neither this key nor %s.key is the certificate's", name, name);
		return 0;
	}
	ret = rename_file(dir, name, ".key", ".key.new");
	return ret == 0 ? rename_synced(dir, name, ".key.old", ".key") : ret;
}

/* Key first, the old one kept aside until the certificate has followed. */
static int switch_over(int dir, const char *name)
{
	char key[FILE_NAME_LEN], old_key[FILE_NAME_LEN];
	int ret = rk_file_keep(
		dir, file_name(key, name, ".key"), file_name(old_key, name, ".key.old"));

	if (ret == 0 || ret == -ENOENT) /* somebody has taken the old one away */
		ret = rename_synced(dir, name, ".key.new", ".key");
	/* From its rename on the new pair stands; a crash that loses it is recovered forward. */
	if (ret == 0)
		ret = rename_file(dir, name, ".pem.new", ".pem");
	if (ret < 0) {
		if (switch_back(dir, name) < 0)
			log_error("%s: neither the new key and certificate nor the old ones can be "
				  "put in place; tried again at the next start",
				name);
		return ret;
	}
	if (fsync(dir) < 0)
		log_warning("%s: the folder cannot be synced: %s", name, strerror(errno));
	drop_old_key(dir, name);
	return 0;
}

/* The new certificate fits the key that is to come, or the one that is there already. */
static int recover_forward(int dir, const char *name)
{
	int ret;

	if (belong_together(dir, name, ".key.new", ".pem.new"))
		return switch_over(dir, name);
	ret = rename_synced(dir, name, ".pem.new", ".pem");
	if (ret == 0)
		drop_old_key(dir, name);
	return ret;
}

/* A switch stopped somewhere: NAME.pem.new, NAME.key.old or both stand. */
static int recover(int dir, const char *name)
{
	if (belong_together(dir, name, ".key.new", ".pem.new") ||
		belong_together(dir, name, ".key", ".pem.new")) {
		log_info("%s: the new key and certificate are put in place", name);
		return recover_forward(dir, name);
	}
	log_info("%s: what a switch to a new key and certificate left is put in order", name);
	return switch_back(dir, name);
}

/* F1 whatever the caller has checked, and whatever was put right since. */
static bool is_for_key(int dir, const char *name, enum provision_key which, const char *pem)
{
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	bool is_pair = read_key(dir, name, key_suffix(which), &key) == 0 &&
		       pki_cert_parse(pem, strlen(pem), NULL, &cert) == 0 &&
		       pki_key_matches_cert(key, cert);

	EVP_PKEY_free(key);
	X509_free(cert);
	return is_pair;
}

int provision_write_certificate(
	int dir, const char *name, enum provision_key which, const char *pem)
{
	char file[FILE_NAME_LEN];
	int ret = 0;

	/* What an earlier call failed at, and said so. */
	if (has_file(dir, name, ".pem.new") || has_file(dir, name, ".key.old"))
		ret = switch_back(dir, name);
	if (ret == 0 && !is_for_key(dir, name, which, pem))
		ret = -EKEYREJECTED;
	if (ret < 0)
		return ret;
	file_name(file, name, which == PROVISION_KEY_NEXT ? ".pem.new" : ".pem");
	ret = rk_file_replace(dir, file, 0644, pem, strlen(pem));
	if (ret < 0 || which == PROVISION_KEY_CURRENT)
		return ret;
	return switch_over(dir, name);
}

/* The name of a file with this suffix. */
static bool take_name(const char *file, const char *suffix, char out[FILE_NAME_LEN])
{
	size_t len = strlen(file);

	if (len <= strlen(suffix) || len >= FILE_NAME_LEN ||
		strcmp(file + len - strlen(suffix), suffix) != 0)
		return false;
	memcpy(out, file, len - strlen(suffix));
	out[len - strlen(suffix)] = '\0';
	return provision_is_name(out);
}

static int open_folder(int dir, DIR **out)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = 0;

	*out = fd >= 0 ? fdopendir(fd) : NULL;
	if (*out == NULL) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
	}
	return ret;
}

int provision_files_recover(int dir)
{
	int ret = rk_file_clean(dir);
	const struct dirent *entry;
	char name[FILE_NAME_LEN];
	DIR *folder;

	if (ret < 0)
		return ret;
	ret = open_folder(dir, &folder);
	if (ret < 0)
		return ret;
	while (ret == 0 && (entry = readdir(folder)) != NULL)
		if (take_name(entry->d_name, ".pem.new", name) ||
			take_name(entry->d_name, ".key.old", name))
			ret = recover(dir, name);
	closedir(folder);
	return ret;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool is_listed(const struct provision_names *names, const char *name)
{
	for (size_t i = 0; i < names->cnt; i++)
		if (strcmp(names->name[i], name) == 0)
			return true;
	return false;
}

int provision_list_names(int dir, struct provision_names *out)
{
	static const char *const suffix[] = {".key", ".pem"};
	const struct dirent *entry;
	char name[FILE_NAME_LEN];
	DIR *folder;
	int ret;

	out->cnt = 0;
	ret = open_folder(dir, &folder);
	if (ret < 0)
		return ret;
	while ((entry = readdir(folder)) != NULL && out->cnt < PROVISION_LIST_MAX)
		for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++)
			if (take_name(entry->d_name, suffix[i], name) && !is_listed(out, name))
				strcpy(out->name[out->cnt++], name);
	closedir(folder);
	qsort(out->name, out->cnt, sizeof(out->name[0]), compare_names);
	return 0;
}
