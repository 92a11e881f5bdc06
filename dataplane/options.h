/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line behind "--"; what stands before it is EAL's. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "dataplane/core/kex.h"
#include "pki/view/bytes.h"
#include "pki/view/log_sink.h"

#define OPTIONS_LCORE_MAX      128
#define OPTIONS_IDLE_SLEEP_MAX 100000
#define OPTIONS_MTU_MIN        2000
#define OPTIONS_MTU_MAX        9000

enum options_answer { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_BAD };

struct options {
	const char *run_dir;
	const char *state_dir;
	const char *metrics_socket; /* NULL = none */
	bool is_sandboxed;
	enum rk_log_format log_format;
	uid_t control_uid;      /* who may listen on the socket */
	uint32_t idle_sleep_us; /* 0 = never */
	const struct kex_backend *kex;
	uint16_t mtu_max; /* that ports have room for */
	uint8_t is_crypto_lcore[OPTIONS_LCORE_MAX];
	int eal_argc; /* arguments for rte_eal_init, name included */
};

/* OPTIONS_BAD: why says which argument and what was expected. argv is borrowed. */
enum options_answer options_parse(
	struct options *o, int argc, char **argv, char *why, size_t why_size) RK_MUST_CHECK;
void options_help(FILE *out);
