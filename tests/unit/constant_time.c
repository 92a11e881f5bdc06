/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neither a branch nor an address depends on a secret: valgrind takes scalars for memory that nobody has
 * written, and reports whatever is decided by it. What runs is the lanes' code in plain C, for
 * valgrind knows no AVX-512; of the compiled vectors lint-lanes says the same. Starts itself under
 * valgrind, once more with a planted branch, which must be reported. Exits 77 where that is not installed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
	int ret;

	if (argc > 1 && RUNNING_ON_VALGRIND) {
		if (strcmp(argv[1], "leak") == 0) {
			leak();
		} else {
			agree_on_x25519();
			agree_on_p256();
		}
		return 0;
	}
	ret = run_under_valgrind(argv[0], "agree");
	if (ret == SKIPPED) {
		printf("skipped: valgrind is not installed\n");
		return SKIPPED;
	}
	printf("agreements: %s\n", ret == 0 ? "nothing depends on a secret" : "see above");
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
