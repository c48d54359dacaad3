/* SPDX-License-Identifier: Apache-2.0
 * Eviction. A batch's way:
 *   1. pager: picks pages of the job's set, orders the agent to move them into a staging buffer (UFFDIO_MOVE),
 *      and leaves the space's events unread until the answer, so that what the kernel allowed to move is
 *      exactly what the page map says;
 *   2. pager: marks the moved pages TRANSIT; their faults wait, or are served from the copy once it is read;
 *   3. reader: copies staging out, tells the pager (which has staging emptied); evictor: sends what is not zero;
 *   4. pager: on the server's acknowledgement TRANSIT becomes STORED, or nothing for a page of zeros.
 * Until step 4 the data is in this process: a server lost on the way costs nothing. */
#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "scan.h"

/* ---- orders ---- */

void fm_evict_empty(struct fm_space *space, uint32_t buffer)
{
	fm_space_order(space, &(struct fm_agent_order){.op = FM_AGENT_DROP, .buffer = buffer});
}

static int free_staging(const struct fm_space *space)
{
	for (uint32_t i = 0; i < FM_STAGING_BUFFERS; i++)
		if (!space->staging_busy[i])
			return (int)i;
	return -1;
}

/* Fills an order with the next pages of the job; advances the cursor. */
static void compose(struct fm_space *space, struct fm_agent_order *what, uint32_t most)
{
	struct fm_evict_job *job = &space->evict;
	space->ordered_pages = 0;
	what->runs = 0;
	while (job->range < job->set->count && space->ordered_pages < most) {
		struct fm_range range = job->set->range[job->range];
		uint64_t page = job->next_page > range.start ? job->next_page : range.start;
		if (page >= range.end) {
			job->range++;
			continue;
		}
		job->next_page = page + 1;
		uint32_t state = fm_entry_state(fm_map_get(&space->map, page));
		if (!fm_ranges_has(&space->regions, page) || fm_ranges_has(&space->discarded, page) || (state != FM_NONE && state != FM_CLEAN) || fm_map_reserve(&space->map, page) < 0)
			continue;
		struct fm_agent_run *last = &what->run[what->runs - 1];
		if (what->runs && last->page + last->pages == page)
			last->pages++;
		else
			what->run[what->runs++] = (struct fm_agent_run){page, 1};
		space->ordered_page[space->ordered_pages++] = page;
	}
}

static void finish(struct fm_space *space)
{
	struct fm_evict_job *job = &space->evict;
	struct fm_event event = {
		.type = FM_EVENT_EVICTED,
		.space = space->id,
		.op = job->op,
		.status = job->status,
		.a = job->evicted,
		.b = job->zeros,
		.c = job->cancelled,
	};
	fm_set_free(job->set);
	free(job->mapping);
	*job = (struct fm_evict_job){0};
	fm_space_release_regions(space);
	fm_slots_send(space->engine);
	fm_emit(space->engine, &event);
}

static void forget_unmapped(void *context, uint64_t page, uint64_t entry)
{
	struct fm_space *space = context;
	const struct fm_evict_job *job = &space->evict;
	size_t low = 0, high = job->mappings;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (job->mapping[middle].end <= page)
			low = middle + 1;
		else
			high = middle;
	}
	if (fm_entry_state(entry) == FM_CLEAN && (low == job->mappings || job->mapping[low].start > page))
		fm_space_forget(space, page, entry);
}

/* Puts the mappings that hold pages of the set under management; all changes are known at this point. */
static void register_mappings(struct fm_space *space)
{
	struct fm_evict_job *job = &space->evict;
	size_t at = 0;
	fm_region_reservations(space, job->mapping, job->mappings);
	for (size_t i = 0; i < job->mappings; i++) {
		struct fm_range *mapping = &job->mapping[i];
		while (at < job->set->count && job->set->range[at].end <= mapping->start)
			at++;
		if (at < job->set->count && job->set->range[at].start < mapping->end)
			fm_space_register(space, mapping->start, mapping->end);
	}
	/* What was unmapped while nothing was registered was not told. */
	fm_map_each(&space->map, 0, UINT64_MAX, forget_unmapped, space);
	free(job->mapping);
	job->mapping = NULL;
}

void fm_evict_pump(struct fm_space *space)
{
	struct fm_evict_job *job = &space->evict;
	while (job->active && !space->gated && (!space->group_count || space->dead)) {
		bool ended = job->cancelled || job->status != FM_OK || space->dead || space->agent_gone || job->range >= job->set->count;
		if (ended) {
			if ((space->dead || space->agent_gone) && job->status == FM_OK)
				job->status = FM_ERR_NO_SPACE;
			if (!job->in_flight)
				finish(space);
			return;
		}
		if (job->bytes_per_second && fm_now_ns() < job->next_ns)
			return;
		if (job->mapping)
			register_mappings(space);
		int buffer = free_staging(space);
		if (buffer < 0)
			return;
		struct fm_batch *batch = fm_batch_make(space);
		if (!batch)
			return; /* another batch's end will come here again */
		struct fm_agent_order what = {.op = FM_AGENT_MOVE, .buffer = (uint32_t)buffer};
		uint64_t share = job->bytes_per_second / 10 / FM_PAGE_SIZE; /* at most a tenth of a second at once */
		uint32_t most = !job->bytes_per_second || share > FM_BATCH_PAGES ? FM_BATCH_PAGES : share ? (uint32_t)share : 1;
		size_t range = job->range;
		uint64_t next_page = job->next_page;
		compose(space, &what, most);
		if (!space->ordered_pages) {
			fm_batch_free(batch);
			continue;
		}
		batch->buffer = (uint32_t)buffer;
		batch->staging = space->hello.staging + (uint64_t)buffer * FM_BATCH_BYTES;
		if (!fm_space_order(space, &what)) {
			fm_batch_free(batch);
			job->range = range;
			job->next_page = next_page;
			if (errno != EAGAIN)
				job->status = FM_ERR_NO_SPACE;
			return;
		}
		if (job->bytes_per_second)
			job->next_ns = fm_now_ns() + (uint64_t)space->ordered_pages * FM_PAGE_SIZE * 1000000000ull / job->bytes_per_second;
		space->staging_busy[buffer] = true;
		space->gated = true;
		space->gated_ns = fm_now_ns();
		space->ordered = batch;
		job->in_flight++;
	}
}

void fm_evict_start(struct fm_space *space, struct fm_command *command)
{
	struct fm_evict_job *job = &space->evict;
	*job = (struct fm_evict_job){.active = true, .op = command->op, .set = command->set, .bytes_per_second = command->bytes_per_second, .status = command->status};
	command->set = NULL;
	job->cancelled = command->sequence <= space->cancelled_until;
	if (space->engine->pool_lost && job->status == FM_OK)
		job->status = FM_ERR_POOL_LOST;
	job->mapping = command->mapping;
	job->mappings = command->mappings;
	command->mapping = NULL;
	if (command->quiet && command->discards == __atomic_load_n(&space->discards, __ATOMIC_RELAXED))
		fm_ranges_free(&space->discarded);
	fm_space_read_events(space);
	fm_evict_pump(space);
}

/* The pages of an order that the agent did move, as a batch for the evictor. */
static void take_moved(struct fm_space *space, struct fm_batch *batch, const struct fm_agent_answer *answer)
{
	for (uint32_t i = 0; i < space->ordered_pages; i++) {
		if (!(answer->moved_map[i / 64] >> (i % 64) & 1))
			continue;
		uint32_t at = batch->pages++;
		batch->page[at] = space->ordered_page[i];
		batch->index[at] = (uint16_t)i;
		uint64_t before = fm_map_get(&space->map, batch->page[at]);
		bool clean = fm_entry_state(before) == FM_CLEAN;
		batch->clean_slot[at] = clean ? fm_entry_value(before) : FM_NO_SLOT; /* its reference comes along */
		if (clean)
			batch->clean_sum[at] = space->engine->slots.sum[batch->clean_slot[at]];
		batch->slot[at] = fm_slots_take(&space->engine->slots);
		if (batch->slot[at] == FM_NO_SLOT)
			batch->status = FM_ERR_NOMEM;
		fm_space_set(space, batch->page[at], fm_batch_entry(batch, at)); /* its chunk was reserved */
	}
}

/* Which pages of the order are in staging, whatever the agent said: it can move no more. */
static int look_at_staging(struct fm_space *space, struct fm_agent_answer *answer)
{
	uint64_t first = space->ordered->staging / FM_PAGE_SIZE;
	struct fm_range staging = {first, first + space->ordered_pages};
	int status;
	struct fm_set *there = fm_scan_ranges(space->pid, &staging, 1, FM_PAGES_ANYWHERE, &status);
	if (!there)
		return status;
	for (size_t r = 0; r < there->count; r++)
		for (uint64_t i = there->range[r].start - first; i < there->range[r].end - first; i++)
			answer->moved_map[i / 64] |= 1ull << (i % 64);
	fm_set_free(there);
	return FM_OK;
}

static void on_moved(struct fm_space *space, struct fm_agent_answer *answer)
{
	struct fm_batch *batch = space->ordered;
	int status = answer->unsure ? look_at_staging(space, answer) : FM_OK;
	if (status != FM_OK) {
		if (status != FM_ERR_NO_SPACE) /* else it has ended by itself */
			fm_space_abandon(space, status); /* nobody can tell what left it from what it never touched */
		return;
	}
	space->ordered = NULL;
	space->gated = false;
	take_moved(space, batch, answer);
	if (answer->error == EAGAIN) {
		/* Something changed meanwhile. Once its events are read, look at these pages again. */
		space->evict.range = 0;
		space->evict.next_page = space->ordered_page[0];
	} else if (answer->error == ESRCH) {
		space->evict.status = FM_ERR_NO_SPACE;
	}
	if (batch->pages) {
		fm_stat_add(space, copy_bytes, (uint64_t)batch->pages * FM_PAGE_SIZE);
		batch->read.kind = FM_MSG_BATCH;
		fm_queue_push(&space->engine->read_queue, &batch->read);
	} else {
		space->staging_busy[batch->buffer] = false;
		space->evict.in_flight--;
		fm_batch_free(batch);
	}
	fm_space_read_events(space);
	fm_evict_pump(space);
}

/* The agent is gone: the process is about to end, or to execute another program, which ends its threads before it lets go of its
 * memory. Faults are served, but nothing more leaves. */
void fm_evict_stop(struct fm_space *space)
{
	fm_pager_watch(space->engine, space->agent, NULL, 0);
	space->agent_gone = true;
	space->gone_ns = fm_now_ns();
	/* What it did not come to say. A program that executes another still touches memory on its way, so that its faults must not wait
	 * for an answer. */
	struct fm_agent_answer answer = {.op = FM_AGENT_MOVE};
	if (space->ordered && look_at_staging(space, &answer) == FM_OK)
		on_moved(space, &answer);
	else if (!space->ordered)
		fm_evict_pump(space);
}

/* It was neither, and what it left cannot be looked at. A move whose answer is lost leaves pages that nobody can tell from untouched ones. */
void fm_evict_lost(struct fm_space *space)
{
	if (space->ordered)
		fm_space_end_process(space);
}

bool fm_evict_answer(struct fm_space *space)
{
	struct fm_agent_answer answer;
	while (!space->dead) {
		ssize_t length = recv(space->agent, &answer, sizeof(answer), MSG_DONTWAIT);
		if (length != sizeof(answer)) {
			return length > 0 || (length < 0 && (errno == EAGAIN || errno == EINTR));
		}
		if (answer.op == FM_AGENT_MOVE && space->ordered) {
			on_moved(space, &answer);
		} else if (answer.op == FM_AGENT_DROP && answer.buffer < FM_STAGING_BUFFERS && !answer.error) {
			space->staging_busy[answer.buffer] = false;
			fm_evict_pump(space);
		}
	}
	return true;
}
