/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/commands.h"

#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "control/cli/show.h"

#define PASSWORD_MAX 1024

static json_t *build_rotate(const char *operand)
{
	if (operand == NULL || strcmp(operand, "all") == 0)
		return json_object();
	return json_pack("{s:s}", "peer", operand);
}

static json_t *build_empty(const char *operand)
{
	(void)operand;
	return json_object();
}

/* One line from the terminal without echo, or from standard input. */
static json_t *build_password(const char *operand)
{
	char password[PASSWORD_MAX];
	struct termios shown, hidden;
	int is_terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &shown) == 0;
	json_t *body = NULL;

	if (is_terminal) {
		fprintf(stderr, "New password for %s: ", operand);
		hidden = shown;
		hidden.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	}
	if (fgets(password, sizeof(password), stdin) != NULL) {
		password[strcspn(password, "\r\n")] = '\0';
		body = json_pack("{s:s}", "password", password);
	}
	if (is_terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
		fputc('\n', stderr);
	}
	explicit_bzero(password, sizeof(password));
	return body;
}

static const struct cli_command commands[] = {
	{"show peers", NULL, "every peer: status, key, rekeys", "GET", "/api/v1/peer", NULL,
		show_peers},
	{"show peers security", "[NAME]", "keys and counters of one peer, or all", "GET",
		"/api/v1/peer/%s/security", NULL, show_peers_security, "/api/v1/peer"},
	{"show alarms", NULL, "standing alarms", "GET", "/api/v1/alarm", NULL, show_alarms},
	{"show events", NULL, "the newest audit records", "GET", "/api/v1/event", NULL,
		show_events},
	{"show stats", NULL, "counters of both processes", "GET", "/api/v1/stats", NULL,
		show_stats},
	{"show certificate-revocation", NULL, "every CRL source and its state", "GET",
		"/api/v1/certificate-revocation", NULL, show_revocation},
	{"show certificate ca", NULL, "trusted CA certificates", "GET",
		"/api/v1/trusted-ca-certificate", NULL, show_trusted_ca},
	{"show publication", NULL, "what the workers run on", "GET", "/api/v1/publication", NULL,
		show_publication},
	{"rotate security peer-key", "PEER|all", "agree on new keys now", "POST",
		"/api/v1/security/rotate", build_rotate, show_rotated},
	{"refresh certificate-revocation", NULL, "fetch every CRL now", "POST",
		"/api/v1/certificate-revocation/refresh", build_empty, show_revocation},
	{"user password", "NAME", "set a password (asked, or one line on standard input)", "POST",
		"/api/v1/user/%s/password", build_password, NULL},
};

/* How many of argv's words the command takes; 0 = it does not match. */
static int match(const struct cli_command *c, int argc, char *const argv[])
{
	const char *word = c->words;
	int taken = 0;

	for (;;) {
		size_t len = strcspn(word, " ");

		if (taken == argc || strlen(argv[taken]) != len ||
			memcmp(argv[taken], word, len) != 0)
			return 0;
		taken++;
		if (word[len] == '\0')
			return taken;
		word += len + 1;
	}
}

const struct cli_command *command_find(int argc, char *const argv[], int *used)
{
	const struct cli_command *best = NULL;
	size_t i;

	*used = 0;
	for (i = 0; i < command_cnt(); i++) {
		int taken = match(&commands[i], argc, argv);

		if (taken > *used) {
			*used = taken;
			best = &commands[i];
		}
	}
	return best;
}

void command_print_help(FILE *f)
{
	char usage[64];
	size_t i;

	for (i = 0; i < command_cnt(); i++) {
		snprintf(usage, sizeof(usage), "%s %s", commands[i].words,
			commands[i].operand != NULL ? commands[i].operand : "");
		fprintf(f, "  %-36s %s\n", usage, commands[i].help);
	}
}

size_t command_cnt(void)
{
	return sizeof(commands) / sizeof(commands[0]);
}

const struct cli_command *command_at(size_t i)
{
	return &commands[i];
}
