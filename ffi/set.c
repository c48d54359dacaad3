/* SPDX-License-Identifier: Apache-2.0 */
#include "set.h"

#include <stdlib.h>
#include <string.h>

void fm_builder_init(struct fm_set_builder *b)
{
	memset(b, 0, sizeof(*b));
}

static int builder_room(struct fm_set_builder *b)
{
	size_t count = b->set ? b->set->count : 0;
	if (b->set && count < b->capacity)
		return 1;
	size_t capacity = b->capacity ? b->capacity * 2 : 32;
	struct fm_set *grown = realloc(b->set, sizeof(*grown) + capacity * sizeof(struct fm_range));
	if (!grown)
		return 0;
	if (!b->set) {
		grown->count = 0;
		grown->pages = 0;
	}
	b->set = grown;
	b->capacity = capacity;
	return 1;
}

void fm_builder_add(struct fm_set_builder *b, uint64_t start, uint64_t end)
{
	if (b->failed || start >= end)
		return;
	struct fm_set *set = b->set;
	if (set && set->count && set->range[set->count - 1].end >= start) {
		struct fm_range *last = &set->range[set->count - 1];
		if (end > last->end) {
			set->pages += end - last->end;
			last->end = end;
		}
		return;
	}
	if (!builder_room(b)) {
		b->failed = 1;
		return;
	}
	b->set->range[b->set->count++] = (struct fm_range){start, end};
	b->set->pages += end - start;
}

struct fm_set *fm_builder_finish(struct fm_set_builder *b)
{
	if (!b->failed && !b->set && !builder_room(b))
		b->failed = 1;
	if (b->failed) {
		free(b->set);
		return NULL;
	}
	return b->set;
}

struct fm_set *fm_set_empty(void)
{
	struct fm_set_builder b;
	fm_builder_init(&b);
	return fm_builder_finish(&b);
}

struct fm_set *fm_set_range(uint64_t start, uint64_t pages)
{
	struct fm_set_builder b;
	fm_builder_init(&b);
	fm_builder_add(&b, start, start + pages);
	return fm_builder_finish(&b);
}

struct fm_set *fm_set_of_ranges(const uint64_t *pairs, uint64_t count)
{
	struct fm_set_builder b;
	fm_builder_init(&b);
	for (uint64_t i = 0; i < count; i++)
		fm_builder_add(&b, pairs[2 * i], pairs[2 * i + 1]);
	return fm_builder_finish(&b);
}

uint64_t fm_set_range_count(const struct fm_set *set)
{
	return set->count;
}

void fm_set_ranges(const struct fm_set *set, uint64_t *pairs)
{
	for (size_t i = 0; i < set->count; i++) {
		pairs[2 * i] = set->range[i].start;
		pairs[2 * i + 1] = set->range[i].end;
	}
}

struct fm_set *fm_set_copy(const struct fm_set *set)
{
	size_t size = sizeof(*set) + set->count * sizeof(struct fm_range);
	struct fm_set *copy = malloc(size);
	if (copy)
		memcpy(copy, set, size);
	return copy;
}

static int compare_pages(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

struct fm_set *fm_set_of_pages(uint64_t *pages, size_t count)
{
	struct fm_set_builder b;
	fm_builder_init(&b);
	qsort(pages, count, sizeof(*pages), compare_pages);
	for (size_t i = 0; i < count; i++)
		fm_builder_add(&b, pages[i], pages[i] + 1);
	return fm_builder_finish(&b);
}

struct fm_set *fm_set_union(const struct fm_set *x, const struct fm_set *y)
{
	struct fm_set_builder b;
	fm_builder_init(&b);
	size_t i = 0, j = 0;
	while (i < x->count || j < y->count) {
		const struct fm_range *next;
		if (j >= y->count || (i < x->count && x->range[i].start <= y->range[j].start))
			next = &x->range[i++];
		else
			next = &y->range[j++];
		fm_builder_add(&b, next->start, next->end);
	}
	return fm_builder_finish(&b);
}

struct fm_set *fm_set_subtract(const struct fm_set *x, const struct fm_set *y)
{
	struct fm_set_builder b;
	fm_builder_init(&b);
	size_t j = 0;
	for (size_t i = 0; i < x->count; i++) {
		uint64_t at = x->range[i].start, end = x->range[i].end;
		while (j < y->count && y->range[j].end <= at)
			j++;
		for (size_t k = j; k < y->count && y->range[k].start < end; k++) {
			fm_builder_add(&b, at, y->range[k].start);
			if (y->range[k].end > at)
				at = y->range[k].end;
		}
		fm_builder_add(&b, at, end);
	}
	return fm_builder_finish(&b);
}

struct fm_set *fm_set_intersect(const struct fm_set *x, const struct fm_set *y)
{
	struct fm_set_builder b;
	fm_builder_init(&b);
	size_t i = 0, j = 0;
	while (i < x->count && j < y->count) {
		uint64_t start = x->range[i].start > y->range[j].start ? x->range[i].start : y->range[j].start;
		uint64_t end = x->range[i].end < y->range[j].end ? x->range[i].end : y->range[j].end;
		fm_builder_add(&b, start, end);
		if (x->range[i].end < y->range[j].end)
			i++;
		else
			j++;
	}
	return fm_builder_finish(&b);
}

struct fm_set *fm_set_first(const struct fm_set *set, uint64_t pages)
{
	struct fm_set_builder b;
	fm_builder_init(&b);
	for (size_t i = 0; i < set->count && pages; i++) {
		uint64_t length = set->range[i].end - set->range[i].start;
		if (length > pages)
			length = pages;
		fm_builder_add(&b, set->range[i].start, set->range[i].start + length);
		pages -= length;
	}
	return fm_builder_finish(&b);
}

uint64_t fm_set_pages(const struct fm_set *set)
{
	return set->pages;
}

void fm_set_free(struct fm_set *set)
{
	free(set);
}
