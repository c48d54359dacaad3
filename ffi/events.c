/* SPDX-License-Identifier: Apache-2.0
 * Events to the caller: records in a pipe. A reader that is slow never stops the pager: what does not fit
 * waits in memory. */
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

void fm_emit(struct fm_engine *engine, const struct fm_event *event)
{
	pthread_mutex_lock(&engine->event_lock);
	flush(engine);
	if (engine->overflow_count || !put(engine, event)) {
		if (engine->overflow_count == engine->overflow_capacity) {
			size_t capacity = engine->overflow_capacity ? engine->overflow_capacity * 2 : 64;
			struct fm_event *grown = realloc(engine->overflow, capacity * sizeof(*grown));
			if (grown) {
				engine->overflow = grown;
				engine->overflow_capacity = capacity;
			}
		}
		if (engine->overflow_count < engine->overflow_capacity)
			engine->overflow[engine->overflow_count++] = *event;
	}
	pthread_mutex_unlock(&engine->event_lock);
}

void fm_emit_flush(struct fm_engine *engine)
{
	pthread_mutex_lock(&engine->event_lock);
	flush(engine);
	pthread_mutex_unlock(&engine->event_lock);
}
