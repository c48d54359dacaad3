/* SPDX-License-Identifier: Apache-2.0
 * What the kernel counts of swap. */
#ifndef FM_SWAP_H
#define FM_SWAP_H

#include <stdint.h>
#include <sys/types.h>

/* Major faults of a process so far, all its threads. 0 when it has ended. */
uint64_t fm_swap_majors(pid_t pid);
/* Bytes of a process that are in swap. */
uint64_t fm_swap_bytes(pid_t pid);

#endif
