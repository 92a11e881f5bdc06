/* SPDX-License-Identifier: BSD-3-Clause */
/* rekeyctl: one-shot commands. It knows no more than the REST API offers. */
#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/client.h"
#include "control/cli/commands.h"
#include "control/cli/print.h"
#include "control/cli/verify.h"

enum exit_code { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_NO_DAEMON = 3 };

struct options {
	struct client_options client;
	bool is_json;
};

static void print_usage(FILE *f)
{
	fprintf(f, "usage: rekeyctl [options] COMMAND\n\n"
		   "  -j, --json          print the answer as JSON\n"
		   "      --run-dir DIR   where control.sock is (default /run/rekey)\n"
		   "      --url URL       https://HOST[:PORT] of another router\n"
		   "      --token-file F  the token that POST /api/v1/login gave\n"
		   "      --cacert F      who may have signed that router's certificate\n"
		   "      --insecure      do not verify it\n"
		   "  -h, --help  -V, --version\n\n");
	command_print_help(f);
	fprintf(f, "  %-36s %s\n", "pki verify", "judge a certificate offline; see --help of it");
	fprintf(f, "\nexit status: 0 done, 1 refused, 2 usage, 3 no daemon\n");
}

/* 0, or the exit code + 1 to leave with. */
static int read_options(int argc, char *argv[], struct options *o)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'},
		{"run-dir", required_argument, NULL, 'r'},
		{"url", required_argument, NULL, 'u'},
		{"token-file", required_argument, NULL, 't'},
		{"cacert", required_argument, NULL, 'c'},
		{"insecure", no_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "jhV", longs, NULL)) != -1) {
		switch (c) {
		case 'j':
			o->is_json = true;
			break;
		case 'r':
			o->client.run_dir = optarg;
			break;
		case 'u':
			o->client.url = optarg;
			break;
		case 't':
			o->client.token_file = optarg;
			break;
		case 'c':
			o->client.ca_file = optarg;
			break;
		case 'k':
			o->client.is_insecure = true;
			break;
		case 'h':
			print_usage(stdout);
			return EXIT_DONE + 1;
		case 'V':
			printf("rekeyctl %s\n", REKEY_VERSION);
			return EXIT_DONE + 1;
		default:
			fprintf(stderr, "rekeyctl: see rekeyctl --help\n");
			return EXIT_USAGE + 1;
		}
	}
	return 0;
}

/* The operand goes into the path percent-encoded, so that it cannot name another path. */
static bool fill_path(const struct cli_command *c, const char *operand, char *out, size_t size)
{
	const char *mark = operand != NULL ? strstr(c->path, "%s") : NULL;
	char *escaped;
	int len;

	if (mark == NULL) {
		len = snprintf(out, size, "%s",
			operand == NULL && c->path_all != NULL ? c->path_all : c->path);
		return len > 0 && (size_t)len < size;
	}
	escaped = curl_easy_escape(NULL, operand, 0);
	if (escaped == NULL)
		return false;
	len = snprintf(out, size, "%.*s%s%s", (int)(mark - c->path), c->path, escaped, mark + 2);
	curl_free(escaped);
	return len > 0 && (size_t)len < size;
}

static void print_answer(
	const struct options *o, const struct cli_command *c, const struct client_answer *answer)
{
	if (o->is_json) {
		json_dumpf(answer->body != NULL ? answer->body : json_null(), stdout,
			JSON_INDENT(2) | JSON_ENCODE_ANY);
		putchar('\n');
	} else if (c->print != NULL) {
		c->print(stdout, answer->body);
	} else {
		puts("Done.");
	}
}

static int run(const struct options *o, const struct cli_command *c, const char *operand)
{
	struct client_answer answer = {0};
	enum client_result result;
	json_t *body = NULL;
	char path[512];

	if (!fill_path(c, operand, path, sizeof(path))) {
		fprintf(stderr, "rekeyctl: '%s' is too long for a name\n", operand);
		return EXIT_USAGE;
	}
	if (c->build != NULL) {
		body = c->build(operand);
		if (body == NULL) {
			fprintf(stderr, "rekeyctl: nothing was given\n");
			return EXIT_USAGE;
		}
	}
	result = client_call(&o->client, c->method, path, body, &answer);
	json_decref(body);
	if (result == CLIENT_OK)
		print_answer(o, c, &answer);
	else if (o->is_json && answer.body != NULL)
		print_answer(o, c, &answer);
	print_strip_controls(answer.error);
	if (result == CLIENT_UNREACHABLE)
		fprintf(stderr, "rekeyctl: rekey-control does not answer at %s: %s\n",
			o->client.url != NULL ? o->client.url : o->client.run_dir, answer.error);
	else if (result == CLIENT_REFUSED)
		fprintf(stderr, "rekeyctl: refused: %s\n", answer.error);
	client_answer_fini(&answer);
	return result == CLIENT_OK        ? EXIT_DONE
	       : result == CLIENT_REFUSED ? EXIT_REFUSED
					  : EXIT_NO_DAEMON;
}

int main(int argc, char *argv[])
{
	struct options o = {.client = {.run_dir = "/run/rekey"}};
	const struct cli_command *c;
	const char *operand;
	int ret, used;

	if (verify_is_asked(argc, argv))
		return verify_run(argc, argv);
	ret = read_options(argc, argv, &o);
	if (ret != 0)
		return ret - 1;
	c = command_find(argc - optind, argv + optind, &used);
	if (c == NULL) {
		fprintf(stderr, optind < argc ? "rekeyctl: no such command; see rekeyctl --help\n"
					      : "rekeyctl: which command? see rekeyctl --help\n");
		return EXIT_USAGE;
	}
	operand = argv[optind + used];
	if (argc - optind - used > (c->operand != NULL ? 1 : 0) ||
		(c->operand != NULL && c->operand[0] != '[' && operand == NULL)) {
		fprintf(stderr, "usage: rekeyctl %s %s\n", c->words,
			c->operand != NULL ? c->operand : "");
		return EXIT_USAGE;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	ret = run(&o, c, operand);
	curl_global_cleanup();
	return ret;
}
