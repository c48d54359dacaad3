/* SPDX-License-Identifier: Apache-2.0 */
#include "page_table.h"

#include <stdlib.h>

#define ENTRIES 512u
#define LEVEL_BITS 9u

/* Intel SDM volume 3 chapter 5 (4- and 5-level paging): P 0, A 5, PS 7. */
const struct fm_table_format fm_x86_64 = {"x86-64, 4 levels", 4, 1, 1 << 7, 1 << 7, 1 << 5, 0x000ffffffffff000};
const struct fm_table_format fm_x86_64_la57 = {"x86-64, 5 levels", 5, 1, 1 << 7, 1 << 7, 1 << 5, 0x000ffffffffff000};
/* Arm ARM D8.3 (VMSAv8-64, 4 KiB granule): valid 0, table 1, AF 10. */
const struct fm_table_format fm_arm64_48 = {"arm64, 48 bits", 4, 1, 3, 1, 1 << 10, 0x0000fffffffff000};
const struct fm_table_format fm_arm64_39 = {"arm64, 39 bits", 3, 1, 3, 1, 1 << 10, 0x0000fffffffff000};

/* A table and the first page that it maps. */
struct table {
	uint64_t address, page;
};

struct level {
	struct table *table;
	size_t count, capacity;
};

static bool push(struct level *level, struct table table)
{
	if (level->count == level->capacity) {
		size_t capacity = level->capacity ? level->capacity * 2 : 64;
		struct table *grown = realloc(level->table, capacity * sizeof(*grown));
		if (!grown)
			return false;
		level->table = grown;
		level->capacity = capacity;
	}
	level->table[level->count++] = table;
	return true;
}

/* The wanted ranges, walked in step with ascending pages. */
struct cursor {
	const struct fm_range *range;
	size_t ranges, at;
};

/* Cuts [start, end) down to the next piece of it that is wanted; false when there is none. */
static bool next_wanted(struct cursor *cursor, uint64_t start, uint64_t end, struct fm_range *piece)
{
	while (cursor->at < cursor->ranges && cursor->range[cursor->at].end <= start)
		cursor->at++;
	if (cursor->at == cursor->ranges || cursor->range[cursor->at].start >= end)
		return false;
	struct fm_range wanted = cursor->range[cursor->at];
	*piece = (struct fm_range){wanted.start > start ? wanted.start : start, wanted.end < end ? wanted.end : end};
	return true;
}

static void add_wanted(struct cursor *cursor, uint64_t start, uint64_t end, struct fm_set_builder *out)
{
	struct fm_range piece;
	while (start < end && next_wanted(cursor, start, end, &piece)) {
		fm_builder_add(out, piece.start, piece.end);
		start = piece.end;
	}
}

/* One table of the last level, an entry a page: by runs, because most of a look's entries are here. */
static void walk_pages(const struct fm_table_format *f, const uint64_t *entry, uint64_t first, struct cursor *cursor,
		       struct fm_set_builder *out)
{
	struct fm_range piece;
	uint64_t touched = f->present | f->accessed, end = first + ENTRIES, at = first;
	while (at < end && next_wanted(cursor, at, end, &piece)) {
		for (at = piece.start; at < piece.end;) {
			while (at < piece.end && (entry[at - first] & touched) != touched)
				at++;
			uint64_t start = at;
			while (at < piece.end && (entry[at - first] & touched) == touched)
				at++;
			if (at > start)
				fm_builder_add(out, start, at);
		}
	}
}

/* One table whose entries map `span` pages each: large pages to `out`, tables to `below`. */
static bool walk_table(const struct fm_table_format *f, uint64_t base, const uint64_t *entry, struct table table,
		       uint64_t span, struct cursor *cursor, struct level *below, struct fm_set_builder *out)
{
	struct fm_range piece;
	uint64_t end = table.page + span * ENTRIES, at = table.page;
	while (at < end && next_wanted(cursor, at, end, &piece)) {
		uint64_t i = (piece.start - table.page) / span;
		uint64_t first = table.page + i * span;
		at = first + span;
		if ((entry[i] & f->present) != f->present)
			continue;
		if ((entry[i] & f->leaf_mask) != f->leaf) {
			if (!push(below, (struct table){base + (entry[i] & f->address), first}))
				return false;
		} else if (entry[i] & f->accessed) {
			add_wanted(cursor, first, at, out);
		}
	}
	return true;
}

/* Joins what one level found to the rest. */
static int collect(struct fm_set **found, struct fm_set_builder *builder)
{
	struct fm_set *here = fm_builder_finish(builder);
	struct fm_set *both = here && *found ? fm_set_union(here, *found) : NULL;
	fm_set_free(here);
	fm_set_free(*found);
	*found = both;
	return both ? FM_OK : FM_ERR_NOMEM;
}

static int walk_level(const struct fm_table_walk *walk, struct level *level, unsigned depth, const struct fm_range *range,
		      size_t ranges, struct fm_set **found)
{
	uint64_t span = 1ull << ((walk->format->levels - 1 - depth) * LEVEL_BITS);
	struct level below = {0};
	struct cursor cursor = {range, ranges, 0};
	struct fm_set_builder here;
	uint64_t *address = malloc(walk->most * sizeof(*address));
	int status = address ? FM_OK : FM_ERR_NOMEM;
	fm_builder_init(&here);
	for (size_t at = 0; at < level->count && status == FM_OK; at += walk->most) {
		uint32_t count = level->count - at < walk->most ? (uint32_t)(level->count - at) : walk->most;
		for (uint32_t i = 0; i < count; i++)
			address[i] = level->table[at + i].address;
		const uint64_t *entry = walk->read(walk->context, address, count);
		if (!entry)
			status = FM_ERR_SYSTEM;
		for (uint32_t i = 0; i < count && status == FM_OK; i++) {
			const uint64_t *entries = entry + (size_t)i * ENTRIES;
			struct table table = level->table[at + i];
			if (span == 1)
				walk_pages(walk->format, entries, table.page, &cursor, &here);
			else if (!walk_table(walk->format, walk->base, entries, table, span, &cursor, &below, &here))
				status = FM_ERR_NOMEM;
		}
	}
	free(address);
	int collected = collect(found, &here);
	if (status == FM_OK)
		status = collected;
	if (status == FM_OK && below.count && depth + 1 < walk->format->levels)
		status = walk_level(walk, &below, depth + 1, range, ranges, found);
	free(below.table);
	return status;
}

struct fm_set *fm_table_touched(const struct fm_table_walk *walk, const struct fm_range *range, size_t ranges, int *status)
{
	struct table root = {walk->root, 0};
	struct level top = {&root, 1, 1};
	struct fm_set *found = fm_set_empty();
	*status = found ? walk_level(walk, &top, 0, range, ranges, &found) : FM_ERR_NOMEM;
	if (*status == FM_OK)
		return found;
	fm_set_free(found);
	return NULL;
}

bool fm_table_physical(const struct fm_table_walk *walk, uint64_t page, uint64_t *frame)
{
	uint64_t address = walk->root;
	for (unsigned depth = 0; depth < walk->format->levels; depth++) {
		uint64_t span = 1ull << ((walk->format->levels - 1 - depth) * LEVEL_BITS);
		const uint64_t *table = walk->read(walk->context, &address, 1);
		uint64_t entry = table ? table[page / span % ENTRIES] : 0;
		if ((entry & walk->format->present) != walk->format->present)
			return false;
		uint64_t physical = entry & walk->format->address;
		if (span == 1 || (entry & walk->format->leaf_mask) == walk->format->leaf) {
			*frame = (physical / FM_PAGE_SIZE & ~(span - 1)) + page % span;
			return true;
		}
		address = walk->base + physical;
	}
	return false;
}
