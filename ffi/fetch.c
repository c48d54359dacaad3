/* SPDX-License-Identifier: Apache-2.0
 * Bringing pages back: demand faults with the pages around them, and prefetches in bulk.
 *
 * A fetch names (page, slot) pairs and holds a reference to each slot. When its data is here, a page is put
 * in place only if its entry still says STORED in that very slot: the program may have discarded or moved it
 * meanwhile, and a slot with a reference cannot have been given to another page. */
#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net.h"

#define SPARE_FETCHES 8u
/* Pages put in place before the pager looks for demand faults again. */
#define PLACE_SLICE 64u

void fm_fetch_list_init(struct fm_fetch_list *list)
{
	list->head = NULL;
	list->tail = &list->head;
}

static void list_push(struct fm_fetch_list *list, struct fm_fetch *fetch)
{
	fetch->next = NULL;
	*list->tail = fetch;
	list->tail = &fetch->next;
}

static struct fm_fetch *list_pop(struct fm_fetch_list *list)
{
	struct fm_fetch *fetch = list->head;
	if (fetch) {
		list->head = fetch->next;
		if (!list->head)
			list->tail = &list->head;
	}
	return fetch;
}

static uint32_t fault_around(const struct fm_engine *engine)
{
	return __atomic_load_n(&engine->fault_around, __ATOMIC_RELAXED);
}

/* ---- making and ending ---- */

/* The pages of one demand window are the common case: some of those are kept for the next fault. Those of a running
 * prefetch are kept too: touching fresh memory costs as much as receiving a page. */
static struct fm_fetch *take_spare(struct fm_engine *engine, uint32_t capacity)
{
	if (capacity == FM_BATCH_PAGES && engine->spare_bulk) {
		struct fm_fetch *bulk = engine->spare_bulk;
		engine->spare_bulk = bulk->next;
		engine->spare_bulks--;
		return bulk;
	}
	struct fm_fetch *fetch = engine->spare_fetch;
	if (!fetch || capacity != fault_around(engine))
		return NULL;
	engine->spare_fetch = fetch->next;
	engine->spare_fetches--;
	if (fetch->capacity == capacity)
		return fetch;
	free(fetch->data); /* from before the window was changed */
	free(fetch);
	return NULL;
}

static struct fm_fetch *fetch_make(struct fm_space *space, uint32_t capacity)
{
	struct fm_fetch *fetch = take_spare(space->engine, capacity);
	if (!fetch) {
		fetch = malloc(sizeof(*fetch));
		uint8_t *data = malloc((size_t)capacity * FM_PAGE_SIZE);
		if (!fetch || !data) {
			free(fetch);
			free(data);
			return NULL;
		}
		fetch->data = data;
		fetch->capacity = capacity;
	}
	fetch->space = space;
	fetch->bulk = fetch->ahead = fetch->local = fetch->compared = false;
	fetch->status = FM_OK;
	fetch->pages = fetch->at = 0;
	fetch->fault_page = 0;
	fetch->started_ns = fm_now_ns();
	fm_space_ref(space);
	return fetch;
}

static void fetch_free(struct fm_fetch *fetch)
{
	struct fm_engine *engine = fetch->space->engine;
	for (uint32_t i = 0; i < fetch->pages; i++)
		fm_slots_unref(&engine->slots, fetch->slot[i]);
	fm_space_unref(fetch->space);
	if (fetch->capacity == fault_around(engine) && engine->spare_fetches < SPARE_FETCHES) {
		fetch->next = engine->spare_fetch;
		engine->spare_fetch = fetch;
		engine->spare_fetches++;
		return;
	}
	if (fetch->capacity == FM_BATCH_PAGES && engine->spare_bulks < FM_BULK_IN_FLIGHT) {
		fetch->next = engine->spare_bulk;
		engine->spare_bulk = fetch;
		engine->spare_bulks++;
		return;
	}
	free(fetch->data);
	free(fetch);
}

void fm_fetch_trim(struct fm_engine *engine)
{
	while (engine->spare_bulk) {
		struct fm_fetch *fetch = engine->spare_bulk;
		engine->spare_bulk = fetch->next;
		free(fetch->data);
		free(fetch);
	}
	engine->spare_bulks = 0;
}

static void fetch_add(struct fm_fetch *fetch, uint64_t page, uint32_t slot)
{
	if (fm_slots_ref(&fetch->space->engine->slots, slot) < 0)
		return;
	fetch->page[fetch->pages] = page;
	fetch->sum[fetch->pages] = fetch->space->engine->slots.sum[slot];
	fetch->slot[fetch->pages++] = slot;
}

/* ---- demand ---- */

void fm_fault_defer(struct fm_space *space, uint64_t page)
{
	if (space->deferred_count == space->deferred_capacity) {
		size_t capacity = space->deferred_capacity ? space->deferred_capacity * 2 : 32;
		uint64_t *grown = realloc(space->deferred, capacity * sizeof(*grown));
		if (!grown) {
			fm_space_wake(space, page, 1); /* its thread will fault again */
			return;
		}
		space->deferred = grown;
		space->deferred_capacity = capacity;
	}
	space->deferred[space->deferred_count++] = page;
}

static void lose(struct fm_space *space, uint64_t page, int status)
{
	fm_space_poison(space, page);
	if (!space->dead)
		fm_space_wake(space, page, 1);
	fm_space_kill(space, status);
}

/* Adds the stored pages of [first, end) that are not on their way. */
static void fetch_range(struct fm_fetch *fetch, uint64_t first, uint64_t end)
{
	struct fm_space *space = fetch->space;
	for (uint64_t at = first; at < end && fetch->pages < fetch->capacity; at++) {
		uint64_t entry = fm_map_get(&space->map, at);
		if (fm_entry_state(entry) != FM_STORED || entry & FM_DEMAND)
			continue;
		uint32_t before = fetch->pages;
		fetch_add(fetch, at, fm_entry_value(entry));
		if (fetch->pages > before)
			fm_space_set(space, at, entry | FM_DEMAND);
	}
}

static void arrived(struct fm_fetch *fetch);

/* Asks for a fetch's pages on the demand connection; the store of this process has them at once. */
static void fetch_send(struct fm_fetch *fetch)
{
	struct fm_engine *engine = fetch->space->engine;
	if (engine->local) {
		fm_local_read(engine->local, fetch->slot, fetch->pages, fetch->data);
		arrived(fetch);
		return;
	}
	struct fm_wire_header header = {.magic = FM_WIRE_MAGIC, .op = FM_WIRE_READ, .count = fetch->pages, .id = engine->demand_id++};
	struct iovec vector[2] = {{&header, sizeof(header)}, {fetch->slot, fetch->pages * sizeof(fetch->slot[0])}};
	list_push(&engine->demand, fetch);
	/* 16 bytes and 4 a page into an empty send buffer: blocks only on a server that stopped reading,
	 * and then the socket's user timeout ends it. */
	if (fm_sendv_all(engine->demand_socket, vector, 2) < 0)
		fm_pool_lost(engine);
}

/* How many pages to fetch ahead of a fault whose window is [first, end): none at first, then twice as many each
 * time that a walk goes on where the last fetch for it ended. */
static uint32_t read_ahead(struct fm_space *space, uint64_t first, uint64_t end)
{
	uint32_t around = (uint32_t)(end - first);
	if (around < FM_FAULT_AROUND)
		return 0; /* small windows were asked for, and small ones it shall be */
	for (uint32_t i = 0; i < FM_STREAMS; i++) {
		struct fm_stream *stream = &space->stream[i];
		if (stream->end != first)
			continue;
		stream->ahead = stream->ahead ? stream->ahead * 2 : around;
		if (stream->ahead > FM_READ_AHEAD)
			stream->ahead = FM_READ_AHEAD;
		stream->end = end + stream->ahead;
		return stream->ahead;
	}
	space->stream[space->next_stream] = (struct fm_stream){.end = end};
	space->next_stream = (space->next_stream + 1) % FM_STREAMS;
	return 0;
}

static void demand(struct fm_space *space, uint64_t page, uint64_t entry)
{
	struct fm_engine *engine = space->engine;
	if (entry & FM_DEMAND)
		return; /* it is on its way, and the whole window will be woken */
	if (engine->pool_lost) {
		lose(space, page, FM_ERR_POOL_LOST);
		return;
	}
	uint32_t around = fault_around(engine);
	struct fm_fetch *fetch = fetch_make(space, around);
	if (!fetch) {
		fm_fault_defer(space, page);
		return;
	}
	uint64_t first = page & ~(uint64_t)(around - 1), end = first + around;
	fetch_range(fetch, first, end);
	fetch->fault_page = page;
	fm_stat_add(space, recall_faults, 1);
	fetch_send(fetch);
	if (space->dead)
		return; /* seen while its pages were put in place */
	uint32_t ahead = read_ahead(space, first, end);
	fetch = ahead && !engine->pool_lost ? fetch_make(space, ahead) : NULL;
	if (!fetch)
		return;
	fetch_range(fetch, end, end + ahead);
	fetch->ahead = true;
	if (fetch->pages)
		fetch_send(fetch);
	else
		fetch_free(fetch);
}

void fm_fault(struct fm_space *space, uint64_t page)
{
	uint64_t entry = fm_map_get(&space->map, page);
	bool done = true;
	if (fm_entry_state(entry) == FM_STORED)
		demand(space, page, entry);
	else if (fm_entry_state(entry) == FM_TRANSIT)
		done = fm_batch_give_back(space, page, entry);
	else {
		if (entry && !space->group_count)
			fm_space_forget(space, page, entry); /* CLEAN, and yet not there: discarded */
		if (!space->group_count)
			fm_region_learn(space, page);
		done = fm_region_cut(space, page) || fm_space_zero(space, page);
	}
	if (!done)
		fm_fault_defer(space, page);
}

void fm_fault_all(struct fm_space *space)
{
	size_t count = space->deferred_count;
	uint64_t *pages = space->deferred;
	if (!count)
		return;
	space->deferred = NULL;
	space->deferred_count = space->deferred_capacity = 0;
	for (size_t i = 0; i < count && !space->dead; i++)
		fm_fault(space, pages[i]);
	free(pages);
	space->engine->last_fault_ns = fm_now_ns();
}

void fm_fetch_moved(struct fm_space *space, uint64_t from, uint64_t to)
{
	struct fm_fetch *heads[] = {space->ready.head, space->engine->demand.head};
	for (size_t h = 0; h < 2; h++)
		for (struct fm_fetch *fetch = heads[h]; fetch; fetch = fetch->next)
			for (uint32_t i = fetch->at; i < fetch->pages && fetch->space == space; i++)
				if (fetch->page[i] == from)
					fetch->page[i] = to;
}

/* The server gave back other bytes than it was given. */
static void damaged(struct fm_space *space, uint64_t page, uint32_t slot)
{
	lose(space, page, FM_ERR_PROTOCOL);
	if (space->dead)
		return;
	fm_space_set(space, page, 0);
	fm_slots_unref(&space->engine->slots, slot);
}

static bool is_damaged(const struct fm_fetch *fetch, uint32_t i)
{
	if (fetch->compared)
		return fetch->damaged[i];
	return !fm_sum_equals(fm_page_sum(fetch->data + (size_t)i * FM_PAGE_SIZE), fetch->sum[i]);
}

/* Puts one fetch in place from `at` on, at most `most` pages. False when events must be read first. */
static bool place(struct fm_fetch *fetch, uint32_t most)
{
	struct fm_space *space = fetch->space;
	while (fetch->at < fetch->pages && most && !space->dead) {
		uint32_t first = fetch->at, run = 0;
		while (first + run < fetch->pages && run < most && fetch->page[first + run] == fetch->page[first] + run) {
			uint64_t entry = fm_map_get(&space->map, fetch->page[first + run]);
			if (fm_entry_state(entry) != FM_STORED || fm_entry_value(entry) != fetch->slot[first + run])
				break;
			if (is_damaged(fetch, first + run))
				damaged(space, fetch->page[first + run], fetch->slot[first + run]);
			else
				run++;
			if (space->dead)
				return true;
		}
		if (!run) { /* changed meanwhile: who waits for it must look again */
			fm_space_wake(space, fetch->page[first], 1);
			fetch->at++;
			continue;
		}
		uint64_t before = space->root->stats.recalled_pages;
		uint32_t done = fm_space_fill(space, fetch->page[first], fetch->data + (size_t)first * FM_PAGE_SIZE, run, !fetch->local);
		space->prefetch.restored += fetch->bulk ? space->root->stats.recalled_pages - before : 0;
		if (done && !space->dead)
			fm_space_wake(space, fetch->page[first], done);
		fetch->at += done;
		most -= done;
		if (done < run)
			return false;
	}
	return true;
}

static void fetch_end(struct fm_fetch *fetch)
{
	struct fm_space *space = fetch->space;
	bool bulk = fetch->bulk;
	if (fetch->fault_page)
		fm_stat_add(space, stall_us, (fm_now_ns() - fetch->started_ns) / 1000);
	fm_space_ref(space);
	fetch_free(fetch);
	if (bulk) {
		space->prefetch.in_flight--;
		fm_prefetch_pump(space);
	}
	fm_space_unref(space);
}

bool fm_fetch_place(struct fm_space *space)
{
	struct fm_fetch *fetch = space->ready.head;
	if (!fetch)
		return false;
	if (!space->dead && !place(fetch, PLACE_SLICE)) {
		fm_space_read_events(space);
		return true;
	}
	if (fetch->at >= fetch->pages || space->dead) {
		list_pop(&space->ready);
		fetch_end(fetch);
	}
	return space->ready.head != NULL;
}

static void arrived(struct fm_fetch *fetch)
{
	if (fetch->bulk || fetch->ahead || !place(fetch, UINT32_MAX))
		list_push(&fetch->space->ready, fetch);
	else
		fetch_end(fetch);
}

bool fm_fetch_local(struct fm_space *space, uint64_t page, uint32_t slot, const uint8_t *data)
{
	struct fm_fetch *fetch = fetch_make(space, 1);
	if (!fetch)
		return false;
	space->engine->slots.sum[slot] = fm_page_sum(data);
	fetch->local = true;
	fetch_add(fetch, page, slot);
	memcpy(fetch->data, data, FM_PAGE_SIZE);
	list_push(&space->ready, fetch);
	return true;
}

/* Everything that was asked of a server that is gone. */
void fm_fetch_drop_all(struct fm_engine *engine)
{
	struct fm_fetch *fetch;
	while ((fetch = list_pop(&engine->demand))) {
		for (uint32_t i = 0; i < fetch->pages; i++) {
			struct fm_space *space = fetch->space;
			uint64_t entry = fm_map_get(&space->map, fetch->page[i]);
			if (!space->dead && fm_entry_state(entry) == FM_STORED && fm_entry_value(entry) == fetch->slot[i])
				fm_space_poison(space, fetch->page[i]);
			fm_space_wake(space, fetch->page[i], 1);
		}
		fm_space_kill(fetch->space, FM_ERR_POOL_LOST);
		fetch_end(fetch);
	}
	engine->demand_received = 0;
}

void fm_demand_readable(struct fm_engine *engine)
{
	const size_t head = sizeof(engine->demand_header);
	while (!engine->pool_lost) {
		struct fm_fetch *fetch = engine->demand.head;
		size_t total = head + (fetch ? (size_t)fetch->pages * FM_PAGE_SIZE : 0);
		struct iovec vector[2];
		size_t vectors = 0;
		if (engine->demand_received < head)
			vector[vectors++] = (struct iovec){(uint8_t *)&engine->demand_header + engine->demand_received, head - engine->demand_received};
		if (fetch) {
			size_t body = engine->demand_received > head ? engine->demand_received - head : 0;
			vector[vectors++] = (struct iovec){fetch->data + body, total - head - body};
		}
		struct msghdr message = {.msg_iov = vector, .msg_iovlen = vectors};
		ssize_t got = recvmsg(engine->demand_socket, &message, MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0 || !fetch) { /* closed, failed, or an answer nobody asked for */
			fm_pool_lost(engine);
			return;
		}
		engine->demand_received += (size_t)got;
		if (engine->demand_received >= head &&
		    (engine->demand_header.magic != FM_WIRE_MAGIC || engine->demand_header.op != FM_WIRE_READ ||
		     engine->demand_header.status != FM_WIRE_OK || engine->demand_header.count != fetch->pages)) {
			fm_pool_lost(engine);
			return;
		}
		if (engine->demand_received < total)
			continue;
		engine->demand_received = 0;
		list_pop(&engine->demand);
		arrived(fetch);
	}
}

/* ---- prefetch ---- */

static void prefetch_finish(struct fm_space *space)
{
	struct fm_prefetch_job *job = &space->prefetch;
	struct fm_event event = {
		.type = FM_EVENT_PREFETCHED,
		.space = space->id,
		.op = job->op,
		.status = space->dead ? FM_ERR_NO_SPACE : space->engine->pool_lost ? FM_ERR_POOL_LOST : FM_OK,
		.a = job->restored,
	};
	fm_set_free(job->set);
	*job = (struct fm_prefetch_job){0};
	fm_space_release_regions(space);
	fm_slots_send(space->engine);
	fm_emit(space->engine, &event);
}

void fm_prefetch_pump(struct fm_space *space)
{
	struct fm_prefetch_job *job = &space->prefetch;
	while (job->active && job->in_flight < FM_BULK_IN_FLIGHT) {
		struct fm_fetch *fetch = NULL;
		bool stop = space->dead || space->engine->pool_lost;
		while (!stop && job->range < job->set->count && (!fetch || fetch->pages < FM_BATCH_PAGES)) {
			struct fm_range range = job->set->range[job->range];
			uint64_t page = job->next_page > range.start ? job->next_page : range.start;
			if (page >= range.end) {
				job->range++;
				continue;
			}
			uint64_t entry = fm_map_get(&space->map, page);
			if (fm_entry_state(entry) == FM_STORED && !(entry & FM_DEMAND)) {
				if (!fetch && !(fetch = fetch_make(space, FM_BATCH_PAGES)))
					break;
				fetch->bulk = true;
				fetch_add(fetch, page, fm_entry_value(entry));
			}
			job->next_page = page + 1;
		}
		if (!fetch) {
			if (!job->in_flight)
				prefetch_finish(space);
			return;
		}
		job->in_flight++;
		fetch->message.kind = FM_MSG_FETCH;
		fm_queue_push(&space->engine->fetch_queue, &fetch->message);
	}
}

void fm_prefetch_start(struct fm_space *space, struct fm_command *command)
{
	space->prefetch = (struct fm_prefetch_job){.active = true, .op = command->op, .set = command->set};
	command->set = NULL;
	fm_prefetch_pump(space);
}

void fm_fetched(struct fm_fetch *fetch)
{
	if (fetch->status == FM_OK) {
		arrived(fetch);
		return;
	}
	struct fm_engine *engine = fetch->space->engine;
	fetch_end(fetch);
	fm_pool_lost(engine);
}
