/* SPDX-License-Identifier: Apache-2.0
 * The regions of a space: which of its pages are registered with userfaultfd. Knowing too few is safe (their
 * pages just stay); knowing one too many would lose a page. */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"
#include "uapi.h"

/* Failing to add is safe: not knowing a registered range means that its pages are never evicted. Failing to remove keeps
 * too little, which is safe too. */
void fm_region_remove(struct fm_space *space, uint64_t start, uint64_t end)
{
	fm_ranges_remove(&space->regions, (struct fm_range){start, end});
}

static void region_add(struct fm_space *space, uint64_t start, uint64_t end)
{
	fm_ranges_add(&space->regions, (struct fm_range){start, end});
}

/* Is a change of this address space happened but unread? Says so whatever the range. */
bool fm_space_is_changing(struct fm_space *space)
{
	struct fm_uffdio_range_op probe = {.range = {FM_PAGE_SIZE * 16, FM_PAGE_SIZE}};
	return ioctl(space->userfault, FM_UFFDIO_CONTINUE, &probe) < 0 && errno == EAGAIN;
}

/* EINVAL on anonymous memory means yes. */
bool fm_space_is_one_mapping(struct fm_space *space, uint64_t start, uint64_t end)
{
	struct fm_uffdio_range_op probe = {.range = {start * FM_PAGE_SIZE, (end - start) * FM_PAGE_SIZE}};
	return ioctl(space->userfault, FM_UFFDIO_CONTINUE, &probe) < 0 && errno == EINVAL;
}

bool fm_space_is_registered(struct fm_space *space, uint64_t page)
{
	return fm_space_is_one_mapping(space, page, page + 1);
}

/* A registered mapping that grew (mremap, in place or on the way) is registered there too, and nobody says so. */
void fm_region_learn(struct fm_space *space, uint64_t page)
{
	if (fm_ranges_has(&space->regions, page) || !fm_space_is_registered(space, page))
		return;
	uint64_t pages = 1;
	while (pages < 1ull << 30 && fm_space_is_one_mapping(space, page, page + pages * 2))
		pages *= 2;
	for (uint64_t step = pages; step; step /= 2)
		if (fm_space_is_one_mapping(space, page, page + pages + step))
			pages += step;
	region_add(space, page, page + pages);
}

/* Halves until each half is one mapping or nothing. False: no memory. */
static bool birth_of(struct fm_space *child, struct fm_range range)
{
	uint64_t middle = range.start + (range.end - range.start) / 2;
	if (fm_space_is_one_mapping(child, range.start, range.end))
		return fm_ranges_add(&child->birth, range) && fm_ranges_add(&child->looked_at, range);
	if (middle == range.start)
		return fm_ranges_add(&child->looked_at, range);
	return birth_of(child, (struct fm_range){range.start, middle}) && birth_of(child, (struct fm_range){middle, range.end});
}

bool fm_region_birth(struct fm_space *child, const struct fm_ranges *regions)
{
	for (size_t i = 0; i < regions->count; i++)
		if (!birth_of(child, regions->range[i]))
			return false;
	return true;
}

void fm_space_register(struct fm_space *space, uint64_t start, uint64_t end)
{
	size_t i = fm_ranges_at(&space->regions, start);
	if (i < space->regions.count && space->regions.range[i].start <= start && space->regions.range[i].end >= end)
		return;
	struct uffdio_register wanted = {
		.range = {start * FM_PAGE_SIZE, (end - start) * FM_PAGE_SIZE},
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	if (fm_space_is_changing(space))
		return; /* what the regions say may be out of date */
	if (ioctl(space->userfault, UFFDIO_REGISTER, &wanted) < 0)
		return; /* the mapping is gone or of another kind by now: its pages stay local */
	/* A hole that was in the range at that moment is not registered, and a page of a mapping made there
	 * later would read as zero after an eviction. */
	if (fm_space_is_one_mapping(space, start, end))
		region_add(space, start, end);
}

void fm_region_reservations(struct fm_space *space, const struct fm_range *mapping, size_t mappings)
{
	space->reservations = space->holes = 0;
	for (size_t i = 0; i < mappings && space->reservations < FM_RESERVATIONS; i++) {
		/* Earlier cuts split it. */
		struct fm_range run = mapping[i];
		while (i + 1 < mappings && mapping[i + 1].start == run.end)
			run.end = mapping[++i].end;
		if (run.end - run.start >= FM_RESERVATION)
			space->reservation[space->reservations++] = run;
	}
}

static const struct fm_range *reservation_of(const struct fm_space *space, uint64_t page)
{
	for (uint32_t i = 0; i < space->reservations; i++)
		if (space->reservation[i].start <= page && page < space->reservation[i].end)
			return &space->reservation[i];
	return NULL;
}

/* Registers again what was cut out while a change was on its way: pages that are away may have been moved there just
 * before. Who moved them cannot touch them until the change is read, and that comes after this. */
static void undo_cut(struct fm_space *space, struct fm_range hole)
{
	struct fm_range *mapping = NULL;
	size_t mappings = 0;
	struct uffdio_register wanted = {.range = {hole.start * FM_PAGE_SIZE, (hole.end - hole.start) * FM_PAGE_SIZE},
					 .mode = UFFDIO_REGISTER_MODE_MISSING};
	if (ioctl(space->userfault, UFFDIO_REGISTER, &wanted) == 0 || errno == ESRCH)
		return;
	/* There are mappings of another kind, too. */
	if (fm_scan_mappings(space->pid, space->hello.arena_start, space->hello.arena_end, &mapping, &mappings) != FM_OK) {
		fm_space_abandon(space, FM_ERR_SYSTEM);
		return;
	}
	for (size_t i = 0; i < mappings; i++) {
		uint64_t start = mapping[i].start > hole.start ? mapping[i].start : hole.start;
		uint64_t end = mapping[i].end < hole.end ? mapping[i].end : hole.end;
		if (start >= end)
			continue;
		wanted.range = (struct uffdio_range){start * FM_PAGE_SIZE, (end - start) * FM_PAGE_SIZE};
		ioctl(space->userfault, UFFDIO_REGISTER, &wanted);
	}
	free(mapping);
}

/* A cut splits the mapping, and mremap of a range with a seam in it fails. Nobody calls that for a part of a
 * reservation of gigabytes; allocators use madvise and munmap there, which do not mind. */
bool fm_region_cut(struct fm_space *space, uint64_t page)
{
	const struct fm_range *reservation = reservation_of(space, page);
	size_t i = fm_ranges_at(&space->regions, page);
	if (!reservation || space->root != space || space->gated || space->group_count || space->dead || space->holes >= FM_HOLES ||
	    i >= space->regions.count || space->regions.range[i].start > page || fm_space_is_changing(space))
		return false;
	struct fm_range hole, region = space->regions.range[i];
	fm_map_hole(&space->map, page, FM_HOLE_CHUNKS, &hole.start, &hole.end);
	hole.start = hole.start < region.start ? region.start : hole.start;
	hole.end = hole.end > region.end ? region.end : hole.end;
	if (hole.end - hole.start < FM_HOLE_PAGES)
		return false;
	struct uffdio_range range = {hole.start * FM_PAGE_SIZE, (hole.end - hole.start) * FM_PAGE_SIZE};
	if (ioctl(space->userfault, UFFDIO_UNREGISTER, &range) < 0)
		return false;
	space->holes++;
	if (!fm_ranges_remove(&space->discarded, (struct fm_range){page, page + 1}))
		fm_space_abandon(space, FM_ERR_NOMEM);
	/* What is not known to be registered is not evicted. */
	fm_region_remove(space, hole.start, hole.end);
	if (fm_space_is_changing(space))
		undo_cut(space, hole);
	return true;
}

void fm_space_release_regions(struct fm_space *space)
{
	fm_map_trim(&space->map);
	if (space->dead || space->gated || space->away || space->evict.active || space->deferred_count || space->group_count)
		return;
	for (size_t i = 0; i < space->regions.count; i++) {
		struct fm_range region = space->regions.range[i];
		struct uffdio_range range = {region.start * FM_PAGE_SIZE, (region.end - region.start) * FM_PAGE_SIZE};
		ioctl(space->userfault, UFFDIO_UNREGISTER, &range);
	}
	space->regions.count = 0;
}
