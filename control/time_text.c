/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/time_text.h"

#include <time.h>

void time_text(int64_t sec, char out[TIME_TEXT_LEN])
{
	time_t t = (time_t)sec;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
		strftime(out, TIME_TEXT_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		out[0] = '\0';
}

json_t *time_json(int64_t sec)
{
	char text[TIME_TEXT_LEN];

	if (sec == 0)
		return json_null();
	time_text(sec, text);
	return json_string(text);
}
