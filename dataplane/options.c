/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/options.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void options_help(FILE *out)
{
	fputs("usage: rekey-dataplane [EAL options] -- [options]\n"
	      "\n"
	      "  --run-dir DIR         where control listens on publish.sock (/run/rekey)\n"
	      "  --state-dir DIR       own state, to start while control is down\n"
	      "                        (/var/lib/rekey-dataplane)\n"
	      "  --crypto-lcores LIST  lcores for asymmetric operations, as 2,4-6 (none: on the\n"
	      "                        worker, between bursts)\n"
	      "  --idle-sleep-us N     sleep up to N microseconds when idle (0 = never)\n"
	      "  --mtu-max BYTES       room for frames of ports with this MTU, 2000-9000 (2000):\n"
	      "                        larger buffers, 8191 of them or more\n"
	      "  --metrics-socket PATH write OpenMetrics text to whoever connects there\n"
	      "  --log-format FORMAT   auto (the journal where standard error leads there, else "
	      "text),\n"
	      "                        text or json (auto)\n"
	      "  --no-sandbox          keep every system call and all of the file system\n"
	      "  --kex NAME            what agrees on keys: ifma (AVX-512 IFMA, eight at once),\n"
	      "                        adx (one at a time), libcrypto, or auto: the fastest on\n"
	      "                        this processor (auto)\n"
	      "  --control-user NAME   the user that control runs as (our own)\n"
	      "  --help, --version\n"
	      "\n"
	      "EAL's main lcore sleeps; those of --crypto-lcores do cryptography; each of the\n"
	      "others is a worker: --lcores '(0,1)@0' gives one, --lcores 0@0,1-3@1-3 three.\n"
	      "Ports, addresses, peers and timers come from rekey-control.\n",
		out);
}

static bool parse_number(const char *text, unsigned long max, unsigned long *out, char **end)
{
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoul(text, end, 10);
	return errno == 0 && *out <= max;
}

static bool parse_lcores(struct options *o, const char *text)
{
	unsigned long first;
	unsigned long last;
	char *end;

	for (;;) {
		if (!parse_number(text, OPTIONS_LCORE_MAX - 1, &first, &end))
			return false;
		last = first;
		if (*end == '-' && !parse_number(end + 1, OPTIONS_LCORE_MAX - 1, &last, &end))
			return false;
		if (last < first)
			return false;
		memset(o->is_crypto_lcore + first, 1, last - first + 1);
		if (*end == '\0')
			return true;
		if (*end != ',')
			return false;
		text = end + 1;
	}
}

static bool parse_user(struct options *o, const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (user == NULL)
		return false;
	o->control_uid = user->pw_uid;
	return true;
}

static bool parse_idle(struct options *o, const char *text)
{
	unsigned long n;
	char *end;

	if (!parse_number(text, OPTIONS_IDLE_SLEEP_MAX, &n, &end) || *end != '\0')
		return false;
	o->idle_sleep_us = (uint32_t)n;
	return true;
}

static bool parse_mtu(struct options *o, const char *text)
{
	unsigned long n;
	char *end;

	if (!parse_number(text, OPTIONS_MTU_MAX, &n, &end) || *end != '\0' || n < OPTIONS_MTU_MIN)
		return false;
	o->mtu_max = (uint16_t)n;
	return true;
}

enum {
	OPT_RUN = 256,
	OPT_STATE,
	OPT_CRYPTO,
	OPT_IDLE,
	OPT_MTU,
	OPT_USER,
	OPT_METRICS,
	OPT_LOG,
	OPT_NO_SANDBOX,
	OPT_KEX,
	OPT_HELP,
	OPT_VERSION
};

static enum options_answer take(struct options *o, int opt, char *why, size_t why_size)
{
	switch (opt) {
	case OPT_RUN:
		o->run_dir = optarg;
		return OPTIONS_RUN;
	case OPT_STATE:
		o->state_dir = optarg;
		return OPTIONS_RUN;
	case OPT_CRYPTO:
		if (parse_lcores(o, optarg))
			return OPTIONS_RUN;
		snprintf(why, why_size, "--crypto-lcores: \"%s\" is no list such as 2,4-6", optarg);
		return OPTIONS_BAD;
	case OPT_IDLE:
		if (parse_idle(o, optarg))
			return OPTIONS_RUN;
		snprintf(why, why_size, "--idle-sleep-us: \"%s\" is no number from 0 to %d", optarg,
			OPTIONS_IDLE_SLEEP_MAX);
		return OPTIONS_BAD;
	case OPT_KEX:
		o->kex = kex_backend_find(optarg);
		if (o->kex != NULL)
			return OPTIONS_RUN;
		snprintf(why, why_size,
			"--kex: \"%s\" is none of auto, ifma, adx and libcrypto, or needs another "
			"processor",
			optarg);
		return OPTIONS_BAD;
	case OPT_MTU:
		if (parse_mtu(o, optarg))
			return OPTIONS_RUN;
		snprintf(why, why_size, "--mtu-max: \"%s\" is no number from %d to %d", optarg,
			OPTIONS_MTU_MIN, OPTIONS_MTU_MAX);
		return OPTIONS_BAD;
	case OPT_USER:
		if (parse_user(o, optarg))
			return OPTIONS_RUN;
		snprintf(why, why_size, "--control-user: there is no user \"%s\"", optarg);
		return OPTIONS_BAD;
	case OPT_METRICS:
		o->metrics_socket = optarg;
		return OPTIONS_RUN;
	case OPT_LOG:
		if (rk_log_format_parse(optarg, &o->log_format))
			return OPTIONS_RUN;
		snprintf(why, why_size, "--log-format: \"%s\" is none of auto, text and json",
			optarg);
		return OPTIONS_BAD;
	case OPT_NO_SANDBOX:
		o->is_sandboxed = false;
		return OPTIONS_RUN;
	case OPT_HELP:
		return OPTIONS_HELP;
	case OPT_VERSION:
		return OPTIONS_VERSION;
	default:
		snprintf(why, why_size, "an option behind -- is unknown or lacks its value");
		return OPTIONS_BAD;
	}
}

/* The index of "--", or argc. */
static int find_separator(int argc, char **argv)
{
	int i = 1;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	return i;
}

enum options_answer options_parse(
	struct options *o, int argc, char **argv, char *why, size_t why_size)
{
	static const struct option known[] = {
		{"run-dir", required_argument, NULL, OPT_RUN},
		{"state-dir", required_argument, NULL, OPT_STATE},
		{"crypto-lcores", required_argument, NULL, OPT_CRYPTO},
		{"idle-sleep-us", required_argument, NULL, OPT_IDLE},
		{"kex", required_argument, NULL, OPT_KEX},
		{"mtu-max", required_argument, NULL, OPT_MTU},
		{"control-user", required_argument, NULL, OPT_USER},
		{"metrics-socket", required_argument, NULL, OPT_METRICS},
		{"log-format", required_argument, NULL, OPT_LOG},
		{"no-sandbox", no_argument, NULL, OPT_NO_SANDBOX},
		{"help", no_argument, NULL, OPT_HELP},
		{"version", no_argument, NULL, OPT_VERSION},
		{NULL, 0, NULL, 0},
	};
	enum options_answer answer = OPTIONS_RUN;
	int opt;

	*o = (struct options){.run_dir = "/run/rekey",
		.state_dir = "/var/lib/rekey-dataplane",
		.control_uid = geteuid(),
		.kex = kex_backend_find("auto"),
		.mtu_max = OPTIONS_MTU_MIN,
		.is_sandboxed = true};
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return OPTIONS_HELP;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return OPTIONS_VERSION;
	o->eal_argc = find_separator(argc, argv);
	if (o->eal_argc == argc)
		return OPTIONS_RUN;
	argc -= o->eal_argc;
	argv += o->eal_argc;
	optind = 0; /* getopt starts anew: argv[0] is the separator */
	opterr = 0;
	while (answer == OPTIONS_RUN && (opt = getopt_long(argc, argv, "", known, NULL)) != -1)
		answer = take(o, opt, why, why_size);
	if (answer == OPTIONS_RUN && optind < argc) {
		snprintf(why, why_size, "\"%s\" is not expected", argv[optind]);
		return OPTIONS_BAD;
	}
	return answer;
}
