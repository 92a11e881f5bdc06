/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Put before a program (LD_PRELOAD) it notes in the file REKEY_SECRETS every private key that is made,
 * every password that is hashed and the signature of every token, as "KIND HEX" lines: what was
 * deleted, replaced or changed meanwhile is in no folder any more, and must stand nowhere else either
 * (secrets.py). The file is opened before the program confines itself.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#define NOTE_MAX 16384
#define IN_FRONT __attribute__((visibility("default")))

/* Of <crypt.h>, whose own type of data is of no interest here. */
char *crypt_rn(const char *password, const char *setting, void *data, int size);

static int notes = -1;

__attribute__((constructor)) static void open_notes(void)
{
	const char *path = getenv("REKEY_SECRETS");

	if (path != NULL)
		notes = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

/* One write, so that those of several threads and processes do not mix. */
static void note(const char *kind, const void *secret, size_t len)
{
	const unsigned char *bytes = secret;
	char line[NOTE_MAX];
	size_t at = (size_t)snprintf(line, sizeof(line), "%s ", kind);

	if (notes < 0 || len == 0 || at + 2 * len + 2 > sizeof(line))
		return;
	for (size_t i = 0; i < len; i++)
		at += (size_t)snprintf(line + at, sizeof(line) - at, "%02x", bytes[i]);
	line[at++] = '\n';
	if (write(notes, line, at) != (ssize_t)at)
		abort(); /* a secret that is not known is not found */
}

/* By name; dlsym gives data pointers for functions. */
static void find_real(const char *name, void *out)
{
	void *real = dlsym(RTLD_NEXT, name);

	if (real == NULL)
		abort();
	memcpy(out, &real, sizeof(real));
}

static void note_key(const EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int len = key != NULL ? i2d_PrivateKey(key, &der) : 0;

	if (len > 0)
		note("key", der, (size_t)len);
	OPENSSL_free(der);
}

IN_FRONT EVP_PKEY *EVP_PKEY_Q_keygen(OSSL_LIB_CTX *lib, const char *query, const char *type, ...)
{
	EVP_PKEY *(*real)(OSSL_LIB_CTX *, const char *, const char *, ...);
	EVP_PKEY *key;
	va_list args;

	find_real("EVP_PKEY_Q_keygen", &real);
	va_start(args, type);
	if (strcmp(type, "RSA") == 0)
		key = real(lib, query, type, va_arg(args, size_t));
	else if (strcmp(type, "EC") == 0)
		key = real(lib, query, type, va_arg(args, char *));
	else
		key = real(lib, query, type);
	va_end(args);
	note_key(key);
	return key;
}

IN_FRONT char *crypt_rn(const char *password, const char *setting, void *data, int size)
{
	char *(*real)(const char *, const char *, void *, int);

	find_real("crypt_rn", &real);
	note("password", password, strlen(password));
	return real(password, setting, data, size);
}

IN_FRONT int EVP_DigestSign(EVP_MD_CTX *ctx, unsigned char *signature, size_t *len,
	const unsigned char *text, size_t text_len)
{
	int (*real)(EVP_MD_CTX *, unsigned char *, size_t *, const unsigned char *, size_t);
	int ret;

	find_real("EVP_DigestSign", &real);
	ret = real(ctx, signature, len, text, text_len);
	/* A token's header in base64; TLS signs, too, and that is no secret. */
	if (ret == 1 && signature != NULL && text_len > 3 && memcmp(text, "eyJ", 3) == 0)
		note("token", signature, *len);
	return ret;
}
