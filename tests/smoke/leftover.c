/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Put before a program (LD_PRELOAD) it remembers the keys that ciphers are given and the private numbers
 * that keys are made of. When the program ends by itself, after all that it does to end, it looks for them
 * in all memory that is left and says in the file REKEY_LEFT: how many there were, and how many are still
 * there. Both files are opened before the program confines itself.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#define PIECE    16 /* octets of a secret, from its begin */
#define MASK     0x5a
#define KEPT     (1u << 15) /* the last ones */
#define IN_FRONT __attribute__((visibility("default")))

/* Masked, so that this is not what is found. */
static uint8_t kept[KEPT][PIECE];
static atomic_uint kept_cnt;
static bool is_begin[1u << 16]; /* of some piece, masked */
static int report = -1, maps = -1;

__attribute__((constructor)) static void open_files(void)
{
	const char *path = getenv("REKEY_LEFT");

	if (path == NULL)
		return;
	report = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (report < 0 || maps < 0)
		abort();
}

static void keep(const uint8_t *secret, size_t len, bool is_reversed)
{
	static const uint8_t wiped[PIECE];
	uint8_t *to;

	/* What a key is overwritten with is none. */
	if (secret == NULL || len < PIECE || report < 0 || memcmp(secret, wiped, PIECE) == 0)
		return;
	to = kept[atomic_fetch_add(&kept_cnt, 1) % KEPT];
	for (size_t i = 0; i < PIECE; i++)
		to[i] = secret[is_reversed ? len - 1 - i : i] ^ MASK;
}

/* ---- what is remembered --------------------------------------------------------------------------- */

static void find_real(const char *name, void *out)
{
	void *real = dlsym(RTLD_NEXT, name);

	if (real == NULL)
		abort();
	memcpy(out, &real, sizeof(real));
}

IN_FRONT int EVP_CipherInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
	const unsigned char *key, const unsigned char *iv, int enc, const OSSL_PARAM params[])
{
	int (*real)(EVP_CIPHER_CTX *, const EVP_CIPHER *, const unsigned char *,
		const unsigned char *, int, const OSSL_PARAM *);

	find_real("EVP_CipherInit_ex2", &real);
	if (key != NULL)
		keep(key, (size_t)EVP_CIPHER_CTX_get_key_length(ctx), false);
	return real(ctx, cipher, key, iv, enc, params);
}

IN_FRONT int EVP_PKEY_fromdata(
	EVP_PKEY_CTX *ctx, EVP_PKEY **key, int selection, OSSL_PARAM params[])
{
	static const char *const names[] = {
		OSSL_PKEY_PARAM_PRIV_KEY, OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1};
	int (*real)(EVP_PKEY_CTX *, EVP_PKEY **, int, OSSL_PARAM *);

	find_real("EVP_PKEY_fromdata", &real);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, names[i]);

		if (p != NULL) {
			keep(p->data, p->data_size, false);
			keep(p->data, p->data_size, true);
		}
	}
	return real(ctx, key, selection, params);
}

/* ---- what is left --------------------------------------------------------------------------------- */

static bool is_kept(const uint8_t *at, unsigned cnt)
{
	for (unsigned i = 0; i < cnt; i++) {
		size_t n = 0;

		while (n < PIECE && (at[n] ^ MASK) == kept[i][n])
			n++;
		if (n == PIECE)
			return true;
	}
	return false;
}

/* How many places from begin to end hold a secret. */
static unsigned search(const uint8_t *begin, const uint8_t *end, unsigned cnt)
{
	unsigned found = 0;

	for (const uint8_t *at = begin; at + PIECE <= end; at++) {
		if (is_begin[(at[0] ^ MASK) | (at[1] ^ MASK) << 8] && is_kept(at, cnt)) {
			dprintf(report, "at %p\n", (const void *)at);
			found++;
		}
	}
	return found;
}

__attribute__((destructor)) static void look(void)
{
	unsigned cnt = atomic_load(&kept_cnt), found = 0;
	unsigned long begin, end;
	char line[512], name[256], mode[8];
	FILE *f = report >= 0 ? fdopen(maps, "r") : NULL;

	if (f == NULL)
		return;
	cnt = cnt < KEPT ? cnt : KEPT;
	for (unsigned i = 0; i < cnt; i++)
		is_begin[kept[i][0] | kept[i][1] << 8] = true;
	while (fgets(line, sizeof(line), f) != NULL) {
		name[0] = '\0';
		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255s", &begin, &end, mode, name) >= 3 &&
			strncmp(mode, "rw", 2) == 0 && strncmp(name, "[v", 2) != 0 &&
			(strncmp(name, "/dev/", 5) != 0 || strstr(name, "huge") != NULL))
			found += search((const uint8_t *)begin, (const uint8_t *)end, cnt);
	}
	dprintf(report, "%u secrets, %u places\n", cnt, found);
}
