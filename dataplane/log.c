/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/log.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void log_line(const char *level, const char *format, ...)
{
	char line[512];
	int prefix = snprintf(line, sizeof(line), "rekey-dataplane: %s: ", level);
	size_t len;
	size_t i;
	va_list args;
	int body;

	va_start(args, format);
	body = vsnprintf(line + prefix, sizeof(line) - 1 - (size_t)prefix, format, args);
	va_end(args);
	if (body < 0)
		return;
	len = (size_t)prefix + (size_t)body;
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	/* Names and reasons come from outside: one message stays one line. */
	for (i = 0; i < len; i++)
		if (iscntrl((unsigned char)line[i]))
			line[i] = '?';
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return; /* nobody to tell */
}
