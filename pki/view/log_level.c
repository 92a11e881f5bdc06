/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/log_level.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	enum rk_log_level level;
} levels[] = {{"error", RK_LOG_ERROR}, {"warning", RK_LOG_WARNING}, {"info", RK_LOG_INFO},
	{"debug", RK_LOG_DEBUG}};
#define LEVEL_CNT (sizeof(levels) / sizeof(levels[0]))

const char *rk_log_module_name(enum rk_log_module module)
{
	static const char *const name[] = {
#define X(id, text) [RK_LOG_MODULE_##id] = text,
		RK_LOG_MODULES(X)
#undef X
	};

	return name[module];
}

bool rk_log_level_is_one(unsigned level)
{
	for (size_t i = 0; i < LEVEL_CNT; i++)
		if ((unsigned)levels[i].level == level)
			return true;
	return false;
}

const char *rk_log_level_name(unsigned level)
{
	for (size_t i = 0; i < LEVEL_CNT; i++)
		if ((unsigned)levels[i].level == level)
			return levels[i].name;
	return "info";
}

bool rk_log_level_parse(const char *name, enum rk_log_level *out)
{
	for (size_t i = 0; i < LEVEL_CNT; i++) {
		if (strcmp(name, levels[i].name) == 0) {
			*out = levels[i].level;
			return true;
		}
	}
	return false;
}
