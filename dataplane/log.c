/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/log.h"

#include <ctype.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pki/view/journal.h"

static int journal_fd = -1; /* -1: standard error it is */

static void open_journal(void)
{
	if (rk_journal_is_stderr())
		journal_fd = rk_journal_open(NULL);
}

static bool say_to_journal(const char *level, const char *message)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const char *priority = strcmp(level, "error") == 0     ? "3"
			       : strcmp(level, "warning") == 0 ? "4"
							       : "6";
	const struct rk_journal_field field[] = {{"MESSAGE", message}, {"PRIORITY", priority},
		{"SYSLOG_IDENTIFIER", "rekey-dataplane"}};

	pthread_once(&once, open_journal);
	return journal_fd >= 0 && rk_journal_send(journal_fd, field, 3) == 0;
}

void log_line(struct rk_log_limit *limit, const char *level, const char *format, ...)
{
	char message[480], line[512];
	int len, left_out = rk_log_pass(limit);
	va_list args;

	if (left_out < 0)
		return;
	va_start(args, format);
	len = vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (len < 0)
		return;
	if (left_out > 0 && (size_t)len < sizeof(message))
		snprintf(message + len, sizeof(message) - (size_t)len,
			" (and %d such lines left out)", left_out);
	/* Names and reasons come from outside: one message stays one line. */
	for (char *p = message; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	if (say_to_journal(level, message))
		return;
	len = snprintf(line, sizeof(line), "rekey-dataplane: %s: %s\n", level, message);
	if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
		return; /* nobody to tell */
}
