/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neither a branch nor an address depends on a secret: valgrind takes scalars for memory that nobody has
 * written, and reports whatever is decided by it. What runs is what single agreements are made by, and the
 * lanes' code in plain C, for valgrind knows no AVX-512; of the compiled vectors lint-lanes says the same. Starts itself under
 * valgrind, once more with a planted branch, which must be reported. Exits 77 where that is not installed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/core/kex_backend.h"
#include "dataplane/core/p256_table.h"
#include "dataplane/core/x25519_lanes.h"

#define SKIPPED 77

#if __has_include(<valgrind/memcheck.h>) && !defined(REKEY_SANITIZED)
#include <valgrind/memcheck.h>

#define REPORTED "99"

static volatile unsigned seen;

static void fill(void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)data)[i] = (uint8_t)(0x35 + 7 * i);
}

static void agree_on_x25519(void)
{
	static struct x25519_lanes x;

	fill(&x, sizeof(x));
	(void)VALGRIND_MAKE_MEM_UNDEFINED(x.scalar, sizeof(x.scalar));
	x25519_lanes_plain(&x);
}

/* Small, large and middling scalars; the result is secret, and whether it is refused. */
static void agree_on_p256(void)
{
	static struct p256_lanes l;
	const struct p256_table *table = p256_table_get();

	if (table == NULL)
		abort();
	fill(&l, sizeof(l));
	for (unsigned i = 0; i < LANES_CNT; i++)
		l.scalar[3][i] = i == 0 ? 0 : UINT64_MAX >> i;
	(void)VALGRIND_MAKE_MEM_UNDEFINED(l.scalar, sizeof(l.scalar));
	p256_base_plain(&l, table);
	(void)VALGRIND_MAKE_MEM_DEFINED(l.x, sizeof(l.x));
	(void)VALGRIND_MAKE_MEM_DEFINED(l.y, sizeof(l.y));
	p256_point_plain(&l); /* a point of the curve; the scalars are the same ones, and secret */
}

#ifdef REKEY_KEX_ADX
static const uint8_t p256_base_point[65] = {4, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8,
	0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0,
	0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f,
	0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31,
	0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};

/* Small secrets, and one out of range. Valgrind tells of no ADX, but computes it where there is. */
static void agree_one_by_one(void)
{
	const struct single_code *code = &single_adx;
	static struct single_work w;
	static struct x25519_work x;
	uint8_t secret[48], share[97], shared[48];
	volatile bool is_good = false; /* secret, too */

	for (unsigned i = 0; i < 4; i++) {
		fill(secret, sizeof(secret));
		memset(secret, i == 3 ? 0xff : 0, 8 * i);
		(void)VALGRIND_MAKE_MEM_UNDEFINED(secret, sizeof(secret));
		is_good = code->share(code->p384, code->p384_table(), &w, secret, share);
		(void)VALGRIND_MAKE_MEM_DEFINED(share, sizeof(share));
		is_good = code->agree(code->p384, &w, secret, share, shared);
		is_good = code->agree(code->p256, &w, secret, p256_base_point, shared);
		code->x25519(&x, secret, p256_base_point + 1, shared);
	}
	(void)is_good;
}
#endif

static void leak(void)
{
	uint64_t secret = 5;

	(void)VALGRIND_MAKE_MEM_UNDEFINED(&secret, sizeof(secret));
	if (secret & 4)
		seen++;
}

static int run_under_valgrind(const char *self, const char *what)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		execlp("valgrind", "valgrind", "--quiet", "--error-exitcode=" REPORTED, self, what,
			(char *)NULL);
		_exit(SKIPPED);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	bool is_adx;
	int ret;

	if (argc > 1 && RUNNING_ON_VALGRIND) {
		if (strcmp(argv[1], "leak") == 0) {
			leak();
			return 0;
		}
		agree_on_x25519();
		agree_on_p256();
#ifdef REKEY_KEX_ADX
		if (strcmp(argv[1], "agree one by one, too") == 0)
			agree_one_by_one();
#endif
		return 0;
	}
	is_adx = kex_backend_find("adx") != NULL;
	ret = run_under_valgrind(argv[0], is_adx ? "agree one by one, too" : "agree");
	if (ret == SKIPPED) {
		printf("skipped: valgrind is not installed\n");
		return SKIPPED;
	}
	printf("agreements%s: %s\n", is_adx ? ", single ones among them" : "",
		ret == 0 ? "nothing depends on a secret" : "see above");
	if (ret == 0 && run_under_valgrind(argv[0], "leak") != atoi(REPORTED)) {
		printf("a planted branch is not reported\n");
		ret = 1;
	}
	return ret;
}

#else

int main(void)
{
	printf("skipped: built without valgrind's header, or with a sanitizer\n");
	return SKIPPED;
}

#endif
