/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/json_body.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A body that was taken is taken again when printed, with the same meaning. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_body_error error;
	json_t *json = NULL, *again = NULL;
	char *text;

	if (json_body_parse(data, size, &json, &error) < 0)
		return 0;
	text = json_dumps(json, JSON_COMPACT);
	if (text == NULL || json_body_parse(text, strlen(text), &again, &error) < 0)
		abort();
	if (!json_equal(json, again))
		abort();
	free(text);
	json_decref(json);
	json_decref(again);
	return 0;
}
