/* SPDX-License-Identifier: Apache-2.0
 * The pager thread: one loop over all spaces. */
#define _GNU_SOURCE
#include "engine.h"
#include "prompt.h"
#include "spin.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUND_EVENTS 64
#define TICK_NS 1000000000ull
/* A preloaded agent says hello within milliseconds; after this, it is injected. */
#define HELLO_NS 1000000000ull
/* How soon to look again for memory that was not there. */
#define RETRY_NS 1000000ull
/* A change that was told happens within microseconds where its thread gets a processor: so long no turn of anybody is given up for it,
 * and when it has to wait for one, it is looked for after pauses from this long on. */
#define PROMPT_NS 5000ull
#define PAUSE_NS 50000ull

/* epoll data: a space with what was watched in its low bits; engine-wide descriptors have no space. */
enum { ENGINE_INBOX = 0, ENGINE_DEMAND = 1 };
_Static_assert(_Alignof(struct fm_space) >= 4, "two low bits of a space's address are free");

int fm_pager_watch(struct fm_engine *engine, int fd, struct fm_space *space, unsigned what)
{
	if (!space && what == 0)
		return epoll_ctl(engine->epoll, EPOLL_CTL_DEL, fd, NULL);
	/* Edge-triggered for faults: a space whose events wait for an answer must not keep the loop awake. */
	struct epoll_event event = {
		.events = EPOLLIN | (what == FM_WATCH_USERFAULT ? EPOLLET : 0u),
		.data.u64 = (uint64_t)(uintptr_t)space | what,
	};
	return epoll_ctl(engine->epoll, EPOLL_CTL_ADD, fd, &event);
}

static struct fm_space *find(struct fm_engine *engine, uint32_t id)
{
	pthread_mutex_lock(&engine->table_lock);
	struct fm_space *space = fm_table_find(engine, id);
	pthread_mutex_unlock(&engine->table_lock);
	return space && !space->closed ? space : NULL;
}

/* ---- orders of the caller ---- */

static void refuse(struct fm_engine *engine, const struct fm_command *command, uint32_t type, int status)
{
	fm_emit(engine, &(struct fm_event){.type = type, .space = command->space, .op = command->op, .status = status});
}

static void on_attach(struct fm_engine *engine, struct fm_command *command)
{
	struct fm_space *space = find(engine, command->space);
	space->next = engine->spaces;
	engine->spaces = space;
	space->agent = command->socket;
	space->pid = command->pid;
	space->patience_ns = fm_now_ns() + HELLO_NS;
	space->pidfd = (int)syscall(SYS_pidfd_open, command->pid, 0);
	if (space->pidfd < 0 || fm_pager_watch(engine, space->pidfd, space, FM_WATCH_PROCESS) < 0 ||
	    (space->agent >= 0 && fm_pager_watch(engine, space->agent, space, FM_WATCH_AGENT) < 0))
		fm_space_end(space);
	else if (space->agent < 0)
		fm_injector_order(space);
}

/* It leaves its process alone: a socket that is closed without a word would end that. */
static void drop_agent(struct fm_space *space)
{
	fm_space_order(space, &(struct fm_agent_order){.op = FM_AGENT_LEAVE});
	fm_pager_watch(space->engine, space->agent, NULL, 0);
	close(space->agent);
	space->agent = -1;
}

static void tell_attached(struct fm_space *space, int status)
{
	space->known |= status == FM_OK;
	fm_emit(space->engine, &(struct fm_event){.type = FM_EVENT_ATTACHED, .space = space->id, .status = status});
}

static void on_injected(struct fm_engine *engine, struct fm_command *command)
{
	struct fm_space *space = find(engine, command->space);
	bool wanted = space && !space->dead && space->injecting;
	if (wanted)
		space->injecting = false;
	if (wanted && command->socket >= 0 && fm_pager_watch(engine, command->socket, space, FM_WATCH_AGENT) == 0)
		space->agent = command->socket;
	else {
		if (command->socket >= 0)
			close(command->socket);
		if (wanted)
			tell_attached(space, command->socket < 0 ? command->socket : FM_ERR_NOMEM);
	}
	free(command);
}

/* The process executed another program: memory, descriptors and agent of the old one are gone. What is still on
 * its way for it ends with the old space; a new one takes its place and number. */
static void on_exec(struct fm_space *old)
{
	struct fm_engine *engine = old->engine;
	struct fm_space *space = fm_space_make(engine);
	if (!space || (space->pidfd = fcntl(old->pidfd, F_DUPFD_CLOEXEC, 3)) < 0 ||
	    fm_pager_watch(engine, space->pidfd, space, FM_WATCH_PROCESS) < 0) {
		if (space && space->pidfd >= 0)
			close(space->pidfd);
		free(space);
		return; /* unmanaged from now on */
	}
	space->id = old->id;
	space->pid = old->pid;
	space->known = old->known;
	space->cancelled_until = old->cancelled_until;
	space->stats = old->stats;
	space->stats.remote_pages = space->stats.copy_bytes = 0;
	pthread_mutex_lock(&engine->table_lock);
	engine->table[space->id & FM_TABLE_MASK] = space;
	pthread_mutex_unlock(&engine->table_lock);
	space->next = engine->spaces;
	engine->spaces = space;
	old->replaced = true;
	fm_space_end(old);
	fm_space_unref(old);
	fm_injector_order(space);
}

static bool is_alive(const struct fm_space *space)
{
	struct pollfd ended = {.fd = space->pidfd, .events = POLLIN};
	return poll(&ended, 1, 0) == 0;
}

/* The agent's socket was closed: by an exec, by the program, or because it is about to end. */
static void on_agent_gone(struct fm_space *space)
{
	fm_space_read_events(space);
	if (space->dead)
		return;
	if (fm_space_is_gone(space) && is_alive(space))
		on_exec(space);
	else
		fm_evict_stop(space);
}

static void on_take(struct fm_engine *engine, struct fm_space *space, const struct fm_command *command)
{
	struct fm_set *set = fm_set_of_pages(space->recalled, space->recalled_count);
	space->recalled_count = 0;
	fm_emit(engine, &(struct fm_event){
		.type = FM_EVENT_RECALLED,
		.space = command->space,
		.op = command->op,
		.status = set ? FM_OK : FM_ERR_NOMEM,
		.set = (uintptr_t)set,
	});
}

static void on_close(struct fm_engine *engine, struct fm_space *space)
{
	space->closed = true;
	if (!space->dead && space->stats.remote_pages)
		syscall(SYS_pidfd_send_signal, space->pidfd, 9, NULL, 0);
	fm_space_end(space);
	pthread_mutex_lock(&engine->table_lock);
	engine->table[space->id & FM_TABLE_MASK] = NULL;
	pthread_mutex_unlock(&engine->table_lock);
	fm_emit_release(engine, FM_SPACE_EVENTS);
	fm_space_unref(space);
}

static void on_command(struct fm_engine *engine, struct fm_command *command)
{
	static const uint32_t answer[] = {
		[FM_MSG_EVICT] = FM_EVENT_EVICTED, [FM_MSG_PREFETCH] = FM_EVENT_PREFETCHED, [FM_MSG_TAKE] = FM_EVENT_RECALLED};
	int kind = command->message.kind;
	struct fm_space *space = find(engine, command->space);
	bool usable = space && !space->dead && space->attached;
	if (kind == FM_MSG_ATTACH)
		on_attach(engine, command);
	else if (kind == FM_MSG_CLOSE && space)
		on_close(engine, space);
	else if (kind == FM_MSG_CANCEL && usable) {
		/* Also for an eviction that is still with the scanner. */
		space->cancelled_until = command->sequence;
		space->evict.cancelled = true;
		fm_evict_pump(space);
	} else if (kind == FM_MSG_WARM) {
		if (usable && !space->agent_gone && space->since < command->sequence)
			fm_space_warm(space, command->set, (uint32_t)command->bytes_per_second);
	} else if (kind == FM_MSG_CANCEL || kind == FM_MSG_CLOSE)
		;
	else if (!usable)
		refuse(engine, command, answer[kind], FM_ERR_NO_SPACE);
	else if (kind == FM_MSG_TAKE)
		on_take(engine, space, command);
	else if ((kind == FM_MSG_EVICT && space->evict.active) || (kind == FM_MSG_PREFETCH && space->prefetch.active))
		refuse(engine, command, answer[kind], FM_ERR_BUSY);
	else if (kind == FM_MSG_EVICT)
		fm_evict_start(space, command);
	else
		fm_prefetch_start(space, command);
	fm_set_free(command->set);
	free(command->mapping);
	free(command);
}

static void on_touched(struct fm_engine *engine, struct fm_command *command)
{
	struct fm_space *space = find(engine, command->space);
	if (space && command->bytes_per_second & FM_TOUCHED_CLEAR)
		fm_space_flush(space);
	fm_emit(engine, &(struct fm_event){
		.type = FM_EVENT_TOUCHED,
		.space = command->space,
		.op = command->op,
		.status = command->status,
		.set = (uintptr_t)command->set,
	});
	free(command);
}

static void on_files(struct fm_engine *engine, struct fm_command *command)
{
	struct fm_space *space = find(engine, command->space);
	if (command->set && space && space->attached && !space->dead && !space->agent_gone && space->since < command->sequence) {
		command->released += fm_space_unmap_files(space, command->set);
		fm_space_keep_files(space, &command->set);
	}
	fm_files_answer(engine, command);
}

static void read_inbox(struct fm_engine *engine)
{
	struct fm_message *message;
	while ((message = fm_queue_pop(&engine->inbox))) {
		switch (message->kind) {
		case FM_MSG_BATCH_READ:
			fm_batch_read((struct fm_batch *)message);
			break;
		case FM_MSG_BATCH_STORED:
			fm_batch_stored((struct fm_batch *)((char *)message - offsetof(struct fm_batch, stored)));
			break;
		case FM_MSG_TOUCHED:
			on_touched(engine, (struct fm_command *)message);
			break;
		case FM_MSG_FILES:
			on_files(engine, (struct fm_command *)message);
			break;
		case FM_MSG_INJECTED:
			on_injected(engine, (struct fm_command *)message);
			break;
		case FM_MSG_FETCHED:
			fm_fetched((struct fm_fetch *)message);
			break;
		case FM_MSG_STOP:
			engine->stopping = true;
			break;
		default:
			on_command(engine, (struct fm_command *)message);
		}
	}
}

/* ---- descriptors ---- */

static void on_agent(struct fm_space *space)
{
	if (space->attached) {
		if (!fm_evict_answer(space))
			on_agent_gone(space);
		return;
	}
	int status = fm_space_handshake(space);
	if (status == FM_ERR_NO_AGENT && space->patience_ns) {
		/* Not preloaded: the socket went with the exec. */
		space->patience_ns = 0;
		drop_agent(space);
		fm_injector_order(space);
		return;
	}
	space->patience_ns = 0;
	if (status != FM_OK)
		drop_agent(space);
	tell_attached(space, status);
}

static void on_ready(struct fm_engine *engine, const struct epoll_event *event)
{
	struct fm_space *space = (struct fm_space *)(uintptr_t)(event->data.u64 & ~3ull);
	unsigned what = event->data.u64 & 3;
	if (!space && what == ENGINE_DEMAND) {
		fm_demand_readable(engine);
		if (engine->pool_lost)
			fm_pager_watch(engine, engine->demand_socket, NULL, 0);
	} else if (!space) {
		read_inbox(engine);
	} else if (space->dead) {
		return;
	} else if (what == FM_WATCH_USERFAULT) {
		fm_space_read_events(space);
	} else if (what == FM_WATCH_AGENT) {
		on_agent(space);
	} else {
		fm_space_end(space);
	}
}

/* ---- the loop ---- */

/* Nobody tells when a change that was told has happened: its thread was woken by the reading and must get a processor. Looks again at once
 * while that may be any moment now and nobody else wants this one, else less and less often: in ns from now. */
static uint64_t settle(struct fm_space *space, uint64_t now)
{
	struct fm_engine *engine = space->engine;
	fm_space_read_events(space);
	if (!space->group_count && !space->deferred_count && !space->starved) {
		space->unsettled_ns = 0;
		return 0; /* what that held up goes on */
	}
	if (!space->unsettled_ns)
		space->unsettled_ns = now;
	uint64_t since = now - space->unsettled_ns;
	if (since < PROMPT_NS || (since < FM_SPIN_NS && now >= engine->crowded_ns))
		return 0;
	return since < 2 * PAUSE_NS ? PAUSE_NS : since / 2 < RETRY_NS ? since / 2 : RETRY_NS;
}

/* What is left to do after the descriptors. Returns when to look again, in ns from now (UINT64_MAX: when
 * something happens). */
static uint64_t tend_spaces(struct fm_engine *engine)
{
	uint64_t now = fm_now_ns(), wait = UINT64_MAX;
	bool tick = now - engine->last_tick_ns >= TICK_NS;
	if (tick) {
		engine->last_tick_ns = now;
		fm_slots_send(engine);
		fm_emit_flush(engine);
		fm_fetch_trim(engine);
		fm_batches_trim(engine);
	}
	for (struct fm_space *space = engine->spaces; space; space = space->next) {
		if ((space->group_count || space->deferred_count || space->starved) && !space->gated && !space->waiting_for && !space->abandoned) {
			uint64_t due = settle(space, now);
			if (due < wait)
				wait = due;
		} else {
			space->unsettled_ns = 0;
		}
		if (fm_fetch_place(space))
			wait = 0;
		/* Whatever held it up (unread changes, a busy buffer, its rate) may be over. */
		fm_evict_pump(space);
		/* No memory for its next batch, and no batch on its way whose end would go on with it. */
		if (space->evict.active && !space->evict.bytes_per_second && !space->evict.in_flight && !space->gated && wait > RETRY_NS)
			wait = RETRY_NS;
		if (space->evict.active && space->evict.bytes_per_second && !space->gated) {
			uint64_t due = space->evict.next_ns > now ? space->evict.next_ns - now : 1000000;
			if (due < wait)
				wait = due;
		}
		if (space->agent >= 0 && !space->attached && !space->dead && space->patience_ns) {
			if (now > space->patience_ns) {
				space->patience_ns = 0;
				drop_agent(space);
				fm_injector_order(space);
			} else if (HELLO_NS / 8 < wait) {
				wait = HELLO_NS / 8;
			}
		}
		if (space->agent_gone && !space->dead) {
			bool lately = now - space->gone_ns < TICK_NS;
			if (fm_space_is_gone(space) && is_alive(space)) {
				on_exec(space);
				return 0;
			}
			if (!lately)
				fm_evict_lost(space);
			if (wait > (lately ? RETRY_NS : TICK_NS))
				wait = lately ? RETRY_NS : TICK_NS;
		}
		if (space->gated && !space->dead) {
			/* An exec that was not told: a child of the program holds the agent's socket open. */
			if (now - space->gated_ns > TICK_NS && fm_space_is_gone(space) && is_alive(space)) {
				on_exec(space);
				return 0;
			}
			if (TICK_NS < wait)
				wait = TICK_NS;
		}
		if (space->root != space && !space->dead) {
			/* The kernel does not tell the end of a forked child: ask. */
			if (tick && fm_space_is_gone(space))
				fm_space_end(space);
			if (TICK_NS < wait)
				wait = TICK_NS;
		}
	}
	if (engine->demand.head) {
		if (now > engine->demand.head->started_ns + FM_DEMAND_TIMEOUT_NS)
			fm_pool_lost(engine);
		if (TICK_NS < wait)
			wait = TICK_NS;
	}
	if ((engine->slots.released_count || engine->overflow_count || engine->spare_bulks || engine->buffer[0]) && TICK_NS < wait)
		wait = TICK_NS;
	return wait;
}

static void bury(struct fm_engine *engine)
{
	while (engine->graveyard) {
		struct fm_space *space = engine->graveyard;
		engine->graveyard = space->grave;
		free(space);
	}
}

static bool is_unsettled(const struct fm_engine *engine, uint64_t now)
{
	for (const struct fm_space *space = engine->spaces; space; space = space->next)
		if (space->unsettled_ns && now - space->unsettled_ns >= PROMPT_NS)
			return true;
	return false;
}

/* @param wait the longest, in ns; UINT64_MAX: however long */
static int await_events(struct fm_engine *engine, struct epoll_event event[ROUND_EVENTS], uint64_t wait)
{
	if (wait >= RETRY_NS)
		return epoll_wait(engine->epoll, event, ROUND_EVENTS, wait == UINT64_MAX ? -1 : (int)((wait + 999999) / 1000000));
	struct timespec most = {.tv_nsec = (long)wait};
	int count = (int)syscall(SYS_epoll_pwait2, engine->epoll, event, ROUND_EVENTS, &most, NULL, 0);
	return count < 0 ? epoll_wait(engine->epoll, event, ROUND_EVENTS, 0) : count; /* a container's filter may not know it */
}

void *fm_pager_main(void *argument)
{
	struct fm_engine *engine = argument;
	struct epoll_event event[ROUND_EVENTS];
	uint64_t wait = UINT64_MAX;
	struct fm_prompt prompt = {0};
	engine->last_tick_ns = fm_now_ns();
	while (!engine->stopping) {
		/* The next fault of a burst comes within microseconds: sleeping and waking would cost more. */
		uint64_t now = fm_now_ns();
		bool soon = engine->last_fault_ns && now - engine->last_fault_ns < FM_SPIN_NS;
		bool polls = now >= engine->crowded_ns && (wait ? soon : is_unsettled(engine, now));
		fm_be_prompt(&prompt, !polls);
		int count = await_events(engine, event, polls ? 0 : wait);
		if (count == 0 && polls)
			engine->crowded_ns = fm_yield(); /* the program may need this processor to get to its next fault, or to a change's end */
		for (int i = 0; i < count; i++)
			on_ready(engine, &event[i]);
		wait = tend_spaces(engine);
		bury(engine);
	}
	for (struct fm_space *space = engine->spaces; space; space = space->next) {
		if (!space->dead && (fm_space_orphans(space) || space->root->stats.remote_pages))
			fm_space_signal(space); /* closed descriptors would let it read zeros */
	}
	return NULL;
}
