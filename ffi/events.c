/* SPDX-License-Identifier: Apache-2.0
 * Events to the caller: records in a pipe. A reader that is slow never stops the pager: what does not fit
 * waits in memory, which is there before the operation begins that an event answers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

_Static_assert(sizeof(struct fm_event) == 64, "the reader counts on 64-byte records");

static bool put(struct fm_engine *engine, const struct fm_event *event)
{
	/* Records are smaller than PIPE_BUF: written whole or not at all (pipe(7)). */
	return write(engine->event_pipe[1], event, sizeof(*event)) == sizeof(*event);
}

static void flush(struct fm_engine *engine)
{
	size_t done = 0;
	while (done < engine->overflow_count && put(engine, &engine->overflow[done]))
		done++;
	if (done) {
		engine->overflow_count -= done;
		memmove(engine->overflow, engine->overflow + done, engine->overflow_count * sizeof(struct fm_event));
	}
}

static bool grow(struct fm_engine *engine, size_t need)
{
	if (need <= engine->overflow_capacity)
		return true;
	size_t capacity = need < 32 ? 64 : need * 2;
	struct fm_event *grown = realloc(engine->overflow, capacity * sizeof(*grown));
	if (!grown)
		return false;
	engine->overflow = grown;
	engine->overflow_capacity = capacity;
	return true;
}

bool fm_emit_promise(struct fm_engine *engine, size_t events)
{
	pthread_mutex_lock(&engine->event_lock);
	bool room = grow(engine, engine->overflow_count + engine->promised + events);
	if (room)
		engine->promised += events;
	pthread_mutex_unlock(&engine->event_lock);
	return room;
}

void fm_emit_release(struct fm_engine *engine, size_t events)
{
	pthread_mutex_lock(&engine->event_lock);
	engine->promised -= events;
	pthread_mutex_unlock(&engine->event_lock);
}

void fm_emit(struct fm_engine *engine, const struct fm_event *event)
{
	pthread_mutex_lock(&engine->event_lock);
	flush(engine);
	if ((engine->overflow_count || !put(engine, event)) && grow(engine, engine->overflow_count + 1))
		engine->overflow[engine->overflow_count++] = *event;
	if (event->op && engine->promised)
		engine->promised--;
	pthread_mutex_unlock(&engine->event_lock);
}

void fm_emit_flush(struct fm_engine *engine)
{
	pthread_mutex_lock(&engine->event_lock);
	flush(engine);
	pthread_mutex_unlock(&engine->event_lock);
}
