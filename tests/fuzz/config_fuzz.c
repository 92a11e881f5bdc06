/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration file: whatever it holds, it is read or refused with a reason. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "control/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_report report;
	struct config *c = NULL;
	int ret = config_parse((const char *)data, size, &c, &report);

	if ((ret == 0) != (c != NULL) ||
		(ret == -EINVAL && config_report_error(&report)->text[0] == '\0'))
		abort();
	config_free(c);
	return 0;
}
