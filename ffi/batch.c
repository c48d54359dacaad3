/* SPDX-License-Identifier: Apache-2.0
 * Batches: pages between "taken from the program" and "held by the pool" (evict.c tells their way), and what may happen to
 * them on it: their program wants them back, forks, moves or discards them; the pool is full, or lost. */
#define _GNU_SOURCE
#include "engine.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "scan.h"

/* Between an exec's new memory and the end of the old: microseconds, where no processor is missing. */
#define EXEC_NS 20000000ull

/* ---- batches and their numbers (a TRANSIT entry holds number and index) ---- */

struct fm_batch *fm_batch_of(struct fm_engine *engine, uint64_t entry)
{
	return engine->batch[fm_entry_value(entry) >> 16];
}

static uint32_t index_of(uint64_t entry)
{
	return fm_entry_value(entry) & 0xffff;
}

uint64_t fm_batch_entry(const struct fm_batch *batch, uint32_t index)
{
	return fm_entry_make(FM_TRANSIT, batch->number << 16 | index);
}

/* There are never more batches than local buffers. */
struct fm_batch *fm_batch_make(struct fm_space *space)
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
			void *memory = mmap(NULL, FM_BATCH_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
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

void fm_batch_free(struct fm_batch *batch)
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
			munmap(engine->buffer[i], FM_BATCH_BYTES);
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

void fm_batch_read(struct fm_batch *batch)
{
	struct fm_space *space = batch->space;
	if (space->dead)
		return;
	fm_evict_empty(space, batch->buffer);
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
		fm_space_end_process(space);
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
	fm_batch_free(batch);
	fm_evict_pump(space);
	fm_space_unref(space);
	if (lost)
		fm_pool_lost(engine);
	for (struct fm_space *other = engine->spaces; other; other = other->next)
		fm_evict_pump(other); /* a local buffer is free again */
}
