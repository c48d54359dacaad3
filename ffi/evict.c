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
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "scan.h"

#define BUFFER_BYTES ((size_t)FM_BATCH_PAGES * FM_PAGE_SIZE)
/* Between an exec's new memory and the end of the old: microseconds, where no processor is missing. */
#define EXEC_NS 20000000ull

/* It is ending already, as a rule; and if not, some of its pages are neither there nor here. */
static void end_process(struct fm_space *space)
{
	syscall(SYS_pidfd_send_signal, space->pidfd, SIGKILL, NULL, 0);
}

/* ---- batches and their numbers (a TRANSIT entry holds number and index) ---- */

struct fm_batch *fm_batch_of(struct fm_engine *engine, uint64_t entry)
{
	return engine->batch[fm_entry_value(entry) >> 16];
}

static uint32_t index_of(uint64_t entry)
{
	return fm_entry_value(entry) & 0xffff;
}

static uint64_t transit_entry(const struct fm_batch *batch, uint32_t index)
{
	return fm_entry_make(FM_TRANSIT, batch->number << 16 | index);
}

/* There are never more batches than local buffers. */
static struct fm_batch *batch_make(struct fm_space *space)
{
	struct fm_engine *engine = space->engine;
	if (!engine->batch) {
		engine->batch = calloc(FM_BATCH_BUFFERS, sizeof(*engine->batch));
		if (!engine->batch)
			return NULL;
	}
	for (uint32_t i = 0; i < FM_BATCH_BUFFERS; i++) {
		if (engine->batch[i])
			continue;
		if (!engine->buffer[i]) {
			void *memory = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (memory == MAP_FAILED)
				return NULL;
			engine->buffer[i] = memory;
		}
		struct fm_batch *batch = calloc(1, sizeof(*batch));
		if (!batch)
			return NULL;
		batch->number = i;
		batch->space = space;
		batch->pid = space->pid;
		batch->room = engine->room;
		batch->data = engine->buffer[i];
		engine->batch[i] = batch;
		engine->batches++;
		engine->buffers_used = true;
		fm_space_ref(space);
		return batch;
	}
	return NULL;
}

static void batch_free(struct fm_batch *batch)
{
	struct fm_engine *engine = batch->space->engine;
	engine->batch[batch->number] = NULL;
	engine->batches--;
	fm_space_unref(batch->space);
	free(batch);
}

static void unmap_buffers(struct fm_engine *engine)
{
	for (uint32_t i = 0; i < FM_BATCH_BUFFERS; i++) {
		if (engine->buffer[i])
			munmap(engine->buffer[i], BUFFER_BYTES);
		engine->buffer[i] = NULL;
	}
}

void fm_batches_trim(struct fm_engine *engine)
{
	/* Touching fresh memory costs four times the copy: kept as long as there is work again and again. */
	if (!engine->batches && !engine->buffers_used)
		unmap_buffers(engine);
	engine->buffers_used = false;
}

uint8_t *fm_batch_data(const struct fm_batch *batch, uint32_t index)
{
	return batch->in_store ? fm_local_page(batch->space->engine->local, batch->slot[index]) : batch->data + (size_t)index * FM_PAGE_SIZE;
}

void fm_batches_free(struct fm_engine *engine)
{
	for (uint32_t i = 0; engine->batch && i < FM_BATCH_BUFFERS; i++)
		free(engine->batch[i]);
	free(engine->batch);
	unmap_buffers(engine);
}

/* ---- what happens to a page in transit ---- */

void fm_batch_forget(struct fm_space *space, uint64_t page, uint64_t entry)
{
	struct fm_batch *batch = fm_batch_of(space->engine, entry);
	uint32_t index = index_of(entry);
	if (space != batch->space)
		return; /* a sharer: its events are not read while it waits, so only its death comes here */
	if (batch->wanted[index])
		fm_space_wake(space, page, 1);
	batch->page[index] = 0;
}

void fm_batch_moved(struct fm_engine *engine, uint64_t entry, uint64_t to_page)
{
	struct fm_batch *batch = fm_batch_of(engine, entry);
	batch->page[index_of(entry)] = to_page;
}

void fm_batch_share(struct fm_space *child, uint64_t page, uint64_t entry)
{
	struct fm_batch *batch = fm_batch_of(child->engine, entry);
	struct fm_sharer *sharer = malloc(sizeof(*sharer));
	if (!sharer || !fm_space_set(child, page, entry)) {
		free(sharer);
		fm_space_abandon(child, FM_ERR_NOMEM);
		return;
	}
	*sharer = (struct fm_sharer){.next = batch->sharers, .space = child, .page = page, .index = index_of(entry)};
	batch->sharers = sharer;
	child->waiting_for++;
	fm_space_ref(child);
}

bool fm_batch_give_back(struct fm_space *space, uint64_t page, uint64_t entry)
{
	struct fm_batch *batch = fm_batch_of(space->engine, entry);
	uint32_t index = index_of(entry);
	if (!batch->data_ready) {
		batch->wanted[index] = true;
		return true;
	}
	if (fm_space_fill(space, page, fm_batch_data(batch, index), 1, false) != 1)
		return false;
	if (!fm_map_get(&space->map, page))
		batch->page[index] = 0;
	fm_space_wake(space, page, 1);
	fm_stat_add(space, recall_faults, 1);
	return true;
}

/* A page that is not in the pool after all: its copy becomes a fetch that has already arrived. */
static void give_locally(struct fm_batch *batch, uint32_t i, struct fm_space *space, uint64_t page)
{
	struct fm_slots *slots = &space->engine->slots;
	if (batch->slot[i] == FM_NO_SLOT || fm_slots_ref(slots, batch->slot[i]) < 0 ||
	    !fm_space_set(space, page, fm_entry_make(FM_STORED, batch->slot[i]) | FM_DEMAND) ||
	    !fm_fetch_local(space, page, batch->slot[i], fm_batch_data(batch, i))) {
		if (fm_entry_state(fm_map_get(&space->map, page)) == FM_TRANSIT)
			fm_space_set(space, page, 0); /* its batch is about to be gone */
		fm_space_abandon(space, FM_ERR_NOMEM);
	}
}

/* The batch ended without being stored: its pages go back where they came from. */
static void return_pages(struct fm_batch *batch)
{
	struct fm_space *space = batch->space;
	for (uint32_t i = 0; i < batch->pages && !space->dead; i++) {
		uint64_t page = batch->page[i];
		if (!page)
			continue;
		batch->page[i] = 0;
		if (fm_space_fill(space, page, fm_batch_data(batch, i), 1, false) != 1)
			give_locally(batch, i, space, page); /* events first */
		else if (fm_map_get(&space->map, page))
			fm_space_set(space, page, 0); /* no mapping there any more: nothing to give back to */
		fm_space_wake(space, page, 1);
	}
}

/* They could not even be read. Has the process ended, or does it execute another program (which lets go of the old memory a moment
 * after it has the new)? */
static bool has_left(struct fm_space *space)
{
	uint64_t until = fm_now_ns() + EXEC_NS;
	while (!fm_space_is_gone(space)) {
		if (fm_now_ns() > until)
			return false;
		sched_yield();
	}
	return true;
}

/* left: their memory is gone, and with it everything that could miss them. */
static void lose_pages(struct fm_batch *batch, bool left)
{
	for (uint32_t i = 0; i < batch->pages && !batch->space->dead; i++) {
		if (!batch->page[i])
			continue;
		if (!left)
			fm_space_poison(batch->space, batch->page[i]);
		fm_space_set(batch->space, batch->page[i], 0);
		batch->page[i] = 0;
	}
}

static void settle_sharers(struct fm_batch *batch, bool stored)
{
	while (batch->sharers) {
		struct fm_sharer *sharer = batch->sharers;
		struct fm_space *child = sharer->space;
		uint32_t i = sharer->index;
		batch->sharers = sharer->next;
		child->waiting_for--;
		if (!child->dead) {
			if (batch->failed_read)
				fm_space_poison(child, sharer->page);
			else if (batch->zero[i])
				fm_space_set(child, sharer->page, 0);
			else if (!stored)
				give_locally(batch, i, child, sharer->page);
			else if (fm_slots_ref(&child->engine->slots, batch->slot[i]) < 0 ||
				 !fm_space_set(child, sharer->page, fm_entry_make(FM_STORED, batch->slot[i]))) {
				fm_space_set(child, sharer->page, 0);
				fm_space_abandon(child, FM_ERR_NOMEM);
			}
			if (!child->dead && !child->waiting_for)
				fm_space_child_events(child);
		}
		fm_space_unref(child);
		free(sharer);
	}
}

/* ---- orders ---- */

static bool order(struct fm_space *space, const struct fm_agent_order *what)
{
	size_t length = offsetof(struct fm_agent_order, run) + what->runs * sizeof(struct fm_agent_run);
	return send(space->agent, what, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
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
		struct fm_batch *batch = batch_make(space);
		if (!batch)
			return; /* another batch's end will come here again */
		struct fm_agent_order what = {.op = FM_AGENT_MOVE, .buffer = (uint32_t)buffer};
		uint64_t share = job->bytes_per_second / 10 / FM_PAGE_SIZE; /* at most a tenth of a second at once */
		uint32_t most = !job->bytes_per_second || share > FM_BATCH_PAGES ? FM_BATCH_PAGES : share ? (uint32_t)share : 1;
		size_t range = job->range;
		uint64_t next_page = job->next_page;
		compose(space, &what, most);
		if (!space->ordered_pages) {
			batch_free(batch);
			continue;
		}
		batch->buffer = (uint32_t)buffer;
		batch->staging = space->hello.staging + (uint64_t)buffer * BUFFER_BYTES;
		if (!order(space, &what)) {
			batch_free(batch);
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
		fm_space_set(space, batch->page[at], transit_entry(batch, at)); /* its chunk was reserved */
	}
}

static void on_moved(struct fm_space *space, const struct fm_agent_answer *answer)
{
	struct fm_batch *batch = space->ordered;
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
		batch_free(batch);
	}
	fm_space_read_events(space);
	fm_evict_pump(space);
}

/* What the agent did not come to say: which pages are in staging. It can move no more, its thread has ended; and a program that
 * executes another still touches memory on its way, so that its faults must not wait for an answer. */
static bool look_for_answer(struct fm_space *space, struct fm_agent_answer *answer)
{
	static const enum fm_page_place place[] = {FM_PAGES_RESIDENT, FM_PAGES_SWAPPED};
	uint64_t first = space->ordered->staging / FM_PAGE_SIZE;
	struct fm_range staging = {first, first + space->ordered_pages};
	for (size_t p = 0; p < 2; p++) {
		int status;
		struct fm_set *there = fm_scan_ranges(space->pid, &staging, 1, place[p], &status);
		if (!there)
			return false;
		for (size_t r = 0; r < there->count; r++)
			for (uint64_t i = there->range[r].start - first; i < there->range[r].end - first; i++)
				answer->moved_map[i / 64] |= 1ull << (i % 64);
		fm_set_free(there);
	}
	return true;
}

/* The agent is gone: the process is about to end, or to execute another program, which ends its threads before it lets go of its
 * memory. Faults are served, but nothing more leaves. */
void fm_evict_stop(struct fm_space *space)
{
	fm_pager_watch(space->engine, space->agent, NULL, 0);
	space->agent_gone = true;
	space->gone_ns = fm_now_ns();
	struct fm_agent_answer answer = {.op = FM_AGENT_MOVE};
	if (space->ordered && look_for_answer(space, &answer))
		on_moved(space, &answer);
	else if (!space->ordered)
		fm_evict_pump(space);
}

/* It was neither, and what it left cannot be looked at. A move whose answer is lost leaves pages that nobody can tell from untouched ones. */
void fm_evict_lost(struct fm_space *space)
{
	if (space->ordered)
		end_process(space);
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

void fm_batch_read(struct fm_batch *batch)
{
	struct fm_space *space = batch->space;
	if (space->dead)
		return;
	struct fm_agent_order drop = {.op = FM_AGENT_DROP, .buffer = batch->buffer};
	order(space, &drop);
	batch->data_ready = true;
	for (uint32_t i = 0; i < batch->pages && !space->dead; i++) {
		if (!batch->wanted[i] || !batch->page[i])
			continue;
		batch->wanted[i] = false;
		fm_fault(space, batch->page[i]);
	}
}

/* A page that did not change goes back to the slot that it has already; the others give theirs up. */
static void settle_clean(struct fm_batch *batch)
{
	struct fm_slots *slots = &batch->space->engine->slots;
	for (uint32_t i = 0; i < batch->pages; i++) {
		if (batch->clean_slot[i] == FM_NO_SLOT)
			continue;
		if (batch->unchanged[i] && batch->slot[i] != FM_NO_SLOT) {
			slots->sum[batch->slot[i]] = batch->sum[i];
			fm_slots_unref(slots, batch->slot[i]); /* taken for it, and never written */
			batch->slot[i] = batch->clean_slot[i];
		} else {
			fm_slots_unref(slots, batch->clean_slot[i]);
		}
	}
}

static void forget_clean(void *context, uint64_t page, uint64_t entry)
{
	if (fm_entry_state(entry) == FM_CLEAN)
		fm_space_forget(context, page, entry);
}

/* Gives up every slot of a page that is resident. False: there was none. */
static bool forget_all_clean(struct fm_engine *engine)
{
	uint32_t before = engine->slots.released_count;
	for (struct fm_space *space = engine->spaces; space; space = space->next)
		fm_map_each(&space->map, 0, UINT64_MAX, forget_clean, space);
	bool any = engine->slots.released_count > before;
	engine->room += any;
	fm_slots_send(engine);
	return any;
}

void fm_batch_stored(struct fm_batch *batch)
{
	struct fm_space *space = batch->space;
	struct fm_engine *engine = space->engine;
	bool stored = batch->status == FM_OK;
	uint64_t first = batch->pages ? batch->page[0] : 0;
	settle_clean(batch);
	bool left = batch->failed_read && !space->dead && has_left(space);
	if (batch->failed_read && !space->dead && !left)
		end_process(space);
	settle_sharers(batch, stored);
	if (!stored && batch->data_ready)
		return_pages(batch);
	else if (!stored)
		lose_pages(batch, left);
	for (uint32_t i = 0; i < batch->pages; i++) {
		uint64_t page = batch->page[i];
		bool keep = stored && page && !space->dead && !batch->zero[i];
		if (stored && page && !space->dead) {
			fm_space_set(space, page, keep ? fm_entry_make(FM_STORED, batch->slot[i]) : 0);
			space->evict.evicted++;
			space->evict.zeros += batch->zero[i];
			fm_stat_add(space, evicted_pages, 1);
			fm_stat_add(space, unsent_pages, batch->unchanged[i]);
			if (keep)
				engine->slots.sum[batch->slot[i]] = batch->sum[i];
		}
		if (!keep && batch->slot[i] != FM_NO_SLOT) {
			/* Forked children may hold it still. */
			engine->slots.sum[batch->slot[i]] = batch->sum[i];
			fm_slots_unref(&engine->slots, batch->slot[i]);
		}
	}
	if (batch->pages)
		fm_stat_add(space, copy_bytes, -(uint64_t)batch->pages * FM_PAGE_SIZE);
	/* A full pool that holds pages which are here too has room after all: try again. So may
	 * batches that were sent before that room was made. */
	bool go_on = batch->status == FM_ERR_POOL_FULL && (batch->room != engine->room || forget_all_clean(engine));
	if (go_on && first < space->evict.next_page) {
		space->evict.range = 0;
		space->evict.next_page = first;
	}
	if (!stored && !go_on && space->evict.status == FM_OK)
		space->evict.status = batch->status;
	space->evict.in_flight--;
	bool lost = batch->status == FM_ERR_POOL_LOST;
	fm_space_ref(space);
	batch_free(batch);
	fm_evict_pump(space);
	fm_space_unref(space);
	if (lost)
		fm_pool_lost(engine);
	for (struct fm_space *other = engine->spaces; other; other = other->next)
		fm_evict_pump(other); /* a local buffer is free again */
}
