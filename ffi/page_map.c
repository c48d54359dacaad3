/* SPDX-License-Identifier: Apache-2.0 */
#include "page_map.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SHIFT 9
#define CHUNK_PAGES (1u << CHUNK_SHIFT)

struct fm_chunk {
	uint64_t key; /* page >> CHUNK_SHIFT */
	uint32_t live;
	uint64_t entry[CHUNK_PAGES];
};

void fm_map_init(struct fm_page_map *map)
{
	memset(map, 0, sizeof(*map));
}

void fm_map_clear(struct fm_page_map *map)
{
	for (size_t i = 0; i < map->size; i++)
		free(map->table[i]);
	free(map->table);
	fm_map_init(map);
}

static size_t home(const struct fm_page_map *map, uint64_t key)
{
	return (size_t)((key * 0x9e3779b97f4a7c15ull) >> 20) & (map->size - 1);
}

static struct fm_chunk *find(struct fm_page_map *map, uint64_t key)
{
	if (map->last && map->last->key == key)
		return map->last;
	if (!map->size)
		return NULL;
	for (size_t i = home(map, key); map->table[i]; i = (i + 1) & (map->size - 1)) {
		if (map->table[i]->key == key) {
			map->last = map->table[i];
			return map->last;
		}
	}
	return NULL;
}

static void insert(struct fm_page_map *map, struct fm_chunk *chunk)
{
	size_t i = home(map, chunk->key);
	while (map->table[i])
		i = (i + 1) & (map->size - 1);
	map->table[i] = chunk;
}

static int grow(struct fm_page_map *map)
{
	size_t size = map->size ? map->size * 2 : 16;
	struct fm_chunk **old = map->table;
	size_t old_size = map->size;
	struct fm_chunk **table = calloc(size, sizeof(*table));
	if (!table)
		return -1;
	map->table = table;
	map->size = size;
	for (size_t i = 0; i < old_size; i++)
		if (old[i])
			insert(map, old[i]);
	free(old);
	return 0;
}

uint64_t fm_map_get(struct fm_page_map *map, uint64_t page)
{
	struct fm_chunk *chunk = find(map, page >> CHUNK_SHIFT);
	return chunk ? chunk->entry[page & (CHUNK_PAGES - 1)] : 0;
}

int fm_map_reserve(struct fm_page_map *map, uint64_t page)
{
	uint64_t key = page >> CHUNK_SHIFT;
	if (find(map, key))
		return 0;
	if ((map->chunks + 1) * 2 > map->size && grow(map) < 0)
		return -1;
	struct fm_chunk *chunk = calloc(1, sizeof(*chunk));
	if (!chunk)
		return -1;
	chunk->key = key;
	insert(map, chunk);
	map->chunks++;
	map->last = chunk;
	return 0;
}

int fm_map_set(struct fm_page_map *map, uint64_t page, uint64_t entry)
{
	struct fm_chunk *chunk = find(map, page >> CHUNK_SHIFT);
	if (!chunk) {
		if (!entry)
			return 0;
		if (fm_map_reserve(map, page) < 0)
			return -1;
		chunk = map->last;
	}
	uint64_t *slot = &chunk->entry[page & (CHUNK_PAGES - 1)];
	chunk->live += (entry != 0) - (*slot != 0);
	*slot = entry;
	return 0;
}

static int is_away(uint64_t entry)
{
	return fm_entry_state(entry) == FM_STORED || fm_entry_state(entry) == FM_TRANSIT;
}

void fm_map_hole(struct fm_page_map *map, uint64_t page, uint32_t chunks, uint64_t *first, uint64_t *end)
{
	uint64_t key = page >> CHUNK_SHIFT, lowest = key > chunks ? (key - chunks) << CHUNK_SHIFT : 0;
	uint64_t highest = (key + chunks + 1) << CHUNK_SHIFT, low = page, high = page + 1;
	while (low > lowest) {
		struct fm_chunk *chunk = find(map, (low - 1) >> CHUNK_SHIFT);
		if (!chunk)
			low = ((low - 1) >> CHUNK_SHIFT) << CHUNK_SHIFT;
		else if (is_away(chunk->entry[(low - 1) & (CHUNK_PAGES - 1)]))
			break;
		else
			low--;
	}
	while (high < highest) {
		struct fm_chunk *chunk = find(map, high >> CHUNK_SHIFT);
		if (!chunk)
			high = ((high >> CHUNK_SHIFT) + 1) << CHUNK_SHIFT;
		else if (is_away(chunk->entry[high & (CHUNK_PAGES - 1)]))
			break;
		else
			high++;
	}
	*first = low;
	*end = high;
}

static void visit_chunk(struct fm_chunk *chunk, uint64_t first, uint64_t end,
			void (*visit)(void *, uint64_t, uint64_t), void *context)
{
	uint64_t base = chunk->key << CHUNK_SHIFT;
	uint64_t from = first > base ? first - base : 0;
	uint64_t to = end - base < CHUNK_PAGES ? end - base : CHUNK_PAGES;
	for (uint64_t i = from; i < to && chunk->live; i++)
		if (chunk->entry[i])
			visit(context, base + i, chunk->entry[i]);
}

void fm_map_each(struct fm_page_map *map, uint64_t first, uint64_t end,
		 void (*visit)(void *context, uint64_t page, uint64_t entry), void *context)
{
	if (first >= end || !map->chunks)
		return;
	uint64_t low = first >> CHUNK_SHIFT, high = (end - 1) >> CHUNK_SHIFT;
	if (high - low < map->size) {
		for (uint64_t key = low; key <= high; key++) {
			struct fm_chunk *chunk = find(map, key);
			if (chunk)
				visit_chunk(chunk, first, end, visit, context);
		}
		return;
	}
	/* A range wider than the table (a huge reservation): look at what exists instead. */
	for (size_t i = 0; i < map->size; i++) {
		struct fm_chunk *chunk = map->table[i];
		if (chunk && chunk->key >= low && chunk->key <= high)
			visit_chunk(chunk, first, end, visit, context);
	}
}

void fm_map_trim(struct fm_page_map *map)
{
	size_t kept = 0;
	map->last = NULL;
	for (size_t i = 0; i < map->size; i++)
		if (map->table[i] && map->table[i]->live)
			kept++;
	if (kept == map->chunks)
		return;
	struct fm_chunk **old = map->table;
	size_t old_size = map->size;
	struct fm_chunk **table = calloc(old_size, sizeof(*table));
	if (!table)
		return; /* trimming is a kindness, not a need */
	map->table = table;
	map->chunks = kept;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i] && old[i]->live)
			insert(map, old[i]);
		else
			free(old[i]);
	}
	free(old);
}
