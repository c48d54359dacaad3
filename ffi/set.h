/* SPDX-License-Identifier: Apache-2.0
 * Page sets: sorted, disjoint, non-adjacent ranges of page numbers. */
#ifndef FM_SET_H
#define FM_SET_H

#include "faasmem.h"

struct fm_range {
	uint64_t start, end; /* [start, end) */
};

struct fm_set {
	size_t count;
	uint64_t pages;
	struct fm_range range[];
};

/* Collects ranges in ascending order and joins neighbours. */
struct fm_set_builder {
	struct fm_set *set;
	size_t capacity;
	int failed;
};

void fm_builder_init(struct fm_set_builder *b);
void fm_builder_add(struct fm_set_builder *b, uint64_t start, uint64_t end);
/* The set, or NULL when memory ran out on the way. */
struct fm_set *fm_builder_finish(struct fm_set_builder *b);

/* A set of the given page numbers, in any order, with repeats. Sorts `pages` in place. */
struct fm_set *fm_set_of_pages(uint64_t *pages, size_t count);
struct fm_set *fm_set_copy(const struct fm_set *set);

#endif
