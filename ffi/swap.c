/* SPDX-License-Identifier: Apache-2.0
 * The swap plane: pages leave to the swap of this machine and the kernel serves the faults. The swapper thread owns all
 * state, as the pager does on the other plane, and pages out and in a slice at a time, so that an order waits for one
 * slice at most. Everything is done from outside, by pidfd and only in mappings that are manageable just then: the kernel
 * itself leaves pages alone that are locked or shared with a forked child. */
#define _GNU_SOURCE
#include "engine.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "scan.h"
#include "swap.h"

#define ROUND_EVENTS 64

/* ---- evictions ---- */

/* The next runs of the job's set, each within one mapping; at most `most` pages. */
static void next_slice(struct fm_evict_job *job, uint64_t most, struct fm_swap_slice *slice)
{
	slice->runs = 0;
	slice->pages = 0;
	while (slice->pages < most && job->range < job->set->count && job->at_mapping < job->mappings) {
		const struct fm_range *wanted = &job->set->range[job->range], *mapping = &job->mapping[job->at_mapping];
		uint64_t start = job->next_page > wanted->start ? job->next_page : wanted->start, end = wanted->end;
		if (start >= end) {
			job->range++;
			continue;
		}
		if (mapping->end <= start) {
			job->at_mapping++;
			continue;
		}
		start = start > mapping->start ? start : mapping->start;
		end = end < mapping->end ? end : mapping->end;
		if (start >= end) {
			job->range++;
			continue;
		}
		if (end - start > most - slice->pages)
			end = start + most - slice->pages;
		slice->run[slice->runs++] = (struct fm_range){start, end};
		slice->pages += end - start;
		job->next_page = end;
	}
	if (!slice->pages)
		job->range = job->set->count;
}

/* Adds to what is known to be in swap. */
static void note_swapped(struct fm_space *space, struct fm_set_builder *builder)
{
	struct fm_set *more = fm_builder_finish(builder);
	fm_builder_init(builder);
	struct fm_set *all = more ? fm_set_union(space->swapped, more) : NULL;
	fm_set_free(more);
	if (!all)
		return; /* a hint is lost, nothing else */
	fm_set_free(space->swapped);
	space->swapped = all;
}

/* The pages of the managed mappings that are there. NULL with *status. */
static struct fm_set *pages_of(const struct fm_space *space, enum fm_page_place place, int *status)
{
	struct fm_range *mapping;
	size_t count;
	*status = fm_scan_mappings(space->pid, 0, 0, &mapping, &count);
	if (*status != FM_OK)
		return NULL;
	struct fm_set *set = fm_scan_ranges(space->pid, mapping, count, place, status);
	free(mapping);
	return set;
}

static void finish_evict(struct fm_space *space)
{
	struct fm_evict_job *job = &space->evict;
	if (job->barrier && job->evicted && !space->dead) {
		/* Which pages these were is in the page table only. */
		int status;
		struct fm_set *swapped = pages_of(space, FM_PAGES_SWAPPED, &status);
		for (size_t i = 0; swapped && i < swapped->count; i++)
			fm_builder_add(&job->left, swapped->range[i].start, swapped->range[i].end);
		fm_set_free(swapped);
	}
	note_swapped(space, &job->left);
	job->active = false;
	fm_emit(space->engine, &(struct fm_event){
		.type = FM_EVENT_EVICTED,
		.space = space->id,
		.op = job->op,
		.status = job->status,
		.a = job->evicted,
		.c = job->cancelled,
	});
	fm_set_free(job->set);
	free(job->mapping);
	free(job->barrier);
	job->set = NULL;
	job->mapping = NULL;
	job->barrier = NULL;
}

/* A copy of one of the space's barriers. NULL with *status. */
static struct fm_barrier *barrier_of(struct fm_space *space, uint32_t number, int *status)
{
	struct fm_barrier *copy = NULL;
	*status = FM_ERR_ARGUMENT;
	pthread_mutex_lock(&space->engine->table_lock);
	if (number < space->barriers) {
		copy = malloc(sizeof(*copy));
		*status = copy ? FM_OK : FM_ERR_NOMEM;
		if (copy)
			*copy = space->barrier[number];
	}
	pthread_mutex_unlock(&space->engine->table_lock);
	return copy;
}

static void start_evict(struct fm_space *space, struct fm_command *command)
{
	struct fm_evict_job *job = &space->evict;
	*job = (struct fm_evict_job){
		.active = true,
		.op = command->op,
		.set = command->set,
		.mapping = command->mapping,
		.mappings = command->mappings,
		.bytes_per_second = command->bytes_per_second,
		.cancelled = command->sequence <= space->cancelled_until,
		.status = command->status,
	};
	fm_builder_init(&job->left);
	if (command->message.kind == FM_MSG_EVICT_GENERATIONS)
		job->barrier = barrier_of(space, command->barrier, &job->status);
	command->set = NULL;
	command->mapping = NULL;
	if (job->status == FM_OK && !fm_swap_is_on())
		job->status = FM_ERR_NO_SWAP;
	if (space->majors_before == UINT64_MAX)
		__atomic_store_n(&space->majors_before, fm_swap_majors(space->pid), __ATOMIC_RELAXED);
}

/* The kernel chooses the pages: what it moved is seen by what the process has in swap. False: it moves no more. */
static bool evict_generations(struct fm_space *space, uint64_t most)
{
	struct fm_evict_job *job = &space->evict;
	uint64_t before = fm_swap_bytes(space->pid);
	job->status = fm_mglru_evict(space->pid, job->barrier, most);
	uint64_t after = fm_swap_bytes(space->pid), left = after > before ? (after - before) / FM_PAGE_SIZE : 0;
	job->evicted += left;
	fm_stat_add(space, evicted_pages, left);
	return left > 0;
}

static bool evict_pages(struct fm_space *space, uint64_t most)
{
	struct fm_evict_job *job = &space->evict;
	struct fm_swap_slice slice;
	next_slice(job, most, &slice);
	if (slice.pages) {
		job->status = fm_swap_advise(space->pidfd, slice.run, slice.runs, MADV_PAGEOUT);
		uint64_t left = fm_swap_count(space->pid, &slice, FM_PAGES_SWAPPED, &job->left);
		job->evicted += left;
		fm_stat_add(space, evicted_pages, left);
	}
	return job->range < job->set->count;
}

/* One slice, unless it is not time yet. Returns when to go on, in ns from now. */
static uint64_t evict_slice(struct fm_space *space)
{
	struct fm_evict_job *job = &space->evict;
	uint64_t now = fm_now_ns();
	bool more = false;
	if (!job->cancelled && job->status == FM_OK) {
		if (job->bytes_per_second && now < job->next_ns)
			return job->next_ns - now;
		uint64_t share = job->bytes_per_second / 10 / FM_PAGE_SIZE; /* at most a tenth of a second at once */
		uint64_t most = !job->bytes_per_second || share > FM_SWAP_SLICE ? FM_SWAP_SLICE : share ? share : 1, before = job->evicted;
		more = job->barrier ? evict_generations(space, most) : evict_pages(space, most);
		if (job->bytes_per_second)
			job->next_ns = now + (job->barrier ? job->evicted - before : most) * FM_PAGE_SIZE * 1000000000ull / job->bytes_per_second;
	}
	if (!more || job->status != FM_OK)
		finish_evict(space);
	return 0;
}

/* ---- prefetches ---- */

static void finish_prefetch(struct fm_space *space, int status)
{
	struct fm_prefetch_job *job = &space->prefetch;
	job->active = false;
	fm_emit(space->engine, &(struct fm_event){
		.type = FM_EVENT_PREFETCHED, .space = space->id, .op = job->op, .status = status, .a = job->restored});
	fm_set_free(job->set);
	job->set = NULL;
}

static void start_prefetch(struct fm_space *space, struct fm_command *command)
{
	int status;
	struct fm_set *swapped = pages_of(space, FM_PAGES_SWAPPED, &status);
	struct fm_set *set = swapped ? fm_set_intersect(swapped, command->set) : NULL;
	fm_set_free(swapped);
	space->prefetch = (struct fm_prefetch_job){.active = true, .op = command->op, .set = set};
	if (!set)
		finish_prefetch(space, status == FM_OK ? FM_ERR_NOMEM : status);
}

/* First all pages of the slice are asked for, so that a device that has a queue works on them at once. */
static void prefetch_slice(struct fm_space *space)
{
	struct fm_prefetch_job *job = &space->prefetch;
	struct fm_swap_slice slice = {.runs = 0};
	while (slice.pages < FM_SWAP_SLICE && job->range < job->set->count) {
		const struct fm_range *wanted = &job->set->range[job->range];
		uint64_t start = job->next_page > wanted->start ? job->next_page : wanted->start, end = wanted->end;
		if (start >= end) {
			job->range++;
			continue;
		}
		if (end - start > FM_SWAP_SLICE - slice.pages)
			end = start + FM_SWAP_SLICE - slice.pages;
		slice.run[slice.runs++] = (struct fm_range){start, end};
		slice.pages += end - start;
		job->next_page = end;
	}
	int status = FM_OK;
	if (slice.pages) {
		status = fm_swap_advise(space->pidfd, slice.run, slice.runs, MADV_WILLNEED);
		if (status == FM_OK)
			fm_swap_map_in(space->pid, &slice);
		uint64_t back = fm_swap_count(space->pid, &slice, FM_PAGES_RESIDENT, NULL);
		job->restored += back;
		fm_stat_add(space, recalled_pages, back);
	}
	if (status != FM_OK || job->range >= job->set->count)
		finish_prefetch(space, status);
}

/* ---- other orders ---- */

/* What was in swap and is resident now has come back. In this order, a page that comes back between the two looks is told
 * twice rather than never. */
static void take_recalled(struct fm_space *space, const struct fm_command *command)
{
	int status;
	struct fm_set *back = NULL, *swapped = pages_of(space, FM_PAGES_SWAPPED, &status);
	struct fm_set *resident = swapped ? pages_of(space, FM_PAGES_RESIDENT, &status) : NULL;
	if (resident) {
		back = fm_set_intersect(space->swapped, resident);
		if (!back)
			status = FM_ERR_NOMEM;
	}
	if (back) {
		fm_set_free(space->swapped);
		space->swapped = swapped;
		swapped = NULL;
	}
	fm_set_free(swapped);
	fm_set_free(resident);
	fm_emit(space->engine, &(struct fm_event){
		.type = FM_EVENT_RECALLED, .space = space->id, .op = command->op, .status = status, .set = (uintptr_t)back});
}

static struct fm_space *find(struct fm_engine *engine, uint32_t id)
{
	pthread_mutex_lock(&engine->table_lock);
	struct fm_space *space = fm_table_find(engine, id);
	pthread_mutex_unlock(&engine->table_lock);
	return space;
}

/* The process has ended, or nobody asks for it any more: it goes on with whatever is in swap. */
static void end_space(struct fm_space *space)
{
	if (space->dead)
		return;
	fm_flag(space->dead);
	if (space->evict.active) {
		space->evict.status = FM_ERR_NO_SPACE;
		finish_evict(space);
	}
	if (space->prefetch.active)
		finish_prefetch(space, FM_ERR_NO_SPACE);
	if (space->pidfd >= 0)
		close(space->pidfd); /* and out of the epoll set */
	space->pidfd = -1;
	fm_emit(space->engine, &(struct fm_event){
		.type = space->attached ? FM_EVENT_ENDED : FM_EVENT_ATTACHED, .space = space->id, .status = space->attached ? FM_OK : FM_ERR_NO_SPACE});
}

static void attach(struct fm_engine *engine, const struct fm_command *command)
{
	struct fm_space *space = find(engine, command->space);
	struct epoll_event ended = {.events = EPOLLIN, .data.ptr = space};
	space->next = engine->spaces;
	engine->spaces = space;
	space->swapped = fm_set_empty();
	space->pidfd = (int)syscall(SYS_pidfd_open, command->pid, 0);
	if (!space->swapped || space->pidfd < 0 || epoll_ctl(engine->epoll, EPOLL_CTL_ADD, space->pidfd, &ended) < 0) {
		end_space(space);
		return;
	}
	fm_flag(space->attached);
	fm_emit(engine, &(struct fm_event){.type = FM_EVENT_ATTACHED, .space = space->id});
}

static void close_space(struct fm_engine *engine, struct fm_space *space)
{
	end_space(space);
	pthread_mutex_lock(&engine->table_lock);
	engine->table[space->id & FM_TABLE_MASK] = NULL;
	pthread_mutex_unlock(&engine->table_lock);
	fm_set_free(space->swapped);
	free(space->barrier);
	space->swapped = NULL;
	space->barrier = NULL;
	fm_emit_release(engine, FM_SPACE_EVENTS);
	fm_space_unref(space);
}

static void on_command(struct fm_engine *engine, struct fm_command *command)
{
	static const uint32_t answer[] = {
		[FM_MSG_EVICT] = FM_EVENT_EVICTED, [FM_MSG_EVICT_GENERATIONS] = FM_EVENT_EVICTED, [FM_MSG_PREFETCH] = FM_EVENT_PREFETCHED, [FM_MSG_TAKE] = FM_EVENT_RECALLED};
	int kind = command->message.kind;
	struct fm_space *space = find(engine, command->space);
	bool usable = space && !space->dead && space->attached;
	bool evicts = kind == FM_MSG_EVICT || kind == FM_MSG_EVICT_GENERATIONS;
	bool busy = usable && ((evicts && space->evict.active) || (kind == FM_MSG_PREFETCH && space->prefetch.active));
	if (kind == FM_MSG_ATTACH) {
		attach(engine, command);
	} else if (kind == FM_MSG_CLOSE) {
		if (space)
			close_space(engine, space);
	} else if (kind == FM_MSG_CANCEL) {
		if (usable) {
			space->cancelled_until = command->sequence; /* also for an eviction that is still with the scanner */
			space->evict.cancelled = true;
		}
	} else if (kind == FM_MSG_TOUCHED) {
		fm_emit(engine, &(struct fm_event){.type = FM_EVENT_TOUCHED, .space = command->space, .op = command->op,
						   .status = command->status, .set = (uintptr_t)command->set});
		command->set = NULL;
	} else if (!usable || busy) {
		fm_emit(engine, &(struct fm_event){.type = answer[kind], .space = command->space, .op = command->op,
						   .status = busy ? FM_ERR_BUSY : FM_ERR_NO_SPACE});
	} else if (evicts) {
		start_evict(space, command);
	} else if (kind == FM_MSG_PREFETCH) {
		start_prefetch(space, command);
	} else {
		take_recalled(space, command);
	}
	fm_set_free(command->set);
	free(command->mapping);
	free(command);
}

static void read_inbox(struct fm_engine *engine)
{
	struct fm_message *message;
	while ((message = fm_queue_pop(&engine->inbox))) {
		if (message->kind == FM_MSG_STOP)
			engine->stopping = true;
		else
			on_command(engine, (struct fm_command *)message);
	}
}

/* ---- the loop ---- */

/* A slice of everything that is due; prefetches first, because requests wait for them. Returns when to go on, in ns from
 * now (UINT64_MAX: when something happens). */
static uint64_t work(struct fm_engine *engine)
{
	uint64_t wait = engine->overflow_count ? 100000000 : UINT64_MAX;
	bool fetching = false;
	for (struct fm_space *space = engine->spaces; space; space = space->next) {
		if (space->prefetch.active) {
			prefetch_slice(space);
			fetching = true;
		}
	}
	for (struct fm_space *space = engine->spaces; space && !fetching; space = space->next) {
		uint64_t due = space->evict.active ? evict_slice(space) : UINT64_MAX;
		wait = due < wait ? due : wait;
	}
	return fetching ? 0 : wait;
}

void *fm_swapper_main(void *argument)
{
	struct fm_engine *engine = argument;
	struct epoll_event event[ROUND_EVENTS];
	uint64_t wait = UINT64_MAX;
	while (!engine->stopping) {
		int timeout = wait == UINT64_MAX ? -1 : (int)((wait + 999999) / 1000000);
		int count = epoll_wait(engine->epoll, event, ROUND_EVENTS, timeout);
		for (int i = 0; i < count; i++)
			if (event[i].data.ptr)
				end_space(event[i].data.ptr);
		read_inbox(engine);
		fm_emit_flush(engine);
		wait = work(engine);
		while (engine->graveyard) {
			struct fm_space *space = engine->graveyard;
			engine->graveyard = space->grave;
			free(space);
		}
	}
	return NULL;
}
