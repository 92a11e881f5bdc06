/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the table of legal transitions that exchange_set_state checks: a line "from to" each. */
#include <stdio.h>

#include "dataplane/core/exchange.h"

int main(void)
{
	for (unsigned from = 0; from < EXCHANGE_STATE_CNT; from++)
		for (unsigned to = 0; to < EXCHANGE_STATE_CNT; to++)
			if (exchange_legal[from] >> to & 1)
				printf("%s %s\n", exchange_state_name(from),
					exchange_state_name(to));
	return 0;
}
