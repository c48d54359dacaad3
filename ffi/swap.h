/* SPDX-License-Identifier: Apache-2.0
 * What the swap plane asks of the kernel (swap_pages.c), and what the kernel counts (swap_stats.c). */
#ifndef FM_SWAP_H
#define FM_SWAP_H

#include <stdint.h>
#include <sys/types.h>

#include "agent.h"
#include "scan.h"

/* Pages that are dealt with at once, 1 MiB: some 2 ms with zram. */
#define FM_SWAP_SLICE FM_BATCH_PAGES

struct fm_swap_slice {
	struct fm_range run[FM_SWAP_SLICE]; /* each within one mapping */
	size_t runs;
	uint64_t pages;
};

/* process_madvise(2) over at most FM_SWAP_SLICE runs. FM_OK, FM_ERR_NO_SPACE or FM_ERR_PERMISSION. */
int fm_swap_advise(int pidfd, const struct fm_range *run, size_t runs, int advice);
/* Puts pages that are read already, or reads them, into the process's page table. */
void fm_swap_map_in(pid_t pid, const struct fm_swap_slice *slice);
/* How many pages of the slice are there; they are added to `into`, unless that is NULL. */
uint64_t fm_swap_count(pid_t pid, const struct fm_swap_slice *slice, enum fm_page_place place, struct fm_set_builder *into);

/* Major faults of a process so far, all its threads. 0 when it has ended. */
uint64_t fm_swap_majors(pid_t pid);
/* Bytes of a process that are in swap. */
uint64_t fm_swap_bytes(pid_t pid);

#endif
