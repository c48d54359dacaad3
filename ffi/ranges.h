/* SPDX-License-Identifier: Apache-2.0
 * A list of page ranges that changes all the time: sorted, disjoint, neighbours joined. (A page set, set.h, does not
 * change.) Used by the pager thread only. */
#ifndef FM_RANGES_H
#define FM_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "set.h"

struct fm_ranges {
	struct fm_range *range;
	size_t count, capacity;
};

/* Index of the first range that ends after `page`. */
size_t fm_ranges_at(const struct fm_ranges *list, uint64_t page);
bool fm_ranges_has(const struct fm_ranges *list, uint64_t page);
bool fm_ranges_overlap(const struct fm_ranges *list, struct fm_range range);
/* False: no memory, and the range is not (wholly) in the list. */
bool fm_ranges_add(struct fm_ranges *list, struct fm_range range);
/* False: no memory to split a range, and some of what should have stayed is gone too. */
bool fm_ranges_remove(struct fm_ranges *list, struct fm_range range);
void fm_ranges_free(struct fm_ranges *list);

#endif
