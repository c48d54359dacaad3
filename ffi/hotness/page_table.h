/* SPDX-License-Identifier: Apache-2.0
 * Walks page tables by reading them page by page, and says which pages their accessed bits call touched. */
#ifndef FM_PAGE_TABLE_H
#define FM_PAGE_TABLE_H

#include <stdbool.h>

#include "../set.h"

/* How one architecture's tables look. All of them have 512 entries of 8 bytes and 4 KiB pages. */
struct fm_table_format {
	const char *name;
	unsigned levels;
	uint64_t present;      /* all of these bits are set in an entry that leads on */
	uint64_t leaf_mask, leaf; /* above the last level: (entry & leaf_mask) == leaf is a large page */
	uint64_t accessed;     /* set by the processor on use */
	uint64_t address;      /* bits of the physical address */
};

extern const struct fm_table_format fm_x86_64, fm_x86_64_la57, fm_arm64_48, fm_arm64_39;

/* Reads tables at kernel addresses; NULL when that failed (see kernel_reader.h). */
typedef const uint64_t *(*fm_table_reader)(void *context, const uint64_t *address, uint32_t count);

struct fm_table_walk {
	const struct fm_table_format *format;
	uint64_t base; /* kernel address of physical address 0 in the direct map */
	uint64_t root; /* kernel address of the top-level table */
	fm_table_reader read;
	void *context;
	uint32_t most; /* tables that one call may read */
};

/* The touched pages of sorted, disjoint ranges. NULL: *status says why. */
struct fm_set *fm_table_touched(const struct fm_table_walk *walk, const struct fm_range *range, size_t ranges, int *status);
/* The physical page that a page is at, large pages included. False: it is not present. */
bool fm_table_physical(const struct fm_table_walk *walk, uint64_t page, uint64_t *frame);

#endif
