/* SPDX-License-Identifier: Apache-2.0
 * Page map: what the engine knows of each page of one address space. A page that is not in the map is the
 * program's own business: resident, or never touched. 8 bytes a page, in chunks of 512 pages (2 MiB) that
 * exist only where something is stored. Used by the pager thread only. */
#ifndef FM_PAGE_MAP_H
#define FM_PAGE_MAP_H

#include <stddef.h>
#include <stdint.h>

/* An entry: state in the low bits, then two flags, then 32 bits of value.
 *   STORED:  value = slot in the pool
 *   TRANSIT: value = batch number << 16 | index in the batch
 *   CLEAN:   the page is resident; value = slot that holds what it was when it came back. Only a hint: the page may
 *            have been written or replaced since, which its checksum tells when it leaves again
 * DEMAND: a demand fetch for this page is on its way (its faults need no second one). */
#define FM_STATE_MASK 3u
#define FM_NONE 0u
#define FM_STORED 1u
#define FM_TRANSIT 2u
#define FM_CLEAN 3u
#define FM_DEMAND 4u

static inline uint32_t fm_entry_state(uint64_t entry)
{
	return (uint32_t)(entry & FM_STATE_MASK);
}

static inline uint32_t fm_entry_value(uint64_t entry)
{
	return (uint32_t)(entry >> 8);
}

static inline uint64_t fm_entry_make(uint32_t state, uint32_t value)
{
	return (uint64_t)value << 8 | state;
}

struct fm_chunk;

struct fm_page_map {
	struct fm_chunk **table; /* open addressing, power of two */
	size_t size, chunks;
	struct fm_chunk *last; /* the chunk found last */
};

void fm_map_init(struct fm_page_map *map);
void fm_map_clear(struct fm_page_map *map);
/* Entry of a page, 0 when the map holds none. */
uint64_t fm_map_get(struct fm_page_map *map, uint64_t page);
/* Makes sure that fm_map_set for this page will not need memory, until its chunk empties. 0 or -1. */
int fm_map_reserve(struct fm_page_map *map, uint64_t page);
/* Sets an entry (0 forgets it). 0, or -1 when memory for a new chunk lacks. */
int fm_map_set(struct fm_page_map *map, uint64_t page, uint64_t entry);
/* The pages around `page` that are neither STORED nor TRANSIT: [*first, *end), at most `chunks` chunks to each side. Call
 * it for such a page. */
void fm_map_hole(struct fm_page_map *map, uint64_t page, uint32_t chunks, uint64_t *first, uint64_t *end);
/* Calls `visit` for each entry in [first, end), in no particular order; it may change that one entry. */
void fm_map_each(struct fm_page_map *map, uint64_t first, uint64_t end,
		 void (*visit)(void *context, uint64_t page, uint64_t entry), void *context);
/* Gives back chunks that hold nothing. */
void fm_map_trim(struct fm_page_map *map);

#endif
