/* SPDX-License-Identifier: Apache-2.0
 * The regions of a space: which of its pages are registered with userfaultfd. Knowing too few is safe (their
 * pages just stay); knowing one too many would lose a page. */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "uapi.h"

/* Index of the first region that ends after `page`. */
size_t fm_region_at(const struct fm_space *space, uint64_t page)
{
	size_t low = 0, high = space->regions;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (space->region[middle].end <= page)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool fm_region_has(const struct fm_space *space, uint64_t page)
{
	size_t i = fm_region_at(space, page);
	return i < space->regions && space->region[i].start <= page;
}

static bool region_room(struct fm_space *space)
{
	if (space->regions < space->region_capacity)
		return true;
	size_t capacity = space->region_capacity ? space->region_capacity * 2 : 64;
	struct fm_range *grown = realloc(space->region, capacity * sizeof(*grown));
	if (!grown)
		return false;
	space->region = grown;
	space->region_capacity = capacity;
	return true;
}

static void region_insert(struct fm_space *space, size_t at, struct fm_range range)
{
	if (!region_room(space)) {
		/* Not knowing a registered range is safe (its pages are just never evicted). */
		return;
	}
	memmove(space->region + at + 1, space->region + at, (space->regions - at) * sizeof(range));
	space->region[at] = range;
	space->regions++;
}

void fm_region_remove(struct fm_space *space, uint64_t start, uint64_t end)
{
	size_t i = fm_region_at(space, start);
	while (i < space->regions && space->region[i].start < end) {
		struct fm_range old = space->region[i];
		memmove(space->region + i, space->region + i + 1, (space->regions - i - 1) * sizeof(old));
		space->regions--;
		if (old.start < start)
			region_insert(space, i++, (struct fm_range){old.start, start});
		if (old.end > end)
			region_insert(space, i++, (struct fm_range){end, old.end});
	}
}

void fm_region_add(struct fm_space *space, uint64_t start, uint64_t end)
{
	fm_region_remove(space, start, end);
	size_t at = fm_region_at(space, start);
	if (at < space->regions && space->region[at].start == end) {
		space->region[at].start = start;
		return;
	}
	if (at && space->region[at - 1].end == start) {
		space->region[at - 1].end = end;
		return;
	}
	region_insert(space, fm_region_at(space, start), (struct fm_range){start, end});
}

/* Is a change of this address space happened but unread? Says so whatever the range. */
bool fm_space_is_changing(struct fm_space *space)
{
	struct fm_uffdio_range_op probe = {.range = {FM_PAGE_SIZE * 16, FM_PAGE_SIZE}};
	return ioctl(space->userfault, FM_UFFDIO_CONTINUE, &probe) < 0 && errno == EAGAIN;
}

/* Is all of this one mapping that is registered with userfaultfd? EINVAL on anonymous memory means yes. */
static bool is_one_mapping(struct fm_space *space, uint64_t start, uint64_t end)
{
	struct fm_uffdio_range_op probe = {.range = {start * FM_PAGE_SIZE, (end - start) * FM_PAGE_SIZE}};
	return ioctl(space->userfault, FM_UFFDIO_CONTINUE, &probe) < 0 && errno == EINVAL;
}

bool fm_space_is_registered(struct fm_space *space, uint64_t page)
{
	return is_one_mapping(space, page, page + 1);
}

/* A registered mapping that grew (mremap, in place or on the way) is registered there too, and nobody says so. */
void fm_region_learn(struct fm_space *space, uint64_t page)
{
	if (fm_region_has(space, page) || !fm_space_is_registered(space, page))
		return;
	uint64_t pages = 1;
	while (pages < 1ull << 30 && is_one_mapping(space, page, page + pages * 2))
		pages *= 2;
	for (uint64_t step = pages; step; step /= 2)
		if (is_one_mapping(space, page, page + pages + step))
			pages += step;
	fm_region_add(space, page, page + pages);
}

void fm_space_register(struct fm_space *space, uint64_t start, uint64_t end)
{
	size_t i = fm_region_at(space, start);
	if (i < space->regions && space->region[i].start <= start && space->region[i].end >= end)
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
	if (is_one_mapping(space, start, end))
		fm_region_add(space, start, end);
}

void fm_space_release_regions(struct fm_space *space)
{
	fm_map_trim(&space->map);
	if (space->dead || space->gated || space->away || space->evict.active || space->deferred_count || space->group_count)
		return;
	for (size_t i = 0; i < space->regions; i++) {
		struct uffdio_range range = {space->region[i].start * FM_PAGE_SIZE,
					     (space->region[i].end - space->region[i].start) * FM_PAGE_SIZE};
		ioctl(space->userfault, UFFDIO_UNREGISTER, &range);
	}
	space->regions = 0;
}
