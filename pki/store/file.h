/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of the store are those of pki/view/file.h, under the names that callers here use. */
#pragma once

#include "pki/view/file.h"

#define STORE_NAME_MAX         RK_FILE_NAME_MAX
#define store_file_replace     rk_file_replace
#define store_file_replace_v   rk_file_replace_v
#define store_file_create      rk_file_create
#define store_file_keep        rk_file_keep
#define store_file_read        rk_file_read
#define store_file_read_secret rk_file_read_secret
#define store_file_remove      rk_file_remove
#define store_file_clean       rk_file_clean
