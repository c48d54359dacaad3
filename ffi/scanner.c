/* SPDX-License-Identifier: Apache-2.0
 * The scanner thread: reads /proc, which may wait for the target's memory lock, so that the pager need not. */
#include "engine.h"
#include "files.h"
#include "scan.h"

#include <stdlib.h>

struct target {
	pid_t pid;
	uint64_t arena_start, arena_end, discards;
	bool found;
};

static struct target look_up(struct fm_engine *engine, uint32_t id)
{
	struct target target = {0};
	pthread_mutex_lock(&engine->table_lock);
	struct fm_space *space = fm_table_find(engine, id);
	if (space && __atomic_load_n(&space->attached, __ATOMIC_ACQUIRE) && !__atomic_load_n(&space->dead, __ATOMIC_ACQUIRE))
		target = (struct target){space->pid, space->hello.arena_start, space->hello.arena_end,
					 __atomic_load_n(&space->discards, __ATOMIC_ACQUIRE), true};
	pthread_mutex_unlock(&engine->table_lock);
	return target;
}

static void snapshot(struct fm_engine *engine, struct fm_command *command, const struct target *target)
{
	int status = FM_ERR_NO_SPACE;
	struct fm_set *set = target->found ? fm_scan_resident(target->pid, target->arena_start, target->arena_end, &status) : NULL;
	fm_emit(engine, &(struct fm_event){
		.type = FM_EVENT_SNAPSHOT,
		.space = command->space,
		.op = command->op,
		.status = status,
		.set = (uintptr_t)set,
	});
	free(command);
}

static struct fm_set *read_touched(struct fm_tracker *tracker, const struct target *target, int *status)
{
	struct fm_range *mapping;
	size_t count;
	*status = fm_scan_mappings(target->pid, target->arena_start, target->arena_end, &mapping, &count);
	if (*status != FM_OK)
		return NULL;
	struct fm_set *set = tracker->touched(tracker, target->pid, mapping, count, status);
	free(mapping);
	return set;
}

static void touched(struct fm_engine *engine, struct fm_command *command, const struct target *target)
{
	struct fm_set *set = NULL;
	int status = FM_ERR_NO_SPACE;
	pthread_mutex_lock(&engine->tracker_lock);
	if (target->found && !engine->tracker)
		status = FM_ERR_KERNEL;
	else if (target->found) {
		set = command->bytes_per_second & FM_TOUCHED_READ ? read_touched(engine->tracker, target, &status) : fm_set_empty();
		if (set)
			status = engine->swap && command->bytes_per_second & FM_TOUCHED_CLEAR ? fm_swap_cool(target->pid) : FM_OK;
		if (set && status == FM_OK)
			status = command->bytes_per_second & FM_TOUCHED_CLEAR ? engine->tracker->clear(engine->tracker, target->pid) : FM_OK;
	}
	pthread_mutex_unlock(&engine->tracker_lock);
	if (status != FM_OK) {
		fm_set_free(set);
		set = NULL;
	}
	/* The pager has the descriptor that the rest is done with. */
	command->message.kind = FM_MSG_TOUCHED;
	command->set = set;
	command->status = status;
	fm_queue_push(&engine->inbox, &command->message);
}

/* Keeps a barrier with its space. Its number, or a negative status. */
static int64_t keep_barrier(struct fm_engine *engine, uint32_t id, const struct fm_barrier *barrier)
{
	int64_t number = FM_ERR_NO_SPACE;
	pthread_mutex_lock(&engine->table_lock);
	struct fm_space *space = fm_table_find(engine, id);
	struct fm_barrier *grown = space ? realloc(space->barrier, (space->barriers + 1) * sizeof(*grown)) : NULL;
	if (grown) {
		space->barrier = grown;
		grown[space->barriers] = *barrier;
		number = space->barriers++;
	} else if (space) {
		number = FM_ERR_NOMEM;
	}
	pthread_mutex_unlock(&engine->table_lock);
	return number;
}

static bool has_generations(struct fm_engine *engine)
{
	pthread_mutex_lock(&engine->tracker_lock);
	bool has = engine->tracker && engine->tracker->kind == FM_TRACKER_MGLRU;
	pthread_mutex_unlock(&engine->tracker_lock);
	return has;
}

static void age(struct fm_engine *engine, struct fm_command *command, const struct target *target)
{
	struct fm_barrier barrier;
	uint64_t started = fm_now_ns();
	int64_t status = !target->found ? FM_ERR_NO_SPACE : !has_generations(engine) ? FM_ERR_KERNEL : fm_mglru_age(target->pid, &barrier);
	uint64_t took = fm_now_ns() - started;
	if (status == FM_OK)
		status = keep_barrier(engine, command->space, &barrier);
	fm_emit(engine, &(struct fm_event){
		.type = FM_EVENT_AGED,
		.space = command->space,
		.op = command->op,
		.status = status < 0 ? status : FM_OK,
		.a = status < 0 ? 0 : (uint64_t)status,
		.b = took / 1000,
	});
	free(command);
}

static void count(struct fm_engine *engine, struct fm_command *command, const struct target *target)
{
	struct fm_barrier barrier;
	struct fm_event event = {.type = FM_EVENT_COUNTED, .space = command->space, .op = command->op, .status = FM_ERR_NO_SPACE};
	pthread_mutex_lock(&engine->table_lock);
	struct fm_space *space = fm_table_find(engine, command->space);
	bool known = space && command->barrier < space->barriers;
	if (known)
		barrier = space->barrier[command->barrier];
	pthread_mutex_unlock(&engine->table_lock);
	if (target->found)
		event.status = !known ? FM_ERR_ARGUMENT : fm_mglru_count(target->pid, &barrier, &event.a, &event.b);
	fm_emit(engine, &event);
	free(command);
}

static void release_files(struct fm_engine *engine, struct fm_command *command, const struct target *target)
{
	command->status = target->found ? fm_files_release(target->pid, &command->released) : FM_ERR_NO_SPACE;
	/* The next sandbox wants the executable at once: its pages stay in the kernel's cache. */
	int ignored; /* what it has stays then */
	if (!engine->swap && target->found)
		command->set = fm_files_own(target->pid, &ignored);
	if (command->set) {
		/* The pager has the agent that the rest is done by. */
		command->message.kind = FM_MSG_FILES;
		fm_queue_push(&engine->inbox, &command->message);
		return;
	}
	fm_files_answer(engine, command);
}

/* The swap plane wants the resident pages only: what is in swap already would count twice. */
static void keep_resident(struct fm_command *command, const struct target *target)
{
	struct fm_set *resident = fm_scan_ranges(target->pid, command->mapping, command->mappings, FM_PAGES_RESIDENT, &command->status);
	struct fm_set *set = resident ? fm_set_intersect(command->set, resident) : NULL;
	fm_set_free(resident);
	if (!set) {
		if (command->status == FM_OK)
			command->status = FM_ERR_NOMEM;
		return;
	}
	fm_set_free(command->set);
	command->set = set;
}

void *fm_scanner_main(void *argument)
{
	struct fm_engine *engine = argument;
	for (;;) {
		struct fm_message *message = fm_queue_pop(&engine->scan_queue);
		if (!message) {
			fm_queue_wait(&engine->scan_queue, -1, -1);
			continue;
		}
		if (message->kind == FM_MSG_STOP)
			return NULL;
		struct fm_command *command = (struct fm_command *)message;
		struct target target = look_up(engine, command->space);
		if (message->kind == FM_MSG_SCAN_SNAPSHOT) {
			snapshot(engine, command, &target);
			continue;
		}
		if (message->kind == FM_MSG_SCAN_TOUCHED) {
			touched(engine, command, &target);
			continue;
		}
		if (message->kind == FM_MSG_SCAN_AGE || message->kind == FM_MSG_SCAN_COUNT) {
			(message->kind == FM_MSG_SCAN_AGE ? age : count)(engine, command, &target);
			continue;
		}
		if (message->kind == FM_MSG_SCAN_FILES) {
			release_files(engine, command, &target);
			continue;
		}
		command->message.kind = FM_MSG_EVICT;
		command->status = FM_ERR_NO_SPACE;
		if (target.found)
			command->status = fm_scan_mappings(target.pid, target.arena_start, target.arena_end, &command->mapping, &command->mappings);
		if (engine->swap && command->status == FM_OK)
			keep_resident(command, &target);
		command->discards = target.discards;
		command->quiet = target.found && target.discards && fm_scan_is_quiet(target.pid);
		fm_queue_push(&engine->inbox, &command->message);
	}
}
