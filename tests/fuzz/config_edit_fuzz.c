/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operations on a candidate, as a client sends them: whatever they are, the document before them
 * stays as it was, and one that comes out holds nothing that reading would refuse by itself.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "control/config_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char base_text[] =
	"{\"version\":2,\"authority\":{\"trusted-ca-certificate\":[{\"name\":\"root\",\"content\":"
	"\"x\"}]},\"router\":{\"name\":\"east\",\"node\":\"n\",\"peering-common-name\":\"e\","
	"\"rest-api\":{\"listen\":[\"127.0.0.1:443\"]},\"port\":[{\"name\":\"p\",\"address\":"
	"[\"192.0.2.1/24\"]}],\"peer\":[{\"name\":\"west\",\"peering-common-name\":\"w\",\"path\":"
	"[{\"port\":\"p\",\"address\":\"192.0.2.2\"}]}]}}";

static void check_result(json_t *base, json_t *out)
{
	struct config_report report;
	json_t *changes = config_tree_diff(base, out);

	if (config_check_shape(out, &report) < 0 || changes == NULL)
		abort();
	json_decref(changes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *base = json_loads(base_text, 0, NULL), *again = json_loads(base_text, 0, NULL);
	json_t *operations = json_loadb(
		(const char *)data, size, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, NULL);
	struct config_report report;
	json_t *out = NULL;
	size_t failed;
	int ret;

	if (json_is_array(operations)) {
		ret = config_tree_edit(base, operations, &out, &failed, &report);
		if ((ret == 0) != (out != NULL) || !json_equal(base, again) ||
			(ret == -EINVAL && config_report_error(&report) == NULL))
			abort();
		if (ret == 0)
			check_result(base, out);
	}
	json_decref(out);
	json_decref(operations);
	json_decref(again);
	json_decref(base);
	return 0;
}
