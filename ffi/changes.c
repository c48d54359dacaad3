/* SPDX-License-Identifier: Apache-2.0
 * What the kernel tells of a space: how it changed, in the order in which that really happened, and which
 * threads wait for pages. */
#define _GNU_SOURCE
#include "engine.h"
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGES 64
#define FORK_NS 50000ull
#define SETTLE_NS 1000000000ull

struct moving {
	struct fm_space *space;
	uint64_t from, to;
	uint64_t (*list)[2];
	size_t count, capacity;
	bool failed;
};

static void collect(void *context, uint64_t page, uint64_t entry)
{
	struct moving *m = context;
	if (m->count == m->capacity) {
		size_t capacity = m->capacity ? m->capacity * 2 : 256;
		void *grown = realloc(m->list, capacity * sizeof(*m->list));
		if (!grown) {
			m->failed = true;
			return;
		}
		m->list = grown;
		m->capacity = capacity;
	}
	m->list[m->count][0] = page;
	m->list[m->count][1] = entry;
	m->count++;
}

static void on_remap(struct fm_space *space, uint64_t from, uint64_t to, uint64_t length)
{
	struct moving m = {.space = space, .from = from, .to = to};
	/* What is there now is wholly what was moved there. */
	fm_map_each(&space->map, to, to + length, fm_space_forget, space);
	fm_map_each(&space->map, from, from + length, collect, &m);
	for (size_t i = 0; i < m.count && !m.failed; i++) {
		uint64_t entry = m.list[i][1], target = m.list[i][0] - from + to;
		if (entry & FM_DEMAND)
			fm_fetch_moved(space, m.list[i][0], target);
		if (fm_entry_state(entry) == FM_TRANSIT)
			fm_batch_moved(space->engine, entry, target);
		fm_space_set(space, m.list[i][0], 0);
		if (!fm_space_set(space, target, entry)) {
			m.failed = true;
			if (fm_entry_state(entry) != FM_TRANSIT)
				fm_slots_unref(&space->engine->slots, fm_entry_value(entry));
		}
	}
	free(m.list);
	/* That the move was told means that its source was registered, and so the target is. */
	if (m.failed || !fm_ranges_add(&space->regions, (struct fm_range){to, to + length})) {
		fm_space_abandon(space, FM_ERR_NOMEM); /* it is not known where a page went */
		return;
	}
	fm_space_wake(space, from, length);
}

/* The space of a child that was just forked: made when the event is read, filled in when its turn comes. */
static struct fm_space *child_make(struct fm_space *parent, int userfault)
{
	struct fm_space *child = fm_space_make(parent->engine);
	if (!child) { /* The descriptor stays open: closed, the child would read zeros. */
		fm_space_kill(parent, FM_ERR_NOMEM);
		return NULL;
	}
	child->userfault = userfault;
	child->root = parent->root;
	child->held = FM_AGENT_HELD;
	fm_space_ref(parent->root);
	fm_space_hold_child(child);
	return child;
}

void fm_space_child_events(struct fm_space *child)
{
	if (!child->dead && !child->abandoned && fm_pager_watch(child->engine, child->userfault, child, FM_WATCH_USERFAULT) < 0)
		fm_space_abandon(child, FM_ERR_NOMEM);
}

/* ---- order of the changes ----
 *
 * UNMAP, REMAP and FORK are told after the fact, and outside of the lock under which they happened: a thread
 * that was preempted in between tells late, and its change seems to follow one that really came after it
 * (thread 1 unmaps A; thread 2 moves C to A; told: C moved to A, A unmapped). A mremap even tells two things
 * one after the other, the move and the unmapping of its source, with a wait in between.
 *
 * The kernel counts changes from the moment they happen until they are read, and refuses to fill or move
 * pages meanwhile (EAGAIN). So changes are collected until that count is zero: then the group is complete.
 * Its true order follows from one fact: nothing moves to where something is, so a move onto a place that is
 * taken comes after what emptied it. Where a FORK stands among them, the child's own address space tells. */

static bool group_room(struct fm_space *space, size_t more);
static size_t collect_events(struct fm_space *space);

static struct fm_range remap_from(const struct uffd_msg *m)
{
	return (struct fm_range){m->arg.remap.from / FM_PAGE_SIZE, (m->arg.remap.from + m->arg.remap.len) / FM_PAGE_SIZE};
}

static struct fm_range remap_to(const struct uffd_msg *m)
{
	return (struct fm_range){m->arg.remap.to / FM_PAGE_SIZE, (m->arg.remap.to + m->arg.remap.len) / FM_PAGE_SIZE};
}

static struct fm_range removed(const struct uffd_msg *m)
{
	return (struct fm_range){m->arg.remove.start / FM_PAGE_SIZE, m->arg.remove.end / FM_PAGE_SIZE};
}

static bool overlaps(struct fm_range a, struct fm_range b)
{
	return a.start < b.end && b.start < a.end;
}

/* Moves the message at `from` up to place `to`. */
static void bring_up(struct fm_space *space, size_t from, size_t to)
{
	struct uffd_msg moving = space->group[from];
	memmove(space->group + to + 1, space->group + to, (from - to) * sizeof(moving));
	space->group[to] = moving;
}

/* The range that a change empties. */
static struct fm_range emptied(const struct uffd_msg *m)
{
	return m->event == UFFD_EVENT_REMAP ? remap_from(m) : removed(m);
}

static uint64_t shared_pages(struct fm_range a, struct fm_range b)
{
	uint64_t start = a.start > b.start ? a.start : b.start, end = a.end < b.end ? a.end : b.end;
	return start < end ? end - start : 0;
}

static size_t count_touching(const struct fm_space *space, size_t at, struct fm_range range, uint8_t event)
{
	size_t count = 0;
	for (; at < space->group_count; at++)
		count += space->group[at].event == event && overlaps(emptied(&space->group[at]), range);
	return count;
}

/* The change from `at` on that emptied `in_way`, a part of `region`: of those that touch it the one that fits
 * the whole region best, and no more than it. Others belong to what is there afterwards. */
static size_t what_emptied(const struct fm_space *space, size_t at, struct fm_range in_way, struct fm_range region, uint8_t event)
{
	size_t best = space->group_count;
	uint64_t best_shared = 0, best_size = 0;
	for (; at < space->group_count; at++) {
		struct fm_range gone = emptied(&space->group[at]);
		if (space->group[at].event != event || !overlaps(gone, in_way))
			continue;
		uint64_t shared = shared_pages(gone, region), size = gone.end - gone.start;
		if (shared > best_shared || (shared == best_shared && size < best_size)) {
			best = at;
			best_shared = shared;
			best_size = size;
		}
	}
	return best;
}

/* Brings what emptied the target of the move at `at` before it: an unmapping, or a move away with its
 * unmapping (then there are not more unmappings than moves). False: there is none. */
static bool empty_target(struct fm_space *space, size_t at)
{
	struct fm_range target = remap_to(&space->group[at]);
	struct fm_range region = target, in_way;
	if (fm_ranges_overlap(&space->regions, target))
		region = space->regions.range[fm_ranges_at(&space->regions, target.start)];
	in_way = region;
	in_way.start = in_way.start > target.start ? in_way.start : target.start;
	in_way.end = in_way.end < target.end ? in_way.end : target.end;
	size_t unmaps = count_touching(space, at + 1, in_way, UFFD_EVENT_UNMAP);
	size_t moves = count_touching(space, at + 1, in_way, UFFD_EVENT_REMAP);
	if (!unmaps)
		return false;
	if (moves >= unmaps) {
		bring_up(space, what_emptied(space, at + 1, in_way, region, UFFD_EVENT_REMAP), at);
		at++;
	}
	bring_up(space, what_emptied(space, at + 1, in_way, region, UFFD_EVENT_UNMAP), at);
	return true;
}

/* Is something in the way of the move at `at`? Either it is known to be; or the first unmapping of a part of the target
 * that is told later did not unmap what is there now: it was something that had grown in place, which nobody tells. */
static bool is_taken(struct fm_space *space, size_t at)
{
	struct fm_range target = remap_to(&space->group[at]);
	if (fm_ranges_overlap(&space->regions, target))
		return true;
	for (size_t i = at + 1; i < space->group_count; i++) {
		struct fm_range gone = removed(&space->group[i]);
		if (space->group[i].event == UFFD_EVENT_UNMAP && overlaps(gone, target))
			return fm_space_is_registered(space, gone.start > target.start ? gone.start : target.start);
	}
	return false;
}

static struct fm_space *forked(const struct uffd_msg *fork)
{
	return (struct fm_space *)(uintptr_t)fork->arg.reserved.reserved1;
}

static bool is_late(const struct uffd_msg *m)
{
	return m->event == UFFD_EVENT_REMAP || m->event == UFFD_EVENT_UNMAP;
}

static bool holds(struct fm_range range, uint64_t page)
{
	return page >= range.start && page < range.end;
}

/* Was this page registered in the child when it was made? The child runs already; but what it changed since
 * is in its group, and the first change that touches the page tells what was there before. */
static bool was_registered(struct fm_space *child, uint64_t page)
{
	for (size_t i = 0; i < child->group_count; i++) {
		const struct uffd_msg *m = &child->group[i];
		if (m->event == UFFD_EVENT_UNMAP && holds(removed(m), page))
			return true;
		if (m->event == UFFD_EVENT_REMAP && holds(remap_from(m), page))
			return true;
		if (m->event == UFFD_EVENT_REMAP && holds(remap_to(m), page))
			return false;
	}
	if (fm_ranges_has(&child->looked_at, page))
		return fm_ranges_has(&child->birth, page);
	return fm_space_is_registered(child, page);
}

static bool moves_to(const struct fm_space *space, uint64_t page)
{
	for (size_t i = 0; i < space->group_count; i++)
		if (space->group[i].event == UFFD_EVENT_REMAP && holds(remap_to(&space->group[i]), page))
			return true;
	return false;
}

/* Did the child get what its parent has at `place`? Being registered there does not say so: a mapping next to it
 * that grows in place when it is gone, which nobody tells, is registered there too. But that does not end where the old one did. */
static bool child_got(const struct fm_space *space, struct fm_space *child, struct fm_range place)
{
	uint64_t last = place.start;
	for (size_t i = fm_ranges_at(&space->regions, place.start); i < space->regions.count && space->regions.range[i].start < place.end; i++)
		last = (space->regions.range[i].end < place.end ? space->regions.range[i].end : place.end) - 1;
	if (!was_registered(child, place.start) || !was_registered(child, last))
		return false;
	return last + 1 < place.end || fm_ranges_has(&space->regions, place.end) || moves_to(space, place.end) || !was_registered(child, place.end);
}

static bool same_place(const struct uffd_msg *a, const struct uffd_msg *b)
{
	bool moves = b->event == UFFD_EVENT_REMAP;
	struct fm_range from = moves ? remap_from(b) : removed(b), to = moves ? remap_to(b) : from;
	if (a->event != UFFD_EVENT_REMAP)
		return overlaps(removed(a), from) || overlaps(removed(a), to);
	return overlaps(remap_from(a), from) || overlaps(remap_from(a), to) || overlaps(remap_to(a), from) || overlaps(remap_to(a), to);
}

/* Had the change at `at` happened when the child of the FORK at `fork` was made? Yes, when a later one of the same
 * place had. An unmapping that is told before a fork happened before it or at the same time, and then nobody can count on
 * what the child sees: who forks waits until the fork is told. Else the child's address space shows it. */
static bool child_has(struct fm_space *space, size_t at, size_t fork)
{
	const struct uffd_msg *m = &space->group[at];
	struct fm_space *child = forked(&space->group[fork]);
	for (size_t j = at + 1; j < space->group_count; j++)
		if (is_late(&space->group[j]) && same_place(m, &space->group[j]) && child_has(space, j, fork))
			return true;
	if (m->event == UFFD_EVENT_UNMAP)
		return at < fork || !child_got(space, child, removed(m));
	/* MREMAP_DONTUNMAP leaves the source registered, and no unmapping follows. Where nothing was unmapped, what is
	 * registered at the target was moved there. */
	return was_registered(child, remap_to(m).start) &&
	       (!child_got(space, child, remap_from(m)) || !count_touching(space, at, remap_from(m), UFFD_EVENT_UNMAP) ||
		!count_touching(space, 0, remap_to(m), UFFD_EVENT_UNMAP));
}

/* An unmapping told after the fork, of a place that is registered in the child up to where it ended: either it happened
 * after the fork, or a neighbour grew exactly over the place in between, within the microseconds that a fork
 * takes. Nothing tells which. What was stored there is neither given to the child nor read as zeros: an access ends it. */
static bool note_doubt(const struct fm_space *space, const struct uffd_msg *m, struct fm_space *child)
{
	struct fm_range place = removed(m);
	if (m->event != UFFD_EVENT_UNMAP || !fm_space_is_one_mapping(child, place.start - 1, place.start + 1))
		return true;
	return !fm_ranges_overlap(&space->regions, place) || fm_ranges_add(&child->doubtful, place);
}

/* Puts the FORK at `at` before the first change that the child does not have. What the child has all the same
 * of what follows, and the discards of the forking thread, become the first of the child's own changes.
 * False: no memory. */
static bool place_fork(struct fm_space *space, size_t at)
{
	struct fm_space *child = forked(&space->group[at]);
	size_t to = 0, firsts = 0;
	struct uffd_msg *first = child ? malloc(space->group_count * sizeof(*first)) : NULL;
	if (!first)
		return !child;
	while (to < at && !(is_late(&space->group[to]) && !child_has(space, to, at)))
		to++;
	for (size_t j = to; j < at; j++) {
		const struct uffd_msg *m = &space->group[j];
		bool has = is_late(m) ? child_has(space, j, at) : m->event == UFFD_EVENT_REMOVE;
		/* A discard of what a change moved there that the child has not is not the child's. */
		for (size_t k = to; k < at && has && !is_late(m); k++)
			has = !is_late(&space->group[k]) || !same_place(m, &space->group[k]) || child_has(space, k, at);
		if (has)
			first[firsts++] = *m;
	}
	bool room = true;
	for (size_t j = at + 1; j < space->group_count; j++) {
		if (is_late(&space->group[j]) && child_has(space, j, at))
			first[firsts++] = space->group[j];
		else
			room &= note_doubt(space, &space->group[j], child);
	}
	room &= group_room(child, firsts);
	if (room && firsts) {
		memmove(child->group + firsts, child->group, child->group_count * sizeof(*first));
		memcpy(child->group, first, firsts * sizeof(*first));
		child->group_count += firsts;
	}
	free(first);
	bring_up(space, at, to);
	return room;
}

/* Reads what a child has done since it was forked. False: it is in the middle of a change. */
static bool child_settled(struct fm_space *child)
{
	while (child && collect_events(child) > 0)
		;
	return !child || !fm_space_is_changing(child);
}

/* False: a child must be looked at again first. */
static bool place_forks(struct fm_space *space)
{
	size_t late = 0;
	bool settled = true;
	for (size_t i = 0; i < space->group_count; i++)
		late += is_late(&space->group[i]);
	for (size_t i = 0; i < space->group_count && late; i++)
		if (space->group[i].event == UFFD_EVENT_FORK)
			settled &= child_settled(forked(&space->group[i]));
	for (size_t i = 0; i < space->group_count && late && settled; i++)
		if (space->group[i].event == UFFD_EVENT_FORK && !place_fork(space, i))
			fm_space_abandon(forked(&space->group[i]), FM_ERR_NOMEM);
	return settled;
}

/* Refused while the child, which runs already, is in the middle of a change. */
static bool poison_settled(struct fm_space *child, uint64_t page)
{
	uint64_t end = fm_now_ns() + SETTLE_NS;
	while (!fm_space_poison(child, page)) {
		if (fm_now_ns() > end)
			return false;
		child_settled(child);
	}
	return true;
}

static void inherit(void *context, uint64_t page, uint64_t entry)
{
	struct moving *m = context;
	struct fm_space *child = m->space;
	if (fm_ranges_has(&child->doubtful, page)) {
		m->failed |= !poison_settled(child, page);
	} else if (fm_entry_state(entry) == FM_STORED) {
		entry &= ~(uint64_t)FM_DEMAND;
		if (fm_slots_ref(&child->engine->slots, fm_entry_value(entry)) < 0)
			m->failed = true;
		else if (!fm_space_set(child, page, entry)) {
			fm_slots_unref(&child->engine->slots, fm_entry_value(entry));
			m->failed = true;
		}
	} else if (fm_entry_state(entry) == FM_TRANSIT) {
		fm_batch_share(child, page, entry);
	} /* CLEAN: the child has the page */
}

static void on_fork(struct fm_space *parent, struct fm_space *child)
{
	struct fm_engine *engine = parent->engine;
	if (!child)
		return;
	child->next = engine->spaces;
	engine->spaces = child;
	fm_flag(child->attached);
	struct moving m = {.space = child};
	fm_map_each(&parent->map, 0, UINT64_MAX, inherit, &m);
	for (size_t i = 0; i < parent->regions.count; i++)
		m.failed |= !fm_ranges_add(&child->regions, parent->regions.range[i]);
	if (m.failed)
		fm_space_abandon(child, FM_ERR_NOMEM);
	if (!child->waiting_for)
		fm_space_child_events(child);
}

bool fm_space_orphans(struct fm_space *space)
{
	bool any = false;
	for (size_t i = 0; i < space->group_count; i++) {
		struct fm_space *child = space->group[i].event == UFFD_EVENT_FORK ? forked(&space->group[i]) : NULL;
		if (!child)
			continue;
		child->abandoned = any = true;
		child->next = space->engine->spaces;
		space->engine->spaces = child;
	}
	space->group_count = 0;
	return any;
}

static void apply(struct fm_space *space, struct uffd_msg *m)
{
	struct fm_range gone = removed(m);
	switch (m->event) {
	case UFFD_EVENT_FORK: {
		struct fm_space *child = forked(m);
		m->arg.reserved.reserved1 = 0; /* placed: no orphan, should the space end before the rest is */
		on_fork(space, child);
		break;
	}
	case UFFD_EVENT_REMAP:
		on_remap(space, remap_from(m).start, remap_to(m).start, m->arg.remap.len / FM_PAGE_SIZE);
		break;
	case UFFD_EVENT_REMOVE:
		fm_map_each(&space->map, gone.start, gone.end, fm_space_forget, space);
		if (space->root == space && !fm_ranges_add(&space->discarded, gone))
			fm_space_abandon(space, FM_ERR_NOMEM);
		break;
	case UFFD_EVENT_UNMAP:
		fm_map_each(&space->map, gone.start, gone.end, fm_space_forget, space);
		fm_region_remove(space, gone.start, gone.end);
		break;
	}
}

/* A single thread's changes are told in their order: it waits for each to be read. (The other thread is the agent.) */
static bool is_single_threaded(const struct fm_space *space)
{
	char text[512];
	int fd = space->root == space ? fm_proc_open(space->pid, "stat", O_RDONLY) : -1;
	ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = 0;
	/* Field 20 of proc_pid_stat(5); the name before it may contain anything. */
	const char *at = strrchr(text, ')');
	long threads = 0;
	return at && sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld", &threads) == 1 && threads <= 2;
}

static void apply_group(struct fm_space *space)
{
	bool in_order = space->group_count == 1 || is_single_threaded(space);
	if (!in_order && !place_forks(space))
		return;
	size_t turns = space->group_count * space->group_count; /* enough for any order; ends a circle */
	for (size_t i = 0; i < space->group_count && !space->dead && !space->abandoned;) {
		const struct uffd_msg *m = &space->group[i];
		if (m->event == UFFD_EVENT_REMAP && turns && !in_order && is_taken(space, i) && empty_target(space, i))
			turns--; /* look at what came here instead */
		else
			apply(space, &space->group[i++]);
	}
	for (size_t i = 0; i < space->group_count && !space->dead; i++)
		if (space->group[i].event == UFFD_EVENT_REMAP && fm_ranges_has(&space->regions, remap_to(&space->group[i]).end - 1))
			fm_region_learn(space, remap_to(&space->group[i]).end);
	space->group_count = 0;
}

static bool group_room(struct fm_space *space, size_t more)
{
	size_t need = space->group_count + more;
	if (need <= space->group_capacity)
		return true;
	struct uffd_msg *grown = realloc(space->group, need * 2 * sizeof(*grown));
	if (!grown)
		return false;
	space->group = grown;
	space->group_capacity = need * 2;
	return true;
}

/* One read: changes go to the group, faults to the list of deferred ones. The number of messages. */
static size_t collect_events(struct fm_space *space)
{
	/* Read into the group's own memory: an event that was read must not be lost for lack of it. */
	space->starved = !group_room(space, MESSAGES);
	if (space->starved)
		return 0;
	struct uffd_msg *message = space->group + space->group_count;
	ssize_t got = read(space->userfault, message, MESSAGES * sizeof(*message));
	size_t count = got > 0 ? (size_t)got / sizeof(*message) : 0, kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (message[i].event == UFFD_EVENT_PAGEFAULT) {
			fm_fault_defer(space, message[i].arg.pagefault.address / FM_PAGE_SIZE);
			continue;
		}
		if (message[i].event == UFFD_EVENT_FORK) {
			struct fm_space *child = child_make(space, (int)message[i].arg.fork.ufd);
			/* Should its place among other changes be in doubt: look before it grows anything. */
			if (child && (space->group_count + kept || fm_space_is_changing(space)) && !fm_region_birth(child, &space->regions))
				fm_space_abandon(child, FM_ERR_NOMEM);
			message[i].arg.reserved.reserved1 = (uintptr_t)child;
		}
		if (message[i].event == UFFD_EVENT_REMOVE)
			__atomic_fetch_add(&space->discards, 1, __ATOMIC_RELEASE);
		message[kept++] = message[i];
	}
	space->group_count += kept;
	return count;
}

/* A fork that was just read goes on within microseconds, and then nothing is changing unless a change is on its way
 * that happened before: seeing that, what comes later is known to come later. */
static void await_forks(struct fm_space *space, size_t from)
{
	uint64_t end = 0;
	for (size_t i = from; i < space->group_count; i++)
		if (space->group[i].event == UFFD_EVENT_FORK)
			end = fm_now_ns() + FORK_NS;
	while (end && fm_space_is_changing(space) && fm_now_ns() < end)
		;
}

/* Reads everything the kernel has to say. Faults are judged after all known changes were applied. */
void fm_space_read_events(struct fm_space *space)
{
	while (!space->dead && !space->abandoned && !space->gated && !space->waiting_for) {
		size_t before = space->group_count, count = collect_events(space);
		await_forks(space, before);
		if (space->group_count && !fm_space_is_changing(space))
			apply_group(space);
		if (!space->group_count)
			fm_fault_all(space);
		if (count < MESSAGES)
			return;
	}
}
