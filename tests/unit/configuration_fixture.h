/* SPDX-License-Identifier: BSD-3-Clause */
/* A daemon whose configuration is edited and committed by the test. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/config.h"
#include "control/configuration.h"
#include "tests/unit/pki_daemon.h"

static inline void edit(json_t *operations, int status)
{
	json_t *request = json_pack("{s:o}", "operations", operations);
	struct call c = {0};

	configuration_edit(f.d.configuration, request, "tester", call_answered, &c);
	call_wait(&f, &c, status);
	call_fini(&c);
	json_decref(request);
}

static inline json_t *set_mtu(int mtu)
{
	return json_pack("[{s:s, s:[s,s,s,s], s:i}]", "op", "set", "path", "router", "port",
		"net_ring0", "mtu", "value", mtu);
}

static inline void commit(json_t *request, struct call *c, int status)
{
	configuration_commit(f.d.configuration, request, call_answered, c);
	call_wait(&f, c, status);
	json_decref(request);
}

static inline uint64_t commit_mtu(int mtu)
{
	struct call c = {0};
	uint64_t number;

	edit(set_mtu(mtu), 200);
	commit(json_object(), &c, 200);
	number = (uint64_t)json_integer_value(json_object_get(c.body, "number"));
	call_fini(&c);
	assert_int_equal(f.d.config->port[0].mtu, mtu);
	return number;
}

static inline bool candidate_is_changed(void)
{
	struct answer a;
	bool is_changed;

	configuration_show_candidate(f.d.configuration, "", &a);
	is_changed = json_is_true(json_object_get(a.body, "is_changed"));
	answer_fini(&a);
	return is_changed;
}

static inline size_t diff_cnt(void)
{
	struct call c = {0};
	size_t cnt;

	configuration_diff(f.d.configuration, "", call_answered, &c);
	call_wait(&f, &c, 200);
	cnt = json_array_size(json_object_get(c.body, "changes"));
	call_fini(&c);
	return cnt;
}

static inline char *read_text(int dir, const char *name)
{
	char *text = calloc(1, 65536);
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, text, 65535) >= 0);
	close(fd);
	return text;
}
