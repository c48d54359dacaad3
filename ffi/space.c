/* SPDX-License-Identifier: Apache-2.0
 * One address space: its life, its page entries, and the calls that fill it. */
#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "uapi.h"

#define FM_CALL(n, a, b, c, d, e) syscall((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0l)
#include "kin.h"

/* linux/pidfd.h, Linux 6.9 */
#define FM_PIDFD_SIGNAL_PROCESS_GROUP 4u

#define EVENT_FEATURES                                                                                                 \
	(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP)

/* ---- life ---- */

struct fm_space *fm_space_make(struct fm_engine *engine)
{
	struct fm_space *space = calloc(1, sizeof(*space));
	if (!space)
		return NULL;
	space->engine = engine;
	space->root = space;
	space->since = __atomic_fetch_add(&engine->sequence, 1, __ATOMIC_RELAXED);
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

/* A child that this process is forking right now has a copy of the descriptor, which would keep it in the epoll set
 * after the close, with the address of a space that is gone. */
static void close_fd(struct fm_engine *engine, int *fd)
{
	if (*fd >= 0) {
		fm_pager_watch(engine, *fd, NULL, 0);
		close(*fd);
	}
	*fd = -1;
}

void fm_space_forget(void *context, uint64_t page, uint64_t entry)
{
	struct fm_space *space = context;
	if (fm_entry_state(entry) == FM_STORED || fm_entry_state(entry) == FM_CLEAN)
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

/* The attached process holds the child's descriptor too: if the engine's process died, the child would block
 * instead of reading zeros. */
void fm_space_hold_child(struct fm_space *child)
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

bool fm_space_order(struct fm_space *space, const struct fm_agent_order *order)
{
	size_t length = offsetof(struct fm_agent_order, run) + order->runs * sizeof(struct fm_agent_run);
	return send(space->agent, order, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

uint64_t fm_space_unmap_files(struct fm_space *space, const struct fm_set *set)
{
	struct fm_agent_order order = {.op = FM_AGENT_UNMAP};
	uint64_t unmapped = 0;
	for (size_t at = 0; at < set->count; at += order.runs) {
		order.runs = 0;
		uint64_t pages = 0;
		for (; order.runs < FM_BATCH_PAGES && at + order.runs < set->count; order.runs++) {
			struct fm_range range = set->range[at + order.runs];
			order.run[order.runs] = (struct fm_agent_run){range.start, range.end - range.start};
			pages += range.end - range.start;
		}
		if (!fm_space_order(space, &order))
			break;
		unmapped += pages;
	}
	return unmapped;
}

static bool is_away(struct fm_space *space, uint64_t page)
{
	uint32_t state = fm_entry_state(fm_map_get(&space->map, page));
	return state == FM_STORED || state == FM_TRANSIT;
}

/* What start and init wanted tells nothing of requests, and what only timers wanted, too little. */
void fm_space_keep_files(struct fm_space *space, struct fm_set **set)
{
	bool first = !space->files_released;
	space->files_released = true;
	if (first || (space->files && (*set)->pages < space->files->pages / 2))
		return;
	fm_set_free(space->files);
	space->files = *set;
	*set = NULL;
}

/* Adds a run to an order, which is sent when it is full. */
static bool add_touch(struct fm_space *space, struct fm_agent_order *order, uint64_t page, uint64_t end)
{
	if (order->runs == FM_BATCH_PAGES) {
		if (!fm_space_order(space, order))
			return false;
		order->runs = order->buffer = 0;
	}
	order->run[order->runs++] = (struct fm_agent_run){page, end - page};
	return true;
}

void fm_space_warm(struct fm_space *space, const struct fm_set *set, uint32_t flags)
{
	bool first = flags & FM_WARM_FIRST, last = flags & FM_WARM_LAST;
	struct fm_agent_order order = {.op = FM_AGENT_TOUCH, .buffer = first ? FM_AGENT_FIRST : 0};
	for (size_t i = 0; first && space->files && i < space->files->count; i++)
		if (!add_touch(space, &order, space->files->range[i].start, space->files->range[i].end))
			return;
	for (size_t i = 0; i < set->count; i++) {
		for (uint64_t page = set->range[i].start, end; page < set->range[i].end; page = end) {
			bool away = is_away(space, page);
			for (end = page + 1; end < set->range[i].end && is_away(space, end) == away; end++)
				;
			if (!away && !add_touch(space, &order, page, end))
				return;
		}
	}
	order.buffer |= last ? FM_AGENT_LAST : 0;
	fm_space_order(space, &order);
}

/* Forked children that are alive: any, or any with pages far away? */
static bool has_children(const struct fm_space *root, bool away)
{
	for (const struct fm_space *space = root->engine->spaces; space; space = space->next)
		if (space != root && space->root == root && !space->dead && (space->away || !away))
			return true;
	return false;
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
	bool orphans = fm_space_orphans(space);
	fm_map_each(&space->map, 0, UINT64_MAX, fm_space_forget, space);
	fm_map_clear(&space->map);
	close_fd(space->engine, &space->userfault);
	close_fd(space->engine, &space->agent);
	close_fd(space->engine, &space->pidfd);
	fm_ranges_free(&space->regions);
	fm_ranges_free(&space->discarded);
	fm_ranges_free(&space->looked_at);
	fm_ranges_free(&space->birth);
	fm_ranges_free(&space->doubtful);
	fm_set_free(space->files);
	space->files = NULL;
	free(space->deferred);
	free(space->recalled);
	free(space->group);
	space->group = NULL;
	space->group_count = space->group_capacity = 0;
	space->deferred = space->recalled = NULL;
	space->deferred_count = space->recalled_count = 0;
	space->deferred_capacity = space->recalled_capacity = 0;
	space->gated = space->starved = false;
	if (space->ordered) {
		struct fm_batch *batch = space->ordered;
		space->ordered = NULL;
		batch->pages = 0;
		fm_batch_stored(batch);
	}
	fm_evict_pump(space);
	fm_prefetch_pump(space);
	/* What a sandbox forked ends with it. Should it go on as another program: those that only its agent kept from reading zeros. */
	if (space->root == space && (orphans || has_children(space, space->replaced)))
		fm_kin_kill(&space->hello, 0);
	else if (orphans)
		fm_space_kill(space, FM_ERR_NOMEM);
	if (space->root == space && !space->replaced) {
		if (space->known)
			fm_emit(space->engine, &(struct fm_event){.type = FM_EVENT_ENDED, .space = space->id});
		else
			fm_emit(space->engine, &(struct fm_event){.type = FM_EVENT_ATTACHED, .space = space->id, .status = FM_ERR_NO_SPACE});
	}
	fm_slots_send(space->engine);
	if (space->root != space)
		fm_space_unref(space); /* nobody else closes a forked child */
}

void fm_space_end_process(struct fm_space *space)
{
	syscall(SYS_pidfd_send_signal, space->pidfd, SIGKILL, NULL, 0);
}

static void kill_group(const struct fm_space *root)
{
	/* With its forked children, where it leads a group, as sandboxes do. Before Linux 6.9 by its number, which is its own while
	 * it lives. */
	if (syscall(SYS_pidfd_send_signal, root->pidfd, SIGKILL, NULL, FM_PIDFD_SIGNAL_PROCESS_GROUP) < 0 && errno == EINVAL &&
	    syscall(SYS_pidfd_send_signal, root->pidfd, 0, NULL, 0) == 0 && getpgid(root->pid) == root->pid)
		kill(-root->pid, SIGKILL);
	syscall(SYS_pidfd_send_signal, root->pidfd, SIGKILL, NULL, 0);
}

void fm_space_signal(struct fm_space *space)
{
	const struct fm_space *root = space->root;
	if (root->pidfd >= 0)
		kill_group(root);
	if (has_children(root, false))
		fm_kin_kill(&root->hello, 0);
}

void fm_space_kill(struct fm_space *space, int status)
{
	struct fm_space *root = space->root;
	if (!root->dead)
		fm_emit(root->engine, &(struct fm_event){.type = FM_EVENT_LOST, .space = root->id, .status = status});
	fm_space_signal(space);
}

void fm_space_abandon(struct fm_space *space, int status)
{
	space->abandoned = true;
	fm_space_kill(space, status);
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

/* Whether pages that left can be read is found out before any does: Yama's ptrace_scope, another security module, a user
 * namespace may forbid it. */
static int try_reading(pid_t pid, const struct fm_agent_hello *hello)
{
	struct fm_agent_hello seen = {0};
	struct iovec local = {&seen, sizeof(seen)}, remote = {(void *)(uintptr_t)hello->arena_start, sizeof(seen)};
	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != sizeof(seen)) {
		if (errno == EFAULT) /* it executes another program by now (env does at once): the agent went with the old one */
			return FM_ERR_NO_AGENT;
		return errno == EPERM ? FM_ERR_PERMISSION : errno == ESRCH ? FM_ERR_NO_SPACE : FM_ERR_SYSTEM;
	}
	return memcmp(&seen, hello, sizeof(seen)) == 0 ? FM_OK : FM_ERR_PROTOCOL; /* another process has this number here */
}

static int handshake(struct fm_space *space)
{
	struct fm_agent_hello hello;
	int status = receive_hello(space, &hello);
	if (status == FM_OK)
		status = try_reading(space->pid, &hello);
	if (status != FM_OK)
		return status;
	struct uffdio_api api = {.api = UFFD_API, .features = EVENT_FEATURES | FM_UFFD_FEATURE_MOVE};
	if (ioctl(space->userfault, UFFDIO_API, &api) < 0)
		return errno == EPERM ? FM_ERR_USERFAULTFD : FM_ERR_KERNEL;
	space->hello = hello;
	for (uint32_t i = 0; i < FM_STAGING_BUFFERS; i++) {
		struct uffdio_register range = {
			.range = {space->hello.staging + i * FM_BATCH_PAGES * FM_PAGE_SIZE, FM_BATCH_PAGES * FM_PAGE_SIZE},
			.mode = UFFDIO_REGISTER_MODE_MISSING,
		};
		if (ioctl(space->userfault, UFFDIO_REGISTER, &range) < 0)
			return errno == ESRCH || errno == ENOMEM ? FM_ERR_NO_AGENT : FM_ERR_SYSTEM; /* its memory went just now */
	}
	struct uffdio_register flush = {
		.range = {space->hello.flush, FM_FLUSH_PAGES * FM_PAGE_SIZE},
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	if (ioctl(space->userfault, UFFDIO_REGISTER, &flush) < 0)
		space->hello.flush = 0; /* no write protection on this kernel: touched pages will be a little too few */
	if (fm_pager_watch(space->engine, space->userfault, space, FM_WATCH_USERFAULT) < 0)
		return FM_ERR_NOMEM;
	fm_flag(space->attached);
	return FM_OK;
}

int fm_space_handshake(struct fm_space *space)
{
	int status = handshake(space);
	if (status != FM_OK)
		close_fd(space->engine, &space->userfault); /* the next agent brings its own */
	return status;
}

/* ---- entries ---- */

bool fm_space_set(struct fm_space *space, uint64_t page, uint64_t entry)
{
	uint64_t before = fm_map_get(&space->map, page);
	if (fm_map_set(&space->map, page, entry) < 0)
		return false;
	uint32_t from = fm_entry_state(before), to = fm_entry_state(entry);
	bool was = from == FM_STORED, is = to == FM_STORED;
	space->away += (to == FM_STORED || to == FM_TRANSIT) - (uint64_t)(from == FM_STORED || from == FM_TRANSIT);
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

uint32_t fm_space_fill(struct fm_space *space, uint64_t page, const uint8_t *data, uint32_t pages, bool keep)
{
	uint32_t done = 0, step = pages;
	while (done < pages && !space->dead && !space->abandoned && !space->group_count) {
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
			bool stored = fm_entry_state(entry) == FM_STORED;
			if (stored && !keep)
				fm_slots_unref(&space->engine->slots, fm_entry_value(entry));
			fm_space_set(space, at, stored && keep ? fm_entry_make(FM_CLEAN, fm_entry_value(entry)) : 0);
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
	return space->dead || space->abandoned ? pages : done;
}

bool fm_space_zero(struct fm_space *space, uint64_t page)
{
	if (space->abandoned)
		return true;
	if (space->group_count)
		return false;
	uint64_t first = page & ~(uint64_t)(FM_ZERO_AROUND - 1), end = first + FM_ZERO_AROUND;
	/* Neighbours that are away or in transit are not zero; neither is anything outside of the region. */
	uint64_t low = page, high = page + 1;
	while (low > first && fm_ranges_has(&space->regions, low - 1) && !fm_map_get(&space->map, low - 1))
		low--;
	while (high < end && fm_ranges_has(&space->regions, high) && !fm_map_get(&space->map, high))
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
		if (space->discarded.count && !fm_ranges_remove(&space->discarded, (struct fm_range){at, at + filled}))
			fm_space_abandon(space, FM_ERR_NOMEM);
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

bool fm_space_poison(struct fm_space *space, uint64_t page)
{
	struct fm_uffdio_range_op poison = {.range = {page * FM_PAGE_SIZE, FM_PAGE_SIZE}};
	/* A page that is there needs none; and without a mapping there is nothing to access. */
	if (space->dead || ioctl(space->userfault, FM_UFFDIO_POISON, &poison) == 0 || errno == EEXIST || errno == ENOENT)
		return true;
	if (errno == ESRCH)
		fm_space_end(space);
	return errno == ESRCH;
}

void fm_space_flush(struct fm_space *space)
{
	struct uffdio_writeprotect protect = {
		.range = {space->hello.flush, FM_FLUSH_PAGES * FM_PAGE_SIZE},
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	if (!space->hello.flush || space->dead)
		return;
	/* EAGAIN: the memory is changing, and changes flush too. */
	ioctl(space->userfault, UFFDIO_WRITEPROTECT, &protect);
	protect.mode = 0;
	ioctl(space->userfault, UFFDIO_WRITEPROTECT, &protect);
}

bool fm_space_is_gone(struct fm_space *space)
{
	struct fm_uffdio_range_op probe = {.range = {FM_PAGE_SIZE * 16, FM_PAGE_SIZE}};
	if (space->regions.count)
		probe.range.start = space->regions.range[0].start * FM_PAGE_SIZE;
	return ioctl(space->userfault, FM_UFFDIO_CONTINUE, &probe) < 0 && errno == ESRCH;
}
