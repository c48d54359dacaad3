/* SPDX-License-Identifier: Apache-2.0
 * One address space: its managed regions, what the kernel tells about it, and the calls that fill it. */
#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uapi.h"

#define EVENT_FEATURES                                                                                                 \
	(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP)
#define MESSAGES 64

/* ---- life ---- */

struct fm_space *fm_space_make(struct fm_engine *engine)
{
	struct fm_space *space = calloc(1, sizeof(*space));
	if (!space)
		return NULL;
	space->engine = engine;
	space->root = space;
	space->refs = 1;
	space->pidfd = space->userfault = space->agent = -1;
	fm_map_init(&space->map);
	fm_fetch_list_init(&space->ready);
	return space;
}

void fm_space_ref(struct fm_space *space)
{
	space->refs++;
}

void fm_space_unref(struct fm_space *space)
{
	if (--space->refs)
		return;
	struct fm_engine *engine = space->engine;
	for (struct fm_space **at = &engine->spaces; *at; at = &(*at)->next) {
		if (*at == space) {
			*at = space->next;
			break;
		}
	}
	struct fm_space *root = space->root;
	/* Events of this round may still point here. */
	space->grave = engine->graveyard;
	engine->graveyard = space;
	if (root != space)
		fm_space_unref(root);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void forget_entry(void *context, uint64_t page, uint64_t entry)
{
	struct fm_space *space = context;
	if (fm_entry_state(entry) == FM_STORED)
		fm_slots_unref(&space->engine->slots, fm_entry_value(entry));
	else
		fm_batch_forget(space, page, entry);
	fm_space_set(space, page, 0);
}

static void order_hold(struct fm_space *child, uint32_t op, int descriptor)
{
	struct fm_agent_order order = {.op = op, .buffer = child->held};
	struct iovec data = {&order, offsetof(struct fm_agent_order, run)};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	if (descriptor >= 0) {
		memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	sendmsg(child->root->agent, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void fm_space_end(struct fm_space *space)
{
	if (space->dead)
		return;
	fm_flag(space->dead);
	if (space->root != space && space->held < FM_AGENT_HELD && !space->root->dead) {
		order_hold(space, FM_AGENT_RELEASE, -1);
		space->root->holds[space->held] = false;
	}
	fm_map_each(&space->map, 0, UINT64_MAX, forget_entry, space);
	fm_map_clear(&space->map);
	close_fd(&space->userfault);
	close_fd(&space->agent);
	close_fd(&space->pidfd);
	free(space->region);
	free(space->deferred);
	free(space->recalled);
	free(space->group);
	space->region = NULL;
	space->group = NULL;
	space->group_count = space->group_capacity = 0;
	space->deferred = space->recalled = NULL;
	space->regions = space->deferred_count = space->recalled_count = 0;
	space->deferred_capacity = space->recalled_capacity = space->region_capacity = 0;
	space->gated = false;
	if (space->ordered) {
		struct fm_batch *batch = space->ordered;
		space->ordered = NULL;
		batch->pages = 0;
		fm_batch_stored(batch);
	}
	fm_evict_pump(space);
	fm_prefetch_pump(space);
	if (space->root == space) {
		if (space->attached)
			fm_emit(space->engine, &(struct fm_event){.type = FM_EVENT_ENDED, .space = space->id});
		else
			fm_emit(space->engine, &(struct fm_event){.type = FM_EVENT_ATTACHED, .space = space->id, .status = FM_ERR_NO_SPACE});
	}
	fm_slots_send(space->engine);
	if (space->root != space)
		fm_space_unref(space); /* nobody else closes a forked child */
}

void fm_space_kill(struct fm_space *space, int status)
{
	struct fm_space *root = space->root;
	if (root->dead)
		return;
	fm_emit(root->engine, &(struct fm_event){.type = FM_EVENT_LOST, .space = root->id, .status = status});
	if (root->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, root->pidfd, SIGKILL, NULL, 0);
}

/* ---- attach ---- */

static int receive_hello(struct fm_space *space, struct fm_agent_hello *hello)
{
	struct iovec data = {hello, sizeof(*hello)};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(space->agent, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *c = length > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&space->userfault, CMSG_DATA(c), sizeof(int));
	if (length == 0)
		return FM_ERR_NO_AGENT;
	if (length != sizeof(*hello) || hello->version != FM_AGENT_VERSION)
		return FM_ERR_PROTOCOL;
	if (hello->error || space->userfault < 0)
		return FM_ERR_USERFAULTFD;
	return FM_OK;
}

int fm_space_handshake(struct fm_space *space)
{
	struct fm_agent_hello hello;
	int status = receive_hello(space, &hello);
	if (status != FM_OK)
		return status;
	struct uffdio_api api = {.api = UFFD_API, .features = EVENT_FEATURES | FM_UFFD_FEATURE_MOVE};
	if (ioctl(space->userfault, UFFDIO_API, &api) < 0)
		return errno == EPERM ? FM_ERR_USERFAULTFD : FM_ERR_KERNEL;
	space->arena_start = hello.arena_start;
	space->arena_end = hello.arena_end;
	space->staging = hello.staging;
	for (uint32_t i = 0; i < FM_STAGING_BUFFERS; i++) {
		struct uffdio_register range = {
			.range = {space->staging + i * FM_BATCH_PAGES * FM_PAGE_SIZE, FM_BATCH_PAGES * FM_PAGE_SIZE},
			.mode = UFFDIO_REGISTER_MODE_MISSING,
		};
		if (ioctl(space->userfault, UFFDIO_REGISTER, &range) < 0)
			return errno == ESRCH || errno == ENOMEM ? FM_ERR_NO_SPACE : FM_ERR_SYSTEM;
	}
	if (fm_pager_watch(space->engine, space->userfault, space, FM_WATCH_USERFAULT) < 0)
		return FM_ERR_NOMEM;
	fm_flag(space->attached);
	return FM_OK;
}

/* ---- regions ---- */

/* Index of the first region that ends after `page`. */
static size_t region_at(const struct fm_space *space, uint64_t page)
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
	size_t i = region_at(space, page);
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
	size_t i = region_at(space, start);
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
	size_t at = region_at(space, start);
	if (at < space->regions && space->region[at].start == end) {
		space->region[at].start = start;
		return;
	}
	if (at && space->region[at - 1].end == start) {
		space->region[at - 1].end = end;
		return;
	}
	region_insert(space, region_at(space, start), (struct fm_range){start, end});
}

/* Is a change of this address space happened but unread? Says so whatever the range. */
static bool is_changing(struct fm_space *space)
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

static bool is_registered(struct fm_space *space, uint64_t page)
{
	return is_one_mapping(space, page, page + 1);
}

/* A registered mapping that grew (mremap, in place or on the way) is registered there too, and nobody says so. */
void fm_region_learn(struct fm_space *space, uint64_t page)
{
	if (fm_region_has(space, page) || !is_registered(space, page))
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
	size_t i = region_at(space, start);
	if (i < space->regions && space->region[i].start <= start && space->region[i].end >= end)
		return;
	struct uffdio_register wanted = {
		.range = {start * FM_PAGE_SIZE, (end - start) * FM_PAGE_SIZE},
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	if (is_changing(space))
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
	if (space->dead || space->gated || space->map.chunks || space->evict.active || space->deferred_count || space->group_count)
		return;
	for (size_t i = 0; i < space->regions; i++) {
		struct uffdio_range range = {space->region[i].start * FM_PAGE_SIZE,
					     (space->region[i].end - space->region[i].start) * FM_PAGE_SIZE};
		ioctl(space->userfault, UFFDIO_UNREGISTER, &range);
	}
	space->regions = 0;
}

/* ---- entries ---- */

bool fm_space_set(struct fm_space *space, uint64_t page, uint64_t entry)
{
	uint64_t before = fm_map_get(&space->map, page);
	if (fm_map_set(&space->map, page, entry) < 0)
		return false;
	bool was = fm_entry_state(before) == FM_STORED, is = fm_entry_state(entry) == FM_STORED;
	if (was != is)
		fm_stat_add(space, remote_pages, is ? 1 : -1);
	return true;
}

void fm_space_note_recalled(struct fm_space *space, uint64_t page)
{
	fm_stat_add(space, recalled_pages, 1);
	if (space->root != space)
		return;
	if (space->recalled_count == space->recalled_capacity) {
		size_t capacity = space->recalled_capacity ? space->recalled_capacity * 2 : 1024;
		uint64_t *grown = realloc(space->recalled, capacity * sizeof(*grown));
		if (!grown)
			return; /* a hint is lost, nothing else */
		space->recalled = grown;
		space->recalled_capacity = capacity;
	}
	space->recalled[space->recalled_count++] = page;
}

/* ---- filling ---- */

void fm_space_wake(struct fm_space *space, uint64_t page, uint64_t pages)
{
	struct uffdio_range range = {page * FM_PAGE_SIZE, pages * FM_PAGE_SIZE};
	if (!space->dead)
		ioctl(space->userfault, UFFDIO_WAKE, &range);
}

uint32_t fm_space_fill(struct fm_space *space, uint64_t page, const uint8_t *data, uint32_t pages)
{
	uint32_t done = 0, step = pages;
	while (done < pages && !space->dead && !space->group_count) {
		struct uffdio_copy copy = {
			.dst = (page + done) * FM_PAGE_SIZE,
			.src = (uintptr_t)(data + (size_t)done * FM_PAGE_SIZE),
			.len = (uint64_t)(step < pages - done ? step : pages - done) * FM_PAGE_SIZE,
			.mode = UFFDIO_COPY_MODE_DONTWAKE,
		};
		int result = ioctl(space->userfault, UFFDIO_COPY, &copy);
		uint32_t filled = result == 0 ? (uint32_t)(copy.len / FM_PAGE_SIZE)
				  : copy.copy > 0 ? (uint32_t)((uint64_t)copy.copy / FM_PAGE_SIZE) : 0;
		for (uint32_t i = 0; i < filled; i++) {
			uint64_t at = page + done + i;
			uint64_t entry = fm_map_get(&space->map, at);
			if (fm_entry_state(entry) == FM_STORED)
				fm_slots_unref(&space->engine->slots, fm_entry_value(entry));
			fm_space_set(space, at, 0);
			fm_space_note_recalled(space, at);
		}
		done += filled;
		if (result == 0 || filled)
			continue;
		if (errno == EEXIST) {
			/* Somebody's page is there already: it is the newer one. */
			uint64_t entry = fm_map_get(&space->map, page + done);
			if (fm_entry_state(entry) == FM_STORED)
				fm_slots_unref(&space->engine->slots, fm_entry_value(entry));
			fm_space_set(space, page + done, 0);
			done++;
		} else if (errno == ENOENT && step > 1) {
			step = 1; /* the run crosses mappings */
		} else if (errno == ENOENT) {
			/* No mapping here now. An unread event will tell; until then the stored page is kept. */
			uint64_t entry = fm_map_get(&space->map, page + done);
			if (entry & FM_DEMAND)
				fm_space_set(space, page + done, entry & ~(uint64_t)FM_DEMAND);
			done++;
		} else if (errno == ESRCH || errno == ENOSPC) {
			fm_space_end(space);
		} else {
			break; /* EAGAIN: events first; ENOMEM: the target's limit, try again */
		}
	}
	return space->dead ? pages : done;
}

bool fm_space_zero(struct fm_space *space, uint64_t page)
{
	if (space->group_count)
		return false;
	uint64_t first = page & ~(uint64_t)(FM_ZERO_AROUND - 1), end = first + FM_ZERO_AROUND;
	/* Neighbours that are away or in transit are not zero; neither is anything outside of the region. */
	uint64_t low = page, high = page + 1;
	while (low > first && fm_region_has(space, low - 1) && !fm_map_get(&space->map, low - 1))
		low--;
	while (high < end && fm_region_has(space, high) && !fm_map_get(&space->map, high))
		high++;
	bool asked = false;
	uint64_t at = low;
	while (at < high && !space->dead) {
		struct uffdio_zeropage zero = {
			.range = {at * FM_PAGE_SIZE, (high - at) * FM_PAGE_SIZE},
			.mode = UFFDIO_ZEROPAGE_MODE_DONTWAKE,
		};
		int result = ioctl(space->userfault, UFFDIO_ZEROPAGE, &zero);
		uint64_t filled = result == 0 ? high - at : zero.zeropage > 0 ? (uint64_t)zero.zeropage / FM_PAGE_SIZE : 0;
		fm_stat_add(space, zero_fills, filled);
		if (at <= page && page < at + filled)
			asked = true;
		at += filled;
		if (result == 0 || filled)
			continue;
		if (errno == EEXIST) {
			asked |= at == page;
			at++;
		} else if (errno == ENOENT) {
			if (high - low > 1) { /* the window crosses mappings: only the page itself then */
				low = at = page;
				high = page + 1;
				if (asked)
					break;
			} else {
				asked = true; /* unmapped meanwhile: the thread's next try meets that */
				break;
			}
		} else if (errno == ESRCH || errno == ENOSPC) {
			fm_space_end(space);
		} else {
			break;
		}
	}
	if (!asked && !space->dead)
		return false;
	fm_space_wake(space, low, high - low);
	return true;
}

void fm_space_poison(struct fm_space *space, uint64_t page)
{
	struct fm_uffdio_range_op poison = {.range = {page * FM_PAGE_SIZE, FM_PAGE_SIZE}};
	if (!space->dead && ioctl(space->userfault, FM_UFFDIO_POISON, &poison) < 0 && errno == ESRCH)
		fm_space_end(space);
}

bool fm_space_is_gone(struct fm_space *space)
{
	struct fm_uffdio_range_op probe = {.range = {FM_PAGE_SIZE * 16, FM_PAGE_SIZE}};
	if (space->regions)
		probe.range.start = space->region[0].start * FM_PAGE_SIZE;
	return ioctl(space->userfault, FM_UFFDIO_CONTINUE, &probe) < 0 && errno == ESRCH;
}

/* ---- events of the kernel ---- */

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
	fm_map_each(&space->map, to, to + length, forget_entry, space);
	fm_map_each(&space->map, from, from + length, collect, &m);
	for (size_t i = 0; i < m.count && !m.failed; i++) {
		uint64_t entry = m.list[i][1], target = m.list[i][0] - from + to;
		if (entry & FM_DEMAND)
			fm_fetch_moved(space, m.list[i][0], target);
		if (fm_entry_state(entry) == FM_TRANSIT)
			fm_batch_moved(space->engine, entry, target);
		fm_space_set(space, m.list[i][0], 0);
		if (!fm_space_set(space, target, entry))
			m.failed = true;
	}
	free(m.list);
	if (m.failed) { /* without memory to remember where a page went, the program must not go on */
		fm_space_kill(space, FM_ERR_NOMEM);
		return;
	}
	/* That the move was told means that its source was registered, and so the target is. */
	fm_region_add(space, to, to + length);
	fm_space_wake(space, from, length);
}

static void inherit(void *context, uint64_t page, uint64_t entry)
{
	struct moving *m = context;
	struct fm_space *child = m->space;
	if (fm_entry_state(entry) == FM_STORED) {
		entry &= ~(uint64_t)FM_DEMAND;
		if (fm_slots_ref(&child->engine->slots, fm_entry_value(entry)) < 0)
			m->failed = true;
		else if (!fm_space_set(child, page, entry)) {
			fm_slots_unref(&child->engine->slots, fm_entry_value(entry));
			m->failed = true;
		}
	} else {
		fm_batch_share(child, page, entry);
	}
}

/* The attached process holds the child's descriptor too: if the engine's process died, the child would block
 * instead of reading zeros. */
static void hold_child(struct fm_space *child)
{
	for (uint32_t i = 0; i < FM_AGENT_HELD && !child->root->dead; i++) {
		if (child->root->holds[i])
			continue;
		child->root->holds[i] = true;
		child->held = i;
		order_hold(child, FM_AGENT_HOLD, child->userfault);
		return;
	}
}

/* The space of a child that was just forked: made when the event is read, filled in when its turn comes. */
static struct fm_space *child_make(struct fm_space *parent, int userfault)
{
	struct fm_space *child = fm_space_make(parent->engine);
	if (!child) {
		close(userfault);
		fm_space_kill(parent, FM_ERR_NOMEM);
		return NULL;
	}
	child->userfault = userfault;
	child->root = parent->root;
	child->held = FM_AGENT_HELD;
	fm_space_ref(parent->root);
	hold_child(child);
	return child;
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
	for (size_t i = 0; i < parent->regions; i++)
		fm_region_add(child, parent->region[i].start, parent->region[i].end);
	if (m.failed)
		fm_space_kill(parent, FM_ERR_NOMEM);
	if (!child->waiting_for)
		fm_space_child_events(child);
}

void fm_space_child_events(struct fm_space *child)
{
	if (!child->dead && fm_pager_watch(child->engine, child->userfault, child, FM_WATCH_USERFAULT) < 0)
		fm_space_kill(child, FM_ERR_NOMEM);
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

static bool is_taken(const struct fm_space *space, struct fm_range range)
{
	size_t i = region_at(space, range.start);
	return i < space->regions && space->region[i].start < range.end;
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
	struct fm_range region = space->region[region_at(space, target.start)], in_way = region;
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
	return is_registered(child, page);
}

static bool same_place(const struct uffd_msg *a, const struct uffd_msg *b)
{
	bool moves = b->event == UFFD_EVENT_REMAP;
	struct fm_range from = moves ? remap_from(b) : removed(b), to = moves ? remap_to(b) : from;
	if (a->event != UFFD_EVENT_REMAP)
		return overlaps(removed(a), from) || overlaps(removed(a), to);
	return overlaps(remap_from(a), from) || overlaps(remap_from(a), to) || overlaps(remap_to(a), from) || overlaps(remap_to(a), to);
}

/* Had the change at `at` happened when the child was made? Yes, when a later one of the same place had; else
 * the child's address space shows it. */
static bool child_has(struct fm_space *space, size_t at, struct fm_space *child)
{
	const struct uffd_msg *m = &space->group[at];
	for (size_t j = at + 1; j < space->group_count; j++)
		if (is_late(&space->group[j]) && same_place(m, &space->group[j]) && child_has(space, j, child))
			return true;
	if (m->event == UFFD_EVENT_UNMAP)
		return !was_registered(child, removed(m).start);
	/* MREMAP_DONTUNMAP leaves the source registered, and no unmapping follows. */
	return was_registered(child, remap_to(m).start) &&
	       (!was_registered(child, remap_from(m).start) || !count_touching(space, at, remap_from(m), UFFD_EVENT_UNMAP));
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
	while (to < at && !(is_late(&space->group[to]) && !child_has(space, to, child)))
		to++;
	for (size_t j = to; j < at; j++) {
		const struct uffd_msg *m = &space->group[j];
		bool has = is_late(m) ? child_has(space, j, child) : m->event == UFFD_EVENT_REMOVE;
		/* A discard of what a change moved there that the child has not is not the child's. */
		for (size_t k = to; k < at && has && !is_late(m); k++)
			has = !is_late(&space->group[k]) || !same_place(m, &space->group[k]) || child_has(space, k, child);
		if (has)
			first[firsts++] = *m;
	}
	for (size_t j = at + 1; j < space->group_count; j++)
		if (is_late(&space->group[j]) && child_has(space, j, child))
			first[firsts++] = space->group[j];
	bool room = group_room(child, firsts);
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
	return !child || !is_changing(child);
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
			fm_space_kill(space, FM_ERR_NOMEM);
	return settled;
}

static void apply(struct fm_space *space, const struct uffd_msg *m)
{
	struct fm_range gone = removed(m);
	switch (m->event) {
	case UFFD_EVENT_FORK:
		on_fork(space, forked(m));
		break;
	case UFFD_EVENT_REMAP:
		on_remap(space, remap_from(m).start, remap_to(m).start, m->arg.remap.len / FM_PAGE_SIZE);
		break;
	case UFFD_EVENT_REMOVE:
	case UFFD_EVENT_UNMAP:
		fm_map_each(&space->map, gone.start, gone.end, forget_entry, space);
		if (m->event == UFFD_EVENT_UNMAP)
			fm_region_remove(space, gone.start, gone.end);
		break;
	}
}

static void apply_group(struct fm_space *space)
{
	if (!place_forks(space))
		return;
	size_t turns = space->group_count * space->group_count; /* enough for any order; ends a circle */
	for (size_t i = 0; i < space->group_count && !space->dead;) {
		const struct uffd_msg *m = &space->group[i];
		if (m->event == UFFD_EVENT_REMAP && is_taken(space, remap_to(m)) && turns && empty_target(space, i))
			turns--; /* look at what came here instead */
		else
			apply(space, &space->group[i++]);
	}
	for (size_t i = 0; i < space->group_count && !space->dead; i++)
		if (space->group[i].event == UFFD_EVENT_REMAP && fm_region_has(space, remap_to(&space->group[i]).end - 1))
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
	if (!group_room(space, MESSAGES))
		return 0;
	struct uffd_msg *message = space->group + space->group_count;
	ssize_t got = read(space->userfault, message, MESSAGES * sizeof(*message));
	size_t count = got > 0 ? (size_t)got / sizeof(*message) : 0, kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (message[i].event == UFFD_EVENT_PAGEFAULT) {
			fm_fault_defer(space, message[i].arg.pagefault.address / FM_PAGE_SIZE);
			continue;
		}
		if (message[i].event == UFFD_EVENT_FORK)
			message[i].arg.reserved.reserved1 = (uintptr_t)child_make(space, (int)message[i].arg.fork.ufd);
		message[kept++] = message[i];
	}
	space->group_count += kept;
	return count;
}

/* Reads everything the kernel has to say. Faults are judged after all known changes were applied. */
void fm_space_read_events(struct fm_space *space)
{
	while (!space->dead && !space->gated && !space->waiting_for) {
		size_t count = collect_events(space);
		if (space->group_count && !is_changing(space))
			apply_group(space);
		if (!space->group_count)
			fm_fault_all(space);
		if (count < MESSAGES)
			return;
	}
}
