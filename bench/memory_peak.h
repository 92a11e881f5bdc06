/* SPDX-License-Identifier: BSD-3-Clause */
/* The most memory that was held at once, looked at by a thread of its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * So much memory is there, and free. A hypervisor that takes back what is free for seconds has to find it
 * anew, which costs whoever comes first more than what he does with it.
 */
void memory_touch(size_t len);

void memory_peak_begin(void);
/* Bytes above what there was at the beginning: anonymous, and of shared memory (memfd). */
void memory_peak_end(size_t *anonymous, size_t *shared);

/*
 * Of this process and another one together: what is shared counts once (Pss), pages of hugetlb
 * included, files that can be read again not. Looked at every 10 ms, as it takes some.
 */
struct memory_both {
	size_t before;
	size_t most; /* before included */
};
void memory_both_begin(pid_t other);
/* The same of one process, now. */
size_t memory_of(pid_t process);
void memory_both_end(struct memory_both *out);
