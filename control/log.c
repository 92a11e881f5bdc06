/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_LEN 1024

void log_line(enum log_level level, const char *format, ...)
{
	char line[LINE_MAX_LEN];
	const char *prefix = "";
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (len < 0)
		return;
	for (char *p = line; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (getenv("JOURNAL_STREAM") != NULL)
		prefix = level == LOG_LEVEL_ERROR     ? "<3>"
			 : level == LOG_LEVEL_WARNING ? "<4>"
						      : "<6>";
	/* One write, so that lines of several threads do not mix. */
	dprintf(STDERR_FILENO, "%s%s\n", prefix, line);
}
