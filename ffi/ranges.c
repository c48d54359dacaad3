/* SPDX-License-Identifier: Apache-2.0 */
#include "ranges.h"

#include <stdlib.h>
#include <string.h>

size_t fm_ranges_at(const struct fm_ranges *list, uint64_t page)
{
	size_t low = 0, high = list->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (list->range[middle].end <= page)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool fm_ranges_has(const struct fm_ranges *list, uint64_t page)
{
	return fm_ranges_overlap(list, (struct fm_range){page, page + 1});
}

bool fm_ranges_overlap(const struct fm_ranges *list, struct fm_range range)
{
	size_t i = fm_ranges_at(list, range.start);
	return i < list->count && list->range[i].start < range.end;
}

static bool insert(struct fm_ranges *list, size_t at, struct fm_range range)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 64;
		struct fm_range *grown = realloc(list->range, capacity * sizeof(*grown));
		if (!grown)
			return false;
		list->range = grown;
		list->capacity = capacity;
	}
	memmove(list->range + at + 1, list->range + at, (list->count - at) * sizeof(range));
	list->range[at] = range;
	list->count++;
	return true;
}

static void drop(struct fm_ranges *list, size_t first, size_t count)
{
	if (count)
		memmove(list->range + first, list->range + first + count, (list->count - first - count) * sizeof(*list->range));
	list->count -= count;
}

bool fm_ranges_add(struct fm_ranges *list, struct fm_range range)
{
	/* Everything that it touches becomes part of it. */
	size_t first = fm_ranges_at(list, range.start ? range.start - 1 : 0), end = first;
	while (end < list->count && list->range[end].start <= range.end) {
		struct fm_range old = list->range[end++];
		range.start = old.start < range.start ? old.start : range.start;
		range.end = old.end > range.end ? old.end : range.end;
	}
	if (first == end)
		return insert(list, first, range);
	list->range[first] = range;
	drop(list, first + 1, end - first - 1);
	return true;
}

bool fm_ranges_remove(struct fm_ranges *list, struct fm_range range)
{
	size_t first = fm_ranges_at(list, range.start), end = first;
	if (first == list->count || list->range[first].start >= range.end)
		return true;
	struct fm_range *old = &list->range[first];
	if (old->start < range.start && old->end > range.end) {
		struct fm_range tail = {range.end, old->end};
		old->end = range.start;
		return insert(list, first + 1, tail);
	}
	if (old->start < range.start) {
		old->end = range.start;
		first = ++end;
	}
	while (end < list->count && list->range[end].end <= range.end)
		end++;
	if (end < list->count && list->range[end].start < range.end)
		list->range[end].start = range.end;
	drop(list, first, end - first);
	return true;
}

void fm_ranges_free(struct fm_ranges *list)
{
	free(list->range);
	*list = (struct fm_ranges){0};
}
